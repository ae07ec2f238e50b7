package block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"analyticsapi/ndjson"
)

// someBatch has every kind of column: keys, tags of all events, of some, texts of several bytes.
func someBatch(r *rand.Rand, rows int) *ndjson.Batch {
	var body []byte
	for range rows {
		body = fmt.Appendf(body, `{"ts":%d,"key":"k%d","value":%v,"tags":{"all":"é%d"`,
			1_000_000_000_000+r.IntN(1<<(1+r.IntN(40))), r.IntN(300), r.NormFloat64(), r.IntN(5))
		if r.IntN(3) == 0 {
			body = fmt.Appendf(body, `,"Some-%d":"x"`, r.IntN(3))
		}
		body = append(body, "}}\n"...)
	}
	var batch ndjson.Batch
	if report := ndjson.Parse(body, &batch, 0, ndjson.TimeMax); report.Refused > 0 {
		panic(report.Faults[0])
	}
	return &batch
}

func TestABatchIsReadAsItWasWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		batch := someBatch(r, 1+r.IntN(700))
		id := &ID{"a.batch", 123, 456}
		read, err := Read(OfBatch(batch, id))
		if err != nil {
			t.Fatal(err)
		}
		if read.Rows != batch.Rows() || len(read.IDs) != 1 || read.IDs[0] != *id || len(read.Tags) != len(batch.Tags) {
			t.Fatalf("read %+v", read)
		}
		for row := range read.Rows {
			key := read.KeyTexts.At(int(read.Keys.At(row)))
			if read.Times.At(row) != batch.Times[row] || read.Values[row] != batch.Values[row] ||
				!bytes.Equal(key, batch.KeyTexts.At(batch.Keys[row])) {
				t.Fatalf("row %d differs", row)
			}
		}
		for i := range read.Tags {
			if i > 0 && read.Tags[i-1].Name >= read.Tags[i].Name {
				t.Fatal("tags are not in the order of their names")
			}
			for j := range batch.Tags {
				if batch.Tags[j].Name == read.Tags[i].Name {
					sameTag(t, &read.Tags[i], &batch.Tags[j])
				}
			}
		}
	}
}

func sameTag(t *testing.T, read *Tag, written *ndjson.Tag) {
	for row := range read.Codes.Len() {
		got, want := []byte(nil), []byte(nil)
		if code := read.Codes.At(row); code > 0 {
			got = read.Texts.At(int(code - 1))
		}
		if code := written.Code(row); code > 0 {
			want = written.Texts.At(code - 1)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("tag %s of row %d: %q, not %q", read.Name, row, got, want)
		}
	}
}

func TestABlockThatIsCutIsRefused(t *testing.T) {
	whole := OfBatch(someBatch(rand.New(rand.NewPCG(2, 2)), 40), &ID{"id", 1, 2})
	for length := range whole {
		if _, err := Read(whole[:length]); err == nil {
			t.Fatalf("%d of %d bytes are read", length, len(whole))
		}
	}
	if _, err := Read(append(bytes.Clone(whole), 0)); err == nil {
		t.Fatal("a byte too many is read")
	}
}

// FuzzRead looks for a panic, or a block that is read with places beyond what they refer to.
func FuzzRead(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 3))
	for rows := range 4 {
		f.Add(OfBatch(someBatch(r, 1+rows), nil))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) { walk(Read(bytes)) })
}

func TestFlippedBitsDoNoHarm(t *testing.T) {
	whole := OfBatch(someBatch(rand.New(rand.NewPCG(4, 4)), 12), &ID{"id", 1, 2})
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		walk(Read(flipped))
	}
}

// walk touches all that a block refers to.
func walk(b *Block, err error) {
	if err != nil {
		return
	}
	for row := range b.Rows {
		_ = b.KeyTexts.At(int(b.Keys.At(row)))
		_ = b.Times.At(row) + int64(b.Values[row])
		for i := range b.Tags {
			if code := b.Tags[i].Codes.At(row); code > 0 {
				_ = b.Tags[i].Texts.At(int(code - 1))
			}
		}
	}
}
