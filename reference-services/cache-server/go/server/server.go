// Package server answers the commands of the Redis protocol from a store.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cacheserver/store"
)

const (
	// ClientsMax is the most that may be configured.
	ClientsMax = 100_000
	// TimeoutMax is the longest idle time that may be configured, in seconds.
	TimeoutMax = 1<<31 - 1
	// PasswordBytesMax is the length of the longest password.
	PasswordBytesMax = 512

	// How long a client may take nothing of what waits for it.
	stallTimeout = 10 * time.Second
	// How long one write waits at most before the time is looked at.
	writeStep = 2 * time.Second
	// How often to look again at a client that keeps us waiting.
	waitStep = 250 * time.Millisecond
	// How long clients have for commands that are on their way when the server stops.
	drainTimeout = 100 * time.Millisecond
	stopTimeout  = 8 * time.Second

	// What all clients together may buffer beyond bufferBytesFree each.
	buffersBytesMax = 256 << 20
	bufferBytesFree = 16 << 10

	expiryInterval = 100 * time.Millisecond
	// The most of an interval that active expiry takes.
	expiryBudget  = 5 * time.Millisecond
	tendInterval  = time.Second
	shrinkAfterMS = 2_000

	// Beyond the budget: the collector's limit leaves this much for code, stacks and buffers.
	runtimeBytes = 16 << 20
	// Counters are spread over this many places, so that threads seldom meet in one.
	counterShards = 16
)

// Why connections were closed by the server.
const (
	closedMaxclients = iota
	closedProtocol
	closedReply
	closedStalled
	closedBuffers
	closedTimeout
	closedKilled
	closedTLS
	closedReasons
)

var closedNames = [closedReasons]string{
	"maxclients", "protocol", "reply", "stalled", "buffers", "timeout", "killed", "tls",
}

// keepAliveSeconds is after how long a silent client is asked whether it is there still.
const keepAliveSeconds = 300

// keepAlive asks as Redis does: three times, a third of the time apart.
var keepAlive = net.KeepAliveConfig{
	Enable: true, Idle: keepAliveSeconds * time.Second, Interval: keepAliveSeconds / 3 * time.Second, Count: 3,
}

// Config says how a server behaves.
type Config struct {
	Store      *store.Store
	Threads    int
	MaxClients int
	// The password of the only user, empty for none.
	Password string
	// After how many seconds an idle client is closed, 0 for never.
	Timeout int
	// For clients that speak TLS, if there are any.
	TLS *TLS
}

// TLS is where clients connect that speak it, and with what certificate.
type TLS struct {
	Listener net.Listener
	Config   *tls.Config
}

// Server answers the clients of one listener.
type Server struct {
	store    *store.Store
	threads  int
	listener net.Listener
	tls      *TLS
	started  time.Time

	// How long a client may take nothing of what waits for it: stallTimeout but in tests.
	stall time.Duration
	// How long one has for agreeing on keys: handshakeTimeout but in tests.
	handshake time.Duration

	maxClients, timeout atomic.Int64
	password            atomic.Pointer[string]

	mu      sync.Mutex
	clients map[int64]*client
	running sync.WaitGroup
	lastID  int64
	closing atomic.Bool
	// Says that much memory was let go.
	freed chan struct{}

	bufferBytes atomic.Int64
	counters    [counterShards]counters
	accepted    atomic.Uint64
	closed      [closedReasons]atomic.Uint64
	// What to take away from the counters, after CONFIG RESETSTAT.
	reset atomic.Pointer[baseline]
}

// counters are of commands, by the place in the table.
type counters struct {
	commands [commandsMax]atomic.Uint64
	errors   atomic.Uint64
	_        [64]byte
}

// baseline is what counters for INFO were at their last reset.
type baseline struct{ commands, accepted, maxClients, output uint64 }

// New makes a server for a listener.
func New(listener net.Listener, c Config) *Server {
	s := &Server{
		store: c.Store, threads: c.Threads, listener: listener, tls: c.TLS, started: time.Now(),
		clients: map[int64]*client{}, stall: stallTimeout, handshake: handshakeTimeout,
		freed: make(chan struct{}, 1),
	}
	s.maxClients.Store(int64(c.MaxClients))
	s.timeout.Store(int64(c.Timeout))
	s.password.Store(&c.Password)
	s.reset.Store(&baseline{})
	return s
}

