package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Up to this length a body's memory is taken on the word of its Content-Length.
const trustedBytesMax = 16 * 1024

// readJSON reads a body that says it is JSON.
func readJSON(w http.ResponseWriter, r *http.Request, bytesMax int64) ([]byte, *problem) {
	if !isMediaType(r, "application/json") {
		return nil, refusal(http.StatusUnsupportedMediaType, "Send the body as application/json.")
	}
	return readBody(w, r, bytesMax)
}

// isMediaType says whether the first Content-Type is the one wanted, whatever its parameters.
func isMediaType(r *http.Request, want string) bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), want)
}

func readBody(w http.ResponseWriter, r *http.Request, bytesMax int64) ([]byte, *problem) {
	// A length known beforehand is refused before the body is read.
	if r.ContentLength > bytesMax {
		return nil, tooLarge(bytesMax)
	}
	limited := r.Body
	if r.ContentLength < 0 {
		limited = http.MaxBytesReader(w, r.Body, bytesMax)
	}
	body, err := readAll(limited, r.ContentLength)
	if _, limit := errors.AsType[*http.MaxBytesError](err); limit {
		return nil, tooLarge(bytesMax)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, refusal(http.StatusRequestTimeout, "The body did not arrive in time.")
	}
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "The body could not be read.")
	}
	return body, nil
}

// readAll reads a body into one buffer when it says that it is short.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > trustedBytesMax {
		return io.ReadAll(body)
	}
	buffer := make([]byte, length)
	_, err := io.ReadFull(body, buffer)
	return buffer, err
}

func tooLarge(bytesMax int64) *problem {
	detail := fmt.Sprintf("The body has more than %d bytes.", bytesMax)
	return refusal(http.StatusRequestEntityTooLarge, detail)
}

func refusal(status int, detail string) *problem {
	p := ofStatus(status, detail)
	return &p
}
