package table

import (
	"cmp"
	"math"
	"slices"
)

// Part is events in columns, sorted by key and within a key by time and then by arrival. It never
// changes.
type Part struct {
	Rows             int
	MinTime, MaxTime int64     // ms since the Unix epoch
	Keys             Ascending // numbers in the key dictionary
	Starts           Ascending // the first row of each key, and after the last key Rows
	Times            Ints
	Values           []float64
	Tags             []Tag // by Name, ascending
}

// Tag is the column of one tag.
type Tag struct {
	Name  uint32 // number in the dictionary of tag names
	Codes Ints   // places in Texts
	// Numbers in the dictionary of the tag's texts, plus 1. The first stands for none and is 0.
	Texts []uint32
}

// Bytes is the memory that the columns take.
func (p *Part) Bytes() int {
	bytes := p.Times.Bytes() + 8*len(p.Values) + p.Keys.Bytes() + p.Starts.Bytes()
	for i := range p.Tags {
		bytes += p.Tags[i].Codes.Bytes() + 4*len(p.Tags[i].Texts)
	}
	return bytes
}

// Tag returns the column of a tag, nil if no event of the part has it.
func (p *Part) Tag(name uint32) *Tag {
	for i := range p.Tags {
		if p.Tags[i].Name == name {
			return &p.Tags[i]
		}
	}
	return nil
}

// place is a row of one of several sources: the source's number above, the row below.
type place uint64

func placeOf(source, row int) place { return place(source)<<32 | place(row) }

func (p place) source() int { return int(p >> 32) }
func (p place) row() int    { return int(uint32(p)) }

// Sort makes a part of events that are in the order of their arrival: codes has for each the place
// of its key in numbers, which are numbers of the key dictionary, and raw has all else but Keys and
// Starts.
func Sort(raw *Part, codes Ints, numbers []uint32) *Part {
	order := make([]place, codes.Len())
	runs, starts := countingSort(codes, numbers, order)
	return gather([]*Part{raw}, order, runs, starts)
}

// countingSort fills order with the rows by key and returns the keys and where each starts.
func countingSort(codes Ints, numbers []uint32, order []place) (runs, starts []uint32) {
	byNumber := make([]uint64, len(numbers)) // number above, code below
	for code, number := range numbers {
		byNumber[code] = uint64(number)<<32 | uint64(code)
	}
	slices.Sort(byNumber)
	rank := make([]uint32, len(numbers))
	for _, both := range byNumber {
		if number := uint32(both >> 32); len(runs) == 0 || runs[len(runs)-1] != number {
			runs = append(runs, number)
		}
		rank[uint32(both)] = uint32(len(runs) - 1)
	}
	starts = make([]uint32, len(runs)+1)
	for row := range order {
		starts[rank[codes.At(row)]+1]++
	}
	next := make([]uint32, len(runs))
	for i := range runs {
		starts[i+1] += starts[i]
		next[i] = starts[i]
	}
	for row := range order {
		r := rank[codes.At(row)]
		order[next[r]] = placeOf(0, row)
		next[r]++
	}
	return runs, starts
}

type run struct {
	key        uint32
	source     int
	start, end uint32
}

// Merge makes one part of several, given in the order of their arrival.
func Merge(sources []*Part) *Part {
	rows := 0
	lists := make([][]run, len(sources))
	for i, source := range sources {
		rows += source.Rows
		lists[i] = make([]run, source.Keys.Len())
		start := uint32(0)
		for j, key := range source.Keys.All() {
			end := source.Starts.At(j + 1)
			lists[i][j] = run{key, i, start, end}
			start = end
		}
	}
	for len(lists) > 1 {
		half := lists[:0]
		for i := 0; i < len(lists); i += 2 {
			if i+1 < len(lists) {
				half = append(half, mergeRuns(lists[i], lists[i+1]))
			} else {
				half = append(half, lists[i])
			}
		}
		lists = half
	}
	runs := lists[0]
	order := make([]place, 0, rows)
	var keys, starts []uint32
	for _, r := range runs {
		if len(keys) == 0 || keys[len(keys)-1] != r.key {
			keys = append(keys, r.key)
			starts = append(starts, uint32(len(order)))
		}
		for row := r.start; row < r.end; row++ {
			order = append(order, placeOf(r.source, int(row)))
		}
	}
	return gather(sources, order, keys, append(starts, uint32(rows)))
}

// mergeRuns merges two lists by key, of one key those of the first before those of the second.
func mergeRuns(a, b []run) []run {
	merged := make([]run, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].key <= b[0].key {
			merged = append(merged, a[0])
			a = a[1:]
		} else {
			merged = append(merged, b[0])
			b = b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// gather copies the rows of the sources into one part in this order, once each key's rows are
// sorted by time and arrival.
func gather(sources []*Part, order []place, keys, starts []uint32) *Part {
	part := &Part{
		Rows: len(order), MinTime: math.MaxInt64, MaxTime: math.MinInt64,
		Keys: NewAscending(keys), Starts: NewAscending(starts),
	}
	for _, source := range sources {
		part.MinTime = min(part.MinTime, source.MinTime)
		part.MaxTime = max(part.MaxTime, source.MaxTime)
	}
	for i := range keys {
		sortRun(sources, order[starts[i]:starts[i+1]])
	}
	part.Times = NewInts(part.MinTime, part.MaxTime, part.Rows)
	part.Values = make([]float64, part.Rows)
	for i, at := range order {
		source := sources[at.source()]
		part.Times.Set(i, source.Times.At(at.row()))
		part.Values[i] = source.Values[at.row()]
	}
	part.gatherTags(sources, order)
	return part
}

// sortRun sorts rows of one key by time, and rows of one time by arrival.
func sortRun(sources []*Part, rows []place) {
	time := func(at place) int64 { return sources[at.source()].Times.At(at.row()) }
	sorted, last := true, int64(math.MinInt64)
	for _, at := range rows {
		now := time(at)
		sorted = sorted && now >= last
		last = now
	}
	if !sorted {
		slices.SortFunc(rows, func(a, b place) int {
			return cmp.Or(cmp.Compare(time(a), time(b)), cmp.Compare(a, b))
		})
	}
}

func (p *Part) gatherTags(sources []*Part, order []place) {
	var names []uint32
	for _, source := range sources {
		for i := range source.Tags {
			names = append(names, source.Tags[i].Name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		columns := make([]*Tag, len(sources))
		for i, source := range sources {
			columns[i] = source.Tag(name)
		}
		p.Tags = append(p.Tags, mergeTag(name, columns, order))
	}
}

// mergeTag makes one column of those of all sources, of which some may be nil.
func mergeTag(name uint32, columns []*Tag, order []place) Tag {
	merged := Tag{Name: name, Texts: []uint32{0}}
	codes := map[uint32]uint32{0: 0}
	recoded := make([][]uint32, len(columns))
	for i, column := range columns {
		if column == nil {
			continue
		}
		recoded[i] = make([]uint32, len(column.Texts))
		for code, text := range column.Texts {
			now, ok := codes[text]
			if !ok {
				now = uint32(len(merged.Texts))
				codes[text] = now
				merged.Texts = append(merged.Texts, text)
			}
			recoded[i][code] = now
		}
	}
	merged.Codes = NewInts(0, int64(len(merged.Texts)-1), len(order))
	for i, at := range order {
		if column := columns[at.source()]; column != nil {
			merged.Codes.Set(i, int64(recoded[at.source()][column.Codes.At(at.row())]))
		}
	}
	return merged
}
