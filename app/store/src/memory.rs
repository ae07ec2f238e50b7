//! The lines of all records in memory, as the index has them: what lists and counts are made from.
//! SQL is much slower where a list shows so many counts.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use assay_records::advice::Choice;
use assay_records::{Standing, Status};
use jiff::civil::Date;
use uuid::Uuid;

use crate::{
    Facet, Facets, Filter, Kept, Link, Page, Summary, TextHash,
    brief::{Brief, Counts, Narrow},
    entry::{Fields, What},
    files::Stamp,
    index::Change,
};

/// An epoch of [`Memory`] and the newest change known of it: of another epoch nothing holds any more.
pub(crate) type State = (u64, i64);

/// The most teams or tags counted.
const MAX_FACETS: usize = 100;

/// What is known of a folder's files.
#[derive(Default)]
pub(crate) struct Memory {
    /// Which opening of the index, or which of the database's pasts, this comes from.
    pub(crate) epoch: u64,
    /// The newest change taken in.
    pub(crate) seq: i64,
    /// By the index' rows, which begin at 1 and have few gaps.
    rows: Vec<Option<Row>>,
    /// By the same rows: the records that are shown.
    briefs: Vec<Option<Brief>>,
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
}

/// Values of which many records share one, numbered.
#[derive(Default)]
pub(crate) struct Values {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Values {
    /// The number of a value, which becomes the one that is kept: one of its own, as for
    /// [`Memory::listed_once`].
    fn take(&mut self, value: &mut Arc<str>) -> u32 {
        if let Some((kept, number)) = self.numbers.get_key_value(value) {
            *value = Arc::clone(kept);
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        *value = Arc::from(&**value);
        self.list.push(Arc::clone(value));
        self.numbers.insert(Arc::clone(value), number);
        number
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of a value, if any record has had it.
    pub(crate) fn number(&self, value: &str) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    fn get(&self, number: usize) -> String {
        self.list.get(number).map(|value| String::from(&**value)).unwrap_or_default()
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
    /// From how rows fit; of a row that stands there more than once, the last holds. The rows that do
    /// not stand there are as they were found before.
    pub(crate) fn rows(before: Option<&Self>, rows: impl IntoIterator<Item = (u32, Hit)>) -> Self {
        let mut hits = match before {
            Some(Self::Rows(hits)) => hits.clone(),
            _ => Vec::new(),
        };
        for (row, fits) in rows {
            let at = row as usize;
            if hits.len() <= at {
                hits.resize(at + 1, Hit::None);
            }
            if let Some(hit) = hits.get_mut(at) {
                *hit = fits;
            }
        }
        Self::Rows(hits)
    }

    fn hit<'a>(&self, row: u32, line: impl FnOnce() -> Option<&'a Summary>) -> Hit {
        match self {
            Self::All => Hit::Text,
            Self::Rows(hits) => hits.get(row as usize).copied().unwrap_or_default(),
            Self::Title(part) if line().is_some_and(|line| line.title.contains(part)) => Hit::Title,
            Self::Title(_) => Hit::None,
        }
    }
}

impl Memory {
    pub(crate) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// What is known.
    pub(crate) const fn state(&self) -> State {
        (self.epoch, self.seq)
    }

    /// Takes changes in. One older than what is known of its row changes nothing.
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        let mut touched = HashSet::new();
        let mut reordered = false;
        for change in changes {
            self.seq = self.seq.max(change.seq);
            let row = change.row;
            if self.row(row).is_none_or(|row| row.seq < change.seq) {
                // A row keeps its name, and with that its number and its place.
                let was_good = self.listed(row).is_some();
                self.forget(row, &mut touched);
                self.insert(change, &mut touched);
                reordered |= was_good != self.listed(row).is_some();
            }
        }
        for id in touched {
            self.derive(id);
        }
        if reordered {
            self.sort();
        }
    }

    /// Puts the good records in order.
    fn sort(&mut self) {
        let (rows, order) = (&self.rows, &mut self.order);
        order.clear();
        order.extend((0..).zip(rows).filter_map(|(number, row)| {
            row.as_ref().is_some_and(|row| row.record.is_some()).then_some(number)
        }));
        // They are nearly in the opposite order already, which this sort makes use of.
        order.reverse();
        order.sort_by(|a, b| {
            let key = |row: u32| {
                let row = rows.get(row as usize)?.as_ref()?;
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
        self.show(number, None);
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
            let listed = self.listed_once(&fields);
            name = Arc::clone(&listed.line.file_name);
            Box::new(listed)
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
        self.briefs.resize_with(self.rows.len(), || None);
        if let Some(slot) = self.rows.get_mut(at) {
            *slot = Some(Row { seq: change.seq, name, stamp: change.entry.stamp, id, record });
        }
    }

    /// A record with the texts that others share already, and its own made anew: the threads that
    /// read files drop so much that what stays among it would keep all that memory from others.
    fn listed_once(&mut self, fields: &Fields) -> Listed {
        let Fields { mut line, status, imported } = fields.clone();
        line.file_name = Arc::from(&*line.file_name);
        line.service.as_mut().map(|service| self.services.take(service));
        for run in &mut line.facts.runs {
            self.runs.take(run);
        }
        line.team.as_mut().map(|team| self.teams.take(team));
        for tag in &mut line.tags {
            self.tags.take(tag);
        }
        Listed { line: Arc::new(line), status, imported }
    }

    /// Works out again what depends on other files.
    fn derive(&mut self, id: Uuid) {
        let replaced = !self.replacing(id).is_empty();
        let good: Vec<u32> = self.good(id).collect();
        match good.len() > 1 {
            true => self.shared.insert(id),
            false => self.shared.remove(&id),
        };
        for number in &good {
            let row = self.rows.get_mut(*number as usize).and_then(Option::as_mut);
            let Some(record) = row.and_then(|row| row.record.as_mut()) else { continue };
            let standing = Standing::of(record.status, replaced);
            if record.line.standing != standing {
                Arc::make_mut(&mut record.line).standing = standing;
            }
            // Of files that share an id neither is shown.
            let alone = good.len() == 1;
            let brief = alone.then(|| Brief::of(&record.line, &self.teams, &self.tags));
            self.show(*number, brief);
        }
    }

    /// Sets whether and how a row is shown.
    fn show(&mut self, row: u32, brief: Option<Brief>) {
        if let Some(slot) = self.briefs.get_mut(row as usize) {
            *slot = brief;
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

    /// Whether no file is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of the files known besides these.
    pub(crate) fn besides<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut named = vec![false; self.rows.len()];
        let rows = names.filter_map(|name| self.names.get(name));
        for row in rows {
            if let Some(named) = named.get_mut(*row as usize) {
                *named = true;
            }
        }
        let others = self.names.iter().filter(|(_, row)| named.get(**row as usize) == Some(&false));
        others.map(|(name, _)| name.to_string()).collect()
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        let kept = |record: &Listed| {
            let Summary { id, number, hash, .. } = &*record.line;
            let imported = record.imported.as_deref();
            let imported = imported.map(|(file, hash)| (file.to_string(), hash.to_string()));
            Kept { id: *id, number: *number, hash: hash.to_string(), imported }
        };
        let listed = self.shown().filter_map(|(row, _)| self.listed(row));
        listed.map(|(_, record)| kept(record)).collect()
    }

    /// The names of the runs that any record has relied on.
    pub(crate) fn runs(&self) -> Vec<Arc<str>> {
        self.runs.list.clone()
    }

    /// The records that are shown, the newest number first.
    fn shown(&self) -> impl Iterator<Item = (u32, &Brief)> {
        let brief = |row: &u32| self.briefs.get(*row as usize)?.as_ref().map(|brief| (*row, brief));
        self.order.iter().filter_map(brief)
    }

    /// A page of the records that a filter lets through, of those that were found.
    pub(crate) fn list(&self, filter: &Filter, found: &Found) -> Page {
        let mut counts = Counts::new(&self.teams, &self.tags);
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
        let rows = self.through(filter, found, &mut Counts::new(&self.teams, &self.tags));
        rows.iter().filter_map(|row| self.line(*row)).for_each(visit);
    }

    /// The rows that a filter lets through in the order in which they are shown, with counts of what
    /// it could be narrowed to.
    fn through(&self, filter: &Filter, found: &Found, counts: &mut Counts) -> Vec<u32> {
        let narrow = Narrow::by(filter, &self.teams, &self.tags);
        let mut rows: Vec<(Hit, u32)> = Vec::new();
        for (row, brief) in self.shown() {
            let line = || self.line(row).map(|line| &**line);
            let hit = found.hit(row, line);
            if hit == Hit::None || !narrow.lets_through(brief, line) {
                continue;
            }
            let misses = narrow.misses(brief);
            counts.add(misses, brief);
            if misses == 0 {
                rows.push((hit, row));
            }
        }
        if filter.due.is_some() {
            // Of those due, the most urgent: whose trigger fired, then by their day.
            rows.sort_by_cached_key(|(_, row)| {
                let from = self.briefs.get(*row as usize)?.as_ref()?.due_from()?;
                let day = if from == Date::MIN { self.line(*row)?.due_on } else { None };
                Some((from, day.is_none(), day))
            });
        }
        let row = |(_, row)| row;
        if !matches!(found, Found::Rows(_)) {
            return rows.into_iter().map(row).collect();
        }
        // A word in the title says more than elsewhere.
        let (titles, others): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|(hit, _)| *hit == Hit::Title);
        titles.into_iter().chain(others).map(row).collect()
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
        let standing = |at: usize| Standing::ALL.get(at).map(|it| it.id().to_owned());
        let option = |at: usize| Choice::ALL.get(at).map(|it| it.id().to_owned());
        Facets {
            statuses: counted(counts.statuses, &|at| standing(at).unwrap_or_default()),
            options: counted(counts.options, &|at| option(at).unwrap_or_default()),
            teams: counted(counts.teams, &|number| self.teams.get(number)),
            tags: counted(counts.tags, &|number| self.tags.get(number)),
        }
    }

    fn line(&self, row: u32) -> Option<&Arc<Summary>> {
        self.listed(row).map(|(_, record)| &record.line)
    }
}
