//! What happens to a record: the entries of its history.

use assay_advice::Choice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Section;

/// Something that happened to a record. Which of the optional facts it has depends on its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// What it was.
    pub kind: EventKind,
    /// More, in words; may be empty.
    pub detail: String,
    /// Of a review: what the reviewer said.
    pub verdict: Option<ReviewVerdict>,
    /// Of a review: the section it speaks of; none for the whole record.
    pub section: Option<Section>,
    /// Of a review: [`crate::signed_digest`] of the text that was read.
    pub digest: Option<String>,
    /// Of a firing: the trigger's id.
    pub trigger: Option<String>,
    /// Of a firing: the alert that reported it, so that it counts once.
    pub alert: Option<String>,
    /// Of a revisit: what came of it.
    pub outcome: Option<Outcome>,
    /// Of a rescoring: what is advised now; `Some(None)` is too close to call.
    pub advised: Option<Option<Choice>>,
}

impl Event {
    /// An event without further facts.
    #[must_use]
    pub fn new(at: Timestamp, by: &str, kind: EventKind, detail: impl Into<String>) -> Self {
        Self {
            at,
            by: by.to_owned(),
            kind,
            detail: detail.into(),
            verdict: None,
            section: None,
            digest: None,
            trigger: None,
            alert: None,
            outcome: None,
            advised: None,
        }
    }
}

/// Gives an enum of few words its ids.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident = $id:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $word,)*
        }

        impl $name {
            /// Every one of them, in order.
            pub const ALL: &[Self] = &[$(Self::$word),*];
            /// The ids of all of them.
            pub const IDS: &[&str] = &[$($id),*];

            /// The id used in files and JSON.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$word => $id,)*
                }
            }

            /// The one with this id.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.id() == id)
            }
        }
    };
}

words! {
    /// The kinds of event.
    EventKind {
        /// The record was first written.
        Created = "created",
        /// Something in it was changed.
        Edited = "edited",
        /// Somebody reviewed it.
        Reviewed = "reviewed",
        /// Its status changed.
        Status = "status",
        /// A trigger's condition came true.
        TriggerFired = "trigger_fired",
        /// It was looked at again and kept, amended or superseded.
        Revisited = "revisited",
        /// It was scored again with a later model or later runs.
        Rescored = "rescored",
    }
}

words! {
    /// What a reviewer says of a record.
    ReviewVerdict {
        /// They agree with the text as it is.
        Approve = "approve",
        /// Something must change first.
        RequestChanges = "request_changes",
        /// A remark that decides nothing.
        Comment = "comment",
    }
}

words! {
    /// What comes of looking at a decision again.
    Outcome {
        /// It stands as it is.
        Keep = "keep",
        /// It stands, and something about it is written anew.
        Amend = "amend",
        /// Another decision is to replace it.
        Supersede = "supersede",
    }
}
