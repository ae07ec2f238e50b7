//! The lines of all records in memory, as the index has them: what lists and counts are made from.
//! Going through a hundred thousand of them takes a few ms, which SQL cannot do with all the counts
//! that a list shows.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use assay_records::advice::Choice;
use assay_records::{Standing, Status};
use uuid::Uuid;

use crate::{
    Facet, Facets, Filter, Kept, Link, Page, Summary, TextHash,
    entry::{Fields, What},
    files::Stamp,
    index::Change,
};

/// The most teams or tags counted.
const MAX_FACETS: usize = 100;

/// What is known of a folder's files.
#[derive(Default)]
pub(crate) struct Memory {
    /// Which opening of the index this comes from.
    pub(crate) epoch: u64,
    /// The newest change taken in.
    pub(crate) seq: i64,
    /// By the index' rows, which begin at 1 and have few gaps.
    rows: Vec<Option<Row>>,
    names: HashMap<Arc<str>, u32>,
    /// Who has an id.
    ids: Rows,
    /// Who says to replace an id.
    later: Rows,
    /// The good records, the newest number first.
    order: Vec<u32>,
    /// The files that are bad in themselves.
    bad: BTreeSet<u32>,
    /// The ids that several good files have.
    shared: BTreeSet<Uuid>,
    teams: Values,
    tags: Values,
    services: Values,
    runs: Values,
}

/// Rows by an id; few have more than one.
#[derive(Default)]
struct Rows(BTreeSet<(Uuid, u32)>);

impl Rows {
    fn of(&self, id: Uuid) -> impl Iterator<Item = u32> {
        self.0.range((id, 0)..=(id, u32::MAX)).map(|(_, row)| *row)
    }
}

struct Row {
    seq: i64,
    name: Arc<str>,
    stamp: Stamp,
    id: Option<Uuid>,
    record: Option<Box<Listed>>,
}

/// A good record.
struct Listed {
    line: Arc<Summary>,
    status: Status,
    /// As in [`Fields::imported`].
    imported: Option<Box<(Box<str>, TextHash)>>,
    /// The numbers of its team and tags, to count by.
    team: Option<u32>,
    tags: Box<[u32]>,
    /// Another file has the same id, so that neither is shown.
    twin: bool,
}

/// Values of which many records share one, numbered.
#[derive(Default)]
struct Values {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Values {
    /// The number of a value, which becomes the one that is kept.
    fn take(&mut self, value: &mut Arc<str>) -> u32 {
        if let Some((kept, number)) = self.numbers.get_key_value(value) {
            *value = Arc::clone(kept);
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(Arc::clone(value));
        self.numbers.insert(Arc::clone(value), number);
        number
    }

    fn get(&self, number: u32) -> String {
        self.list.get(number as usize).map(|value| String::from(&**value)).unwrap_or_default()
    }
}

/// What a search found: by row, whether it fits and whether its title alone does.
pub(crate) enum Found {
    All,
    Rows(Vec<Hit>),
    /// Those whose title holds this.
    Title(String),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Hit {
    #[default]
    None,
    Text,
    Title,
}

impl Found {
    /// From rows and whether each fits by its title alone; a row may stand there as both.
    pub(crate) fn rows(found: &[(u32, bool)]) -> Self {
        let greatest = found.iter().map(|(row, _)| *row).max().unwrap_or(0);
        let mut hits = vec![Hit::None; greatest as usize + 1];
        for (row, title) in found {
            if let Some(hit) = hits.get_mut(*row as usize)
                && *hit != Hit::Title
            {
                *hit = if *title { Hit::Title } else { Hit::Text };
            }
        }
        Self::Rows(hits)
    }

