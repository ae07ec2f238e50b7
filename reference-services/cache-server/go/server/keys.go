package server

import (
	"math"

	"cacheserver/store"
)

func keyCommands() []command {
	const w, r, fast = flagWrite, flagReadonly, flagFast
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, first: 1, last: 1, step: 1,
			run: run, group: "generic", since: since, summary: summary}
	}
	many := func(last int, cmd command) command {
		cmd.last = last
		return cmd
	}
	none := func(cmd command) command {
		cmd.first, cmd.last, cmd.step = 0, 0, 0
		cmd.flags |= flagScan
		return cmd
	}
	return []command{
		many(-1, one("del", -2, w, "1.0.0", "Deletes keys.", del)),
		many(-1, one("unlink", -2, w|fast, "4.0.0", "Deletes keys.", del)),
		many(-1, one("exists", -2, r|fast, "1.0.0", "Counts the keys that exist.", exists)),
		many(-1, one("touch", -2, r|fast, "3.2.1", "Counts the keys that exist, as an access.", touch)),
		one("type", 2, r|fast, "1.0.0", "The type of a value.", typeOf),
		one("expire", -3, w|fast, "1.0.0", "Sets the time to live in seconds.", expire("expire", seconds, false)),
		one("pexpire", -3, w|fast, "2.6.0", "Sets the time to live in milliseconds.", expire("pexpire", 0, false)),
		one("expireat", -3, w|fast, "1.2.0", "Sets the time of expiry in seconds.", expire("expireat", seconds, true)),
		one("pexpireat", -3, w|fast, "2.6.0", "Sets the time of expiry in milliseconds.", expire("pexpireat", 0, true)),
		one("ttl", 2, r|fast, "1.0.0", "The time to live in seconds.", ttl(seconds, false)),
		one("pttl", 2, r|fast, "2.6.0", "The time to live in milliseconds.", ttl(0, false)),
		one("expiretime", 2, r|fast, "7.0.0", "The time of expiry in seconds.", ttl(seconds, true)),
		one("pexpiretime", 2, r|fast, "7.0.0", "The time of expiry in milliseconds.", ttl(0, true)),
		one("persist", 2, w|fast, "2.2.0", "Takes away the time of expiry.", persist),
		many(2, one("rename", 3, w, "1.0.0", "Renames a key.", rename(false))),
		many(2, one("renamenx", 3, w|fast, "1.0.0", "Renames a key unless the new name exists.", rename(true))),
		many(2, one("copy", -3, w|flagDenyOOM, "6.2.0", "Copies a value to another key.", copyKey)),
		none(one("randomkey", 1, r, "1.0.0", "A key chosen at random.", randomKey)),
		none(one("keys", 2, r, "1.0.0", "All keys that match a pattern.", keys)),
		none(one("scan", -2, r, "2.8.0", "Goes through the keys step by step.", scan)),
	}
}

func (c *client) countKeys(args [][]byte, counts func(key []byte) bool) {
	n := int64(0)
	for _, key := range args[1:] {
		if counts(key) {
			n++
		}
	}
	c.out.Int(n)
}

func del(c *client, args [][]byte) { c.countKeys(args, c.view.Delete) }

func exists(c *client, args [][]byte) {
	c.countKeys(args, func(key []byte) bool { _, found := c.view.Peek(key); return found })
}

func touch(c *client, args [][]byte) {
	c.countKeys(args, func(key []byte) bool { _, found := c.view.Read(key); return found })
}

func kindName(k store.Kind) string {
	if k == store.Hash {
		return "hash"
	}
	return "string"
}

func typeOf(c *client, args [][]byte) {
	if e, found := c.view.Peek(args[1]); found {
		c.out.Simple(kindName(e.Kind()))
	} else {
		c.out.Simple("none")
	}
}

// Conditions of EXPIRE.
const (
	onlyNew = 1 << iota
	onlyOld
	onlyLater
	onlySooner
)

func (c *client) expireConditions(args [][]byte) (conditions uint32, ok bool) {
	for _, arg := range args {
		switch {
		case is(arg, "NX"):
			conditions |= onlyNew
		case is(arg, "XX"):
			conditions |= onlyOld
		case is(arg, "GT"):
			conditions |= onlyLater
		case is(arg, "LT"):
			conditions |= onlySooner
		default:
			c.fail("ERR Unsupported option " + shown(arg, len(arg)))
			return 0, false
		}
	}
	switch {
	case conditions&onlyNew != 0 && conditions != onlyNew:
		c.fail("ERR NX and XX, GT or LT options at the same time are not compatible")
		return 0, false
	case conditions&onlyLater != 0 && conditions&onlySooner != 0:
		c.fail("ERR GT and LT options at the same time are not compatible")
		return 0, false
	}
	return conditions, true
}

