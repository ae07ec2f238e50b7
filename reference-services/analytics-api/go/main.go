// Command analytics-api takes events and answers questions about them. Its options are those of
// usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	"analyticsapi/api"
	"analyticsapi/store"
)

const (
	// The heap is columns, which hold no pointers: a collection costs little, and a small GOGC keeps
	// garbage from standing beside the events. GOGC in the environment wins.
	gcPercent = 25
	// Once there is little to do, which is so many bytes of allocations in so much time, what is free
	// goes back to the system: else it would stand beside the events for as long as nothing comes.
	idleBytes    = 4 << 20
	idleInterval = 2 * time.Second
)

func main() {
	o := readOptions()
	runtime.GOMAXPROCS(o.api.Threads)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// A file that may not grow is an error of the write, like a full disk.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "analytics-api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	kept, err := store.Open(o.store)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s: %w", o.listen, err), kept.Close())
	}
	fmt.Println("listening on", listener.Addr())
	o.api.Store = kept
	go giveMemoryBack(ctx)
	err = api.New(o.api).Serve(ctx, listener)
	if closed := kept.Close(); closed != nil {
		slog.Error("could not close the folder", "error", closed)
	}
	return err
}

// giveMemoryBack returns free memory to the system each time that there is little to do again,
// until ctx is done.
func giveMemoryBack(ctx context.Context) {
	ticker := time.NewTicker(idleInterval)
	defer ticker.Stop()
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	before, busy := uint64(0), true
	for {
		metrics.Read(allocated)
		now := allocated[0].Value.Uint64()
		idle := now-before < idleBytes
		if busy && idle {
			debug.FreeOSMemory()
		}
		busy, before = !idle, now
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
