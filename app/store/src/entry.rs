//! What the index keeps of a file.

use std::sync::Arc;

use assay_records::{Section, Standing, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Facts, Stored, Summary, TextHash,
    files::{Loaded, Stamp},
    words,
};

/// A file of the folder as it was when it was last looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
    pub(crate) what: What,
}

/// What a file was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum What {
    /// It is no longer there. The entry stays, so that others who use the index learn of it.
    Gone,
    /// It is no record; the id that it seems to have.
    Bad(Option<Uuid>),
    Record(Box<Fields>),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fields {
    /// Its line in lists, with its own status as its standing.
    pub(crate) line: Summary,
    pub(crate) status: Status,
    /// The file it was imported from, and the hash of that file's text.
    pub(crate) imported: Option<Box<(Box<str>, TextHash)>>,
}

/// An entry on its way into the index, with the words it is found by: those of its title, and all.
pub(crate) struct Taken {
    pub(crate) entry: Entry,
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Taken {
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let entry = |what| Entry { name: loaded.file_name.clone(), stamp: loaded.stamp, what };
        match &loaded.outcome {
            Err((_, id)) => Self::wordless(entry(What::Bad(*id))),
            Ok(stored) => Self {
                entry: entry(What::Record(Box::new(Fields::of(stored, loaded.facts.clone())))),
                title: words::distinct([stored.record.title.as_str()]),
                text: words::distinct(
                    [stored.record.title.as_str()].into_iter().chain(texts(stored)),
                ),
            },
        }
    }

    pub(crate) fn gone(name: String) -> Self {
        Self::wordless(Entry { name, stamp: Stamp::default(), what: What::Gone })
    }

    const fn wordless(entry: Entry) -> Self {
        Self { entry, title: String::new(), text: String::new() }
    }
}

impl Fields {
    pub(crate) fn of(stored: &Stored, facts: Facts) -> Self {
        let record = &stored.record;
        let line = Summary {
            id: record.id,
            number: stored.number,
            file_name: stored.file_name.as_str().into(),
            hash: TextHash::from_hex(&stored.hash),
            title: record.title.clone(),
            service: record.service.as_deref().map(Arc::from),
            team: record.team.as_deref().map(Arc::from),
            standing: Standing::of(record.status, false),
            option: record.choice.as_ref().map(|chosen| chosen.option),
            recommended: record.recommended(),
            verdict: record.advice.as_ref().map(|advice| advice.verdict),
            overridden: record.overridden(),
            tags: record.tags.iter().map(|tag| Arc::from(tag.as_str())).collect(),
            created: record.created,
            decided: record.decided,
            review_by: record.review_by,
            due_on: record.due_on(),
            fired: record.has_fired(),
            supersedes: record.supersedes.as_slice().into(),
            facts,
        };
        let imported = record.original.as_ref().map(|original| {
            Box::new((original.file.as_str().into(), TextHash::of(&original.text)))
        });
        Self { line, status: record.status, imported }
    }
}

/// Everything besides its title that a record is searched by.
pub(crate) fn texts(stored: &Stored) -> Vec<&str> {
    let record = &stored.record;
    let mut texts = vec![record.status.id()];
    texts.extend(record.tags.iter().map(String::as_str));
    texts.extend(record.service.as_deref());
    texts.extend(record.team.as_deref());
    texts.extend(record.deciders.iter().map(String::as_str));
    texts.extend(record.choice.as_ref().map(|chosen| chosen.option.id()));
    texts.extend(Section::ALL.iter().map(|section| record.rationale.get(*section)));
    texts.extend(record.choice.as_ref().and_then(|chosen| chosen.override_reason.as_deref()));
    texts.extend(record.triggers.iter().filter_map(|trigger| trigger.note.as_deref()));
    texts.extend(record.events.iter().map(|event| event.detail.as_str()));
    texts
}