    fn hit(&self, row: u32, title: &str) -> Hit {
        match self {
            Self::All => Hit::Text,
            Self::Rows(hits) => hits.get(row as usize).copied().unwrap_or_default(),
            Self::Title(part) if title.contains(part.as_str()) => Hit::Title,
            Self::Title(_) => Hit::None,
        }
    }
}

impl Memory {
    pub(crate) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Takes changes in. One older than what is known of its row changes nothing.
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        let mut touched = HashSet::new();
        for change in changes {
            self.seq = self.seq.max(change.seq);
            if self.row(change.row).is_none_or(|row| row.seq < change.seq) {
                self.forget(change.row, &mut touched);
                self.insert(change, &mut touched);
            }
        }
        for id in touched {
            self.derive(id);
        }
        let (rows, order) = (&self.rows, &mut self.order);
        let at = |row: u32| rows.get(row as usize).and_then(Option::as_ref);
        order.clear();
        order.extend((0..).zip(rows).filter_map(|(number, row)| {
            row.as_ref().is_some_and(|row| row.record.is_some()).then_some(number)
        }));
        // They are nearly in the opposite order already, which this sort makes use of.
        order.reverse();
        order.sort_by(|a, b| {
            let key = |row: u32| {
                let row = at(row)?;
                Some((Reverse(row.record.as_ref()?.line.number), &row.name))
            };
            key(*a).cmp(&key(*b))
        });
    }

    fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)?.as_ref()
    }

    fn listed(&self, row: u32) -> Option<(&Row, &Listed)> {
        let row = self.row(row)?;
        Some((row, row.record.as_deref()?))
    }

    fn forget(&mut self, number: u32, touched: &mut HashSet<Uuid>) {
        let Some(row) = self.rows.get_mut(number as usize).and_then(Option::take) else {
            return;
        };
        self.names.remove(&row.name);
        self.bad.remove(&number);
        let replaced = row.record.iter().flat_map(|record| &record.line.supersedes);
        for old in replaced {
            self.later.0.remove(&(*old, number));
            touched.insert(*old);
        }
        if let Some(id) = row.id {
            self.ids.0.remove(&(id, number));
            touched.insert(id);
        }
    }

