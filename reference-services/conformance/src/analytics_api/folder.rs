//! The data folder, byte by byte, as the contract has it: written by hand for a twin to read, and
//! read strictly when a twin has written it.

use super::event::Event;
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 24;
const FRAME_HEAD_BYTES: usize = 8;
const LOG: &[u8; 8] = b"EVENTLOG";
const SEGMENT: &[u8; 8] = b"EVENTSEG";

/// A remembered batch: its id, and the length and checksum of its body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BatchId {
    pub(super) id: String,
    pub(super) bytes: u32,
    pub(super) checksum: u32,
}

impl BatchId {
    pub(super) fn new(id: &str, body: &[u8]) -> Self {
        Self { id: id.to_owned(), bytes: body.len() as u32, checksum: crc32c(body) }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) ids: Vec<BatchId>,
    pub(super) events: Vec<Event>,
}

/// A frame, where it begins in its file, and its length with its head.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) at: usize,
    pub(super) bytes: usize,
    pub(super) blocks: Vec<Block>,
}

/// One file of a folder.
#[derive(Debug)]
pub(super) struct File {
    pub(super) is_segment: bool,
    pub(super) frames: Vec<Frame>,
}

/// CRC-32C (Castagnoli), bit by bit over a table of 256 entries.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0_u32; 256];
        let mut n = 0;
        while n < 256 {
            let mut value = n as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0x82F6_3B78 } else { value >> 1 };
                bit += 1;
            }
            #[expect(clippy::indexing_slicing, reason = "n is below 256")]
            {
                table[n] = value;
            }
            n += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| {
        let entry = TABLE.get((crc as u8 ^ byte) as usize).copied().unwrap_or(0);
        crc >> 8 ^ entry
    };
    !bytes.iter().fold(!0, step)
}

/// Writes a file whose every frame holds some blocks.
pub(super) fn write_file(
    folder: &Path,
    number: u64,
    is_segment: bool,
    frames: &[Vec<Block>],
) -> Result<PathBuf> {
    let mut bytes = header(if is_segment { SEGMENT } else { LOG }, VERSION, number);
    for blocks in frames {
        let mut payload = Vec::new();
        for block in blocks {
            let block = encode(block)?;
            payload.extend((block.len() as u32).to_le_bytes());
            payload.extend(block);
        }
        bytes.extend(frame(&payload));
    }
    let kind = if is_segment { "seg" } else { "log" };
    let path = folder.join(format!("{number:016x}.{kind}"));
    fs::write(&path, bytes)?;
    Ok(path)
}

pub(super) fn header(kind: &[u8; 8], version: u32, number: u64) -> Vec<u8> {
    let mut bytes = kind.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(crc32c(&bytes).to_le_bytes());
    bytes
}

/// A frame around bytes that may be no blocks.
pub(super) fn frame(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let checksum = crc32c(&[&length, payload].concat()).to_le_bytes();
    [&length, &checksum, payload].concat()
}

fn encode(block: &Block) -> Result<Vec<u8>> {
    let mut out = (block.events.len() as u32).to_le_bytes().to_vec();
    out.extend((block.ids.len() as u32).to_le_bytes());
    for BatchId { id, bytes, checksum } in &block.ids {
        out.push(id.len() as u8);
        out.extend(id.as_bytes());
        out.extend(bytes.to_le_bytes());
        out.extend(checksum.to_le_bytes());
    }
    let times = block.events.iter().map(|event| event.ts);
    let base = times.clone().min().context("a block of no events")?;
    let greatest = times.clone().max().unwrap_or(base);
    out.extend(base.to_le_bytes());
    out.extend(greatest.to_le_bytes());
    let offsets: Vec<u64> = times.map(|ts| ts.abs_diff(base)).collect();
    put_column(&mut out, &offsets);
    for event in &block.events {
        out.extend(event.value.to_le_bytes());
    }
    put_texts(&mut out, block.events.iter().map(|event| Some(&event.key)), 0);
    let names: BTreeSet<&String> =
        block.events.iter().flat_map(|event| event.tags.keys()).collect();
    out.push(names.len() as u8);
    for name in names {
        out.push(name.len() as u8);
        out.extend(name.as_bytes());
        put_texts(&mut out, block.events.iter().map(|event| event.tags.get(name)), 1);
    }
    Ok(out)
}

