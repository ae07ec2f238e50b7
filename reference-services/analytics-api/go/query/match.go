package query

import "analyticsapi/ndjson"

// Matcher says which events of batches conditions let through.
type Matcher struct{ filter *filter }

// NewMatcher returns a matcher.
func NewMatcher(where []Condition) *Matcher {
	m := &Matcher{&filter{low: lowest, up: greatest}}
	for _, c := range where {
		m.filter.addCondition(c)
	}
	return m
}

// Batch returns which rows of a batch match.
func (m *Matcher) Batch(batch *ndjson.Batch) func(row int) bool {
	f := m.filter
	keys := make([]bool, batch.KeyTexts.Len())
	for i := range keys {
		keys[i] = hold(f.keys, batch.KeyTexts.At(uint32(i)))
	}
	type column struct {
		tag   *ndjson.Tag
		codes []bool // the first is for absent
	}
	var columns []column
	for _, filter := range f.tags {
		c := column{codes: []bool{hold(filter.conditions, nil)}}
		for i := range batch.Tags {
			if batch.Tags[i].Name == filter.conditions[0].Field.Tag {
				c.tag = &batch.Tags[i]
				for j := range c.tag.Texts.Len() {
					c.codes = append(c.codes, hold(filter.conditions, c.tag.Texts.At(uint32(j))))
				}
			}
		}
		columns = append(columns, c)
	}
	return func(row int) bool {
		if !keys[batch.Keys[row]] || batch.Values[row] < f.low || batch.Values[row] > f.up {
			return false
		}
		for i := range columns {
			code := uint32(0)
			if columns[i].tag != nil {
				code = columns[i].tag.Code(row)
			}
			if !columns[i].codes[code] {
				return false
			}
		}
		return true
	}
}
