package store

import (
	"math/bits"
	"math/rand/v2"
)

// Key is one key that a scan passes. Its bytes lie in the store.
type Key struct {
	Bytes []byte
	Kind  Kind
}

// A cursor names a place in the order of the hashes: the shard above 32 bits of the hash in the
// table. As that order is the same in a table of any size, an entry that is there all the time is
// passed however often tables grow or shrink.

// Scan passes the keys of the database from a cursor on, until it has looked at about places slots
// or passed count keys. It returns the cursor to go on from, 0 at the end. It locks the shards
// itself, save those that are held.
func (v *View) Scan(cursor uint64, count, places int, pass func(Key)) uint64 {
	s := v.store
	hash := cursor & 0xffff_ffff
	for i := cursor >> 32; i < uint64(len(s.shards)); i++ {
		if count <= 0 || places <= 0 {
			return i<<32 | hash
		}
		set := LockSet(1) << i &^ v.Held
		s.Lock(set)
		db := int(s.names[v.DB])
		next, done := s.shards[i].scan(uint32(hash), db, v.Time, &count, &places, pass)
		s.Unlock(set)
		if !done {
			return i<<32 | uint64(next)
		}
		hash = 0
	}
	return 0
}

// scan passes the live keys of a database with hashes from a least one on, home by home. It
// returns the least hash of what is left, or done.
func (sh *shard) scan(from uint32, db int, now int64, count, places *int, pass func(Key)) (next uint32, done bool) {
	slots := sh.index.slots
	*places--
	if len(slots) == 0 || sh.keys[db] == 0 {
		return 0, true
	}
	for at := home(from, len(slots)); at < len(slots); at++ {
		if *count <= 0 || *places <= 0 {
			return leastHash(at, len(slots)), false
		}
		*places--
		sh.scanHome(at, func(hash uint32, ref uint32) {
			r := sh.record(ref)
			if hash >= from && r.db() == db && !r.expired(now) {
				pass(Key{r.key(), Entry{r, sh}.Kind()})
				*count--
			}
		})
	}
	return 0, true
}

// leastHash is the smallest hash whose home is a slot.
func leastHash(at, slots int) uint32 {
	quotient, rest := bits.Div64(uint64(at)>>32, uint64(at)<<32, uint64(slots))
	if rest != 0 {
		quotient++
	}
	return uint32(quotient)
}

// scanHome calls f for the entries whose home is a slot: they lie there or behind it, without a
// free slot between.
func (sh *shard) scanHome(at int, f func(hash, ref uint32)) {
	slots := sh.index.slots
	for i := at; slots[i] != 0; {
		if hash := uint32(slots[i] >> 32); home(hash, len(slots)) == at {
			f(hash, uint32(slots[i]))
		}
		if i++; i == len(slots) {
			i = 0
		}
		if i == at {
			return
		}
	}
}

// Random is a key of the database chosen at random, if there is one. It locks the shards itself,
// save those that are held, and the key is a copy.
func (v *View) Random() (key []byte, ok bool) {
	s := v.store
	first := rand.IntN(len(s.shards))
	for i := range s.shards {
		at := (first + i) % len(s.shards)
		set := LockSet(1) << uint(at) &^ v.Held
		s.Lock(set)
		key, ok = s.shards[at].random(int(s.names[v.DB]), v.Time)
		s.Unlock(set)
		if ok {
			return key, true
		}
	}
	return nil, false
}

func (sh *shard) random(db int, now int64) ([]byte, bool) {
	if sh.keys[db] == 0 {
		return nil, false
	}
	n := len(sh.index.slots)
	first := rand.IntN(n)
	for i := range n {
		slot := sh.index.slots[(first+i)%n]
		if slot == 0 {
			continue
		}
		if r := sh.record(uint32(slot)); r.db() == db && !r.expired(now) {
			return append([]byte{}, r.key()...), true
		}
	}
	return nil, false
}

// Size is the count of keys of the database.
func (v *View) Size() (n int) {
	v.store.each(v.Held, func(_ int, sh *shard) bool {
		n += sh.keys[v.store.names[v.DB]]
		return true
	})
	return n
}

// Flush removes all keys of the database. All shards must be held.
func (v *View) Flush() {
	s := v.store
	db := int(s.names[v.DB])
	for i := range s.shards {
		sh := &s.shards[i]
		s.touchAll(sh, v.Time, db)
		if sh.keys[db] == sh.index.count {
			s.empty(sh)
			continue
		}
		for at := 0; at < len(sh.index.slots); {
			if slot := sh.index.slots[at]; slot != 0 && sh.record(uint32(slot)).db() == db {
				// Another entry may take this slot.
				s.kill(sh, at)
				continue
			}
			at++
		}
	}
}

// FlushAll removes all keys. All shards must be held.
func (v *View) FlushAll() {
	for i := range v.store.shards {
		sh := &v.store.shards[i]
		for db := range Databases {
			v.store.touchAll(sh, v.Time, db)
		}
		v.store.empty(sh)
	}
	v.store.pool.trim(0)
}

// empty drops everything in a shard.
func (s *Store) empty(sh *shard) {
	for at := range sh.segs {
		if sh.segs[at].data != nil {
			sh.unlink(uint32(at))
			s.release(sh, uint32(at))
		}
	}
	s.used.Add(-sh.index.bytes() - int64(len(sh.ghost.prints))*8)
	sh.index, sh.ghost, sh.evicted = index{}, ghost{}, false
	sh.segs, sh.vacant = make([]segment, 1, 4), nil
	sh.keys, sh.expires = [Databases]int{}, [Databases]int{}
}

// touchAll tells those who watch keys that are there in any of the stored databases.
func (s *Store) touchAll(sh *shard, now int64, dbs ...int) {
	for name, watchers := range sh.watches {
		hash := s.hash([]byte(name.key))
		there := false
		for _, db := range dbs {
			slot := sh.find(inDB(hash, db), db, []byte(name.key))
			there = there || slot >= 0 && !sh.at(slot).expired(now)
		}
		concerned := false
		for _, db := range dbs {
			concerned = concerned || int(s.names[name.db]) == db
		}
		for _, w := range watchers {
			if there && concerned {
				w.watch.Dirty.Store(true)
			}
		}
	}
}

// Swap exchanges two numbered databases. All shards must be held.
func (v *View) Swap(a, b int) {
	s := v.store
	if a == b {
		return
	}
	for i := range s.shards {
		s.touchAll(&s.shards[i], v.Time, int(s.names[a]), int(s.names[b]))
	}
	s.names[a], s.names[b] = s.names[b], s.names[a]
}