/// Strings in the order of their first use, and a column of their places beyond `absent`.
fn put_texts<'a>(out: &mut Vec<u8>, column: impl Iterator<Item = Option<&'a String>>, absent: u64) {
    let (mut places, mut texts, mut rows) = (BTreeMap::new(), Vec::new(), Vec::new());
    for text in column {
        rows.push(text.map_or(0, |text| {
            let next = places.len() as u64;
            *places.entry(text).or_insert_with(|| {
                texts.push(text);
                next
            }) + absent
        }));
    }
    out.extend((texts.len() as u32).to_le_bytes());
    let mut end = 0_u32;
    out.extend(end.to_le_bytes());
    for text in &texts {
        end += text.len() as u32;
        out.extend(end.to_le_bytes());
    }
    out.extend(texts.iter().flat_map(|text| text.as_bytes()));
    put_column(out, &rows);
}

fn put_column(out: &mut Vec<u8>, numbers: &[u64]) {
    let width = width_of(numbers.iter().copied().max().unwrap_or(0));
    out.push(width as u8);
    for number in numbers {
        out.extend(number.to_le_bytes().iter().take(width));
    }
}

fn width_of(greatest: u64) -> usize {
    match greatest {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFFFF_FFFF => 4,
        _ => 8,
    }
}

/// Reads every file of a folder and checks what a writer must keep.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<File>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let Some((number, kind)) = name.split_once('.') else {
            ensure!(name == "LOCK", "a file {name}");
            continue;
        };
        ensure!(matches!(kind, "seg" | "log"), "a file {name}");
        let canonical = number.len() == 16 && number == number.to_lowercase();
        ensure!(canonical, "a file {name}");
        let number = u64::from_str_radix(number, 16)?;
        let frames = read_file(&fs::read(&path)?, kind == "seg", number)
            .with_context(|| path.display().to_string())?;
        files.push(File { is_segment: kind == "seg", frames });
    }
    Ok(files)
}

fn read_file(bytes: &[u8], is_segment: bool, number: u64) -> Result<Vec<Frame>> {
    let kind = if is_segment { SEGMENT } else { LOG };
    let head = header(kind, VERSION, number);
    ensure!(bytes.starts_with(&head), "the header is {:?}", bytes.get(..HEADER_BYTES));
    let mut input = Input { bytes, at: HEADER_BYTES };
    let mut frames = Vec::new();
    while input.at < bytes.len() {
        let at = input.at;
        let context = || format!("the frame at byte {at}");
        frames.push(read_frame(&mut input, is_segment).with_context(context)?);
    }
    ensure!(!is_segment || frames.len() == 1, "a segment of {} frames", frames.len());
    Ok(frames)
}

fn read_frame(input: &mut Input, is_segment: bool) -> Result<Frame> {
    let at = input.at;
    let length = input.u32()? as usize;
    let checksum = input.u32()?;
    let payload = input.take(length)?;
    ensure!(frame(payload).get(4..8) == Some(&checksum.to_le_bytes()), "the checksum");
    let mut inner = Input { bytes: payload, at: 0 };
    let mut blocks = Vec::new();
    while inner.at < length {
        let bytes = inner.u32()? as usize;
        let block = inner.take(bytes)?;
        blocks.push(decode(block, is_segment).context("a block")?);
    }
    ensure!(!blocks.is_empty(), "no block");
    ensure!(!is_segment || blocks.len() == 1, "a segment of {} blocks", blocks.len());
    Ok(Frame { at, bytes: FRAME_HEAD_BYTES + length, blocks })
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).context("too long")?;
        let taken = self.bytes.get(self.at..end).context("it ends too early")?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, width: usize) -> Result<u64> {
        let mut number = [0; 8];
        number.get_mut(..width).context("a width")?.copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(number))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::try_from(self.number(4)?)?)
    }

    fn text(&mut self) -> Result<String> {
        let length = self.number(1)? as usize;
        Ok(String::from_utf8(self.take(length)?.to_vec())?)
    }

    /// A column whose width is the least that holds its greatest number.
    fn column(&mut self, rows: usize, width_max: usize) -> Result<Vec<u64>> {
        let width = self.number(1)? as usize;
        ensure!([1, 2, 4, 8].contains(&width) && width <= width_max, "a width of {width}");
        let numbers: Vec<u64> = (0..rows).map(|_| self.number(width)).collect::<Result<_>>()?;
        let greatest = numbers.iter().copied().max().unwrap_or(0);
        ensure!(width == width_of(greatest), "a width of {width} for {greatest}");
        Ok(numbers)
    }

    /// Different strings, and a column in which each of them occurs; `None` for absent.
    fn texts(&mut self, rows: usize, absent: u64) -> Result<(Vec<Option<String>>, Vec<u64>)> {
        let count = self.u32()? as usize;
        let ends: Vec<usize> =
            (0..=count).map(|_| Ok(self.u32()? as usize)).collect::<Result<_>>()?;
        ensure!(ends.first() == Some(&0) && ends.is_sorted(), "offsets {ends:?}");
        let text = self.take(ends.last().copied().unwrap_or(0))?;
        let mut texts = Vec::new();
        for pair in ends.windows(2) {
            let [start, end] = pair else { continue };
            let text = text.get(*start..*end).context("an offset")?;
            ensure!((1..=255).contains(&text.len()), "a string of {} bytes", text.len());
            texts.push(std::str::from_utf8(text)?.to_owned());
        }
        let different: BTreeSet<&String> = texts.iter().collect();
        ensure!(different.len() == texts.len(), "a string twice");
        let places = self.column(rows, 4)?;
        let used: BTreeSet<u64> =
            places.iter().filter(|place| **place >= absent).copied().collect();
        ensure!(used.len() == texts.len(), "a string that no row uses");
        let column = places.iter().map(|place| match place.checked_sub(absent) {
            None => Ok(None),
            Some(place) => {
                let text =
                    texts.get(usize::try_from(place)?).context("a place beyond the strings")?;
                Ok(Some(text.clone()))
            }
        });
        Ok((column.collect::<Result<_>>()?, places))
    }
}

