package server

import (
	"math"

	"cacheserver/store"
)

const databases = store.Databases

func stringCommands() []command {
	const w, r, oom, fast = flagWrite, flagReadonly, flagDenyOOM, flagFast
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, first: 1, last: 1, step: 1,
			run: run, group: "string", since: since, summary: summary}
	}
	many := func(last, step int, cmd command) command {
		cmd.last, cmd.step = last, step
		return cmd
	}
	return []command{
		one("get", 2, r|fast, "1.0.0", "The value of a key.", get),
		one("set", -3, w|oom, "1.0.0", "Stores a value, with conditions and a time to live.", set),
		one("setex", 4, w|oom, "2.0.0", "Stores a value for some seconds.", setFor("setex", seconds)),
		one("psetex", 4, w|oom, "2.6.0", "Stores a value for some milliseconds.", setFor("psetex", 0)),
		one("setnx", 3, w|oom|fast, "1.0.0", "Stores a value unless the key exists.", setNX),
		one("getset", 3, w|oom|fast, "1.0.0", "Stores a value and answers the old one.", getSet),
		one("getdel", 2, w|fast, "6.2.0", "The value of a key, which is deleted.", getDel),
		one("getex", -2, w|fast, "6.2.0", "The value of a key, whose expiry is changed.", getEx),
		many(-1, 1, one("mget", -2, r|fast, "1.0.0", "The values of several keys.", mget)),
		many(-1, 2, one("mset", -3, w|oom, "1.0.1", "Stores several values.", mset)),
		many(-1, 2, one("msetnx", -3, w|oom, "1.0.1", "Stores several values if no key exists.", msetNX)),
		one("append", 3, w|oom|fast, "2.0.0", "Appends to a value.", appendTo),
		one("strlen", 2, r|fast, "2.2.0", "The length of a value in bytes.", strLen),
		one("getrange", 4, r, "2.4.0", "A part of a value.", getRange),
		one("substr", 4, r, "1.0.0", "A part of a value.", getRange),
		one("setrange", 4, w|oom, "2.2.0", "Overwrites a part of a value.", setRange),
		one("incr", 2, w|oom|fast, "1.0.0", "Adds one to a number.", incr),
		one("decr", 2, w|oom|fast, "1.0.0", "Takes one from a number.", decr),
		one("incrby", 3, w|oom|fast, "1.0.0", "Adds to a number.", incrBy),
		one("decrby", 3, w|oom|fast, "1.0.0", "Takes from a number.", decrBy),
		one("incrbyfloat", 3, w|oom|fast, "2.6.0", "Adds to a decimal number.", incrByFloat),
		many(2, 1, one("lcs", -3, r, "7.0.0", "The longest common subsequence of two values.", lcs)),
	}
}

// readString finds a string that a command reads. It answers what is wrong; absent answers nothing.
func (c *client) readString(key []byte) (value []byte, found, ok bool) {
	e, found := c.view.Read(key)
	if !found {
		return nil, false, true
	}
	if e.Kind() != store.String {
		c.fail(errWrongType)
		return nil, false, false
	}
	return e.Value(), true, true
}

// writeString is readString for a command that changes the string.
func (c *client) writeString(key []byte) (e store.Entry, found, ok bool) {
	e, found = c.view.Write(key)
	if found && e.Kind() != store.String {
		c.fail(errWrongType)
		return e, false, false
	}
	return e, found, true
}

func get(c *client, args [][]byte) {
	value, found, ok := c.readString(args[1])
	switch {
	case found:
		c.out.Bulk(value)
	case ok:
		c.out.Null()
	}
}

// store sets a string and answers the lack of memory.
func (c *client) store(key, value []byte, expiry int64) bool {
	if !c.view.Set(key, value, store.String, expiry) {
		c.fail(errOOM)
		return false
	}
	return true
}

// replace is store for a key that this command has looked for.
func (c *client) replace(key, value []byte, expiry int64) bool {
	if !c.view.Replace(key, value, store.String, expiry) {
		c.fail(errOOM)
		return false
	}
	return true
}

// Options of SET and GETEX.
const (
	optNX = 1 << iota
	optXX
	optGet
	optKeepTTL
	optPersist
	optEX
	optPX
	optEXAT
	optPXAT
	optTime = optEX | optPX | optEXAT | optPXAT

	seconds = 1 // the unit of a time; milliseconds otherwise
)

// valueOptions reads the options of SET or GETEX and the argument that is a time.
func valueOptions(args [][]byte, setting bool) (options uint32, time []byte, ok bool) {
	for i := 0; i < len(args); i++ {
		arg, more := args[i], i+1 < len(args)
		var opt, against uint32
		switch {
		case setting && is(arg, "NX"):
			opt, against = optNX, optXX
		case setting && is(arg, "XX"):
			opt, against = optXX, optNX
		case setting && is(arg, "GET"):
			opt = optGet
		case setting && is(arg, "KEEPTTL"):
			opt, against = optKeepTTL, optTime
		case !setting && is(arg, "PERSIST"):
			opt, against = optPersist, optTime
		case is(arg, "EX") && more:
			opt = optEX
		case is(arg, "PX") && more:
			opt = optPX
		case is(arg, "EXAT") && more:
			opt = optEXAT
		case is(arg, "PXAT") && more:
			opt = optPXAT
		default:
			return 0, nil, false
		}
		if opt&optTime != 0 {
			against = (optTime | optKeepTTL | optPersist) &^ opt
			i++
			time = args[i]
		}
		if options&against != 0 {
			return 0, nil, false
		}
		options |= opt
	}
	return options, time, true
}

