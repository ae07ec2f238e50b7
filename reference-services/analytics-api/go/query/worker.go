package query

import (
	"math"
	"slices"

	"analyticsapi/table"
)

// worker takes one unit after another. Cells that no other unit has go to done at the unit's end.
type worker struct {
	*plan
	from, to    int64 // of the unit at hand
	events      uint64
	done        cells
	cut         int   // cells that were dropped from done
	uncounted   int64 // cells that the other workers do not know of
	cells       cells
	index       index
	gathered    gathered
	sets        []pairs
	lastKey     []uint32 // of each cell, + 1: for distinct(key)
	series      []Series // of a listing
	spans       [][]float64
	scratch     []float64
	cursors     []cursor
	active      []*cursor // with rows of the key at hand
	dense       dense
	batch       rowBatch
	textCells   []uint32 // cell + 1 of each text of the tag grouped by, for the key at hand
	keyFirst    uint32   // the first cell of that key
	bucketCells []uint32 // of a flat plan: cell + 1 of each bucket
}

// cursor is where a worker is in a part.
type cursor struct {
	part       *table.Part
	allowed    []allowed
	run        int // of the next key
	start, end int // rows of the present key
	bucketEnd  int64
	tags       []*table.Tag
	distinct   []*table.Tag
}

func newWorker(p *plan) *worker {
	w := &worker{plan: p, sets: make([]pairs, len(p.need.distinct))}
	w.cells.distinct = make([][]uint64, len(p.need.distinct))
	w.done.distinct = make([][]uint64, len(p.need.distinct))
	for i, part := range p.parts {
		c := cursor{part: part, allowed: p.allowed[i]}
		for _, tag := range p.tags {
			var column *table.Tag
			if tag.known {
				column = part.Tag(tag.number)
			}
			c.tags = append(c.tags, column)
		}
		for _, d := range p.need.distinct {
			var column *table.Tag
			if d.known {
				column = part.Tag(d.number)
			}
			c.distinct = append(c.distinct, column)
		}
		w.cursors = append(w.cursors, c)
	}
	return w
}

// unit makes the cells of a unit.
func (w *worker) unit(u unit) {
	if w.flat {
		w.flatUnit(u)
		return
	}
	defer w.unitDone()
	if w.denseUnit(u) {
		return
	}
	simple := w.keyAt > 0 && len(w.tags) == 0 && !w.byValue && len(w.need.distinct) == 0
	w.each(u, func(key uint32, filtered bool) {
		if simple && !filtered {
			w.wholeKey(key)
			return
		}
		w.keyFirst = uint32(len(w.cells.dims))
		for _, c := range w.active {
			w.rows(c, key)
		}
	})
	if w.owned {
		w.finish()
	}
}

const noKey = ^uint32(0)

// each goes through the keys of a unit that have rows in the window, and makes the cursors with
// such rows the active ones. filtered says that there are conditions on their tags.
func (w *worker) each(u unit, take func(key uint32, filtered bool)) {
	w.from, w.to = u.from, u.to
	if w.seeking {
		w.eachWanted(u, take)
		return
	}
	nextKeys := make([]uint32, len(w.cursors))
	for i := range w.cursors {
		c := &w.cursors[i]
		c.run = c.part.Keys.Below(u.low)
		nextKeys[i] = c.key()
	}
	seen := 0
	for {
		key := noKey
		for _, next := range nextKeys {
			key = min(key, next)
		}
		if key >= u.high {
			return
		}
		wanted := len(w.keys) == 0 || hold(w.keys, w.names.Keys.At(key))
		w.active = w.active[:0]
		filtered := false
		for i, next := range nextKeys {
			if next != key {
				continue
			}
			c := &w.cursors[i]
			if wanted && w.seek(c) {
				w.active = append(w.active, c)
				filtered = filtered || len(c.allowed) > 0
				seen += c.end - c.start
			}
			c.run++
			nextKeys[i] = c.key()
		}
		if len(w.active) > 0 {
			take(key, filtered)
		}
		if seen++; seen >= unitRowsMin {
			seen = 0
			if w.stopped() {
				return
			}
		}
	}
}

// eachWanted is each for keys that are known.
func (w *worker) eachWanted(u unit, take func(key uint32, filtered bool)) {
	from, _ := slices.BinarySearch(w.wanted, u.low)
	for _, key := range w.wanted[from:] {
		if key >= u.high || w.stopped() {
			return
		}
		w.active = w.active[:0]
		filtered := false
		for i := range w.cursors {
			c := &w.cursors[i]
			if c.run = c.part.Keys.Below(key); c.key() == key && w.seek(c) {
				w.active = append(w.active, c)
				filtered = filtered || len(c.allowed) > 0
			}
		}
		if len(w.active) > 0 {
			take(key, filtered)
		}
	}
}

