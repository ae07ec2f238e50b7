// Package texts numbers texts.
package texts

import (
	"bytes"
	"hash/maphash"
)

// Dict numbers distinct texts in the order in which they came.
type Dict struct {
	Text   []byte   // all texts, one after another
	Ends   []uint32 // where each text ends
	hashes []uint32
	slots  []uint32 // number + 1; 0 is free
}

var seed = maphash.MakeSeed()

const slotsMin = 64

// Len is the number of texts.
func (d *Dict) Len() int { return len(d.Ends) }

// At returns text number id.
func (d *Dict) At(id uint32) []byte {
	start := uint32(0)
	if id > 0 {
		start = d.Ends[id-1]
	}
	return d.Text[start:d.Ends[id]]
}

// Find returns the number of text, if it has one.
func (d *Dict) Find(text []byte) (uint32, bool) {
	if len(d.slots) == 0 {
		return 0, false
	}
	number, _, _ := d.find(text)
	return number, number != None
}

// None is the number of no text.
const None = ^uint32(0)

// find returns the number of text, or None and the slot where it belongs.
func (d *Dict) find(text []byte) (number, hash, slot uint32) {
	hash = uint32(maphash.Bytes(seed, text))
	mask := uint32(len(d.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		taken := d.slots[at]
		if taken == 0 {
			return None, hash, at
		}
		if d.hashes[taken-1] == hash && bytes.Equal(d.At(taken-1), text) {
			return taken - 1, hash, at
		}
	}
}

// Number returns the number of text, which is added when it is new.
func (d *Dict) Number(text []byte) uint32 {
	if len(d.Ends)*2 >= len(d.slots) {
		d.grow()
	}
	number, hash, slot := d.find(text)
	if number == None {
		number = uint32(len(d.Ends))
		d.Text = append(d.Text, text...)
		d.Ends = append(d.Ends, uint32(len(d.Text)))
		d.hashes = append(d.hashes, hash)
		d.slots[slot] = number + 1
	}
	return number
}

func (d *Dict) grow() {
	d.slots = make([]uint32, max(slotsMin, 2*len(d.slots)))
	mask := uint32(len(d.slots) - 1)
	for id, hash := range d.hashes {
		at := hash & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = uint32(id + 1)
	}
}