// expiryArg reads a time and answers what is wrong with it.
func (c *client) expiryArg(name string, text []byte, unit int, absolute bool) (expiry int64, ok bool) {
	n, ok := c.integerArg(text)
	if !ok {
		return 0, false
	}
	if n <= 0 || unit == seconds && n > math.MaxInt64/1000 {
		c.fail("ERR invalid expire time in '" + name + "' command")
		return 0, false
	}
	if unit == seconds {
		n *= 1000
	}
	if !absolute {
		if n > math.MaxInt64-c.view.Time {
			c.fail("ERR invalid expire time in '" + name + "' command")
			return 0, false
		}
		n += c.view.Time
	}
	return n, true
}

func (c *client) optionExpiry(name string, options uint32, time []byte) (expiry int64, ok bool) {
	if options&optTime == 0 {
		return 0, true
	}
	unit := 0
	if options&(optEX|optEXAT) != 0 {
		unit = seconds
	}
	return c.expiryArg(name, time, unit, options&(optEXAT|optPXAT) != 0)
}

func set(c *client, args [][]byte) {
	key, value := args[1], args[2]
	if len(args) == 3 {
		if c.store(key, value, 0) {
			c.out.OK()
		}
		return
	}
	options, time, ok := valueOptions(args[3:], true)
	if !ok {
		c.fail(errSyntax)
		return
	}
	expiry, ok := c.optionExpiry("set", options, time)
	if !ok {
		return
	}
	mark := len(c.out.Buf)
	if options&optGet != 0 {
		old, found, ok := c.readString(key)
		switch {
		case !ok:
			return
		case found:
			c.out.Bulk(old)
		default:
			c.out.Null()
		}
	}
	if options&(optNX|optXX|optKeepTTL) != 0 {
		look := c.view.Write
		if options&optGet != 0 {
			look = c.view.Find
		}
		e, found := look(key)
		if options&optNX != 0 && found || options&optXX != 0 && !found {
			if options&optGet == 0 {
				c.out.Null()
			}
			return
		}
		if options&optKeepTTL != 0 && found {
			expiry = e.Expiry()
		}
	}
	write := c.view.Set
	if options&(optGet|optNX|optXX|optKeepTTL) != 0 {
		write = c.view.Replace
	}
	if !write(key, value, store.String, expiry) {
		c.out.Buf = c.out.Buf[:mark]
		c.fail(errOOM)
		return
	}
	if options&optGet == 0 {
		c.out.OK()
	}
}

func setFor(name string, unit int) handler {
	return func(c *client, args [][]byte) {
		expiry, ok := c.expiryArg(name, args[2], unit, false)
		if ok && c.store(args[1], args[3], expiry) {
			c.out.OK()
		}
	}
}

func setNX(c *client, args [][]byte) {
	if _, found := c.view.Write(args[1]); found {
		c.out.Int(0)
		return
	}
	if c.store(args[1], args[2], 0) {
		c.out.Int(1)
	}
}

func getSet(c *client, args [][]byte) {
	mark := len(c.out.Buf)
	value, found, ok := c.readString(args[1])
	switch {
	case !ok:
		return
	case found:
		c.out.Bulk(value)
	default:
		c.out.Null()
	}
	if !c.view.Replace(args[1], args[2], store.String, 0) {
		c.out.Buf = c.out.Buf[:mark]
		c.fail(errOOM)
	}
}

func getDel(c *client, args [][]byte) {
	value, found, ok := c.readString(args[1])
	switch {
	case found:
		c.out.Bulk(value)
		c.view.Delete(args[1])
	case ok:
		c.out.Null()
	}
}

func getEx(c *client, args [][]byte) {
	options, time, ok := valueOptions(args[2:], false)
	if !ok {
		c.fail(errSyntax)
		return
	}
	value, found, ok := c.readString(args[1])
	if !found {
		if ok {
			c.out.Null()
		}
		return
	}
	expiry, ok := c.optionExpiry("getex", options, time)
	if !ok {
		return
	}
	mark := len(c.out.Buf)
	c.out.Bulk(value)
	e, _ := c.view.Find(args[1])
	switch {
	case options&optTime != 0 && expiry <= c.view.Time:
		c.view.Delete(args[1])
	case options&optTime != 0 || options&optPersist != 0 && e.Expiry() != 0:
		if !c.view.SetExpiry(args[1], expiry) {
			c.out.Buf = c.out.Buf[:mark]
			c.fail(errOOM)
		}
	}
}

func mget(c *client, args [][]byte) {
	c.out.Array(len(args) - 1)
	for _, key := range args[1:] {
		if e, found := c.view.Read(key); found && e.Kind() == store.String {
			c.out.Bulk(e.Value())
		} else {
			c.out.Null()
		}
	}
}

// storeAll sets pairs of keys and values: all of them or, for lack of memory, none.
func (c *client) storeAll(pairs [][]byte) bool {
	if !c.view.Prepare(pairs) {
		c.fail(errOOM)
		return false
	}
	defer c.view.Done()
	for i := 0; i < len(pairs); i += 2 {
		if !c.store(pairs[i], pairs[i+1], 0) {
			return false
		}
	}
	return true
}

func mset(c *client, args [][]byte) {
	if len(args)%2 == 0 {
		c.fail("ERR wrong number of arguments for 'mset' command")
		return
	}
	if c.storeAll(args[1:]) {
		c.out.OK()
	}
}

func msetNX(c *client, args [][]byte) {
	if len(args)%2 == 0 {
		c.fail("ERR wrong number of arguments for 'msetnx' command")
		return
	}
	for i := 1; i < len(args); i += 2 {
		if _, found := c.view.Write(args[i]); found {
			c.out.Int(0)
			return
		}
	}
	if c.storeAll(args[1:]) {
		c.out.Int(1)
	}
}
