package query

import (
	"math"
	"slices"
)

// dims is what tells cells apart: the bucket's place in the window, then the fields in the order of
// the query. A field is the number of a key, or 0 for an absent tag and 1 + the number of its text.
type dims [1 + FieldsMax]uint32

// cells is what is known of each cell, by the cell's number.
type cells struct {
	dims  []dims
	count []uint64
	sum   []float64
	low   []float64
	high  []float64
	// The percentiles, and how many different values, when all rows are in.
	percentiles [3][]float64
	distinct    [][]uint64 // by place among the aggregates of that kind
}

// add appends an empty cell.
func (c *cells) add(key dims) uint32 {
	c.dims = append(c.dims, key)
	c.count = append(c.count, 0)
	c.sum = append(c.sum, 0)
	c.low = append(c.low, math.Inf(1))
	c.high = append(c.high, math.Inf(-1))
	for i := range c.distinct {
		c.distinct[i] = append(c.distinct[i], 0)
	}
	return uint32(len(c.dims) - 1)
}

// grow makes room for more cells.
func (c *cells) grow(more int) {
	if cap(c.dims)-len(c.dims) < more {
		more = max(more, len(c.dims)) // so that many small steps copy little
	}
	c.dims = slices.Grow(c.dims, more)
	c.count = slices.Grow(c.count, more)
	c.sum = slices.Grow(c.sum, more)
	c.low = slices.Grow(c.low, more)
	c.high = slices.Grow(c.high, more)
}

// merge adds what another knows of a cell.
func (c *cells) merge(cell uint32, other *cells, theirs uint32) {
	c.count[cell] += other.count[theirs]
	c.sum[cell] += other.sum[theirs]
	c.low[cell] = min(c.low[cell], other.low[theirs])
	c.high[cell] = max(c.high[cell], other.high[theirs])
}

// append adds the cells of another, which are other ones.
func (c *cells) append(other *cells) {
	c.dims = append(c.dims, other.dims...)
	c.count = append(c.count, other.count...)
	c.sum = append(c.sum, other.sum...)
	c.low = append(c.low, other.low...)
	c.high = append(c.high, other.high...)
	for i := range c.percentiles {
		c.percentiles[i] = append(c.percentiles[i], other.percentiles[i]...)
	}
	for i := range c.distinct {
		c.distinct[i] = append(c.distinct[i], other.distinct[i]...)
	}
}

// keep keeps the cells that are wanted.
func (c *cells) keep(wanted func(cell int) bool) {
	kept := 0
	for i := range c.dims {
		if !wanted(i) {
			continue
		}
		c.dims[kept], c.count[kept], c.sum[kept] = c.dims[i], c.count[i], c.sum[i]
		c.low[kept], c.high[kept] = c.low[i], c.high[i]
		for j := range c.percentiles {
			if c.percentiles[j] != nil {
				c.percentiles[j][kept] = c.percentiles[j][i]
			}
		}
		for j := range c.distinct {
			c.distinct[j][kept] = c.distinct[j][i]
		}
		kept++
	}
	c.dims, c.count, c.sum = c.dims[:kept], c.count[:kept], c.sum[:kept]
	c.low, c.high = c.low[:kept], c.high[:kept]
	for j := range c.percentiles {
		c.percentiles[j] = c.percentiles[j][:min(kept, len(c.percentiles[j]))]
	}
	for j := range c.distinct {
		c.distinct[j] = c.distinct[j][:kept]
	}
}

// index finds the number of a cell by its dims: open addressing with linear probing.
type index struct {
	slots []uint32 // number + 1, 0 is free
}

const indexMin = 64

func (d *dims) hash() uint32 {
	const odd = 0x9E3779B97F4A7C15
	hash := uint64(d[0]) | uint64(d[1])<<32
	hash *= odd
	hash ^= hash>>29 ^ (uint64(d[2]) | uint64(d[3])<<32)
	hash *= odd
	hash ^= hash>>31 ^ uint64(d[4])
	hash *= odd
	return uint32(hash >> 32)
}

// find returns the number of a cell, which is added to cells when it is new.
func (x *index) find(c *cells, key dims) uint32 {
	if 2*len(c.dims) >= len(x.slots) {
		x.grow(c)
	}
	mask := uint32(len(x.slots) - 1)
	for at := key.hash() & mask; ; at = (at + 1) & mask {
		slot := x.slots[at]
		if slot == 0 {
			cell := c.add(key)
			x.slots[at] = cell + 1
			return cell
		}
		if c.dims[slot-1] == key {
			return slot - 1
		}
	}
}

func (x *index) grow(c *cells) {
	x.slots = make([]uint32, max(indexMin, 2*len(x.slots)))
	mask := uint32(len(x.slots) - 1)
	for i := range c.dims {
		at := c.dims[i].hash() & mask
		for x.slots[at] != 0 {
			at = (at + 1) & mask
		}
		x.slots[at] = uint32(i + 1)
	}
}

// pairs is a set of pairs of a cell and a value.
type pairs struct {
	slots []uint64 // the pair + 1, 0 is free
	count int
}

// add returns false if the pair was there.
func (p *pairs) add(cell, value uint32) bool {
	if 2*p.count >= len(p.slots) {
		p.grow()
	}
	pair := uint64(cell)<<32 + uint64(value) + 1
	if !p.put(pair) {
		return false
	}
	p.count++
	return true
}

func (p *pairs) put(pair uint64) bool {
	mask := uint64(len(p.slots) - 1)
	for at := pair * 0x9E3779B97F4A7C15 >> 20 & mask; ; at = (at + 1) & mask {
		if p.slots[at] == 0 {
			p.slots[at] = pair
			return true
		}
		if p.slots[at] == pair {
			return false
		}
	}
}

func (p *pairs) grow() {
	old := p.slots
	p.slots = make([]uint64, max(indexMin, 2*len(old)))
	for _, pair := range old {
		if pair != 0 {
			p.put(pair)
		}
	}
}
