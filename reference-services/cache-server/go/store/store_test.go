package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// manual is a clock that stands still.
type manual struct{ ms int64 }

func (m *manual) now() int64 { return m.ms }

func newStore(memory int64, policy Policy) (*Store, *manual) {
	clock := &manual{1_000_000}
	return New(Config{MaxMemory: memory, Policy: policy, Clock: clock.now}), clock
}

// held is a view of a store of which it holds all shards.
func held(s *Store) *View {
	v := s.View()
	v.Held = s.All()
	v.Time = s.Now()
	return &v
}

// check proves that the parts of a store agree with each other.
func check(t *testing.T, s *Store) {
	t.Helper()
	total := int64(0)
	for i := range s.shards {
		sh := &s.shards[i]
		bytes, live := int64(0), 0
		var keys, expires [Databases]int
		linked := map[uint32]bool{}
		for which := range sh.logs {
			sum := int64(0)
			for at, prev := sh.logs[which].first, uint32(0); at != 0; at = sh.segs[at].next {
				if sh.segs[at].prev != prev || int(sh.segs[at].log) != which || linked[at] {
					t.Fatalf("segment %d is not where its log says", at)
				}
				linked[at], prev = true, at
				sum += int64(len(sh.segs[at].data))
			}
			if sum != sh.logs[which].bytes {
				t.Fatalf("a log of %d bytes says %d", sum, sh.logs[which].bytes)
			}
		}
		for at := range sh.segs {
			seg := &sh.segs[at]
			if (seg.data != nil) != linked[uint32(at)] {
				t.Fatalf("segment %d: in use %v, in a log %v", at, seg.data != nil, linked[uint32(at)])
			}
			bytes += int64(len(seg.data))
			dead := 0
			for offset := 0; offset < seg.used; {
				r := record(seg.data[offset:])
				if r.has(flagDead) {
					dead += r.size()
				} else {
					live++
					keys[r.db()]++
					if when := r.expiry(); when != 0 {
						expires[r.db()]++
						if when < seg.expiry {
							t.Fatal("a record expires before its segment says")
						}
					}
					ref := refTo(uint32(at), offset)
					if sh.index.place(inDB(s.hash(r.key()), r.db()), ref) < 0 {
						t.Fatalf("a live record is not in the table: %q", r.key())
					}
				}
				offset += r.size()
			}
			if dead != seg.dead {
				t.Fatalf("segment %d has %d dead bytes and says %d", at, dead, seg.dead)
			}
		}
		if bytes != sh.bytes || live != sh.index.count || keys != sh.keys || expires != sh.expires {
			t.Fatalf("bytes %d says %d, live %d table %d, keys %v say %v, expires %v say %v",
				bytes, sh.bytes, live, sh.index.count, keys, sh.keys, expires, sh.expires)
		}
		total += bytes + sh.index.bytes() + int64(len(sh.ghost.prints))*8
	}
	if total != s.Used() || total > s.MaxMemory() {
		t.Fatalf("%d bytes, accounted %d of %d", total, s.Used(), s.MaxMemory())
	}
}

type modelEntry struct {
	value  []byte
	expiry int64
}

// TestModel does random things to a store and to a plain map. With eviction an entry may be missing,
// but never wrong; without, all must be there.
func TestModel(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		memory int64
		keys   int
		value  int
	}{
		{NoEviction, 64 << 20, 500, 300},
		{NoEviction, 256 << 20, 2000, 20_000},
		{S3FIFO, 1 << 20, 5000, 600},
		{S3FIFO, 3 << 20, 1000, 40_000},
		{S3FIFO, 16 << 20, 100_000, 700},
	} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(c, seed), func(t *testing.T) {
				t.Parallel()
				s, clock := newStore(c.memory, c.policy)
				model{t, s, clock, map[string]modelEntry{}, rand.New(rand.NewPCG(seed, 7)), c.value, c.keys}.run(20_000)
			})
		}
	}
}

type model struct {
	*testing.T
	s       *Store
	clock   *manual
	entries map[string]modelEntry
	r       *rand.Rand
	value   int
	keys    int
}

func (m model) run(steps int) {
	for step := range steps {
		m.clock.ms += m.r.Int64N(3)
		m.step()
		if step%10_000 == 0 {
			check(m.T, m.s)
		}
		if step%997 == 0 {
			m.s.Expire(time.Second)
			m.s.Tend()
		}
	}
	check(m.T, m.s)
	v := held(m.s)
	for key := range m.entries {
		m.compare(v, key)
	}
	v.FlushAll()
	check(m.T, m.s)
	if m.s.Used() != 0 {
		m.Fatalf("%d bytes after FLUSHALL", m.s.Used())
	}
}

func (m model) bytes() []byte {
	n := m.r.IntN(m.value)
	if m.r.IntN(4) > 0 {
		n = m.r.IntN(40)
	}
	value := make([]byte, n)
	for i := range value {
		value[i] = byte(m.r.Uint32())
	}
	return value
}

func (m model) live(key string) (modelEntry, bool) {
	e, ok := m.entries[key]
	if ok && e.expiry != 0 && e.expiry <= m.clock.ms {
		delete(m.entries, key)
		return e, false
	}
	return e, ok
}

// compare looks at a key: what is found must be right, and with no eviction all is found.
func (m model) compare(v *View, key string) (found bool) {
	want, ok := m.live(key)
	e, found := v.Read([]byte(key))
	switch {
	case found && !ok:
		m.Fatalf("%q is there but should not be", key)
	case found && (!bytes.Equal(e.Value(), want.value) || e.Expiry() != want.expiry):
		m.Fatalf("%q is %q until %d, want %q until %d", key, e.Value(), e.Expiry(), want.value, want.expiry)
	case !found && ok && m.s.Policy() == NoEviction:
		m.Fatalf("%q is missing", key)
	case !found:
		delete(m.entries, key)
	}
	return found
}

