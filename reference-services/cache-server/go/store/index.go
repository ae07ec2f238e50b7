package store

import "math/bits"

// index is a hash table from the hash of a key to its record: open addressing with linear probing.
// A slot holds 32 bits of the hash above the 32 bits of a ref, and is 0 when free. The home of a
// hash h in n slots is h·n/2³², so that the table's order is that of the hashes at any size, which
// is what lets a scan go on after the table has grown.
type index struct {
	slots []uint64
	count int
}

const (
	slotBytes    = 8
	indexMin     = 16
	indexFullNum = 85 // percent of the slots taken before the table grows …
	indexMostNum = 95 // … and when there is no memory for that
)

func home(hash uint32, slots int) int {
	high, _ := bits.Mul64(uint64(hash)<<32, uint64(slots))
	return int(high)
}

func slotOf(hash uint32, ref uint32) uint64 { return uint64(hash)<<32 | uint64(ref) }

// add puts a ref in; there must be a free slot.
func (x *index) add(hash, ref uint32) {
	i := home(hash, len(x.slots))
	for x.slots[i] != 0 {
		if i++; i == len(x.slots) {
			i = 0
		}
	}
	x.slots[i] = slotOf(hash, ref)
	x.count++
}

// place is the slot that holds just this ref, or -1.
func (x *index) place(hash, ref uint32) int {
	if len(x.slots) == 0 {
		return -1
	}
	want := slotOf(hash, ref)
	for i := home(hash, len(x.slots)); x.slots[i] != 0; {
		if x.slots[i] == want {
			return i
		}
		if i++; i == len(x.slots) {
			i = 0
		}
	}
	return -1
}

// remove frees a slot and closes the gap, so that no search ends early.
func (x *index) remove(at int) {
	n := len(x.slots)
	gap := at
	for i := at; ; {
		if i++; i == n {
			i = 0
		}
		slot := x.slots[i]
		if slot == 0 {
			break
		}
		// The entry may fill the gap unless its home lies behind the gap.
		fromHome := i - home(uint32(slot>>32), n)
		if fromHome < 0 {
			fromHome += n
		}
		fromGap := i - gap
		if fromGap < 0 {
			fromGap += n
		}
		if fromHome >= fromGap {
			x.slots[gap] = slot
			gap = i
		}
	}
	x.slots[gap] = 0
	x.count--
}

// full says that the table should grow before another entry comes.
func (x *index) full() bool { return (x.count+1)*100 > len(x.slots)*indexFullNum }

// stuck says that it must.
func (x *index) stuck() bool { return (x.count+1)*100 > len(x.slots)*indexMostNum }

// grown is the count of slots to grow to: a quarter more.
func (x *index) grown() int { return max(indexMin, len(x.slots)+len(x.slots)/4) }

// resize moves all entries to a table of n slots. Taking them in order keeps the work local.
func (x *index) resize(n int) {
	old := x.slots
	x.slots, x.count = make([]uint64, n), 0
	for _, slot := range old {
		if slot != 0 {
			x.add(uint32(slot>>32), uint32(slot))
		}
	}
}

func (x *index) bytes() int64 { return int64(len(x.slots)) * slotBytes }
