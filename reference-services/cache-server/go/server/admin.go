package server

import (
	"math"
	"strconv"
	"time"

	"cacheserver/store"
)

func serverCommands() []command {
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, run: run,
			group: "server", since: since, summary: summary}
	}
	parent := func(cmd command, subs ...command) command {
		cmd.subs = subs
		return cmd
	}
	sub := func(name string, arity int, flags uint32, run handler) command {
		return command{name: name, arity: arity, flags: flags, run: run}
	}
	of := func(name string, arity int, run handler) command {
		return command{name: name, arity: arity, first: 2, last: 2, step: 1, run: run}
	}
	object := parent(one("object", -2, 0, "2.2.3", "Looks into how a value is kept.", nil),
		of("encoding", 3, objectEncoding), of("freq", 3, objectFreq), of("idletime", 3, objectIdleTime),
		of("refcount", 3, objectRefCount),
		sub("help", 2, 0, help("OBJECT", "ENCODING <key>", "FREQ <key>", "IDLETIME <key>", "REFCOUNT <key>")))
	object.group = "generic"
	return []command{
		parent(one("command", -1, 0, "2.8.13", "Describes the commands.", commandAll),
			sub("count", 2, 0, func(c *client, _ [][]byte) { c.out.Int(int64(len(commandList))) }),
			sub("docs", -2, 0, commandDocs), sub("info", -2, 0, commandInfo),
			sub("help", 2, 0, help("COMMAND", "(no subcommand)", "COUNT", "DOCS [<name> ...]", "INFO [<name> ...]"))),
		parent(one("config", -2, 0, "2.0.0", "Reads and changes the settings.", nil),
			sub("get", -3, flagAdmin, configGet), sub("set", -4, flagAdmin|flagScan, configSet),
			sub("resetstat", 2, flagAdmin|flagScan, configResetStat),
			sub("help", 2, 0, help("CONFIG", "GET <pattern> ...", "SET <name> <value> ...", "RESETSTAT"))),
		one("info", -1, flagScan, "1.0.0", "Says how the server is.", info),
		one("dbsize", 1, flagReadonly|flagFast|flagScan, "1.0.0", "Counts the keys of the database.", dbSize),
		one("flushdb", -1, flagWrite|flagAllShards, "1.0.0", "Removes all keys of the database.", flushDB),
		one("flushall", -1, flagWrite|flagAllShards, "1.0.0", "Removes all keys.", flushAll),
		one("swapdb", 3, flagWrite|flagFast|flagAllShards, "4.0.0", "Exchanges two databases.", swapDB),
		one("time", 1, flagFast, "2.6.0", "The time of the server.", timeNow),
		parent(one("memory", -2, 0, "4.0.0", "Says what memory is used.", nil),
			of("usage", -3, memoryUsage), sub("help", 2, 0, help("MEMORY", "USAGE <key> [SAMPLES <count>]"))),
		object,
		one("debug", -2, flagAdmin|flagScan, "1.0.0", "Helps in tests.", debugCommand),
		parent(one("latency", -2, 0, "2.8.13", "Has nothing to tell.", nil),
			sub("latest", 2, flagAdmin, emptyArray), sub("history", 3, flagAdmin, emptyArray),
			sub("reset", -2, flagAdmin, func(c *client, _ [][]byte) { c.out.Int(0) }),
			sub("help", 2, 0, help("LATENCY", "LATEST", "HISTORY <event>", "RESET [<event> ...]"))),
	}
}

func emptyArray(c *client, _ [][]byte) { c.out.Array(0) }

func dbSize(c *client, _ [][]byte) { c.out.Int(int64(c.view.Size())) }

// flushArgs reads ASYNC or SYNC, which mean the same here.
func (c *client) flushArgs(args [][]byte) bool {
	if len(args) == 1 || len(args) == 2 && (is(args[1], "ASYNC") || is(args[1], "SYNC")) {
		return true
	}
	c.fail(errSyntax)
	return false
}

func flushDB(c *client, args [][]byte) {
	if c.flushArgs(args) {
		before := c.server.store.Used()
		c.view.Flush()
		c.server.giveBack(before)
		c.out.OK()
	}
}

func flushAll(c *client, args [][]byte) {
	if c.flushArgs(args) {
		before := c.server.store.Used()
		c.view.FlushAll()
		c.server.giveBack(before)
		c.out.OK()
	}
}

func swapDB(c *client, args [][]byte) {
	first, ok := integer(args[1])
	if !ok || first != int64(int32(first)) {
		c.fail("ERR invalid first DB index")
		return
	}
	second, ok := integer(args[2])
	switch {
	case !ok || second != int64(int32(second)):
		c.fail("ERR invalid second DB index")
	case first < 0 || first >= databases || second < 0 || second >= databases:
		c.fail(errDB)
	default:
		c.view.Swap(int(first), int(second))
		c.out.OK()
	}
}

