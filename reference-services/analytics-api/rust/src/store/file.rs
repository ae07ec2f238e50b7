//! Files of the data folder: names, headers and frames. See "The data folder" in the contract.

use crate::ingest::Batch;
use crate::store::block::{self, BatchId, Fault};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a header.
pub const HEADER_BYTES: u64 = 24;
const FRAME_HEAD_BYTES: usize = 8;
const VERSION: u32 = 1;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Batches as they came.
    Log,
    /// One block of sorted rows.
    Segment,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        match self {
            Self::Log => *b"EVENTLOG",
            Self::Segment => *b"EVENTSEG",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Segment => "seg",
        }
    }
}

/// The path of a file.
pub fn path(folder: &Path, kind: Kind, number: u64) -> PathBuf {
    folder.join(format!("{number:016x}.{}", kind.extension()))
}

/// The kind and number of a file of this name, if it is one of ours.
pub fn parse_name(name: &str) -> Option<(Kind, u64)> {
    let (digits, extension) = name.split_once('.')?;
    let kind = [Kind::Log, Kind::Segment].into_iter().find(|kind| kind.extension() == extension)?;
    let small = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if digits.len() != 16 || !digits.bytes().all(small) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok().filter(|number| *number > 0).map(|number| (kind, number))
}

/// A file's first bytes.
pub fn header(kind: Kind, number: u64) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let fields = kind.magic().into_iter().chain(VERSION.to_le_bytes()).chain(number.to_le_bytes());
    header.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
    let crc = header.get(..20).map_or(0, crc32c::crc32c);
    header.iter_mut().skip(20).zip(crc.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
    header
}

/// A frame around blocks.
pub fn frame(blocks: &[&[u8]]) -> Vec<u8> {
    let bytes: usize = blocks.iter().map(|block| block.len() + 4).sum();
    let mut frame = Vec::with_capacity(FRAME_HEAD_BYTES + bytes);
    frame.extend_from_slice(&(bytes as u32).to_le_bytes());
    frame.extend_from_slice(&[0; 4]);
    for block in blocks {
        frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
        frame.extend_from_slice(block);
    }
    let crc = frame_crc(&frame).to_le_bytes();
    frame.iter_mut().skip(4).zip(crc).for_each(|(slot, byte)| *slot = byte);
    frame
}

/// What stands before the one block of a segment's frame. The block is as large as the rows themselves:
/// a frame around it would be one copy more in memory.
pub fn before_block(block: &[u8]) -> [u8; FRAME_HEAD_BYTES + 4] {
    let bytes = (block.len() as u32 + 4).to_le_bytes();
    let block_bytes = (block.len() as u32).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &block_bytes);
    let crc = crc32c::crc32c_append(crc, block).to_le_bytes();
    let mut before = [0; FRAME_HEAD_BYTES + 4];
    let fields = bytes.into_iter().chain(crc).chain(block_bytes);
    before.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
    before
}

/// The checksum of a whole frame: of its length and its blocks.
fn frame_crc(frame: &[u8]) -> u32 {
    let length = frame.get(..4).unwrap_or_default();
    let blocks = frame.get(FRAME_HEAD_BYTES..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c(length), blocks)
}

/// A batch as a file has it.
pub type Stored = (Batch, Vec<BatchId>);

/// What a file says.
#[derive(Debug, Default)]
pub struct Contents {
    /// Its blocks, in their order.
    pub blocks: Vec<Stored>,
    /// Its bytes without a torn tail; 0 if even the header was torn.
    pub good_bytes: u64,
    /// Bytes after that.
    pub torn_bytes: u64,
}

