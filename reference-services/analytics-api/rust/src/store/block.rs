//! A block: the bytes of one batch or one segment. See "The data folder" in the contract.

use crate::ingest::{Batch, Tag};
use crate::limits::{TAG_NAMES_MAX, TEXT_BYTES_MAX, TS_MS_MAX, VALUE_MAX, is_name};
use crate::store::dictionary::Dictionary;
use crate::store::part::Part;
use crate::strings::Strings;
use std::borrow::Borrow;

/// A batch's name, and what tells whether a repeat is the same batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchId {
    /// The client's `Idempotency-Key`.
    pub name: String,
    /// Bytes of the body.
    pub body_bytes: u32,
    /// CRC-32C of the body.
    pub body_crc: u32,
}

/// What is wrong with some bytes, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that cannot be right.
    #[error("at byte {at}: {what}")]
    At {
        /// Bytes before the fault.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file of another program.
    #[error("version {found}, this program reads version {known}")]
    Version {
        /// The file's.
        found: u32,
        /// Ours.
        known: u32,
    },
}

/// The bytes of a batch's block.
pub fn encode_batch(batch: &Batch, id: Option<&BatchId>) -> Vec<u8> {
    let rows = batch.rows();
    let mut out = Vec::with_capacity(rows * (8 + 8 + 4 + 4 * batch.tags.len()) + 1_024);
    put_u32(&mut out, rows as u32);
    put_ids(&mut out, id.as_slice());
    let least = batch.times_ms.iter().copied().min().unwrap_or(0);
    let greatest = batch.times_ms.iter().copied().max().unwrap_or(0);
    put_times(&mut out, least, greatest, batch.times_ms.iter().map(|&ms| ms.abs_diff(least)));
    batch.values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    put_strings(&mut out, batch.key_table.len(), batch.key_table.iter());
    let keys = batch.keys.iter().map(|&key| u64::from(key));
    put_places(&mut out, keys, batch.key_table.len().saturating_sub(1));
    let mut tags: Vec<&Tag> = batch.tags.iter().collect();
    tags.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    out.push(tags.len() as u8);
    for tag in tags {
        put_name(&mut out, &tag.name);
        put_strings(&mut out, tag.values.len(), tag.values.iter());
        let places = tag.places.iter().map(|&place| u64::from(place));
        put_places(&mut out, places, tag.values.len());
    }
    out
}

/// The bytes of a segment's block: the part's rows, in its order.
pub fn encode_part(part: &Part, ids: &[BatchId], dictionary: &Dictionary) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.memory_bytes() * 2);
    put_u32(&mut out, part.rows() as u32);
    put_ids(&mut out, ids);
    put_times(&mut out, part.first_ms, part.last_ms, part.times.iter());
    part.values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    let keys = dictionary.keys();
    put_strings(&mut out, part.runs(), part.keys.iter().map(|key| keys.get(key)));
    let places = (0..part.runs())
        .flat_map(|place| std::iter::repeat_n(place as u64, part.run_rows(place).len()));
    put_places(&mut out, places, part.runs().saturating_sub(1));
    let mut tags: Vec<_> =
        part.tags.iter().map(|tag| (dictionary.tag_name(tag.name), tag)).collect();
    tags.sort_unstable_by_key(|(name, _)| *name);
    out.push(tags.len() as u8);
    for (name, tag) in tags {
        put_name(&mut out, name);
        let strings = dictionary.tag_values(tag.name);
        let values = tag.values.iter().skip(1).map(|&value| strings.get(value.saturating_sub(1)));
        let count = tag.values.len().saturating_sub(1);
        put_strings(&mut out, count, values);
        put_places(&mut out, tag.places.iter(), count);
    }
    out
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
}

fn put_ids(out: &mut Vec<u8>, ids: &[impl Borrow<BatchId>]) {
    put_u32(out, ids.len() as u32);
    for id in ids.iter().map(Borrow::borrow) {
        put_name(out, &id.name);
        put_u32(out, id.body_bytes);
        put_u32(out, id.body_crc);
    }
}

fn put_times(out: &mut Vec<u8>, least: i64, greatest: i64, offsets: impl Iterator<Item = u64>) {
    out.extend_from_slice(&least.to_le_bytes());
    out.extend_from_slice(&greatest.to_le_bytes());
    let width = match greatest.abs_diff(least) {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    put_numbers(out, offsets, width);
}

fn put_places(out: &mut Vec<u8>, places: impl Iterator<Item = u64>, greatest: usize) {
    let width = match greatest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    };
    put_numbers(out, places, width);
}

