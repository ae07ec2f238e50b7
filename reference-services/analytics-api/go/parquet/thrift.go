package parquet

import "encoding/binary"

// thrift writes Apache Thrift's compact protocol, as far as Parquet's metadata needs it.
type thrift struct {
	out   []byte
	last  int   // field of the struct at hand
	outer []int // of the structs around it
}

const (
	typeTrue   = 1
	typeI32    = 5
	typeI64    = 6
	typeBinary = 8
	typeList   = 9
	typeStruct = 12
)

func (t *thrift) field(number, kind int) {
	if delta := number - t.last; delta > 0 && delta < 16 {
		t.out = append(t.out, byte(delta<<4|kind))
	} else {
		t.out = append(t.out, byte(kind))
		t.varint(int64(number))
	}
	t.last = number
}

// varint appends a number in zigzag form.
func (t *thrift) varint(n int64) { t.out = binary.AppendVarint(t.out, n) }

func (t *thrift) i32(number, value int) {
	t.field(number, typeI32)
	t.varint(int64(value))
}

func (t *thrift) i64(number int, value int64) {
	t.field(number, typeI64)
	t.varint(value)
}

func (t *thrift) text(number int, text string) {
	t.field(number, typeBinary)
	t.item(text)
}

// item is a text of a list.
func (t *thrift) item(text string) {
	t.out = binary.AppendUvarint(t.out, uint64(len(text)))
	t.out = append(t.out, text...)
}

func (t *thrift) list(number, kind, size int) {
	t.field(number, typeList)
	if size < 15 {
		t.out = append(t.out, byte(size<<4|kind))
		return
	}
	t.out = append(t.out, byte(0xF0|kind))
	t.out = binary.AppendUvarint(t.out, uint64(size))
}

// begin opens a struct: a field's, or with number 0 one of a list.
func (t *thrift) begin(number int) {
	if number > 0 {
		t.field(number, typeStruct)
	}
	t.outer = append(t.outer, t.last)
	t.last = 0
}

func (t *thrift) end() {
	t.out = append(t.out, 0)
	if len(t.outer) > 0 {
		t.last = t.outer[len(t.outer)-1]
		t.outer = t.outer[:len(t.outer)-1]
	}
}
