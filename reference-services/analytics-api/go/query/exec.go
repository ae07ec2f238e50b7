package query

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"analyticsapi/store"
	"analyticsapi/table"
)

// plan is a query made ready for a snapshot.
type plan struct {
	*filter
	query    *Query
	first    int64 // the first bucket: time ÷ width
	parts    []*table.Part
	allowed  [][]allowed // by part
	keyAt    int         // place of the key in dims; 0 if it is not grouped by
	tags     []grouped
	wanted   []uint32 // keys, rising, if seeking
	seeking  bool     // keys are few enough to go straight to each
	need     needs
	cellsMax int64
	made     atomic.Int64 // cells
	counted  atomic.Int64 // pairs of distinct aggregates
	units    []unit
	owned    bool // no cell has rows in two units
	listing  bool // of series
	flat     bool // rows are taken without regard to their keys
	cuts     bool // cells that come after the first that are wanted may be dropped
	nextUnit atomic.Int64
	failure  atomic.Pointer[LimitError]
	ctx      context.Context
}

// grouped is a tag that is grouped by.
type grouped struct {
	at     int // in dims
	number uint32
	known  bool
}

// needs is what the aggregates need of each cell.
type needs struct {
	sum, extremes bool
	percentiles   [3]bool
	values        bool // any percentile
	distinct      []distinctOf
}

type distinctOf struct {
	key    bool
	number uint32
	known  bool
}

// unit is the rows of keys from low up to but not high, and of times from from up to but not to.
type unit struct {
	low, high uint32
	from, to  int64
	// Of a flat plan instead: rows of a part.
	part, start, end int
}

// answer is the cells of a query.
type answer struct {
	cells
	events uint64
	cut    int // cells that are not wanted, and not there
}

// newPlan chooses the parts that may have rows of a query.
func newPlan(ctx context.Context, snapshot *store.Snapshot, q *Query, cellsMax int64) *plan {
	p := &plan{
		filter: newFilter(snapshot, q.From, q.To, q.Where), query: q, cellsMax: cellsMax, ctx: ctx,
	}
	if q.BucketMS > 0 {
		p.first = q.From / q.BucketMS
	}
	p.bind()
	for _, part := range snapshot.Parts {
		if allowed, ok := p.part(part); ok {
			p.parts = append(p.parts, part)
			p.allowed = append(p.allowed, allowed)
		}
	}
	p.findKeys()
	return p
}

// Looking a key up in a part takes as long as stepping over about so many others.
const keysPerSeek = 8

// findKeys looks which keys the conditions let through, if that may be few of those that the parts have.
func (p *plan) findKeys() {
	runs := 0
	for _, part := range p.parts {
		runs += part.Keys.Len()
	}
	if len(p.keys) == 0 || p.names.Keys.Len() > runs {
		return
	}
	for key := range uint32(p.names.Keys.Len()) {
		if !hold(p.keys, p.names.Keys.At(key)) {
			continue
		}
		if (len(p.wanted)+1)*len(p.parts)*keysPerSeek > runs {
			return
		}
		p.wanted = append(p.wanted, key)
	}
	p.seeking = true
}

// run computes the cells. It stops early when ctx is done.
func run(ctx context.Context, snapshot *store.Snapshot, q *Query, threads int, cellsMax int64) (*answer, error) {
	p := newPlan(ctx, snapshot, q, cellsMax)
	p.divide(threads)
	p.cuts = p.owned && q.TopK == 0 && !q.Fill
	workers, err := p.start(threads, (*worker).unit)
	if err != nil {
		return nil, err
	}
	return p.collect(workers, threads)
}

// start lets workers do all units.
func (p *plan) start(threads int, do func(*worker, unit)) ([]*worker, error) {
	workers := make([]*worker, min(threads, len(p.units)))
	var all sync.WaitGroup
	for i := range workers {
		w := newWorker(p)
		workers[i] = w
		all.Go(func() {
			for !w.stopped() {
				next := int(w.nextUnit.Add(1)) - 1
				if next >= len(w.units) {
					return
				}
				do(w, w.units[next])
			}
		})
	}
	all.Wait()
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	if limit := p.failure.Load(); limit != nil {
		return nil, *limit
	}
	return workers, nil
}

