//! Walking over the rows of a plan: run by run in slices, or in blocks with a cell for each row.
//! Where no cell depends on keys and runs are short, rows are taken as they stand.

use crate::each_width;
use crate::query::plan::{DistinctOf, Plan};
use crate::store::part::{Part, PartTag, gallop};
use std::ops::Range;

/// Rows that are looked at together.
const BLOCK_ROWS: usize = 4_096;
/// Marks a row that does not match.
const SKIP: u64 = 1 << 63;

/// With fewer rows in a run than this, going from run to run costs more than it saves.
const RUN_ROWS_MIN: usize = 64;

/// Some rows of one part.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The part's place in the plan.
    pub part: usize,
    /// Which of its rows.
    pub rows: Range<usize>,
}

/// Whether rows of the part are taken without regard to their keys.
pub fn ignores_runs(plan: &Plan, part: &Part) -> bool {
    !plan.depends_on_key() && part.rows() < RUN_ROWS_MIN * part.runs()
}

/// Whether all rows of the part lie in the window.
pub fn is_whole(plan: &Plan, part: &Part) -> bool {
    part.first_ms >= plan.from_ms && part.last_ms <= plan.last_ms
}

/// Visits the rows of a run in the window, a slice for each bucket: `visit(bucket, rows)`.
pub fn each_bucket(
    plan: &Plan,
    part: &Part,
    rows: Range<usize>,
    mut visit: impl FnMut(u64, Range<usize>),
) {
    let whole = is_whole(plan, part);
    if whole && plan.bucket_ms.is_none() {
        if !rows.is_empty() {
            visit(0, rows);
        }
        return;
    }
    each_width!(&part.times, times => {
        let offset = |ms: i64| ms.saturating_sub(part.first_ms).max(0) as u64;
        let (mut row, mut end) = (rows.start, rows.end);
        if !whole {
            let of_run = times.get(rows).unwrap_or_default();
            let from = offset(plan.from_ms);
            let last = offset(plan.last_ms);
            end = row + of_run.partition_point(|&it| u64::from_time(it) <= last);
            row += of_run.partition_point(|&it| u64::from_time(it) < from);
            if plan.last_ms < part.first_ms {
                return;
            }
        }
        let Some(length) = plan.bucket_ms else {
            if row < end {
                visit(0, row..end);
            }
            return;
        };
        while let Some(&time) = times.get(row)
            && row < end
        {
            let bucket = (part.first_ms + u64::from_time(time) as i64) / length;
            let next = offset((bucket + 1) * length);
            let after = match FromTime::narrow(next, time) {
                Some(next) => gallop(times, row + 1, end, next),
                // No time of this width is so late.
                None => end,
            };
            visit(bucket.abs_diff(plan.first_bucket), row..after);
            row = after;
        }
    });
}

/// Times of any width as the widest.
trait FromTime<N> {
    fn from_time(time: N) -> Self;
    /// The number in the width of `like`, if it fits.
    fn narrow(wide: Self, like: N) -> Option<N>;
}

macro_rules! from_time {
    ($($width:ty),*) => {
        $(impl FromTime<$width> for u64 {
            fn from_time(time: $width) -> Self {
                Self::from(time)
            }
            fn narrow(wide: Self, _: $width) -> Option<$width> {
                <$width>::try_from(wide).ok()
            }
        })*
    };
}
from_time!(u8, u16, u32, u64);

/// Rows of one part with what they count for.
#[derive(Debug)]
pub struct Block<'a> {
    /// The matching rows' cells, rows in order, and their places in `values`.
    pub rows: Vec<(u64, u32)>,
    /// The first of the rows looked at.
    pub first_row: usize,
    /// The values of all rows looked at.
    pub values: &'a [f64],
    /// For each of the plan's `distinct` the ids of all rows looked at, 0 for none.
    pub ids: Vec<Vec<u32>>,
}

/// Visits the matching rows of a piece in blocks.
pub fn each_block<'a>(plan: &'a Plan, piece: &Piece, mut visit: impl FnMut(&Block<'a>)) {
    let Some(part) = plan.parts.get(piece.part) else {
        return;
    };
    let mut block = Block { rows: Vec::new(), first_row: 0, values: &[], ids: Vec::new() };
    block.ids.resize_with(plan.distinct.len(), Vec::new);
    let tables = Tables::new(plan, part);
    let mut cells: Vec<u64> = Vec::new();
    let mut at = piece.rows.start;
    while at < piece.rows.end {
        let range = at..piece.rows.end.min(at + BLOCK_ROWS);
        at = range.end;
        cells.clear();
        cells.resize(range.len(), SKIP);
        if ignores_runs(plan, part) {
            fill_cells_by_time(plan, part, &range, &mut cells);
        } else {
            fill_cells(plan, part, &range, &mut cells);
        }
        tables.apply(plan, part, &range, &mut cells);
        block.first_row = range.start;
        block.values = part.values.get(range.clone()).unwrap_or_default();
        block.rows.clear();
        let matching = cells.iter().zip(0..).filter(|(cell, _)| *cell & SKIP == 0);
        block.rows.extend(matching.map(|(&cell, row)| (cell, row)));
        tables.distinct_ids(plan, part, &range, &mut block.ids);
        visit(&block);
    }
}

