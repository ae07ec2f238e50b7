package table

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAscendingIsItsNumbers: numbers near and far apart are all there, and found.
func TestAscendingIsItsNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for round := range 600 {
		numbers := make([]uint32, r.IntN(200))
		next := uint32(r.IntN(300))
		for i := range numbers {
			next += 1 + uint32(r.IntN(2+round%40))
			if r.IntN(100) < round%20 {
				next += uint32(r.IntN(1 << 20))
			}
			numbers[i] = next
		}
		kept := NewAscending(numbers)
		if got := kept.Append(nil, 0, kept.Len()); !slices.Equal(got, numbers) {
			t.Fatalf("%v, not %v", got, numbers)
		}
		for place, number := range kept.All() {
			for _, n := range []uint32{number - 1, number, number + 1} {
				if want, _ := slices.BinarySearch(numbers, n); kept.Below(n) != want || numbers[place] != number {
					t.Fatalf("%d are below %d of %v", kept.Below(n), n, numbers)
				}
			}
		}
		if most := 4*len(numbers) + len(numbers)/2 + 16; kept.Bytes() > most {
			t.Fatalf("%d numbers take %d bytes", len(numbers), kept.Bytes())
		}
	}
}
