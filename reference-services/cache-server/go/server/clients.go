package server

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// show makes the client's state known to CLIENT LIST.
func (c *client) show() {
	state := uint64(c.view.DB) | uint64(c.out.Proto)<<8 | uint64(c.tx.watch.Keys())<<16
	if c.tx.open {
		state |= uint64(len(c.tx.queue)+1) << 32
	}
	c.shown.Store(state)
}

// describe is the client's line of CLIENT LIST.
func (c *client) describe() string {
	state := c.shown.Load()
	now := c.server.store.Now()
	multi := int64(state>>32) - 1
	flags := ""
	if multi >= 0 {
		flags += "x"
	}
	if c.tx.watch.Dirty.Load() {
		flags += "d"
	}
	if c.noEvict.Load() {
		flags += "e"
	}
	if flags == "" {
		flags = "N"
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	proto := state >> 8 & 0xff
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=0 name=%s age=%d idle=%d flags=%s db=%d sub=0 psub=0"+
		" ssub=0 multi=%d watch=%d qbuf=%d qbuf-free=0 argv-mem=0 multi-mem=0 omem=%d tot-mem=%d events=r"+
		" cmd=%s user=default redir=-1 resp=%d lib-name=%s lib-ver=%s\n",
		c.id, c.conn.RemoteAddr(), c.conn.LocalAddr(), text(c.name.Load()),
		int(time.Since(c.since).Seconds()), max(now-c.active.Load(), 0)/1000, flags, state&0xff,
		multi, state>>16&0xffff, c.queryBytes.Load(), c.unsent.Load(), c.buffers.Load(),
		c.commandName(), max(proto, 2), text(c.lib.Load()), text(c.libVer.Load()))
}

func (c *client) commandName() string {
	at := c.command.Load()
	if at == commandNone {
		return "NULL"
	}
	return leaves[at].name
}

func clientCommands() []command {
	one := func(name string, arity int, run handler) command {
		return command{name: name, arity: arity, run: run}
	}
	return []command{
		one("id", 2, func(c *client, _ [][]byte) { c.out.Int(c.id) }),
		one("getname", 2, clientGetName),
		one("setname", 3, clientSetName),
		one("info", 2, func(c *client, _ [][]byte) { c.out.Verbatim(c.describe()) }),
		one("list", -2, clientList),
		one("kill", -3, clientKill),
		one("no-evict", 3, clientNoEvict),
		one("setinfo", 4, clientSetInfo),
		one("help", 2, help("CLIENT", "ID", "GETNAME", "SETNAME <name>", "INFO",
			"LIST [TYPE <type>] [ID <id> ...]", "KILL <addr:port> | <option> <value> ...",
			"NO-EVICT ON|OFF", "SETINFO LIB-NAME|LIB-VER <text>")),
	}
}

