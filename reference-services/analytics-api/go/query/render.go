package query

import (
	"bytes"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const flushBytes = 64 << 10

// Name of an aggregate as a query writes it.
func (a Aggregate) Name() string {
	if a.Kind == Distinct {
		return "distinct(" + a.Field.Name() + ")"
	}
	return [...]string{"count", "sum", "min", "max", "mean", "p50", "p90", "p99"}[a.Kind]
}

// Name of a field as a query writes it.
func (f Field) Name() string {
	if f == Key {
		return "key"
	}
	return "tags." + f.Tag
}

// Columns are the names of the answer's columns.
func (q *Query) Columns() (names []string) {
	if q.BucketMS > 0 {
		names = append(names, "bucket")
	}
	for _, field := range q.GroupBy {
		names = append(names, field.Name())
	}
	for _, aggregate := range q.Aggregates {
		names = append(names, aggregate.Name())
	}
	return names
}

// column appends the cells of one column.
type column func(out []byte, cell uint32) []byte

func (a *Answer) writers(text func(out, text []byte) []byte, null string) (all []column) {
	for _, place := range a.keys() {
		if place == 0 {
			first := a.query.From / a.query.BucketMS
			all = append(all, func(out []byte, cell uint32) []byte {
				bucket := first + int64(a.cells.dims[cell][0])
				return strconv.AppendInt(out, bucket*a.query.BucketMS, 10)
			})
			continue
		}
		textOf := a.text(place)
		all = append(all, func(out []byte, cell uint32) []byte {
			if found := textOf(cell); found != nil {
				return text(out, found)
			}
			return append(out, null...)
		})
	}
	for i, aggregate := range a.query.Aggregates {
		value := a.value(i)
		if aggregate.Kind == Count || aggregate.Kind == Distinct {
			all = append(all, func(out []byte, cell uint32) []byte {
				return strconv.AppendInt(out, int64(value(cell)), 10)
			})
			continue
		}
		all = append(all, func(out []byte, cell uint32) []byte {
			if v := value(cell); !math.IsNaN(v) {
				return AppendNumber(out, v)
			}
			return append(out, null...)
		})
	}
	return all
}

// WriteJSON writes the answer in JSON.
func (a *Answer) WriteJSON(to io.Writer) error {
	out := append(make([]byte, 0, flushBytes+4096), `{"columns":[`...)
	for i, name := range a.query.Columns() {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendText(out, []byte(name))
	}
	out = append(out, `],"rows":[`...)
	writers := a.writers(AppendText, "null")
	for i, cell := range a.rows {
		if i > 0 {
			out = append(out, ',')
		}
		for j, write := range writers {
			out = append(out, "[,"[min(j, 1)])
			out = write(out, cell)
		}
		out = append(out, ']')
		if len(out) >= flushBytes {
			if _, err := to.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	out = append(out, `],"rows_total":`...)
	out = strconv.AppendInt(out, int64(a.RowsTotal), 10)
	out = append(out, `,"events":`...)
	out = strconv.AppendUint(out, a.Events, 10)
	_, err := to.Write(append(out, '}'))
	return err
}

// WriteCSV writes the answer as RFC 4180 has it.
func (a *Answer) WriteCSV(to io.Writer) error {
	out := append(make([]byte, 0, flushBytes+4096), strings.Join(a.query.Columns(), ",")...)
	out = append(out, "\r\n"...)
	writers := a.writers(appendCSV, "")
	for _, cell := range a.rows {
		for j, write := range writers {
			if j > 0 {
				out = append(out, ',')
			}
			out = write(out, cell)
		}
		out = append(out, "\r\n"...)
		if len(out) >= flushBytes {
			if _, err := to.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	_, err := to.Write(out)
	return err
}

func appendCSV(out, text []byte) []byte {
	if bytes.IndexByte(text, '"') < 0 && bytes.IndexByte(text, ',') < 0 {
		return append(out, text...)
	}
	out = append(out, '"')
	for _, c := range text {
		if c == '"' {
			out = append(out, '"')
		}
		out = append(out, c)
	}
	return append(out, '"')
}

// AppendNumber appends a finite double in the shortest form that reads back as the same.
func AppendNumber(out []byte, value float64) []byte {
	form := byte('f')
	if size := math.Abs(value); size != 0 && (size < 1e-6 || size >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(out, value, form, -1, 64)
}

// AppendText appends a JSON string.
func AppendText(out, text []byte) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < 0x20:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
