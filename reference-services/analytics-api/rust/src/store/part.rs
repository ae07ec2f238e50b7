//! Rows in memory: immutable columns, sorted by key and time.

use crate::ingest::{Batch, Tag};
use crate::store::ascending::Ascending;
use std::cmp::Ordering;
use std::ops::Range;

/// Whole numbers as wide as the greatest of them needs.
#[derive(Debug)]
pub enum Narrow {
    /// One byte each.
    U8(Vec<u8>),
    /// Two bytes each.
    U16(Vec<u16>),
    /// Four bytes each.
    U32(Vec<u32>),
    /// Eight bytes each.
    U64(Vec<u64>),
}

/// Runs the body with `$column` as the slice of whatever width the numbers have.
#[macro_export]
macro_rules! each_width {
    ($narrow:expr, $column:ident => $body:expr) => {
        match $narrow {
            $crate::store::part::Narrow::U8($column) => $body,
            $crate::store::part::Narrow::U16($column) => $body,
            $crate::store::part::Narrow::U32($column) => $body,
            $crate::store::part::Narrow::U64($column) => $body,
        }
    };
}

impl Narrow {
    /// The numbers, of which none is greater than `greatest`.
    pub fn collect(numbers: impl Iterator<Item = u64>, greatest: u64) -> Self {
        match greatest {
            0..=0xff => Self::U8(numbers.map(|it| it as u8).collect()),
            0x100..=0xffff => Self::U16(numbers.map(|it| it as u16).collect()),
            0x1_0000..=0xffff_ffff => Self::U32(numbers.map(|it| it as u32).collect()),
            _ => Self::U64(numbers.collect()),
        }
    }

