// Package ndjson reads events, one JSON object a line, into columns.
package ndjson

import "analyticsapi/texts"

// TagNamesMax is how many tags of different names the events of a batch can have.
const TagNamesMax = 64

// Batch is the events of one request in the order of their lines.
type Batch struct {
	Times    []int64 // ms since the Unix epoch
	Values   []float64
	Keys     []uint32 // numbers in KeyTexts
	KeyTexts texts.Dict
	Tags     []Tag
	// An event has a tag for which there was no column left: the batch cannot be kept.
	TagNamesFull bool
}

// Tag is the column of one tag.
type Tag struct {
	Name string
	// For each event up to the last that has the tag: 0 for none, else 1 + the number in Texts.
	Codes []uint32
	Texts texts.Dict
}

// Rows is the number of events.
func (b *Batch) Rows() int { return len(b.Times) }

// Code returns what Codes has for a row, 0 after its end.
func (t *Tag) Code(row int) uint32 {
	if row < len(t.Codes) {
		return t.Codes[row]
	}
	return 0
}

// tag returns the column of the tag of this name, which is added when it is new, nil if there is
// no room. It looks at place first: events mostly have the same tags in the same order.
func (b *Batch) tag(name []byte, place int) *Tag {
	if place < len(b.Tags) && b.Tags[place].Name == string(name) {
		return &b.Tags[place]
	}
	for i := range b.Tags {
		if b.Tags[i].Name == string(name) {
			return &b.Tags[i]
		}
	}
	if len(b.Tags) == TagNamesMax {
		b.TagNamesFull = true
		return nil
	}
	b.Tags = append(b.Tags, Tag{Name: string(name)})
	return &b.Tags[len(b.Tags)-1]
}