func (m model) step() {
	v := held(m.s)
	key := "k" + strconv.Itoa(int(float64(m.keys)*m.r.Float64()*m.r.Float64()))
	k := []byte(key)
	switch m.r.IntN(12) {
	case 0, 1, 2, 3:
		value, expiry := m.bytes(), int64(0)
		if m.r.IntN(3) == 0 {
			expiry = m.clock.ms + 1 + m.r.Int64N(5000)
		}
		if !v.Set(k, value, String, expiry) {
			m.Fatal("no memory")
		}
		m.entries[key] = modelEntry{value, expiry}
	case 4:
		_, ok := m.live(key)
		removed := v.Delete(k)
		if removed && !ok || !removed && ok && m.s.Policy() == NoEviction {
			m.Fatalf("deleting %q: %v", key, removed)
		}
		delete(m.entries, key)
	case 5:
		if m.compare(v, key) {
			expiry := m.clock.ms + 1 + m.r.Int64N(5000)
			if m.r.IntN(3) == 0 {
				expiry = 0
			}
			if !v.SetExpiry(k, expiry) {
				m.Fatal("no memory")
			}
			m.entries[key] = modelEntry{m.entries[key].value, expiry}
		}
	case 6, 7:
		m.compare(v, key)
		more := m.bytes()
		before := m.entries[key]
		value, ok := v.Extend(k, len(before.value)+len(more))
		if !ok {
			m.Fatal("no memory")
		}
		copy(value[len(before.value):], more)
		m.entries[key] = modelEntry{slices.Concat(before.value, more), before.expiry}
		if len(m.entries[key].value) > 4*m.value {
			v.Delete(k)
			delete(m.entries, key)
		}
	default:
		m.compare(v, key)
	}
	if m.s.Used() > m.s.MaxMemory() {
		m.Fatalf("%d bytes of %d", m.s.Used(), m.s.MaxMemory())
	}
}

// TestFieldsModel does random things to a hash and to a plain map.
func TestFieldsModel(t *testing.T) {
	for _, most := range []int{20, 600, 5000} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			s, _ := newStore(64<<20, NoEviction)
			r := rand.New(rand.NewPCG(1, uint64(most)))
			want, order := map[string]string{}, []string{}
			key := []byte("h")
			for range 20_000 {
				v := held(s)
				name := strconv.Itoa(r.IntN(most))
				if r.IntN(3) == 0 {
					removed := v.RemoveFields(key, [][]byte{[]byte(name)})
					if _, ok := want[name]; ok != (removed == 1) {
						t.Fatalf("removing %s: %d", name, removed)
					}
					delete(want, name)
					order = slices.DeleteFunc(order, func(n string) bool { return n == name })
				} else {
					value := strconv.Itoa(r.IntN(1 << r.IntN(30)))
					added, o := v.SetFields(key, [][]byte{[]byte(name), []byte(value)})
					if _, ok := want[name]; o != Stored || ok == (added == 1) {
						t.Fatalf("setting %s: %d %v", name, added, o)
					}
					if added == 1 {
						order = append(order, name)
					}
					want[name] = value
				}
			}
			check(t, s)
			e, _ := held(s).Find(key)
			got, gotOrder := map[string]string{}, []string{}
			e.Fields().Each(func(name, value []byte) {
				got[string(name)] = string(value)
				gotOrder = append(gotOrder, string(name))
			})
			if !maps.Equal(got, want) || e.Fields().Len() != len(want) {
				t.Fatalf("%d fields, want %d", len(got), len(want))
			}
			if !e.Fields().Table() && !slices.Equal(order, gotOrder) {
				t.Fatal("a list is not in the order of insertion")
			}
		})
	}
}

// TestScanPassesAll adds and removes keys during a scan, so that tables grow and shrink.
func TestScanPassesAll(t *testing.T) {
	s, _ := newStore(64<<20, NoEviction)
	v := held(s)
	for i := range 3000 {
		v.Set([]byte("stays"+strconv.Itoa(i)), nil, String, 0)
	}
	seen := map[string]bool{}
	cursor, extra := uint64(0), 0
	for calls := 0; ; calls++ {
		cursor = v.Scan(cursor, 10, 100, func(k Key) { seen[string(k.Bytes)] = true })
		if cursor == 0 {
			break
		}
		for range 200 {
			extra++
			if calls%200 < 100 {
				v.Set([]byte("extra"+strconv.Itoa(extra)), nil, String, 0)
			} else {
				v.Delete([]byte("extra" + strconv.Itoa(extra-20_000)))
			}
		}
		s.Tend()
		if calls > 100_000 {
			t.Fatal("the scan does not end")
		}
	}
	for i := range 3000 {
		if !seen["stays"+strconv.Itoa(i)] {
			t.Fatalf("stays%d was not passed", i)
		}
	}
}

func TestExpiredEntriesGoByThemselves(t *testing.T) {
	s, clock := newStore(64<<20, S3FIFO)
	v := held(s)
	for i := range 100_000 {
		v.Set([]byte(strconv.Itoa(i)), []byte("value"), String, clock.ms+1+int64(i%1000))
	}
	clock.ms += 999
	for !s.Expire(time.Second) {
	}
	check(t, s)
	if n := held(s).Size(); n != 100 {
		t.Fatalf("%d entries are left, want 100", n)
	}
	clock.ms += sweepPauseMS
	for !s.Expire(time.Second) {
	}
	s.Tend()
	if n := held(s).Size(); n != 0 || s.Used() > 1<<20 {
		t.Fatalf("%d entries and %d bytes are left", n, s.Used())
	}
}