// key is the key of the next run.
func (c *cursor) key() uint32 {
	if c.run < c.part.Keys.Len() {
		return c.part.Keys.At(c.run)
	}
	return noKey
}

// seek sets a cursor to the rows of its run within the window, and says whether there are any.
func (w *worker) seek(c *cursor) bool {
	c.start, c.end = int(c.part.Starts.At(c.run)), int(c.part.Starts.At(c.run+1))
	if c.part.MinTime < w.from {
		c.start = c.part.Times.Search(c.start, c.end, w.from)
	}
	if c.part.MaxTime >= w.to {
		c.end = c.part.Times.Search(c.start, c.end, w.to)
	}
	return c.start < c.end
}

// bucketEnd returns the bucket of the row at start, by its place in the window, and the row at which
// the next one begins.
func (w *worker) bucketEnd(part *table.Part, start, end int) (bucket int64, next int) {
	width := w.query.BucketMS
	if width == 0 {
		return 0, end
	}
	bucket = part.Times.At(start) / width
	return bucket - w.first, part.Times.Search(start+1, end, (bucket+1)*width)
}

// wholeKey makes the cells of a key when nothing but the bucket tells them apart: bucket by bucket,
// from slices of the parts.
func (w *worker) wholeKey(key uint32) {
	var cell dims
	cell[w.keyAt] = key
	width := w.query.BucketMS
	for _, c := range w.active {
		w.bucketOf(c)
	}
	for len(w.active) > 0 {
		bucketEnd := int64(math.MaxInt64)
		for _, c := range w.active {
			bucketEnd = min(bucketEnd, c.bucketEnd)
		}
		if width > 0 {
			cell[0] = uint32(bucketEnd/width - 1 - w.first)
		}
		w.spans = w.spans[:0]
		rows, left := 0, 0
		for _, c := range w.active {
			if c.bucketEnd == bucketEnd {
				end := c.end
				if c.part.MaxTime >= bucketEnd {
					end = c.part.Times.Search(c.start+1, c.end, bucketEnd)
				}
				w.spans = append(w.spans, c.part.Values[c.start:end])
				rows += end - c.start
				c.start = end
				if end == c.end {
					continue
				}
				w.bucketOf(c)
			}
			w.active[left] = c
			left++
		}
		w.active = w.active[:left]
		w.emit(cell, rows)
	}
}

// bucketOf finds where the bucket of a cursor's next row ends.
func (w *worker) bucketOf(c *cursor) {
	c.bucketEnd = math.MaxInt64
	if width := w.query.BucketMS; width > 0 {
		c.bucketEnd = (c.part.Times.At(c.start)/width + 1) * width
	}
}

// emit makes a whole cell of the spans.
func (w *worker) emit(key dims, rows int) {
	w.countOwned()
	cell := w.done.add(key)
	w.done.count[cell] = uint64(rows)
	w.events += uint64(rows)
	for _, span := range w.spans {
		w.fold(&w.done, cell, span)
	}
	if !w.need.values {
		return
	}
	for i := range w.done.percentiles {
		if w.need.percentiles[i] {
			w.done.percentiles[i] = append(w.done.percentiles[i], 0)
		}
	}
	w.rank(&w.done, int(cell), rows, w.spans, func() []float64 {
		w.scratch = slices.Grow(w.scratch[:0], rows)
		for _, span := range w.spans {
			w.scratch = append(w.scratch, span...)
		}
		return w.scratch
	})
}

// fold adds values to the sum and extremes of a cell.
func (w *worker) fold(c *cells, cell uint32, values []float64) {
	if w.need.sum {
		c.sum[cell] += sumOf(values)
	}
	if w.need.extremes {
		low, high := c.low[cell], c.high[cell]
		for _, v := range values {
			if v < low {
				low = v
			}
			if v > high {
				high = v
			}
		}
		c.low[cell], c.high[cell] = low, high
	}
}

// sumOf adds in four lanes: an addition need not wait for the one before.
func sumOf(values []float64) float64 {
	var a, b, c, d float64
	for ; len(values) >= 4; values = values[4:] {
		a += values[0]
		b += values[1]
		c += values[2]
		d += values[3]
	}
	for _, v := range values {
		a += v
	}
	return a + b + (c + d)
}

