//! What importing a folder would do: decided whole before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};

use assay_advice::{Choice, Model};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Dialect, Found, FoundStatus, Reference, Unread, read_file};
use crate::{Chosen, Draft, Original, Record, Status, content_hash, name_parts};

/// A file to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path within the folder, with `/` between folders.
    pub file: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

/// A record that is here already.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: u32,
    /// The digest of its text.
    pub hash: String,
    /// The file it was imported from and the digest of that file's text.
    pub imported: Option<(String, String)>,
}

/// Who imports, when, and what is here.
pub struct Import<'a> {
    /// The model that answers are read with.
    pub model: &'a Model,
    /// Now.
    pub now: Timestamp,
    /// Who.
    pub by: &'a str,
    /// What other words for a status mean here, by the word in lower case; the empty word is a
    /// missing status, and `superseded` one whose successor is not in force here. None is guessed.
    pub statuses: &'a BTreeMap<String, Status>,
    /// The records that are here already.
    pub known: &'a [Known],
}

/// What would become of one decision.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file, with the decision's number behind `#` when it holds several.
    pub file: String,
    /// The title, once it could be read.
    pub title: Option<String>,
    /// The format, once it is known.
    pub dialect: Option<Dialect>,
    /// What happens.
    pub outcome: Outcome,
    /// What is odd, in words.
    pub warnings: Vec<String>,
}

/// What happens with a decision.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It becomes a record.
    New(Box<New>),
    /// It is here already, as the record of this number.
    Here(u32),
    /// Its status must be said first.
    NeedsStatus {
        /// What to say a status for, in lower case; empty when the file has none.
        word: String,
        /// Why, in words.
        why: String,
    },
    /// It is no decision; nothing is lost.
    LeftOut(String),
    /// Something must be mended first.
    Faulty(String),
}

/// A record about to be made.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: Uuid,
    /// Its status.
    pub status: Status,
    /// Whether another decision of the same import replaces it.
    pub superseded: bool,
    /// The name of the file it had, with its number, when it is one of assay's own.
    pub file_name: Option<String>,
    /// Its text.
    pub text: String,
}

/// A decision read, on its way.
struct Read {
    file: String,
    text: String,
    found: Found,
    status: Result<Status, (String, String)>,
    id: Uuid,
    supersedes: Vec<Uuid>,
    superseded: bool,
}

/// Decides what importing these files would do, in order of the files. `new_id` gives ids, one a
/// decision.
#[must_use]
pub fn plan(
    sources: &[Source],
    import: &Import<'_>,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Vec<Entry> {
    let here = Here::of(import.known);
    let mut entries = Vec::new();
    let mut reads = Vec::new();
    let unread = |file: &str, why: Unread| Entry {
        file: file.to_owned(),
        title: None,
        dialect: None,
        outcome: match why {
            Unread::NotADecision(why) => Outcome::LeftOut(why),
            Unread::Faulty(why) => Outcome::Faulty(why),
        },
        warnings: Vec::new(),
    };
    let mut seen = HashSet::new();
    for source in sources {
        if let (true, Ok(text)) = (source.file.ends_with(".toml"), &source.text) {
            entries.push(own(source, text, import, &here, &mut seen));
            continue;
        }
        let text = source.text.clone().map_err(Unread::Faulty);
        match text.and_then(|text| read_file(&source.file, &text)) {
            Err(why) => entries.push(unread(&source.file, why)),
            Ok(decisions) => {
                for decision in decisions {
                    match decision.found {
                        Err(why) => entries.push(unread(&decision.file, why)),
                        Ok(found) => reads.push(Read {
                            status: status_of(&found, import.statuses),
                            file: decision.file,
                            text: decision.text,
                            found,
                            id: new_id(),
                            supersedes: Vec::new(),
                            superseded: false,
                        }),
                    }
                }
            }
        }
    }
    link(&mut reads, import, &here);
    entries.extend(reads.into_iter().map(|read| finish(read, import, &here, &mut seen)));
    entries.sort_by(|a, b| a.file.cmp(&b.file));
    entries
}

fn status_of(
    found: &Found,
    statuses: &BTreeMap<String, Status>,
) -> Result<Status, (String, String)> {
    let word = match &found.status {
        FoundStatus::Known(status) => return Ok(*status),
        FoundStatus::Other(word) => word.to_lowercase(),
        FoundStatus::Missing => String::new(),
        FoundStatus::SupersededBy(by) => {
            let why = format!("it is superseded by `{}`, which is not in force here", by.text);
            return Err(("superseded".to_owned(), why));
        }
    };
    let why = match word.as_str() {
        "" => "it says no status".to_owned(),
        word => format!("its status is `{word}`, which is none of ours"),
    };
    statuses.get(&word).copied().ok_or((word, why))
}