fn decode(bytes: &[u8], is_segment: bool) -> Result<Block> {
    let mut input = Input { bytes, at: 0 };
    let rows = input.u32()? as usize;
    ensure!(rows > 0, "no rows");
    let mut ids = Vec::new();
    for _ in 0..input.u32()? {
        let id = input.text()?;
        ensure!((1..=64).contains(&id.len()), "an id of {} bytes", id.len());
        ids.push(BatchId { id, bytes: input.u32()?, checksum: input.u32()? });
    }
    ensure!(is_segment || ids.len() < 2, "a batch of {} ids", ids.len());
    let base = input.number(8)?.cast_signed();
    let greatest = input.number(8)?.cast_signed();
    let offsets = input.column(rows, 8)?;
    ensure!(offsets.contains(&0), "the base is not the least time");
    let times: Vec<i64> = offsets.iter().map(|offset| base + offset.cast_signed()).collect();
    ensure!(times.iter().max() == Some(&greatest), "the greatest time");
    let values: Vec<f64> =
        (0..rows).map(|_| Ok(f64::from_bits(input.number(8)?))).collect::<Result<_>>()?;
    let (keys, places) = input.texts(rows, 0)?;
    if is_segment {
        let order: Vec<(u64, i64)> = places.into_iter().zip(times.iter().copied()).collect();
        ensure!(order.is_sorted(), "the rows are not sorted");
    }
    let mut events: Vec<Event> = Vec::new();
    for ((ts, value), key) in times.iter().zip(values).zip(keys) {
        let key = key.context("no key")?;
        let fine = value.is_finite() && (value != 0.0 || value.is_sign_positive());
        ensure!(fine, "a value {value}");
        events.push(Event { ts: *ts, key, value, tags: BTreeMap::new() });
    }
    let mut before: Option<String> = None;
    for _ in 0..input.number(1)? {
        let name = input.text()?;
        ensure!(before.as_ref().is_none_or(|before| *before < name), "the order of tags");
        let (texts, _) = input.texts(rows, 1)?;
        ensure!(texts.iter().any(Option::is_some), "a tag that no row has");
        for (event, text) in events.iter_mut().zip(texts) {
            event.tags.extend(text.map(|text| (name.clone(), text)));
        }
        before = Some(name);
    }
    ensure!(input.at == bytes.len(), "{} bytes too many", bytes.len() - input.at);
    Ok(Block { ids, events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    }

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let events = vec![
            Event::new(5, "b", 1.5, &[("region", "eu")]),
            Event::new(5 + (1 << 33), "b", -2.0, &[]),
            Event::new(9, "a", 0.0, &[("region", "us"), ("host", "h")]),
        ];
        let block = Block { ids: vec![BatchId::new("id", b"body")], events: events.clone() };
        let path = write_file(folder.path(), 7, true, &[vec![block]]).unwrap();
        let files = read_folder(folder.path()).unwrap();
        assert_eq!(files[0].frames[0].blocks[0].events, events);
        assert_eq!(files[0].frames[0].blocks[0].ids[0].id, "id");
        let whole = fs::read(&path).unwrap();
        for n in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[n] ^= 1;
            assert!(read_file(&damaged, true, 7).is_err(), "byte {n}");
            assert!(n <= HEADER_BYTES || read_file(&whole[..n], true, 7).is_err(), "{n} bytes");
        }
    }
}
