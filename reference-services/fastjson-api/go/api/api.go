// Package api serves quotes over HTTP.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"fastjson/quote"
)

const bodyBytesMax = 16 * 1024

var tooLarge = fmt.Sprintf("An order has at most %d bytes.", bodyBytesMax)

// Handler returns the service's routes, with counters of their own.
func Handler() http.Handler {
	counters := &metrics{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/quotes", handleQuote)
	mux.HandleFunc("/v1/quotes", methodNotAllowed("POST"))
	mux.HandleFunc("GET /healthz", handleHealthz)
	mux.HandleFunc("/healthz", methodNotAllowed("GET, HEAD"))
	mux.HandleFunc("GET /metrics", counters.handle)
	mux.HandleFunc("/metrics", methodNotAllowed("GET, HEAD"))
	mux.HandleFunc("/", notFound)
	return counters.record(exactPaths(mux))
}

func handleQuote(w http.ResponseWriter, r *http.Request) {
	body, refusal := readJSON(w, r)
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

// readJSON reads a body that says it is JSON.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	refuse := func(status int, detail string) ([]byte, *problem) {
		p := ofStatus(status, detail)
		return nil, &p
	}
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "Send the order as application/json.")
	}
	// A length known beforehand is refused before the body is read.
	if r.ContentLength > bodyBytesMax {
		return refuse(http.StatusRequestEntityTooLarge, tooLarge)
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, bodyBytesMax), r.ContentLength)
	if _, limit := errors.AsType[*http.MaxBytesError](err); limit {
		return refuse(http.StatusRequestEntityTooLarge, tooLarge)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refuse(http.StatusRequestTimeout, "The body did not arrive in time.")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "The body could not be read.")
	}
	return body, nil
}

// readAll reads a body into one buffer when its length is known.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(body)
	}
	buffer := make([]byte, length)
	_, err := io.ReadFull(body, buffer)
	return buffer, err
}

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
