//! The floor under a cache's figures: commands of the Redis protocol, found by their lengths alone.

/// The length of a value, and what it ends with behind its key: as `benches/scenarios/cache-*` ask.
const VALUE_BYTES: usize = 64;
const FILL: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

/// Answers the commands that are whole, and says how many bytes they took. A read brings its key
/// and bytes that are always the same, PING and everything else a word.
pub(crate) fn answer(pending: &[u8], out: &mut Vec<u8>) -> usize {
    let mut rest = pending;
    while let Some((name, key, after)) = command(rest) {
        match name {
            b"GET" => {
                let fill = FILL.iter().cycle().take(VALUE_BYTES.saturating_sub(key.len()));
                out.extend_from_slice(format!("${VALUE_BYTES}\r\n").as_bytes());
                out.extend_from_slice(key);
                out.extend(fill);
                out.extend_from_slice(b"\r\n");
            }
            b"PING" => out.extend_from_slice(b"+PONG\r\n"),
            _ => out.extend_from_slice(b"+OK\r\n"),
        }
        rest = after;
    }
    pending.len() - rest.len()
}

/// The first two words of the command that begins here, and what follows it; none until it is whole.
fn command(pending: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (words, mut rest) = number(pending, b'*')?;
    let (mut name, mut key): (&[u8], &[u8]) = (&[], &[]);
    for at in 0..words {
        let (length, after) = number(rest, b'$')?;
        let (word, after) = after.split_at_checked(length)?;
        rest = after.get(2..)?;
        match at {
            0 => name = word,
            1 => key = word,
            _ => {}
        }
    }
    Some((name, key, rest))
}

/// The number of a line that begins so, and what follows the line.
fn number(pending: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let (first, rest) = pending.split_first()?;
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (*first == kind).then_some((number, rest.get(2..)?))
}
