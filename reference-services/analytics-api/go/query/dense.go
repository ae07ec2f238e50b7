package query

import "slices"

// A unit with up to this many cells that may be is computed in arrays with a place for each, which
// fit the cache.
const denseMax = 1 << 16

// dense is the cells of a unit by key and bucket.
type dense struct {
	count          []uint64
	sum, low, high []float64
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
	places := int(keys * buckets)
	d := &w.dense
	if len(d.count) < places {
		*d = dense{
			make([]uint64, places), make([]float64, places), make([]float64, places), make([]float64, places),
		}
	}
	clear(d.count[:places])
	for i := range w.cursors {
		w.densePart(&w.cursors[i], u, int(buckets))
	}
	for place, count := range d.count[:places] {
		if count == 0 {
			continue
		}
		if w.made.Add(1) > w.cellsMax {
			w.fail("groups")
			return true
		}
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

func (w *worker) densePart(c *cursor, u unit, buckets int) {
	d := &w.dense
	c.run, _ = slices.BinarySearch(c.part.Keys, u.low)
	for ; c.key() < u.high; c.run++ {
		if !w.seek(c) {
			continue
		}
		for c.start < c.end {
			bucket, next := w.bucketEnd(c.part, c.start, c.end)
			place := int(c.key()-u.low)*buckets + int(bucket)
			values := c.part.Values[c.start:next]
			if d.count[place] == 0 {
				d.sum[place], d.low[place], d.high[place] = 0, values[0], values[0]
			}
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
