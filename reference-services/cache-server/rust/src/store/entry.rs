//! How an entry lies in the log: a header of eight bytes, when it expires (if it does), the key,
//! the value, and filler up to a multiple of eight.

/// Sizes and places of entries are counted in units of this many bytes.
pub(crate) const UNIT_BYTES: usize = 8;
const HEADER_BYTES: usize = 8;
const EXPIRY_BYTES: usize = 8;
/// The longest key or value, in bytes, that the header can say; the log's limit is lower.
pub(crate) const INLINE_BYTES_MAX: usize = (1 << LENGTH_BITS) - 1;
/// In place of when it expires: it does not any more.
pub(crate) const NEVER_MS: u64 = u64::MAX;
/// Accesses are counted up to this: what S3-FIFO needs.
pub(crate) const FREQUENCY_MAX: u8 = 3;

const LENGTH_BITS: u32 = 17;
const UNITS_BITS: u32 = 16;
const DEAD: u64 = 1;
const EXPIRES: u64 = 1 << 1;
const OBJECT: u64 = 1 << 2;
const FREQUENCY_AT: u32 = 3;
const DB_AT: u32 = 5;
const KEY_AT: u32 = 9;
const VALUE_AT: u32 = KEY_AT + LENGTH_BITS;
const UNITS_AT: u32 = VALUE_AT + LENGTH_BITS;

/// The first eight bytes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header(u64);

/// What an entry is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub db: u8,
    pub expires: bool,
    /// The value is the number of an object, which has the key, too.
    pub object: bool,
    pub key_bytes: usize,
    pub value_bytes: usize,
}

impl Shape {
    /// Bytes that an entry of this shape takes in the log.
    pub(crate) fn bytes(&self) -> usize {
        let expiry = if self.expires { EXPIRY_BYTES } else { 0 };
        (HEADER_BYTES + expiry + self.key_bytes + self.value_bytes).next_multiple_of(UNIT_BYTES)
    }

    /// The header of a new entry that takes `bytes`, a multiple of the unit.
    pub(crate) fn header(&self, bytes: usize) -> Header {
        debug_assert!(self.key_bytes <= INLINE_BYTES_MAX && self.value_bytes <= INLINE_BYTES_MAX);
        let flag = |on: bool, bit: u64| if on { bit } else { 0 };
        Header(
            flag(self.expires, EXPIRES)
                | flag(self.object, OBJECT)
                | u64::from(self.db) << DB_AT
                | (self.key_bytes as u64) << KEY_AT
                | (self.value_bytes as u64) << VALUE_AT
                | ((bytes / UNIT_BYTES) as u64) << UNITS_AT,
        )
    }
}

const fn bits(from: u64, at: u32, count: u32) -> u64 {
    (from >> at) & ((1 << count) - 1)
}

impl Header {
    /// The header at the start of these bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|&word| Self(u64::from_le_bytes(word)))
    }

    /// Writes the header at the start of these bytes.
    pub(crate) fn write(self, bytes: &mut [u8]) {
        if let Some(word) = bytes.first_chunk_mut() {
            *word = self.0.to_le_bytes();
        }
    }

    pub(crate) fn is_dead(self) -> bool {
        self.0 & DEAD != 0
    }

    pub(crate) fn dead(self) -> Self {
        Self(self.0 | DEAD)
    }

    pub(crate) fn expires(self) -> bool {
        self.0 & EXPIRES != 0
    }

    pub(crate) fn is_object(self) -> bool {
        self.0 & OBJECT != 0
    }

    pub(crate) fn db(self) -> u8 {
        bits(self.0, DB_AT, 4) as u8
    }

    pub(crate) fn frequency(self) -> u8 {
        bits(self.0, FREQUENCY_AT, 2) as u8
    }

    pub(crate) fn with_frequency(self, frequency: u8) -> Self {
        let cleared = self.0 & !(3 << FREQUENCY_AT);
        Self(cleared | u64::from(frequency.min(FREQUENCY_MAX)) << FREQUENCY_AT)
    }

    pub(crate) fn key_bytes(self) -> usize {
        bits(self.0, KEY_AT, LENGTH_BITS) as usize
    }

    pub(crate) fn value_bytes(self) -> usize {
        bits(self.0, VALUE_AT, LENGTH_BITS) as usize
    }

    /// Bytes of the whole entry, filler included.
    pub(crate) fn bytes(self) -> usize {
        bits(self.0, UNITS_AT, UNITS_BITS) as usize * UNIT_BYTES
    }

    pub(crate) fn shape(self) -> Shape {
        Shape {
            db: self.db(),
            expires: self.expires(),
            object: self.is_object(),
            key_bytes: self.key_bytes(),
            value_bytes: self.value_bytes(),
        }
    }

    fn key_at(self) -> usize {
        HEADER_BYTES + if self.expires() { EXPIRY_BYTES } else { 0 }
    }

    fn value_at(self) -> usize {
        self.key_at() + self.key_bytes()
    }
}

