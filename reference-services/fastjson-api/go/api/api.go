// Package api serves quotes and documents over HTTP.
package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"

	"fastjson/document"
	"fastjson/quote"
)

const orderBytesMax = 16 * 1024

// Handler returns the service's routes, with counters and a store of documents of their own.
func Handler(limits document.Limits) http.Handler {
	counters := &metrics{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/quotes", handleQuote)
	mux.HandleFunc("/v1/quotes", methodNotAllowed("POST"))
	docs := &documents{store: document.NewStore(limits)}
	docs.register(mux)
	mux.HandleFunc("POST "+canonicalizeRoute, handleCanonicalize)
	mux.HandleFunc(canonicalizeRoute, methodNotAllowed("POST"))
	mux.HandleFunc("GET /healthz", handleHealthz)
	mux.HandleFunc("/healthz", methodNotAllowed("GET, HEAD"))
	mux.HandleFunc("GET /metrics", counters.handle)
	mux.HandleFunc("/metrics", methodNotAllowed("GET, HEAD"))
	mux.HandleFunc("/", notFound)
	return &recorded{counters, exactPaths(mux)}
}

func handleQuote(w http.ResponseWriter, r *http.Request) {
	body, refusal := readJSON(w, r, orderBytesMax)
	if refusal != nil {
		refusal.write(w)
		return
	}
	order, err := quote.Decode(body)
	if errors.Is(err, quote.ErrNotJSON) {
		malformedJSON(err.Error()).write(w)
		return
	}
	if err != nil {
		notAnOrder(err.Error()).write(w)
		return
	}
	if violations := quote.Validate(order); violations != nil {
		invalidOrder(violations).write(w)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", quote.Price(order))
}

func handleHealthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
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

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	writeBody(w, status, contentType, body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
