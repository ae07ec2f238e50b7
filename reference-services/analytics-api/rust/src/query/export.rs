//! Events as a Parquet file, sent as it is made.

use crate::query::params::Selection;
use crate::query::plan::{DistinctOf, Plan};
use crate::query::rows::{Block, Piece, each_block};
use crate::store::Store;
use crate::store::part::Part;
use crate::strings::Strings;
use hashbrown::HashMap;
use hyper::body::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

const ROW_GROUP_ROWS: usize = 1_048_576;
const PIECE_BYTES: usize = 256 << 10;

/// Where the file goes: a client that takes it piece by piece.
#[derive(Debug)]
pub struct Pieces {
    sender: Sender<Bytes>,
    piece: Vec<u8>,
}

impl Pieces {
    /// Sends pieces there.
    pub fn new(sender: Sender<Bytes>) -> Self {
        Self { sender, piece: Vec::with_capacity(PIECE_BYTES) }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        // Waits for a slow client, and ends when it has gone.
        self.sender.blocking_send(piece.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// Writes the events that match, as of now.
///
/// # Errors
/// When the client goes away.
pub fn write(store: &Store, selection: &Selection, to: Pieces) -> Result<(), ParquetError> {
    let snapshot = store.snapshot();
    let mut plan = Plan::selection(
        selection.from_ms.unwrap_or(0).max(snapshot.oldest_ms),
        selection.to_ms.map_or(i64::MAX, |to| to - 1),
        &selection.conditions,
        &snapshot.parts,
        &store.dictionary(),
    );
    let mut names: Vec<u32> =
        plan.parts.iter().flat_map(|part| part.tags.iter().map(|tag| tag.name)).collect();
    names.sort_unstable();
    names.dedup();
    plan.distinct = std::iter::once(DistinctOf::Key)
        .chain(names.iter().map(|&name| DistinctOf::Tag(name)))
        .collect();
    let schema = Arc::new(parse_message_type(&schema(store, &names))?);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(to, schema, properties)?;
    let mut rows = Rows { ids: vec![Vec::new(); plan.distinct.len()], ..Rows::default() };
    for (place, part) in plan.parts.iter().enumerate() {
        let mut outcome = Ok(());
        each_block(&plan, &Piece { part: place, rows: 0..part.rows() }, |block| {
            rows.add(block, part);
            if rows.values.len() >= ROW_GROUP_ROWS && outcome.is_ok() {
                outcome = rows.write(store, &names, &mut writer);
            }
        });
        outcome?;
    }
    if !rows.values.is_empty() {
        rows.write(store, &names, &mut writer)?;
    }
    let mut to = writer.into_inner()?;
    to.flush()?;
    Ok(())
}

fn schema(store: &Store, names: &[u32]) -> String {
    let dictionary = store.dictionary();
    let tag = |&name: &u32| format!("optional binary tags.{} (STRING);", dictionary.tag_name(name));
    let tags: String = names.iter().map(tag).collect();
    format!(
        "message events {{ required int64 ts (TIMESTAMP(MILLIS,true)); \
         required binary key (STRING); required double value; {tags} }}"
    )
}

/// The rows of one row group.
#[derive(Default)]
struct Rows {
    times_ms: Vec<i64>,
    values: Vec<f64>,
    /// Keys, then each tag: numbers plus one, 0 for absent.
    ids: Vec<Vec<u32>>,
}

impl Rows {
    fn add(&mut self, block: &Block<'_>, part: &Part) {
        for &(_, row) in &block.rows {
            let row = row as usize;
            self.times_ms.push(part.first_ms + part.times.get(block.first_row + row) as i64);
            self.values.push(block.values.get(row).copied().unwrap_or_default());
            for (to, from) in self.ids.iter_mut().zip(&block.ids) {
                to.push(from.get(row).copied().unwrap_or_default());
            }
        }
    }

    /// Writes the rows as a row group and forgets them.
    fn write(
        &mut self,
        store: &Store,
        names: &[u32],
        writer: &mut SerializedFileWriter<Pieces>,
    ) -> Result<(), ParquetError> {
        // Looked up beforehand: batches with new strings must not wait for a slow client.
        let texts: Vec<HashMap<u32, ByteArray>> = {
            let dictionary = store.dictionary();
            let strings = std::iter::once(dictionary.keys())
                .chain(names.iter().map(|&name| dictionary.tag_values(name)));
            self.ids.iter().zip(strings).map(|(ids, strings)| texts(ids, strings)).collect()
        };
        let mut group = writer.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(&self.times_ms, None, None)?;
            column.close()?;
        }
        let mut columns = self.ids.iter().zip(&texts);
        if let Some((ids, texts)) = columns.next() {
            write_texts(&mut group, ids, texts, false)?;
        }
        if let Some(mut column) = group.next_column()? {
            column.typed::<DoubleType>().write_batch(&self.values, None, None)?;
            column.close()?;
        }
        for (ids, texts) in columns {
            write_texts(&mut group, ids, texts, true)?;
        }
        group.close()?;
        self.times_ms.clear();
        self.values.clear();
        self.ids.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

fn texts(ids: &[u32], strings: &Strings) -> HashMap<u32, ByteArray> {
    let mut texts = HashMap::new();
    for &id in ids {
        if let Some(number) = id.checked_sub(1) {
            texts.entry(id).or_insert_with(|| ByteArray::from(strings.get(number)));
        }
    }
    texts
}

fn write_texts(
    group: &mut SerializedRowGroupWriter<'_, Pieces>,
    ids: &[u32],
    texts: &HashMap<u32, ByteArray>,
    optional: bool,
) -> Result<(), ParquetError> {
    let present: Vec<ByteArray> = ids.iter().filter_map(|id| texts.get(id).cloned()).collect();
    let levels: Option<Vec<i16>> =
        optional.then(|| ids.iter().map(|&id| i16::from(id > 0)).collect());
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&present, levels.as_deref(), None)?;
        column.close()?;
    }
    Ok(())
}
