package query

import (
	"math"
	"slices"
)

const (
	sortedBelow = 48 // values that are sorted rather than divided further
	sampleMax   = 512
	roundsMax   = 48
	edgeMax     = 32 // of the greatest, which are found by keeping them
)

// rankOf is the nearest rank, from 1, of a percentile of count values: ⌈p·count⌉.
func rankOf(permille, count int) int {
	return max(1, (permille*count+999)/1000)
}

// selectRanks puts in out the values of these ranks, from 1 and ascending. It disorders values.
func selectRanks(values []float64, ranks []int, out []float64) {
	done := 0
	for i, rank := range ranks {
		if i > 0 && rank == ranks[i-1] {
			out[i] = out[i-1]
			continue
		}
		if topRanks([][]float64{values[done:]}, len(values), ranks[i:], out[i:]) {
			return
		}
		out[i] = selectRank(values[done:], rank-1-done)
		done = rank - 1
	}
}

// selectRank puts the value that sorting would put at k there, with none greater before it and none
// less after it, and returns it. Each round takes a value of a sample that lies a little to the far side of
// the one wanted, and keeps the side with the one wanted, mostly the small one (after Floyd and Rivest).
func selectRank(values []float64, k int) float64 {
	low, high := 0, len(values)
	for range roundsMax {
		if high-low <= sortedBelow {
			break
		}
		pivot := pivotFor(values[low:high], k-low)
		below := low + divide(values[low:high], pivot, false)
		if k < below {
			high = below
			continue
		}
		upTo := below + divide(values[below:high], pivot, true)
		if k < upTo {
			return pivot
		}
		low = upTo
	}
	slices.Sort(values[low:high])
	return values[k]
}

// topRanks is selectRanks if all of the ranks are among the greatest of count values, and says whether
// they are. It keeps the greatest so far, rising: most values are less than all of them.
func topRanks(spans [][]float64, count int, ranks []int, out []float64) bool {
	fromTop := count - ranks[0]
	if fromTop >= edgeMax {
		return false
	}
	var room [edgeMax]float64
	kept := room[:fromTop+1]
	for i := range kept {
		kept[i] = lowest
	}
	least := lowest
	for _, span := range spans {
		for _, v := range span {
			if v <= least {
				continue
			}
			at := 1
			for ; at < len(kept) && kept[at] < v; at++ {
				kept[at-1] = kept[at]
			}
			kept[at-1] = v
			least = kept[0]
		}
	}
	for i, rank := range ranks {
		out[i] = kept[fromTop-(count-rank)]
	}
	return true
}

func pivotFor(values []float64, k int) float64 {
	var room [sampleMax]float64
	size := min(sampleMax, max(16, int(math.Cbrt(float64(len(values))))*4))
	sample := room[:size]
	for i := range sample {
		// Steps that are no multiple of a power of two, so that periodic data does not fool them.
		sample[i] = values[int(uint64(i)*0x9E3779B97F4A7C15>>33)%len(values)]
	}
	slices.Sort(sample)
	share := float64(k) / float64(len(values))
	at := share * float64(size)
	slack := 1.5*math.Sqrt(float64(size)*share*(1-share)) + 1
	if share >= 0.5 {
		at -= slack
	} else {
		at += slack
	}
	return sample[min(size-1, max(0, int(at)))]
}

// divide moves the values below the pivot (or up to it, if it is included) to the front and returns
// how many they are. It does not branch on values: which side one falls on cannot be predicted.
func divide(values []float64, pivot float64, included bool) int {
	front := 0
	if included {
		for i, v := range values {
			values[i] = values[front]
			values[front] = v
			step := 0
			if v <= pivot {
				step = 1
			}
			front += step
		}
		return front
	}
	for i, v := range values {
		values[i] = values[front]
		values[front] = v
		step := 0
		if v < pivot {
			step = 1
		}
		front += step
	}
	return front
}
