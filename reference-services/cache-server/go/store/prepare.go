package store

// Prepare reserves what it takes to set pairs of keys and string values, so that all the calls of
// Set that follow have room. It is false when there is not enough; nothing has changed then but for
// evictions. Done has to be called after it was true.
func (v *View) Prepare(pairs [][]byte) bool {
	s := v.store
	bytes := 0
	for _, part := range pairs {
		bytes += len(part)
	}
	if s.Policy() != NoEviction && int64(bytes) < s.max.Load()/prepareFrom {
		// Eviction will make the room.
		return true
	}
	for range prepareRounds {
		need := v.needed(pairs)
		if s.take(need) {
			v.credit = need
			return true
		}
		sh := v.shardOf(pairs[0])
		if need > s.max.Load() || !v.evict(sh) {
			return false
		}
	}
	return false
}

const (
	prepareFrom   = 16 // a part of the budget
	prepareRounds = 1 << 20
)

// Done gives back what is left of what Prepare reserved.
func (v *View) Done() {
	v.store.used.Add(-v.credit)
	v.credit = 0
}

// take reserves n bytes, first from what was prepared.
func (v *View) take(n int64) bool {
	if v.credit >= n {
		v.credit -= n
		return true
	}
	return v.store.take(n)
}

// needed is the count of bytes by which setting pairs may make the store grow: new segments, large
// records and larger tables of the shards concerned.
func (v *View) needed(pairs [][]byte) (bytes int64) {
	s := v.store
	db := int(s.names[v.DB])
	type demand struct {
		room [2]int
		keys int
	}
	var demands [ShardsMax]demand
	for i := range s.shards {
		if v.Held>>uint(i)&1 == 0 {
			continue
		}
		for which, l := range s.shards[i].logs {
			if l.open != 0 {
				seg := &s.shards[i].segs[l.open]
				demands[i].room[which] = len(seg.data) - seg.used
			}
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		hash := s.hash(pairs[i])
		at := s.shardIndex(hash)
		sh, d := &s.shards[at], &demands[at]
		sp := shape{keyLen: len(pairs[i]), valueLen: len(pairs[i+1])}
		which := small
		slot := sh.find(inDB(hash, db), db, pairs[i])
		if slot < 0 {
			d.keys++
		} else if r := sh.at(slot); r.fits(sp) {
			continue
		} else if r.has(flagMain) {
			which = main
		}
		n := sp.size()
		switch {
		case n > s.inSegmentMax:
			bytes += int64(singleBytes(n) + singleStep)
		case n <= d.room[which]:
			d.room[which] -= n
		default:
			bytes += int64(s.segmentBytes)
			d.room[which] = s.segmentBytes - n
		}
	}
	for i := range s.shards {
		x := &s.shards[i].index
		for slots, keys := len(x.slots), x.count+demands[i].keys; demands[i].keys > 0 && keys*100 > slots*indexFullNum; {
			slots = max(indexMin, slots+slots/4)
			bytes += int64(slots) * slotBytes
		}
	}
	return bytes
}
