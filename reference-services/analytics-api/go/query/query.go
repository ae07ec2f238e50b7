// Package query answers questions about the events of a snapshot.
package query

import (
	"math"
	"slices"
	"strings"

	"analyticsapi/store"
	"analyticsapi/table"
)

// Limits of a query.
const (
	FieldsMax   = 4 // grouped by
	BucketsMax  = 1_000_000
	distinctMax = 16_777_216 // pairs of a cell and a value counted
)

// Field is the key, or the tag of a name.
type Field struct {
	Tag string // empty for the key
}

// Key is the field of an event's key.
var Key = Field{}

// Op is what a condition asks.
type Op int

// The conditions: In, NotIn and Prefix are about texts, the others about the value.
const (
	In Op = iota
	NotIn
	Prefix
	GT
	GTE
	LT
	LTE
)

// Condition is one of those that all must hold.
type Condition struct {
	Field  Field
	Op     Op
	Texts  []string
	Absent bool // stands among the texts
	Number float64
	set    map[string]struct{} // Texts, unless Op is Prefix
}

// Kind is a kind of aggregate.
type Kind int

// The aggregates.
const (
	Count Kind = iota
	Sum
	Min
	Max
	Mean
	P50
	P90
	P99
	Distinct
)

// Aggregate is what is computed of the events of a row.
type Aggregate struct {
	Kind  Kind
	Field Field // of Distinct
}

// Order is a column that rows are sorted by.
type Order struct {
	Column  int
	Falling bool
}

// Query is a question.
type Query struct {
	From, To   int64 // ms, From included
	BucketMS   int64 // 0 for none
	GroupBy    []Field
	Where      []Condition
	Aggregates []Aggregate
	TopK       int // 0 for all
	TopBy      int // place in Aggregates
	Fill       bool
	Order      []Order
	Limit      int
}

// LimitError says that a query goes beyond a limit: buckets, groups or distinct.
type LimitError struct{ Limit string }

func (e LimitError) Error() string { return "the query goes beyond the limit of " + e.Limit }

// Buckets is how many buckets overlap the window.
func (q *Query) Buckets() int64 {
	if q.BucketMS == 0 {
		return 1
	}
	return (q.To-1)/q.BucketMS - q.From/q.BucketMS + 1
}

// filter is conditions made ready for a snapshot.
type filter struct {
	names    store.Names
	from, to int64
	low, up  float64 // what the value may be
	byValue  bool
	keys     []Condition
	tags     []tagFilter
}

type tagFilter struct {
	number     uint32 // of the name; none if no event has the tag
	known      bool
	conditions []Condition
}

var lowest, greatest = math.Inf(-1), math.Inf(1)

func newFilter(snapshot *store.Snapshot, from, to int64, where []Condition) *filter {
	f := &filter{
		names: snapshot.Names, from: max(from, snapshot.Oldest), to: to, low: lowest, up: greatest,
	}
	for _, c := range where {
		f.addCondition(c)
	}
	return f
}

func (f *filter) addCondition(c Condition) {
	switch c.Op {
	case GT:
		f.low = max(f.low, math.Nextafter(c.Number, greatest))
	case GTE:
		f.low = max(f.low, c.Number)
	case LT:
		f.up = min(f.up, math.Nextafter(c.Number, lowest))
	case LTE:
		f.up = min(f.up, c.Number)
	default:
		f.addText(c)
		return
	}
	f.byValue = true
}

func (f *filter) addText(c Condition) {
	if c.Op != Prefix {
		c.set = make(map[string]struct{}, len(c.Texts))
		for _, text := range c.Texts {
			c.set[text] = struct{}{}
		}
	}
	if c.Field == Key {
		f.keys = append(f.keys, c)
		return
	}
	for i := range f.tags {
		if f.tags[i].conditions[0].Field == c.Field {
			f.tags[i].conditions = append(f.tags[i].conditions, c)
			return
		}
	}
	number, known := tagNumber(f.names, c.Field.Tag)
	f.tags = append(f.tags, tagFilter{number, known, []Condition{c}})
}

func tagNumber(names store.Names, name string) (uint32, bool) {
	for i := range names.Tags {
		if names.Tags[i].Name == name {
			return uint32(i), true
		}
	}
	return 0, false
}

// holds says whether a text, or nil for absent, is what a condition asks for.
func (c *Condition) holds(text []byte) bool {
	found := false
	switch {
	case text == nil:
		found = c.Absent
	case c.Op == Prefix:
		found = slices.ContainsFunc(c.Texts, func(p string) bool {
			return strings.HasPrefix(string(text), p)
		})
	default:
		_, found = c.set[string(text)]
	}
	return found != (c.Op == NotIn)
}

func hold(conditions []Condition, text []byte) bool {
	for i := range conditions {
		if !conditions[i].holds(text) {
			return false
		}
	}
	return true
}

// allowed is which codes of a part's tags the conditions let through.
type allowed struct {
	tag   *table.Tag
	codes []bool
}

// part returns what of a part's rows the conditions on tags let through; not ok if none.
func (f *filter) part(part *table.Part) (all []allowed, ok bool) {
	if part.MaxTime < f.from || part.MinTime >= f.to {
		return nil, false
	}
	for _, filter := range f.tags {
		var tag *table.Tag
		if filter.known {
			tag = part.Tag(filter.number)
		}
		if tag == nil {
			if !hold(filter.conditions, nil) {
				return nil, false
			}
			continue
		}
		codes := make([]bool, len(tag.Texts))
		some, every := false, true
		for code, number := range tag.Texts {
			var text []byte
			if code > 0 {
				text = f.names.Tags[filter.number].Texts.At(number - 1)
			}
			codes[code] = hold(filter.conditions, text)
			some = some || codes[code]
			every = every && codes[code]
		}
		if !some {
			return nil, false
		}
		if !every {
			all = append(all, allowed{tag, codes})
		}
	}
	return all, true
}
