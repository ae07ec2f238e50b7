package store

import (
	"container/list"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

// lru is the textbook cache to compare with.
type lru struct {
	most  int
	order *list.List
	items map[int]*list.Element
}

func (c *lru) hit(key int) bool {
	if at, ok := c.items[key]; ok {
		c.order.MoveToFront(at)
		return true
	}
	c.items[key] = c.order.PushFront(key)
	if len(c.items) > c.most {
		oldest := c.order.Back()
		delete(c.items, c.order.Remove(oldest).(int))
	}
	return false
}

// traces are sequences of keys, over which a cache of about 8,600 entries is tried.
var traces = map[string]func(r *rand.Rand) func(i int) int{
	"zipf": func(r *rand.Rand) func(int) int {
		z := rand.NewZipf(r, 1.01, 1, 200_000)
		return func(int) int { return int(z.Uint64()) }
	},
	"zipf with scans": func(r *rand.Rand) func(int) int {
		z := rand.NewZipf(r, 1.01, 1, 200_000)
		fresh := 1_000_000
		return func(i int) int {
			if i/20_000%2 == 1 {
				fresh++
				return fresh
			}
			return int(z.Uint64())
		}
	},
	"loop": func(*rand.Rand) func(int) int {
		return func(i int) int { return i % 12_000 }
	},
	"working set that moves": func(r *rand.Rand) func(int) int {
		z := rand.NewZipf(r, 1.2, 10, 50_000)
		return func(i int) int { return int(z.Uint64()) + i/100_000*25_000 }
	},
}

// TestHitRatio reads through the store and through an LRU cache of as many entries.
func TestHitRatio(t *testing.T) {
	// By how much the ratio must beat that of LRU. A working set that moves at a stroke is what LRU is
	// best at: counters keep the old one for up to three turns of the main queue.
	least := map[string]float64{"zipf": 0.01, "zipf with scans": 0.03, "loop": 0.05, "working set that moves": -0.06}
	for name, trace := range traces {
		t.Run(name, func(t *testing.T) {
			s, _ := newStore(1<<20, S3FIFO)
			value := make([]byte, 90)
			key := []byte{}
			ask := func(i int) bool {
				key = strconv.AppendInt(key[:0], int64(i), 10)
				v := held(s)
				if _, found := v.Read(key); found {
					return true
				}
				v.Set(key, value, String, 0)
				return false
			}
			const steps = 300_000
			next := trace(rand.New(rand.NewPCG(1, 2)))
			hits, most := 0, 0
			for i := range steps {
				if ask(next(i)) {
					hits++
				}
				if i%1000 == 0 {
					most = max(most, held(s).Size())
				}
			}
			next = trace(rand.New(rand.NewPCG(1, 2)))
			other := &lru{most, list.New(), map[int]*list.Element{}}
			lruHits := 0
			for i := range steps {
				if other.hit(next(i)) {
					lruHits++
				}
			}
			ratio, lruRatio := float64(hits)/steps, float64(lruHits)/steps
			t.Logf("%d entries: S3-FIFO %.3f, LRU %.3f", most, ratio, lruRatio)
			if ratio < lruRatio+least[name] {
				t.Errorf("the hit ratio is %.3f, that of LRU %.3f", ratio, lruRatio)
			}
		})
	}
}

func TestNothingIsEvictedForWhatCannotFit(t *testing.T) {
	s, _ := newStore(8<<20, S3FIFO)
	v := held(s)
	v.Set([]byte("small"), []byte("v"), String, 0)
	if v.Set([]byte("small"), make([]byte, 12_000_000), String, 0) {
		t.Fatal("12 MB went into 8 MiB")
	}
	if _, ok := v.Extend([]byte("small"), 12_000_000); ok {
		t.Fatal("12 MB went into 8 MiB")
	}
	if e, ok := v.Read([]byte("small")); !ok || string(e.Value()) != "v" {
		t.Fatal("an entry made room for one that cannot fit")
	}
	check(t, s)
}

func TestPrepareReservesAllOrNothing(t *testing.T) {
	s, _ := newStore(4<<20, NoEviction)
	v := held(s)
	i := 0
	for ; v.Set([]byte(strconv.Itoa(i)), make([]byte, 5000), String, 0); i++ {
	}
	var pairs [][]byte
	for j := range 100 {
		pairs = append(pairs, []byte("new"+strconv.Itoa(j)), make([]byte, 5000))
	}
	if v.Prepare(pairs) {
		t.Fatal("a full store has room")
	}
	for j := range 150 {
		v.Delete([]byte(strconv.Itoa(j)))
	}
	if !v.Prepare(pairs) {
		t.Fatal("no room after deletion")
	}
	for j := 0; j < len(pairs); j += 2 {
		if !v.Set(pairs[j], pairs[j+1], String, 0) {
			t.Fatal("what was prepared has no room")
		}
	}
	v.Done()
	check(t, s)
}

func TestALowerBudgetEvictsAtOnce(t *testing.T) {
	s, _ := newStore(16<<20, S3FIFO)
	v := held(s)
	for i := range 20_000 {
		v.Set([]byte(strconv.Itoa(i)), make([]byte, 1000), String, 0)
	}
	s.SetMaxMemory(3 << 20)
	if !s.Shrink(v.Held) || s.Used() > 3<<20 {
		t.Fatalf("%d bytes are used of %d", s.Used(), 3<<20)
	}
	check(t, s)
}

// TestEvictionUnderContention has many goroutines write beyond the budget, some of them several
// keys at once.
func TestEvictionUnderContention(t *testing.T) {
	s, _ := newStore(32<<20, S3FIFO)
	var all sync.WaitGroup
	for seed := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			value := make([]byte, 60_000)
			for range 4000 {
				var pairs [][]byte
				set := LockSet(0)
				for range 1 + r.IntN(3)*r.IntN(20) {
					key := []byte(strconv.Itoa(r.IntN(20_000)))
					pairs = append(pairs, key, value[:r.IntN(1<<r.IntN(16))%len(value)])
					set |= s.Of(key)
				}
				s.Lock(set)
				v := s.View()
				v.Held, v.Time = set, s.Now()
				for i := 0; i < len(pairs); i += 2 {
					if !v.Set(pairs[i], pairs[i+1], String, 0) {
						t.Error("no memory")
					}
				}
				s.Unlock(set)
				if s.Used() > s.MaxMemory() {
					t.Errorf("%d bytes are used", s.Used())
				}
			}
		})
	}
	all.Wait()
	check(t, s)
}

// TestEvictionIsBounded has one eviction among entries that were all read often: it must not go
// through all of them to find that none is better than another.
func TestEvictionIsBounded(t *testing.T) {
	s, _ := newStore(2<<20, S3FIFO)
	s.evictSegments = 4
	v := held(s)
	for i := 0; s.Used() < 1800<<10; i++ {
		key := []byte(strconv.Itoa(i))
		v.Set(key, make([]byte, 30), String, 0)
		for range freqMax {
			v.Read(key)
		}
	}
	before := v.Size()
	for i := before; s.shards[0].Evicted == 0; i++ {
		v.Set([]byte(strconv.Itoa(i)), make([]byte, 3000), String, 0)
	}
	often := 0
	for i := range before {
		if e, ok := v.Peek([]byte(strconv.Itoa(i))); ok && e.Freq() == freqMax {
			often++
		}
	}
	if often < before/2 {
		t.Errorf("of %d entries %d are left, and %d as often read", before, v.Size(), often)
	}
	check(t, s)
}