// bind finds what the query's fields are in this snapshot, and what its aggregates need.
func (p *plan) bind() {
	for i, field := range p.query.GroupBy {
		if field == Key {
			p.keyAt = i + 1
			continue
		}
		number, known := tagNumber(p.names, field.Tag)
		p.tags = append(p.tags, grouped{i + 1, number, known})
	}
	for _, a := range p.query.Aggregates {
		switch a.Kind {
		case Sum, Mean:
			p.need.sum = true
		case Min, Max:
			p.need.extremes = true
		case P50, P90, P99:
			p.need.percentiles[a.Kind-P50] = true
			p.need.values = true
		case Distinct:
			d := distinctOf{key: a.Field == Key}
			if !d.key {
				d.number, d.known = tagNumber(p.names, a.Field.Tag)
			}
			p.need.distinct = append(p.need.distinct, d)
		}
	}
}

const (
	unitsPerThread = 16
	unitRowsMin    = 16_384
	// Up to this many rows a key in a part, going from key to key costs more than it saves.
	flatRunMax = 64
)

// divide makes units of about equal rows: ranges of keys, so that cells that have a key are whole
// within one unit.
func (p *plan) divide(threads int) {
	p.owned = p.keyAt > 0
	rows, runs := 0, 0
	for _, part := range p.parts {
		rows += part.Rows
		runs += part.Keys.Len()
	}
	target := max(unitRowsMin, rows/(unitsPerThread*threads))
	if p.flat = !p.owned && !p.listing && len(p.keys) == 0 && !p.countsKeys() && rows < flatRunMax*runs; p.flat {
		for i, part := range p.parts {
			for start := 0; start < part.Rows; start += target {
				p.units = append(p.units, unit{part: i, start: start, end: min(part.Rows, start+target)})
			}
		}
		return
	}
	// Every key at which some part has passed another share of its rows may end a unit.
	type mark struct {
		key  uint32
		rows int
	}
	var marks []mark
	for _, part := range p.parts {
		step := max(1, target/(2*len(p.parts)))
		for last, next := 0, 0; last < part.Rows; last = next {
			after := min(part.Starts.Below(uint32(last+step)), part.Keys.Len())
			next = int(part.Starts.At(after))
			marks = append(marks, mark{part.Keys.At(after-1) + 1, next - last})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return int(a.key) - int(b.key) })
	low, sum := uint32(0), 0
	for i, m := range marks {
		sum += m.rows
		last := i == len(marks)-1
		if last || sum >= target && marks[i+1].key != m.key {
			p.addUnit(low, m.key, sum, target)
			low, sum = m.key, 0
		}
	}
}

func (p *plan) countsKeys() bool {
	return slices.ContainsFunc(p.need.distinct, func(d distinctOf) bool { return d.key })
}

// addUnit adds a unit. When it has far more than its share of the rows, as that of a frequent key
// has, it is divided by time, if no cell is torn by that and no key counted twice.
func (p *plan) addUnit(low, high uint32, rows, target int) {
	from, to := p.from, p.to
	width := p.query.BucketMS
	if rows < 2*target || p.listing || p.countsKeys() || p.owned && width == 0 {
		p.units = append(p.units, unit{low: low, high: high, from: from, to: to})
		return
	}
	first, last := to, from
	for _, part := range p.parts {
		first, last = min(first, part.MinTime), max(last, part.MaxTime)
	}
	first, last = max(first, from), min(last+1, to)
	width = max(width, 1)
	step := max((last-first)*int64(target)/int64(rows)/width, 1) * width
	for at := first / width * width; at < last; at += step {
		p.units = append(p.units, unit{low: low, high: high, from: max(at, from), to: min(at+step, to)})
	}
}

// fail stops all workers.
func (p *plan) fail(limit string) { p.failure.CompareAndSwap(nil, &LimitError{limit}) }

func (p *plan) stopped() bool { return p.failure.Load() != nil || p.ctx.Err() != nil }