    fn insert(&mut self, change: Change, touched: &mut HashSet<Uuid>) {
        let mut name: Arc<str> = change.entry.name.into();
        let gone = matches!(change.entry.what, What::Gone);
        let (id, record) = match change.entry.what {
            What::Gone => (None, None),
            What::Bad(id) => (id, None),
            What::Record(fields) => (Some(fields.line.id), Some(fields)),
        };
        if let Some(id) = id {
            self.ids.0.insert((id, change.row));
            touched.insert(id);
        }
        for old in record.iter().flat_map(|fields| &fields.line.supersedes) {
            self.later.0.insert((*old, change.row));
            touched.insert(*old);
        }
        let record = record.map(|fields| {
            name = Arc::clone(&fields.line.file_name);
            Box::new(self.listed_once(*fields))
        });
        if !gone {
            self.names.insert(Arc::clone(&name), change.row);
            if record.is_none() {
                self.bad.insert(change.row);
            }
        }
        let at = change.row as usize;
        if self.rows.len() <= at {
            self.rows.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.rows.get_mut(at) {
            *slot = Some(Row { seq: change.seq, name, stamp: change.entry.stamp, id, record });
        }
    }

    /// A record with the texts that others share already.
    fn listed_once(&mut self, fields: Fields) -> Listed {
        let Fields { mut line, status, imported } = fields;
        line.service.as_mut().map(|service| self.services.take(service));
        for run in &mut line.facts.runs {
            self.runs.take(run);
        }
        let team = line.team.as_mut().map(|team| self.teams.take(team));
        let tags = line.tags.iter_mut().map(|tag| self.tags.take(tag)).collect();
        Listed { line: Arc::new(line), status, imported, team, tags, twin: false }
    }

    /// Works out again what depends on other files.
    fn derive(&mut self, id: Uuid) {
        let replaced = !self.replacing(id).is_empty();
        let good: Vec<u32> = self.good(id).collect();
        match good.len() > 1 {
            true => self.shared.insert(id),
            false => self.shared.remove(&id),
        };
        for row in &good {
            let row = self.rows.get_mut(*row as usize).and_then(Option::as_mut);
            if let Some(record) = row.and_then(|row| row.record.as_mut()) {
                record.twin = good.len() > 1;
                let standing = Standing::of(record.status, replaced);
                if record.line.standing != standing {
                    Arc::make_mut(&mut record.line).standing = standing;
                }
            }
        }
    }

    fn good(&self, id: Uuid) -> impl Iterator<Item = u32> {
        self.ids.of(id).filter(|row| self.listed(*row).is_some())
    }

    /// The accepted records that replace this one, oldest first.
    fn replacing(&self, id: Uuid) -> Vec<&Row> {
        let in_force =
            |record: &Listed| matches!(record.status, Status::Accepted | Status::Deprecated);
        let rows = self.later.of(id).filter_map(|row| self.listed(row));
        let mut rows: Vec<(&Row, &Listed)> = rows.filter(|(_, record)| in_force(record)).collect();
        rows.sort_by_key(|(row, record)| (record.line.number, &row.name));
        rows.into_iter().map(|(row, _)| row).collect()
    }

    pub(crate) fn superseded_by(&self, id: Uuid) -> Vec<Link> {
        let link = |row: &Row| {
            let Summary { id, number, title, .. } = &*row.record.as_ref()?.line;
            Some(Link { id: *id, number: *number, title: title.clone() })
        };
        self.replacing(id).into_iter().filter_map(link).collect()
    }

    /// The files with an id: the good ones first, and whether each is bad.
    pub(crate) fn files_of(&self, id: Uuid) -> Vec<(String, bool)> {
        let rows = self.ids.of(id).filter_map(|row| self.row(row));
        let mut files: Vec<(bool, &Row)> = rows.map(|row| (row.record.is_none(), row)).collect();
        files.sort_by_key(|(bad, row)| (*bad, &row.name));
        files.into_iter().map(|(bad, row)| (row.name.to_string(), bad)).collect()
    }

    /// The files that are bad in themselves.
    pub(crate) fn bad_files(&self) -> Vec<String> {
        let bad = self.bad.iter().filter_map(|row| self.row(*row));
        bad.map(|row| row.name.to_string()).collect()
    }

    /// The good files that share an id with another good one, together.
    pub(crate) fn twins(&self) -> Vec<Vec<String>> {
        let names = |id: &Uuid| {
            let rows = self.good(*id).filter_map(|row| self.row(row));
            let mut names: Vec<String> = rows.map(|row| row.name.to_string()).collect();
            names.sort();
            names
        };
        self.shared.iter().map(names).collect()
    }

    /// What is known of a file: its stamp, and the hash of its text if it is a record.
    pub(crate) fn file(&self, name: &str) -> Option<(Stamp, Option<TextHash>)> {
        let row = self.row(*self.names.get(name)?)?;
        Some((row.stamp, row.record.as_ref().map(|record| record.line.hash)))
    }

    /// The names of all files known.
    pub(crate) fn files(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.names.keys()
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        let kept = |record: &Listed| {
            let Summary { id, number, hash, .. } = &*record.line;
            let imported = record.imported.as_deref();
            let imported = imported.map(|(file, hash)| (file.to_string(), hash.to_string()));
            Kept { id: *id, number: *number, hash: hash.to_string(), imported }
        };
        self.shown().map(|(_, record)| kept(record)).collect()
    }

    /// The names of the runs that any record has relied on.
    pub(crate) fn runs(&self) -> Vec<Arc<str>> {
        self.runs.list.clone()
    }

    /// The records that are shown, the newest number first.
    fn shown(&self) -> impl Iterator<Item = (u32, &Listed)> {
        let listed = |row: &u32| self.listed(*row).map(|(_, record)| (*row, record));
        self.order.iter().filter_map(listed).filter(|(_, record)| !record.twin)
    }

    /// A page of the records that a filter lets through, of those that were found.
    pub(crate) fn list(&self, filter: &Filter, found: &Found) -> Page {
        let mut counts = Counts::default();
        let rows = self.through(filter, found, &mut counts);
        let per_page = filter.per_page.clamp(1, Filter::MAX_PER_PAGE) as usize;
        let skipped = (filter.page.saturating_sub(1) as usize).saturating_mul(per_page);
        let page = rows.iter().skip(skipped).take(per_page);
        Page {
            items: page.filter_map(|row| self.line(*row)).cloned().collect(),
            total: rows.len() as u64,
            facets: self.facets(counts),
        }
    }

    /// Shows every line that a filter lets through, of those that were found.
    pub(crate) fn each(
        &self,
        filter: &Filter,
        found: &Found,
        visit: &mut dyn FnMut(&Arc<Summary>),
    ) {
        let rows = self.through(filter, found, &mut Counts::default());
        rows.iter().filter_map(|row| self.line(*row)).for_each(visit);
    }

    /// The rows that a filter lets through in the order in which they are shown, with counts of what
    /// it could be narrowed to.
    fn through(&self, filter: &Filter, found: &Found, counts: &mut Counts) -> Vec<u32> {
        let uncounted =
            Filter { status: None, option: None, team: None, tag: None, ..filter.clone() };
        let mut rows: Vec<(Hit, u32)> = Vec::new();
        for (number, record) in self.shown() {
            let line = &*record.line;
            let hit = found.hit(number, &line.title);
            if hit == Hit::None || !uncounted.lets_through(line) {
                continue;
            }
            let misses = misses(filter, line);
            counts.add(misses, record);
            if misses == 0 {
                rows.push((hit, number));
            }
        }
        if filter.due.is_some() {
            // Of those due, the most urgent: whose trigger fired, then by their day.
            rows.sort_by_cached_key(|(_, row)| {
                self.listed(*row).map(|(_, record)| {
                    let Summary { fired, due_on, .. } = *record.line;
                    (!fired, due_on.is_none(), due_on)
                })
            });
        }
        if matches!(found, Found::Rows(_)) {
            // A word in the title says more than elsewhere.
            rows.sort_by_key(|(hit, _)| *hit != Hit::Title);
        }
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn facets(&self, counts: Counts) -> Facets {
        let counted = |counts: Vec<u64>, value: &dyn Fn(usize) -> String| {
            let some = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            let mut facets: Vec<Facet> =
                some.map(|(at, count)| Facet { value: value(at), count }).collect();
            facets.sort_by(|a, b| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value)));
            facets.truncate(MAX_FACETS);
            facets
        };
        let at = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let standing = |at: usize| Standing::ALL.get(at).map(|it| it.id().to_owned());
        let option = |at: usize| Choice::ALL.get(at).map(|it| it.id().to_owned());
        Facets {
            statuses: counted(counts.statuses, &|at| standing(at).unwrap_or_default()),
            options: counted(counts.options, &|at| option(at).unwrap_or_default()),
            teams: counted(counts.teams, &|number| self.teams.get(at(number))),
            tags: counted(counts.tags, &|number| self.tags.get(at(number))),
        }
    }

