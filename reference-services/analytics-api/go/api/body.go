package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	stallTimeout = 30 * time.Second // for a client that takes nothing of its answer
	pieceBytes   = 64 << 10
	// Up to this length a body's memory is taken on the word of its Content-Length.
	trustedBytesMax = 1 << 20
)

// isMediaType says whether the first Content-Type is the one wanted, whatever its parameters.
func isMediaType(r *http.Request, want string) bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), want)
}

// readBody reads a body that must be whole in time.
func readBody(w http.ResponseWriter, r *http.Request, bytesMax int64, timeout time.Duration) ([]byte, *problem) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(timeout))
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
	_ = control.SetReadDeadline(time.Time{})
	return body, nil
}

func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(body)
	}
	buffer := make([]byte, min(length, trustedBytesMax))
	if _, err := io.ReadFull(body, buffer); err != nil || length == int64(len(buffer)) {
		return buffer, err
	}
	whole := make([]byte, length)
	_, err := io.ReadFull(body, whole[copy(whole, buffer):])
	return whole, err
}

func tooLarge(bytesMax int64) *problem {
	return refusal(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body has more than %d bytes.", bytesMax))
}

// patientWriter sets the deadline anew for each piece.
type patientWriter struct {
	to      io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(bytes []byte) (written int, err error) {
	for len(bytes) > 0 && err == nil {
		_ = p.control.SetWriteDeadline(time.Now().Add(stallTimeout))
		var n int
		n, err = p.to.Write(bytes[:min(len(bytes), pieceBytes)])
		bytes = bytes[n:]
		written += n
	}
	return written, err
}
