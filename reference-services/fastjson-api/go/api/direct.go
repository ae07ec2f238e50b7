//go:build direct

package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"fastjson/quote"
)

// Tuning rung direct: a connection loop of our own for the one hot request.
//
// A connection begins here. As long as whole, plain POST /v1/quotes requests come on it and are
// answered 200, they are read, priced and written without net/http. Whatever else comes, a
// request in pieces, another route, a refusal, is not answered here: the connection goes over to
// net/http for good, with the bytes read so far. So every answer but the plain 200 is the
// idiomatic service's own, at the price that a client whose requests arrive in pieces gains
// nothing.

const (
	quotesPath = "/v1/quotes"
	// Larger requests are net/http's. Also how much is read at a time.
	directBytesMax = 8 * 1024
	dateAgeMax     = time.Second
	// Moving a deadline costs; this much sooner than told does not matter.
	deadlineSlack = 500 * time.Millisecond
	// How long answers being written are waited for when the service stops.
	drainTimeout = time.Second
)

var (
	requestLine = []byte("POST " + quotesPath + " HTTP/1.1")
	lineEnd     = []byte("\r\n")
	answerHead  = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ")
)

// front serves the plain start of each connection, and hands the rest to the server.
func front(listener net.Listener, handler http.Handler) net.Listener {
	f := &frontListener{
		Listener: listener, counters: handler.(*recorded).metrics,
		handedOver: make(chan net.Conn), failed: make(chan error, 1), closed: make(chan struct{}),
		plain: map[net.Conn]struct{}{},
	}
	go f.accept()
	return f
}

// frontListener accepts the connections that are handed over.
type frontListener struct {
	net.Listener
	counters   *metrics
	handedOver chan net.Conn
	failed     chan error
	closed     chan struct{}
	closing    sync.Once

	mu      sync.Mutex
	plain   map[net.Conn]struct{} // the connections served here; nil once closed
	serving sync.WaitGroup        // counts them
}

func (f *frontListener) accept() {
	for {
		conn, err := f.Listener.Accept()
		if err != nil {
			f.failed <- err
			return
		}
		if !f.add(conn) {
			_ = conn.Close()
			continue
		}
		go f.serve(conn)
	}
}

func (f *frontListener) add(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plain == nil {
		return false
	}
	f.plain[conn] = struct{}{}
	f.serving.Add(1)
	return true
}

func (f *frontListener) serve(conn net.Conn) {
	rest, err := f.answerPlain(conn)
	f.mu.Lock()
	delete(f.plain, conn)
	f.mu.Unlock()
	f.serving.Done()
	if err != nil || rest == nil {
		_ = conn.Close()
		return
	}
	select {
	case f.handedOver <- &rewoundConn{Conn: conn, read: rest}:
	case <-f.closed:
		_ = conn.Close()
	}
}