    /// The number at this place, 0 beyond the end.
    #[expect(clippy::useless_conversion, reason = "one of the widths is already the one wanted")]
    pub fn get(&self, place: usize) -> u64 {
        each_width!(self, column => column.get(place).map_or(0, |&it| u64::from(it)))
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// Bytes each.
    pub fn width(&self) -> usize {
        match self {
            Self::U8(_) => 1,
            Self::U16(_) => 2,
            Self::U32(_) => 4,
            Self::U64(_) => 8,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        each_width!(self, column => column.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One tag of the rows.
#[derive(Debug)]
pub struct PartTag {
    /// The tag name's number in the dictionary.
    pub name: u32,
    /// For each row a place in `values`; 0 where the row does not have the tag.
    pub places: Narrow,
    /// The values' numbers in the tag's dictionary, plus one; the first stands for absence and is 0.
    pub values: Vec<u32>,
}

/// Rows sorted by key (in the order of the dictionary's numbers), then time, then arrival.
#[derive(Debug)]
pub struct Part {
    /// The earliest time, in Unix ms.
    pub first_ms: i64,
    /// The latest time, in Unix ms.
    pub last_ms: i64,
    /// Each row's time, in ms after `first_ms`.
    pub times: Narrow,
    /// Each row's value.
    pub values: Vec<f64>,
    /// The keys' numbers in the dictionary. The rows of each, which stand together, are a run.
    pub keys: Ascending,
    /// The first row of each run.
    starts: Ascending,
    /// The tags that any row has, ascending by name.
    pub tags: Vec<PartTag>,
}

/// Where a row comes from.
#[derive(Clone, Copy)]
struct Origin {
    source: u32,
    row: u32,
}

impl Part {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// How many runs, one for each key.
    pub fn runs(&self) -> usize {
        self.keys.len()
    }

    /// The rows of the run at this place.
    pub fn run_rows(&self, place: usize) -> Range<usize> {
        self.run_start(place)..self.run_start(place + 1)
    }

    /// The rows of the runs at these places.
    pub fn rows_of_runs(&self, places: &Range<usize>) -> Range<usize> {
        self.run_start(places.start)..self.run_start(places.end)
    }

    /// The runs that have some of these rows.
    pub fn runs_of_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let before = |row: usize| self.starts.below(row as u32);
        before(rows.start + 1).saturating_sub(1)..before(rows.end)
    }

    fn run_start(&self, place: usize) -> usize {
        self.starts.get(place).map_or(self.rows(), |start| start as usize)
    }

    /// Visits those of the rows that have the same key, with the key, in order.
    pub fn each_run(&self, rows: &Range<usize>, mut visit: impl FnMut(u32, Range<usize>)) {
        let mut start = rows.start;
        for place in self.runs_of_rows(rows) {
            let end = self.run_start(place + 1).min(rows.end);
            if let Some(key) = self.keys.get(place) {
                visit(key, start..end);
            }
            start = end;
        }
    }

    /// The tag of this name, if any row has it.
    pub fn tag(&self, name: u32) -> Option<&PartTag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        let tags = self.tags.iter().map(|tag| {
            tag.places.len() * tag.places.width() + tag.values.len() * 4 + size_of::<PartTag>()
        });
        self.times.len() * self.times.width()
            + self.values.len() * 8
            + self.keys.memory_bytes()
            + self.starts.memory_bytes()
            + tags.sum::<usize>()
            + size_of::<Self>()
    }

    /// The rows of a batch, given the dictionary's numbers for its own: `keys` by the batch's key,
    /// and for each of its tags the name and the numbers of its values.
    pub fn of_batch(batch: &Batch, keys: &[u32], tags: &[(u32, Vec<u32>)]) -> Self {
        // Rows by key: counting, with the keys ranked in the dictionary's order.
        let mut order: Vec<u32> = (0..keys.len() as u32).collect();
        order.sort_unstable_by_key(|&local| at(keys, local));
        let mut starts = vec![0_u32; keys.len()];
        for &key in &batch.keys {
            add(&mut starts, key, 1);
        }
        let mut runs = Runs::default();
        let mut start = 0;
        for &local in &order {
            let rows = at(&starts, local);
            if rows > 0 {
                runs.begin(at(keys, local), start);
            }
            if let Some(slot) = starts.get_mut(local as usize) {
                *slot = start;
            }
            start += rows;
        }
        let mut rows = vec![0_u32; batch.rows()];
        for (row, &key) in batch.keys.iter().enumerate() {
            if let Some(slot) = rows.get_mut(at(&starts, key) as usize) {
                *slot = row as u32;
            }
            add(&mut starts, key, 1);
        }
        runs.each(rows.len(), |range| {
            if let Some(run) = rows.get_mut(range)
                && !run.is_sorted_by_key(|&row| time(batch, row))
            {
                run.sort_by_key(|&row| time(batch, row));
            }
        });
        let first_ms = batch.times_ms.iter().copied().min().unwrap_or(0);
        let last_ms = batch.times_ms.iter().copied().max().unwrap_or(0);
        let times = rows.iter().map(|&row| time(batch, row).abs_diff(first_ms));
        let mut columns: Vec<PartTag> = batch
            .tags
            .iter()
            .zip(tags)
            .map(|(tag, (name, values))| tag_of_batch(tag, *name, values, &rows))
            .collect();
        columns.sort_unstable_by_key(|tag| tag.name);
        Self {
            first_ms,
            last_ms,
            times: Narrow::collect(times, last_ms.abs_diff(first_ms)),
            values: rows
                .iter()
                .map(|&row| batch.values.get(row as usize).copied().unwrap_or_default())
                .collect(),
            keys: Ascending::new(runs.keys),
            starts: Ascending::new(runs.starts),
            tags: columns,
        }
    }

    /// The rows of several parts; where key and time are equal, those of the earlier part first.
    pub fn merge(parts: &[&Self]) -> Self {
        let total: usize = parts.iter().map(|part| part.rows()).sum();
        let first_ms = parts.iter().map(|part| part.first_ms).min().unwrap_or(0);
        let last_ms = parts.iter().map(|part| part.last_ms).max().unwrap_or(0);
        let mut pieces: Vec<(u32, u32, u32)> = parts
            .iter()
            .zip(0_u32..)
            .flat_map(|(part, source)| {
                part.keys.iter().zip(0_u32..).map(move |(key, place)| (key, source, place))
            })
            .collect();
        pieces.sort_unstable();
        let time = |it: Origin| {
            parts
                .get(it.source as usize)
                .map_or(0, |part| part.first_ms + part.times.get(it.row as usize) as i64)
        };
        let mut runs = Runs::default();
        let mut origins: Vec<Origin> = Vec::with_capacity(total);
        for &(key, source, place) in &pieces {
            if runs.keys.last() != Some(&key) {
                runs.begin(key, origins.len() as u32);
            }
            let range = parts.get(source as usize).map_or(0..0, |it| it.run_rows(place as usize));
            origins.extend(range.map(|row| Origin { source, row: row as u32 }));
        }
        drop(pieces);
        runs.each(origins.len(), |range| {
            if let Some(run) = origins.get_mut(range)
                && !run.is_sorted_by_key(|&it| time(it))
            {
                run.sort_by_key(|&it| time(it));
            }
        });
        let times = origins.iter().map(|&it| time(it).abs_diff(first_ms));
        let values = origins.iter().map(|it| {
            let part = parts.get(it.source as usize);
            part.and_then(|part| part.values.get(it.row as usize)).copied().unwrap_or_default()
        });
        Self {
            first_ms,
            last_ms,
            times: Narrow::collect(times, last_ms.abs_diff(first_ms)),
            values: values.collect(),
            keys: Ascending::new(runs.keys),
            starts: Ascending::new(runs.starts),
            tags: merge_tags(parts, &origins),
        }
    }
}

fn at(numbers: &[u32], place: u32) -> u32 {
    numbers.get(place as usize).copied().unwrap_or_default()
}

fn add(numbers: &mut [u32], place: u32, more: u32) {
    if let Some(slot) = numbers.get_mut(place as usize) {
        *slot += more;
    }
}

fn time(batch: &Batch, row: u32) -> i64 {
    batch.times_ms.get(row as usize).copied().unwrap_or_default()
}

/// The runs of a part that is being made.
#[derive(Default)]
struct Runs {
    keys: Vec<u32>,
    starts: Vec<u32>,
}

impl Runs {
    fn begin(&mut self, key: u32, row: u32) {
        self.keys.push(key);
        self.starts.push(row);
    }

    fn each(&self, rows: usize, mut visit: impl FnMut(Range<usize>)) {
        let ends = self.starts.iter().skip(1).map(|&start| start as usize).chain([rows]);
        for (&start, end) in self.starts.iter().zip(ends) {
            visit(start as usize..end);
        }
    }
}

fn tag_of_batch(tag: &Tag, name: u32, values: &[u32], rows: &[u32]) -> PartTag {
    // The batch's numbers count from 1 already; 0 is absence in both.
    let places = rows.iter().map(|&row| u64::from(at(&tag.places, row)));
    let table = std::iter::once(0).chain(values.iter().map(|&value| value + 1)).collect();
    PartTag { name, places: Narrow::collect(places, values.len() as u64), values: table }
}

fn merge_tags(parts: &[&Part], origins: &[Origin]) -> Vec<PartTag> {
    let mut names: Vec<u32> =
        parts.iter().flat_map(|part| part.tags.iter().map(|tag| tag.name)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| merge_tag(parts, origins, name)).collect()
}

fn merge_tag(parts: &[&Part], origins: &[Origin], name: u32) -> PartTag {
    let columns: Vec<Option<&PartTag>> = parts.iter().map(|part| part.tag(name)).collect();
    let mut values: Vec<u32> =
        columns.iter().flatten().flat_map(|tag| tag.values.iter().copied()).chain([0]).collect();
    values.sort_unstable();
    values.dedup();
    // Each part's places, as places in the merged table.
    let renumbered: Vec<Vec<u32>> = columns
        .iter()
        .map(|tag| {
            tag.map_or_else(Vec::new, |tag| {
                let place = |value| values.binary_search(value).unwrap_or(0) as u32;
                tag.values.iter().map(place).collect()
            })
        })
        .collect();
    let places = origins.iter().map(|it| {
        let source = it.source as usize;
        let column = columns.get(source).copied().flatten();
        let place = column.map_or(0, |tag| tag.places.get(it.row as usize)) as u32;
        u64::from(renumbered.get(source).map_or(0, |table| at(table, place)))
    });
    let greatest = values.len().saturating_sub(1) as u64;
    PartTag { name, places: Narrow::collect(places, greatest), values }
}

/// The first place in `from..to` whose number is at least `wanted`, found by steps that double.
pub fn gallop<N: Copy + PartialOrd>(column: &[N], from: usize, to: usize, wanted: N) -> usize {
    let mut step = 1;
    let mut low = from;
    let mut high = from;
    while high < to
        && column.get(high).is_some_and(|&it| it.partial_cmp(&wanted) == Some(Ordering::Less))
    {
        low = high + 1;
        high += step;
        step *= 2;
    }
    let high = high.min(to);
    low + column.get(low..high).map_or(0, |rest| rest.partition_point(|&it| it < wanted))
}
