package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gateway/guard"
)

var (
	errTooLarge = errors.New("the body is too large")
	errPaused   = errors.New("the client pauses too long")
	errGone     = errors.New("the client is gone")
	errDone     = errors.New("the exchange is over")
)

// requestBody is a client's body on its way to an upstream, with a limit on its length and its
// pauses.
type requestBody struct {
	source  io.Reader
	guard   *guard.Conn
	control *http.ResponseController
	idle    time.Duration

	reading sync.Mutex // held by the one who reads, also while it waits
	left    int64      // bytes that are still allowed

	began, ended, done atomic.Bool
	broke              atomic.Pointer[error] // why it could not be read to its end
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	b.began.Store(true)
	_ = b.control.SetReadDeadline(time.Now().Add(b.idle))
	if b.done.Load() {
		return 0, errDone
	}
	n, err := b.source.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return n, b.fail(errTooLarge)
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
		// net/http now waits for the client to leave, which may take long.
		_ = b.control.SetReadDeadline(time.Time{})
	case err != nil:
		return n, b.fail(err)
	}
	return n, err
}

func (b *requestBody) fail(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge):
	case b.guard.Malformed():
		err = guard.ErrMalformed
	case errors.As(err, &timeout) && timeout.Timeout():
		err = errPaused
	default:
		err = errGone
	}
	b.broke.Store(&err)
	return err
}

// Close does nothing: an attempt that fails closes its body, and the next may still need it.
func (b *requestBody) Close() error { return nil }

// finish ends all reading, which net/http forbids after the handler's end.
func (b *requestBody) finish() {
	b.done.Store(true)
	if !b.ended.Load() {
		_ = b.control.SetReadDeadline(time.Now()) // wakes the one who reads
	}
	b.reading.Lock()
	defer b.reading.Unlock()
}

// touched reports whether an attempt may have sent some of it.
func (b *requestBody) touched() bool { return b.began.Load() }

// unfinished reports whether the client has not sent all of it.
func (b *requestBody) unfinished() bool { return b.began.Load() && !b.ended.Load() }

// fault is why it could not be read to its end.
func (b *requestBody) fault() error {
	if broke := b.broke.Load(); broke != nil {
		return *broke
	}
	return nil
}

// nothing is the body of a request that has none, for which Transport would otherwise send it again
// whenever a kept connection breaks: attempts and their budget are the gateway's to count. Together
// with the transfer coding "identity" it adds not a byte to the request.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

// repeatedByLibrary reports whether Transport takes a request without a body for one that it may repeat.
func repeatedByLibrary(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	_, keyed := r.Header["Idempotency-Key"]
	_, alsoKeyed := r.Header["X-Idempotency-Key"]
	return keyed || alsoKeyed
}
