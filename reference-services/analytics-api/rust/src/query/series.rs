//! Listing what there is: each combination of a key and its tags.

use crate::query::params::Selection;
use crate::query::plan::{Exceeded, Plan};
use crate::query::rows::{Piece, each_block};
use crate::query::spec::Invalid;
use crate::store::Store;
use crate::store::dictionary::Dictionary;
use crate::store::part::Part;
use hashbrown::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LIMIT_DEFAULT: usize = 100;

/// A key's number, and its tags as numbers of names and values.
type Ids = (u32, Vec<(u32, u32)>);

/// What a series has.
#[derive(Clone, Copy, Debug)]
struct Span {
    events: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Span {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// A series' place in the order: its key, then its tags, all by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place(String, Vec<(String, String)>);

#[derive(Serialize)]
struct Listed {
    key: String,
    tags: BTreeMap<String, String>,
    events: u64,
    first: i64,
    last: i64,
}

/// A page of a listing.
#[derive(Serialize)]
pub struct Listing {
    series: Vec<Listed>,
    next: Option<String>,
}

/// Why there is no listing.
#[derive(Debug)]
pub enum NoListing {
    /// `after` is none that was given.
    Invalid(Invalid),
    /// There are too many series.
    Exceeded(Exceeded),
}

/// Lists the series that match, as of now.
///
/// # Errors
/// When `after` was never given, or there are too many series.
pub fn list(store: &Store, selection: &Selection) -> Result<Listing, NoListing> {
    let after = match &selection.after {
        None => None,
        Some(token) => Some(read_token(token).ok_or_else(|| {
            let detail = "after is what the last listing said under next.".to_owned();
            NoListing::Invalid(Invalid { pointer: "/after".to_owned(), detail })
        })?),
    };
    let snapshot = store.snapshot();
    let plan = Plan::selection(
        selection.from_ms.unwrap_or(0).max(snapshot.oldest_ms),
        selection.to_ms.map_or(i64::MAX, |to| to - 1),
        &selection.conditions,
        &snapshot.parts,
        &store.dictionary(),
    );
    let groups_max = store.settings().groups_max;
    let of_parts: Vec<HashMap<Ids, Span>> =
        (0..plan.parts.len()).into_par_iter().map(|part| series_of(&plan, part)).collect();
    let mut all: HashMap<Ids, Span> = HashMap::new();
    for series in of_parts {
        for (ids, span) in series {
            all.entry(ids).and_modify(|it| it.add(span)).or_insert(span);
        }
        if all.len() as u64 > groups_max {
            return Err(NoListing::Exceeded(Exceeded("groups")));
        }
    }
    Ok(page(&store.dictionary(), &all, after.as_ref(), selection.limit.unwrap_or(LIMIT_DEFAULT)))
}

fn series_of(plan: &Plan, nth: usize) -> HashMap<Ids, Span> {
    let mut series: HashMap<Ids, Span> = HashMap::new();
    let Some(part) = plan.parts.get(nth) else {
        return series;
    };
    part.each_run(&(0..part.rows()), |key, rows| {
        let mut of_run: HashMap<Vec<u64>, Span> = HashMap::new();
        let mut combination = Vec::with_capacity(part.tags.len());
        each_block(plan, &Piece { part: nth, rows }, |block| {
            for &(_, row) in &block.rows {
                let row = block.first_row + row as usize;
                let ms = part.first_ms + part.times.get(row) as i64;
                combination.clear();
                combination.extend(part.tags.iter().map(|tag| tag.places.get(row)));
                let span = Span { events: 1, first_ms: ms, last_ms: ms };
                match of_run.get_mut(&combination) {
                    Some(own) => own.add(span),
                    None => {
                        of_run.insert(combination.clone(), span);
                    }
                }
            }
        });
        for (combination, span) in of_run {
            let ids = (key, tags_of(part, &combination));
            series.entry(ids).and_modify(|it| it.add(span)).or_insert(span);
        }
    });
    series
}

fn tags_of(part: &Part, combination: &[u64]) -> Vec<(u32, u32)> {
    let tags = part.tags.iter().zip(combination).filter_map(|(tag, &place)| {
        let value = tag.values.get(place as usize)?.checked_sub(1)?;
        Some((tag.name, value))
    });
    tags.collect()
}

fn page(
    dictionary: &Dictionary,
    all: &HashMap<Ids, Span>,
    after: Option<&Place>,
    limit: usize,
) -> Listing {
    let place = |ids: &Ids| {
        let mut tags: Vec<(String, String)> = ids
            .1
            .iter()
            .map(|&(name, value)| {
                let text = dictionary.tag_values(name).get(value);
                (dictionary.tag_name(name).to_owned(), text.to_owned())
            })
            .collect();
        tags.sort_unstable();
        Place(dictionary.keys().get(ids.0).to_owned(), tags)
    };
    let all: Vec<(&Ids, &Span)> = all.iter().collect();
    let mut listed: Vec<(Place, Span)> = all
        .into_par_iter()
        .map(|(ids, span)| (place(ids), *span))
        .filter(|(place, _)| after.is_none_or(|after| place > after))
        .collect();
    let more = listed.len() > limit;
    if more {
        listed.select_nth_unstable_by(limit, |a, b| a.0.cmp(&b.0));
        listed.truncate(limit);
    }
    listed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let next = listed.last().filter(|_| more).map(|(place, _)| token(place));
    let series = listed.into_iter().map(|(Place(key, tags), span)| Listed {
        key,
        tags: tags.into_iter().collect(),
        events: span.events,
        first: span.first_ms,
        last: span.last_ms,
    });
    Listing { series: series.collect(), next }
}

/// A place as hexadecimal digits, with a checksum in front so that no other text is one.
fn token(place: &Place) -> String {
    let text = serde_json::to_string(place).unwrap_or_default();
    let crc = crc32c::crc32c(text.as_bytes()).to_be_bytes();
    crc.iter().chain(text.as_bytes()).map(|byte| format!("{byte:02x}")).collect()
}

fn read_token(token: &str) -> Option<Place> {
    let mut bytes = Vec::with_capacity(token.len() / 2);
    let (pairs, rest) = token.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    for pair in pairs {
        bytes.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
    }
    let (crc, text) = bytes.split_first_chunk::<4>()?;
    let is_ours = u32::from_be_bytes(*crc) == crc32c::crc32c(text);
    is_ours.then(|| serde_json::from_slice(text).ok())?
}