// collect makes one answer of what the workers found.
func (p *plan) collect(workers []*worker, threads int) (*answer, error) {
	out := &answer{}
	out.distinct = make([][]uint64, len(p.need.distinct))
	for _, w := range workers {
		out.events += w.events
		out.cut += w.cut
	}
	if p.owned {
		for _, w := range workers {
			out.append(&w.done)
		}
		return out, nil
	}
	var index index
	var values gathered
	sets := make([]pairs, len(p.need.distinct))
	for _, w := range workers {
		numbers := make([]uint32, len(w.cells.dims))
		for i := range numbers {
			numbers[i] = index.find(&out.cells, w.cells.dims[i])
			out.merge(numbers[i], &w.cells, uint32(i))
		}
		if int64(len(out.dims)) > p.cellsMax {
			return nil, LimitError{"groups"}
		}
		w.gathered.renumber(numbers)
		values.pieces = append(values.pieces, w.gathered.pieces[:w.gathered.used]...)
		values.used = len(values.pieces)
		for i := range sets {
			for cell, n := range w.cells.distinct[i] {
				if p.need.distinct[i].key {
					out.distinct[i][numbers[cell]] += n
				}
			}
			for _, pair := range w.sets[i].slots {
				if pair > 0 && sets[i].add(numbers[(pair-1)>>32], uint32(pair-1)) {
					out.distinct[i][numbers[(pair-1)>>32]]++
				}
			}
		}
	}
	total := 0
	for i := range sets {
		total += sets[i].count
		if p.need.distinct[i].key {
			for _, n := range out.distinct[i] {
				total += int(n)
			}
		}
	}
	if total > distinctMax {
		return nil, LimitError{"distinct"}
	}
	if p.need.values {
		p.percentilesOf(&out.cells, &values, threads)
	}
	return out, nil
}

// Of more values than that the percentiles are computed in two rounds, each of half of them.
const roundValuesMax = 1 << 20

// percentilesOf computes the percentiles of all cells from their values.
func (p *plan) percentilesOf(c *cells, values *gathered, threads int) {
	for i := range c.percentiles {
		if p.need.percentiles[i] {
			c.percentiles[i] = make([]float64, len(c.dims))
		}
	}
	total := uint64(0)
	for _, n := range c.count {
		total += n
	}
	for low := 0; low < len(c.dims); {
		high, rows := low, uint64(0)
		for high < len(c.dims) && (rows == 0 || rows+c.count[high] <= max(roundValuesMax, total/2+1)) {
			rows += c.count[high]
			high++
		}
		p.percentilesFrom(c, values, low, high, threads)
		low = high
	}
}

// percentilesFrom computes those of the cells from low up to but not high.
func (p *plan) percentilesFrom(c *cells, values *gathered, low, high, threads int) {
	sorted, ends := values.byCell(c.count, low, high)
	var next atomic.Int64
	var all sync.WaitGroup
	share := max(1, min(256, len(ends)/(8*threads)))
	for range min(threads, 1+len(ends)/share) {
		all.Go(func() {
			for {
				start := int(next.Add(int64(share))) - share
				for i := start; i < min(start+share, len(ends)); i++ {
					values := sorted[ends[i]-int(c.count[low+i]) : ends[i]]
					gather := func() []float64 { return values }
					p.rank(c, low+i, len(values), [][]float64{values}, gather)
				}
				if start >= len(ends) {
					return
				}
			}
		})
	}
	all.Wait()
}

var permilles = [3]int{500, 900, 990}

// rank puts the percentiles of a cell of so many values. They are given as they lie, and by gather
// as one list that may be disordered.
func (p *plan) rank(c *cells, cell, count int, spans [][]float64, gather func() []float64) {
	var ranks [3]int
	var found [3]float64
	n := 0
	for i, permille := range permilles {
		if p.need.percentiles[i] {
			ranks[n] = rankOf(permille, count)
			n++
		}
	}
	if count == 0 {
		found = [3]float64{math.NaN(), math.NaN(), math.NaN()}
	} else if !topRanks(spans, count, ranks[:n], found[:n]) {
		selectRanks(gather(), ranks[:n], found[:n])
	}
	n = 0
	for i := range permilles {
		if p.need.percentiles[i] {
			c.percentiles[i][cell] = found[n]
			n++
		}
	}
}
