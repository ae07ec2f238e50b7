package query

import (
	"slices"

	"analyticsapi/table"
)

// A unit with up to this many cells that may be is computed in arrays with a place for each, which
// fit the cache.
const denseMax = 1 << 16

// dense is the cells of a unit by key and bucket.
type dense struct {
	count          []uint64
	sum, low, high []float64
	keys, starts   []uint32 // of the runs at hand
}

// denseUnit computes a unit part by part when a cell's place follows from its key and bucket, and
// says whether it could.
func (w *worker) denseUnit(u unit) bool {
	buckets := w.query.Buckets()
	keys := int64(u.high) - int64(u.low)
	if w.keyAt == 0 || len(w.tags) > 0 || w.byValue || len(w.need.distinct) > 0 || w.need.values ||
		len(w.keys) > 0 || keys*buckets > denseMax ||
		slices.ContainsFunc(w.cursors, func(c cursor) bool { return len(c.allowed) > 0 }) {
		return false
	}
	w.from, w.to = u.from, u.to
	places := int(keys * buckets)
	d := &w.dense
	if len(d.count) < places {
		d.count = make([]uint64, places)
		d.sum, d.low, d.high = make([]float64, places), make([]float64, places), make([]float64, places)
	}
	clear(d.count[:places])
	clear(d.sum[:places])
	for i := range places {
		d.low[i], d.high[i] = greatest, lowest
	}
	for i := range w.cursors {
		if c := &w.cursors[i]; buckets == 1 && c.part.MinTime >= w.from && c.part.MaxTime < w.to {
			w.denseRuns(c.part, u)
		} else {
			w.densePart(c, u, int(buckets))
		}
	}
	made := 0
	for _, count := range d.count[:places] {
		made += int(min(count, 1))
	}
	w.done.grow(made)
	for place, count := range d.count[:places] {
		if count == 0 {
			continue
		}
		w.countOwned()
		var key dims
		key[0] = uint32(place % int(buckets))
		key[w.keyAt] = u.low + uint32(place/int(buckets))
		cell := w.done.add(key)
		w.done.count[cell], w.done.sum[cell] = count, d.sum[place]
		w.done.low[cell], w.done.high[cell] = d.low[place], d.high[place]
		w.events += count
	}
	return true
}

// denseRuns is densePart for a part of which all rows count, in one bucket.
func (w *worker) denseRuns(part *table.Part, u unit) {
	d, need := &w.dense, w.need
	first, last := part.Keys.Below(u.low), part.Keys.Below(u.high)
	d.keys = part.Keys.Append(d.keys[:0], first, last)
	d.starts = part.Starts.Append(d.starts[:0], first, last+1)
	starts, start := d.starts, d.starts[0]
	for i, key := range d.keys {
		values := part.Values[start:starts[i+1]]
		start = starts[i+1]
		place := key - u.low
		d.count[place] += uint64(len(values))
		if need.sum {
			sum := 0.0
			for _, v := range values {
				sum += v
			}
			d.sum[place] += sum
		}
		if need.extremes {
			low, high := d.low[place], d.high[place]
			for _, v := range values {
				if v < low {
					low = v
				}
				if v > high {
					high = v
				}
			}
			d.low[place], d.high[place] = low, high
		}
	}
}

func (w *worker) densePart(c *cursor, u unit, buckets int) {
	d := &w.dense
	c.run = c.part.Keys.Below(u.low)
	for ; c.key() < u.high; c.run++ {
		if !w.seek(c) {
			continue
		}
		for c.start < c.end {
			bucket, next := w.bucketEnd(c.part, c.start, c.end)
			place := int(c.key()-u.low)*buckets + int(bucket)
			values := c.part.Values[c.start:next]
			d.count[place] += uint64(len(values))
			if w.need.sum {
				d.sum[place] += sumOf(values)
			}
			if w.need.extremes {
				for _, v := range values {
					if v < d.low[place] {
						d.low[place] = v
					}
					if v > d.high[place] {
						d.high[place] = v
					}
				}
			}
			c.start = next
		}
	}
}
