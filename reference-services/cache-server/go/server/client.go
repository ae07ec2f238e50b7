package server

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"cacheserver/resp"
	"cacheserver/store"
)

const (
	// Replies are sent when there are this many bytes of them, though commands are left.
	flushBytes = 64 << 10
	// A buffer of replies starts with this, and is let go at once when it is larger than flushBytes.
	replyBytesMin = 1 << 10
)

// client is one connection and what belongs to it. A goroutine of its own serves it; others use
// only what is atomic.
type client struct {
	server *Server
	conn   net.Conn // what it sends and gets
	raw    net.Conn // the socket: the same, but for TLS
	below  *tlsSide // between the two, with TLS
	id     int64
	since  time.Time
	in     *resp.Reader
	out    resp.Writer
	view   store.View
	count  *counters
	tx     transaction

	ahead int      // commands to run before looking further ahead
	keys  [][]byte // theirs, while looking

	known bool // has authenticated itself, or need not
	last  bool // to be closed when the replies have been sent

	active            atomic.Int64 // when it last sent something, ms
	name, lib, libVer atomic.Pointer[string]
	command           atomic.Uint32 // its last command
	shown             atomic.Uint64 // database, transaction and protocol, for CLIENT LIST
	queryBytes        atomic.Int64
	buffers           atomic.Int64 // bytes of its buffers
	counted           int64        // of those, in the server's sum
	deadline          int64        // of writes, ms
	unsent            atomic.Int64 // bytes of replies that are being written
	noEvict           atomic.Bool
	grown             atomic.Bool // has buffers that may be given back
	dead              atomic.Bool
}

func newClient(s *Server, conn net.Conn, secure *tls.Config, id int64) *client {
	c := &client{
		server: s, conn: conn, raw: conn, id: id, since: time.Now(), view: s.store.View(),
		count: &s.counters[id%counterShards],
		known: *s.password.Load() == "",
	}
	if secure != nil {
		c.secure(secure)
	}
	c.in = resp.NewReader(c.conn)
	c.in.Grow = c.mayGrow
	c.in.Unknown = !c.known
	c.out.Proto = 2
	c.command.Store(commandNone)
	c.show()
	c.active.Store(s.store.Now())
	c.account()
	return c
}

// serve answers commands until the client goes or has to.
func (c *client) serve() {
	defer c.end()
	if c.handshake() != nil {
		return
	}
	for {
		if c.ahead == 0 {
			c.lookAhead()
		}
		args, err := c.in.Next()
		c.ahead--
		switch {
		case err != nil:
			c.out.Begin()
			c.out.Error("ERR " + err.Error())
			c.server.closed[closedProtocol].Add(1)
			c.count.errors.Add(1)
			_ = c.flush()
			c.linger()
			return
		case args == nil:
			if c.flush() != nil || c.fill() != nil {
				return
			}
			c.ahead = 0
			continue
		}
		c.out.Begin()
		c.run(args)
		if c.out.Over {
			c.server.closed[closedReply].Add(1)
			return
		}
		if len(c.out.Buf) > flushBytes || c.last {
			if !c.account() {
				c.server.closed[closedBuffers].Add(1)
				return
			}
			if c.flush() != nil || c.last {
				return
			}
		}
	}
}

// lookAhead has memory brought for the commands that have arrived, if there are several.
func (c *client) lookAhead() {
	var few [2][]byte
	if len(c.in.Ahead(few[:0])) < len(few) {
		c.ahead = 1
		return
	}
	if c.keys == nil {
		c.keys = make([][]byte, 0, store.AheadMax)
	}
	keys := c.in.Ahead(c.keys[:0])
	c.view.Ahead(keys)
	c.ahead = len(keys)
}

// lingerBytesMax is what is read and dropped of a client that broke the protocol, so that closing
// does not take the answer away from it.
const lingerBytesMax = 1 << 20

func (c *client) linger() {
	if conn, ok := c.conn.(interface{ CloseWrite() error }); ok && conn.CloseWrite() == nil {
		_ = c.conn.SetReadDeadline(time.Now().Add(drainTimeout))
		var scrap [4096]byte
		for left := lingerBytesMax; left > 0; {
			n, err := c.conn.Read(scrap[:])
			if err != nil {
				return
			}
			left -= n
		}
	}
}