/// Resolves who replaces whom. A decision replaced by one in force is accepted itself: that it is
/// superseded follows from the other's side.
fn link(reads: &mut [Read], import: &Import<'_>, here: &Here<'_>) {
    let places = Places::of(reads);
    // A decision imported before goes by the id it has here.
    let ids: Vec<Uuid> = reads
        .iter()
        .map(|read| here.by_file.get(read.file.as_str()).map_or(read.id, |known| known.id))
        .collect();
    for (at, read) in reads.iter_mut().enumerate() {
        let named = read.found.supersedes.iter().filter_map(|reference| {
            let among = places.resolve(at, reference).and_then(|old| ids.get(old).copied());
            among.or_else(|| here.named(reference))
        });
        read.supersedes = named.filter(|old| *old != read.id).collect();
    }
    let later_of = |(at, read): (usize, &Read)| match &read.found.status {
        FoundStatus::SupersededBy(by) => places.resolve(at, by).filter(|later| *later != at),
        _ => None,
    };
    let later: Vec<Option<usize>> = reads.iter().enumerate().map(later_of).collect();
    // One that turns out to be in force may bring those into force that it replaces.
    while pass_on(reads, &ids, &later) {}
    for read in reads.iter_mut() {
        if read.status.is_err()
            && matches!(read.found.status, FoundStatus::SupersededBy(_))
            && let Some(said) = import.statuses.get("superseded")
        {
            read.status = Ok(*said);
        }
    }
    mark_superseded(reads);
}

/// Marks those that say they are superseded by one that is in force; whether there were any.
fn pass_on(reads: &mut [Read], ids: &[Uuid], later: &[Option<usize>]) -> bool {
    let mut any = false;
    for (at, (later, old)) in later.iter().zip(ids).enumerate() {
        let open = reads.get(at).is_some_and(|read| !read.superseded);
        let Some(later) = later.filter(|_| open).and_then(|later| reads.get_mut(later)) else {
            continue;
        };
        if !matches!(later.status, Ok(Status::Accepted | Status::Deprecated)) {
            continue;
        }
        if !later.supersedes.contains(old) {
            later.supersedes.push(*old);
        }
        if let Some(read) = reads.get_mut(at) {
            read.status = Ok(Status::Accepted);
            read.superseded = true;
            any = true;
        }
    }
    any
}

/// Warns of those that only the later side says are superseded.
fn mark_superseded(reads: &mut [Read]) {
    let mut replaced: HashMap<Uuid, String> = HashMap::new();
    for read in reads.iter() {
        if matches!(read.status, Ok(Status::Accepted | Status::Deprecated)) {
            replaced.extend(read.supersedes.iter().map(|old| (*old, read.file.clone())));
        }
    }
    for read in reads.iter_mut().filter(|read| !read.superseded) {
        if let Some(later) = replaced.get(&read.id) {
            read.superseded = true;
            read.found.warnings.push(format!(
                "{later} says that it replaces this one, so it will read as superseded"
            ));
        }
    }
}

/// What a reference may name: the decisions of this import, in their order.
struct Places {
    folders: Vec<String>,
    /// By the file's name in small letters, and by that without its ending.
    names: HashMap<String, Vec<usize>>,
    stems: HashMap<String, Vec<usize>>,
    numbers: HashMap<u32, Vec<usize>>,
}

impl Places {
    fn of(reads: &[Read]) -> Self {
        let (mut names, mut stems) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<_>>::new());
        let mut numbers = HashMap::<_, Vec<_>>::new();
        let mut folders = Vec::new();
        for (at, read) in reads.iter().enumerate() {
            let file = read.file.split('#').next().unwrap_or_default();
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            let name = name.to_lowercase();
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
            folders.push(folder.to_owned());
            names.entry(name).or_default().push(at);
            stems.entry(stem).or_default().push(at);
            if let Some(number) = read.found.number {
                numbers.entry(number).or_default().push(at);
            }
        }
        Self { folders, names, stems, numbers }
    }

    /// The decision a reference names: in the same folder first, since folders number for themselves.
    fn resolve(&self, from: usize, reference: &Reference) -> Option<usize> {
        let candidates: Vec<usize> = match &reference.file {
            Some(file) => self.names.get(&file.to_lowercase()).cloned().unwrap_or_default(),
            None => {
                let named = self.stems.get(&reference.text.to_lowercase());
                let numbered = reference.number.and_then(|number| self.numbers.get(&number));
                named.into_iter().chain(numbered).flatten().copied().collect()
            }
        };
        let own = self.folders.get(from);
        let near = candidates.iter().filter(|at| self.folders.get(**at) == own).min();
        near.or_else(|| candidates.iter().min()).copied()
    }
}

/// The records that are here already, by what they are looked up by.
struct Here<'a> {
    by_id: HashMap<Uuid, &'a Known>,
    /// By the path they were imported from, and by that file's name in small letters.
    by_file: HashMap<&'a str, &'a Known>,
    by_name: HashMap<String, &'a Known>,
}

impl<'a> Here<'a> {
    fn of(known: &'a [Known]) -> Self {
        let mut here =
            Self { by_id: HashMap::new(), by_file: HashMap::new(), by_name: HashMap::new() };
        for known in known {
            here.by_id.insert(known.id, known);
            if let Some((path, _)) = &known.imported {
                let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
                here.by_file.entry(path).or_insert(known);
                here.by_name.entry(name).or_insert(known);
            }
        }
        here
    }

