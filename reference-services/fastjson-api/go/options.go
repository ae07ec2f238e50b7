package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"fastjson/document"
)

const (
	threadsMax        = 1_024
	documentsMax      = 100_000_000
	documentsBytesMax = 1 << 40

	usage = "usage: fastjson-api --listen ADDR [--threads N] [--documents-max N]" +
		" [--documents-bytes-max N]"
)

type options struct {
	listen  string
	threads int
	limits  document.Limits
}

func readOptions() options {
	o := options{threads: runtime.GOMAXPROCS(0), limits: document.DefaultLimits()}
	flags := flag.NewFlagSet("fastjson-api", flag.ContinueOnError)
	text(flags, "listen", &o.listen)
	number(flags, "threads", &o.threads, 1, threadsMax)
	number(flags, "documents-max", &o.limits.DocumentsMax, 1, documentsMax)
	number(flags, "documents-bytes-max", &o.limits.BytesMax, 1, documentsBytesMax)
	parse(flags, func() error {
		if o.listen == "" {
			return errors.New("-listen is missing")
		}
		return nil
	})
	return o
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
