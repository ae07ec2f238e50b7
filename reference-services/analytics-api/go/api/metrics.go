package api

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"analyticsapi/ndjson"
)

// Paths that are told apart; all others are counted as other.
var routes = [...]string{
	"/v1/events", "/v1/query", "/v1/series", "/v1/tail", "/v1/export", "/v1/openapi.json", "/healthz",
	"/metrics", "other",
}

// Statuses that are told apart; all others are counted as 500.
var statuses = [...]int{200, 400, 404, 405, 408, 413, 415, 422, 429, 503, 507, 500}

// Upper bounds of the latency buckets.
var latencies = [...]time.Duration{
	100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond,
	time.Second, 10 * time.Second,
}

const (
	batchStored = iota
	batchDuplicate
	batchRefused
)

var outcomes = [...]string{"stored", "duplicate", "refused"}

type metrics struct {
	routes   [len(routes)]routeMetrics
	batches  [len(outcomes)]atomic.Uint64
	accepted atomic.Uint64
	rejected [len(ndjson.Codes)]atomic.Uint64
	dropped  atomic.Uint64 // events, of tails
}

func (m *metrics) reject(report *ndjson.Report) {
	for i, n := range report.ByCode {
		if n > 0 {
			m.rejected[i].Add(uint64(n))
		}
	}
}

type routeMetrics struct {
	byStatus  [len(statuses)]atomic.Uint64
	byLatency [len(latencies)]atomic.Uint64
	count     atomic.Uint64
	sumNS     atomic.Uint64
}

// recorded counts each request: from its head having been read to its response being ready, that
// of a tail to its head.
type recorded struct {
	metrics *metrics
	next    http.Handler
}

func (c *recorded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	route := &c.metrics.routes[indexOf(routes[:], r.URL.EscapedPath())]
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	recorder.record = sync.OnceFunc(func() { route.add(recorder.status, time.Since(start)) })
	c.next.ServeHTTP(recorder, r)
	recorder.record()
}

// statusRecorder remembers the status that a handler writes.
type statusRecorder struct {
	http.ResponseWriter
	status int
	record func()
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (r *routeMetrics) add(status int, elapsed time.Duration) {
	r.byStatus[indexOf(statuses[:], status)].Add(1)
	for i := range latencies {
		if elapsed <= latencies[i] {
			r.byLatency[i].Add(1)
			break
		}
	}
	r.count.Add(1)
	r.sumNS.Add(uint64(elapsed))
}

// indexOf is the place of an item; the last place for one that is not listed.
func indexOf[T comparable](items []T, item T) int {
	if i := slices.Index(items, item); i >= 0 {
		return i
	}
	return len(items) - 1
}

func (s *Service) showMetrics(w http.ResponseWriter, _ *http.Request) {
	var out strings.Builder
	s.metrics.writeTo(&out)
	figures := s.Store.Figures()
	counter := func(name, help string, value uint64) { family(&out, name, "counter", help, "", value) }
	gauge := func(name, help string, value int64) { family(&out, name, "gauge", help, "", uint64(value)) }
	counter("analytics_commits_total", "Frames written to logs.", figures.Commits)
	gauge("analytics_events", "Events held.", figures.Events)
	gauge("analytics_strings", "Different keys and values of tags held.", figures.Strings)
	gauge("analytics_segments", "Segments.", figures.Segments)
	gauge("analytics_logs", "Logs.", figures.Logs)
	gauge("analytics_pending_bytes", "Bytes of bodies not yet answered.", s.pending.Load())
	gauge("analytics_tails", "Tails open.", s.tails.Load())
	gauge("analytics_log_cut_bytes", "Bytes cut off the newest log at the start.", figures.CutBytes)
	gauge("process_resident_memory_bytes", "Resident memory.", residentBytes())
	writeBody(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", []byte(out.String()))
}

func residentBytes() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(statm))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// family writes a metric with one value.
func family(out io.Writer, name, kind, help, labels string, value uint64) {
	head(out, name, kind, help)
	_, _ = fmt.Fprintf(out, "%s%s %d\n", name, labels, value)
}

func head(out io.Writer, name, kind, help string) {
	_, _ = fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m *metrics) writeTo(out io.Writer) {
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	head(out, "http_requests_total", "counter", "Requests answered, by route and status.")
	for i, name := range routes {
		for j, status := range statuses {
			if count := m.routes[i].byStatus[j].Load(); count > 0 {
				put("http_requests_total{route=%q,status=\"%d\"} %d\n", name, status, count)
			}
		}
	}
	const duration = "http_request_duration_seconds"
	head(out, duration, "histogram", "Time from request head to response, by route.")
	for i, name := range routes {
		route := &m.routes[i]
		count, below := route.count.Load(), uint64(0)
		for j := range latencies {
			below += route.byLatency[j].Load()
			put("%s_bucket{route=%q,le=\"%v\"} %d\n", duration, name, latencies[j].Seconds(), below)
		}
		put("%s_bucket{route=%q,le=\"+Inf\"} %d\n", duration, name, count)
		put("%s_sum{route=%q} %.9f\n", duration, name, time.Duration(route.sumNS.Load()).Seconds())
		put("%s_count{route=%q} %d\n", duration, name, count)
	}
	family(out, "analytics_events_accepted_total", "counter", "Events kept.", "", m.accepted.Load())
	head(out, "analytics_lines_rejected_total", "counter", "Lines refused, by code.")
	for i, code := range ndjson.Codes {
		put("analytics_lines_rejected_total{code=%q} %d\n", code, m.rejected[i].Load())
	}
	head(out, "analytics_batches_total", "counter", "Batches, by outcome.")
	for i, outcome := range outcomes {
		put("analytics_batches_total{outcome=%q} %d\n", outcome, m.batches[i].Load())
	}
	family(out, "analytics_tail_dropped_events_total", "counter", "Events that slow tails missed.", "", m.dropped.Load())
}
