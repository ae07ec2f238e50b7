package store

import (
	"context"
	"sync"

	"analyticsapi/block"
)

// ids remembers the names of the last batches.
type ids struct {
	mutex sync.Mutex
	known map[string]*known
	order []string // in the order of their commit; those forgotten may still be there
}

type known struct {
	block.ID
	settled chan struct{} // closed when the batch is kept or refused
	kept    bool
}

func newIDs() ids { return ids{known: make(map[string]*known)} }

// claim returns true if the batch is to be kept by the caller, who must settle it. Else it was
// kept before; the error says if its body was another one.
func (i *ids) claim(ctx context.Context, id block.ID) (bool, error) {
	for {
		i.mutex.Lock()
		there, ok := i.known[id.Name]
		if !ok {
			i.known[id.Name] = &known{ID: id, settled: make(chan struct{})}
			i.mutex.Unlock()
			return true, nil
		}
		i.mutex.Unlock()
		select {
		case <-there.settled:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if !there.kept {
			continue
		}
		if there.ID != id {
			return false, ErrIDReused
		}
		return false, nil
	}
}

// settle says whether a batch that was claimed is kept.
func (i *ids) settle(id block.ID, kept bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	there := i.known[id.Name]
	there.kept = kept
	close(there.settled)
	if !kept {
		delete(i.known, id.Name)
		return
	}
	i.remember(id.Name)
}

// remember puts a name at the end of the order and forgets the first beyond the limit.
func (i *ids) remember(name string) {
	i.order = append(i.order, name)
	if len(i.order) > idsMax {
		delete(i.known, i.order[0])
		i.order = i.order[1:]
	}
}

// load adds a name found in a file.
func (i *ids) load(id block.ID) {
	settled := make(chan struct{})
	close(settled)
	i.known[id.Name] = &known{id, settled, true}
	i.remember(id.Name)
}

// forget forgets names, with the segment that held them.
func (i *ids) forget(gone []block.ID) {
	if len(gone) == 0 {
		return
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for _, id := range gone {
		if there, ok := i.known[id.Name]; ok && there.kept && there.ID == id {
			delete(i.known, id.Name)
		}
	}
	kept := i.order[:0]
	for _, name := range i.order {
		if _, ok := i.known[name]; ok {
			kept = append(kept, name)
		}
	}
	i.order = kept
}
