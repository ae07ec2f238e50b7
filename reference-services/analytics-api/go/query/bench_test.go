package query

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"

	"analyticsapi/store"
	"analyticsapi/table"
	"analyticsapi/texts"
)

// rowsOf is the events of a benchmark: BENCH_ROWS, or a million.
func rowsOf() int {
	if rows, err := strconv.Atoi(os.Getenv("BENCH_ROWS")); err == nil {
		return rows
	}
	return 1 << 20
}

// made is an hour of events with one tag of 50 values, in parts as segments have them.
func made(keys int) *store.Snapshot {
	r := rand.New(rand.NewPCG(1, 2))
	rows := rowsOf()
	var keyTexts, regions texts.Shared
	number := make([]uint32, keys)
	for i := range number {
		number[i] = texts.None
	}
	keyTexts.Add(number, func(i int) []byte { return fmt.Appendf(nil, "key-%07d", i) })
	regionNumbers := make([]uint32, 50)
	codes := make([]uint32, 51)
	for i := range regionNumbers {
		regionNumbers[i] = texts.None
		codes[i+1] = uint32(i + 1)
	}
	regions.Add(regionNumbers, func(i int) []byte { return fmt.Appendf(nil, "region-%d", i) })
	snapshot := &store.Snapshot{}
	snapshot.Names.Keys = keyTexts.View()
	snapshot.Names.Tags = append(snapshot.Names.Tags, struct {
		Name  string
		Texts texts.View
	}{"region", regions.View()})
	for start := 0; start < rows; start += 1 << 20 {
		n := min(1<<20, rows-start)
		low := int64(start) * 3_600_000 / int64(rows)
		high := int64(start+n) * 3_600_000 / int64(rows)
		part := &table.Part{Rows: n, MinTime: low, MaxTime: high}
		part.Times = table.NewInts(low, high, n)
		part.Values = make([]float64, n)
		tag := table.Tag{Codes: table.NewInts(0, 50, n), Texts: codes}
		of := table.NewInts(0, int64(keys), n)
		for i := range n {
			part.Times.Set(i, int64(start+i)*3_600_000/int64(rows))
			part.Values[i] = r.ExpFloat64() * 100
			tag.Codes.Set(i, int64(1+r.IntN(50)))
			of.Set(i, int64(r.IntN(keys)))
		}
		part.Tags = []table.Tag{tag}
		snapshot.Parts = append(snapshot.Parts, table.Sort(part, of, number))
	}
	return snapshot
}

func benchmarkQuery(b *testing.B, keys int, q *Query) {
	snapshot := made(keys)
	q.To, q.Limit = 3_600_000, 10_000
	before := userNS()
	b.ResetTimer()
	for b.Loop() {
		a, err := Run(context.Background(), snapshot, q, 2, 1<<30)
		if err != nil {
			b.Fatal(err)
		}
		_ = a.WriteJSON(io.Discard)
	}
	b.ReportMetric((userNS()-before)/float64(b.N)/float64(rowsOf()), "cpu-ns/event")
}

// userNS is the processor time of this process, which others on the machine disturb less.
func userNS() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano())
}

var three = []Aggregate{{Kind: Count}, {Kind: Sum}, {Kind: P99}}

func BenchmarkMinuteAndKey(b *testing.B) {
	benchmarkQuery(b, 1000, &Query{BucketMS: 60_000, GroupBy: []Field{Key}, Aggregates: three})
}

func BenchmarkMinute(b *testing.B) {
	benchmarkQuery(b, 1000, &Query{BucketMS: 60_000, Aggregates: three})
}

func BenchmarkKeyAndTag(b *testing.B) {
	benchmarkQuery(b, 1000, &Query{GroupBy: []Field{Key, {"region"}}, Aggregates: three})
}

func BenchmarkTag(b *testing.B) {
	benchmarkQuery(b, 1000, &Query{GroupBy: []Field{{"region"}}, Aggregates: three})
}

func BenchmarkManyKeys(b *testing.B) {
	benchmarkQuery(b, 1_400_000, &Query{GroupBy: []Field{Key}, Aggregates: three[:2]})
}

func BenchmarkMinuteOfManyKeys(b *testing.B) {
	benchmarkQuery(b, 1_400_000, &Query{BucketMS: 60_000, Aggregates: three})
}

func BenchmarkFewKeys(b *testing.B) {
	benchmarkQuery(b, 3, &Query{GroupBy: []Field{Key}, Aggregates: three})
}

func BenchmarkMinuteOfFewKeys(b *testing.B) {
	benchmarkQuery(b, 3, &Query{BucketMS: 60_000, GroupBy: []Field{Key}, Aggregates: three})
}

func BenchmarkScan(b *testing.B) {
	snapshot := made(1000)
	before := userNS()
	b.ResetTimer()
	for b.Loop() {
		sum := 0.0
		for _, part := range snapshot.Parts {
			sum += sumOf(part.Values)
		}
		if sum == 0 {
			b.Fatal()
		}
	}
	b.ReportMetric((userNS()-before)/float64(b.N)/float64(rowsOf()), "cpu-ns/event")
}
