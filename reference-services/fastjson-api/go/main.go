// Command fastjson-api prices orders and keeps documents. Its options are those of usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"fastjson/api"
	"fastjson/document"
)

const (
	threadsMax        = 1_024
	documentsMax      = 100_000_000
	documentsBytesMax = 1 << 40

	usage = "usage: fastjson-api --listen ADDR [--threads N] [--documents-max N]" +
		" [--documents-bytes-max N]"
)

func main() {
	listen := flag.String("listen", "", "address to listen on, such as 127.0.0.1:8090")
	threads := flag.Int("threads", runtime.GOMAXPROCS(0), "threads that serve requests")
	limits := document.DefaultLimits()
	flag.IntVar(&limits.DocumentsMax, "documents-max", limits.DocumentsMax, "documents to keep")
	flag.Int64Var(&limits.BytesMax, "documents-bytes-max", limits.BytesMax,
		"bytes of the served forms of all documents")
	flag.Parse()
	if *listen == "" || *threads < 1 || *threads > threadsMax || flag.NArg() > 0 ||
		limits.DocumentsMax < 1 || limits.DocumentsMax > documentsMax ||
		limits.BytesMax < 1 || limits.BytesMax > documentsBytesMax {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if *threads != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(*threads)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *listen, limits); err != nil {
		slog.Error("could not serve", "listen", *listen, "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string, limits document.Limits) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	return api.Serve(ctx, listener, api.Handler(limits))
}
