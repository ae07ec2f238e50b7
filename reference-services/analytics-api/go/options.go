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

	usage = "usage: analytics-api --listen ADDR --data DIR [--threads N] [--retention DURATION]" +
		" [--sync always|never] [--max-events N] [--max-strings N] [--max-groups N]" +
		" [--max-pending-bytes N]"
)

type options struct {
	listen string
	store  store.Config
	api    api.Config
}

func readOptions() options {
	o := options{
		store: store.Config{
			Sync: true, EventsMax: 100_000_000, StringsMax: 16_777_216,
			Now: func() int64 { return time.Now().UnixMilli() },
		},
		api: api.Config{Threads: runtime.GOMAXPROCS(0), GroupsMax: 4_194_304, PendingBytesMax: 256 << 20},
	}
	flags := flag.NewFlagSet("analytics-api", flag.ContinueOnError)
	text(flags, "listen", &o.listen)
	text(flags, "data", &o.store.Folder)
	number(flags, "threads", &o.api.Threads, 1, threadsMax)
	number(flags, "max-events", &o.store.EventsMax, 1, eventsMax)
	number(flags, "max-strings", &o.store.StringsMax, 1, stringsMax)
	number(flags, "max-groups", &o.api.GroupsMax, 1, groupsMax)
	number(flags, "max-pending-bytes", &o.api.PendingBytesMax, pendingBytesMin, pendingBytesMax)
	once(flags, "sync", "must be always or never", func(text string) bool {
		o.store.Sync = text == "always"
		return o.store.Sync || text == "never"
	})
	allowed := "must be a whole number with s, m, h or d, at most 36500d, or 0"
	once(flags, "retention", allowed, func(text string) bool {
		ok := true
		if text != "0" {
			o.store.RetentionMS, ok = api.ParseDuration(text)
		}
		return ok && o.store.RetentionMS >= 0 && o.store.RetentionMS <= retentionMSMax
	})
	parse(flags, o.check)
	return o
}

func (o *options) check() error {
	if o.listen == "" {
		return errors.New("-listen is missing")
	}
	if o.store.Folder == "" {
		return errors.New("-data is missing")
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