/// The cells as far as keys and times give them.
fn fill_cells(plan: &Plan, part: &Part, range: &Range<usize>, cells: &mut [u64]) {
    part.each_run(range, |key, rows| {
        let Some(slot) = plan.slot(key) else {
            return;
        };
        let slot = if plan.by_key { u64::from(slot) } else { 0 };
        each_bucket(plan, part, rows, |bucket, rows| {
            let cell = (slot * plan.buckets + bucket) * plan.combinations;
            let rows = rows.start - range.start..rows.end - range.start;
            cells.get_mut(rows).unwrap_or_default().fill(cell);
        });
    });
}

/// The same where the key does not matter, row by row.
fn fill_cells_by_time(plan: &Plan, part: &Part, range: &Range<usize>, cells: &mut [u64]) {
    let window = plan.from_ms..=plan.last_ms;
    let length = plan.bucket_ms.map_or(u64::MAX, i64::unsigned_abs);
    let first_ms = plan.bucket_ms.map_or(0, |length| length * plan.first_bucket);
    each_width!(&part.times, times => {
        for (cell, &time) in cells.iter_mut().zip(times.get(range.clone()).unwrap_or_default()) {
            let ms = part.first_ms + u64::from_time(time) as i64;
            if window.contains(&ms) {
                *cell = divide(ms.abs_diff(first_ms), length) * plan.combinations;
            }
        }
    });
}

/// Division, which takes a processor half the time in 32 bits.
fn divide(number: u64, by: u64) -> u64 {
    match (u32::try_from(number), u32::try_from(by)) {
        (Ok(number), Ok(by)) => u64::from(number / by.max(1)),
        _ => number / by.max(1),
    }
}

/// What a part's tag values add to the cells.
struct Tables {
    /// For each of the part's places, what to add; nothing if the part does not have the tag.
    dimensions: Vec<Vec<u64>>,
    /// For each of the part's places, `SKIP` or 0.
    filters: Vec<Vec<u64>>,
}

impl Tables {
    fn new(plan: &Plan, part: &Part) -> Self {
        let table = |name: Option<u32>, number: &dyn Fn(u32) -> u64| match name
            .and_then(|name| part.tag(name))
        {
            Some(tag) => tag.values.iter().map(|&value| number(value)).collect(),
            None => Vec::new(),
        };
        let dimensions = plan
            .dimensions
            .iter()
            .map(|(_, it)| table(it.name, &|value| u64::from(value) * it.stride))
            .collect();
        let filters = plan.tag_filters.iter().map(|filter| {
            let skip = |value: u32| match filter.admits.get(value as usize) {
                Some(true) => 0,
                _ => SKIP,
            };
            let table = table(Some(filter.name), &skip);
            // A part without the tag has it absent everywhere.
            if table.is_empty() { vec![skip(0)] } else { table }
        });
        Self { dimensions, filters: filters.collect() }
    }

    fn apply(&self, plan: &Plan, part: &Part, range: &Range<usize>, cells: &mut [u64]) {
        for ((_, dimension), table) in plan.dimensions.iter().zip(&self.dimensions) {
            if let Some(tag) = dimension.name.and_then(|name| part.tag(name)) {
                each_place(tag, range, table, cells, |cell, add| *cell += add);
            }
        }
        for (filter, table) in plan.tag_filters.iter().zip(&self.filters) {
            match part.tag(filter.name) {
                Some(tag) => each_place(tag, range, table, cells, |cell, skip| *cell |= skip),
                None => {
                    let skip = table.first().copied().unwrap_or(SKIP);
                    cells.iter_mut().for_each(|cell| *cell |= skip);
                }
            }
        }
        if !plan.value_filters.is_empty() {
            let values = part.values.get(range.clone()).unwrap_or_default();
            for (cell, &value) in cells.iter_mut().zip(values) {
                if !plan.admits_value(value) {
                    *cell |= SKIP;
                }
            }
        }
    }

    fn distinct_ids(&self, plan: &Plan, part: &Part, range: &Range<usize>, ids: &mut [Vec<u32>]) {
        for (of, ids) in plan.distinct.iter().zip(ids) {
            ids.clear();
            ids.resize(range.len(), 0);
            match of {
                DistinctOf::Key => part.each_run(range, |key, rows| {
                    let rows = rows.start - range.start..rows.end - range.start;
                    ids.get_mut(rows).unwrap_or_default().fill(key + 1);
                }),
                DistinctOf::Tag(name) => {
                    if let Some(tag) = part.tag(*name) {
                        each_place(tag, range, &tag.values, ids, |id, value| *id = value);
                    }
                }
                DistinctOf::Nothing => {}
            }
        }
    }
}

/// Looks the rows' places in a tag up in a table.
fn each_place<T: Copy, C>(
    tag: &PartTag,
    range: &Range<usize>,
    table: &[T],
    cells: &mut [C],
    mut visit: impl FnMut(&mut C, T),
) {
    each_width!(&tag.places, places => {
        for (cell, &place) in cells.iter_mut().zip(places.get(range.clone()).unwrap_or_default()) {
            if let Some(&it) = table.get(place as usize) {
                visit(cell, it);
            }
        }
    });
}
