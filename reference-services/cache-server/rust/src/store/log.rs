//! The log: entries one behind the other in segments of equal size, in two queues.
//!
//! A queue is a list of segments, and its order is the order of the entries in them. So the FIFO
//! queues of the eviction cost no bytes an entry. Segments are mapped straight from the system:
//! what the log frees is gone from the process at once, and a page that was never written costs
//! nothing.

use super::entry::{self, Entry, Header, UNIT_BYTES};
use memmap2::MmapMut;
use prefetch_index::prefetch_index;
use std::collections::VecDeque;

const CACHE_LINE_BYTES: usize = 64;

/// Where an entry is: its segment's number × units a segment + its offset in units. Never 0.
pub(crate) type Place = u32;

/// The two queues of S3-FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// New entries, on probation.
    Small,
    /// Entries that were asked for again.
    Main,
}

/// A piece of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub bytes: MmapMut,
    pub queue: Queue,
    /// Bytes written; the next entry goes here.
    pub bytes_used: usize,
    /// Bytes of entries that are not dead.
    pub bytes_live: usize,
    /// No entry in it expires before this, in ms since 1970.
    pub first_expiry_ms: u64,
}

impl Segment {
    /// The entry at this offset, if one was written there.
    pub(crate) fn entry(&self, offset: usize) -> Option<Entry<'_>> {
        self.bytes.get(offset..self.bytes_used).and_then(Entry::read)
    }

    pub(crate) fn note_expiry(&mut self, expires_ms: Option<u64>) {
        self.first_expiry_ms = self.first_expiry_ms.min(expires_ms.unwrap_or(u64::MAX));
    }
}

/// The segments of one shard.
#[derive(Debug)]
pub(crate) struct Log {
    /// By number; number 0 is never used, so that no place is 0.
    segments: Vec<Option<Segment>>,
    free_numbers: Vec<u32>,
    small: VecDeque<u32>,
    main: VecDeque<u32>,
    /// A freed segment kept for the next one; it still counts as in use.
    spare: Option<MmapMut>,
    segment_bytes: usize,
    units_shift: u32,
    bytes_used: usize,
    bytes_live: usize,
}

impl Log {
    /// An empty log; `segment_bytes` is a power of two.
    pub(crate) fn new(segment_bytes: usize) -> Self {
        Self {
            segments: vec![None],
            free_numbers: Vec::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            spare: None,
            segment_bytes,
            units_shift: (segment_bytes / UNIT_BYTES).trailing_zeros(),
            bytes_used: 0,
            bytes_live: 0,
        }
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        self.segment_bytes
    }

    /// The largest entry that goes into the log; larger ones become objects.
    pub(crate) fn entry_bytes_max(&self) -> usize {
        self.segment_bytes / 8
    }

    pub(crate) fn queue(&self, queue: Queue) -> &VecDeque<u32> {
        match queue {
            Queue::Small => &self.small,
            Queue::Main => &self.main,
        }
    }

    fn queue_mut(&mut self, queue: Queue) -> &mut VecDeque<u32> {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }

    /// Segments in both queues.
    pub(crate) fn segments_len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    /// Bytes of entries in the log that are dead.
    pub(crate) fn bytes_dead(&self) -> usize {
        self.bytes_used - self.bytes_live
    }

    /// Bytes of entries in the log that are not dead.
    pub(crate) fn bytes_live(&self) -> usize {
        self.bytes_live
    }

    pub(crate) fn place(&self, number: u32, offset: usize) -> Place {
        number << self.units_shift | (offset / UNIT_BYTES) as u32
    }

    fn split(&self, place: Place) -> (u32, usize) {
        let units = place & ((1 << self.units_shift) - 1);
        (place >> self.units_shift, units as usize * UNIT_BYTES)
    }

