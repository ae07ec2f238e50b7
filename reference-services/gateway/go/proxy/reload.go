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
	seen := g.stamps()
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
		now := g.stamps()
		if forced || now[g.file] != seen[g.file] {
			g.report(g.reload())
		} else {
			g.reloadKeys(seen, now)
		}
		// A new table may name other files, which it has just read.
		for file, stamp := range g.stamps() {
			if _, known := now[file]; !known {
				now[file] = stamp
			}
		}
		seen = now
	}
}

// stamps tells whether a file has changed without reading it.
func (g *Gateway) stamps() map[string]string {
	files := []string{g.file}
	for _, auth := range g.table.Load().conf.Auths {
		if auth.JWKSFile != "" {
			files = append(files, auth.JWKSFile)
		}
	}
	stamps := map[string]string{}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			stamps[file] = fmt.Sprint(info.ModTime().UnixNano(), info.Size(), inode(info))
		}
	}
	return stamps
}

func inode(info os.FileInfo) uint64 {
	if status, is := info.Sys().(*syscall.Stat_t); is {
		return status.Ino
	}
	return 0
}

func (g *Gateway) reload() error {
	conf, err := config.Load(g.file)
	if err != nil {
		return err
	}
	old := g.table.Load()
	if conf.Server != g.server {
		fmt.Fprintf(os.Stderr, "gateway: %s: [server] has changed; it is read at the start only\n", g.file)
	}
	next, err := build(conf, old, g.metrics)
	if err != nil {
		return err
	}
	g.table.Store(next)
	old.retire(next)
	return nil
}

func (g *Gateway) reloadKeys(seen, now map[string]string) {
	table := g.table.Load()
	for name, checker := range table.checkers {
		local, is := checker.(*token.Local)
		file := table.conf.Auths[name].JWKSFile
		if !is || now[file] == seen[file] {
			continue
		}
		keys, err := token.LoadKeys(file)
		if err == nil {
			local.Keys.Store(keys)
		}
		g.report(err)
	}
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