/// The width, then the numbers in so many bytes each.
fn put_numbers(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u8) {
    out.push(width);
    match width {
        1 => out.extend(numbers.map(|it| it as u8)),
        2 => numbers.for_each(|it| out.extend_from_slice(&(it as u16).to_le_bytes())),
        4 => numbers.for_each(|it| out.extend_from_slice(&(it as u32).to_le_bytes())),
        _ => numbers.for_each(|it| out.extend_from_slice(&it.to_le_bytes())),
    }
}

fn put_strings<'a>(out: &mut Vec<u8>, count: usize, strings: impl Iterator<Item = &'a str>) {
    put_u32(out, count as u32);
    let offsets = out.len();
    out.resize(offsets + 4 * (count + 1), 0);
    let text = out.len();
    for (string, slot) in strings.zip(1..) {
        out.extend_from_slice(string.as_bytes());
        let end = (out.len() - text) as u32;
        if let Some(place) = out.get_mut(offsets + 4 * slot..offsets + 4 * (slot + 1)) {
            place.copy_from_slice(&end.to_le_bytes());
        }
    }
}

/// Reads a block, every byte of which must be accounted for. `at` is where it begins in its file.
///
/// # Errors
/// What is wrong and where, if it is not a block.
pub fn decode(bytes: &[u8], at: u64) -> Result<(Batch, Vec<BatchId>), Fault> {
    let mut input = Input { rest: bytes, at };
    let rows = input.u32("the number of rows")? as usize;
    if rows == 0 {
        return Err(input.fault("a block without rows"));
    }
    let ids = input.ids()?;
    let times_ms = input.times(rows)?;
    let values = input.values(rows)?;
    let key_table = input.strings()?;
    let keys = input.places(rows, key_table.len() as u64, "the keys")?;
    let tag_count = usize::from(input.u8("the number of tags")?);
    if tag_count > TAG_NAMES_MAX {
        return Err(input.fault("more tags than there may be"));
    }
    let mut tags: Vec<Tag> = Vec::with_capacity(tag_count);
    for _ in 0..tag_count {
        let repeated = input.fault("a tag that was there before");
        let name = input.name("a tag's name")?;
        if tags.iter().any(|tag| tag.name == name) {
            return Err(repeated);
        }
        let values = input.strings()?;
        let places = input.places(rows, values.len() as u64 + 1, "a tag's values")?;
        tags.push(Tag { name, values, places });
    }
    if !input.rest.is_empty() {
        return Err(input.fault("more bytes than the block has use for"));
    }
    Ok((Batch { times_ms, values, key_table, keys, tags }, ids))
}

