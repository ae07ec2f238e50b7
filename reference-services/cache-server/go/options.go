package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"cacheserver/server"
	"cacheserver/store"
)

const (
	threadsMax = 256

	usage = "usage: cache-server --listen ADDR [--threads N] [--maxmemory BYTES] [--maxmemory-policy NAME]" +
		" [--maxclients N] [--requirepass TEXT] [--timeout SECONDS] [--metrics ADDR]" +
		" [--tls-listen ADDR --tls-cert FILE --tls-key FILE]"
)

type options struct {
	listen, metrics            string
	tlsListen, tlsCert, tlsKey string
	kept                       store.Config
	server.Config
}

func readOptions() options {
	o := options{kept: store.Config{
		MaxMemory: 1 << 30, Policy: store.S3FIFO, Clock: func() int64 { return time.Now().UnixMilli() },
	}}
	o.Threads, o.MaxClients = runtime.GOMAXPROCS(0), 10_000
	flags := flag.NewFlagSet("cache-server", flag.ContinueOnError)
	text(flags, "listen", &o.listen)
	text(flags, "metrics", &o.metrics)
	text(flags, "tls-listen", &o.tlsListen)
	text(flags, "tls-cert", &o.tlsCert)
	text(flags, "tls-key", &o.tlsKey)
	text(flags, "requirepass", &o.Password)
	number(flags, "threads", &o.Threads, 1, threadsMax)
	number(flags, "maxclients", &o.MaxClients, 1, server.ClientsMax)
	number(flags, "timeout", &o.Timeout, 0, server.TimeoutMax)
	once(flags, "maxmemory", "must be 1mb to 1tb", func(text string) bool {
		memory, ok := server.ParseMemory(text)
		o.kept.MaxMemory = memory
		return ok && memory >= store.MaxMemoryMin && memory <= store.MaxMemoryMax
	})
	allowed := "must be " + strings.Join(server.PolicyNames[:], " or ")
	once(flags, "maxmemory-policy", allowed, func(text string) bool {
		policy := slices.Index(server.PolicyNames[:], strings.ToLower(text))
		o.kept.Policy = store.Policy(policy)
		return policy >= 0
	})
	parse(flags, o.check)
	return o
}

// check looks at what no option shows by itself. A refused password is not repeated.
func (o *options) check() error {
	if o.listen == "" {
		return errors.New("-listen is missing")
	}
	if len(o.Password) > server.PasswordBytesMax {
		return fmt.Errorf("-requirepass must have at most %d bytes", server.PasswordBytesMax)
	}
	if (o.tlsListen == "") != (o.tlsCert == "") || (o.tlsListen == "") != (o.tlsKey == "") {
		return errors.New("-tls-listen, -tls-cert and -tls-key go together")
	}
	return nil
}

// parse reads the arguments. It ends the program where they ask for help or the version, or are wrong.
func parse(flags *flag.FlagSet, check func() error) {
	flags.SetOutput(io.Discard)
	version := flags.Bool("version", false, "")
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Println(usage)
		os.Exit(0)
	case err == nil && *version:
		build, _ := debug.ReadBuildInfo()
		fmt.Println(flags.Name(), build.Main.Version)
		os.Exit(0)
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil:
		err = check()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s\n", flags.Name(), err, usage)
		os.Exit(2)
	}
}

// once defines a flag that may be given once; allowed says what set takes.
func once(flags *flag.FlagSet, name, allowed string, set func(text string) bool) {
	given := false
	flags.Func(name, "", func(text string) error {
		if given {
			return errors.New("it is there twice")
		}
		given = true
		if !set(text) {
			return errors.New(allowed)
		}
		return nil
	})
}

func text(flags *flag.FlagSet, name string, target *string) {
	once(flags, name, "", func(text string) bool {
		*target = text
		return true
	})
}

func number[N int | int64](flags *flag.FlagSet, name string, target *N, low, high int64) {
	once(flags, name, fmt.Sprintf("must be %d to %d", low, high), func(text string) bool {
		n, err := strconv.ParseInt(text, 10, 64)
		*target = N(n)
		return err == nil && n >= low && n <= high
	})
}
