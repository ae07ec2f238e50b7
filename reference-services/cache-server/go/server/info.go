package server

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"cacheserver/store"
)

// section is one of INFO.
type section struct {
	name  string
	write func(s *Server, held store.LockSet, put func(format string, args ...any))
}

var sections = []section{
	{"Server", func(s *Server, _ store.LockSet, put func(string, ...any)) {
		put("redis_version:%s", version)
		put("redis_mode:standalone")
		put("cache_server:go")
		put("process_id:%d", os.Getpid())
		put("tcp_port:%d", s.port())
		put("uptime_in_seconds:%d", int(time.Since(s.started).Seconds()))
		put("threads:%d", s.threads)
	}},
	{"Clients", func(s *Server, _ store.LockSet, put func(string, ...any)) {
		put("connected_clients:%d", s.clientCount())
		put("maxclients:%d", s.maxClients.Load())
		// No command blocks; redis-cli --stat wants to know all the same.
		put("blocked_clients:%d", 0)
		put("client_buffer_bytes:%d", s.bufferBytes.Load())
	}},
	{"Memory", func(s *Server, _ store.LockSet, put func(string, ...any)) {
		put("used_memory:%d", s.store.Used())
		put("used_memory_rss:%d", residentBytes())
		put("maxmemory:%d", s.store.MaxMemory())
		put("maxmemory_policy:%s", PolicyNames[s.store.Policy()])
	}},
	{"Persistence", func(_ *Server, _ store.LockSet, put func(string, ...any)) { put("loading:0") }},
	{"Stats", func(s *Server, held store.LockSet, put func(string, ...any)) {
		commands, _ := s.totals()
		since := s.reset.Load()
		c, _ := s.store.Stats(held)
		put("total_connections_received:%d", s.accepted.Load()-since.accepted)
		put("total_commands_processed:%d", commands-since.commands)
		put("rejected_connections:%d", s.closed[closedMaxclients].Load()-since.maxClients)
		put("expired_keys:%d", c.Expired)
		put("evicted_keys:%d", c.Evicted)
		put("keyspace_hits:%d", c.Hits)
		put("keyspace_misses:%d", c.Misses)
		put("client_output_buffer_limit_disconnections:%d", s.outputLimited()-since.output)
	}},
	{"Replication", func(_ *Server, _ store.LockSet, put func(string, ...any)) {
		put("role:master")
		put("connected_slaves:0")
	}},
	{"Keyspace", func(s *Server, held store.LockSet, put func(string, ...any)) {
		_, sizes := s.store.Stats(held)
		for db, size := range sizes {
			if size.Keys > 0 {
				put("db%d:keys=%d,expires=%d,avg_ttl=0", db, size.Keys, size.Expires)
			}
		}
	}},
}

func info(c *client, args [][]byte) {
	all := len(args) == 1
	asked := map[string]bool{}
	for _, arg := range args[1:] {
		name := strings.ToLower(string(arg))
		asked[name] = true
		all = all || name == "default" || name == "all" || name == "everything"
	}
	var text strings.Builder
	for i := range sections {
		if !all && !asked[strings.ToLower(sections[i].name)] {
			continue
		}
		if text.Len() > 0 {
			text.WriteString("\r\n")
		}
		text.WriteString("# " + sections[i].name + "\r\n")
		sections[i].write(c.server, c.view.Held, func(format string, args ...any) {
			fmt.Fprintf(&text, format+"\r\n", args...)
		})
	}
	c.out.Verbatim(text.String())
}

// totals are the commands run and the errors answered.
func (s *Server) totals() (commands, errors uint64) {
	for i := range s.counters {
		for j := range s.counters[i].commands {
			commands += s.counters[i].commands[j].Load()
		}
		errors += s.counters[i].errors.Load()
	}
	return commands, errors
}

// outputLimited counts the clients closed for what waited for them.
func (s *Server) outputLimited() uint64 {
	return s.closed[closedReply].Load() + s.closed[closedStalled].Load() + s.closed[closedBuffers].Load()
}

func (s *Server) clientCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

func (s *Server) port() int {
	if addr, ok := s.listener.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// residentBytes is the memory of the process that is in RAM, 0 where the system does not say.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Fscan(bytes.NewReader(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
