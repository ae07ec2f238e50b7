//! Sorting rows, as many as are wanted.

use crate::query::answer::{Fields, Sort};
use crate::query::table::{Column, Table};
use std::cmp::Ordering;

/// The first `limit` rows in this order, as places in the table.
pub fn sorted(table: &Table, order: &[Sort], fields: &Fields<'_>, limit: usize) -> Vec<usize> {
    // Most comparisons are decided by eight bytes that stand beside the place.
    let leads = leads(table, order.first(), fields);
    let mut rows: Vec<(u64, u32)> = leads.into_iter().zip(0..).collect();
    let compare = |a: &(u64, u32), b: &(u64, u32)| {
        a.0.cmp(&b.0).then_with(|| compare(table, order, fields, a.1 as usize, b.1 as usize))
    };
    if limit == 0 {
        rows.clear();
    } else if limit < rows.len() {
        rows.select_nth_unstable_by(limit - 1, compare);
        rows.truncate(limit);
    }
    rows.sort_unstable_by(compare);
    rows.into_iter().map(|(_, row)| row as usize).collect()
}

/// Drops the rows that come after the first `limit` in this order.
pub fn cut(table: &mut Table, order: &[Sort], fields: &Fields<'_>, limit: usize) {
    let rows = table.rows();
    table.keep(&sorted(table, order, fields, limit));
    table.cut += rows - table.rows();
}

/// For each row a number that is no greater than that of a row that comes later.
fn leads(table: &Table, first: Option<&Sort>, fields: &Fields<'_>) -> Vec<u64> {
    let (mut leads, falling): (Vec<u64>, bool) = match first {
        None => (vec![0; table.rows()], false),
        Some(Sort::Bucket { falling }) => {
            (table.buckets.iter().map(|&bucket| bucket as u64).collect(), *falling)
        }
        Some(Sort::Field { place, falling }) => (text_leads(table, *place, fields), *falling),
        Some(Sort::Aggregate { place, falling }) => match table.columns.get(*place) {
            Some(Column::Whole(numbers)) => (numbers.clone(), *falling),
            Some(Column::Real(numbers)) => {
                (numbers.iter().map(|&number| number_lead(number)).collect(), *falling)
            }
            None => (vec![0; table.rows()], false),
        },
    };
    if falling {
        leads.iter_mut().for_each(|lead| *lead = !*lead);
    }
    leads
}

/// Null before all numbers, numbers by size.
fn number_lead(number: f64) -> u64 {
    if number.is_nan() {
        return 0;
    }
    // Zero is one number, whatever its sign.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Eight bytes of each text, behind what all of them begin with.
fn text_leads(table: &Table, place: usize, fields: &Fields<'_>) -> Vec<u64> {
    let texts: Vec<Option<&str>> =
        table.ids.iter().map(|ids| ids.get(place).and_then(|&id| fields.text(place, id))).collect();
    let mut present = texts.iter().flatten().map(|text| text.as_bytes());
    let first = present.next().unwrap_or_default();
    let common = present.fold(first.len(), |common, text| {
        let same = first.iter().zip(text).take(common).take_while(|(a, b)| a == b).count();
        same.min(common)
    });
    let lead = |text: &Option<&str>| {
        text.map_or(0, |text| {
            let rest = text.as_bytes().get(common..).unwrap_or_default();
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(rest).for_each(|(slot, &byte)| *slot = byte);
            // Above absence; the last bit is left to the comparison of whole texts.
            (u64::from_be_bytes(bytes) >> 1) + 1
        })
    };
    texts.iter().map(lead).collect()
}

fn compare(table: &Table, order: &[Sort], fields: &Fields<'_>, a: usize, b: usize) -> Ordering {
    for sort in order {
        let (ordering, falling) = match sort {
            Sort::Bucket { falling } => (table.buckets.get(a).cmp(&table.buckets.get(b)), *falling),
            Sort::Field { place, falling } => match (table.ids.get(a), table.ids.get(b)) {
                (Some(a), Some(b)) => (compare_ids(fields, a, b, *place), *falling),
                _ => (Ordering::Equal, false),
            },
            Sort::Aggregate { place, falling } => {
                let ordering = match table.columns.get(*place) {
                    Some(Column::Whole(numbers)) => numbers.get(a).cmp(&numbers.get(b)),
                    Some(Column::Real(numbers)) => {
                        let lead = |row: usize| numbers.get(row).map(|&it| number_lead(it));
                        lead(a).cmp(&lead(b))
                    }
                    None => Ordering::Equal,
                };
                (ordering, *falling)
            }
        };
        match ordering {
            Ordering::Equal => {}
            other => return if falling { other.reverse() } else { other },
        }
    }
    Ordering::Equal
}

/// Compares one field of two rows: absence first, then texts by their bytes.
pub fn compare_ids(fields: &Fields<'_>, a: &[u32; 4], b: &[u32; 4], place: usize) -> Ordering {
    match (a.get(place), b.get(place)) {
        (Some(a), Some(b)) if a != b => fields.text(place, *a).cmp(&fields.text(place, *b)),
        _ => Ordering::Equal,
    }
}
