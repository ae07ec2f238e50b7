//! The formats of other tools for decision records.

/// A format of another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Markdown Any Decision Records, version 4.
    Madr4,
    /// Markdown Any Decision Records, version 3.
    Madr3,
    /// Markdown Any Decision Records, version 2.
    Madr2,
    /// What adr-tools writes: Michael Nygard's sections.
    AdrTools,
    /// What log4brains writes.
    Log4brains,
    /// JSON-ADR 1.0.0, as the `adrs` crate writes it.
    JsonAdr,
}

impl Dialect {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Madr4, Self::Madr3, Self::Madr2, Self::AdrTools, Self::Log4brains, Self::JsonAdr];

    /// The id used in files and on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Madr4 => "madr4",
            Self::Madr3 => "madr3",
            Self::Madr2 => "madr2",
            Self::AdrTools => "adr-tools",
            Self::Log4brains => "log4brains",
            Self::JsonAdr => "json-adr",
        }
    }

    /// The name shown to people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Madr4 => "MADR 4",
            Self::Madr3 => "MADR 3",
            Self::Madr2 => "MADR 2",
            Self::AdrTools => "adr-tools",
            Self::Log4brains => "log4brains",
            Self::JsonAdr => "JSON-ADR",
        }
    }

    /// The format with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.id() == id)
    }
}