// fill waits for more input.
func (c *client) fill() error {
	for {
		c.queryBytes.Store(int64(c.in.Buffered()))
		err := c.in.Fill()
		now := c.server.store.Now()
		switch {
		case err == nil:
			c.active.Store(now)
			c.view.Time = now
			return nil
		case errors.Is(err, resp.ErrNoMemory):
			c.server.closed[closedBuffers].Add(1)
			return err
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.server.closing.Load():
			return err
		}
		// Woken to give back what it does not need.
		c.in.Shrink()
		if len(c.out.Buf) == 0 {
			c.out.Buf = nil
		}
		c.keys = nil
		c.account()
		_ = c.conn.SetReadDeadline(time.Time{})
		if c.server.closing.Load() {
			_ = c.conn.SetReadDeadline(time.Now().Add(drainTimeout))
		}
	}
}

// flush sends the replies.
func (c *client) flush() error {
	if len(c.out.Buf) == 0 {
		return nil
	}
	c.unsent.Store(int64(len(c.out.Buf)))
	defer c.unsent.Store(0)
	if err := c.write(c.out.Buf); err != nil {
		return err
	}
	c.out.Buf = c.out.Buf[:0]
	if cap(c.out.Buf) > 2*flushBytes {
		c.out.Buf = make([]byte, 0, replyBytesMin)
	}
	c.account()
	return nil
}

// write sends bytes, in TLS if the client speaks it.
func (c *client) write(bytes []byte) error {
	if c.below == nil {
		return c.send(bytes)
	}
	_, err := c.conn.Write(bytes)
	return err
}

// send writes bytes to the socket. A client that takes none of them for stallTimeout is given up. Setting a
// deadline costs as much as a small command, so one is used for about a second.
func (c *client) send(rest []byte) error {
	var taken time.Time // when the client last took something, once it keeps us waiting
	for {
		if c.view.Time >= c.deadline || !taken.IsZero() {
			step := writeStep
			if !taken.IsZero() {
				step = waitStep
			}
			if err := c.raw.SetWriteDeadline(time.Now().Add(step)); err != nil {
				return err
			}
			c.deadline = c.view.Time + step.Milliseconds()/2
		}
		n, err := c.raw.Write(rest)
		if rest = rest[n:]; err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if now := time.Now(); n > 0 || taken.IsZero() {
			taken = now
		} else if now.Sub(taken) >= c.server.stall {
			c.server.closed[closedStalled].Add(1)
			return err
		}
	}
}

// mayGrow is asked before the input buffer changes its size.
func (c *client) mayGrow(bytes int) bool {
	if bytes > 0 && c.server.bufferBytes.Load()+int64(bytes) > buffersBytesMax &&
		c.buffers.Load()+int64(bytes) > bufferBytesFree {
		return false
	}
	c.buffers.Add(int64(bytes))
	c.settle()
	return true
}

// account brings the server's sum of buffers up to date; false when there are too many.
func (c *client) account() bool {
	bytes := int64(c.in.Size() + cap(c.out.Buf) + c.tx.bytes)
	if bytes != c.buffers.Load() {
		c.buffers.Store(bytes)
		c.settle()
	}
	return c.counted == 0 || c.server.bufferBytes.Load() <= buffersBytesMax
}

func (c *client) settle() {
	beyond := max(0, c.buffers.Load()-bufferBytesFree)
	if beyond != c.counted {
		c.server.bufferBytes.Add(beyond - c.counted)
		c.counted = beyond
		c.grown.Store(beyond > 0)
	}
}

// kill closes the connection from another goroutine.
func (c *client) kill(reason int) {
	if c.dead.CompareAndSwap(false, true) {
		c.server.closed[reason].Add(1)
		_ = c.raw.Close()
	}
}

func (c *client) end() {
	c.view.Unwatch(&c.tx.watch)
	c.server.bufferBytes.Add(-c.counted)
	if c.below != nil {
		c.below.ending = true
	}
	_ = c.conn.Close()
	c.server.forget(c)
}
