//! Where a body ends.

use super::{Malformed, is_text, split_field};
use std::io::Write as _;

const LINE_BYTES_MAX: usize = 16 * 1024;
const CHUNK_DIGITS_MAX: usize = 15;
const EXTENSION_BYTES_MAX: usize = 256;
const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// The framing of a body, and how much of it is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes more; 0 at the end.
    Length(u64),
    /// In chunks.
    Chunked(Chunks),
    /// As long as the connection.
    UntilClose,
}

/// What comes next of a body in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// The line with a chunk's size.
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The end of its line.
    DataEnd,
    /// Trailers; so many bytes of them have come.
    Trailers(usize),
    End,
}

impl Framing {
    /// A body in chunks, from its start.
    pub(crate) const CHUNKED: Self = Self::Chunked(Chunks::Size);

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::End))
    }

    /// Moves what a buffer holds of the body to the end of another; the rest stays.
    pub(crate) fn take(&mut self, from: &mut Vec<u8>, to: &mut Vec<u8>) -> Result<(), Malformed> {
        let used = match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(from.len());
                *left -= count as u64;
                to.extend_from_slice(from.get(..count).unwrap_or_default());
                count
            }
            Self::UntilClose => {
                to.extend_from_slice(from);
                from.len()
            }
            Self::Chunked(chunks) => {
                let mut used = 0;
                while let Some(count) = chunks.step(from.get(used..).unwrap_or_default(), to)? {
                    used += count;
                }
                used
            }
        };
        if used == from.len() {
            from.clear();
        } else {
            from.drain(..used);
        }
        Ok(())
    }
}

impl Chunks {
    /// Takes one thing from the front of a buffer and returns its length; none when more must come,
    /// or nothing more will.
    fn step(&mut self, from: &[u8], to: &mut Vec<u8>) -> Result<Option<usize>, Malformed> {
        if let Self::Data(left) = self {
            let count = usize::try_from(*left).unwrap_or(usize::MAX).min(from.len());
            *left -= count as u64;
            to.extend_from_slice(from.get(..count).unwrap_or_default());
            if *left == 0 {
                *self = Self::DataEnd;
            }
            return Ok((count > 0).then_some(count));
        }
        if *self == Self::End {
            return Ok(None);
        }
        let Some(end) = memchr::memchr(b'\n', from) else {
            return if from.len() > LINE_BYTES_MAX { Err(Malformed) } else { Ok(None) };
        };
        let line = from.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
        if !is_text(line) {
            return Err(Malformed);
        }
        *self = match *self {
            Self::Size => match size(line)? {
                0 => Self::Trailers(0),
                size => Self::Data(size),
            },
            Self::DataEnd if line.is_empty() => Self::Size,
            Self::Trailers(_) if line.is_empty() => Self::End,
            Self::Trailers(before) if before + end < TRAILER_BYTES_MAX => {
                split_field(line)?;
                Self::Trailers(before + end + 1)
            }
            _ => return Err(Malformed),
        };
        Ok(Some(end + 1))
    }
}

fn size(line: &[u8]) -> Result<u64, Malformed> {
    let mut parts = line.splitn(2, |byte| *byte == b';');
    let mut digits = parts.next().unwrap_or_default();
    while let [rest @ .., b' ' | b'\t'] = digits {
        digits = rest;
    }
    let extensions = parts.next().unwrap_or_default();
    let good = (1..=CHUNK_DIGITS_MAX).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_hexdigit)
        && extensions.len() <= EXTENSION_BYTES_MAX;
    let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    if !good {
        return Err(Malformed);
    }
    u64::from_str_radix(digits, 16).map_err(|_| Malformed)
}

/// Writes data as one chunk; nothing for no data, since that would be the end.
pub(crate) fn write_chunk(data: &[u8], to: &mut Vec<u8>) {
    if !data.is_empty() {
        // Writing to memory cannot fail.
        let _ = write!(to, "{:x}\r\n", data.len());
        to.extend_from_slice(data);
        to.extend_from_slice(b"\r\n");
    }
}

/// Writes the end of a body in chunks.
pub(crate) fn write_last_chunk(to: &mut Vec<u8>) {
    to.extend_from_slice(b"0\r\n\r\n");
}
