package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"cacheserver/store"
)

// testConfig is what tests vary.
type testConfig struct {
	memory   int64
	policy   store.Policy
	clients  int
	password string
	clock    func() int64
	stall    time.Duration
	// For a port for TLS, and how long a client has there.
	secure    *tls.Config
	handshake time.Duration
}

type running struct {
	*Server
	address string
}

// start runs a server until the test ends.
func start(t *testing.T, c testConfig) running {
	t.Helper()
	if c.memory == 0 {
		c.memory = 64 << 20
	}
	if c.clients == 0 {
		c.clients = 1000
	}
	if c.clock == nil {
		c.clock = func() int64 { return time.Now().UnixMilli() }
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Store:   store.New(store.Config{MaxMemory: c.memory, Policy: c.policy, Clock: c.clock}),
		Threads: 2, MaxClients: c.clients, Password: c.password,
	}
	if c.secure != nil {
		secured, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config.TLS = &TLS{Listener: secured, Config: c.secure}
	}
	s := New(listener, config)
	if c.stall != 0 {
		s.stall = c.stall
	}
	if c.handshake != 0 {
		s.handshake = c.handshake
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return running{s, listener.Addr().String()}
}

func (r running) dial(t *testing.T) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{Conn: conn, in: bufio.NewReader(conn)}
}

func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}
