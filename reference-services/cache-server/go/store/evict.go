package store

import (
	"math/bits"
	"time"
)

// What recycle does with the records of a segment.
type purpose int

const (
	compacting purpose = iota
	evicting
	evictingAll // but what is pinned
)

// evictSegmentsMax bounds the work of one eviction: when this many segments in a row held hardly
// anything that nobody had asked for, the next one goes as a whole.
const evictSegmentsMax = 256

// smallPercent is the part of the budget that the small queue may have.
const smallPercent = 10

// recycle goes through a segment and drops what is dead and, when evicting, what nobody has asked
// for. The rest moves to the end of a log as far as its open segment has room, and what remains is
// slid together: the segment is then the open one of that log. With nothing left it is released.
func (s *Store) recycle(sh *shard, at uint32, to uint8, why purpose, now int64) {
	sh.unlink(at)
	seg := &sh.segs[at]
	end, kept, expiry := seg.used, 0, int64(never)
	for offset := 0; offset < end; {
		r := record(seg.data[offset:])
		n := r.size()
		ref := refTo(at, offset)
		offset += n
		if r.has(flagDead) {
			continue
		}
		hash := s.hash(r.key())
		inTable := inDB(hash, r.db())
		slot := sh.index.place(inTable, ref)
		if why != compacting && ref != sh.pinned && (why == evictingAll || !sh.stays(r, seg.log, now)) {
			s.evictRecord(sh, r, slot, hash, now)
			continue
		}
		if to == main {
			r[0] |= flagMain
		}
		moved, ok := sh.moveToOpen(r[:n], to)
		if !ok {
			moved = refTo(at, kept)
			copy(seg.data[kept:], r[:n])
			kept += n
			if when := record(seg.data[kept-n:]).expiry(); when != 0 {
				expiry = min(expiry, when)
			}
		}
		sh.index.slots[slot] = slotOf(inTable, moved)
		if ref == sh.pinned {
			sh.pinned = moved
		}
	}
	if kept == 0 {
		s.release(sh, at)
		return
	}
	seg.used, seg.dead, seg.expiry = kept, 0, expiry
	sh.link(at, to)
	if !s.single(seg) {
		sh.logs[to].open = at
	}
}

// stays decides about a record whose turn it is: from the small queue it moves on if it was asked
// for again, in the main queue each turn costs one of its counter.
func (sh *shard) stays(r record, from uint8, now int64) bool {
	if when := r.expiry(); when != 0 && when <= now || r.freq() == 0 {
		return false
	}
	if from == main {
		r[0] -= 1 << freqShift
	}
	return true
}

func (s *Store) evictRecord(sh *shard, r record, slot int, hash uint64, now int64) {
	if when := r.expiry(); when != 0 && when <= now {
		sh.Expired++
		s.touchExpired(sh, r.db(), r.key())
	} else {
		s.touch(sh, r.db(), r.key())
		sh.Evicted++
		if !r.has(flagMain) {
			sh.ghost.add(hash)
		}
	}
	sh.forget(r)
	sh.index.remove(slot)
}

// moveToOpen copies a record to the open segment of a log, if there is room.
func (sh *shard) moveToOpen(r record, to uint8) (ref uint32, ok bool) {
	open := sh.logs[to].open
	if open == 0 {
		return 0, false
	}
	seg := &sh.segs[open]
	if seg.used+len(r) > len(seg.data) {
		return 0, false
	}
	ref = refTo(open, seg.used)
	copy(seg.data[seg.used:], r)
	seg.used += len(r)
	if when := r.expiry(); when != 0 {
		seg.expiry = min(seg.expiry, when)
	}
	return ref, true
}

// evict takes back one segment's worth of records: from the shard itself when it has its share,
// else from the next one that does and can be locked. It is false when nothing can be had.
func (v *View) evict(own *shard) bool {
	s := v.store
	if s.Policy() == NoEviction {
		return false
	}
	share := s.max.Load() / int64(len(s.shards))
	if own.bytes+own.index.bytes() >= share-int64(s.segmentBytes) && s.evictFrom(own, v.Time) {
		return true
	}
	for range evictTries {
		freed, busy := v.evictElsewhere(share)
		if freed || s.evictFrom(own, v.Time) {
			return true
		}
		if !busy {
			return false
		}
		// Who holds the others cannot be waiting for this one alone: they will be free soon.
		time.Sleep(evictPause)
	}
	return false
}

