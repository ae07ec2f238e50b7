//! From a query to the bytes of its answer.

use crate::query::plan::{Exceeded, Plan};
use crate::query::run::run;
use crate::query::sort::{cut, sorted};
use crate::query::spec::{Field, Format, Order, Query};
use crate::query::table::{Column, Table};
use crate::store::Store;
use crate::store::dictionary::Dictionary;
use crate::store::part::Part;
use hashbrown::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// A table with so many times the rows that are wanted is cut: rarely enough to cost next to nothing,
/// early enough to stay in a core's cache.
const CUT_FACTOR: usize = 4;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// JSON or CSV.
    pub body: Vec<u8>,
    /// Rows before the limit.
    pub rows_total: usize,
}

/// Answers a query as of now.
///
/// # Errors
/// When it asks for too much.
pub fn answer(store: &Store, query: &Query) -> Result<Answer, Exceeded> {
    let snapshot = store.snapshot();
    let order = full_order(query);
    let table = table(store, query, &order, &snapshot.parts, snapshot.oldest_ms)?;
    let dictionary = store.dictionary();
    let fields = Fields::new(query, &dictionary);
    let places = sorted(&table, &order, &fields, query.limit);
    let body = match query.format {
        Format::Json => json(query, &table, &fields, &places),
        Format::Csv => csv(query, &table, &fields, &places),
    };
    Ok(Answer { body, rows_total: table.rows_total() })
}

fn table(
    store: &Store,
    query: &Query,
    order: &[Sort],
    parts: &[Arc<Part>],
    oldest_ms: i64,
) -> Result<Table, Exceeded> {
    let groups_max = store.settings().groups_max;
    let plan_of = |query: &Query| Plan::new(query, parts, oldest_ms, &store.dictionary());
    let is_cut = query.top.is_none() && !query.fill;
    let mut table = run(&plan_of(query)?, groups_max, &|table: &mut Table| {
        if is_cut && table.rows() > CUT_FACTOR * query.limit {
            let dictionary = store.dictionary();
            cut(table, order, &Fields::new(query, &dictionary), query.limit);
        }
    })?;
    if let Some(top) = query.top {
        let keep = if query.bucket_ms.is_some() {
            // What a group has over the whole window takes a query of its own.
            let mut whole = query.clone();
            whole.bucket_ms = None;
            whole.aggregates = query.aggregates.get(top.by).cloned().into_iter().collect();
            let groups = run(&plan_of(&whole)?, groups_max, &|_: &mut Table| ())?;
            best(store, query, &groups, 0, top.k)
        } else {
            best(store, query, &table, top.by, top.k)
        };
        let places: Vec<usize> = (0..table.rows())
            .filter(|&row| table.ids.get(row).is_some_and(|ids| keep.contains(ids)))
            .collect();
        table.keep(&places);
    }
    if query.fill
        && let Some(length) = query.bucket_ms
    {
        fill(&mut table, query, length, groups_max)?;
    }
    if query.group_by.is_empty() && query.bucket_ms.is_none() && table.rows() == 0 {
        table.push_empty(0, [0; 4], &query.aggregates);
    }
    Ok(table)
}

/// The groups whose aggregate is greatest; of equal ones those that come first.
fn best(store: &Store, query: &Query, groups: &Table, by: usize, k: usize) -> HashSet<[u32; 4]> {
    let dictionary = store.dictionary();
    let fields = Fields::new(query, &dictionary);
    let mut order = vec![Sort::Aggregate { place: by, falling: true }];
    order.extend((0..query.group_by.len()).map(|place| Sort::Field { place, falling: false }));
    let places = sorted(groups, &order, &fields, k);
    places.iter().filter_map(|&row| groups.ids.get(row).copied()).collect()
}

fn fill(table: &mut Table, query: &Query, length: i64, groups_max: u64) -> Result<(), Exceeded> {
    let groups: HashSet<[u32; 4]> = if query.group_by.is_empty() {
        HashSet::from_iter([[0; 4]])
    } else {
        table.ids.iter().copied().collect()
    };
    let (first, last) = (query.from_ms / length, (query.to_ms - 1) / length);
    let cells = (groups.len() as u64).saturating_mul(last.abs_diff(first) + 1);
    if cells > groups_max {
        return Err(Exceeded("groups"));
    }
    let there: HashSet<(i64, [u32; 4])> =
        table.buckets.iter().copied().zip(table.ids.iter().copied()).collect();
    for ids in groups {
        for bucket in (first..=last).filter(|bucket| !there.contains(&(*bucket, ids))) {
            table.push_empty(bucket, ids, &query.aggregates);
        }
    }
    Ok(())
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The bucket.
    Bucket {
        /// Latest first.
        falling: bool,
    },
    /// The field of this place in `group_by`.
    Field {
        /// Which.
        place: usize,
        /// Greatest first.
        falling: bool,
    },
    /// The aggregate of this place.
    Aggregate {
        /// Which.
        place: usize,
        /// Greatest first.
        falling: bool,
    },
}