// Serve answers clients until ctx is done. Then it stops accepting, answers what has arrived whole
// and closes.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 2)
	go func() { failed <- s.accept(s.listener, nil) }()
	if s.tls != nil {
		go func() { failed <- s.accept(s.tls.Listener, s.tls.Config) }()
	}
	var tending sync.WaitGroup
	tending.Go(func() { s.tend(ctx) })
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// A client is either in the list from here on, or not admitted.
	s.closing.Store(true)
	_ = s.listener.Close()
	if s.tls != nil {
		_ = s.tls.Listener.Close()
	}
	for _, c := range s.list() {
		_ = c.conn.SetReadDeadline(time.Now().Add(drainTimeout))
	}
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(stopTimeout):
		slog.Warn("clients that took nothing were cut off")
		for _, c := range s.list() {
			_ = c.conn.Close()
		}
	}
	tending.Wait()
	return nil
}

func (s *Server) accept(listener net.Listener, secure *tls.Config) error {
	for pause := time.Millisecond; ; {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// Out of file descriptors, or a client that went: wait and go on.
			slog.Warn("could not accept", "error", err)
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = time.Millisecond
		if socket, ok := conn.(*net.TCPConn); ok {
			_ = socket.SetKeepAliveConfig(keepAlive)
		}
		s.accepted.Add(1)
		s.admit(conn, secure)
	}
}

func (s *Server) admit(conn net.Conn, secure *tls.Config) {
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		_ = conn.Close()
		return
	}
	full := int64(len(s.clients)) >= s.maxClients.Load()
	if !full {
		s.lastID++
		c := newClient(s, conn, secure, s.lastID)
		s.clients[c.id] = c
		s.running.Go(c.serve)
	}
	s.mu.Unlock()
	if full {
		s.closed[closedMaxclients].Add(1)
		// Before keys are agreed on nothing can be said.
		if secure == nil {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write([]byte("-ERR max number of clients reached\r\n"))
		}
		_ = conn.Close()
	}
}

// list is all clients in the order in which they came.
func (s *Server) list() []*client {
	s.mu.Lock()
	clients := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		clients = append(clients, c)
	}
	s.mu.Unlock()
	slices.SortFunc(clients, func(a, b *client) int { return int(a.id - b.id) })
	return clients
}

func (s *Server) forget(c *client) {
	s.mu.Lock()
	delete(s.clients, c.id)
	s.mu.Unlock()
}

// tend does what has to be done from time to time.
func (s *Server) tend(ctx context.Context) {
	expiry := time.NewTicker(expiryInterval)
	defer expiry.Stop()
	tend := time.NewTicker(tendInterval)
	defer tend.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-expiry.C:
			s.store.Expire(expiryBudget)
		case <-s.freed:
			debug.FreeOSMemory()
		case <-tend.C:
			if s.store.Tend() > freeAtOnceBytes {
				debug.FreeOSMemory()
			}
			s.limitMemory()
			s.tendClients()
		}
	}
}

// freeAtOnceBytes is how much has to be let go for the collector to be called for it.
const freeAtOnceBytes = 8 << 20

// giveBack has the collector called when much memory was let go since a number of bytes was in use.
func (s *Server) giveBack(before int64) {
	if before-s.store.Used() > freeAtOnceBytes {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

// limitMemory tells the collector what it may use: the budget, a twentieth of it and what clients
// buffer. GOMEMLIMIT in the environment wins.
func (s *Server) limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		budget := s.store.MaxMemory()
		debug.SetMemoryLimit(budget + budget/20 + runtimeBytes + 2*s.bufferBytes.Load())
	}
}

// tendClients closes the idle, and wakes those whose buffers have grown and lie empty.
func (s *Server) tendClients() {
	now := s.store.Now()
	timeout := s.timeout.Load() * 1000
	for _, c := range s.list() {
		idle := now - c.active.Load()
		switch {
		case timeout > 0 && idle > timeout && c.unsent.Load() == 0:
			c.kill(closedTimeout)
		case idle > shrinkAfterMS && c.grown.Load() && c.unsent.Load() == 0:
			_ = c.conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
}
