package ndjson

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func body(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var out []byte
	for i := range n {
		out = fmt.Appendf(out, "{\"ts\":%d,\"key\":\"sensor-%d\",\"value\":%v,\"tags\":{\"region\":\"eu-west-%d\"}}\n", 1700000000000+i, r.IntN(1000), r.Float64()*100, r.IntN(50))
	}
	return out
}

func BenchmarkParse(b *testing.B) {
	text := body(10000)
	var batch Batch
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		batch = Batch{}
		if report := Parse(text, &batch, 0, TimeMax); report.Refused > 0 {
			b.Fatal(report)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/event")
}
