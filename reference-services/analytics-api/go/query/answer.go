package query

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"analyticsapi/store"
)

// Answer is the rows of a query, in their order.
type Answer struct {
	RowsTotal int
	Events    uint64
	query     *Query
	names     store.Names
	cells     cells
	rows      []uint32 // numbers of cells
}

// Run answers a query with up to threads goroutines. The error is a LimitError or ctx's.
func Run(ctx context.Context, snapshot *store.Snapshot, q *Query, threads int, cellsMax int64) (*Answer, error) {
	if q.BucketMS > 0 && q.Buckets() > BucketsMax {
		return nil, LimitError{"buckets"}
	}
	found, err := run(ctx, snapshot, q, threads, cellsMax)
	if err != nil {
		return nil, err
	}
	a := &Answer{Events: found.events, query: q, names: snapshot.Names, cells: found.cells}
	if q.TopK > 0 {
		if err := a.top(ctx, snapshot, threads, cellsMax); err != nil {
			return nil, err
		}
	}
	if len(q.GroupBy) == 0 && len(a.cells.dims) == 0 && (q.BucketMS == 0 || q.Fill) {
		a.addEmpty(dims{})
	}
	if q.Fill {
		if err := a.fill(cellsMax); err != nil {
			return nil, err
		}
	}
	a.RowsTotal = len(a.cells.dims) + found.cut
	a.rows = first(len(a.cells.dims), q.Limit, a.compare(q.Order))
	return a, nil
}

// group is the dims of a cell without its bucket.
func (d dims) group() dims {
	d[0] = 0
	return d
}

// top keeps the groups whose aggregate over the whole window is greatest.
func (a *Answer) top(ctx context.Context, snapshot *store.Snapshot, threads int, cellsMax int64) error {
	q := *a.query
	groups := a
	if q.BucketMS > 0 {
		q.BucketMS, q.TopBy = 0, 0
		q.Aggregates = a.query.Aggregates[a.query.TopBy : a.query.TopBy+1]
		found, err := run(ctx, snapshot, &q, threads, cellsMax)
		if err != nil {
			return err
		}
		groups = &Answer{query: &q, names: a.names, cells: found.cells}
	}
	by := []Order{{len(q.GroupBy) + q.TopBy, true}}
	best := first(len(groups.cells.dims), q.TopK, groups.compare(by))
	kept := make(map[dims]bool, len(best))
	for _, cell := range best {
		kept[groups.cells.dims[cell]] = true
	}
	a.cells.keep(func(cell int) bool { return kept[a.cells.dims[cell].group()] })
	return nil
}

// fill adds the buckets without events to every group.
func (a *Answer) fill(cellsMax int64) error {
	buckets := a.query.Buckets()
	there := make(map[dims]bool, len(a.cells.dims))
	var groups []dims
	for _, d := range a.cells.dims {
		there[d] = true
		if group := d.group(); !there[marked(group)] {
			there[marked(group)] = true
			groups = append(groups, group)
		}
	}
	if buckets*int64(len(groups)) > cellsMax {
		return LimitError{"groups"}
	}
	for _, group := range groups {
		for bucket := range buckets {
			group[0] = uint32(bucket)
			if !there[group] {
				a.addEmpty(group)
			}
		}
	}
	return nil
}

// marked is what no cell has: it stands for a group.
func marked(group dims) dims {
	group[0] = math.MaxUint32
	return group
}

func (a *Answer) addEmpty(key dims) {
	if a.cells.distinct == nil {
		a.cells.distinct = make([][]uint64, len(a.query.Aggregates))
	}
	a.cells.add(key)
	for i := range a.cells.percentiles {
		if len(a.cells.percentiles[i]) == len(a.cells.dims)-1 {
			a.cells.percentiles[i] = append(a.cells.percentiles[i], math.NaN())
		}
	}
}

// first returns the first limit of the numbers below count, in order.
func first(count, limit int, compare func(a, b uint32) int) []uint32 {
	rows := make([]uint32, count)
	for i := range rows {
		rows[i] = uint32(i)
	}
	low, high := 0, count
	for round := 0; limit < count && high-low > sortedBelow && round < roundsMax; round++ {
		// The median of three as the pivot; all rows differ, so that it divides them.
		pivot := []uint32{rows[low], rows[(low+high)/2], rows[high-1]}
		slices.SortFunc(pivot, compare)
		below := low
		for i := low; i < high; i++ {
			if compare(rows[i], pivot[1]) < 0 {
				rows[i], rows[below] = rows[below], rows[i]
				below++
			}
		}
		if below > limit {
			high = below
		} else {
			low = below
		}
		if below == limit {
			break
		}
	}
	if limit < count {
		slices.SortFunc(rows[low:high], compare)
		rows = slices.Clone(rows[:limit])
		slices.SortFunc(rows[:min(low, limit)], compare)
		return rows
	}
	slices.SortFunc(rows, compare)
	return rows
}

