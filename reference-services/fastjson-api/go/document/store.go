package document

import (
	"errors"
	"sync"
)

// Limits is how much a store may hold.
type Limits struct {
	DocumentsMax int   // documents
	BytesMax     int64 // of all served forms together
}

// DefaultLimits returns the limits of a service that is not told others.
func DefaultLimits() Limits { return Limits{DocumentsMax: 100_000, BytesMax: 64 << 20} }

// Why a change was not made.
var (
	ErrChanged          = errors.New("the document has changed meanwhile")
	ErrTooManyDocuments = errors.New("the store would hold too many documents")
	ErrTooManyBytes     = errors.New("the store's documents would be too large")
)

// Store holds documents by their ids.
type Store struct {
	limits Limits

	mu        sync.RWMutex
	documents map[string]*Document
	bytes     int64
}

// NewStore returns an empty store.
func NewStore(limits Limits) *Store {
	return &Store{limits: limits, documents: make(map[string]*Document)}
}

// Get returns the document of an id, or nil.
func (s *Store) Get(id string) *Document {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.documents[id]
}

// Swap puts a document in place of the one that Get returned; nil stands for none. The error is
// one of ErrChanged, ErrTooManyDocuments and ErrTooManyBytes, and nothing has changed then.
func (s *Store) Swap(id string, from, to *Document) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents[id] != from {
		return ErrChanged
	}
	count, bytes := len(s.documents), s.bytes
	if from != nil {
		count--
		bytes -= int64(from.servedBytes)
	}
	if to == nil {
		delete(s.documents, id)
		s.bytes = bytes
		return nil
	}
	bytes += int64(to.servedBytes)
	switch {
	case count+1 > s.limits.DocumentsMax:
		return ErrTooManyDocuments
	case bytes > s.limits.BytesMax:
		return ErrTooManyBytes
	}
	s.documents[id] = to
	s.bytes = bytes
	return nil
}
