package store

import (
	"encoding/binary"
	"hash/maphash"
)

// Fields is the value of a hash, in one run of bytes so that it moves as any value does. A small
// one is a list in the order of insertion:
//
//	0  0; 4  count; 8  bytes of all names and values; 12  end of the elements; 16  elements
//
// A large one has a table like the index of a shard, whose slots hold 32 bits of the hash of a name
// above the place of its element:
//
//	0  1; 4  count; 8  bytes; 12  end; 16  bytes of abandoned elements; 20  slots; 24  slots, elements
//
// An element is the two lengths as varints, the name and the value. What lies beyond the end is room.
type Fields []byte

const (
	listHeadBytes  = 16
	tableHeadBytes = 24
	// What one element takes at most beside its name and value.
	elementHeadMax = 2 * binary.MaxVarintLen32

	// A list becomes a table beyond these.
	ListCountMax = 512
	ListBytesMax = 64

	// Limits on a hash.
	FieldsMax      = 1 << 20
	FieldsBytesMax = 32 << 20
)

func (f Fields) number(at int) int       { return int(le.Uint32(f[at:])) }
func (f Fields) setNumber(at int, n int) { le.PutUint32(f[at:], uint32(n)) }

// Table says whether the hash is a table; otherwise it is a list.
func (f Fields) Table() bool { return len(f) > 0 && f[0] == 1 }

// Len is the count of fields.
func (f Fields) Len() int {
	if len(f) == 0 {
		return 0
	}
	return f.number(4)
}

// Bytes is the count of bytes of all names and values.
func (f Fields) Bytes() int {
	if len(f) == 0 {
		return 0
	}
	return f.number(8)
}

func (f Fields) end() int   { return f.number(12) }
func (f Fields) slots() int { return f.number(20) }

func (f Fields) slot(i int) uint64 { return le.Uint64(f[tableHeadBytes+8*i:]) }
func (f Fields) setSlot(i int, slot uint64) {
	le.PutUint64(f[tableHeadBytes+8*i:], slot)
}

// element is the name and the value of what lies at a place, and where the next begins.
func (f Fields) element(at int) (name, value []byte, next int) {
	nameLen, n := binary.Uvarint(f[at:])
	at += n
	valueLen, n := binary.Uvarint(f[at:])
	at += n
	middle := at + int(nameLen)
	next = middle + int(valueLen)
	return f[at:middle:middle], f[middle:next:next], next
}

func elementBytes(name, value []byte) int {
	return uvarintBytes(len(name)) + uvarintBytes(len(value)) + len(name) + len(value)
}

func uvarintBytes(n int) int {
	bytes := 1
	for ; n >= 0x80; n >>= 7 {
		bytes++
	}
	return bytes
}

// write lays an element out at a place where there is room.
func (f Fields) write(at int, name, value []byte) {
	at += binary.PutUvarint(f[at:], uint64(len(name)))
	at += binary.PutUvarint(f[at:], uint64(len(value)))
	at += copy(f[at:], name)
	copy(f[at:], value)
}

// hasher gives the hash of a name.
type hasher struct{ seed maphash.Seed }

func (h hasher) of(name []byte) uint32 { return uint32(maphash.Bytes(h.seed, name)) }

// find is the place of a field's element, and of its slot in a table; at is -1 without one.
func (f Fields) find(h hasher, name []byte) (at, slot int) {
	if f.Len() == 0 {
		return -1, -1
	}
	if f.Table() {
		return f.findSlot(h.of(name), name)
	}
	for at, end := listHeadBytes, f.end(); at < end; {
		found, _, next := f.element(at)
		if string(found) == string(name) {
			return at, -1
		}
		at = next
	}
	return -1, -1
}

func (f Fields) findSlot(hash uint32, name []byte) (at, slot int) {
	n := f.slots()
	for i := home(hash, n); ; {
		s := f.slot(i)
		if s == 0 {
			return -1, -1
		}
		if uint32(s>>32) == hash {
			if found, _, _ := f.element(int(uint32(s))); string(found) == string(name) {
				return int(uint32(s)), i
			}
		}
		if i++; i == n {
			i = 0
		}
	}
}

// Each calls visit with every field: in the order of insertion for a list.
func (f Fields) Each(visit func(name, value []byte)) {
	if f.Len() == 0 {
		return
	}
	if !f.Table() {
		for at, end := listHeadBytes, f.end(); at < end; {
			name, value, next := f.element(at)
			visit(name, value)
			at = next
		}
		return
	}
	for i := range f.slots() {
		if s := f.slot(i); s != 0 {
			name, value, _ := f.element(int(uint32(s)))
			visit(name, value)
		}
	}
}

