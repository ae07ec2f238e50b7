//! A whole body: its lines, on several cores, as one batch and a report.

use crate::ingest::batch::{Batch, Builder};
use crate::ingest::line::{self, Code, Event};
use crate::limits::{LINE_BYTES_MAX, REPORTED_LINES_MAX};
use rayon::prelude::*;
use std::ops::RangeInclusive;

/// Bodies are read in pieces of this size, each on one core.
const PIECE_BYTES: usize = 1 << 20;

/// A line that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub code: Code,
}

/// A body that has been read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The events.
    pub batch: Batch,
    /// The first rejected lines.
    pub rejections: Vec<Rejection>,
    /// Rejected lines, by the place of their code in [`Code::ALL`].
    pub rejected: [u64; Code::ALL.len()],
}

impl Parsed {
    /// How many lines were rejected.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }
}

#[derive(Default)]
struct Piece {
    parsed: Parsed,
    lines: u64,
}

/// Reads a body's lines. Times outside `times_ms` are out of retention.
pub fn read(body: &[u8], times_ms: &RangeInclusive<i64>) -> Parsed {
    if body.len() <= PIECE_BYTES {
        return read_piece(body, times_ms).parsed;
    }
    let pieces: Vec<Piece> =
        pieces(body).into_par_iter().map(|piece| read_piece(piece, times_ms)).collect();
    let mut builder = Builder::default();
    let mut whole = Parsed::default();
    let mut lines = 0;
    for piece in pieces {
        builder.append(&piece.parsed.batch);
        let room = REPORTED_LINES_MAX - whole.rejections.len();
        let rejections = piece.parsed.rejections.into_iter().take(room);
        whole.rejections.extend(rejections.map(|it| Rejection { line: it.line + lines, ..it }));
        whole.rejected.iter_mut().zip(piece.parsed.rejected).for_each(|(sum, it)| *sum += it);
        lines += piece.lines;
    }
    Parsed { batch: builder.finish(), ..whole }
}

/// Pieces that end where a line does.
fn pieces(mut body: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while !body.is_empty() {
        let end = body
            .get(PIECE_BYTES..)
            .and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
            .map_or(body.len(), |end| PIECE_BYTES + end + 1);
        let (piece, rest) = body.split_at(end);
        pieces.push(piece);
        body = rest;
    }
    pieces
}

fn read_piece(bytes: &[u8], times_ms: &RangeInclusive<i64>) -> Piece {
    let mut piece = Piece::default();
    let mut builder = Builder::default();
    let mut event = Event::default();
    // Looking at all bytes at once is much faster than line by line, and hardly ever fails.
    let text = std::str::from_utf8(bytes).ok();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut start = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let range = start..start + line.len();
        start = range.end + 1;
        piece.lines += 1;
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            continue;
        }
        let checked = match text {
            Some(text) => text.get(range),
            None => std::str::from_utf8(line).ok(),
        };
        match read_line(line, checked, &mut event, times_ms) {
            Ok(()) => builder.push(&event),
            Err(code) => {
                if let Some(count) = piece.parsed.rejected.get_mut(code as usize) {
                    *count += 1;
                }
                if piece.parsed.rejections.len() < REPORTED_LINES_MAX {
                    piece.parsed.rejections.push(Rejection { line: piece.lines, code });
                }
            }
        }
    }
    piece.parsed.batch = builder.finish();
    piece
}

fn read_line<'a>(
    line: &[u8],
    text: Option<&'a str>,
    event: &mut Event<'a>,
    times_ms: &RangeInclusive<i64>,
) -> Result<(), Code> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Code::LineTooLong);
    }
    line::read(text.ok_or(Code::BadJson)?, event)?;
    if times_ms.contains(&event.ts_ms) { Ok(()) } else { Err(Code::OutOfRetention) }
}
