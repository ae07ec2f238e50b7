package store

import (
	"slices"
	"sync/atomic"
)

// Watch is what a client watches. It turns dirty when one of the keys changes.
type Watch struct {
	Dirty atomic.Bool
	keys  []watchedKey
}

// watched names a key of a numbered database.
type watched struct {
	db  int
	key string
}

type watchedKey struct {
	watched
	// It had expired already when it was watched, so that its going is no change.
	stale bool
}

// watcher is an entry of a shard's list.
type watcher struct {
	watch *Watch
	stale bool
}

// Watch adds a key, whose shard is held; false when there are as many as most.
func (v *View) Watch(w *Watch, key []byte, most int) bool {
	name := watched{v.DB, string(key)}
	if slices.ContainsFunc(w.keys, func(k watchedKey) bool { return k.watched == name }) {
		return true
	}
	if len(w.keys) >= most {
		return false
	}
	sh, stale := v.shardOf(key), v.lapsed(name)
	if sh.watches == nil {
		sh.watches = map[watched][]watcher{}
	}
	sh.watches[name] = append(sh.watches[name], watcher{w, stale})
	w.keys = append(w.keys, watchedKey{name, stale})
	return true
}

// lapsed says that a key is there but has expired.
func (v *View) lapsed(name watched) bool {
	key, db := []byte(name.key), int(v.store.names[name.db])
	hash := v.store.hash(key)
	sh := &v.store.shards[v.store.shardIndex(hash)]
	slot := sh.find(inDB(hash, db), db, key)
	return slot >= 0 && sh.at(slot).expired(v.Time)
}

// LockSet is the set of the shards of the keys.
func (w *Watch) LockSet(s *Store) (set LockSet) {
	for _, k := range w.keys {
		set |= s.Of([]byte(k.key))
	}
	return set
}

// Keys is the count of keys.
func (w *Watch) Keys() int { return len(w.keys) }

// Expired says whether a key has expired since it was watched. Its shards must be held.
func (v *View) Expired(w *Watch) bool {
	return slices.ContainsFunc(w.keys, func(k watchedKey) bool { return !k.stale && v.lapsed(k.watched) })
}

// Unwatch forgets all keys. It locks the shards itself, save those that are held.
func (v *View) Unwatch(w *Watch) {
	for _, k := range w.keys {
		set := v.store.Of([]byte(k.key)) &^ v.Held
		v.store.Lock(set)
		sh := v.shardOf([]byte(k.key))
		rest := slices.DeleteFunc(sh.watches[k.watched], func(other watcher) bool { return other.watch == w })
		if len(rest) == 0 {
			delete(sh.watches, k.watched)
		} else {
			sh.watches[k.watched] = rest
		}
		v.store.Unlock(set)
	}
	w.keys = nil
	w.Dirty.Store(false)
}

// touch tells those who watch a key of a stored database that it changed.
func (s *Store) touch(sh *shard, db int, key []byte) {
	if len(sh.watches) != 0 {
		for _, w := range sh.watches[watched{s.number(db), string(key)}] {
			w.watch.Dirty.Store(true)
		}
	}
}

// touchExpired is touch for a key that goes because its time has passed, which is no change for
// those who found it so.
func (s *Store) touchExpired(sh *shard, db int, key []byte) {
	if len(sh.watches) != 0 {
		for _, w := range sh.watches[watched{s.number(db), string(key)}] {
			if !w.stale {
				w.watch.Dirty.Store(true)
			}
		}
	}
}

// number is the number under which a stored database is known.
func (s *Store) number(stored int) int { return slices.Index(s.names[:], uint8(stored)) }