/// The order that was asked for, then what is not in it.
fn full_order(query: &Query) -> Vec<Sort> {
    let buckets = usize::from(query.bucket_ms.is_some());
    let fields = query.group_by.len();
    let sort = |Order { column, falling }: Order| {
        if column < buckets {
            Sort::Bucket { falling }
        } else if column < buckets + fields {
            Sort::Field { place: column - buckets, falling }
        } else {
            Sort::Aggregate { place: column - buckets - fields, falling }
        }
    };
    let asked = query.order.iter().copied();
    let rest = (0..buckets + fields)
        .filter(|column| query.order.iter().all(|it| it.column != *column))
        .map(|column| Order { column, falling: false });
    asked.chain(rest).map(sort).collect()
}

/// The texts of fields.
pub struct Fields<'a> {
    dictionary: &'a Dictionary,
    /// For each field the tag's number; nothing for the key.
    fields: Vec<Option<Option<u32>>>,
}

impl<'a> Fields<'a> {
    fn new(query: &Query, dictionary: &'a Dictionary) -> Self {
        let fields = query.group_by.iter().map(|field| match field {
            Field::Key => None,
            Field::Tag(name) => Some(dictionary.tag(name)),
        });
        Self { dictionary, fields: fields.collect() }
    }

    /// The text of a field, nothing if it is absent.
    pub fn text(&self, place: usize, id: u32) -> Option<&'a str> {
        let number = id.checked_sub(1)?;
        match self.fields.get(place)? {
            None => Some(self.dictionary.keys().get(number)),
            Some(name) => Some(self.dictionary.tag_values((*name)?).get(number)),
        }
    }
}

fn json(query: &Query, table: &Table, fields: &Fields<'_>, places: &[usize]) -> Vec<u8> {
    let mut out = Vec::with_capacity(places.len() * 64 + 256);
    out.extend_from_slice(b"{\"columns\":");
    put_json(&mut out, &query.columns());
    out.extend_from_slice(b",\"rows\":[");
    for (nth, &row) in places.iter().enumerate() {
        out.extend_from_slice(if nth == 0 { b"[" } else { b",[" });
        put_cells(query, table, fields, row, &mut out, &mut |out, cell| match cell {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Text(text) => put_json(out, text),
            Cell::Whole(number) => put_whole(out, number),
            Cell::Real(number) => put_json(out, &number),
        });
        out.push(b']');
    }
    out.extend_from_slice(b"],\"rows_total\":");
    put_whole(&mut out, table.rows_total() as i64);
    out.extend_from_slice(b",\"events\":");
    put_whole(&mut out, table.events as i64);
    out.push(b'}');
    out
}

fn csv(query: &Query, table: &Table, fields: &Fields<'_>, places: &[usize]) -> Vec<u8> {
    let mut out = Vec::with_capacity(places.len() * 48 + 256);
    for (nth, column) in query.columns().iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        put_csv_text(&mut out, column);
    }
    out.extend_from_slice(b"\r\n");
    for &row in places {
        put_cells(query, table, fields, row, &mut out, &mut |out, cell| match cell {
            Cell::Null => {}
            Cell::Text(text) => put_csv_text(out, text),
            Cell::Whole(number) => put_whole(out, number),
            Cell::Real(number) => put_json(out, &number),
        });
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// One cell of the answer.
enum Cell<'a> {
    Null,
    Text(&'a str),
    Whole(i64),
    Real(f64),
}

/// The cells of a row, with commas between them.
fn put_cells(
    query: &Query,
    table: &Table,
    fields: &Fields<'_>,
    row: usize,
    out: &mut Vec<u8>,
    put: &mut impl FnMut(&mut Vec<u8>, Cell<'_>),
) {
    let mut is_first = true;
    let mut next = |out: &mut Vec<u8>, cell: Cell<'_>| {
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        put(out, cell);
    };
    if let Some(length) = query.bucket_ms {
        let bucket = table.buckets.get(row).copied().unwrap_or_default();
        next(out, Cell::Whole(bucket * length));
    }
    let ids = table.ids.get(row).copied().unwrap_or_default();
    for (place, id) in ids.into_iter().enumerate().take(query.group_by.len()) {
        next(out, fields.text(place, id).map_or(Cell::Null, Cell::Text));
    }
    for column in &table.columns {
        next(
            out,
            match column {
                Column::Whole(numbers) => {
                    Cell::Whole(numbers.get(row).copied().unwrap_or_default() as i64)
                }
                Column::Real(numbers) => match numbers.get(row) {
                    Some(number) if !number.is_nan() => Cell::Real(*number),
                    _ => Cell::Null,
                },
            },
        );
    }
}

fn put_json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Writing numbers and texts into memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

fn put_whole(out: &mut Vec<u8>, number: i64) {
    put_json(out, &number);
}

fn put_csv_text(out: &mut Vec<u8>, text: &str) {
    if text.contains([',', '"']) {
        let mut quoted = String::with_capacity(text.len() + 2);
        // Writing into a string cannot fail.
        let _ = write!(quoted, "\"{}\"", text.replace('"', "\"\""));
        out.extend_from_slice(quoted.as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
