// Package table keeps events in immutable columns.
package table

import "encoding/binary"

// Ints is a column of whole numbers, kept as distances from a base in the narrowest width of 1, 2,
// 4 or 8 bytes that holds them. Exactly one of the slices is in use.
type Ints struct {
	Base int64
	B1   []uint8
	B2   []uint16
	B4   []uint32
	B8   []uint64
}

// Width is the bytes that the distance most takes.
func Width(most uint64) int {
	switch {
	case most < 1<<8:
		return 1
	case most < 1<<16:
		return 2
	case most < 1<<32:
		return 4
	}
	return 8
}

// NewInts returns a column of rows zeros, as wide as numbers from low to high need.
func NewInts(low, high int64, rows int) Ints {
	n := Ints{Base: low}
	switch Width(uint64(high) - uint64(low)) {
	case 1:
		n.B1 = make([]uint8, rows)
	case 2:
		n.B2 = make([]uint16, rows)
	case 4:
		n.B4 = make([]uint32, rows)
	default:
		n.B8 = make([]uint64, rows)
	}
	return n
}

// Len is the number of rows.
func (n *Ints) Len() int { return len(n.B1) + len(n.B2) + len(n.B4) + len(n.B8) }

// Bytes is the memory that the rows take.
func (n *Ints) Bytes() int { return len(n.B1) + 2*len(n.B2) + 4*len(n.B4) + 8*len(n.B8) }

// At returns the number in a row.
func (n *Ints) At(row int) int64 {
	switch {
	case n.B4 != nil:
		return n.Base + int64(n.B4[row])
	case n.B2 != nil:
		return n.Base + int64(n.B2[row])
	case n.B1 != nil:
		return n.Base + int64(n.B1[row])
	}
	return n.Base + int64(n.B8[row])
}

// Set puts a number, from Base up, in a row.
func (n *Ints) Set(row int, number int64) {
	distance := uint64(number) - uint64(n.Base)
	switch {
	case n.B4 != nil:
		n.B4[row] = uint32(distance)
	case n.B2 != nil:
		n.B2[row] = uint16(distance)
	case n.B1 != nil:
		n.B1[row] = uint8(distance)
	default:
		n.B8[row] = distance
	}
}

// Search returns the first row from start on, before end, whose number is at least want; end if
// there is none. The rows between must ascend. It gallops, so that a near answer is found soon.
func (n *Ints) Search(start, end int, want int64) int {
	if want <= n.Base {
		return start
	}
	distance := uint64(want) - uint64(n.Base)
	switch {
	case n.B4 != nil:
		return gallop(n.B4, start, end, distance)
	case n.B2 != nil:
		return gallop(n.B2, start, end, distance)
	case n.B1 != nil:
		return gallop(n.B1, start, end, distance)
	}
	return gallop(n.B8, start, end, distance)
}

func gallop[T uint8 | uint16 | uint32 | uint64](rows []T, start, end int, want uint64) int {
	step := 1
	low := start
	for low < end && uint64(rows[low]) < want {
		start = low + 1
		low += step
		step *= 2
	}
	end = min(low, end)
	for start < end {
		if middle := int(uint(start+end) / 2); uint64(rows[middle]) < want {
			start = middle + 1
		} else {
			end = middle
		}
	}
	return start
}

// ReadInts reads a column of little-endian distances and returns it with the greatest of them.
func ReadInts(base int64, width int, bytes []byte) (column Ints, greatest uint64) {
	column.Base = base
	order := binary.LittleEndian
	switch width {
	case 1:
		column.B1 = make([]uint8, len(bytes))
		for i, b := range bytes {
			column.B1[i] = b
			greatest = max(greatest, uint64(b))
		}
	case 2:
		column.B2 = make([]uint16, len(bytes)/2)
		for i := range column.B2 {
			column.B2[i] = order.Uint16(bytes[2*i:])
			greatest = max(greatest, uint64(column.B2[i]))
		}
	case 4:
		column.B4 = make([]uint32, len(bytes)/4)
		for i := range column.B4 {
			column.B4[i] = order.Uint32(bytes[4*i:])
			greatest = max(greatest, uint64(column.B4[i]))
		}
	default:
		column.B8 = make([]uint64, len(bytes)/8)
		for i := range column.B8 {
			column.B8[i] = order.Uint64(bytes[8*i:])
			greatest = max(greatest, column.B8[i])
		}
	}
	return column, greatest
}

// Gather puts in out the distances of some rows, which must fit.
func (n *Ints) Gather(rows, out []uint32) {
	switch {
	case n.B1 != nil:
		gather32(n.B1, rows, out)
	case n.B2 != nil:
		gather32(n.B2, rows, out)
	case n.B4 != nil:
		gather32(n.B4, rows, out)
	default:
		gather32(n.B8, rows, out)
	}
}

func gather32[T uint8 | uint16 | uint32 | uint64](column []T, rows, out []uint32) {
	out = out[:len(rows)]
	for i, row := range rows {
		out[i] = uint32(column[row])
	}
}
