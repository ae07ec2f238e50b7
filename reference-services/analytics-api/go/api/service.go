// Package api serves a store over HTTP.
package api

import (
	_ "embed" // for openapi.json
	"io"
	"net/http"
	"path"
	"strconv"
	"sync/atomic"

	"analyticsapi/store"
)

// Config is what a service is made with.
type Config struct {
	Store           *store.Store
	Threads         int
	GroupsMax       int64
	PendingBytesMax int64
}

// Service answers requests about a store.
type Service struct {
	Config
	metrics metrics
	pending atomic.Int64 // bytes of bodies
	queries gate
	tails   atomic.Int64
	ending  chan struct{} // closed when the service stops
}

// New returns a service.
func New(config Config) *Service {
	return &Service{Config: config, queries: newGate(), ending: make(chan struct{})}
}

//go:embed openapi.json
var openAPI []byte

func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(path, methods string, handlers map[string]http.HandlerFunc) {
		for method, handler := range handlers {
			mux.HandleFunc(method+" "+path, handler)
		}
		mux.HandleFunc(path, methodNotAllowed(methods))
	}
	type by = map[string]http.HandlerFunc
	route("/v1/events", "POST", by{"POST": s.takeBatch})
	route("/v1/query", "GET, HEAD, POST", by{"GET": s.getQuery, "POST": s.postQuery})
	route("/v1/series", "GET, HEAD", by{"GET": s.listSeries})
	route("/v1/tail", "GET, HEAD", by{"GET": s.tail})
	route("/v1/export", "GET, HEAD", by{"GET": s.export})
	route("/v1/openapi.json", "GET, HEAD", by{"GET": func(w http.ResponseWriter, _ *http.Request) {
		writeBody(w, http.StatusOK, "application/json", openAPI)
	}})
	route("/healthz", "GET, HEAD", by{"GET": func(w http.ResponseWriter, _ *http.Request) {
		writeBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	}})
	route("/metrics", "GET, HEAD", by{"GET": s.showMetrics})
	mux.HandleFunc("/", notFound)
	return &recorded{&s.metrics, exactPaths(mux)}
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	ofStatus(http.StatusNotFound, "There is nothing at this path.").write(w)
}

func methodNotAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		const detail = "This path does not take the method; see the Allow header."
		ofStatus(http.StatusMethodNotAllowed, detail).write(w)
	}
}

// exactPaths refuses the spellings that ServeMux would redirect or decode.
func exactPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawPath != "" || path.Clean(r.URL.Path) != r.URL.Path {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = patient(w).Write(body)
}

// patient returns a writer that gives a client 30 s for each piece of its answer.
func patient(w http.ResponseWriter) io.Writer {
	return &patientWriter{w, http.NewResponseController(w)}
}
