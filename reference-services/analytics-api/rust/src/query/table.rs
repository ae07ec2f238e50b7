//! The rows of an answer: cells with what was computed for them.

use crate::query::plan::Plan;
use crate::query::spec::Aggregate;

/// Fields that a query can group by.
pub const FIELDS_MAX: usize = 4;

/// An aggregate of every row.
#[derive(Clone, Debug)]
pub enum Column {
    /// Counts.
    Whole(Vec<u64>),
    /// Doubles; null is NaN.
    Real(Vec<f64>),
}

/// Rows in columns.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Each row's bucket, counted from 1970.
    pub buckets: Vec<i64>,
    /// Each row's fields: a key's number plus one, a tag value's number plus one; 0 for absent.
    pub ids: Vec<[u32; FIELDS_MAX]>,
    /// The aggregates.
    pub columns: Vec<Column>,
    /// How many events match.
    pub events: u64,
    /// Rows that are not here any more, since others come before them.
    pub cut: usize,
}

impl Table {
    /// No rows yet.
    pub fn new(plan: &Plan) -> Self {
        let column = |aggregate: &Aggregate| match aggregate {
            Aggregate::Count | Aggregate::Distinct(_) => Column::Whole(Vec::new()),
            _ => Column::Real(Vec::new()),
        };
        Self { columns: plan.aggregates.iter().map(column).collect(), ..Self::default() }
    }

    /// Makes room for so many more rows.
    pub fn reserve(&mut self, rows: usize) {
        self.buckets.reserve(rows);
        self.ids.reserve(rows);
        for column in &mut self.columns {
            match column {
                Column::Whole(numbers) => numbers.reserve(rows),
                Column::Real(numbers) => numbers.reserve(rows),
            }
        }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// How many rows there were before some were cut.
    pub fn rows_total(&self) -> usize {
        self.rows() + self.cut
    }

    /// Begins a row; its aggregates are pushed by the caller.
    pub fn push_cell(&mut self, plan: &Plan, cell: u64, count: u64) {
        let (rest, combination) = (cell / plan.combinations, cell % plan.combinations);
        let (slot, bucket) = (rest / plan.buckets, rest % plan.buckets);
        let mut ids = [0; FIELDS_MAX];
        if plan.by_key
            && let Some(id) = ids.get_mut(plan.key_place)
        {
            *id = plan.key(slot) + 1;
        }
        for (place, dimension) in &plan.dimensions {
            if let Some(id) = ids.get_mut(*place) {
                *id = ((combination / dimension.stride) % dimension.size) as u32;
            }
        }
        self.buckets.push(plan.first_bucket.saturating_add_unsigned(bucket));
        self.ids.push(ids);
        self.events += count;
    }

    /// Adds a row without events.
    pub fn push_empty(&mut self, bucket: i64, ids: [u32; FIELDS_MAX], aggregates: &[Aggregate]) {
        self.buckets.push(bucket);
        self.ids.push(ids);
        for (column, aggregate) in self.columns.iter_mut().zip(aggregates) {
            match column {
                Column::Whole(numbers) => numbers.push(0),
                Column::Real(numbers) => numbers.push(match aggregate {
                    Aggregate::Sum => 0.0,
                    _ => f64::NAN,
                }),
            }
        }
    }

    /// Adds the rows of another table of the same plan.
    pub fn append(&mut self, other: Self) {
        self.buckets.extend(other.buckets);
        self.ids.extend(other.ids);
        self.events += other.events;
        self.cut += other.cut;
        for (own, other) in self.columns.iter_mut().zip(other.columns) {
            match (own, other) {
                (Column::Whole(own), Column::Whole(other)) => own.extend(other),
                (Column::Real(own), Column::Real(other)) => own.extend(other),
                _ => {}
            }
        }
    }

    /// Keeps the rows at these places.
    pub fn keep(&mut self, places: &[usize]) {
        fn pick<T: Copy>(from: &[T], places: &[usize]) -> Vec<T> {
            places.iter().filter_map(|&place| from.get(place).copied()).collect()
        }
        self.buckets = pick(&self.buckets, places);
        self.ids = pick(&self.ids, places);
        for column in &mut self.columns {
            match column {
                Column::Whole(numbers) => *numbers = pick(numbers, places),
                Column::Real(numbers) => *numbers = pick(numbers, places),
            }
        }
    }
}