    fn line(&self, row: u32) -> Option<&Arc<Summary>> {
        self.listed(row).map(|(_, record)| &record.line)
    }
}

const STATUS: u8 = 1;
const OPTION: u8 = 2;
const TEAM: u8 = 4;
const TAG: u8 = 8;

/// A bit for each of the counted conditions of a filter that a line misses.
fn misses(filter: &Filter, line: &Summary) -> u8 {
    let miss = |bit: u8, fits: bool| if fits { 0 } else { bit };
    let team = line.team.as_deref().unwrap_or_default();
    miss(STATUS, filter.status.is_none_or(|status| status == line.standing))
        | miss(OPTION, filter.option.is_none_or(|option| line.option == Some(option)))
        | miss(TEAM, filter.team.as_ref().is_none_or(|wanted| wanted == team))
        | miss(TAG, filter.tag.as_ref().is_none_or(|tag| line.has_tag(tag)))
}

/// How many records each value would leave.
#[derive(Default)]
struct Counts {
    statuses: Vec<u64>,
    options: Vec<u64>,
    teams: Vec<u64>,
    tags: Vec<u64>,
}

impl Counts {
    /// Counts a record for every condition that it would fit if only that one were another.
    fn add(&mut self, misses: u8, record: &Listed) {
        let only = |bit: u8| misses & !bit == 0;
        if only(STATUS) {
            let place = Standing::ALL.iter().position(|it| *it == record.line.standing);
            count(&mut self.statuses, place);
        }
        if only(OPTION) {
            let option = record.line.option;
            count(&mut self.options, Choice::ALL.iter().position(|it| Some(*it) == option));
        }
        if only(TEAM) {
            count(&mut self.teams, record.team.map(|team| team as usize));
        }
        if only(TAG) {
            for tag in &record.tags {
                count(&mut self.tags, Some(*tag as usize));
            }
        }
    }
}

fn count(counts: &mut Vec<u64>, place: Option<usize>) {
    let Some(place) = place else { return };
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}
