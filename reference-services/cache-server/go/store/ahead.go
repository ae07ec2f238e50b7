package store

import "math/bits"

// AheadMax is the most keys that are looked at before their commands run.
const AheadMax = 64

// Ahead reads what finding keys will read: their slots, then their records. Nothing depends on it;
// but the reads of many keys wait for memory all at once, where command after command would wait
// alone. The shards are locked beforehand, since taking a lock waits for all reads before it; one
// that is busy is passed over.
func (v *View) Ahead(keys [][]byte) (sink byte) {
	s := v.store
	db := int(s.names[v.DB])
	var hashes [AheadMax]uint64
	wanted := LockSet(0)
	for i, key := range keys {
		hashes[i] = s.hash(key)
		wanted |= 1 << uint(s.shardIndex(hashes[i]))
	}
	held := LockSet(0)
	for rest := wanted; rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(uint64(rest)); s.shards[i].mu.TryLock() {
			held |= 1 << uint(i)
		}
	}
	var slots [AheadMax]uint64
	for i, hash := range hashes[:len(keys)] {
		at := s.shardIndex(hash)
		if sh := &s.shards[at]; held>>uint(at)&1 == 1 && len(sh.index.slots) > 0 {
			slots[i] = sh.index.slots[home(inDB(hash, db), len(sh.index.slots))]
		}
	}
	for i, hash := range hashes[:len(keys)] {
		if slots[i] != 0 {
			sink += s.shards[s.shardIndex(hash)].firstBytes(inDB(hash, db))
		}
	}
	s.Unlock(held)
	return sink
}

// firstBytes reads the first two cache lines of the record that a hash may belong to.
func (sh *shard) firstBytes(hash uint32) byte {
	slots := sh.index.slots
	for i := home(hash, len(slots)); slots[i] != 0; {
		if uint32(slots[i]>>32) == hash {
			r := sh.record(uint32(slots[i]))
			return r[0] + r[min(len(r)-1, cacheLineBytes)]
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
	return 0
}

const cacheLineBytes = 64
