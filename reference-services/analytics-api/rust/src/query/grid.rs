//! What is added up for some cells.

use crate::query::plan::Plan;
use crate::query::rows::Block;
use crate::query::spec::Aggregate;
use hashbrown::HashSet;

/// Values added side by side, which the processor does at once.
const LANES: usize = 8;

/// Sums of cells 0 to some number.
#[derive(Debug, Default)]
pub struct Grid {
    /// How many values.
    pub counts: Vec<u64>,
    /// Their sum.
    pub sums: Vec<f64>,
    /// The least.
    pub least: Vec<f64>,
    /// The greatest.
    pub greatest: Vec<f64>,
    /// For percentiles: where values of a cell stand together.
    pub slices: Vec<Slice>,
    /// For percentiles: the values of a cell, where they do not.
    pub values: Vec<Vec<f64>>,
    /// For each `distinct` the pairs of cell and value.
    pub distinct: Vec<HashSet<u64>>,
    wants: Wants,
}

/// Rows of a part that belong to one cell.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The cell.
    pub cell: u32,
    /// The part's place in the plan.
    pub part: u32,
    /// The first row.
    pub start: u32,
    /// How many rows.
    pub rows: u32,
}

/// Which sums are needed.
#[derive(Clone, Copy, Debug, Default)]
struct Wants {
    sums: bool,
    bounds: bool,
    values: bool,
}

impl Grid {
    /// Zeros for so many cells.
    pub fn new(plan: &Plan, cells: usize) -> Self {
        let mut grid = Self::default();
        for aggregate in &plan.aggregates {
            match aggregate {
                Aggregate::Sum | Aggregate::Mean => grid.wants.sums = true,
                Aggregate::Min | Aggregate::Max => grid.wants.bounds = true,
                Aggregate::Percentile(_) => grid.wants.values = true,
                Aggregate::Count | Aggregate::Distinct(_) => {}
            }
        }
        grid.distinct.resize_with(plan.distinct.len(), HashSet::new);
        grid.grow(cells);
        grid
    }

    /// Makes room for more cells.
    pub fn grow(&mut self, cells: usize) {
        self.counts.resize(cells, 0);
        if self.wants.sums {
            self.sums.resize(cells, 0.0);
        }
        if self.wants.bounds {
            self.least.resize(cells, f64::INFINITY);
            self.greatest.resize(cells, f64::NEG_INFINITY);
        }
    }

    /// Adds values that stand together.
    pub fn add_slice(&mut self, slice: Slice, values: &[f64]) {
        let cell = slice.cell as usize;
        if let Some(count) = self.counts.get_mut(cell) {
            *count += values.len() as u64;
        }
        if let Some(sum) = self.sums.get_mut(cell) {
            *sum += sum_of(values);
        }
        if let (Some(least), Some(greatest)) =
            (self.least.get_mut(cell), self.greatest.get_mut(cell))
        {
            let (low, high) = bounds_of(values);
            *least = least.min(low);
            *greatest = greatest.max(high);
        }
        if self.wants.values {
            self.slices.push(slice);
        }
    }

    /// Adds a pair of a cell and a value's number for one of the plan's `distinct`.
    pub fn add_distinct(&mut self, nth: usize, cell: u32, id: u32) {
        if let Some(pairs) = self.distinct.get_mut(nth) {
            pairs.insert(u64::from(cell) << 32 | u64::from(id));
        }
    }

    /// Adds the rows of a block, whose cells are numbered from `first_cell`.
    pub fn add_block(&mut self, block: &Block<'_>, first_cell: u64) {
        let rows = || {
            block.rows.iter().filter_map(|&(cell, row)| {
                Some(((cell - first_cell) as usize, *block.values.get(row as usize)?))
            })
        };
        for &(cell, _) in &block.rows {
            if let Some(count) = self.counts.get_mut((cell - first_cell) as usize) {
                *count += 1;
            }
        }
        if self.wants.sums {
            for (cell, value) in rows() {
                if let Some(sum) = self.sums.get_mut(cell) {
                    *sum += value;
                }
            }
        }
        if self.wants.bounds {
            for (cell, value) in rows() {
                if let (Some(least), Some(greatest)) =
                    (self.least.get_mut(cell), self.greatest.get_mut(cell))
                {
                    *least = least.min(value);
                    *greatest = greatest.max(value);
                }
            }
        }
        if self.wants.values {
            self.values.resize_with(self.counts.len(), Vec::new);
            for (cell, value) in rows() {
                if let Some(values) = self.values.get_mut(cell) {
                    values.push(value);
                }
            }
        }
        for (pairs, ids) in self.distinct.iter_mut().zip(&block.ids) {
            let mut before = (u64::MAX, 0);
            for &(cell, row) in &block.rows {
                let pair = (cell, ids.get(row as usize).copied().unwrap_or(0));
                if pair.1 != 0 && pair != before {
                    pairs.insert((cell - first_cell) << 32 | u64::from(pair.1));
                    before = pair;
                }
            }
        }
    }
}

fn sum_of(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

fn bounds_of(values: &[f64]) -> (f64, f64) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut least = [f64::INFINITY; LANES];
    let mut greatest = [f64::NEG_INFINITY; LANES];
    for chunk in chunks {
        for ((least, greatest), &value) in least.iter_mut().zip(&mut greatest).zip(chunk) {
            *least = if value < *least { value } else { *least };
            *greatest = if value > *greatest { value } else { *greatest };
        }
    }
    (
        least.iter().chain(rest).copied().fold(f64::INFINITY, f64::min),
        greatest.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max),
    )
}