// allow says whether the conditions hold for changing one time of expiry, 0 for never, to another.
func allow(conditions uint32, from, to int64) bool {
	switch {
	case conditions&onlyNew != 0 && from != 0,
		conditions&onlyOld != 0 && from == 0,
		conditions&onlyLater != 0 && (from == 0 || to <= from),
		conditions&onlySooner != 0 && from != 0 && to >= from:
		return false
	}
	return true
}

func expire(name string, unit int, absolute bool) handler {
	return func(c *client, args [][]byte) {
		conditions, ok := c.expireConditions(args[3:])
		if !ok {
			return
		}
		when, ok := c.integerArg(args[2])
		if !ok {
			return
		}
		base := c.view.Time
		if absolute {
			base = 0
		}
		if unit == seconds {
			if when > math.MaxInt64/1000 || when < math.MinInt64/1000 {
				c.fail("ERR invalid expire time in '" + name + "' command")
				return
			}
			when *= 1000
		}
		if when > math.MaxInt64-base {
			c.fail("ERR invalid expire time in '" + name + "' command")
			return
		}
		when += base
		e, found := c.view.Write(args[1])
		if !found || !allow(conditions, e.Expiry(), when) {
			c.out.Int(0)
			return
		}
		if when <= c.view.Time {
			c.view.Delete(args[1])
		} else if !c.view.SetExpiry(args[1], when) {
			c.fail(errOOM)
			return
		}
		c.out.Int(1)
	}
}

func ttl(unit int, absolute bool) handler {
	return func(c *client, args [][]byte) {
		e, found := c.view.Peek(args[1])
		switch {
		case !found:
			c.out.Int(-2)
			return
		case e.Expiry() == 0:
			c.out.Int(-1)
			return
		}
		n := e.Expiry()
		if !absolute {
			n = max(n-c.view.Time, 0)
		}
		if unit == seconds {
			n = (n + 500) / 1000
		}
		c.out.Int(n)
	}
}

func persist(c *client, args [][]byte) {
	e, found := c.view.Write(args[1])
	if !found || e.Expiry() == 0 {
		c.out.Int(0)
		return
	}
	c.view.SetExpiry(args[1], 0)
	c.out.Int(1)
}

func rename(onlyFree bool) handler {
	return func(c *client, args [][]byte) {
		from, to := args[1], args[2]
		e, found := c.view.Write(from)
		if !found {
			c.fail(errNoKey)
			return
		}
		same := string(from) == string(to)
		value, kind, expiry := append([]byte{}, e.Value()...), e.Kind(), e.Expiry()
		if onlyFree {
			if _, taken := c.view.Write(to); taken || same {
				c.out.Int(0)
				return
			}
		}
		if !same {
			if !c.view.Set(to, value, kind, expiry) {
				c.fail(errOOM)
				return
			}
			c.view.Delete(from)
		}
		if onlyFree {
			c.out.Int(1)
		} else {
			c.out.OK()
		}
	}
}

func copyKey(c *client, args [][]byte) {
	from, to := args[1], args[2]
	db, replace := c.view.DB, false
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "REPLACE"):
			replace = true
		case is(args[i], "DB") && i+1 < len(args):
			var ok bool
			if db, ok = c.dbArg(args[i+1]); !ok {
				return
			}
			i++
		default:
			c.fail(errSyntax)
			return
		}
	}
	if db == c.view.DB && string(from) == string(to) {
		c.fail("ERR source and destination objects are the same")
		return
	}
	e, found := c.view.Read(from)
	if !found {
		c.out.Int(0)
		return
	}
	value, kind, expiry := append([]byte{}, e.Value()...), e.Kind(), e.Expiry()
	target := c.view
	target.DB = db
	if _, taken := target.Write(to); taken && !replace {
		c.out.Int(0)
		return
	}
	if !target.Set(to, value, kind, expiry) {
		c.fail(errOOM)
		return
	}
	c.out.Int(1)
}
