package proxy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	statusMin = 100
	statusMax = 599
)

// Upper bounds of the latency buckets, each with its label in seconds.
var buckets = [...]struct {
	bound time.Duration
	label string
}{
	{100 * time.Microsecond, "0.0001"},
	{300 * time.Microsecond, "0.0003"},
	{time.Millisecond, "0.001"},
	{3 * time.Millisecond, "0.003"},
	{10 * time.Millisecond, "0.01"},
	{100 * time.Millisecond, "0.1"},
	{time.Second, "1"},
	{10 * time.Second, "10"},
}

var outcomeNames = [outcomes]string{"answered", "failed", "timeout", "given-up"}

// metrics counts for as long as the process lives, whatever tables come and go.
type metrics struct {
	none, own *routeCounts

	mu        sync.Mutex
	routes    map[string]*routeCounts
	upstreams map[string]*upstreamCounts
	refusals  map[string]*atomic.Uint64

	reloads, reloadsRefused atomic.Uint64
}

type routeCounts struct {
	byStatus [statusMax - statusMin + 1]atomic.Uint64
	byBucket [len(buckets)]atomic.Uint64
	count    atomic.Uint64
	sumNS    atomic.Uint64
}

type upstreamCounts struct {
	attempts        [outcomes]atomic.Uint64
	retries, hedges atomic.Uint64
}

func newMetrics() *metrics {
	m := &metrics{
		none: &routeCounts{}, own: &routeCounts{}, upstreams: map[string]*upstreamCounts{},
		refusals: map[string]*atomic.Uint64{},
	}
	m.routes = map[string]*routeCounts{"none": m.none, "gateway": m.own}
	return m
}

// of returns the counters of a name, new ones if it has none.
func of[T any](m *metrics, all map[string]*T, name string) *T {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts, known := all[name]
	if !known {
		counts = new(T)
		all[name] = counts
	}
	return counts
}

func (m *metrics) route(name string) *routeCounts       { return of(m, m.routes, name) }
func (m *metrics) upstream(name string) *upstreamCounts { return of(m, m.upstreams, name) }
func (m *metrics) refused(word string)                  { of(m, m.refusals, word).Add(1) }

func (c *routeCounts) add(status int, elapsed time.Duration) {
	if status < statusMin || status > statusMax {
		status = statusMax
	}
	c.byStatus[status-statusMin].Add(1)
	for i := range buckets {
		if elapsed <= buckets[i].bound {
			c.byBucket[i].Add(1)
			break
		}
	}
	c.count.Add(1)
	c.sumNS.Add(uint64(max(0, elapsed)))
}

// page writes metrics in the Prometheus text format.
type page struct{ out *bytes.Buffer }

func (p page) family(name, kind, help string) {
	_, _ = fmt.Fprintf(p.out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (p page) put(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", args...) }

// renderMetrics is the page as a whole: a client that takes it slowly must hold no lock.
func (g *Gateway) renderMetrics() []byte {
	m, p := g.metrics, page{&bytes.Buffer{}}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.family("gateway_requests_total", "counter", "Requests, by route and status.")
	for _, name := range slices.Sorted(maps.Keys(m.routes)) {
		for i := range m.routes[name].byStatus {
			if count := m.routes[name].byStatus[i].Load(); count > 0 {
				p.put("gateway_requests_total{route=%q,status=\"%d\"} %d", name, i+statusMin, count)
			}
		}
	}
	p.durations(m.routes)
	p.family("gateway_refusals_total", "counter", "Requests that the gateway refused, by reason.")
	for _, word := range slices.Sorted(maps.Keys(m.refusals)) {
		p.put("gateway_refusals_total{reason=%q} %d", word, m.refusals[word].Load())
	}
	p.upstreams(m.upstreams)
	g.writeStates(p)
	p.family("gateway_reloads_total", "counter", "Times that the table or a key file was read again.")
	p.put("gateway_reloads_total{result=\"loaded\"} %d", m.reloads.Load())
	p.put("gateway_reloads_total{result=\"refused\"} %d", m.reloadsRefused.Load())
	return p.out.Bytes()
}

func (p page) durations(routes map[string]*routeCounts) {
	const family = "gateway_request_duration_seconds"
	p.family(family, "histogram", "Time from a request's head to the end of its answer, by route.")
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		counts := routes[name]
		count, below := counts.count.Load(), uint64(0)
		for i := range buckets {
			below += counts.byBucket[i].Load()
			p.put("%s_bucket{route=%q,le=%q} %d", family, name, buckets[i].label, below)
		}
		p.put("%s_bucket{route=%q,le=\"+Inf\"} %d", family, name, count)
		p.put("%s_sum{route=%q} %.9f", family, name, time.Duration(counts.sumNS.Load()).Seconds())
		p.put("%s_count{route=%q} %d", family, name, count)
	}
}

func (p page) upstreams(all map[string]*upstreamCounts) {
	names := slices.Sorted(maps.Keys(all))
	p.family("gateway_attempts_total", "counter", "Attempts at upstreams, by how they ended.")
	for _, name := range names {
		for i, outcome := range outcomeNames {
			p.put("gateway_attempts_total{upstream=%q,outcome=%q} %d", name, outcome, all[name].attempts[i].Load())
		}
	}
	p.family("gateway_retries_total", "counter", "Attempts that were repeated.")
	for _, name := range names {
		p.put("gateway_retries_total{upstream=%q} %d", name, all[name].retries.Load())
	}
	p.family("gateway_hedges_total", "counter", "Attempts beside one that was slow.")
	for _, name := range names {
		p.put("gateway_hedges_total{upstream=%q} %d", name, all[name].hedges.Load())
	}
}

func (g *Gateway) writeStates(p page) {
	p.family("gateway_breaker_state", "gauge", "0 closed, 1 half-open, 2 open.")
	upstreams := g.table.Load().upstreams
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		for _, o := range upstreams[name].origins {
			p.put("gateway_breaker_state{upstream=%q,address=%q} %d", name, o.address, o.breaker.now())
		}
	}
	p.family("gateway_in_flight", "gauge", "Requests on their way through the gateway.")
	p.put("gateway_in_flight %d", g.inFlight.Load())
	p.family("gateway_connections", "gauge", "Connections of clients.")
	p.put("gateway_connections %d", g.connections.Load())
}
