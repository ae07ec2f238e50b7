// Command fastjson-api prices orders: fastjson-api --listen ADDR [--threads N].
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
)

const threadsMax = 1_024

func main() {
	listen := flag.String("listen", "", "address to listen on, such as 127.0.0.1:8090")
	threads := flag.Int("threads", runtime.GOMAXPROCS(0), "threads that serve requests")
	flag.Parse()
	if *listen == "" || *threads < 1 || *threads > threadsMax || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: fastjson-api --listen ADDR [--threads N]")
		os.Exit(2)
	}
	if *threads != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(*threads)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		slog.Error("could not serve", "listen", *listen, "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	return api.Serve(ctx, listener, api.Handler())
}
