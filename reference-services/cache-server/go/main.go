// Command cache-server is a cache that speaks the Redis protocol. Its options are those of usage.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"cacheserver/server"
	"cacheserver/store"
)

const (
	threadsMax = 256
	clientsMin = 1

	// The heap is segments, which hold no pointers: a collection costs little, and a small GOGC
	// keeps garbage from standing beside the entries. GOGC in the environment wins.
	gcPercent = 10

	usage = "usage: cache-server --listen ADDR [--threads N] [--maxmemory BYTES] [--maxmemory-policy NAME]" +
		" [--maxclients N] [--requirepass TEXT] [--timeout SECONDS] [--metrics ADDR]" +
		" [--tls-listen ADDR --tls-cert FILE --tls-key FILE]"
)

type options struct {
	listen, metrics, memory, policy string
	tlsListen, tlsCert, tlsKey      string
	server.Config
}

func main() {
	o := options{memory: "1gb", policy: server.PolicyNames[store.S3FIFO]}
	flags := flag.NewFlagSet("cache-server", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flags.StringVar(&o.listen, "listen", "", "")
	flags.IntVar(&o.Threads, "threads", runtime.GOMAXPROCS(0), "")
	flags.StringVar(&o.memory, "maxmemory", o.memory, "")
	flags.StringVar(&o.policy, "maxmemory-policy", o.policy, "")
	flags.IntVar(&o.MaxClients, "maxclients", 10_000, "")
	flags.StringVar(&o.Password, "requirepass", "", "")
	flags.IntVar(&o.Timeout, "timeout", 0, "")
	flags.StringVar(&o.metrics, "metrics", "", "")
	flags.StringVar(&o.tlsListen, "tls-listen", "", "")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "")
	flags.StringVar(&o.tlsKey, "tls-key", "", "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	memory, ok := server.ParseMemory(o.memory)
	policy := slices.Index(server.PolicyNames[:], o.policy)
	if !ok || memory < store.MaxMemoryMin || memory > store.MaxMemoryMax || policy < 0 || o.listen == "" ||
		o.Threads < 1 || o.Threads > threadsMax || o.MaxClients < clientsMin || o.MaxClients > server.ClientsMax ||
		o.Timeout < 0 || o.Timeout > server.TimeoutMax || len(o.Password) > server.PasswordBytesMax ||
		(o.tlsListen == "") != (o.tlsCert == "") || (o.tlsListen == "") != (o.tlsKey == "") || flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(o.Threads)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	o.Store = store.New(store.Config{
		MaxMemory: memory, Policy: store.Policy(policy),
		Clock: func() int64 { return time.Now().UnixMilli() },
	})
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
