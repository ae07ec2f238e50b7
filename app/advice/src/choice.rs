//! The three options and a value for each of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An option to choose from: the language, or languages, of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The whole service in Rust.
    Rust,
    /// The whole service in Go.
    Go,
    /// A Rust core behind a Go edge, built and run separately.
    Hybrid,
}

impl Choice {
    /// Every option, in the order used everywhere.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Go, Self::Hybrid];

    /// The id used in files, URLs and JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Hybrid => "hybrid",
        }
    }

    /// The name shown to people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::Hybrid => "Hybrid",
        }
    }

    /// The option with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.id() == id)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One `T` for each option, written as a table with the option ids as keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByOption<T> {
    /// For Rust.
    pub rust: T,
    /// For Go.
    pub go: T,
    /// For the hybrid.
    pub hybrid: T,
}

impl<T> ByOption<T> {
    /// Builds each value from its option.
    pub fn from_fn(mut make: impl FnMut(Choice) -> T) -> Self {
        Self { rust: make(Choice::Rust), go: make(Choice::Go), hybrid: make(Choice::Hybrid) }
    }

    /// The value for one option.
    pub const fn get(&self, choice: Choice) -> &T {
        match choice {
            Choice::Rust => &self.rust,
            Choice::Go => &self.go,
            Choice::Hybrid => &self.hybrid,
        }
    }

    /// The value for one option, to change.
    pub const fn get_mut(&mut self, choice: Choice) -> &mut T {
        match choice {
            Choice::Rust => &mut self.rust,
            Choice::Go => &mut self.go,
            Choice::Hybrid => &mut self.hybrid,
        }
    }
}
