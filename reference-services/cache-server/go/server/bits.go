package server

import (
	"encoding/binary"
	"math/bits"

	"cacheserver/resp"
)

func bitCommands() []command {
	one := func(name string, arity int, flags uint32, since, summary string, run handler) command {
		return command{name: name, arity: arity, flags: flags, first: 1, last: 1, step: 1,
			run: run, group: "bitmap", since: since, summary: summary}
	}
	return []command{
		one("bitcount", -2, flagReadonly, "2.6.0", "Counts the bits of a value that are set.", bitCount),
		one("setbit", 4, flagWrite|flagDenyOOM, "2.2.0", "Sets or clears a bit of a value.", setBit),
		one("getbit", 3, flagReadonly|flagFast, "2.2.0", "A bit of a value.", getBit),
	}
}

// bitOffset reads the place of a bit and answers what is wrong with it.
func (c *client) bitOffset(text []byte) (int, bool) {
	n, ok := integer(text)
	if !ok || n < 0 || n>>3 >= resp.BulkBytesMax {
		c.fail("ERR bit offset is not an integer or out of range")
		return 0, false
	}
	return int(n), true
}

func setBit(c *client, args [][]byte) {
	offset, ok := c.bitOffset(args[2])
	if !ok {
		return
	}
	bit, ok := integer(args[3])
	if !ok || bit != 0 && bit != 1 {
		c.fail("ERR bit is not an integer or out of range")
		return
	}
	e, found, ok := c.writeString(args[1])
	if !ok {
		return
	}
	at, mask := offset>>3, byte(0x80)>>(offset&7)
	length := 0
	if found {
		old := e.Value()
		if length = len(old); at < length && old[at]&mask != 0 == (bit == 1) {
			c.out.Int(bit)
			return
		}
	}
	value, ok := c.view.Extend(args[1], max(length, at+1))
	if !ok {
		c.fail(errOOM)
		return
	}
	c.out.Bool(value[at]&mask != 0)
	value[at] &^= mask
	if bit == 1 {
		value[at] |= mask
	}
}

func getBit(c *client, args [][]byte) {
	offset, ok := c.bitOffset(args[2])
	if !ok {
		return
	}
	if value, _, ok := c.readString(args[1]); ok {
		at := offset >> 3
		c.out.Bool(at < len(value) && value[at]&(0x80>>(offset&7)) != 0)
	}
}

func bitCount(c *client, args [][]byte) {
	value, found, ok := c.readString(args[1])
	if !ok {
		return
	}
	if !found {
		c.out.Int(0)
		return
	}
	if len(args) == 2 {
		c.out.Int(int64(ones(value)))
		return
	}
	if len(args) == 3 || len(args) > 5 {
		c.fail(errSyntax)
		return
	}
	start, ok := c.integerArg(args[2])
	if !ok {
		return
	}
	end, ok := c.integerArg(args[3])
	if !ok {
		return
	}
	switch {
	case start < 0 && end < 0 && start > end:
		c.out.Int(0)
	case len(args) == 4 || is(args[4], "BYTE"):
		from, to := clip(start, end, len(value))
		c.out.Int(int64(ones(value[from:to])))
	case is(args[4], "BIT"):
		from, to := clip(start, end, 8*len(value))
		c.out.Int(int64(onesBetween(value, from, to)))
	default:
		c.fail(errSyntax)
	}
}

// ones counts the bits that are set.
func ones(value []byte) (n int) {
	for len(value) >= 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(value))
		value = value[8:]
	}
	for _, b := range value {
		n += bits.OnesCount8(b)
	}
	return n
}

// onesBetween counts the bits that are set from one bit up to another.
func onesBetween(value []byte, from, to int) int {
	if from >= to {
		return 0
	}
	first, last := from>>3, (to-1)>>3
	n := ones(value[first : last+1])
	n -= bits.OnesCount8(value[first] &^ (0xff >> (from & 7)))
	n -= bits.OnesCount8(value[last] & (0x7f >> ((to - 1) & 7)))
	return n
}
