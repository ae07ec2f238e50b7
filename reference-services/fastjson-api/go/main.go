// Command fastjson-api prices orders and keeps documents. Its options are those of usage.
package main

import (
	"context"
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

func main() {
	o := readOptions()
	if o.threads != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(o.threads)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o.listen, o.limits); err != nil {
		slog.Error("could not serve", "listen", o.listen, "error", err)
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
