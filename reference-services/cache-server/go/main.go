// Command cache-server is a cache that speaks the Redis protocol. Its options are those of usage.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"cacheserver/server"
	"cacheserver/store"
)

// The heap is segments, which hold no pointers: a collection costs little, and a small GOGC keeps
// garbage from standing beside the entries. GOGC in the environment wins.
const gcPercent = 10

func main() {
	o := readOptions()
	runtime.GOMAXPROCS(o.Threads)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	o.Store = store.New(o.kept)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o); err != nil {
		slog.Error("could not serve", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", o.listen, err)
	}
	var metrics net.Listener
	if o.metrics != "" {
		if metrics, err = net.Listen("tcp", o.metrics); err != nil {
			return fmt.Errorf("listen on %s: %w", o.metrics, err)
		}
	}
	if o.tlsListen != "" {
		if o.TLS, err = listenTLS(o); err != nil {
			return err
		}
	}
	s := server.New(listener, o.Config)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var metricsErr error
	if metrics != nil {
		all.Go(func() {
			metricsErr = s.ServeMetrics(ctx, metrics)
			cancel()
		})
	}
	fmt.Println("listening on", listener.Addr())
	if o.TLS != nil {
		fmt.Println("tls on", o.TLS.Listener.Addr())
	}
	if metrics != nil {
		fmt.Println("metrics on", metrics.Addr())
	}
	err = s.Serve(ctx)
	cancel()
	all.Wait()
	return errors.Join(err, metricsErr)
}

func listenTLS(o options) (*server.TLS, error) {
	pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("certificate %s and key %s: %w", o.tlsCert, o.tlsKey, err)
	}
	listener, err := net.Listen("tcp", o.tlsListen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.tlsListen, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return &server.TLS{Listener: listener, Config: config}, nil
}
