// Package parquet writes Parquet files of flat columns, one page for each column of a row group,
// uncompressed: https://parquet.apache.org/docs/file-format/.
package parquet

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"
)

// Kind is what a column holds.
type Kind int

// The kinds of columns: TIMESTAMP(MILLIS, UTC), DOUBLE, and STRING, which may be null.
const (
	Timestamp Kind = iota
	Double
	Text
	OptionalText
)

// Column describes one.
type Column struct {
	Name string
	Kind Kind
}

// Data is the rows of a column in one row group: the field of its kind.
type Data struct {
	Timestamps []int64
	Doubles    []float64
	// Texts are different ones; Codes has for each row the place in Texts, in an OptionalText 1 + the
	// place or 0 for null.
	Texts [][]byte
	Codes []uint32
}

// Writer writes a file.
type Writer struct {
	to      io.Writer
	columns []Column
	at      int64
	rows    int64
	groups  []group
}

type group struct {
	rows   int
	bytes  int64
	chunks []chunk
}

type chunk struct {
	start, dictionary, data, bytes int64 // dictionary is -1 if there is none
}

const (
	magic         = "PAR1"
	plain         = 0
	rle           = 3
	rleDictionary = 8
	dataPage      = 0
	dictionary    = 2
)

// NewWriter begins a file.
func NewWriter(to io.Writer, columns []Column) (*Writer, error) {
	w := &Writer{to: to, columns: columns}
	return w, w.write([]byte(magic))
}

func (w *Writer) write(bytes []byte) error {
	n, err := w.to.Write(bytes)
	w.at += int64(n)
	return err
}

// WriteGroup writes a row group; data is in the order of the columns.
func (w *Writer) WriteGroup(rows int, data []Data) error {
	g := group{rows: rows}
	for i := range data {
		c := chunk{start: w.at, dictionary: -1}
		var err error
		switch w.columns[i].Kind {
		case Timestamp:
			err = w.timestamps(&c, data[i].Timestamps)
		case Double:
			err = w.doubles(&c, data[i].Doubles)
		default:
			err = w.texts(&c, &data[i], w.columns[i].Kind == OptionalText)
		}
		if err != nil {
			return err
		}
		c.bytes = w.at - c.start
		g.bytes += c.bytes
		g.chunks = append(g.chunks, c)
	}
	w.rows += int64(rows)
	w.groups = append(w.groups, g)
	return nil
}

func (w *Writer) timestamps(c *chunk, values []int64) error {
	page := make([]byte, 0, 8*len(values))
	for _, v := range values {
		page = binary.LittleEndian.AppendUint64(page, uint64(v))
	}
	return w.page(c, len(values), plain, page)
}

func (w *Writer) doubles(c *chunk, values []float64) error {
	page := make([]byte, 0, 8*len(values))
	for _, v := range values {
		page = binary.LittleEndian.AppendUint64(page, math.Float64bits(v))
	}
	return w.page(c, len(values), plain, page)
}

func (w *Writer) texts(c *chunk, data *Data, optional bool) error {
	var page []byte
	places := data.Codes
	if optional {
		page, places = definitions(data.Codes)
	}
	if len(places) == 0 {
		return w.page(c, len(data.Codes), plain, page)
	}
	if err := w.dictionary(c, data.Texts); err != nil {
		return err
	}
	width := bits.Len(uint(len(data.Texts) - 1))
	page = append(page, byte(width))
	return w.page(c, len(data.Codes), rleDictionary, appendPacked(page, places, width))
}

// definitions returns which rows are not null, as a page has it, and the places of those.
func definitions(codes []uint32) (page []byte, places []uint32) {
	levels := make([]uint32, len(codes))
	places = make([]uint32, 0, len(codes))
	for i, code := range codes {
		if code > 0 {
			levels[i] = 1
			places = append(places, code-1)
		}
	}
	page = appendPacked(make([]byte, 4, 16+len(codes)/8), levels, 1)
	binary.LittleEndian.PutUint32(page, uint32(len(page)-4))
	return page, places
}

// appendPacked appends numbers of width bits as one bit-packed run, which is filled up to a multiple
// of eight numbers.
func appendPacked(out []byte, numbers []uint32, width int) []byte {
	groups := (len(numbers) + 7) / 8
	out = binary.AppendUvarint(out, uint64(groups)<<1|1)
	end := len(out) + groups*width
	var held uint64
	count := 0
	for _, n := range numbers {
		held |= uint64(n) << count
		for count += width; count >= 8; count -= 8 {
			out = append(out, byte(held))
			held >>= 8
		}
	}
	if count > 0 {
		out = append(out, byte(held))
	}
	for len(out) < end {
		out = append(out, 0)
	}
	return out
}

