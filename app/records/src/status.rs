//! Where a record is in its life.

use serde::{Deserialize, Serialize};

/// What a record says of itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written.
    #[default]
    Draft,
    /// Put to those who decide.
    Proposed,
    /// In force.
    Accepted,
    /// Considered and turned down.
    Rejected,
    /// Once in force, and no longer.
    Deprecated,
}

impl Status {
    /// Every status, in the order of a record's life.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Proposed, Self::Accepted, Self::Rejected, Self::Deprecated];

    /// The id used in files, URLs and JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Proposed => "proposed",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Deprecated => "deprecated",
        }
    }

    /// The word shown to people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Proposed => "Proposed",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Deprecated => "Deprecated",
        }
    }

    /// The status with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.id() == id)
    }

    /// What may follow: draft → proposed → accepted or rejected; accepted → deprecated.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Proposed],
            Self::Proposed => &[Self::Accepted, Self::Rejected],
            Self::Accepted => &[Self::Deprecated],
            Self::Rejected | Self::Deprecated => &[],
        }
    }

    /// Whether a record may go from this status to `next`; staying is always allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next || self.next().contains(&next)
    }
}

/// A record's status as readers see it: its own, or superseded by an accepted record that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Being written.
    Draft,
    /// Put to those who decide.
    Proposed,
    /// In force.
    Accepted,
    /// Considered and turned down.
    Rejected,
    /// Once in force, and no longer.
    Deprecated,
    /// Replaced by a later accepted record.
    Superseded,
}

impl Standing {
    /// Every standing, in the order of a record's life.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Proposed,
        Self::Accepted,
        Self::Rejected,
        Self::Deprecated,
        Self::Superseded,
    ];

    /// The standing of a record with this status, superseded or not.
    #[must_use]
    pub const fn of(status: Status, superseded: bool) -> Self {
        match status {
            _ if superseded => Self::Superseded,
            Status::Draft => Self::Draft,
            Status::Proposed => Self::Proposed,
            Status::Accepted => Self::Accepted,
            Status::Rejected => Self::Rejected,
            Status::Deprecated => Self::Deprecated,
        }
    }

    /// Whether a decision was made: accepted once, whatever became of it since.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Accepted | Self::Deprecated | Self::Superseded)
    }

    /// The record's own status; none when it is superseded.
    #[must_use]
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::Draft => Some(Status::Draft),
            Self::Proposed => Some(Status::Proposed),
            Self::Accepted => Some(Status::Accepted),
            Self::Rejected => Some(Status::Rejected),
            Self::Deprecated => Some(Status::Deprecated),
            Self::Superseded => None,
        }
    }

    /// The id used in URLs and JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.status().map_or("superseded", Status::id)
    }

    /// The word shown to people.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.status().map_or("Superseded", Status::name)
    }

    /// The standing with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.id() == id)
    }
}
