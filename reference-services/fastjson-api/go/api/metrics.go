package api

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Paths that are told apart; all others are counted as other.
var routes = [...]string{
	"/v1/quotes", documentRoute, canonicalizeRoute, "/healthz", "/metrics", "other",
}

// Statuses that are told apart; all others are counted as 500.
var statuses = [...]int{
	200, 201, 204, 304, 400, 404, 405, 408, 409, 412, 413, 415, 422, 507, 500,
}

// Upper bounds of the latency buckets, each with its label in seconds.
var buckets = [...]struct {
	bound time.Duration
	label string
}{
	{10 * time.Microsecond, "0.00001"},
	{30 * time.Microsecond, "0.00003"},
	{100 * time.Microsecond, "0.0001"},
	{time.Millisecond, "0.001"},
	{10 * time.Millisecond, "0.01"},
	{100 * time.Millisecond, "0.1"},
	{time.Second, "1"},
}

// metrics is the counters of every route, shown in the Prometheus text format.
type metrics struct {
	routes [len(routes)]routeMetrics
}

type routeMetrics struct {
	byStatus [len(statuses)]atomic.Uint64
	byBucket [len(buckets)]atomic.Uint64
	count    atomic.Uint64
	sumNS    atomic.Uint64
}

// recorded counts each request: from its head having been read to its response being ready.
type recorded struct {
	metrics *metrics
	next    http.Handler
}

func (c *recorded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	recorder := statusRecorder{ResponseWriter: w, status: http.StatusOK}
	c.next.ServeHTTP(&recorder, r)
	route := &c.metrics.routes[indexOf(routes[:], routeOf(r))]
	route.add(recorder.status, time.Since(start))
}

// routeOf is the path, or what stands for the paths of all documents.
func routeOf(r *http.Request) string {
	path := r.URL.EscapedPath()
	if id, found := strings.CutPrefix(path, "/v1/documents/"); found && isID(id) {
		return documentRoute
	}
	return path
}

// statusRecorder remembers the status that a handler writes.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and MaxBytesReader reach the server's own writer.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (r *routeMetrics) add(status int, elapsed time.Duration) {
	r.byStatus[indexOf(statuses[:], status)].Add(1)
	for i := range buckets {
		if elapsed <= buckets[i].bound {
			r.byBucket[i].Add(1)
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

func (m *metrics) handle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.writeTo(w)
}

func (m *metrics) writeTo(out io.Writer) {
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	put("# HELP http_requests_total Requests answered, by route and status.\n")
	put("# TYPE http_requests_total counter\n")
	for i, name := range routes {
		for j, status := range statuses {
			if count := m.routes[i].byStatus[j].Load(); count > 0 {
				put("http_requests_total{route=%q,status=\"%d\"} %d\n", name, status, count)
			}
		}
	}
	const family = "http_request_duration_seconds"
	put("# HELP %s Time from request head to response, by route.\n", family)
	put("# TYPE %s histogram\n", family)
	for i, name := range routes {
		route := &m.routes[i]
		count := route.count.Load()
		below := uint64(0)
		for j := range buckets {
			below += route.byBucket[j].Load()
			put("%s_bucket{route=%q,le=%q} %d\n", family, name, buckets[j].label, below)
		}
		put("%s_bucket{route=%q,le=\"+Inf\"} %d\n", family, name, count)
		put("%s_sum{route=%q} %.9f\n", family, name, time.Duration(route.sumNS.Load()).Seconds())
		put("%s_count{route=%q} %d\n", family, name, count)
	}
}
