//! What reviewers said of a record, and whether it still says what they read.

use assay_records::{Event, ReviewVerdict, changed_fields, signed_digest};
use assay_store::{Revision, Stored};
use jiff::civil::Date;

use crate::{error::Error, pages::decisions::day_of, state::App};

/// One review as it reads today.
pub(crate) struct SignOff {
    pub(crate) day: Date,
    pub(crate) by: String,
    pub(crate) verdict: ReviewVerdict,
    /// The section spoken of; empty for the whole record.
    pub(crate) section: &'static str,
    pub(crate) comment: String,
    pub(crate) text: TextSince,
}

/// What became of the text that was reviewed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum TextSince {
    /// It is the text as it stands.
    Same,
    /// It has changed: the fields and the query of the difference, when the text read is known.
    Changed(Option<(String, String)>),
    /// The review does not say which text was read.
    NotSaid,
}

impl SignOff {
    /// Whether somebody agreed with the text as it stands.
    pub(crate) fn approves(&self) -> bool {
        self.verdict == ReviewVerdict::Approve && self.text == TextSince::Same
    }

    pub(crate) fn words(&self) -> &'static str {
        match self.verdict {
            ReviewVerdict::Approve => "Approved",
            ReviewVerdict::RequestChanges => "Changes requested",
            ReviewVerdict::Comment => "Comment",
        }
    }
}

/// Every review of a record, the newest first.
pub(crate) async fn of(app: &App, stored: &Stored) -> Result<Vec<SignOff>, Error> {
    let now = signed_digest(&stored.text);
    let moved = |event: &Event| event.digest.is_some() && event.digest != now;
    let earlier = match stored.record.reviews().any(moved) {
        true => app.store.revisions(stored.id).await?.list,
        false => Vec::new(),
    };
    let digests: Vec<Option<String>> = earlier.iter().map(|it| signed_digest(&it.text)).collect();
    let read = |digest: &str| {
        let at = digests.iter().position(|known| known.as_deref() == Some(digest))?;
        earlier.get(at)
    };
    let since = |event: &Event| match &event.digest {
        None => TextSince::NotSaid,
        digest if *digest == now => TextSince::Same,
        Some(digest) => TextSince::Changed(read(digest).map(|read| difference(read, stored))),
    };
    let sign_off = |event: &Event| SignOff {
        day: day_of(event.at),
        by: event.by.clone(),
        verdict: event.verdict.unwrap_or(ReviewVerdict::Comment),
        section: event.section.map_or("", section_name),
        comment: event.detail.clone(),
        text: since(event),
    };
    let mut list: Vec<SignOff> = stored.record.reviews().map(sign_off).collect();
    list.reverse();
    Ok(list)
}

fn difference(read: &Revision, stored: &Stored) -> (String, String) {
    let fields = changed_fields(&read.text, &stored.text).join(", ");
    (fields, format!("a={}&b={}", read.hash, stored.hash))
}

pub(crate) const fn section_name(section: assay_records::Section) -> &'static str {
    match section {
        assay_records::Section::Context => "Context",
        assay_records::Section::Decision => "Decision",
        assay_records::Section::Consequences => "Consequences",
    }
}
