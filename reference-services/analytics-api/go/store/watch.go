package store

import (
	"sync"

	"analyticsapi/ndjson"
)

// watchers are told of every batch when it is committed.
type watchers struct {
	mutex sync.Mutex
	all   map[int]func(*ndjson.Batch)
	next  int
}

// Watch calls seen with every batch that is committed from now on, in the order of the commits,
// until stop is called. It must not block.
func (s *Store) Watch(seen func(*ndjson.Batch)) (stop func()) {
	w := &s.watchers
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.all == nil {
		w.all = make(map[int]func(*ndjson.Batch))
	}
	w.next++
	number := w.next
	w.all[number] = seen
	return func() {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		delete(w.all, number)
	}
}

func (w *watchers) send(batch *ndjson.Batch) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, seen := range w.all {
		seen(batch)
	}
}
