package proxy

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"gateway/config"
	"gateway/token"
)

const watchPause = 500 * time.Millisecond

// Watch loads the table and the key files again when they change, and on each hangup.
func (g *Gateway) Watch(ctx context.Context, hangup <-chan os.Signal) {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	for {
		forced := false
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			forced = true
		case <-tick.C:
		}
		if forced || stamp(g.file) != g.seen[g.file] {
			g.report(g.reload())
		} else {
			g.reloadKeys()
		}
	}
}

// load reads the table and the key files that it names. The stamps are older than what was read, so that
// a change in between is seen later.
func (g *Gateway) load(old *table) (*table, map[string]string, error) {
	stamps := map[string]string{g.file: stamp(g.file)}
	conf, err := config.Load(g.file)
	if err != nil {
		return nil, stamps, err
	}
	for _, auth := range conf.Auths {
		if auth.JWKSFile != "" {
			stamps[auth.JWKSFile] = stamp(auth.JWKSFile)
		}
	}
	built, err := build(conf, old, g.metrics)
	return built, stamps, err
}

// stamp tells whether a file has changed without reading it.
func stamp(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size(), inode(info))
}

func inode(info os.FileInfo) uint64 {
	if status, is := info.Sys().(*syscall.Stat_t); is {
		return status.Ino
	}
	return 0
}

func (g *Gateway) reload() error {
	old := g.table.Load()
	next, stamps, err := g.load(old)
	if err != nil {
		g.seen[g.file] = stamps[g.file]
		return err
	}
	if next.conf.Server != g.server {
		fmt.Fprintf(os.Stderr, "gateway: %s: [server] has changed; it is read at the start only\n", g.file)
	}
	g.seen = stamps
	g.table.Store(next)
	old.retire(next)
	return nil
}

// reloadKeys takes the stamps first, so that auths that share a file all see its change.
func (g *Gateway) reloadKeys() {
	table := g.table.Load()
	now := map[string]string{g.file: g.seen[g.file]}
	for _, auth := range table.conf.Auths {
		now[auth.JWKSFile] = stamp(auth.JWKSFile)
	}
	for name, checker := range table.checkers {
		local, is := checker.(*token.Local)
		file := table.conf.Auths[name].JWKSFile
		if !is || now[file] == g.seen[file] {
			continue
		}
		keys, err := token.LoadKeys(file)
		if err == nil {
			local.Keys.Store(keys)
		}
		g.report(err)
	}
	g.seen = now
}

// report says and counts how a reload went.
func (g *Gateway) report(err error) {
	if err != nil {
		g.metrics.reloadsRefused.Add(1)
		fmt.Fprintln(os.Stderr, "gateway:", err)
		return
	}
	g.metrics.reloads.Add(1)
}
