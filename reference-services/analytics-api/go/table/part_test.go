package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMergingIsSortingAll: parts merged are the part of all events sorted at once.
func TestMergingIsSortingAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		rows := 1 + r.IntN(400)
		times, values, codes := make([]int64, rows), make([]float64, rows), make([]uint32, rows)
		numbers := []uint32{9, 2, 7, 5, 400_000}
		for i := range rows {
			times[i] = 1e12 + r.Int64N(1<<(1+r.IntN(40)))
			values[i] = float64(i) // tells arrivals apart
			codes[i] = uint32(r.IntN(len(numbers)))
		}
		part := func(start, end int) *Part {
			low, high := slices.Min(times[start:end]), slices.Max(times[start:end])
			raw := &Part{Rows: end - start, MinTime: low, MaxTime: high, Times: NewInts(low, high, end-start), Values: values[start:end]}
			tag := Tag{Name: uint32(r.IntN(2)), Codes: NewInts(0, 2, end-start), Texts: []uint32{0, 5, 6}}
			keys := NewInts(0, 4, end-start)
			for i := range end - start {
				raw.Times.Set(i, times[start+i])
				keys.Set(i, int64(codes[start+i]))
				tag.Codes.Set(i, int64(start+i)%3)
			}
			raw.Tags = []Tag{tag}
			return Sort(raw, keys, numbers)
		}
		var parts []*Part
		for start := 0; start < rows; {
			end := min(rows, start+1+r.IntN(100))
			parts = append(parts, part(start, end))
			start = end
		}
		merged := Merge(parts)
		order := make([]int, rows)
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int {
			if numbers[codes[a]] != numbers[codes[b]] {
				return int(numbers[codes[a]]) - int(numbers[codes[b]])
			}
			if times[a] != times[b] {
				return int(math.Copysign(1, float64(times[a]-times[b])))
			}
			return a - b
		})
		if err := same(merged, order, times, values, numbers, codes); err != nil {
			t.Fatal(err)
		}
	}
}

func same(part *Part, order []int, times []int64, values []float64, numbers, codes []uint32) error {
	if part.Rows != len(order) || int(part.Starts.At(part.Keys.Len())) != part.Rows {
		return fmt.Errorf("%d rows, not %d", part.Rows, len(order))
	}
	for i, key := range part.Keys.All() {
		if i > 0 && part.Keys.At(i-1) >= key {
			return fmt.Errorf("keys are not ascending: %d", key)
		}
		for row := int(part.Starts.At(i)); row < int(part.Starts.At(i+1)); row++ {
			at := order[row]
			if numbers[codes[at]] != key || part.Times.At(row) != times[at] || part.Values[row] != values[at] {
				return fmt.Errorf("row %d is not event %d", row, at)
			}
			text := uint32(0)
			for _, tag := range part.Tags {
				text += tag.Texts[tag.Codes.At(row)]
			}
			if text != []uint32{0, 5, 6}[at%3] {
				return fmt.Errorf("row %d has text %d", row, text)
			}
		}
	}
	return nil
}
