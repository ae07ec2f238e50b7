//! Running a plan on all cores.
//!
//! Grouped by key, the cells of some keys fit a processor's cache, and no two cores ever add to the
//! same cell: rows are sorted by key. Without the key each core has cells of its own, which are added
//! up at the end. Where cells are too many for their rows, rows are dealt out by a hash of their cell
//! first, and each core counts its share.

use crate::limits::DISTINCT_MAX;
use crate::query::grid::{Grid, Slice};
use crate::query::percentile::{Scratch, rank, select};
use crate::query::plan::{DistinctOf, Exceeded, Plan};
use crate::query::rows::{Piece, each_block, each_bucket, ignores_runs, is_whole};
use crate::query::spec::Aggregate;
use crate::query::table::{Column, Table};
use crate::store::part::Part;
use hashbrown::HashTable;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Cells that one core works on at a time, when it has the choice.
const CHUNK_CELLS: u64 = 16_384;
/// Rows that one core works on at a time, when it has the choice: their values stay in its cache
/// until they have been looked at again for percentiles.
const CHUNK_ROWS: u64 = 65_536;
/// More cells than this in one piece are sparse whatever their rows.
const DENSE_CELLS_MAX: u64 = 1 << 20;
/// Cells that there may be for each row before they are called sparse.
const SPARSE_FACTOR: u64 = 4;
const SHARES: usize = 64;
/// The least that is worth another core, in rows.
const PIECE_ROWS: usize = 65_536;
/// Rows of other keys that are passed over one by one rather than skipped.
const NEAR_ROWS: usize = 1_024;

/// Runs a plan; rows of the table are in no order. Tables are given to `cut` as they grow, which may drop
/// rows that will not be wanted.
///
/// # Errors
/// When it has more than `groups_max` cells, or counts too many different values.
pub fn run(
    plan: &Plan,
    groups_max: u64,
    cut: &(impl Fn(&mut Table) + Sync),
) -> Result<Table, Exceeded> {
    let limits = Limits { groups_max, groups: AtomicU64::new(0), pairs: AtomicUsize::new(0) };
    let rows: u64 = plan.parts.iter().map(|part| part.rows() as u64).sum();
    let cells = plan.slot_count.saturating_mul(plan.cells_of_key());
    let tables: Vec<Table> = if plan.parts.is_empty() || plan.last_ms < plan.from_ms {
        Vec::new()
    } else if plan.cells_of_key() <= DENSE_CELLS_MAX
        && cells <= rows.saturating_mul(SPARSE_FACTOR).max(CHUNK_CELLS)
    {
        run_dense(plan, rows, &limits, cut)?
    } else {
        run_sparse(plan, &limits, cut)?
    };
    let mut whole = Table::new(plan);
    whole.reserve(tables.iter().map(Table::rows).sum());
    tables.into_iter().for_each(|table| whole.append(table));
    Ok(whole)
}

/// Makes a table of each of so many, and as few as may be of all of them.
fn tables(
    plan: &Plan,
    count: u64,
    cut: &(impl Fn(&mut Table) + Sync),
    table: impl Fn(u64) -> Result<Table, Exceeded> + Sync,
) -> Result<Vec<Table>, Exceeded> {
    (0..count)
        .into_par_iter()
        .try_fold(
            || Table::new(plan),
            |mut all, nth| {
                all.append(table(nth)?);
                cut(&mut all);
                Ok(all)
            },
        )
        .collect()
}

struct Limits {
    groups_max: u64,
    groups: AtomicU64,
    pairs: AtomicUsize,
}

impl Limits {
    fn count_groups(&self, groups: u64) -> Result<(), Exceeded> {
        let before = self.groups.fetch_add(groups, Relaxed);
        if before + groups <= self.groups_max { Ok(()) } else { Err(Exceeded("groups")) }
    }

    fn count_pairs(&self, pairs: usize) -> Result<(), Exceeded> {
        let before = self.pairs.fetch_add(pairs, Relaxed);
        if before + pairs <= DISTINCT_MAX { Ok(()) } else { Err(Exceeded("distinct")) }
    }

    /// While a grid grows: it alone must not have too many.
    fn check(&self, grid: &Grid) -> Result<(), Exceeded> {
        let most = grid.distinct.iter().map(hashbrown::HashSet::len).max().unwrap_or(0);
        if most <= DISTINCT_MAX { Ok(()) } else { Err(Exceeded("distinct")) }
    }
}