/// An entry in the log, to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub header: Header,
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The entry at the start of these bytes.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = Header::read(bytes)?;
        Some(Self { header, bytes: bytes.get(..header.bytes())? })
    }

    pub(crate) fn key(self) -> &'a [u8] {
        self.part(self.header.key_at(), self.header.key_bytes())
    }

    pub(crate) fn value(self) -> &'a [u8] {
        self.part(self.header.value_at(), self.header.value_bytes())
    }

    /// When it expires, in milliseconds since 1970.
    pub(crate) fn expires_ms(self) -> Option<u64> {
        if !self.header.expires() {
            return None;
        }
        let word = self.bytes.get(HEADER_BYTES..)?.first_chunk()?;
        Some(u64::from_le_bytes(*word)).filter(|&expires_ms| expires_ms != NEVER_MS)
    }

    /// The number of the object that holds key and value.
    pub(crate) fn object(self) -> Option<u32> {
        let word = self.value().first_chunk()?;
        self.header.is_object().then(|| u32::from_le_bytes(*word))
    }

    fn part(self, at: usize, bytes: usize) -> &'a [u8] {
        self.bytes.get(at..at + bytes).unwrap_or_default()
    }
}

/// Writes a whole entry, header included.
pub(crate) fn write(
    into: &mut [u8],
    header: Header,
    expires_ms: Option<u64>,
    key: &[u8],
    value: &[u8],
) {
    header.write(into);
    set_expiry(into, expires_ms.unwrap_or_default());
    put(into, header.key_at(), key);
    put(into, header.value_at(), value);
}

/// Replaces when the entry expires, if it has room for that.
pub(crate) fn set_expiry(into: &mut [u8], expires_ms: u64) {
    if Header::read(into).is_some_and(Header::expires) {
        put(into, HEADER_BYTES, &expires_ms.to_le_bytes());
    }
}

/// The bytes that hold the value.
pub(crate) fn value_mut(of: &mut [u8]) -> &mut [u8] {
    let Some(header) = Header::read(of) else { return &mut [] };
    let at = header.value_at();
    of.get_mut(at..at + header.value_bytes()).unwrap_or_default()
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(part) = into.get_mut(at..at + bytes.len()) {
        part.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_back_what_was_written(
            key in prop::collection::vec(any::<u8>(), 0..70),
            value in prop::collection::vec(any::<u8>(), 0..70),
            expires_ms in prop::option::of(0..u64::MAX),
            db in 0_u8..16,
            frequency in 0_u8..9,
        ) {
            let shape = Shape {
                db,
                expires: expires_ms.is_some(),
                object: false,
                key_bytes: key.len(),
                value_bytes: value.len(),
            };
            let header = shape.header(shape.bytes()).with_frequency(frequency);
            let mut bytes = vec![0xee; shape.bytes() + 8];
            write(&mut bytes, header, expires_ms, &key, &value);
            prop_assert!(bytes.ends_with(&[0xee; 8]));
            let entry = Entry::read(&bytes).unwrap();
            prop_assert_eq!(entry.key(), &key[..]);
            prop_assert_eq!(entry.value(), &value[..]);
            prop_assert_eq!(entry.expires_ms(), expires_ms);
            prop_assert_eq!(entry.header.db(), db);
            prop_assert_eq!(entry.header.frequency(), frequency.min(3));
            prop_assert_eq!(entry.header.bytes(), shape.bytes());
            prop_assert!(!entry.header.is_dead() && entry.header.dead().is_dead());
        }
    }
}
