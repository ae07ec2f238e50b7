package store

import "sync"

// segment is a run of records: many in one of the common size, or a single large one.
type segment struct {
	data []byte
	// Bytes taken, and bytes of those that are dead.
	used, dead int
	// Neighbours in its log, 0 for none.
	prev, next uint32
	// No record in it expires earlier; never for none.
	expiry int64
	// When active expiry may look at it again.
	sweep int64
	log   uint8
}

const never = 1<<63 - 1

// log is a queue of segments, appended to at the end.
type log struct {
	first, last uint32
	// The segment that takes new records, 0 for none.
	open  uint32
	bytes int64
}

const (
	small = 0
	main  = 1
)

const (
	offsetBits  = 14 // a multiple of alignment within a segment of at most 64 KiB
	offsetMask  = 1<<offsetBits - 1
	segmentsMax = 1 << (32 - offsetBits)
)

func refTo(seg uint32, offset int) uint32 { return seg<<offsetBits | uint32(offset/alignment) }

func (sh *shard) record(ref uint32) record {
	return record(sh.segs[ref>>offsetBits].data[(ref&offsetMask)*alignment:])
}

// single says that a segment is for one large record.
func (s *Store) single(seg *segment) bool { return len(seg.data) != s.segmentBytes }

// link puts a segment at the end of a log.
func (sh *shard) link(at uint32, which uint8) {
	l, seg := &sh.logs[which], &sh.segs[at]
	seg.log, seg.prev, seg.next = which, l.last, 0
	if l.last != 0 {
		sh.segs[l.last].next = at
	} else {
		l.first = at
	}
	l.last = at
	l.bytes += int64(len(seg.data))
}

func (sh *shard) unlink(at uint32) {
	seg := &sh.segs[at]
	l := &sh.logs[seg.log]
	if seg.prev != 0 {
		sh.segs[seg.prev].next = seg.next
	} else {
		l.first = seg.next
	}
	if seg.next != 0 {
		sh.segs[seg.next].prev = seg.prev
	} else {
		l.last = seg.prev
	}
	if l.open == at {
		l.open = 0
	}
	l.bytes -= int64(len(seg.data))
	seg.prev, seg.next = 0, 0
}

// adopt gives a shard a segment whose bytes are reserved. It returns 0 when it has too many.
func (sh *shard) adopt(data []byte, which uint8) uint32 {
	var at uint32
	if n := len(sh.vacant); n > 0 {
		at = sh.vacant[n-1]
		sh.vacant = sh.vacant[:n-1]
	} else if len(sh.segs) < segmentsMax {
		at = uint32(len(sh.segs))
		sh.segs = append(sh.segs, segment{})
	} else {
		return 0
	}
	sh.segs[at] = segment{data: data, expiry: never}
	sh.bytes += int64(len(data))
	sh.link(at, which)
	return at
}

// release takes a segment, which must be in no log, out of use.
func (s *Store) release(sh *shard, at uint32) {
	data := sh.segs[at].data
	sh.segs[at] = segment{}
	sh.vacant = append(sh.vacant, at)
	sh.bytes -= int64(len(data))
	if len(data) == s.segmentBytes {
		s.pool.put(data)
	}
	s.used.Add(-int64(len(data)))
}

// alloc finds a place for a record of n bytes at the end of a log, and evicts for it if it has to.
// The caller lays the record out. Records of the shard may have moved or gone when it returns.
func (v *View) alloc(sh *shard, which uint8, n int) (ref uint32, ok bool) {
	s := v.store
	if n > s.inSegmentMax {
		return v.allocSingle(sh, which, n)
	}
	for {
		l := &sh.logs[which]
		if l.open != 0 {
			seg := &sh.segs[l.open]
			if seg.used+n <= len(seg.data) {
				ref = refTo(l.open, seg.used)
				seg.used += n
				return ref, true
			}
			if full := l.open; seg.dead*4 >= seg.used {
				s.recycle(sh, full, which, compacting, 0)
				continue
			}
		}
		if v.take(int64(s.segmentBytes)) {
			at := sh.adopt(s.pool.get(), which)
			if at == 0 {
				s.used.Add(-int64(s.segmentBytes))
				return 0, false
			}
			sh.logs[which].open = at
			continue
		}
		if !v.evict(sh) {
			return 0, false
		}
	}
}

