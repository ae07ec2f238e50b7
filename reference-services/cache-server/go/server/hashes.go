package server

import (
	"strconv"

	"cacheserver/store"
)

func hashCommands() []command {
	const w, r, oom, fast = flagWrite, flagReadonly, flagDenyOOM, flagFast
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, first: 1, last: 1, step: 1,
			run: run, group: "hash", since: since, summary: summary}
	}
	return []command{
		one("hset", -4, w|oom|fast, "2.0.0", "Sets fields of a hash.", hset),
		one("hmset", -4, w|oom|fast, "2.0.0", "Sets fields of a hash, as HSET, and answers OK.", hmset),
		one("hget", 3, r|fast, "2.0.0", "The value of a field.", hget),
		one("hmget", -3, r|fast, "2.0.0", "The values of several fields.", hmget),
		one("hdel", -3, w|fast, "2.0.0", "Removes fields of a hash.", hdel),
		one("hlen", 2, r|fast, "2.0.0", "The count of fields.", hlen),
		one("hexists", 3, r|fast, "2.0.0", "Whether a field exists.", hexists),
		one("hkeys", 2, r, "2.0.0", "The names of all fields.", hkeys),
		one("hvals", 2, r, "2.0.0", "The values of all fields.", hvals),
		one("hgetall", 2, r, "2.0.0", "The names and values of all fields.", hgetall),
		one("hincrby", 4, w|oom|fast, "2.0.0", "Adds to a number in a field.", hincrBy),
		one("hscan", -3, r, "2.8.0", "Goes through the fields step by step.", hscan),
	}
}

// readFields finds a hash that a command reads. It answers a wrong type.
func (c *client) readFields(key []byte) (f store.Fields, ok bool) {
	e, found := c.view.Read(key)
	if !found {
		return nil, true
	}
	if e.Kind() != store.Hash {
		c.fail(errWrongType)
		return nil, false
	}
	return e.Fields(), true
}

// writeFields is readFields for a command that changes the hash.
func (c *client) writeFields(key []byte) (f store.Fields, ok bool) {
	e, found := c.view.Write(key)
	if !found {
		return nil, true
	}
	if e.Kind() != store.Hash {
		c.fail(errWrongType)
		return nil, false
	}
	return e.Fields(), true
}

const errField = "ERR field " + errTooLong

// setFields sets fields and answers what is wrong.
func (c *client) setFields(key []byte, pairs [][]byte) (added int, ok bool) {
	added, outcome := c.view.SetFields(key, pairs)
	switch outcome {
	case store.NoMemory:
		c.fail(errOOM)
	case store.TooLarge:
		c.fail("ERR hash exceeds maximum allowed size")
	}
	return added, outcome == store.Stored
}

func hset(c *client, args [][]byte) {
	if added, ok := c.setArguments(args, "hset"); ok {
		c.out.Int(int64(added))
	}
}

func hmset(c *client, args [][]byte) {
	if _, ok := c.setArguments(args, "hmset"); ok {
		c.out.OK()
	}
}

// setArguments sets the fields that the arguments of a command name.
func (c *client) setArguments(args [][]byte, command string) (added int, ok bool) {
	if len(args)%2 == 1 {
		c.fail("ERR wrong number of arguments for '" + command + "' command")
		return 0, false
	}
	pairs := args[2:]
	for i := 0; i < len(pairs); i += 2 {
		if len(pairs[i]) > keyBytesMax {
			c.fail(errField)
			return 0, false
		}
	}
	if _, ok := c.writeFields(args[1]); !ok {
		return 0, false
	}
	return c.setFields(args[1], pairs)
}

func hget(c *client, args [][]byte) {
	f, ok := c.readFields(args[1])
	if ok {
		c.field(f, args[2])
	}
}

func (c *client) field(f store.Fields, name []byte) {
	if value, found := c.view.Field(f, name); found {
		c.out.Bulk(value)
	} else {
		c.out.Null()
	}
}

func hmget(c *client, args [][]byte) {
	f, ok := c.readFields(args[1])
	if !ok {
		return
	}
	c.out.Array(len(args) - 2)
	for _, name := range args[2:] {
		c.field(f, name)
	}
}

func hdel(c *client, args [][]byte) {
	if _, ok := c.writeFields(args[1]); ok {
		c.out.Int(int64(c.view.RemoveFields(args[1], args[2:])))
	}
}

func hlen(c *client, args [][]byte) {
	if f, ok := c.readFields(args[1]); ok {
		c.out.Int(int64(f.Len()))
	}
}

func hexists(c *client, args [][]byte) {
	if f, ok := c.readFields(args[1]); ok {
		_, found := c.view.Field(f, args[2])
		c.out.Bool(found)
	}
}

func hkeys(c *client, args [][]byte) {
	if f, ok := c.readFields(args[1]); ok {
		c.out.Array(f.Len())
		f.Each(func(name, _ []byte) { c.out.Bulk(name) })
	}
}

func hvals(c *client, args [][]byte) {
	if f, ok := c.readFields(args[1]); ok {
		c.out.Array(f.Len())
		f.Each(func(_, value []byte) { c.out.Bulk(value) })
	}
}

func hgetall(c *client, args [][]byte) {
	if f, ok := c.readFields(args[1]); ok {
		c.out.Map(f.Len())
		f.Each(func(name, value []byte) {
			c.out.Bulk(name)
			c.out.Bulk(value)
		})
	}
}

func hincrBy(c *client, args [][]byte) {
	key, name := args[1], args[2]
	if len(name) > keyBytesMax {
		c.fail(errField)
		return
	}
	n, ok := c.integerArg(args[3])
	if !ok {
		return
	}
	f, ok := c.writeFields(key)
	if !ok {
		return
	}
	before := int64(0)
	if value, found := c.view.Field(f, name); found {
		if before, ok = integer(value); !ok {
			c.fail("ERR hash value is not an integer")
			return
		}
	}
	sum, ok := addWithin(before, n)
	if !ok {
		c.fail(errOverflow)
		return
	}
	var digits [20]byte
	pair := [][]byte{name, strconv.AppendInt(digits[:0], sum, 10)}
	if _, ok := c.setFields(key, pair); ok {
		c.out.Int(sum)
	}
}

func hscan(c *client, args [][]byte) {
	cursor, ok := c.cursorArg(args[2])
	if !ok {
		return
	}
	f, ok := c.readFields(args[1])
	if !ok {
		return
	}
	if f == nil {
		c.scanned(len(c.out.Buf), 0, 0)
		return
	}
	o, ok := c.scanArgs(args[3:], false)
	if !ok {
		return
	}
	mark := len(c.out.Buf)
	n := 0
	next := f.Scan(cursor, o.count, o.count*scanPlaces, func(name, value []byte) {
		if o.pattern == nil || matches(o.pattern, name) {
			c.out.Bulk(name)
			c.out.Bulk(value)
			n += 2
		}
	})
	c.scanned(mark, next, n)
}