fn run_dense(
    plan: &Plan,
    rows: u64,
    limits: &Limits,
    cut: &(impl Fn(&mut Table) + Sync),
) -> Result<Vec<Table>, Exceeded> {
    let slots = if plan.by_key {
        let slot_rows = (rows / plan.slot_count.max(1)).max(1);
        (CHUNK_CELLS / plan.cells_of_key()).min(CHUNK_ROWS / slot_rows).max(1)
    } else {
        plan.slot_count
    };
    let chunks = plan.slot_count.div_ceil(slots);
    tables(plan, chunks, cut, |chunk| {
        let slots = chunk * slots..((chunk + 1) * slots).min(plan.slot_count);
        run_chunk(plan, limits, &slots, chunks)
    })
}

fn run_chunk(
    plan: &Plan,
    limits: &Limits,
    slots: &Range<u64>,
    chunks: u64,
) -> Result<Table, Exceeded> {
    let cells = ((slots.end - slots.start) * plan.cells_of_key()) as usize;
    let first_cell = slots.start * plan.cells_of_key();
    let threads = rayon::current_num_threads();
    let shares = if chunks >= threads as u64 * 2 { 1 } else { threads * 2 };
    let pieces = deal(pieces(plan, slots), shares);
    let grids: Vec<Grid> = pieces
        .into_par_iter()
        .map(|pieces| {
            let mut grid = Grid::new(plan, cells);
            for piece in &pieces {
                add_piece(plan, piece, first_cell, &mut grid);
                limits.check(&grid)?;
            }
            Ok(grid)
        })
        .collect::<Result<_, Exceeded>>()?;
    finish(plan, limits, &grids, cells, |cell| first_cell + cell as u64)
}

/// The rows of these slots.
fn pieces(plan: &Plan, slots: &Range<u64>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (place, part) in plan.parts.iter().enumerate() {
        let mut add = |rows: Range<usize>| {
            if !rows.is_empty() {
                pieces.push(Piece { part: place, rows });
            }
        };
        let between = |first, last: u32| {
            part.rows_of_runs(&(part.keys.below(first)..part.keys.below(last + 1)))
        };
        match plan.admitted_keys(slots) {
            None if plan.by_key => add(between(plan.key(slots.start), plan.key(slots.end - 1))),
            None => add(0..part.rows()),
            Some(keys) => rows_of_keys(part, keys).into_iter().for_each(add),
        }
    }
    pieces
}

/// The rows of some keys, in rising order, with what lies between two that are near each other: looking
/// at that costs less than another piece.
fn rows_of_keys(part: &Part, keys: &[u32]) -> Vec<Range<usize>> {
    let (Some(&first), Some(&last)) = (keys.first(), keys.last()) else { return Vec::new() };
    let runs = part.keys.below(first)..part.keys.below(last + 1);
    if keys.len() > runs.len() {
        return vec![part.rows_of_runs(&runs)];
    }
    let mut all: Vec<Range<usize>> = Vec::new();
    for &key in keys {
        let run = part.keys.below(key);
        if part.keys.get(run) != Some(key) {
            continue;
        }
        let rows = part.run_rows(run);
        match all.last_mut() {
            Some(before) if rows.start - before.end < NEAR_ROWS => before.end = rows.end,
            _ => all.push(rows),
        }
    }
    all
}

/// Deals pieces out into so many shares of about as many rows, fewer if they are small.
fn deal(pieces: Vec<Piece>, shares: usize) -> Vec<Vec<Piece>> {
    let total: usize = pieces.iter().map(|piece| piece.rows.len()).sum();
    let share_rows = (total / shares.max(1) + 1).max(PIECE_ROWS);
    if shares == 1 || total <= share_rows {
        return vec![pieces];
    }
    let mut dealt = vec![Vec::new()];
    let mut room = share_rows;
    for Piece { part, mut rows } in pieces {
        while !rows.is_empty() {
            if room == 0 {
                dealt.push(Vec::new());
                room = share_rows;
            }
            let end = rows.end.min(rows.start + room);
            if let Some(share) = dealt.last_mut() {
                share.push(Piece { part, rows: rows.start..end });
            }
            room -= end - rows.start;
            rows.start = end;
        }
    }
    dealt
}

fn add_piece(plan: &Plan, piece: &Piece, first_cell: u64, grid: &mut Grid) {
    let Some(part) = plan.parts.get(piece.part) else {
        return;
    };
    let by_slices = |rows: Range<usize>, cell: u32, grid: &mut Grid| {
        let (start, len) = (rows.start as u32, rows.len() as u32);
        let slice = Slice { cell, part: piece.part as u32, start, rows: len };
        grid.add_slice(slice, part.values.get(rows).unwrap_or_default());
    };
    if plan.is_by_row() {
        return each_block(plan, piece, |block| grid.add_block(block, first_cell));
    }
    if ignores_runs(plan, part) {
        return if plan.bucket_ms.is_none() && is_whole(plan, part) {
            by_slices(piece.rows.clone(), 0, grid);
        } else {
            each_block(plan, piece, |block| grid.add_block(block, first_cell));
        };
    }
    part.each_run(&piece.rows, |key, rows| {
        let Some(slot) = plan.slot(key) else {
            return;
        };
        let slot = if plan.by_key { u64::from(slot) } else { 0 };
        let first = slot * plan.buckets - first_cell;
        each_bucket(plan, part, rows, |bucket, rows| {
            let cell = (first + bucket) as u32;
            by_slices(rows, cell, grid);
            for (nth, of) in plan.distinct.iter().enumerate() {
                if *of == DistinctOf::Key {
                    grid.add_distinct(nth, cell, key + 1);
                }
            }
        });
    });
}

