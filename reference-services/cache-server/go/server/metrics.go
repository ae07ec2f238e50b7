package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	metricsHeadTimeout = 10 * time.Second
	metricsHeadMax     = 8 << 10
	metricsStopTimeout = time.Second
)

// ServeMetrics answers /metrics and /healthz on a listener until ctx is done.
func (s *Server) ServeMetrics(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.writeMetrics(w)
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: metricsHeadTimeout, ReadTimeout: metricsHeadTimeout,
		WriteTimeout: metricsHeadTimeout, IdleTimeout: metricsHeadTimeout, MaxHeaderBytes: metricsHeadMax,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.Background(), metricsStopTimeout)
	defer cancel()
	if server.Shutdown(bounded) != nil {
		return server.Close()
	}
	return nil
}

func (s *Server) writeMetrics(out io.Writer) {
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	family := func(name, kind, help string) {
		put("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	one := func(name, kind, help string, value any) {
		family(name, kind, help)
		put("%s %d\n", name, value)
	}
	family("cache_commands_total", "counter", "Commands run, by name.")
	for i, cmd := range commandList {
		n := uint64(0)
		for j := range s.counters {
			n += s.counters[j].commands[i].Load()
		}
		if n > 0 {
			put("cache_commands_total{command=%q} %d\n", cmd.name, n)
		}
	}
	_, errors := s.totals()
	c, sizes := s.store.Stats(0)
	one("cache_command_errors_total", "counter", "Commands answered with an error.", errors)
	one("cache_hits_total", "counter", "Keys that were read and found.", c.Hits)
	one("cache_misses_total", "counter", "Keys that were read and not found.", c.Misses)
	one("cache_evictions_total", "counter", "Entries evicted.", c.Evicted)
	one("cache_expirations_total", "counter", "Entries that expired.", c.Expired)
	one("cache_connections_total", "counter", "Connections accepted.", s.accepted.Load())
	family("cache_connections_closed_total", "counter", "Connections closed by the server, by reason.")
	for i, reason := range closedNames {
		put("cache_connections_closed_total{reason=%q} %d\n", reason, s.closed[i].Load())
	}
	one("cache_connections", "gauge", "Open connections.", s.clientCount())
	family("cache_entries", "gauge", "Entries, by database.")
	for db, size := range sizes {
		put("cache_entries{db=\"%d\"} %d\n", db, size.Keys)
	}
	one("cache_accounted_bytes", "gauge", "Accounted bytes.", s.store.Used())
	one("cache_maxmemory_bytes", "gauge", "The budget for them.", s.store.MaxMemory())
	one("cache_client_buffer_bytes", "gauge", "What clients buffer beyond 16 KiB each.", s.bufferBytes.Load())
	one("process_resident_memory_bytes", "gauge", "Resident memory.", residentBytes())
}
