package query

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"analyticsapi/store"
	"analyticsapi/table"
)

// Tag is a tag of a series.
type Tag struct{ Name, Text string }

// Series is a combination of a key and all its tags, and what is known of its events.
type Series struct {
	Key         string
	Tags        []Tag // by name
	Events      uint64
	First, Last int64 // ms
}

// Compare orders series by key, then by tags.
func (s *Series) Compare(other *Series) int {
	return cmp.Or(
		cmp.Compare(s.Key, other.Key),
		slices.CompareFunc(s.Tags, other.Tags, func(a, b Tag) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
		}),
	)
}

// ListSeries returns the first limit series after one (nil for from the start) among the events
// that match, and whether more follow.
func ListSeries(ctx context.Context, snapshot *store.Snapshot, q *Query, after *Series, threads int, seriesMax int64) ([]Series, bool, error) {
	p := newPlan(ctx, snapshot, q, seriesMax)
	p.listing = true
	p.divide(threads)
	names := make([]uint32, len(p.names.Tags))
	for i := range names {
		names[i] = uint32(i)
	}
	slices.SortFunc(names, func(a, b uint32) int {
		return cmp.Compare(p.names.Tags[a].Name, p.names.Tags[b].Name)
	})
	workers, err := p.start(threads, func(w *worker, u unit) {
		w.each(u, func(key uint32, _ bool) { w.listKey(key, names, after) })
		if len(w.series) > 4*q.Limit {
			w.series = lowestSeries(w.series, q.Limit+1)
		}
	})
	if err != nil {
		return nil, false, err
	}
	var all []Series
	for _, w := range workers {
		all = append(all, w.series...)
	}
	all = lowestSeries(all, q.Limit+1)
	return all[:min(len(all), q.Limit)], len(all) > q.Limit, nil
}

func lowestSeries(all []Series, count int) []Series {
	slices.SortFunc(all, func(a, b Series) int { return a.Compare(&b) })
	return slices.Clip(all[:min(len(all), count)])
}

// seen is what is known of a series while its key is at hand.
type seen struct {
	events      uint64
	first, last int64
}

// listKey adds the series of a key. names are the numbers of all tags' names, in their order.
func (w *worker) listKey(key uint32, names []uint32, after *Series) {
	found := make(map[string]*seen)
	tuple := make([]byte, 4*len(names))
	for _, c := range w.active {
		columns := make([]*table.Tag, len(names))
		for j, name := range names {
			columns[j] = c.part.Tag(name)
		}
		clear(tuple)
		var last *seen
		for row := c.start; row < c.end; row++ {
			value := c.part.Values[row]
			if w.byValue && (value < w.low || value > w.up) || !lets(c.allowed, row) {
				continue
			}
			changed := last == nil
			for j, column := range columns {
				if column == nil {
					continue
				}
				text := column.Texts[column.Codes.At(row)]
				if binary.LittleEndian.Uint32(tuple[4*j:]) != text {
					binary.LittleEndian.PutUint32(tuple[4*j:], text)
					changed = true
				}
			}
			time := c.part.Times.At(row)
			if changed {
				if last = found[string(tuple)]; last == nil {
					last = &seen{first: time, last: time}
					found[string(tuple)] = last
				}
			}
			last.events++
			last.first = min(last.first, time)
			last.last = max(last.last, time)
		}
	}
	if w.made.Add(int64(len(found))) > w.cellsMax {
		w.fail("groups")
		return
	}
	text := w.names.Keys.At(key)
	if after != nil && bytes.Compare(text, []byte(after.Key)) < 0 {
		return
	}
	for tuple, seen := range found {
		s := Series{Key: string(text), Events: seen.events, First: seen.first, Last: seen.last}
		for j, name := range names {
			if number := binary.LittleEndian.Uint32([]byte(tuple[4*j : 4*j+4])); number > 0 {
				tag := &w.names.Tags[name]
				s.Tags = append(s.Tags, Tag{tag.Name, string(tag.Texts.At(number - 1))})
			}
		}
		if after == nil || s.Compare(after) > 0 {
			w.series = append(w.series, s)
		}
	}
}
