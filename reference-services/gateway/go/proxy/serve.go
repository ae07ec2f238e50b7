package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"gateway/config"
	"gateway/guard"
)

// net/http reads 4 KiB more than it is told before it refuses a head.
const headBytesMax = 12 * 1024

// Serve answers until ctx is done, then closes idle connections at once and lets requests in flight
// finish within the drain time.
func (g *Gateway) Serve(ctx context.Context, listener net.Listener) error {
	head := config.Milliseconds(g.server.HeadMS)
	server := &http.Server{
		Handler:                      g,
		ReadHeaderTimeout:            head,
		IdleTimeout:                  head,
		MaxHeaderBytes:               headBytesMax,
		DisableGeneralOptionsHandler: true,
		ConnContext:                  rememberGuard,
		ConnState:                    tellGuard,
		ErrorLog:                     slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(g.guarded(listener)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.Background(), config.Milliseconds(g.server.DrainMS))
	defer cancel()
	if err := server.Shutdown(bounded); errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests still in flight were cut off")
		return server.Close()
	} else if err != nil {
		return err
	}
	return nil
}

type guardKey struct{}

// rememberGuard lets a request find out what its connection's guard knows.
func rememberGuard(ctx context.Context, conn net.Conn) context.Context {
	if slotted, is := conn.(*slottedConn); is {
		return context.WithValue(ctx, guardKey{}, slotted.Conn)
	}
	return ctx
}

// tellGuard lets a connection's guard know when a request is being answered.
func tellGuard(conn net.Conn, state http.ConnState) {
	if slotted, is := conn.(*slottedConn); is {
		slotted.Answering(state == http.StateActive)
	}
}

// guardedListener accepts a connection only while a slot is free, and guards it.
type guardedListener struct {
	net.Listener
	gateway *Gateway
	slots   chan struct{}
	closed  chan struct{}
	close   func() error
}

func (g *Gateway) guarded(listener net.Listener) net.Listener {
	closed := make(chan struct{})
	return &guardedListener{
		Listener: listener,
		gateway:  g,
		slots:    make(chan struct{}, g.server.ConnectionsMax),
		closed:   closed,
		close:    sync.OnceValue(func() error { close(closed); return listener.Close() }),
	}
}

func (l *guardedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	l.gateway.connections.Add(1)
	release := sync.OnceFunc(func() {
		l.gateway.connections.Add(-1)
		<-l.slots
	})
	malformed := func() { l.gateway.metrics.refused("malformed-request") }
	return &slottedConn{Conn: guard.New(conn, malformed), release: release}, nil
}

func (l *guardedListener) Close() error { return l.close() }

type slottedConn struct {
	*guard.Conn
	release func()
}

func (c *slottedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