// compare orders cells by these columns, then by the bucket and fields that are not among them.
func (a *Answer) compare(order []Order) func(x, y uint32) int {
	keys := a.keys()
	columns := slices.Clone(order)
	for i := range keys {
		if !slices.ContainsFunc(order, func(o Order) bool { return o.Column == i }) {
			columns = append(columns, Order{i, false})
		}
	}
	compares := make([]func(x, y uint32) int, len(columns))
	for i, o := range columns {
		if o.Column < len(keys) {
			compares[i] = a.compareKey(keys[o.Column])
		} else {
			compares[i] = a.compareValue(o.Column - len(keys))
		}
	}
	return func(x, y uint32) int {
		for i := range compares {
			if c := compares[i](x, y); c != 0 {
				if columns[i].Falling {
					return -c
				}
				return c
			}
		}
		return 0
	}
}

// keys lists the places in dims of the columns before the aggregates.
func (a *Answer) keys() (places []int) {
	if a.query.BucketMS > 0 {
		places = append(places, 0)
	}
	for i := range a.query.GroupBy {
		places = append(places, i+1)
	}
	return places
}

func (a *Answer) compareKey(place int) func(x, y uint32) int {
	cells := a.cells.dims
	if place == 0 {
		return func(x, y uint32) int { return cmp.Compare(cells[x][0], cells[y][0]) }
	}
	text := a.text(place)
	starts := startsOf(len(cells), text)
	return func(x, y uint32) int {
		if starts[x] != starts[y] {
			return cmp.Compare(starts[x], starts[y])
		}
		if cells[x][place] == cells[y][place] {
			return 0
		}
		return bytes.Compare(text(x), text(y))
	}
}

// startsOf returns numbers that order texts as far as they go: the eight bytes that follow what all
// have in common.
func startsOf(count int, text func(uint32) []byte) []uint64 {
	starts := make([]uint64, count)
	if count == 0 {
		return starts
	}
	shared := text(0)
	for cell := range starts {
		other := text(uint32(cell))
		n := 0
		for n < len(shared) && n < len(other) && shared[n] == other[n] {
			n++
		}
		shared = shared[:n]
	}
	var room [8]byte
	for cell := range starts {
		rest := text(uint32(cell))[len(shared):]
		if len(rest) < len(room) {
			clear(room[copy(room[:], rest):])
			rest = room[:]
		}
		starts[cell] = binary.BigEndian.Uint64(rest)
	}
	return starts
}

// text returns the text of a cell's field; nil for an absent one, which sorts first.
func (a *Answer) text(place int) func(cell uint32) []byte {
	field := a.query.GroupBy[place-1]
	if field == Key {
		return func(cell uint32) []byte { return a.names.Keys.At(a.cells.dims[cell][place]) }
	}
	number, known := tagNumber(a.names, field.Tag)
	return func(cell uint32) []byte {
		text := a.cells.dims[cell][place]
		if !known || text == 0 {
			return nil
		}
		return a.names.Tags[number].Texts.At(text - 1)
	}
}

func (a *Answer) compareValue(column int) func(x, y uint32) int {
	value := a.value(column)
	ranks := make([]uint64, len(a.cells.dims))
	for cell := range ranks {
		ranks[cell] = rankOfValue(value(uint32(cell)))
	}
	return func(x, y uint32) int { return cmp.Compare(ranks[x], ranks[y]) }
}

// rankOfValue is a number that orders as values do, with NaN, which is null, first.
func rankOfValue(value float64) uint64 {
	const sign = 1 << 63
	bits := math.Float64bits(value + 0) // -0 is 0
	switch {
	case value != value:
		return 0
	case bits&sign != 0:
		return ^bits
	}
	return bits | sign
}

// value returns an aggregate of a cell, NaN for null.
func (a *Answer) value(column int) func(cell uint32) float64 {
	aggregate := a.query.Aggregates[column]
	c := &a.cells
	unlessNone := func(of func(uint32) float64) func(uint32) float64 {
		return func(cell uint32) float64 {
			if c.count[cell] == 0 {
				return math.NaN()
			}
			return of(cell)
		}
	}
	switch aggregate.Kind {
	case Count:
		return func(cell uint32) float64 { return float64(c.count[cell]) }
	case Sum:
		return func(cell uint32) float64 { return c.sum[cell] }
	case Min:
		return unlessNone(func(cell uint32) float64 { return c.low[cell] })
	case Max:
		return unlessNone(func(cell uint32) float64 { return c.high[cell] })
	case Mean:
		return unlessNone(func(cell uint32) float64 { return c.sum[cell] / float64(c.count[cell]) })
	case Distinct:
		distinct := c.distinct[a.distinctPlace(column)]
		return func(cell uint32) float64 { return float64(distinct[cell]) }
	}
	percentiles := c.percentiles[aggregate.Kind-P50]
	return unlessNone(func(cell uint32) float64 { return percentiles[cell] })
}

// distinctPlace is how many aggregates of that kind stand before one.
func (a *Answer) distinctPlace(column int) (place int) {
	for _, aggregate := range a.query.Aggregates[:column] {
		if aggregate.Kind == Distinct {
			place++
		}
	}
	return place
}
