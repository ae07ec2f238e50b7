//! The named limits of a record. A text beyond them is refused with the limit in the message.

/// The greatest length of a record's file, in bytes.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The greatest length of a field of one line (title, team, tag, name), in characters.
pub const MAX_LINE_CHARS: usize = 200;
/// The greatest length of a text of several lines (a section, a note), in characters.
pub const MAX_TEXT_CHARS: usize = 50_000;
/// The greatest length of a list of tags, deciders, superseded records or evidence.
pub const MAX_LIST: usize = 100;
/// The greatest number of triggers.
pub const MAX_TRIGGERS: usize = 50;
/// The greatest number of events kept in one record.
pub const MAX_EVENTS: usize = 5_000;
/// The most problems reported for one text; the first faults matter, a flood hides them.
pub(crate) const MAX_PROBLEMS: usize = 100;
