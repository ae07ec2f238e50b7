package store

// View is how one client sees the store. The shards of the keys a method is given must be locked,
// and in Held. Values that a method returns lie in the store: they are valid until the next call
// of any method, as even a read may take back what has expired.
type View struct {
	store *Store
	// The numbered database, the shards this client has locked, and the time in ms.
	DB   int
	Held LockSet
	Time int64
	// Bytes reserved beforehand, by Prepare.
	credit int64
}

// View makes a view of database 0.
func (s *Store) View() View { return View{store: s} }

// Store is what the view is of.
func (v *View) Store() *Store { return v.store }

// Entry is a key's record, as found.
type Entry struct {
	r  record
	sh *shard
}

// Kind is the type of a value.
type Kind uint8

// The kinds.
const (
	String Kind = iota
	Hash
)

func (v *View) shardOf(key []byte) *shard {
	return &v.store.shards[v.store.shardIndex(v.store.hash(key))]
}

func (sh *shard) at(slot int) record { return sh.record(uint32(sh.index.slots[slot])) }

func (r record) expired(now int64) bool {
	when := r.expiry()
	return when != 0 && when <= now
}

// find is the slot of a key, or -1.
func (sh *shard) find(hash uint32, db int, key []byte) int {
	slots := sh.index.slots
	if len(slots) == 0 {
		return -1
	}
	for i := home(hash, len(slots)); ; {
		slot := slots[i]
		if slot == 0 {
			return -1
		}
		if uint32(slot>>32) == hash {
			r := sh.record(uint32(slot))
			if r.keyLen() == len(key) && r.db() == db && string(r.key()) == string(key) {
				return i
			}
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
}

// live is the slot of a key whose time has not passed, or -1. It takes back one whose time has.
func (v *View) live(sh *shard, hash uint32, db int, key []byte) int {
	slot := sh.find(hash, db, key)
	if slot >= 0 && sh.at(slot).has(flagExpiry) && sh.at(slot).expired(v.Time) {
		v.store.touchExpired(sh, db, key)
		sh.Expired++
		v.store.kill(sh, slot)
		return -1
	}
	return slot
}

func (v *View) locate(key []byte) (sh *shard, hash uint64, db, slot int) {
	hash = v.store.hash(key)
	sh = &v.store.shards[v.store.shardIndex(hash)]
	db = int(v.store.names[v.DB])
	return sh, hash, db, v.live(sh, inDB(hash, db), db, key)
}

// Read finds a key for a command that reads it: that counts as an access, and as a hit or a miss.
func (v *View) Read(key []byte) (Entry, bool) {
	sh, _, _, slot := v.locate(key)
	if slot < 0 {
		sh.Misses++
		return Entry{}, false
	}
	sh.Hits++
	r := sh.at(slot)
	r.accessed()
	return Entry{r, sh}, true
}

// Peek is Read without an access.
func (v *View) Peek(key []byte) (Entry, bool) {
	sh, _, _, slot := v.locate(key)
	if slot < 0 {
		sh.Misses++
		return Entry{}, false
	}
	sh.Hits++
	return Entry{sh.at(slot), sh}, true
}

// Write finds a key for a command that changes it: that counts as an access.
func (v *View) Write(key []byte) (Entry, bool) {
	sh, _, _, slot := v.locate(key)
	if slot < 0 {
		return Entry{}, false
	}
	r := sh.at(slot)
	r.accessed()
	return Entry{r, sh}, true
}

// Find finds a key that this command has accessed before.
func (v *View) Find(key []byte) (Entry, bool) {
	sh, _, _, slot := v.locate(key)
	if slot < 0 {
		return Entry{}, false
	}
	return Entry{sh.at(slot), sh}, true
}

// Kind is the type of the value.
func (e Entry) Kind() Kind {
	if e.r.has(flagHash) {
		return Hash
	}
	return String
}

// Value is the bytes of the value.
func (e Entry) Value() []byte { return e.r.value() }

// Expiry is the time at which the key expires in ms since 1970, 0 for never.
func (e Entry) Expiry() int64 { return e.r.expiry() }

// Freq is the access counter, 0 to 3.
func (e Entry) Freq() int { return e.r.freq() }

// Usage is the count of bytes that an entry takes, its place in the table included.
func (v *View) Usage(e Entry) int64 {
	n := e.r.size()
	if n > v.store.inSegmentMax {
		n = singleBytes(n)
	}
	return int64(n) + slotBytes*100/indexFullNum + 1
}

// Changed tells those who watch the key; for values changed in place.
func (v *View) Changed(key []byte) {
	v.store.touch(v.shardOf(key), int(v.store.names[v.DB]), key)
}

// Set stores a value under a key, which counts as an access. It is false when there is no memory
// for it; nothing has changed then but for evictions. The value must not lie in the store. An
// expiry of 0 is never.
func (v *View) Set(key, value []byte, kind Kind, expiry int64) bool {
	return v.set(key, value, kind, expiry, true)
}

// Replace is Set of a key that this command has already found, as an access, or not found.
func (v *View) Replace(key, value []byte, kind Kind, expiry int64) bool {
	return v.set(key, value, kind, expiry, false)
}

func (v *View) set(key, value []byte, kind Kind, expiry int64, access bool) bool {
	place, r, ok := v.put(key, shape{len(key), len(value), 0, expiry != 0}, kind, expiry, false)
	if ok {
		copy(place, value)
	}
	if ok && access && r != nil {
		r.accessed()
	}
	return ok
}

// Extend makes the string value of a key, which may be absent, n bytes long, which must not be less
// than it is, and returns it to be changed. New bytes are 0. When it has to move it gets room to grow.
func (v *View) Extend(key []byte, n int) ([]byte, bool) {
	sh, hash, db, slot := v.locate(key)
	if slot < 0 {
		place, _, ok := v.put(key, shape{len(key), n, 0, false}, String, 0, false)
		clear(place)
		return place, ok
	}
	r := sh.at(slot)
	old := r.valueLen()
	if n <= r.capacity() {
		le.PutUint32(r[4:], uint32(n))
		value := r.value()
		clear(value[old:])
		v.store.touch(sh, db, key)
		return value, true
	}
	sh.pinned = uint32(sh.index.slots[slot])
	spare := min(n, extendSpareMax)
	place, _, ok := v.put(key, shape{len(key), n, n + spare, r.expiry() != 0}, String, r.expiry(), true)
	if !ok && spare > 0 {
		slot = sh.find(inDB(hash, db), db, key)
		expiry := sh.at(slot).expiry()
		place, _, ok = v.put(key, shape{len(key), n, 0, expiry != 0}, String, expiry, true)
	}
	sh.pinned = 0
	return place, ok
}

// extendSpareMax is the most that a growing value gets beyond its length, in bytes.
const extendSpareMax = 1 << 20

// put makes a record for a key. It returns where its value goes, and the record when it replaces
// one. With keep the old value, which
// must be pinned, is copied there and the rest is 0.
func (v *View) put(key []byte, sp shape, kind Kind, expiry int64, keep bool) (value []byte, replaced record, ok bool) {
	s := v.store
	hash := s.hash(key)
	sh := &s.shards[s.shardIndex(hash)]
	db := int(s.names[v.DB])
	inTable := inDB(hash, db)
	var flags byte
	if kind == Hash {
		flags = flagHash
	}
	slot := sh.find(inTable, db, key)
	if slot >= 0 && !keep {
		if r := sh.at(slot); r.fits(sp) {
			return v.overwrite(sh, slot, sp, flags, expiry), r, true
		}
	}
	if slot < 0 && !v.roomInIndex(sh) {
		return nil, nil, false
	}
	which := uint8(small)
	if slot >= 0 && sh.at(slot).has(flagMain) || slot < 0 && s.startsInMain(sh, hash) {
		which = main
	}
	ref, ok := v.alloc(sh, which, sp.size())
	if !ok {
		return nil, nil, false
	}
	if which == main {
		flags |= flagMain
	}
	r := sh.record(ref)
	// Making room may have moved the old record, or evicted it.
	if slot >= 0 {
		slot = sh.find(inTable, db, key)
	}
	r.write(sp, flags, db, key, expiry)
	value = r.value()
	seg := &sh.segs[ref>>offsetBits]
	sh.keys[db]++
	if expiry != 0 {
		sh.expires[db]++
		seg.expiry = min(seg.expiry, expiry)
	}
	s.touch(sh, db, key)
	if slot < 0 {
		sh.index.add(inTable, ref)
		return value, nil, true
	}
	old := uint32(sh.index.slots[slot])
	before := sh.record(old)
	r[0] |= before[0] & (freqMax << freqShift)
	if keep {
		n := copy(value, before.value())
		clear(value[n:])
	}
	sh.index.slots[slot] = slotOf(inTable, ref)
	s.bury(sh, old)
	s.reclaim(sh, old>>offsetBits)
	return value, r, true
}

// fits says whether a record of some shape can take just this one's place.
func (r record) fits(sp shape) bool {
	if r.has(flagSlack) || sp.capacity > sp.valueLen || sp.expiry && !r.has(flagExpiry) {
		return false
	}
	sp.expiry = r.has(flagExpiry)
	return sp.size() == r.size()
}

func (v *View) overwrite(sh *shard, slot int, sp shape, flags byte, expiry int64) []byte {
	r := sh.at(slot)
	if r.has(flagExpiry) {
		v.setExpiry(sh, slot, expiry)
	}
	r[0] = r[0]&^flagHash | flags
	le.PutUint32(r[4:], uint32(sp.valueLen))
	v.store.touch(sh, r.db(), r.key())
	return r.value()
}

// setExpiry changes the time of a record that has a place for one.
func (v *View) setExpiry(sh *shard, slot int, expiry int64) {
	r := sh.at(slot)
	if r.expiry() != 0 {
		sh.expires[r.db()]--
	}
	if expiry != 0 {
		sh.expires[r.db()]++
		seg := &sh.segs[uint32(sh.index.slots[slot])>>offsetBits]
		seg.expiry = min(seg.expiry, expiry)
	}
	le.PutUint64(r[headBytes:], uint64(expiry))
}

// startsInMain says whether a new key begins in the main queue: it came back while its ghost was
// remembered, or the cache is being filled for the first time and the small queue has its part.
func (s *Store) startsInMain(sh *shard, hash uint64) bool {
	if sh.ghost.take(hash) {
		return true
	}
	share := s.max.Load() / int64(len(s.shards))
	return !sh.evicted && sh.logs[small].bytes*100 >= share*smallPercent
}

// roomInIndex sees to it that the table can take another entry.
func (v *View) roomInIndex(sh *shard) bool {
	x := &sh.index
	if !x.full() {
		return true
	}
	n := x.grown()
	for !v.take(int64(n) * slotBytes) {
		if !x.stuck() {
			return true
		}
		if !v.evict(sh) {
			return false
		}
		if !x.full() {
			return true
		}
	}
	before := x.bytes()
	x.resize(n)
	v.store.used.Add(-before)
	return true
}

// SetExpiry changes when a live key expires, 0 for never. It is false when there is no memory.
func (v *View) SetExpiry(key []byte, expiry int64) bool {
	sh, _, db, slot := v.locate(key)
	if slot < 0 {
		return true
	}
	r := sh.at(slot)
	if r.has(flagExpiry) || expiry == 0 {
		if r.has(flagExpiry) {
			v.setExpiry(sh, slot, expiry)
		}
		v.store.touch(sh, db, key)
		return true
	}
	kind := Entry{r, sh}.Kind()
	sh.pinned = uint32(sh.index.slots[slot])
	_, _, ok := v.put(key, shape{len(key), r.valueLen(), 0, true}, kind, expiry, true)
	sh.pinned = 0
	return ok
}

// Delete removes a key and says whether it was there.
func (v *View) Delete(key []byte) bool {
	sh, _, db, slot := v.locate(key)
	if slot < 0 {
		return false
	}
	v.store.touch(sh, db, key)
	v.store.kill(sh, slot)
	return true
}