/// Reads a file. Only the newest log, `may_be_torn`, may have a tail that a crash has left.
///
/// # Errors
/// What is wrong and where, when the file cannot be used.
pub fn read(bytes: &[u8], kind: Kind, number: u64, may_be_torn: bool) -> Result<Contents, Fault> {
    if let Err(fault) = check_header(bytes, kind, number) {
        let crc_is_right = header_crc_is_right(bytes);
        if may_be_torn && bytes.len() as u64 <= HEADER_BYTES && !crc_is_right {
            return Ok(Contents { torn_bytes: bytes.len() as u64, ..Contents::default() });
        }
        return Err(fault);
    }
    let mut contents = Contents { good_bytes: HEADER_BYTES, ..Contents::default() };
    while contents.good_bytes < bytes.len() as u64 {
        let at = contents.good_bytes;
        let rest = bytes.get(at as usize..).unwrap_or_default();
        match whole_frame(rest) {
            Some(frame) => {
                let blocks = frame.get(FRAME_HEAD_BYTES..).unwrap_or_default();
                read_blocks(blocks, at + FRAME_HEAD_BYTES as u64, &mut contents.blocks)?;
                contents.good_bytes += frame.len() as u64;
            }
            None if may_be_torn && !frame_follows(rest) => {
                contents.torn_bytes = rest.len() as u64;
                break;
            }
            None => {
                let what = "a frame whose length or checksum is wrong".to_owned();
                return Err(Fault::At { at, what });
            }
        }
    }
    if kind == Kind::Segment && contents.blocks.len() != 1 {
        let what = "a segment has one frame with one block".to_owned();
        return Err(Fault::At { at: HEADER_BYTES, what });
    }
    Ok(contents)
}

fn header_crc_is_right(bytes: &[u8]) -> bool {
    match bytes.get(..HEADER_BYTES as usize).and_then(|it| it.split_at_checked(20)) {
        Some((fields, crc)) => crc == crc32c::crc32c(fields).to_le_bytes(),
        None => false,
    }
}

fn check_header(bytes: &[u8], kind: Kind, number: u64) -> Result<(), Fault> {
    let fault = |at, what: String| Err(Fault::At { at, what });
    if !header_crc_is_right(bytes) {
        return fault(0, "a header that is cut short or whose checksum is wrong".to_owned());
    }
    let expected = header(kind, number);
    if bytes.get(..8) != expected.get(..8) {
        return fault(0, format!("not a {} file", kind.extension()));
    }
    let version = bytes.get(8..12).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes);
    if version != VERSION {
        return Err(Fault::Version { found: version, known: VERSION });
    }
    if bytes.get(..HEADER_BYTES as usize) != Some(expected.as_slice()) {
        return fault(12, "another number than the file's name".to_owned());
    }
    Ok(())
}

/// The bytes of the frame's blocks, as its head says.
fn blocks_bytes(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(..4).and_then(|it| it.try_into().ok()).map(u32::from_le_bytes)?;
    (length > 0).then_some(length as usize)
}

/// The frame that the bytes begin with, if all of it is there and its checksum is right.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let frame = bytes.get(..blocks_bytes(bytes)?.checked_add(FRAME_HEAD_BYTES)?)?;
    (frame.get(4..8)? == frame_crc(frame).to_le_bytes()).then_some(frame)
}

/// Whether a whole frame stands behind the end of the wrong one that the bytes begin with.
fn frame_follows(bytes: &[u8]) -> bool {
    blocks_bytes(bytes)
        .and_then(|length| bytes.get(length.checked_add(FRAME_HEAD_BYTES)?..))
        .is_some_and(|rest| whole_frame(rest).is_some())
}

fn read_blocks(mut bytes: &[u8], mut at: u64, blocks: &mut Vec<Stored>) -> Result<(), Fault> {
    while !bytes.is_empty() {
        let wrong = || Fault::At { at, what: "a block longer than its frame".to_owned() };
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (block, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        blocks.push(block::decode(block, at + 4)?);
        at += 4 + length as u64;
        bytes = rest;
    }
    Ok(())
}

/// Reads all bytes of a file.
///
/// # Errors
/// When the disk says so.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize + 1);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes what was done to the names of a folder durable.
///
/// # Errors
/// When the disk says so.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
