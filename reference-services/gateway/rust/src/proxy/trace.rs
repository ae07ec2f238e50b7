//! Request ids, and W3C Trace Context.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::sync::{Mutex, PoisonError};

const REQUEST_ID_BYTES_MAX: usize = 64;
const TRACEPARENT_BYTES: usize = 55;

/// Makes random ids, one for each thread that runs requests.
#[derive(Debug)]
pub(super) struct Ids(Mutex<ChaCha8Rng>);

impl Ids {
    /// Seeded by the system.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| std::io::Error::other("no randomness"))?;
        Ok(Self(Mutex::new(ChaCha8Rng::from_seed(seed))))
    }

    fn hex<const BYTES: usize>(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; BYTES];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .filter_map(|digit| DIGITS.get(usize::from(digit)).map(|it| char::from(*it)))
            .collect()
    }

    /// The client's own id if it is plain, else a new one.
    pub(super) fn request_id(&self, given: Option<&[u8]>) -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let given = given
            .filter(|id| (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(plain));
        let given = given.and_then(|id| std::str::from_utf8(id).ok());
        given.map_or_else(|| self.hex::<16>(), ToOwned::to_owned)
    }

    /// Continues the trace of a request (§3.2) or begins one; says whether it is the client's.
    pub(super) fn traceparent(&self, given: Option<&[u8]>) -> (String, bool) {
        let parent = self.hex::<8>();
        match given.and_then(parse_traceparent) {
            Some((trace, flags)) => (format!("00-{trace}-{parent}-{flags}"), true),
            None => (format!("00-{}-{parent}-00", self.hex::<16>()), false),
        }
    }
}

/// The trace id and the flags. Versions after 00 may have more parts.
fn parse_traceparent(given: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(given).ok()?;
    let (first, more) = text.split_at_checked(TRACEPARENT_BYTES)?;
    let parts: Vec<&str> = first.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return None };
    let hex = |part: &str, bytes: usize| {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        part.len() == 2 * bytes && part.bytes().all(digit)
    };
    let shaped = hex(version, 1) && hex(trace, 16) && hex(parent, 8) && hex(flags, 1);
    let zeros = |part: &str| part.bytes().all(|byte| byte == b'0');
    let longer = !more.is_empty() && (*version == "00" || !more.starts_with('-'));
    let good = shaped && *version != "ff" && !longer && !zeros(trace) && !zeros(parent);
    good.then_some((trace, flags))
}
