//! The ghost queue of S3-FIFO: fingerprints of what was evicted from the small queue.

const FIRST_PLACES: usize = 64;
/// Places that a fingerprint may be in.
const WAYS: usize = 4;

/// A table of 32-bit fingerprints, each in one of four places chosen by other bits of the hash. A
/// new one pushes out the oldest of the four, so that together they behave like a queue of as many
/// fingerprints as there are places.
#[derive(Debug, Default)]
pub(crate) struct Ghost {
    /// Groups of four, newest first; 0 is empty.
    places: Vec<[u32; WAYS]>,
}

fn fingerprint(hash: u64) -> u32 {
    (hash >> 16) as u32 | 1
}

impl Ghost {
    pub(crate) fn bytes(&self) -> usize {
        bytes_of(self.places.len())
    }

    fn group(&mut self, hash: u64) -> Option<&mut [u32; WAYS]> {
        let groups = self.places.len() as u64;
        // The high half chose the shard's slot, so the whole hash is mixed once more.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.places.get_mut(((mixed * groups) >> 32) as usize)
    }

    pub(crate) fn remember(&mut self, hash: u64) {
        if let Some([first, second, third, fourth]) = self.group(hash) {
            (*fourth, *third, *second) = (*third, *second, *first);
            *first = fingerprint(hash);
        }
    }

    /// Whether it was remembered; it no longer is.
    pub(crate) fn forget(&mut self, hash: u64) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let wanted = fingerprint(hash);
        let place = self.group(hash).and_then(|group| group.iter_mut().find(|it| **it == wanted));
        place.is_some_and(|place| {
            *place = 0;
            true
        })
    }

    /// How many bytes it should have for so many entries, when that is much more than it has.
    pub(crate) fn bytes_wanted(&self, entries: usize) -> Option<usize> {
        let groups = groups_for(entries);
        (groups > self.places.len() * 5 / 4).then(|| bytes_of(groups))
    }

    /// Makes it as large as `bytes_wanted` said, and forgets everything.
    pub(crate) fn resize(&mut self, entries: usize) {
        self.places = vec![[0; WAYS]; groups_for(entries)];
    }
}

fn groups_for(entries: usize) -> usize {
    entries.max(FIRST_PLACES).div_ceil(WAYS)
}

fn bytes_of(groups: usize) -> usize {
    groups * WAYS * size_of::<u32>()
}
