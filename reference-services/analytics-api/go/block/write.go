package block

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"analyticsapi/ndjson"
	"analyticsapi/table"
	"analyticsapi/texts"
)

var order = binary.LittleEndian

// OfBatch returns the block of a batch, which must have events. id may be nil.
func OfBatch(batch *ndjson.Batch, id *ID) []byte {
	rows := batch.Rows()
	size := 128 + 20*rows + len(batch.KeyTexts.Text) + 4*batch.KeyTexts.Len()
	for i := range batch.Tags {
		size += 80 + 4*rows + len(batch.Tags[i].Texts.Text) + 4*batch.Tags[i].Texts.Len()
	}
	out := order.AppendUint32(make([]byte, 0, size), uint32(rows))
	if id == nil {
		out = order.AppendUint32(out, 0)
	} else {
		out = appendIDs(out, []ID{*id})
	}
	low, high := slices.Min(batch.Times), slices.Max(batch.Times)
	out = order.AppendUint64(out, uint64(low))
	out = order.AppendUint64(out, uint64(high))
	width := table.Width(uint64(high - low))
	out = append(out, byte(width))
	for _, time := range batch.Times {
		out = appendWide(out, uint64(time-low), width)
	}
	out = appendValues(out, batch.Values)
	out = appendStrings(out, batch.KeyTexts.Len(), len(batch.KeyTexts.Text), batch.KeyTexts.At)
	width = table.Width(uint64(batch.KeyTexts.Len() - 1))
	out = append(out, byte(width))
	for _, key := range batch.Keys {
		out = appendWide(out, uint64(key), width)
	}
	tags := make([]*ndjson.Tag, len(batch.Tags))
	for i := range tags {
		tags[i] = &batch.Tags[i]
	}
	slices.SortFunc(tags, func(a, b *ndjson.Tag) int { return cmp.Compare(a.Name, b.Name) })
	out = append(out, byte(len(tags)))
	for _, tag := range tags {
		out = append(out, byte(len(tag.Name)))
		out = append(out, tag.Name...)
		out = appendStrings(out, tag.Texts.Len(), len(tag.Texts.Text), tag.Texts.At)
		width = table.Width(uint64(tag.Texts.Len()))
		out = append(out, byte(width))
		for row := range rows {
			out = appendWide(out, uint64(tag.Code(row)), width)
		}
	}
	return out
}

// Texts is where a part's numbers stand for texts.
type Texts struct {
	Keys texts.View
	Tags []TagTexts // by number of the name
}

// TagTexts is the name of a tag and its texts.
type TagTexts struct {
	Name  string
	Texts texts.View
}

// OfPart returns the block of a part.
func OfPart(part *table.Part, ids []ID, names Texts) []byte {
	out := make([]byte, 0, 256+part.Bytes()+8*part.Rows)
	out = order.AppendUint32(out, uint32(part.Rows))
	out = appendIDs(out, ids)
	out = order.AppendUint64(out, uint64(part.MinTime))
	out = order.AppendUint64(out, uint64(part.MaxTime))
	out = appendInts(out, &part.Times)
	out = appendValues(out, part.Values)

	size := 0
	for _, key := range part.Keys.All() {
		size += len(names.Keys.At(key))
	}
	out = appendStrings(out, part.Keys.Len(), size,
		func(place uint32) []byte { return names.Keys.At(part.Keys.At(int(place))) })
	width := table.Width(uint64(part.Keys.Len() - 1))
	out = append(out, byte(width))
	for place := range part.Keys.Len() {
		for range part.Starts.At(place+1) - part.Starts.At(place) {
			out = appendWide(out, uint64(place), width)
		}
	}

	tags := make([]*table.Tag, len(part.Tags))
	for i := range tags {
		tags[i] = &part.Tags[i]
	}
	slices.SortFunc(tags, func(a, b *table.Tag) int {
		return cmp.Compare(names.Tags[a.Name].Name, names.Tags[b.Name].Name)
	})
	out = append(out, byte(len(tags)))
	for _, tag := range tags {
		view := names.Tags[tag.Name].Texts
		out = append(out, byte(len(names.Tags[tag.Name].Name)))
		out = append(out, names.Tags[tag.Name].Name...)
		size = 0
		for _, text := range tag.Texts[1:] {
			size += len(view.At(text - 1))
		}
		out = appendStrings(out, len(tag.Texts)-1, size,
			func(place uint32) []byte { return view.At(tag.Texts[place+1] - 1) })
		out = appendInts(out, &tag.Codes)
	}
	return out
}

func appendIDs(out []byte, ids []ID) []byte {
	out = order.AppendUint32(out, uint32(len(ids)))
	for _, id := range ids {
		out = append(out, byte(len(id.Name)))
		out = append(out, id.Name...)
		out = order.AppendUint32(out, id.Bytes)
		out = order.AppendUint32(out, id.Sum)
	}
	return out
}

func appendStrings(out []byte, count, size int, at func(uint32) []byte) []byte {
	out = order.AppendUint32(out, uint32(count))
	out = slices.Grow(out, 4*count+4+size)
	offset := uint32(0)
	out = order.AppendUint32(out, offset)
	for place := range count {
		offset += uint32(len(at(uint32(place))))
		out = order.AppendUint32(out, offset)
	}
	for place := range count {
		out = append(out, at(uint32(place))...)
	}
	return out
}

func appendValues(out []byte, values []float64) []byte {
	for _, value := range values {
		out = order.AppendUint64(out, math.Float64bits(value))
	}
	return out
}

func appendInts(out []byte, column *table.Ints) []byte {
	switch {
	case column.B1 != nil:
		return append(append(out, 1), column.B1...)
	case column.B2 != nil:
		out = append(out, 2)
		for _, n := range column.B2 {
			out = order.AppendUint16(out, n)
		}
	case column.B4 != nil:
		out = append(out, 4)
		for _, n := range column.B4 {
			out = order.AppendUint32(out, n)
		}
	default:
		out = append(out, 8)
		for _, n := range column.B8 {
			out = order.AppendUint64(out, n)
		}
	}
	return out
}

func appendWide(out []byte, number uint64, width int) []byte {
	switch width {
	case 1:
		return append(out, byte(number))
	case 2:
		return order.AppendUint16(out, uint16(number))
	case 4:
		return order.AppendUint32(out, uint32(number))
	}
	return order.AppendUint64(out, number)
}