// cell returns the number of a cell of this worker.
func (w *worker) cell(key dims) uint32 {
	before := len(w.cells.dims)
	cell := w.index.find(&w.cells, key)
	if len(w.cells.dims) > before {
		w.countCell()
	}
	return cell
}

// newCell adds a cell that is known to be new, and that is not looked for again.
func (w *worker) newCell(key dims) uint32 {
	cell := w.cells.add(key)
	w.countCell()
	return cell
}

func (w *worker) countCell() {
	w.lastKey = append(w.lastKey, 0)
	if w.owned {
		w.countOwned()
	} else if int64(len(w.cells.dims)) > w.cellsMax {
		w.fail("groups")
	}
}

// Cells are told to the other workers so many at a time: each time waits for the other cores.
const countStep = 1024

// countOwned counts a cell that no other worker has.
func (w *worker) countOwned() {
	if w.uncounted++; w.uncounted >= countStep {
		w.tellCount()
	}
}

func (w *worker) tellCount() {
	if w.made.Add(w.uncounted) > w.cellsMax {
		w.fail("groups")
	}
	w.uncounted = 0
}

// rows takes a part's rows of a key, bucket by bucket.
func (w *worker) rows(c *cursor, key uint32) {
	var base dims
	if w.keyAt > 0 {
		base[w.keyAt] = key
	}
	byRow := w.byValue || w.keyAt > 0 && len(w.tags) == 1 && w.query.BucketMS == 0 || len(c.allowed) > 0 || slices.ContainsFunc(c.tags, known) ||
		slices.ContainsFunc(c.distinct, known)
	for c.start < c.end && w.failure.Load() == nil {
		bucket, next := w.bucketEnd(c.part, c.start, c.end)
		base[0] = uint32(bucket)
		if byRow {
			for start := c.start; start < next; start += batchRows {
				w.someRows(c, key, base, start, min(next, start+batchRows))
			}
		} else {
			w.span(key, w.cell(base), c.part.Values[c.start:next])
		}
		c.start = next
	}
}

func known(tag *table.Tag) bool { return tag != nil }

// span takes values of one cell.
func (w *worker) span(key, cell uint32, values []float64) {
	w.cells.count[cell] += uint64(len(values))
	w.events += uint64(len(values))
	w.fold(&w.cells, cell, values)
	if w.need.values {
		w.gathered.addAll(cell, values)
	}
	w.countKey(key, cell)
}

// countKey counts a key for distinct(key): all rows of a key come to one worker without a break.
func (w *worker) countKey(key, cell uint32) {
	if w.lastKey[cell] == key+1 {
		return
	}
	w.lastKey[cell] = key + 1
	for i, d := range w.need.distinct {
		if d.key {
			w.cells.distinct[i][cell]++
			w.countPair()
		}
	}
}

func (w *worker) countPair() {
	// Pairs of other workers may be the same ones unless cells are owned: those are counted later.
	if w.owned && w.counted.Add(1) > distinctMax {
		w.fail("distinct")
	}
}

// A worker with so many times the cells that are wanted drops those that come after these: rarely
// enough to cost next to nothing, early enough that the cells stay in the cache.
const cutFactor = 4

// unitDone tells the other workers of the unit's cells, and drops those of all so far that are not among the first that are wanted.
func (w *worker) unitDone() {
	w.tellCount()
	count, limit := len(w.done.dims), w.query.Limit
	if !w.cuts || count <= cutFactor*limit {
		return
	}
	a := Answer{query: w.query, names: w.names, cells: w.done}
	wanted := make([]bool, count)
	for _, cell := range first(count, limit, a.compare(w.query.Order)) {
		wanted[cell] = true
	}
	w.done.keep(func(cell int) bool { return wanted[cell] })
	w.cut += count - limit
}

// finish moves the cells of a unit, which are whole, to done.
func (w *worker) finish() {
	if len(w.cells.dims) == 0 {
		return
	}
	if w.need.values {
		w.percentilesOf(&w.cells, &w.gathered, 1)
	}
	w.done.append(&w.cells)
	distinct := w.cells.distinct
	for i := range distinct {
		distinct[i] = distinct[i][:0]
	}
	c := &w.cells
	*c = cells{
		dims: c.dims[:0], count: c.count[:0], sum: c.sum[:0], low: c.low[:0], high: c.high[:0],
		distinct: distinct,
	}
	clear(w.index.slots)
	w.lastKey = w.lastKey[:0]
	clear(w.textCells)
	w.gathered.used = 0
	for i := range w.sets {
		w.sets[i] = pairs{}
	}
}
