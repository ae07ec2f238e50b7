//! A query in the store's numbers: which rows, and which cell each of them belongs to.
//!
//! Cells are numbered `(key slot × buckets + bucket) × tag combinations + tag combination`.

use crate::limits::BUCKETS_MAX;
use crate::query::spec::{Aggregate, Condition, Field, NumberOp, Query};
use crate::store::dictionary::Dictionary;
use crate::store::part::Part;
use std::ops::Range;
use std::sync::Arc;

/// Stands for a key that no condition admits.
pub const NO_SLOT: u32 = u32::MAX;
/// More cells than this cannot be numbered.
const CELLS_MAX: u64 = 1 << 62;

/// A query that asks for too much; the text is the limit's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded(pub &'static str);

/// A tag to group by.
#[derive(Debug)]
pub struct Dimension {
    /// The tag's number; nothing if no event has it.
    pub name: Option<u32>,
    /// How many values there are, absence included.
    pub size: u64,
    /// Cells from one value to the next.
    pub stride: u64,
}

/// A tag with conditions.
#[derive(Debug)]
pub struct TagFilter {
    /// The tag's number.
    pub name: u32,
    /// For absence, then each value, whether it is admitted.
    pub admits: Vec<bool>,
}

/// What to count different values of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistinctOf {
    /// Keys.
    Key,
    /// Values of the tag of this number.
    Tag(u32),
    /// A tag that no event has.
    Nothing,
}

/// The rows and cells of a query.
#[derive(Debug)]
pub struct Plan {
    /// The parts with rows in the window.
    pub parts: Vec<Arc<Part>>,
    /// The window's first ms.
    pub from_ms: i64,
    /// The window's last ms.
    pub last_ms: i64,
    /// The buckets' length, the whole window if there are none.
    pub bucket_ms: Option<i64>,
    /// The first bucket, counted from 1970.
    pub first_bucket: i64,
    /// Buckets that may have rows.
    pub buckets: u64,
    /// For each key its slot; nothing if each key's slot is its number.
    pub slots: Option<Vec<u32>>,
    /// The keys by their slots, if not by their numbers.
    pub slot_keys: Vec<u32>,
    /// How many slots there are: 1 if it is not grouped by key.
    pub slot_count: u64,
    /// Whether it is grouped by key.
    pub by_key: bool,
    /// The place of the key among the fields.
    pub key_place: usize,
    /// The tags to group by, with their places among the fields.
    pub dimensions: Vec<(usize, Dimension)>,
    /// Combinations of their values.
    pub combinations: u64,
    /// Conditions on tags.
    pub tag_filters: Vec<TagFilter>,
    /// Conditions on values.
    pub value_filters: Vec<(NumberOp, f64)>,
    /// What is computed.
    pub aggregates: Vec<Aggregate>,
    /// Different percentiles wanted, rising, in hundredths.
    pub percents: Vec<u64>,
    /// Fields of `distinct`.
    pub distinct: Vec<DistinctOf>,
}

impl Plan {
    /// A query over these parts.
    ///
    /// # Errors
    /// When it asks for too much.
    pub fn new(
        query: &Query,
        parts: &[Arc<Part>],
        oldest_ms: i64,
        dictionary: &Dictionary,
    ) -> Result<Self, Exceeded> {
        if let Some(length) = query.bucket_ms
            && ((query.to_ms - 1) / length).abs_diff(query.from_ms / length) >= BUCKETS_MAX
        {
            return Err(Exceeded("buckets"));
        }
        let mut plan = Self::selection(
            query.from_ms.max(oldest_ms),
            query.to_ms - 1,
            &query.conditions,
            parts,
            dictionary,
        );
        if let Some(length) = query.bucket_ms {
            plan.bucket_ms = Some(length);
            plan.first_bucket = plan.from_ms / length;
            plan.buckets = (plan.last_ms / length).abs_diff(plan.first_bucket) + 1;
        }
        plan.by_key = query.group_by.contains(&Field::Key);
        plan.slot_count = match &plan.slots {
            _ if !plan.by_key => 1,
            Some(_) => plan.slot_keys.len() as u64,
            None => dictionary.keys().len() as u64,
        };
        let mut cells = plan.slot_count.max(1).checked_mul(plan.buckets);
        for (place, field) in query.group_by.iter().enumerate().rev() {
            let Field::Tag(name) = field else {
                plan.key_place = place;
                continue;
            };
            let name = dictionary.tag(name);
            let size = name.map_or(0, |name| dictionary.tag_values(name).len() as u64) + 1;
            cells = cells.and_then(|cells| cells.checked_mul(size));
            if cells.is_none_or(|cells| cells > CELLS_MAX) {
                return Err(Exceeded("groups"));
            }
            plan.dimensions.push((place, Dimension { name, size, stride: plan.combinations }));
            plan.combinations *= size;
        }
        plan.aggregate(&query.aggregates, dictionary);
        Ok(plan)
    }