func (f *frontListener) Accept() (net.Conn, error) {
	select {
	case conn := <-f.handedOver:
		return conn, nil
	case err := <-f.failed:
		return nil, err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the waits of idle connections; one that is writing its answer finishes it.
func (f *frontListener) Close() error {
	f.closing.Do(func() {
		close(f.closed)
		f.mu.Lock()
		for conn := range f.plain {
			_ = conn.SetReadDeadline(time.Now())
		}
		f.plain = nil
		f.mu.Unlock()
		drained := make(chan struct{})
		go func() { f.serving.Wait(); close(drained) }()
		select {
		case <-drained:
		case <-time.After(drainTimeout):
		}
	})
	return f.Listener.Close()
}

// answerPlain answers plain requests until something else comes, which it returns. Nothing is
// returned when the connection is over.
func (f *frontListener) answerPlain(conn net.Conn) ([]byte, error) {
	input := make([]byte, directBytesMax)
	output, answer := make([]byte, 0, 1024), make([]byte, 0, 1024)
	var date []byte
	var dated, deadline time.Time
	for {
		if now := time.Now(); deadline.Sub(now) < headTimeout-deadlineSlack {
			deadline = now.Add(headTimeout)
			if err := f.await(conn, deadline); err != nil {
				return nil, err
			}
		}
		n, err := conn.Read(input)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for rest := input[:n]; len(rest) > 0; {
			start := time.Now()
			order, after, plain := plainRequest(rest)
			if !plain {
				return bytes.Clone(rest), nil
			}
			var err error
			answer, err = priced(answer[:0], order)
			if err != nil {
				return bytes.Clone(rest), nil
			}
			if start.Sub(dated) >= dateAgeMax {
				date, dated = start.UTC().AppendFormat(date[:0], http.TimeFormat), start
			}
			output = append(output[:0], answerHead...)
			output = strconv.AppendInt(output, int64(len(answer)), 10)
			output = append(append(append(output, "\r\nDate: "...), date...), "\r\n\r\n"...)
			output = append(output, answer...)
			f.counters.routes[0].add(http.StatusOK, time.Since(start))
			if _, err := conn.Write(output); err != nil {
				return nil, err
			}
			rest = after
		}
	}
}

// await sets the deadline, unless the service stops.
func (f *frontListener) await(conn net.Conn, deadline time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plain == nil {
		return net.ErrClosed
	}
	return conn.SetReadDeadline(deadline)
}

// priced returns the quote as JSON, in the buffer if the encoder takes one.
func priced(buffer, body []byte) ([]byte, error) {
	order, err := decodeDirect(body)
	if err != nil {
		return nil, err
	}
	if violations := quote.Validate(order); violations != nil {
		return nil, errors.New("net/http says what is wrong with it")
	}
	q := quote.Price(order)
	return encodeDirect(buffer, &q)
}

// plainRequest is the body of the request at the start of input, and what follows it; not plain
// unless the request is whole and nothing about it needs a decision.
func plainRequest(input []byte) (body, after []byte, plain bool) {
	line, rest, found := bytes.Cut(input, lineEnd)
	if !found || !bytes.Equal(line, requestLine) {
		return nil, nil, false
	}
	length, hosts, types := -1, 0, 0
	for {
		line, rest, found = bytes.Cut(rest, lineEnd)
		if !found {
			return nil, nil, false
		}
		if len(line) == 0 {
			break
		}
		name, value, found := bytes.Cut(line, []byte(": "))
		if !found || !isPlainText(name, value) {
			return nil, nil, false
		}
		switch {
		case asciiEqualFold(name, "Host"):
			hosts++
		case asciiEqualFold(name, "Content-Type"):
			types++
			if string(value) != "application/json" {
				return nil, nil, false
			}
		case asciiEqualFold(name, "Content-Length"):
			n, err := strconv.ParseUint(string(value), 10, 16)
			if err != nil || length >= 0 {
				return nil, nil, false
			}
			length = int(n)
		case asciiEqualFold(name, "Connection"), asciiEqualFold(name, "Expect"),
			asciiEqualFold(name, "Transfer-Encoding"), asciiEqualFold(name, "Upgrade"):
			return nil, nil, false
		}
	}
	if hosts != 1 || types != 1 || length < 0 || length > len(rest) {
		return nil, nil, false
	}
	return rest[:length], rest[length:], true
}

// isPlainText says whether a header's name is letters and dashes, and its value printable ASCII.
func isPlainText(name, value []byte) bool {
	for _, b := range name {
		if b != '-' && (b|0x20 < 'a' || b|0x20 > 'z') {
			return false
		}
	}
	for _, b := range value {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return len(name) > 0
}

func asciiEqualFold(a []byte, b string) bool {
	return len(a) == len(b) && bytes.EqualFold(a, []byte(b))
}

// rewoundConn is a connection some of whose bytes have been read already: they come again first.
type rewoundConn struct {
	net.Conn
	read []byte
}

func (c *rewoundConn) Read(out []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(out)
	}
	n := copy(out, c.read)
	c.read = c.read[n:]
	return n, nil
}