struct Input<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Input<'a> {
    fn fault(&self, what: &str) -> Fault {
        Fault::At { at: self.at, what: what.to_owned() }
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.fault(&format!("{what}: more than is left of the block")));
        };
        self.rest = rest;
        self.at += count as u64;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Fault> {
        self.take(N, what).map(|taken| taken.try_into().unwrap_or([0; N]))
    }

    fn u8(&mut self, what: &str) -> Result<u8, Fault> {
        self.fixed::<1>(what).map(|[byte]| byte)
    }

    fn u32(&mut self, what: &str) -> Result<u32, Fault> {
        self.fixed(what).map(u32::from_le_bytes)
    }

    fn i64(&mut self, what: &str) -> Result<i64, Fault> {
        self.fixed(what).map(i64::from_le_bytes)
    }

    /// The name of a tag or a batch; both have the same form.
    fn name(&mut self, what: &str) -> Result<String, Fault> {
        let wrong = self.fault(&format!("{what} is none"));
        let length = self.u8(what)?;
        let bytes = self.take(usize::from(length), what)?;
        match std::str::from_utf8(bytes) {
            Ok(name) if is_name(name) => Ok(name.to_owned()),
            _ => Err(wrong),
        }
    }

    fn ids(&mut self) -> Result<Vec<BatchId>, Fault> {
        let count = self.u32("the number of batch ids")?;
        let mut ids = Vec::new();
        for _ in 0..count {
            let name = self.name("a batch id")?;
            let body_bytes = self.u32("a batch's length")?;
            let body_crc = self.u32("a batch's checksum")?;
            ids.push(BatchId { name, body_bytes, body_crc });
        }
        Ok(ids)
    }

    fn times(&mut self, rows: usize) -> Result<Vec<i64>, Fault> {
        let wrong = self.fault("times beyond their range");
        let base = self.i64("the least time")?;
        let greatest = self.i64("the greatest time")?;
        if base < 0 || greatest < base || greatest > TS_MS_MAX {
            return Err(wrong);
        }
        let span = greatest.abs_diff(base);
        let mut times = Vec::with_capacity(rows.min(self.rest.len()));
        let (mut least_seen, mut greatest_seen) = (u64::MAX, 0);
        self.numbers(rows, 8, "the times", |offset| {
            least_seen = offset.min(least_seen);
            greatest_seen = offset.max(greatest_seen);
            times.push(base.saturating_add_unsigned(offset));
        })?;
        if least_seen == 0 && greatest_seen == span { Ok(times) } else { Err(wrong) }
    }

    fn values(&mut self, rows: usize) -> Result<Vec<f64>, Fault> {
        let wrong = self.fault("a value beyond its range");
        let (chunks, _) = self.take(rows.saturating_mul(8), "the values")?.as_chunks::<8>();
        // Adding 0 makes 0 of −0.
        let values: Vec<f64> = chunks.iter().map(|&it| f64::from_le_bytes(it) + 0.0).collect();
        // Written so that NaN fails too.
        let fits = values.iter().fold(true, |fits, it| fits & (it.abs() <= VALUE_MAX));
        if fits { Ok(values) } else { Err(wrong) }
    }

    /// For each row a place below a bound.
    fn places(&mut self, rows: usize, below: u64, what: &str) -> Result<Vec<u32>, Fault> {
        let wrong = self.fault(&format!("{what}: a place beyond the table"));
        let mut places = Vec::with_capacity(rows.min(self.rest.len()));
        let mut greatest = 0;
        self.numbers(rows, 4, what, |place| {
            greatest = greatest.max(place);
            places.push(place as u32);
        })?;
        if greatest < below { Ok(places) } else { Err(wrong) }
    }

    fn numbers(
        &mut self,
        rows: usize,
        width_max: u8,
        what: &str,
        mut visit: impl FnMut(u64),
    ) -> Result<(), Fault> {
        let wrong = self.fault(&format!("{what}: a width that is none"));
        let width = self.u8(what)?;
        if !matches!(width, 1 | 2 | 4 | 8) || width > width_max {
            return Err(wrong);
        }
        let bytes = self.take(rows.saturating_mul(usize::from(width)), what)?;
        match width {
            1 => bytes.iter().for_each(|&it| visit(u64::from(it))),
            2 => {
                let (chunks, _) = bytes.as_chunks::<2>();
                chunks.iter().for_each(|&it| visit(u64::from(u16::from_le_bytes(it))));
            }
            4 => {
                let (chunks, _) = bytes.as_chunks::<4>();
                chunks.iter().for_each(|&it| visit(u64::from(u32::from_le_bytes(it))));
            }
            _ => {
                let (chunks, _) = bytes.as_chunks::<8>();
                chunks.iter().for_each(|&it| visit(u64::from_le_bytes(it)));
            }
        }
        Ok(())
    }

    fn strings(&mut self) -> Result<Strings, Fault> {
        let wrong = self.fault("a table of strings whose offsets or text are none");
        let count = self.u32("a table's length")? as usize;
        let offsets = self.take((count + 1).saturating_mul(4), "a table's offsets")?;
        let (chunks, _) = offsets.as_chunks::<4>();
        let mut offsets = chunks.iter().map(|&it| u32::from_le_bytes(it));
        if offsets.next() != Some(0) {
            return Err(wrong);
        }
        let ends: Vec<u32> = offsets.collect();
        let text_bytes = ends.last().copied().unwrap_or(0) as usize;
        let text = self.take(text_bytes, "a table's text")?;
        let Ok(text) = std::str::from_utf8(text) else {
            return Err(wrong);
        };
        let mut before = 0;
        for &end in &ends {
            let length = end.saturating_sub(before) as usize;
            if !(1..=TEXT_BYTES_MAX).contains(&length) || !text.is_char_boundary(end as usize) {
                return Err(wrong);
            }
            before = end;
        }
        Ok(Strings::from_parts(text.to_owned(), ends))
    }
}
