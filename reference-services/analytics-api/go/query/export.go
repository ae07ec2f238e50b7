package query

import (
	"context"
	"io"

	"analyticsapi/parquet"
	"analyticsapi/store"
	"analyticsapi/table"
)

const groupRowsMax = 1 << 20

// Export writes the events that match as a Parquet file.
func Export(ctx context.Context, snapshot *store.Snapshot, q *Query, to io.Writer) error {
	p := newPlan(ctx, snapshot, q, 0)
	columns := []parquet.Column{
		{Name: "ts", Kind: parquet.Timestamp}, {Name: "key", Kind: parquet.Text},
		{Name: "value", Kind: parquet.Double},
	}
	var names []uint32
	for i := range p.names.Tags {
		for _, part := range p.parts {
			if part.Tag(uint32(i)) != nil {
				names = append(names, uint32(i))
				columns = append(columns, parquet.Column{
					Name: "tags." + p.names.Tags[i].Name, Kind: parquet.OptionalText,
				})
				break
			}
		}
	}
	writer, err := parquet.NewWriter(to, columns)
	if err != nil {
		return err
	}
	for i, part := range p.parts {
		rows, keys := p.matching(part, p.allowed[i])
		for len(rows) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(len(rows), groupRowsMax)
			if err := writer.WriteGroup(n, p.groupOf(part, names, rows[:n], keys[:n])); err != nil {
				return err
			}
			rows, keys = rows[n:], keys[n:]
		}
	}
	return writer.Close()
}

// matching returns the rows of a part that match, each with the place of its key.
func (p *plan) matching(part *table.Part, allowed []allowed) (rows, keys []uint32) {
	for place, key := range part.Keys.All() {
		if len(p.keys) > 0 && !hold(p.keys, p.names.Keys.At(key)) {
			continue
		}
		start, end := int(part.Starts.At(place)), int(part.Starts.At(place+1))
		start = part.Times.Search(start, end, p.from)
		end = part.Times.Search(start, end, p.to)
		for row := start; row < end; row++ {
			value := part.Values[row]
			if p.byValue && (value < p.low || value > p.up) || !lets(allowed, row) {
				continue
			}
			rows = append(rows, uint32(row))
			keys = append(keys, uint32(place))
		}
	}
	return rows, keys
}

// groupOf is the columns of some rows.
func (p *plan) groupOf(part *table.Part, names []uint32, rows, keys []uint32) []parquet.Data {
	data := make([]parquet.Data, 3+len(names))
	data[0].Timestamps = make([]int64, len(rows))
	data[2].Doubles = make([]float64, len(rows))
	for i, row := range rows {
		data[0].Timestamps[i] = part.Times.At(int(row))
		data[2].Doubles[i] = part.Values[row]
	}
	// Rows are in the order of their keys, so that those in use are a range of places.
	first := keys[0]
	for place := first; place <= keys[len(keys)-1]; place++ {
		data[1].Texts = append(data[1].Texts, p.names.Keys.At(part.Keys.At(int(place))))
	}
	data[1].Codes = make([]uint32, len(rows))
	for i, key := range keys {
		data[1].Codes[i] = key - first
	}
	for i, name := range names {
		column := &data[3+i]
		column.Codes = make([]uint32, len(rows))
		tag := part.Tag(name)
		if tag == nil {
			continue
		}
		for _, text := range tag.Texts[1:] {
			column.Texts = append(column.Texts, p.names.Tags[name].Texts.At(text-1))
		}
		for j, row := range rows {
			column.Codes[j] = uint32(tag.Codes.At(int(row)))
		}
	}
	return data
}