/// Rows of some cells, one after the other.
#[derive(Default)]
struct Share {
    cells: Vec<u64>,
    values: Vec<f64>,
    ids: Vec<Vec<u32>>,
}

fn run_sparse(
    plan: &Plan,
    limits: &Limits,
    cut: &(impl Fn(&mut Table) + Sync),
) -> Result<Vec<Table>, Exceeded> {
    let threads = rayon::current_num_threads();
    let pieces = deal(pieces(plan, &(0..plan.slot_count)), threads * 2);
    let dealt: Vec<Vec<Share>> = pieces
        .into_par_iter()
        .map(|pieces| {
            let mut shares: Vec<Share> = Vec::new();
            shares.resize_with(SHARES, || {
                let ids = vec![Vec::new(); plan.distinct.len()];
                Share { ids, ..Share::default() }
            });
            for piece in &pieces {
                each_block(plan, piece, |block| {
                    for &(cell, row) in &block.rows {
                        let Some(share) = shares.get_mut((hash(cell) >> 58) as usize) else {
                            continue;
                        };
                        share.cells.push(cell);
                        let row = row as usize;
                        share.values.push(block.values.get(row).copied().unwrap_or_default());
                        for (to, from) in share.ids.iter_mut().zip(&block.ids) {
                            to.push(from.get(row).copied().unwrap_or(0));
                        }
                    }
                });
            }
            shares
        })
        .collect();
    tables(plan, SHARES as u64, cut, |nth| count_share(plan, limits, &dealt, nth as usize))
}