    pub(crate) fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.get(number as usize)?.as_ref()
    }

    pub(crate) fn segment_mut(&mut self, number: u32) -> Option<&mut Segment> {
        self.segments.get_mut(number as usize)?.as_mut()
    }

    /// The queue that the entry at a place is in.
    pub(crate) fn queue_of(&self, place: Place) -> Queue {
        let (number, _) = self.split(place);
        self.segment(number).map_or(Queue::Small, |segment| segment.queue)
    }

    /// The entry at a place.
    pub(crate) fn entry(&self, place: Place) -> Option<Entry<'_>> {
        let (number, offset) = self.split(place);
        self.segment(number)?.entry(offset)
    }

    /// Has the start of the entry at a place brought to the cache.
    pub(crate) fn prefetch(&self, place: Place) {
        let (number, offset) = self.split(place);
        if let Some(segment) = self.segment(number) {
            prefetch_index(&segment.bytes[..], offset);
            prefetch_index(&segment.bytes[..], offset + CACHE_LINE_BYTES);
        }
    }

    /// The bytes of the entry at a place, and the segment's note of its first expiry.
    pub(crate) fn entry_mut(&mut self, place: Place) -> Option<(&mut [u8], &mut u64)> {
        let (number, offset) = self.split(place);
        let segment = self.segment_mut(number)?;
        let bytes = segment.bytes.get_mut(offset..)?;
        let length = Header::read(bytes)?.bytes();
        Some((bytes.get_mut(..length)?, &mut segment.first_expiry_ms))
    }

    /// Replaces the header of an entry by one of the same size.
    pub(crate) fn set_header(&mut self, place: Place, header: Header) {
        if let Some((bytes, _)) = self.entry_mut(place) {
            header.write(bytes);
        }
    }

    /// Whether an entry of so many bytes fits the last segment of a queue.
    pub(crate) fn fits(&self, queue: Queue, bytes: usize) -> bool {
        let tail = self.queue(queue).back().and_then(|&number| self.segment(number));
        tail.is_some_and(|tail| tail.bytes_used + bytes <= self.segment_bytes)
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    /// Adds a segment to the end of a queue, the spare one if there is one. False when the system
    /// gives no memory.
    pub(crate) fn open_segment(&mut self, queue: Queue) -> bool {
        let mapped = self.spare.take().or_else(|| MmapMut::map_anon(self.segment_bytes).ok());
        let Some(bytes) = mapped else { return false };
        let number = self.free_numbers.pop().unwrap_or(self.segments.len() as u32);
        if number as usize == self.segments.len() {
            self.segments.push(None);
        }
        let (bytes_used, bytes_live, first_expiry_ms) = (0, 0, u64::MAX);
        self.attach(number, Segment { bytes, queue, bytes_used, bytes_live, first_expiry_ms });
        true
    }

    /// Puts a segment at the end of its queue.
    pub(crate) fn attach(&mut self, number: u32, segment: Segment) {
        self.queue_mut(segment.queue).push_back(number);
        self.put_back(number, segment);
    }

    /// Puts a segment that was taken back in its place.
    pub(crate) fn put_back(&mut self, number: u32, segment: Segment) {
        self.bytes_used += segment.bytes_used;
        self.bytes_live += segment.bytes_live;
        if let Some(slot) = self.segments.get_mut(number as usize) {
            *slot = Some(segment);
        }
    }

    /// Takes a segment out to work on it; its number stays in its queue.
    pub(crate) fn take(&mut self, number: u32) -> Option<Segment> {
        let segment = self.segments.get_mut(number as usize)?.take()?;
        self.bytes_used -= segment.bytes_used;
        self.bytes_live -= segment.bytes_live;
        Some(segment)
    }

    /// Takes the oldest segment of a queue out of it.
    pub(crate) fn take_oldest(&mut self, queue: Queue) -> Option<(u32, Segment)> {
        let number = self.queue_mut(queue).pop_front()?;
        Some((number, self.take(number)?))
    }

    /// Frees the number of a segment that was taken and is empty. It becomes the spare one, or is
    /// given back to the system: then the answer is how many bytes that frees.
    pub(crate) fn retire(&mut self, number: u32, segment: Segment, keep_spare: bool) -> usize {
        let queue = self.queue_mut(segment.queue);
        if let Some(at) = queue.iter().position(|&other| other == number) {
            queue.remove(at);
        }
        self.free_numbers.push(number);
        if keep_spare && self.spare.is_none() {
            self.spare = Some(segment.bytes);
            return 0;
        }
        self.segment_bytes
    }

    /// Gives the spare segment back to the system; the answer is how many bytes that frees.
    pub(crate) fn drop_spare(&mut self) -> usize {
        self.spare.take().map_or(0, |_| self.segment_bytes)
    }

    /// Drops everything; answers how many bytes that frees.
    pub(crate) fn clear(&mut self) -> usize {
        let freed = (self.segments_len() + usize::from(self.has_spare())) * self.segment_bytes;
        *self = Self::new(self.segment_bytes);
        freed
    }

    /// Writes an entry at the end of a queue, where it must fit; `None` when it does not.
    pub(crate) fn append(
        &mut self,
        queue: Queue,
        header: Header,
        expires_ms: Option<u64>,
        key: &[u8],
        value: &[u8],
    ) -> Option<Place> {
        let number = *self.queue(queue).back()?;
        let segment = self.segments.get_mut(number as usize)?.as_mut()?;
        let (offset, bytes) = (segment.bytes_used, header.bytes());
        let into = segment.bytes.get_mut(offset..offset + bytes)?;
        entry::write(into, header, expires_ms, key, value);
        segment.note_expiry(expires_ms);
        segment.bytes_used += bytes;
        segment.bytes_live += bytes;
        self.bytes_used += bytes;
        self.bytes_live += bytes;
        Some(self.place(number, offset))
    }

    /// Copies a whole entry behind the last one of a segment; `None` when it does not fit.
    pub(crate) fn copy_into(&mut self, number: u32, bytes: &[u8], header: Header) -> Option<Place> {
        let segment = self.segments.get_mut(number as usize)?.as_mut()?;
        let offset = segment.bytes_used;
        let into = segment.bytes.get_mut(offset..offset + bytes.len())?;
        into.copy_from_slice(bytes);
        header.write(into);
        let expires_ms = Entry::read(into).and_then(Entry::expires_ms);
        segment.note_expiry(expires_ms);
        segment.bytes_used += bytes.len();
        segment.bytes_live += bytes.len();
        self.bytes_used += bytes.len();
        self.bytes_live += bytes.len();
        Some(self.place(number, offset))
    }

    /// Marks an entry dead. The answer is how many bytes that frees: those of its segment when
    /// nothing in it lives and nothing will be added to it.
    pub(crate) fn kill(&mut self, place: Place) -> usize {
        let (number, _) = self.split(place);
        let Some(header) = self.entry(place).map(|entry| entry.header) else { return 0 };
        self.set_header(place, header.dead());
        self.bytes_live -= header.bytes();
        let Some(segment) = self.segment_mut(number) else { return 0 };
        segment.bytes_live -= header.bytes();
        if segment.bytes_live > 0 {
            return 0;
        }
        let queue = segment.queue;
        if self.queue(queue).back() == Some(&number) {
            // The last segment starts again.
            if let Some(mut segment) = self.take(number) {
                segment.bytes_used = 0;
                segment.first_expiry_ms = u64::MAX;
                self.put_back(number, segment);
            }
            return 0;
        }
        self.take(number).map_or(0, |segment| self.retire(number, segment, false))
    }
}
