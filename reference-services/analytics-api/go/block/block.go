// Package block reads and writes events as they lie in logs and segments. The form is the
// contract's (../../README.md, The data folder); all numbers are little-endian.
package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"analyticsapi/ndjson"
	"analyticsapi/table"
)

// Castagnoli is the table of CRC-32C.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ID names a batch.
type ID struct {
	Name  string
	Bytes uint32 // length of the body
	Sum   uint32 // CRC-32C of the body
}

// Strings are different texts, one after another.
type Strings struct {
	text    []byte
	offsets []byte // u32 each, one more than there are texts
}

// Len is the number of texts.
func (s Strings) Len() int { return max(0, len(s.offsets)/4-1) }

// At returns a text.
func (s Strings) At(place int) []byte {
	start := binary.LittleEndian.Uint32(s.offsets[4*place:])
	end := binary.LittleEndian.Uint32(s.offsets[4*place+4:])
	return s.text[start:end]
}

// Tag is the column of one tag: 0 for absent, or 1 + the place in Texts.
type Tag struct {
	Name  string
	Texts Strings
	Codes table.Ints
}

// Block is events as they were read. Its texts are those of the bytes it was read from.
type Block struct {
	Rows             int
	IDs              []ID
	MinTime, MaxTime int64
	Times            table.Ints
	Values           []float64
	KeyTexts         Strings
	Keys             table.Ints // places in KeyTexts
	Tags             []Tag
}

const (
	nameBytesMax = 255
	tagsMax      = ndjson.TagNamesMax
)

// reader takes one piece of a block after another. After a failure it gives zeros.
type reader struct {
	bytes []byte
	at    int
	err   error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &Error{r.at, fmt.Sprintf(format, args...)}
	}
}

// Error says what is wrong with a block and where.
type Error struct {
	At     int // bytes of the block before it
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d of a block: %s", e.At, e.Detail) }

// take returns count items of width bytes.
func (r *reader) take(count, width uint64, what string) []byte {
	if r.err == nil && count > uint64(len(r.bytes)-r.at)/width {
		r.fail("%s go beyond the end", what)
	}
	if r.err != nil {
		return nil
	}
	taken := r.bytes[r.at : r.at+int(count*width)]
	r.at += len(taken)
	return taken
}

func (r *reader) u8(what string) uint8 {
	if taken := r.take(1, 1, what); taken != nil {
		return taken[0]
	}
	return 0
}

func (r *reader) u32(what string) uint32 {
	if taken := r.take(1, 4, what); taken != nil {
		return binary.LittleEndian.Uint32(taken)
	}
	return 0
}

func (r *reader) i64(what string) int64 {
	if taken := r.take(1, 8, what); taken != nil {
		return int64(binary.LittleEndian.Uint64(taken))
	}
	return 0
}

// ints reads a width and a column of numbers from base to most.
func (r *reader) ints(rows int, base, most int64, widthMax uint8, what string) table.Ints {
	width := r.u8(what)
	if width != 1 && width != 2 && width != 4 && width != 8 || width > widthMax {
		r.fail("%s are %d bytes wide", what, width)
	}
	if r.err != nil {
		return table.Ints{}
	}
	start := r.at
	column, greatest := table.ReadInts(base, int(width), r.take(uint64(rows), uint64(width), what))
	if r.err == nil && greatest > uint64(most-base) {
		r.at = start
		r.fail("%s go up to %d, beyond %d", what, greatest, most-base)
	}
	return column
}

func (r *reader) strings(what string) Strings {
	count := uint64(r.u32(what))
	s := Strings{offsets: r.take(count+1, 4, what)}
	if r.err != nil {
		return Strings{}
	}
	last := uint32(0)
	for i := 0; i < len(s.offsets); i += 4 {
		offset := binary.LittleEndian.Uint32(s.offsets[i:])
		if i == 0 && offset != 0 || offset < last || offset-last > nameBytesMax {
			r.fail("%s have an offset %d after %d", what, offset, last)
			return Strings{}
		}
		last = offset
	}
	s.text = r.take(uint64(last), 1, what)
	return s
}

// Read reads a block. The error is an Error.
func Read(bytes []byte) (*Block, error) {
	r := &reader{bytes: bytes}
	b := &Block{Rows: int(r.u32("rows"))}
	// A row takes at least a byte of its time, eight of its value and one of its key.
	if b.Rows == 0 || b.Rows > len(bytes)/10 {
		r.fail("%d rows in %d bytes", b.Rows, len(bytes))
	}
	r.ids(b)
	b.MinTime, b.MaxTime = r.i64("times"), r.i64("times")
	if b.MinTime < 0 || b.MaxTime < b.MinTime || b.MaxTime > ndjson.TimeMax {
		r.fail("times from %d to %d", b.MinTime, b.MaxTime)
	}
	b.Times = r.ints(b.Rows, b.MinTime, b.MaxTime, 8, "times")
	b.Values = r.values(b.Rows)
	b.KeyTexts = r.strings("keys")
	if b.KeyTexts.Len() == 0 {
		r.fail("no keys")
	}
	b.Keys = r.ints(b.Rows, 0, int64(b.KeyTexts.Len())-1, 4, "keys")
	tags := int(r.u8("tags"))
	if tags > tagsMax {
		r.fail("%d tags", tags)
	}
	for i := 0; i < tags && r.err == nil; i++ {
		name := r.take(uint64(r.u8("a tag's name")), 1, "a tag's name")
		if r.err == nil && !ndjson.IsTagName(name) {
			r.fail("a tag is named %.40q", name)
		}
		tag := Tag{Name: string(name), Texts: r.strings("tags")}
		tag.Codes = r.ints(b.Rows, 0, int64(tag.Texts.Len()), 4, "tags")
		b.Tags = append(b.Tags, tag)
	}
	if r.err == nil && r.at != len(bytes) {
		r.fail("%d bytes follow the last tag", len(bytes)-r.at)
	}
	if r.err != nil {
		return nil, r.err
	}
	return b, nil
}

func (r *reader) ids(b *Block) {
	count := uint64(r.u32("batch ids"))
	if count > uint64(len(r.bytes)/10) {
		r.fail("%d batch ids", count)
	}
	for ; count > 0 && r.err == nil; count-- {
		name := r.take(uint64(r.u8("a batch id")), 1, "a batch id")
		b.IDs = append(b.IDs, ID{string(name), r.u32("a batch id"), r.u32("a batch id")})
	}
}

func (r *reader) values(rows int) []float64 {
	taken := r.take(uint64(rows), 8, "values")
	if r.err != nil {
		return nil
	}
	values := make([]float64, rows)
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(taken[8*i:]))
		if !(math.Abs(values[i]) <= ndjson.ValueMax) {
			r.fail("value %d is %v", i, values[i])
			return nil
		}
	}
	return values
}
