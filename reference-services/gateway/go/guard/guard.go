// Package guard follows the framing of an HTTP/1.1 connection and stops it at the first byte that two
// programs could read differently. It stands under net/http, which forgives several such shapes
// before a handler could see them.
package guard

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	lineBytesMax    = 16 * 1024
	carryKeptMax    = 512
	trailerBytesMax = 8 * 1024
	lingerTimeout   = 500 * time.Millisecond
	lingerBytesMax  = 256 * 1024

	// standIn takes the place of a head that is malformed. net/http looks for four bytes after an
	// answer, and without them ends the connection in silence.
	standIn = "????"
)

// ErrMalformed ends the reading of a connection: net/http answers 400 to it within a head, and gives
// it to whoever reads the body.
var ErrMalformed = errors.New("malformed request")

type state int

const (
	requestLine state = iota
	fields
	body      // left bytes of it
	chunkSize // a line
	chunkData // left bytes of it
	chunkEnd  // the line feed after the data
	trailers
)

// Conn is a connection whose reader sees well-formed requests only.
type Conn struct {
	net.Conn
	onFault func() // within a head; what is wrong with a body is for its reader to tell

	state state
	left  int64  // bytes of a body or chunk that are still to come
	carry []byte // the start of a line that a read cut
	head  head
	// trailerBytes of this request so far.
	trailerBytes int
	fault        atomic.Bool
	answering    atomic.Bool
	stoodIn      int // bytes of standIn that were read
}

// New guards a connection and calls onFault if a head is malformed.
func New(conn net.Conn, onFault func()) *Conn {
	return &Conn{Conn: conn, onFault: onFault}
}

// Answering says whether net/http has a whole request whose answer has not ended.
func (c *Conn) Answering(answering bool) { c.answering.Store(answering) }

// Read reads what is well formed, and ErrMalformed in the place of the line that is not.
func (c *Conn) Read(p []byte) (int, error) {
	if c.Malformed() {
		return c.readFault(p)
	}
	n, err := c.Conn.Read(p)
	good, fault := c.follow(p[:n])
	if fault == nil {
		return n, err
	}
	if c.inHead() {
		c.onFault()
	}
	c.fault.Store(true)
	if good == 0 {
		return c.readFault(p)
	}
	return good, nil
}

func (c *Conn) inHead() bool { return c.state == requestLine || c.state == fields }

func (c *Conn) readFault(p []byte) (int, error) {
	switch {
	case !c.inHead():
	case c.answering.Load():
		// net/http only looks whether the client is still there: the request before has its answer first.
		return 0, nil
	case c.stoodIn < len(standIn):
		n := copy(p, standIn[c.stoodIn:])
		c.stoodIn += n
		return n, nil
	}
	return 0, ErrMalformed
}

// Malformed reports whether a fault has ended the reading. net/http does not always pass it on.
func (c *Conn) Malformed() bool { return c.fault.Load() }

// Close ends the connection. After a fault it first takes what the client still sends: a reset could
// overtake the answer.
func (c *Conn) Close() error {
	if !c.Malformed() {
		return c.Conn.Close()
	}
	go c.linger()
	return nil
}

func (c *Conn) linger() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytesMax)
	_ = c.Conn.Close()
}

// CloseWrite lets net/http end its half first.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// follow returns how many bytes are well formed, and the fault behind them if there is one.
func (c *Conn) follow(p []byte) (int, error) {
	at := 0
	for at < len(p) {
		if c.state == body || c.state == chunkData {
			taken := min(c.left, int64(len(p)-at))
			at += int(taken)
			c.left -= taken
			if c.left == 0 {
				c.afterData()
			}
			continue
		}
		end := bytes.IndexByte(p[at:], '\n')
		if end < 0 {
			if len(c.carry)+len(p)-at > lineBytesMax {
				return at, ErrMalformed
			}
			c.carry = append(c.carry, p[at:]...)
			if c.state == chunkEnd && string(c.carry) != "\r" {
				return at, ErrMalformed // net/http would not wait for the line's end
			}
			return len(p), nil
		}
		line := p[at : at+end+1]
		if len(c.carry) > 0 {
			c.carry = append(c.carry, line...)
			line = c.carry
		}
		if err := c.line(line); err != nil {
			return at, err
		}
		c.carry = c.carry[:0]
		if cap(c.carry) > carryKeptMax {
			c.carry = nil
		}
		at += end + 1
	}
	return at, nil
}

func (c *Conn) afterData() {
	if c.state == body {
		c.state = requestLine
	} else {
		c.state = chunkEnd
	}
}

// line takes one whole line, its end included.
func (c *Conn) line(line []byte) error {
	text, found := bytes.CutSuffix(line, []byte("\r\n"))
	if !found || !isText(text) {
		return ErrMalformed
	}
	switch c.state {
	case requestLine:
		c.head, c.state = head{}, fields
		return c.head.requestLine(text)
	case fields:
		if len(text) > 0 {
			return c.head.field(text)
		}
		return c.headDone()
	case chunkSize:
		return c.chunk(text)
	case chunkEnd:
		c.state = chunkSize
		if len(text) > 0 {
			return ErrMalformed
		}
	case trailers:
		if len(text) == 0 {
			c.state = requestLine
			return nil
		}
		c.trailerBytes += len(line)
		if _, _, err := splitField(text); err != nil || c.trailerBytes > trailerBytesMax {
			return ErrMalformed
		}
	}
	return nil
}

func (c *Conn) headDone() error {
	if err := c.head.check(); err != nil {
		return err
	}
	switch {
	case c.head.chunked:
		c.state = chunkSize
	case c.head.length > 0:
		c.state, c.left = body, c.head.length
	default:
		c.state = requestLine
	}
	return nil
}

func (c *Conn) chunk(text []byte) error {
	size, err := parseChunkSize(text)
	if err != nil {
		return err
	}
	if size > 0 {
		c.state, c.left = chunkData, size
	} else {
		c.state, c.trailerBytes = trailers, 0
	}
	return nil
}
