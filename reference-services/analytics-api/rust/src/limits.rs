//! What the contract allows: its limits, and the form of names and texts.

/// The latest time, in Unix ms: the end of the year 9999.
pub const TS_MS_MAX: i64 = 253_402_300_799_999;
/// Values are no greater than this in size, so that no sum can overflow.
pub const VALUE_MAX: f64 = 1e290;
/// Bytes of a key or of a tag's value.
pub const TEXT_BYTES_MAX: usize = 255;
/// Bytes of a tag's or a batch's name.
pub const NAME_BYTES_MAX: usize = 64;
/// Tags of an event.
pub const TAGS_MAX: usize = 8;
/// Different names of tags in the store.
pub const TAG_NAMES_MAX: usize = 64;
/// Bytes of a line without its line feed.
pub const LINE_BYTES_MAX: usize = 8_192;
/// Rejected lines that a report names.
pub const REPORTED_LINES_MAX: usize = 100;
/// Bytes of a batch's body.
pub const BATCH_BYTES_MAX: usize = 32 << 20;
/// Batches whose names are remembered.
pub const BATCH_IDS_MAX: usize = 65_536;
/// Bytes of a query's body.
pub const QUERY_BYTES_MAX: usize = 256 << 10;
/// Events of a log after which the next one is begun.
pub const LOG_EVENTS: u64 = 1_048_576;
/// Bytes of a log after which the next one is begun.
pub const LOG_BYTES: u64 = 64 << 20;
/// Bytes of bodies that go into one frame, and one batch more.
pub const FRAME_BODY_BYTES: usize = 64 << 20;
/// Buckets in a query's window.
pub const BUCKETS_MAX: u64 = 1_000_000;
/// Pairs of a cell and a value that a query may count.
pub const DISTINCT_MAX: usize = 16_777_216;
/// Queries, listings and exports that run at once.
pub const QUERIES_MAX: usize = 8;

/// Whether the text is 1–64 of `A-Z a-z 0-9 _ . -`, as names of tags and batches are.
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether the text can be a key or a tag's value: 1–255 bytes without control characters.
pub fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
        && !text.bytes().any(|byte| byte < 0x20 || byte == 0x7f)
}