const (
	evictTries = 100
	evictPause = 100 * time.Microsecond
)

// evictElsewhere evicts from a shard that has its share, or from any that has something. busy says
// that some could not be locked.
func (v *View) evictElsewhere(share int64) (freed, busy bool) {
	s := v.store
	for _, least := range []int64{share, 1} {
		for range s.shards {
			i := int(s.hand.Add(1)) & (len(s.shards) - 1)
			sh := &s.shards[i]
			held := v.Held>>uint(i)&1 == 1
			if !held && !sh.mu.TryLock() {
				busy = true
				continue
			}
			freed = sh.bytes >= least && s.evictFrom(sh, v.Time)
			if !held {
				sh.mu.Unlock()
			}
			if freed {
				return true, busy
			}
		}
	}
	return false, busy
}

// evictFrom recycles segments of a shard until one of them is free or half empty. A counter is at
// most 3, so that four rounds through the queues are enough.
func (s *Store) evictFrom(sh *shard, now int64) bool {
	sh.ghost.fit(s, sh)
	why := evicting
	for i := range 5 * (len(sh.segs) + 1) {
		if i == s.evictSegments {
			why = evictingAll
		}
		which := uint8(main)
		if l := &sh.logs[small]; sh.logs[main].first == 0 ||
			l.first != 0 && l.bytes*100 >= sh.bytes*smallPercent {
			which = small
		}
		at := sh.logs[which].first
		if at == 0 {
			return false
		}
		sh.evicted = true
		before := sh.segs[at].used
		bytes := sh.bytes
		s.recycle(sh, at, main, why, now)
		if sh.bytes < bytes || sh.segs[at].used <= before/2 {
			return true
		}
	}
	return false
}

// SetMaxMemory changes the budget. Shrink makes the store keep it.
func (s *Store) SetMaxMemory(bytes int64) { s.max.Store(bytes) }

// Shrink evicts until the budget is kept, after it or the policy was changed. It is false when the
// policy does not allow that; the budget then holds all the same.
func (s *Store) Shrink(held LockSet) bool {
	bytes := s.max.Load()
	for s.used.Load() > bytes {
		if s.Policy() == NoEviction {
			return false
		}
		freed := false
		s.each(held, func(_ int, sh *shard) bool {
			if s.evictFrom(sh, s.Now()) {
				freed = true
			}
			return s.used.Load() > bytes
		})
		if !freed {
			return false
		}
	}
	return true
}

// ghost remembers the fingerprints of what left the small queue: buckets of four 16-bit ones, the
// oldest of which gives way. It has about as many places as the main queue has entries.
type ghost struct{ prints []uint64 }

const ghostWays = 4

func (g *ghost) place(hash uint64) (bucket *uint64, print uint64) {
	return &g.prints[uint32(hash)&uint32(len(g.prints)-1)], hash>>32&0xffff | 1
}

func (g *ghost) add(hash uint64) {
	if len(g.prints) > 0 {
		bucket, print := g.place(hash)
		*bucket = *bucket<<16 | print
	}
}

// take says whether a key is remembered, and forgets it.
func (g *ghost) take(hash uint64) bool {
	if len(g.prints) == 0 {
		return false
	}
	bucket, print := g.place(hash)
	for shift := 0; shift < 64; shift += 16 {
		if *bucket>>shift&0xffff == print {
			*bucket &^= 0xffff << shift
			return true
		}
	}
	return false
}

// fit gives the ghost the size that the entries of the shard ask for, if there is memory for it.
func (g *ghost) fit(s *Store, sh *shard) {
	want := 1 << bits.Len(uint(max(sh.index.count, 1)*9/10/ghostWays))
	if len(g.prints) >= want && len(g.prints) <= 4*want {
		return
	}
	s.used.Add(-int64(len(g.prints)) * 8)
	g.prints = nil
	for ; want > 0; want /= 2 {
		if s.take(int64(want) * 8) {
			g.prints = make([]uint64, want)
			return
		}
	}
}