// help lists what a container command can do.
func help(name string, lines ...string) handler {
	return func(c *client, _ [][]byte) {
		c.out.Array(len(lines) + 2)
		c.out.Simple(name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
		for _, line := range lines {
			c.out.Simple(line)
		}
		c.out.Simple("HELP")
	}
}

func clientGetName(c *client, _ [][]byte) {
	if name := c.name.Load(); name != nil {
		c.out.Text(*name)
	} else {
		c.out.Null()
	}
}

func clientSetName(c *client, args [][]byte) {
	if text := nameFault(args[2], "Client names", "client name"); text != "" {
		c.fail(text)
		return
	}
	c.setName(args[2])
	c.out.OK()
}

func clientSetInfo(c *client, args [][]byte) {
	into, what := &c.lib, "lib-name"
	switch {
	case is(args[2], "LIB-NAME"):
	case is(args[2], "LIB-VER"):
		into, what = &c.libVer, "lib-ver"
	default:
		c.fail("ERR Unrecognized option '" + shown(args[2], errShownBytes) + "'")
		return
	}
	if text := nameFault(args[3], what, what); text != "" {
		c.fail(text)
		return
	}
	text := string(args[3])
	into.Store(&text)
	c.out.OK()
}

func clientNoEvict(c *client, args [][]byte) {
	switch {
	case is(args[2], "ON"):
		c.noEvict.Store(true)
	case is(args[2], "OFF"):
		c.noEvict.Store(false)
	default:
		c.fail(errSyntax)
		return
	}
	c.out.OK()
}

// clientType says whether clients are of a type, and whether there is such a type.
func clientType(name []byte) (normal, ok bool) {
	switch {
	case is(name, "NORMAL"):
		return true, true
	case is(name, "MASTER"), is(name, "REPLICA"), is(name, "SLAVE"), is(name, "PUBSUB"):
		return false, true
	}
	return false, false
}

func clientList(c *client, args [][]byte) {
	keep := func(*client) bool { return true }
	switch {
	case len(args) == 4 && is(args[2], "TYPE"):
		normal, ok := clientType(args[3])
		if !ok {
			c.fail("ERR Unknown client type '" + shown(args[3], errShownBytes) + "'")
			return
		}
		keep = func(*client) bool { return normal }
	case len(args) > 3 && is(args[2], "ID"):
		ids := map[int64]bool{}
		for _, arg := range args[3:] {
			id, ok := integer(arg)
			if !ok {
				c.fail("ERR Invalid client ID")
				return
			}
			ids[id] = true
		}
		keep = func(other *client) bool { return ids[other.id] }
	case len(args) > 2:
		c.fail(errSyntax)
		return
	}
	var lines strings.Builder
	for _, other := range c.server.list() {
		if keep(other) {
			lines.WriteString(other.describe())
		}
	}
	c.out.Verbatim(lines.String())
}

// victims says which clients CLIENT KILL means.
type victims struct {
	id          int64
	addr, laddr []byte
	kind        []byte
	sparing     bool // the caller
}

func (v victims) mean(other, caller *client) bool {
	normal, _ := clientType(v.kind)
	switch {
	case v.id != 0 && other.id != v.id,
		v.addr != nil && other.conn.RemoteAddr().String() != string(v.addr),
		v.laddr != nil && other.conn.LocalAddr().String() != string(v.laddr),
		v.kind != nil && !normal,
		v.sparing && other == caller:
		return false
	}
	return true
}

func clientKill(c *client, args [][]byte) {
	if len(args) == 3 {
		if c.killAll(victims{addr: args[2]}) == 0 {
			c.fail("ERR No such client")
			return
		}
		c.out.OK()
		return
	}
	v := victims{sparing: true}
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			c.fail(errSyntax)
			return
		}
		if text := v.read(args[i], args[i+1]); text != "" {
			c.fail(text)
			return
		}
	}
	c.out.Int(c.killAll(v))
}

func (v *victims) read(option, value []byte) (fault string) {
	switch {
	case is(option, "ID"):
		id, ok := integer(value)
		if !ok || id < 1 {
			return "ERR client-id should be greater than 0"
		}
		v.id = id
	case is(option, "TYPE"):
		if _, ok := clientType(value); !ok {
			return "ERR Unknown client type '" + shown(value, errShownBytes) + "'"
		}
		v.kind = value
	case is(option, "ADDR"):
		v.addr = value
	case is(option, "LADDR"):
		v.laddr = value
	case is(option, "USER"):
		if string(value) != "default" {
			return "ERR No such user '" + shown(value, errShownBytes) + "'"
		}
	case is(option, "SKIPME") && is(value, "YES"):
		v.sparing = true
	case is(option, "SKIPME") && is(value, "NO"):
		v.sparing = false
	default:
		return errSyntax
	}
	return ""
}

// killAll closes the clients meant. The caller itself is closed after its answer.
func (c *client) killAll(v victims) (n int64) {
	for _, other := range c.server.list() {
		if !v.mean(other, c) {
			continue
		}
		n++
		if other == c {
			c.last = true
			c.server.closed[closedKilled].Add(1)
		} else {
			other.kill(closedKilled)
		}
	}
	return n
}

// local says whether the client is on this machine.
func (c *client) local() bool {
	addr, ok := c.conn.RemoteAddr().(*net.TCPAddr)
	return !ok || addr.IP.IsLoopback()
}
