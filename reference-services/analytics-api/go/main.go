// Command analytics-api takes events and answers questions about them. Its options are those of
// usage.
package main

import (
	"context"
	"errors"
	"flag"
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
	threadsMax      = 256
	eventsMax       = 10_000_000_000
	stringsMax      = 1_000_000_000
	groupsMax       = 100_000_000
	pendingBytesMin = 32 << 20
	pendingBytesMax = 1 << 40
	retentionMSMax  = 36_500 * 24 * 60 * 60 * 1000

	// The heap is columns, which hold no pointers: a collection costs little, and a small GOGC keeps
	// garbage from standing beside the events. GOGC in the environment wins.
	gcPercent = 25
	// Once there is little to do, which is so many bytes of allocations in so much time, what is free
	// goes back to the system: else it would stand beside the events for as long as nothing comes.
	idleBytes    = 4 << 20
	idleInterval = 2 * time.Second

	usage = "usage: analytics-api --listen ADDR --data DIR [--threads N] [--retention DURATION]" +
		" [--sync always|never] [--max-events N] [--max-strings N] [--max-groups N]" +
		" [--max-pending-bytes N]"
)

type options struct {
	listen, retention, sync string
	store                   store.Config
	api                     api.Config
}

func main() {
	var o options
	flags := flag.NewFlagSet("analytics-api", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flags.StringVar(&o.listen, "listen", "", "")
	flags.StringVar(&o.store.Folder, "data", "", "")
	flags.IntVar(&o.api.Threads, "threads", runtime.GOMAXPROCS(0), "")
	flags.StringVar(&o.retention, "retention", "0", "")
	flags.StringVar(&o.sync, "sync", "always", "")
	flags.Int64Var(&o.store.EventsMax, "max-events", 100_000_000, "")
	flags.Int64Var(&o.store.StringsMax, "max-strings", 16_777_216, "")
	flags.Int64Var(&o.api.GroupsMax, "max-groups", 4_194_304, "")
	flags.Int64Var(&o.api.PendingBytesMax, "max-pending-bytes", 268_435_456, "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	if !o.complete() || flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
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

// complete checks the options and fills in what follows from them.
func (o *options) complete() bool {
	o.store.Now = func() int64 { return time.Now().UnixMilli() }
	o.store.Sync = o.sync == "always"
	ok := true
	if o.retention != "0" {
		o.store.RetentionMS, ok = api.ParseDuration(o.retention)
	}
	within := func(n, low, high int64) bool { return n >= low && n <= high }
	return ok && o.listen != "" && o.store.Folder != "" && (o.store.Sync || o.sync == "never") &&
		within(int64(o.api.Threads), 1, threadsMax) && within(o.store.EventsMax, 1, eventsMax) &&
		within(o.store.StringsMax, 1, stringsMax) && within(o.api.GroupsMax, 1, groupsMax) &&
		within(o.api.PendingBytesMax, pendingBytesMin, pendingBytesMax) &&
		within(o.store.RetentionMS, 0, retentionMSMax)
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
