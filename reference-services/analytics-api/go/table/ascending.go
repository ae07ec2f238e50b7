package table

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

const (
	// Numbers that share a base.
	ascendingBlock = 16
	// Stands for a distance that does not fit a byte; the number is kept apart.
	far = 0xff
	// When more than one number in so many is far, none is kept near.
	nearPerFar = 8
)

// Ascending is rising numbers, such as a part's keys and where the rows of each begin. Where most
// are close to the one before, as in a part with hundreds of thousands of keys, each takes a byte
// and a quarter, else four bytes.
type Ascending struct {
	wide      []uint32 // all of them, if they are not kept near
	bases     []uint32 // the first of each block
	distances []uint8  // of each from its block's base
	far       []farNumber
}

type farNumber struct{ place, number uint32 }

// NewAscending keeps rising numbers.
func NewAscending(numbers []uint32) Ascending {
	near := Ascending{
		bases:     make([]uint32, 0, len(numbers)/ascendingBlock+1),
		distances: make([]uint8, len(numbers)),
	}
	farMax := len(numbers) / nearPerFar
	for place, number := range numbers {
		if place%ascendingBlock == 0 {
			near.bases = append(near.bases, number)
		}
		distance := number - near.bases[len(near.bases)-1]
		if distance < far {
			near.distances[place] = uint8(distance)
			continue
		}
		if len(near.far) == farMax {
			return Ascending{wide: slices.Clone(numbers)}
		}
		near.distances[place] = far
		near.far = append(near.far, farNumber{uint32(place), number})
	}
	near.far = slices.Clip(near.far)
	return near
}

// Len is how many there are.
func (a *Ascending) Len() int { return len(a.wide) + len(a.distances) }

// Bytes is the memory that they take.
func (a *Ascending) Bytes() int {
	return 4*(len(a.wide)+len(a.bases)) + len(a.distances) + 8*len(a.far)
}

// At returns the number at a place.
func (a *Ascending) At(place int) uint32 {
	if a.wide != nil {
		return a.wide[place]
	}
	if distance := a.distances[place]; distance != far {
		return a.bases[place/ascendingBlock] + uint32(distance)
	}
	at, _ := slices.BinarySearchFunc(a.far, uint32(place), func(f farNumber, place uint32) int {
		return cmp.Compare(f.place, place)
	})
	return a.far[at].number
}

// Below returns how many of them are less than number.
func (a *Ascending) Below(number uint32) int {
	return sort.Search(a.Len(), func(place int) bool { return a.At(place) >= number })
}

// Append appends those from place start up to but not end to out.
func (a *Ascending) Append(out []uint32, start, end int) []uint32 {
	if a.wide != nil {
		return append(out, a.wide[start:end]...)
	}
	first := len(out)
	out = slices.Grow(out, end-start)[:first+end-start]
	for into := out[first:]; start < end; {
		base, stop := a.bases[start/ascendingBlock], min(end, (start/ascendingBlock+1)*ascendingBlock)
		for i, distance := range a.distances[start:stop] {
			if into[i] = base + uint32(distance); distance == far {
				into[i] = a.At(start + i)
			}
		}
		into, start = into[stop-start:], stop
	}
	return out
}

// All goes through them with their places.
func (a *Ascending) All() iter.Seq2[int, uint32] {
	return func(yield func(int, uint32) bool) {
		for place := range a.Len() {
			if !yield(place, a.At(place)) {
				return
			}
		}
	}
}
