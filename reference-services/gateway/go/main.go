// Command gateway routes requests to upstreams. Its options are those of usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"gateway/config"
	"gateway/proxy"
)

const (
	threadsMax = 1_024

	usage = "usage: gateway --listen ADDR [--threads N] --config FILE"
)

func main() {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	listen := flags.String("listen", "", "")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "")
	file := flags.String("config", "", "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	if *listen == "" || *file == "" || flags.NArg() > 0 || *threads < 1 || *threads > threadsMax {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if *threads != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(*threads)
	}
	if err := run(*listen, *file); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		var fault config.Fault
		if errors.As(err, &fault) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(listen, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	gateway, err := proxy.Open(file)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	go gateway.Watch(ctx, hangup)
	fmt.Println("listening on", listener.Addr())
	return gateway.Serve(ctx, listener)
}