func (v *View) allocSingle(sh *shard, which uint8, n int) (ref uint32, ok bool) {
	s := v.store
	size := singleBytes(n)
	if size == s.segmentBytes {
		size += singleStep
	}
	least := size
	if sh.pinned != 0 {
		least += sh.record(sh.pinned).size()
	}
	for !v.take(int64(size)) {
		// What cannot fit must not cost others their place.
		if int64(least) > s.max.Load() || !v.evict(sh) {
			return 0, false
		}
	}
	at := sh.adopt(make([]byte, size), which)
	if at == 0 {
		s.used.Add(-int64(size))
		return 0, false
	}
	sh.segs[at].used = n
	// What waits in the pool must not stand beside a full budget.
	s.pool.trim(int((s.max.Load() - s.used.Load()) / int64(s.segmentBytes)))
	return refTo(at, 0), true
}

// singleStep is what the sizes of large records are multiples of, as in Go's allocator.
const singleStep = 8 << 10

// singleBytes is what the allocator hands out for n bytes: up to 32 KiB one of its size classes,
// which are at most an eighth apart, above that whole pages.
func singleBytes(n int) int {
	if n > 32<<10 {
		return (n + singleStep - 1) &^ (singleStep - 1)
	}
	step := 64
	for step*8 < n {
		step *= 2
	}
	return (n + step - 1) &^ (step - 1)
}

// take reserves n bytes if that keeps within the budget.
func (s *Store) take(n int64) bool {
	for {
		used := s.used.Load()
		if used+n > s.max.Load() {
			return false
		}
		if s.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// kill takes the record of a slot out of the table and leaves its bytes to be reclaimed, at once
// if a quarter of the segment is dead. Records of the shard may have moved when it returns.
func (s *Store) kill(sh *shard, slot int) {
	ref := uint32(sh.index.slots[slot])
	sh.index.remove(slot)
	s.bury(sh, ref)
	s.reclaim(sh, ref>>offsetBits)
}

// bury marks a record dead that the table no longer knows.
func (s *Store) bury(sh *shard, ref uint32) {
	r := sh.record(ref)
	sh.forget(r)
	r[0] |= flagDead
	sh.segs[ref>>offsetBits].dead += r.size()
}

// forget takes a record out of the counts.
func (sh *shard) forget(r record) {
	sh.keys[r.db()]--
	if r.expiry() != 0 {
		sh.expires[r.db()]--
	}
}

// reclaim compacts a segment of which enough is dead.
func (s *Store) reclaim(sh *shard, at uint32) {
	seg := &sh.segs[at]
	switch {
	case seg.dead == seg.used:
		sh.unlink(at)
		s.release(sh, at)
	case sh.logs[seg.log].open != at && seg.dead*4 >= seg.used:
		s.recycle(sh, at, seg.log, compacting, 0)
	}
}

// pool keeps segments that are not in use: the collector would give them back too late.
type pool struct {
	mu   sync.Mutex
	free [][]byte
	size int
}

func (p *pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		data := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		return data
	}
	return make([]byte, p.size)
}

func (p *pool) put(data []byte) {
	p.mu.Lock()
	p.free = append(p.free, data)
	p.mu.Unlock()
}

// trim drops what is beyond a count and says how many segments that were.
func (p *pool) trim(keep int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free) - keep
	if n <= 0 {
		return 0
	}
	clear(p.free[keep:])
	p.free = p.free[:keep:keep]
	return n
}