    fn aggregate(&mut self, aggregates: &[Aggregate], dictionary: &Dictionary) {
        self.aggregates = aggregates.to_vec();
        for aggregate in aggregates {
            match aggregate {
                Aggregate::Percentile(percent) => self.percents.push(*percent),
                Aggregate::Distinct(Field::Key) => self.distinct.push(DistinctOf::Key),
                Aggregate::Distinct(Field::Tag(name)) => {
                    let tag = dictionary.tag(name);
                    self.distinct.push(tag.map_or(DistinctOf::Nothing, DistinctOf::Tag));
                }
                _ => {}
            }
        }
        self.percents.sort_unstable();
    }

    /// The events between two times that meet the conditions, ungrouped.
    pub fn selection(
        from_ms: i64,
        last_ms: i64,
        conditions: &[Condition],
        parts: &[Arc<Part>],
        dictionary: &Dictionary,
    ) -> Self {
        let mut tag_filters: Vec<TagFilter> = Vec::new();
        let mut value_filters = Vec::new();
        let mut keys: Option<Vec<bool>> = None;
        let mut nothing = false;
        for condition in conditions {
            match condition {
                Condition::Number { op, than } => value_filters.push((*op, *than)),
                Condition::Text { field: Field::Key, .. } => {
                    let strings = dictionary.keys();
                    let admits = keys.get_or_insert_with(|| vec![true; strings.len()]);
                    for (admitted, key) in admits.iter_mut().zip(strings.iter()) {
                        *admitted &= condition.admits_text(Some(key));
                    }
                }
                Condition::Text { field: Field::Tag(name), .. } => match dictionary.tag(name) {
                    Some(name) => tag_filters.push(tag_filter(name, condition, dictionary)),
                    None => nothing |= !condition.admits_text(None),
                },
            }
        }
        let overlaps =
            |part: &&Arc<Part>| !nothing && part.last_ms >= from_ms && part.first_ms <= last_ms;
        let parts: Vec<Arc<Part>> = parts.iter().filter(overlaps).map(Arc::clone).collect();
        let first_ms = parts.iter().map(|part| part.first_ms).min().unwrap_or(from_ms);
        let greatest_ms = parts.iter().map(|part| part.last_ms).max().unwrap_or(from_ms);
        let mut slot_keys = Vec::new();
        let slots = keys.map(|admits| {
            let slot = |(key, admitted): (u32, bool)| {
                if admitted {
                    slot_keys.push(key);
                    slot_keys.len() as u32 - 1
                } else {
                    NO_SLOT
                }
            };
            (0..).zip(admits).map(slot).collect()
        });
        Self {
            parts,
            from_ms: from_ms.max(first_ms),
            last_ms: last_ms.min(greatest_ms),
            bucket_ms: None,
            first_bucket: 0,
            buckets: 1,
            slots,
            slot_keys,
            slot_count: 1,
            by_key: false,
            key_place: 0,
            dimensions: Vec::new(),
            combinations: 1,
            tag_filters,
            value_filters,
            aggregates: Vec::new(),
            percents: Vec::new(),
            distinct: Vec::new(),
        }
    }

    /// The slot of a key, if it is admitted.
    pub fn slot(&self, key: u32) -> Option<u32> {
        match &self.slots {
            None => Some(key),
            Some(slots) => slots.get(key as usize).copied().filter(|slot| *slot != NO_SLOT),
        }
    }

    /// The key of a slot.
    pub fn key(&self, slot: u64) -> u32 {
        match &self.slots {
            None => slot as u32,
            Some(_) => self.slot_keys.get(slot as usize).copied().unwrap_or_default(),
        }
    }

    /// The keys of some slots in rising order, all that are admitted if it is not grouped by key; nothing
    /// if every key is admitted.
    pub fn admitted_keys(&self, slots: &Range<u64>) -> Option<&[u32]> {
        self.slots.as_ref()?;
        let slots = slots.start as usize..slots.end as usize;
        Some(if self.by_key {
            self.slot_keys.get(slots).unwrap_or_default()
        } else {
            &self.slot_keys
        })
    }

    /// Cells of one key.
    pub fn cells_of_key(&self) -> u64 {
        self.buckets * self.combinations
    }

    /// Whether rows have to be looked at one by one.
    pub fn is_by_row(&self) -> bool {
        !self.dimensions.is_empty()
            || !self.tag_filters.is_empty()
            || !self.value_filters.is_empty()
            || self.distinct.iter().any(|it| matches!(it, DistinctOf::Tag(_)))
    }

    /// Whether the key of a row tells anything about it.
    pub fn depends_on_key(&self) -> bool {
        self.by_key || self.slots.is_some() || self.distinct.contains(&DistinctOf::Key)
    }

    /// Whether a value is admitted.
    pub fn admits_value(&self, value: f64) -> bool {
        self.value_filters.iter().all(|(op, than)| op.admits(value, *than))
    }
}

fn tag_filter(name: u32, condition: &Condition, dictionary: &Dictionary) -> TagFilter {
    let values = dictionary.tag_values(name).iter();
    let admits = std::iter::once(None).chain(values.map(Some));
    TagFilter { name, admits: admits.map(|it| condition.admits_text(it)).collect() }
}