func (w *Writer) dictionary(c *chunk, texts [][]byte) error {
	var page []byte
	for _, text := range texts {
		page = binary.LittleEndian.AppendUint32(page, uint32(len(text)))
		page = append(page, text...)
	}
	var head thrift
	head.i32(1, dictionary)
	head.i32(2, len(page))
	head.i32(3, len(page))
	head.begin(7)
	head.i32(1, len(texts))
	head.i32(2, plain)
	head.end()
	head.end()
	c.dictionary = w.at
	if err := w.write(head.out); err != nil {
		return err
	}
	return w.write(page)
}

func (w *Writer) page(c *chunk, rows, encoding int, page []byte) error {
	var head thrift
	head.i32(1, dataPage)
	head.i32(2, len(page))
	head.i32(3, len(page))
	head.begin(5)
	head.i32(1, rows)
	head.i32(2, encoding)
	head.i32(3, rle) // of definition levels
	head.i32(4, rle) // of repetition levels
	head.end()
	head.end()
	c.data = w.at
	if err := w.write(head.out); err != nil {
		return err
	}
	return w.write(page)
}

// Close writes the metadata; the file is whole then.
func (w *Writer) Close() error {
	var meta thrift
	meta.i32(1, 1)
	w.schema(&meta)
	meta.i64(3, w.rows)
	meta.list(4, typeStruct, len(w.groups))
	for _, g := range w.groups {
		meta.begin(0)
		meta.list(1, typeStruct, len(g.chunks))
		for i, c := range g.chunks {
			w.chunk(&meta, w.columns[i], g.rows, c)
		}
		meta.i64(2, g.bytes)
		meta.i64(3, int64(g.rows))
		meta.end()
	}
	meta.text(6, "analytics-api")
	meta.end()
	out := binary.LittleEndian.AppendUint32(meta.out, uint32(len(meta.out)))
	return w.write(append(out, magic...))
}

// Numbers that Parquet's definition has for types.
var (
	physical  = [...]int{Timestamp: 2, Double: 5, Text: 6, OptionalText: 6}
	converted = [...]int{Timestamp: 9, Double: -1, Text: 0, OptionalText: 0}
)

func (w *Writer) schema(meta *thrift) {
	meta.list(2, typeStruct, 1+len(w.columns))
	meta.begin(0)
	meta.text(4, "events")
	meta.i32(5, len(w.columns))
	meta.end()
	for _, column := range w.columns {
		meta.begin(0)
		meta.i32(1, physical[column.Kind])
		repetition := 0
		if column.Kind == OptionalText {
			repetition = 1
		}
		meta.i32(3, repetition)
		meta.text(4, column.Name)
		if converted[column.Kind] >= 0 {
			meta.i32(6, converted[column.Kind])
		}
		switch column.Kind {
		case Timestamp:
			meta.begin(10) // LogicalType
			meta.begin(8)  // TIMESTAMP
			meta.field(1, typeTrue)
			meta.begin(2) // TimeUnit
			meta.begin(1) // MILLIS
			meta.end()
			meta.end()
			meta.end()
			meta.end()
		case Text, OptionalText:
			meta.begin(10)
			meta.begin(1) // STRING
			meta.end()
			meta.end()
		}
		meta.end()
	}
}

func (w *Writer) chunk(meta *thrift, column Column, rows int, c chunk) {
	meta.begin(0)
	meta.i64(2, c.start)
	meta.begin(3)
	meta.i32(1, physical[column.Kind])
	encodings := []int{plain, rle}
	if c.dictionary >= 0 {
		encodings = append(encodings, rleDictionary)
	}
	meta.list(2, typeI32, len(encodings))
	for _, encoding := range encodings {
		meta.varint(int64(encoding))
	}
	meta.list(3, typeBinary, 1)
	meta.item(column.Name)
	meta.i32(4, 0) // uncompressed
	meta.i64(5, int64(rows))
	meta.i64(6, c.bytes)
	meta.i64(7, c.bytes)
	meta.i64(9, c.data)
	if c.dictionary >= 0 {
		meta.i64(11, c.dictionary)
	}
	meta.end()
	meta.end()
}