    /// A record that was imported from the file a reference links to.
    fn named(&self, reference: &Reference) -> Option<Uuid> {
        let file = reference.file.as_deref()?;
        self.by_name.get(&file.to_lowercase()).map(|known| known.id)
    }
}

fn finish(read: Read, import: &Import<'_>, here: &Here<'_>, seen: &mut HashSet<Uuid>) -> Entry {
    let outcome = match &read.found.embedded {
        Some(embedded) if !embedded.current => Outcome::Faulty(
            "it was exported from assay and changed since. Change the record itself, or delete \
             the comment at the end to import the text as a new decision"
                .to_owned(),
        ),
        Some(embedded) => restored(&embedded.toml, embedded.file_name.clone(), import, here, seen),
        None => imported(&read, import, here),
    };
    Entry {
        file: read.file,
        title: Some(read.found.title),
        dialect: Some(read.found.dialect),
        outcome,
        warnings: read.found.warnings,
    }
}

/// A record's own file.
fn own(
    source: &Source,
    text: &str,
    import: &Import<'_>,
    here: &Here<'_>,
    seen: &mut HashSet<Uuid>,
) -> Entry {
    let title = Record::parse(text, import.model).ok().map(|parsed| parsed.record.title);
    let is_record = text.lines().any(|line| line.trim_start().starts_with("schema"));
    let outcome = match title.is_none() && !is_record {
        true => Outcome::LeftOut("it is TOML and no record".to_owned()),
        false => {
            let name = source.file.rsplit('/').next().filter(|name| name_parts(name).is_some());
            restored(text, name.map(str::to_owned), import, here, seen)
        }
    };
    Entry { file: source.file.clone(), title, dialect: None, outcome, warnings: Vec::new() }
}

/// A record that was exported from assay comes back as it was.
fn restored(
    toml: &str,
    file_name: Option<String>,
    import: &Import<'_>,
    here: &Here<'_>,
    seen: &mut HashSet<Uuid>,
) -> Outcome {
    let record = match Record::parse(toml, import.model) {
        Ok(parsed) => parsed.record,
        Err(problems) => return Outcome::Faulty(in_words("the record within it", &problems)),
    };
    if let Some(known) = here.by_id.get(&record.id) {
        return match known.hash == content_hash(toml) {
            true => Outcome::Here(known.number),
            false => Outcome::Faulty(format!(
                "record {:04} is the same one with another text; it is not replaced",
                known.number
            )),
        };
    }
    if !seen.insert(record.id) {
        return Outcome::Faulty("another file of this import holds the same record".to_owned());
    }
    let (id, status) = (record.id, record.status);
    let text = toml.to_owned();
    Outcome::New(Box::new(New { id, status, superseded: false, file_name, text }))
}

fn imported(read: &Read, import: &Import<'_>, here: &Here<'_>) -> Outcome {
    if let Some(known) = here.by_file.get(read.file.as_str()) {
        let digest = content_hash(&read.text);
        return match known.imported.as_ref().is_some_and(|(_, hash)| *hash == digest) {
            true => Outcome::Here(known.number),
            false => Outcome::Faulty(format!(
                "it was imported as record {:04} and changed since; bring the change into the \
                 record",
                known.number
            )),
        };
    }
    let status = match &read.status {
        Ok(status) => *status,
        Err((word, why)) => {
            return Outcome::NeedsStatus { word: word.clone(), why: why.clone() };
        }
    };
    let (format, file, text) = (read.found.dialect, read.file.clone(), read.text.clone());
    let mut draft = draft(&read.found, status, Original { format, file, text });
    draft.supersedes.clone_from(&read.supersedes);
    let text = draft.to_toml(read.id, import.now, import.by);
    match Record::parse(&text, import.model) {
        Ok(_) => {
            let (id, superseded) = (read.id, read.superseded);
            Outcome::New(Box::new(New { id, status, superseded, file_name: None, text }))
        }
        Err(problems) => Outcome::Faulty(in_words("as a record", &problems)),
    }
}

fn in_words(what: &str, problems: &[assay_advice::Problem]) -> String {
    let said: Vec<String> = problems.iter().take(3).map(ToString::to_string).collect();
    format!("{what}: {}", said.join("; "))
}

/// What a decision found becomes.
pub(super) fn draft(found: &Found, status: Status, original: Original) -> Draft {
    let over = matches!(status, Status::Accepted | Status::Rejected | Status::Deprecated);
    let chosen = found.chosen.as_deref().and_then(option_named);
    Draft {
        title: found.title.clone(),
        status,
        tags: found.tags.clone(),
        decided: found.date.filter(|_| over),
        deciders: found.deciders.clone(),
        choice: chosen.map(|option| Chosen { option, override_reason: None }),
        rationale: found.rationale.clone(),
        original: Some(original),
        ..Draft::default()
    }
}

/// The option of exactly this name; anything longer is another decision.
fn option_named(words: &str) -> Option<Choice> {
    let words = words.trim().to_lowercase();
    if words == "golang" {
        return Some(Choice::Go);
    }
    Choice::ALL.into_iter().find(|o| o.id() == words || o.name().to_lowercase() == words)
}
