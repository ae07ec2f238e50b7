//! LCS: the longest common subsequence of two strings.

use super::{Call, Fault, Outcome, SYNTAX, integer, string};

/// Cells of the table at four bytes each: 16 MiB.
const CELLS_MAX: usize = (16 << 20) / 4;
const TOO_LARGE: &str =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";

#[derive(Debug, Default)]
struct Options {
    length: bool,
    matches: bool,
    match_length_min: i64,
    with_length: bool,
}

/// A run of equal bytes in both strings: where it starts and ends in the first, in the second.
type Match = ((usize, usize), (usize, usize));

fn options(call: &Call<'_, '_>) -> Result<Options, Fault> {
    let mut options = Options::default();
    let mut at = 3;
    while at < call.args.len() {
        if call.is(at, "IDX") {
            options.matches = true;
        } else if call.is(at, "LEN") {
            options.length = true;
        } else if call.is(at, "WITHMATCHLEN") {
            options.with_length = true;
        } else if call.is(at, "MINMATCHLEN") && at + 1 < call.args.len() {
            at += 1;
            options.match_length_min = integer(call.args.get(at))?.max(0);
        } else {
            return Err(SYNTAX.into());
        }
        at += 1;
    }
    if options.matches && options.length {
        return Err("ERR If you want both the length and indexes, please just use IDX.".into());
    }
    Ok(options)
}

pub(super) fn lcs(call: &mut Call<'_, '_>) -> Outcome {
    let read = |call: &mut Call<'_, '_>, argument| {
        let key = call.key(argument);
        let value = string(call.locks.of(key).read(call.env, key));
        let value = value.map_err(|_| "ERR The specified keys must contain string values")?;
        Ok::<_, Fault>(value.unwrap_or_default().to_vec())
    };
    let (first, second) = (read(call, 1)?, read(call, 2)?);
    let options = options(call)?;
    let cells = (first.len() + 1).checked_mul(second.len() + 1);
    if cells.is_none_or(|cells| cells > CELLS_MAX) {
        return Err(TOO_LARGE.into());
    }
    let table = Table::new(&first, &second);
    if options.length {
        call.reply.count(table.at(first.len(), second.len()) as usize);
        return Ok(());
    }
    let (common, matches) = table.walk(&first, &second);
    if !options.matches {
        call.reply.bulk(&common);
        return Ok(());
    }
    let length = |found: &Match| (found.0.1 - found.0.0 + 1) as i64;
    let matches: Vec<_> =
        matches.iter().filter(|it| length(it) >= options.match_length_min).collect();
    let reply = &mut call.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        reply.array(if options.with_length { 3 } else { 2 });
        for (start, end) in [found.0, found.1] {
            reply.array(2);
            reply.count(start);
            reply.count(end);
        }
        if options.with_length {
            reply.integer(length(found));
        }
    }
    reply.bulk(b"len");
    reply.count(common.len());
    Ok(())
}

/// The length of the longest common subsequence of every two beginnings.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(first: &[u8], second: &[u8]) -> Self {
        let width = second.len() + 1;
        let mut cells = vec![0; width];
        cells.reserve_exact(width * first.len());
        for &byte in first {
            let above = cells.len() - width;
            let mut left = 0;
            cells.push(0);
            for (column, &other) in second.iter().enumerate() {
                let cell = |at: usize| cells.get(above + at).copied().unwrap_or_default();
                left = if byte == other { cell(column) + 1 } else { cell(column + 1).max(left) };
                cells.push(left);
            }
        }
        Self { cells, width }
    }

    fn at(&self, row: usize, column: usize) -> u32 {
        self.cells.get(row * self.width + column).copied().unwrap_or_default()
    }

    /// The subsequence, and the runs it consists of, last first.
    fn walk(&self, first: &[u8], second: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut row, mut column) = (first.len(), second.len());
        let mut common = Vec::new();
        let mut matches: Vec<Match> = Vec::new();
        while let (Some(up), Some(left)) = (row.checked_sub(1), column.checked_sub(1)) {
            let byte = first.get(up);
            if byte == second.get(left) {
                common.extend(byte);
                match matches.last_mut() {
                    Some((one, other)) if one.0 == row && other.0 == column => {
                        (one.0, other.0) = (up, left);
                    }
                    _ => matches.push(((up, up), (left, left))),
                }
                (row, column) = (up, left);
            } else if self.at(up, column) > self.at(row, left) {
                row = up;
            } else {
                column = left;
            }
        }
        common.reverse();
        (common, matches)
    }
}
