// Package proxy routes requests to upstreams as a table says.
package proxy

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gateway/config"
)

const fieldsMax = 100

// Gateway answers for all routes of a table, which may change at any time.
type Gateway struct {
	file        string
	server      config.Server
	clientIdle  time.Duration
	table       atomic.Pointer[table]
	metrics     *metrics
	seen        map[string]string // stamps of the files as they were last read
	inFlight    atomic.Int64
	connections atomic.Int64
}

// Open loads the table from a file.
func Open(file string) (*Gateway, error) {
	g := &Gateway{file: file, metrics: newMetrics()}
	built, seen, err := g.load(nil)
	if err != nil {
		return nil, err
	}
	g.server, g.seen = built.conf.Server, seen
	g.clientIdle = config.Milliseconds(g.server.ClientIdleMS)
	g.table.Store(built)
	return g, nil
}

func (g *Gateway) enter() bool {
	if g.inFlight.Add(1) > g.server.InFlightMax {
		g.inFlight.Add(-1)
		return false
	}
	return true
}

func (g *Gateway) leave() { g.inFlight.Add(-1) }

// ServeHTTP answers one request and counts it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{
		gateway: g, table: g.table.Load(), r: r, id: requestID(r.Header),
		w: &answerWriter{ResponseWriter: w, control: http.NewResponseController(w), idle: g.clientIdle},
	}
	counts := g.metrics.none
	defer func() { counts.add(x.w.status, time.Since(start)) }()
	if r.ContentLength != 0 {
		g.prepareForBody(x.w.control)
	}
	w.Header()["X-Request-Id"] = []string{x.id}
	switch {
	case !isPlainTarget(r.RequestURI):
		x.refuse(&ambiguousTarget)
		return
	case fieldCount(r.Header) > fieldsMax:
		x.refuse(&tooManyFields)
		return
	case !isExpected(r.Header["Expect"]):
		x.refuse(&expectation)
		return
	case r.URL.Path == "/healthz" || r.URL.Path == "/metrics":
		counts = g.metrics.own
		g.serveOwn(x)
		return
	}
	route, refused := x.table.find(r)
	if refused != nil {
		x.refuse(refused)
		return
	}
	x.route, counts = route, route.counts
	x.trace, x.follows = traceparent(r.Header)
	x.serve()
}

// isExpected reports whether all that a client expects can be met. net/http looks for the one word in
// the first of these fields only, among others.
func isExpected(expectations []string) bool {
	return !slices.ContainsFunc(expectations, func(value string) bool {
		return !strings.EqualFold(value, "100-continue")
	})
}

// prepareForBody bounds how long net/http may wait for the rest of a body that nobody reads, and
// lets an upstream answer before it has read all of one.
func (g *Gateway) prepareForBody(control *http.ResponseController) {
	now := time.Now()
	_ = control.SetReadDeadline(now.Add(g.clientIdle))
	_ = control.SetWriteDeadline(now.Add(g.clientIdle)) // for 100 Continue
	_ = control.EnableFullDuplex()
}

func (g *Gateway) serveOwn(x *exchange) {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		refused := methodNotAllowed("GET, HEAD")
		x.refuse(&refused)
		return
	}
	x.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if x.r.URL.Path == "/metrics" {
		_, _ = x.w.Write(g.renderMetrics())
		return
	}
	_, _ = x.w.Write([]byte("ok\n"))
}

// answerWriter remembers the status, and gives up on a client that takes nothing for too long.
type answerWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	status  int
}

func (w *answerWriter) WriteHeader(status int) {
	w.status = status
	_ = w.control.SetWriteDeadline(time.Now().Add(w.idle))
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	} else {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.idle))
	}
	return w.ResponseWriter.Write(p)
}
