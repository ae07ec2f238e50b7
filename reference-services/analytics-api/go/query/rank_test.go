package query

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSelectedRanksAreThoseOfSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		values := make([]float64, 1+r.IntN(3000))
		kinds := 1 + r.IntN(5000)
		for i := range values {
			values[i] = float64(r.IntN(kinds))
		}
		sorted := slices.Sorted(slices.Values(values))
		ranks := []int{rankOf(500, len(values)), rankOf(900, len(values)), rankOf(990, len(values))}
		out := make([]float64, 3)
		selectRanks(values, ranks, out)
		for i, rank := range ranks {
			if out[i] != sorted[rank-1] {
				t.Fatalf("rank %d of %d: %v, not %v", rank, len(values), out[i], sorted[rank-1])
			}
		}
	}
}

func BenchmarkP99(b *testing.B)   { benchmark(b, 990) }
func BenchmarkThree(b *testing.B) { benchmark(b, 500, 900, 990) }
func benchmark(b *testing.B, permilles ...int) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 1667)
	for i := range values {
		values[i] = r.ExpFloat64()
	}
	scratch := make([]float64, len(values))
	out := make([]float64, 3)
	ranks := make([]int, 0, 3)
	for _, p := range permilles {
		ranks = append(ranks, rankOf(p, len(values)))
	}
	for b.Loop() {
		copy(scratch, values)
		selectRanks(scratch, ranks, out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(values)), "ns/value")
}