func timeNow(c *client, _ [][]byte) {
	now := time.Now().UnixMicro()
	c.out.Array(2)
	c.out.Text(strconv.FormatInt(now/1e6, 10))
	c.out.Text(strconv.FormatInt(now%1e6, 10))
}

// object finds what OBJECT asks about, without an access; it answers the absence.
func (c *client) object(key []byte) (store.Entry, bool) {
	e, found := c.view.Peek(key)
	if !found {
		c.out.Null()
	}
	return e, found
}

// embeddedBytesMax is the longest string that Redis keeps in one piece with its object.
const embeddedBytesMax = 44

func encoding(e store.Entry) string {
	switch {
	case e.Kind() == store.Hash && e.Fields().Table():
		return "hashtable"
	case e.Kind() == store.Hash:
		return "listpack"
	}
	if _, ok := integer(e.Value()); ok {
		return "int"
	}
	if len(e.Value()) <= embeddedBytesMax {
		return "embstr"
	}
	return "raw"
}

func objectEncoding(c *client, args [][]byte) {
	if e, found := c.object(args[2]); found {
		c.out.Text(encoding(e))
	}
}

func objectFreq(c *client, args [][]byte) {
	if e, found := c.object(args[2]); found {
		c.out.Int(int64(e.Freq()))
	}
}

func objectIdleTime(c *client, args [][]byte) {
	if _, found := c.object(args[2]); found {
		c.fail("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when" +
			" switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
}

func objectRefCount(c *client, args [][]byte) {
	if _, found := c.object(args[2]); found {
		c.out.Int(1)
	}
}

func memoryUsage(c *client, args [][]byte) {
	for i := 3; i < len(args); i += 2 {
		if !is(args[i], "SAMPLES") || i+1 == len(args) {
			c.fail(errSyntax)
			return
		}
		n, ok := c.integerArg(args[i+1])
		if !ok {
			return
		}
		if n < 0 {
			c.fail(errSyntax)
			return
		}
	}
	if e, found := c.object(args[2]); found {
		c.out.Int(c.view.Usage(e))
	}
}

// debugCommand finds its subcommand only when it runs, as in Redis.
func debugCommand(c *client, args [][]byte) {
	switch {
	case !c.debugAllowed():
	case is(args[1], "SLEEP") && len(args) == 3:
		debugSleep(c, args)
	case is(args[1], "SET-ACTIVE-EXPIRE") && len(args) == 3:
		n, _ := integer(args[2])
		c.server.store.StopActive.Store(n == 0)
		c.out.OK()
	case is(args[1], "OBJECT") && len(args) == 3:
		debugObject(c, args)
	case is(args[1], "HELP") && len(args) == 2:
		help("DEBUG", "SLEEP <seconds>", "SET-ACTIVE-EXPIRE 0|1", "OBJECT <key>")(c, args)
	default:
		c.fail("ERR unknown subcommand or wrong number of arguments for '" +
			shown(args[1], errShownBytes) + "'. Try DEBUG HELP.")
	}
}

// debugAllowed answers clients that are not on this machine.
func (c *client) debugAllowed() bool {
	if !c.local() {
		c.fail("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can" +
			" run it from a local connection, otherwise you need to set this option in the configuration file," +
			" and then restart the server.")
		return false
	}
	return true
}

// debugSleepMax bounds DEBUG SLEEP.
const debugSleepMax = 60 * time.Second

func debugSleep(c *client, args [][]byte) {
	seconds, err := strconv.ParseFloat(string(args[2][:min(len(args[2]), 64)]), 64)
	if err != nil || math.IsNaN(seconds) {
		seconds = 0
	}
	time.Sleep(time.Duration(min(max(seconds, 0), debugSleepMax.Seconds()) * float64(time.Second)))
	c.view.Time = c.server.store.Now()
	c.out.OK()
}

func debugObject(c *client, args [][]byte) {
	if len(args[2]) > keyBytesMax {
		c.fail("ERR key " + errTooLong)
		return
	}
	// In a transaction all shards are held already.
	held := c.view.Held
	set := c.server.store.Of(args[2]) &^ held
	c.server.store.Lock(set)
	defer c.server.store.Unlock(set)
	c.view.Held |= set
	defer func() { c.view.Held = held }()
	e, found := c.view.Peek(args[2])
	if !found {
		c.fail(errNoKey)
		return
	}
	c.out.Simple("Value at:0x0 refcount:1 encoding:" + encoding(e) + " serializedlength:" +
		strconv.Itoa(len(e.Value())) + " lru:0 lru_seconds_idle:0")
}
