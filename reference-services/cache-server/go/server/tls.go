package server

import (
	"crypto/tls"
	"net"
	"time"
)

// handshakeTimeout is how long a client has to agree on keys.
const handshakeTimeout = 10 * time.Second

// tlsSide is the socket under a client's TLS. A write that timed out would spoil the TLS above it,
// so that the patience with slow clients is here.
type tlsSide struct {
	net.Conn
	client *client
	ending bool
}

func (t *tlsSide) Write(b []byte) (int, error) {
	if t.ending {
		// What is left to say is that nothing more comes.
		_ = t.SetWriteDeadline(time.Now().Add(drainTimeout))
		return t.Conn.Write(b)
	}
	if err := t.client.send(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// secure has the client speak TLS.
func (c *client) secure(config *tls.Config) {
	c.below = &tlsSide{Conn: c.raw, client: c}
	c.conn = tls.Server(c.below, config)
}

// handshake agrees on keys, where the client speaks TLS.
func (c *client) handshake() error {
	conn, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(c.server.handshake))
	if err := conn.Handshake(); err != nil {
		if !c.dead.Load() && !c.server.closing.Load() {
			c.server.closed[closedTLS].Add(1)
		}
		return err
	}
	_ = c.raw.SetReadDeadline(time.Time{})
	if c.server.closing.Load() {
		_ = c.raw.SetReadDeadline(time.Now().Add(drainTimeout))
	}
	return nil
}