/// Mixes the bits of a cell (Fibonacci hashing, after folding the high bits in).
fn hash(cell: u64) -> u64 {
    (cell ^ (cell >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn count_share(
    plan: &Plan,
    limits: &Limits,
    dealt: &[Vec<Share>],
    nth: usize,
) -> Result<Table, Exceeded> {
    let mut places: HashTable<u32> = HashTable::new();
    let mut cells: Vec<u64> = Vec::new();
    let mut grid = Grid::new(plan, 0);
    let mut rows: Vec<(u64, u32)> = Vec::new();
    for share in dealt.iter().filter_map(|shares| shares.get(nth)) {
        rows.clear();
        for (&cell, row) in share.cells.iter().zip(0..) {
            let hashed = hash(cell).rotate_left(6);
            let found =
                places.find(hashed, |&place| cells.get(place as usize) == Some(&cell)).copied();
            let place = match found {
                Some(place) => place,
                None => {
                    let place = cells.len() as u32;
                    cells.push(cell);
                    if cells.len() as u64 > limits.groups_max {
                        return Err(Exceeded("groups"));
                    }
                    let cells = &cells;
                    places.insert_unique(hashed, place, |&place| {
                        cells.get(place as usize).map_or(0, |&cell| hash(cell).rotate_left(6))
                    });
                    place
                }
            };
            rows.push((u64::from(place), row));
        }
        grid.grow(cells.len());
        let block = crate::query::rows::Block {
            first_row: 0,
            rows: std::mem::take(&mut rows),
            values: &share.values,
            ids: share.ids.clone(),
        };
        grid.add_block(&block, 0);
        rows = block.rows;
        limits.check(&grid)?;
    }
    let count = cells.len();
    finish(plan, limits, &[grid], count, |place| cells.get(place).copied().unwrap_or_default())
}

/// Adds grids of the same cells up, and makes rows of the cells that have events.
fn finish(
    plan: &Plan,
    limits: &Limits,
    grids: &[Grid],
    cells: usize,
    cell: impl Fn(usize) -> u64,
) -> Result<Table, Exceeded> {
    let has_events = |place: usize| grids.iter().any(|it| it.counts.get(place) > Some(&0));
    let groups = (0..cells).filter(|&place| has_events(place)).count();
    limits.count_groups(groups as u64)?;
    let distinct = count_distinct(plan, limits, grids, cells)?;
    let values =
        if plan.percents.is_empty() { None } else { Some(ValuesOf::new(plan, grids, cells)) };
    let mut table = Table::new(plan);
    table.reserve(groups);
    let (mut scratch, mut found, mut slices) = (Scratch::default(), Vec::new(), Vec::new());
    let mut ranks = Vec::new();
    for place in 0..cells {
        let at = |of: fn(&Grid) -> &Vec<f64>| {
            grids.iter().filter_map(move |grid| of(grid).get(place).copied())
        };
        let count: u64 = grids.iter().filter_map(|grid| grid.counts.get(place)).sum();
        if count == 0 {
            continue;
        }
        if let Some(values) = &values {
            values.of_cell(grids, place, &mut slices);
            ranks.clear();
            ranks.extend(plan.percents.iter().map(|&percent| rank(percent, count)));
            select(&slices, &ranks, &mut scratch, &mut found);
        }
        table.push_cell(plan, cell(place), count);
        let mut nth_distinct = 0;
        for (aggregate, column) in plan.aggregates.iter().zip(&mut table.columns) {
            match aggregate {
                Aggregate::Count => column.push_whole(count),
                Aggregate::Sum => column.push_real(at(|it| &it.sums).sum()),
                Aggregate::Mean => column.push_real(at(|it| &it.sums).sum::<f64>() / count as f64),
                Aggregate::Min => {
                    column.push_real(at(|it| &it.least).fold(f64::INFINITY, f64::min));
                }
                Aggregate::Max => {
                    column.push_real(at(|it| &it.greatest).fold(f64::NEG_INFINITY, f64::max));
                }
                Aggregate::Percentile(percent) => {
                    let nth = plan.percents.iter().position(|it| it == percent).unwrap_or(0);
                    column.push_real(found.get(nth).copied().unwrap_or(f64::NAN));
                }
                Aggregate::Distinct(_) => {
                    let counts: Option<&Vec<u64>> = distinct.get(nth_distinct);
                    column.push_whole(counts.and_then(|it| it.get(place)).copied().unwrap_or(0));
                    nth_distinct += 1;
                }
            }
        }
    }
    Ok(table)
}

/// For each `distinct` how many values each cell has.
fn count_distinct(
    plan: &Plan,
    limits: &Limits,
    grids: &[Grid],
    cells: usize,
) -> Result<Vec<Vec<u64>>, Exceeded> {
    let mut all = Vec::with_capacity(plan.distinct.len());
    for nth in 0..plan.distinct.len() {
        let mut counts = vec![0; cells];
        let mut pairs = 0;
        let sets: Vec<_> = grids.iter().filter_map(|grid| grid.distinct.get(nth)).collect();
        for (set, others) in sets.iter().zip(1..) {
            let before = sets.get(..others - 1).unwrap_or_default();
            for pair in set.iter().filter(|pair| !before.iter().any(|it| it.contains(*pair))) {
                pairs += 1;
                if let Some(count) = counts.get_mut((pair >> 32) as usize) {
                    *count += 1;
                }
            }
        }
        limits.count_pairs(pairs)?;
        all.push(counts);
    }
    Ok(all)
}

/// Where the values of each cell are.
struct ValuesOf<'a> {
    /// Slices by cell, and for each cell where its slices end.
    slices: Vec<&'a [f64]>,
    ends: Vec<usize>,
}

impl<'a> ValuesOf<'a> {
    fn new(plan: &'a Plan, grids: &[Grid], cells: usize) -> Self {
        let all = || grids.iter().flat_map(|grid| &grid.slices);
        let mut ends = vec![0; cells];
        for slice in all() {
            if let Some(count) = ends.get_mut(slice.cell as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            let count = *end;
            *end = sum;
            sum += count;
        }
        let mut slices: Vec<&[f64]> = vec![&[]; sum];
        for slice in all() {
            let start = slice.start as usize;
            let rows = plan
                .parts
                .get(slice.part as usize)
                .and_then(|part| part.values.get(start..start + slice.rows as usize));
            if let Some(end) = ends.get_mut(slice.cell as usize) {
                if let Some(place) = slices.get_mut(*end) {
                    *place = rows.unwrap_or_default();
                }
                *end += 1;
            }
        }
        Self { slices, ends }
    }

    fn of_cell<'b>(&self, grids: &'b [Grid], cell: usize, slices: &mut Vec<&'b [f64]>)
    where
        'a: 'b,
    {
        slices.clear();
        let start = cell.checked_sub(1).and_then(|it| self.ends.get(it)).copied().unwrap_or(0);
        let end = self.ends.get(cell).copied().unwrap_or(start);
        slices.extend(self.slices.get(start..end).unwrap_or_default());
        slices.extend(grids.iter().filter_map(|grid| grid.values.get(cell)).map(Vec::as_slice));
    }
}

impl Column {
    fn push_whole(&mut self, number: u64) {
        if let Self::Whole(numbers) = self {
            numbers.push(number);
        }
    }

    fn push_real(&mut self, number: f64) {
        if let Self::Real(numbers) = self {
            numbers.push(number);
        }
    }
}