// Scan visits the fields from a cursor on, about count of them, and returns the next cursor, 0 at
// the end. A list is visited as a whole.
func (f Fields) Scan(cursor uint64, count, places int, visit func(name, value []byte)) uint64 {
	if !f.Table() {
		f.Each(visit)
		return 0
	}
	if cursor > 0xffff_ffff {
		return 0
	}
	n := f.slots()
	for at := home(uint32(cursor), n); at < n; at++ {
		if count <= 0 || places <= 0 {
			return uint64(leastHash(at, n))
		}
		places--
		for i := at; f.slot(i) != 0; {
			s := f.slot(i)
			if hash := uint32(s >> 32); home(hash, n) == at && hash >= uint32(cursor) {
				name, value, _ := f.element(int(uint32(s)))
				visit(name, value)
				count--
			}
			if i++; i == n {
				i = 0
			}
			if i == at {
				break
			}
		}
	}
	return 0
}

// room says whether fields may be set without growing: newly that many, with their elements.
func (f Fields) room(newly, bytes int) bool {
	if len(f) == 0 || f.end()+bytes > len(f) {
		return false
	}
	return !f.Table() || (f.Len()+newly)*100 <= f.slots()*indexFullNum
}

// put sets a field, for which there must be room, and says whether it is new.
func (f Fields) put(h hasher, name, value []byte) (added bool) {
	at, slot := f.find(h, name)
	if at < 0 {
		at = f.end()
		f.write(at, name, value)
		f.setNumber(12, at+elementBytes(name, value))
		f.setNumber(4, f.Len()+1)
		f.setNumber(8, f.Bytes()+len(name)+len(value))
		if f.Table() {
			f.addSlot(h.of(name), at)
		}
		return true
	}
	_, old, next := f.element(at)
	f.setNumber(8, f.Bytes()+len(value)-len(old))
	if len(old) == len(value) {
		copy(old, value)
		return false
	}
	if f.Table() {
		hash := f.slot(slot) >> 32 << 32
		f.setNumber(16, f.number(16)+next-at)
		at = f.end()
		f.write(at, name, value)
		f.setNumber(12, at+elementBytes(name, value))
		f.setSlot(slot, hash|uint64(at))
		return false
	}
	end, size := f.end(), elementBytes(name, value)
	copy(f[at+size:end+at+size-next], f[next:end])
	f.write(at, name, value)
	f.setNumber(12, end+at+size-next)
	return false
}

func (f Fields) addSlot(hash uint32, at int) {
	n := f.slots()
	i := home(hash, n)
	for f.slot(i) != 0 {
		if i++; i == n {
			i = 0
		}
	}
	f.setSlot(i, slotOf(hash, uint32(at)))
}

// remove takes a field away and says whether it was there.
func (f Fields) remove(h hasher, name []byte) bool {
	at, slot := f.find(h, name)
	if at < 0 {
		return false
	}
	found, value, next := f.element(at)
	f.setNumber(4, f.Len()-1)
	f.setNumber(8, f.Bytes()-len(found)-len(value))
	if f.Table() {
		f.setNumber(16, f.number(16)+next-at)
		f.removeSlot(slot)
		return true
	}
	end := f.end()
	copy(f[at:], f[next:end])
	f.setNumber(12, end-(next-at))
	return true
}

func (f Fields) removeSlot(gap int) {
	n := f.slots()
	for i := gap; ; {
		if i++; i == n {
			i = 0
		}
		s := f.slot(i)
		if s == 0 {
			break
		}
		fromHome, fromGap := i-home(uint32(s>>32), n), i-gap
		if fromHome < 0 {
			fromHome += n
		}
		if fromGap < 0 {
			fromGap += n
		}
		if fromHome >= fromGap {
			f.setSlot(gap, s)
			gap = i
		}
	}
	f.setSlot(gap, 0)
}

// sparse says that more than half of the bytes hold nothing.
func (f Fields) sparse() bool {
	used := f.end()
	if f.Table() {
		used -= f.number(16)
	}
	return 2*used < len(f)
}

// rebuilt is a copy with room for more fields and bytes of elements, as a list or a table.
func (f Fields) rebuilt(h hasher, table bool, newly, bytes int) Fields {
	live := f.Bytes() + f.Len()*elementHeadMax
	if len(f) > 0 && !f.Table() {
		live = f.end() - listHeadBytes
	}
	if !table {
		grown := make(Fields, listHeadBytes+live+bytes+(live+bytes)/8)
		if len(f) > 0 {
			copy(grown, f[:f.end()])
		} else {
			grown.setNumber(12, listHeadBytes)
		}
		return grown
	}
	count := f.Len() + newly
	slots := (count + count/4 + 1) * 100 / indexFullNum
	head := tableHeadBytes + 8*slots
	grown := make(Fields, head+live+bytes+(live+bytes)/4)
	grown[0] = 1
	grown.setNumber(12, head)
	grown.setNumber(20, slots)
	f.Each(func(name, value []byte) { grown.put(h, name, value) })
	return grown
}
