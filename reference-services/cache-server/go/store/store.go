// Package store keeps the entries of the cache: strings and hashes under keys, in 16 databases,
// within a number of bytes.
//
// Keys are spread over up to 64 shards, each with a mutex of its own. A shard keeps its records in
// segments, which are plain byte slices, and finds them through an open-addressing table of
// numbers. So the collector has one pointer for each segment to mark, not several for each entry,
// and an entry costs its bytes, 8 bytes of head, up to 3 of padding, and about 10 of the table.
//
// Segments form two logs, which are the two queues of S3-FIFO: new records are appended to the
// small one. Taking back the oldest segment of a log is both eviction and the only compaction:
// records that stay are moved to the end of the main log, or slid together where they are, so
// that making room never needs room.
package store

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	// Databases is how many there are.
	Databases = 16
	// ShardsMax fits a LockSet.
	ShardsMax = 64
	// MaxMemoryMin and MaxMemoryMax are the least and the greatest budget in bytes.
	MaxMemoryMin = 1 << 20
	MaxMemoryMax = 1 << 40

	// A shard has at least this budget, and about this many segments, within these sizes.
	shardBytesMin    = 2 << 20
	segmentsWanted   = 32
	segmentBytesMin  = 4 << 10
	segmentBytesMax  = 64 << 10
	inSegmentPartMax = 8 // a record larger than 1/8 of a segment has one of its own
)

// Policy says what happens when memory is used up.
type Policy int32

// The policies.
const (
	S3FIFO Policy = iota
	NoEviction
)

// Config says how large a store is and what time it goes by.
type Config struct {
	MaxMemory int64
	Policy    Policy
	// Clock gives the time in ms since 1970.
	Clock func() int64
}

// Store is the entries of all databases. Its methods may be called from any goroutine; those of a
// View need the shards locked.
type Store struct {
	shards    []shard
	shardBits uint
	seed      maphash.Seed
	clock     func() int64
	policy    atomic.Int32
	max       atomic.Int64
	// Bytes accounted: segments in use, tables, ghosts.
	used atomic.Int64
	// Where the search for a shard to evict from goes on.
	hand atomic.Uint32
	// The segments taken together, and the largest record in a shared one.
	segmentBytes, inSegmentMax int
	// evictSegmentsMax but in tests.
	evictSegments int
	pool          pool
	// Which stored database each number names. SWAPDB changes it with all shards locked.
	names [Databases]uint8
	// StopActive stops active expiry.
	StopActive atomic.Bool
}

// shard is a part of the keys.
type shard struct {
	mu    sync.Mutex
	index index
	logs  [2]log
	segs  []segment
	// Free places in segs.
	vacant []uint32
	// Bytes of its segments.
	bytes int64
	ghost ghost
	// A record that eviction must leave alone, as its value is about to be copied.
	pinned uint32
	// Whether anything was evicted yet.
	evicted bool
	// Keys, and keys with a time of expiry, of each database.
	keys, expires [Databases]int
	watches       map[watched][]watcher
	Counters
	// Where active expiry goes on.
	sweepAt int
	_       [64]byte
}

// Counters are what a store counts.
type Counters struct{ Hits, Misses, Evicted, Expired uint64 }

// New makes an empty store.
func New(c Config) *Store {
	shards := 1
	for shards < ShardsMax && c.MaxMemory/int64(2*shards) >= shardBytesMin {
		shards *= 2
	}
	size := segmentBytesMin
	for size < segmentBytesMax && c.MaxMemory/int64(shards)/segmentsWanted >= int64(2*size) {
		size *= 2
	}
	s := &Store{
		shards: make([]shard, shards), shardBits: uint(bits.TrailingZeros(uint(shards))),
		seed: maphash.MakeSeed(), clock: c.Clock,
		segmentBytes: size, inSegmentMax: size / inSegmentPartMax,
		evictSegments: evictSegmentsMax,
	}
	s.pool.size = size
	s.max.Store(c.MaxMemory)
	s.policy.Store(int32(c.Policy))
	for i := range s.names {
		s.names[i] = uint8(i)
	}
	for i := range s.shards {
		s.shards[i].segs = make([]segment, 1, 4)
	}
	return s
}

// hash is of a key: its top bits choose the shard, its low ones the place in the table.
func (s *Store) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

func (s *Store) shardIndex(hash uint64) int { return int(hash >> (64 - s.shardBits)) }

// inDB mixes the stored database into the part of the hash that the table uses.
func inDB(hash uint64, db int) uint32 { return uint32(hash) ^ uint32(db)*0x9e37_79b1 }

// LockSet is a set of shards.
type LockSet uint64

// All is the set of all shards.
func (s *Store) All() LockSet { return LockSet(1<<uint(len(s.shards)) - 1) }

// Of is the set that holds the shard of a key.
func (s *Store) Of(key []byte) LockSet { return 1 << uint(s.shardIndex(s.hash(key))) }

// Lock locks a set of shards, in one order for everyone.
func (s *Store) Lock(set LockSet) {
	for ; set != 0; set &= set - 1 {
		s.shards[bits.TrailingZeros64(uint64(set))].mu.Lock()
	}
}

// Unlock unlocks them.
func (s *Store) Unlock(set LockSet) {
	for ; set != 0; set &= set - 1 {
		s.shards[bits.TrailingZeros64(uint64(set))].mu.Unlock()
	}
}

// Used is the count of accounted bytes.
func (s *Store) Used() int64 { return s.used.Load() }

// MaxMemory is the budget in bytes.
func (s *Store) MaxMemory() int64 { return s.max.Load() }

// Policy is what happens when memory is used up.
func (s *Store) Policy() Policy { return Policy(s.policy.Load()) }

// SetPolicy changes it.
func (s *Store) SetPolicy(p Policy) { s.policy.Store(int32(p)) }

// Now is the time in ms since 1970.
func (s *Store) Now() int64 { return s.clock() }

// each calls f with every shard in turn, locked unless the caller holds it.
func (s *Store) each(held LockSet, f func(i int, sh *shard) bool) {
	for i := range s.shards {
		sh := &s.shards[i]
		mine := held>>uint(i)&1 == 0
		if mine {
			sh.mu.Lock()
		}
		more := f(i, sh)
		if mine {
			sh.mu.Unlock()
		}
		if !more {
			return
		}
	}
}

// Sizes are the keys of a database, and those of them that have a time of expiry.
type Sizes struct{ Keys, Expires int }

// Stats are the counters, and the sizes of each numbered database.
func (s *Store) Stats(held LockSet) (c Counters, sizes [Databases]Sizes) {
	s.each(held, func(_ int, sh *shard) bool {
		c.Hits += sh.Hits
		c.Misses += sh.Misses
		c.Evicted += sh.Evicted
		c.Expired += sh.Expired
		for db, name := range s.names {
			sizes[db].Keys += sh.keys[name]
			sizes[db].Expires += sh.expires[name]
		}
		return true
	})
	return c, sizes
}

// ResetStats sets the counters to 0.
func (s *Store) ResetStats(held LockSet) {
	s.each(held, func(_ int, sh *shard) bool {
		sh.Counters = Counters{}
		return true
	})
}
