package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connectionsMax = 8_192
	// net/http reads 4 KiB more than it is told before it refuses a head.
	headBytesMax = 12 * 1024
	// How long a connection may go without a whole request head, and how long it may idle.
	headTimeout     = 10 * time.Second
	shutdownTimeout = 10 * time.Second
)

// Serve answers requests until ctx is done, then ends tails and lets requests in flight finish
// within 10 s.
func (s *Service) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:                      s.handler(),
		ReadHeaderTimeout:            headTimeout,
		IdleTimeout:                  headTimeout,
		MaxHeaderBytes:               headBytesMax,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(slog.Default().Handler(), slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(limit(listener, connectionsMax)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(s.ending)
	bounded, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(bounded); errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests still in flight were cut off")
		return server.Close()
	} else if err != nil {
		return err
	}
	return nil
}

// limitedListener accepts a connection only while a slot is free; others wait in the kernel's
// queue.
type limitedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	close  func() error
}

func limit(listener net.Listener, connections int) net.Listener {
	closed := make(chan struct{})
	return &limitedListener{
		Listener: listener,
		slots:    make(chan struct{}, connections),
		closed:   closed,
		close:    sync.OnceValue(func() error { close(closed); return listener.Close() }),
	}
}

func (l *limitedListener) Accept() (net.Conn, error) {
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
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limitedListener) Close() error { return l.close() }

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
