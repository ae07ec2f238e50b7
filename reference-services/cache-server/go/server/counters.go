package server

import (
	"math"
	"strconv"
)

func incr(c *client, args [][]byte) { c.add(args[1], 1) }
func decr(c *client, args [][]byte) { c.add(args[1], -1) }

func incrBy(c *client, args [][]byte) {
	if n, ok := c.integerArg(args[2]); ok {
		c.add(args[1], n)
	}
}

func decrBy(c *client, args [][]byte) {
	n, ok := c.integerArg(args[2])
	if !ok {
		return
	}
	if n == math.MinInt64 {
		c.fail("ERR decrement would overflow")
		return
	}
	c.add(args[1], -n)
}

const errOverflow = "ERR increment or decrement would overflow"

// addWithin is a sum, unless it overflows.
func addWithin(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}

func (c *client) add(key []byte, n int64) {
	e, found, ok := c.writeString(key)
	if !ok {
		return
	}
	var before, expiry int64
	if found {
		if before, ok = c.integerArg(e.Value()); !ok {
			return
		}
		expiry = e.Expiry()
	}
	sum, ok := addWithin(before, n)
	if !ok {
		c.fail(errOverflow)
		return
	}
	var digits [20]byte
	if c.replace(key, strconv.AppendInt(digits[:0], sum, 10), expiry) {
		c.out.Int(sum)
	}
}

func incrByFloat(c *client, args [][]byte) {
	key := args[1]
	e, found, ok := c.writeString(key)
	if !ok {
		return
	}
	before, expiry := decimal{}, int64(0)
	if found {
		if before, ok = parseDecimal(e.Value()); !ok {
			c.fail(errNotFloat)
			return
		}
		expiry = e.Expiry()
	}
	more, ok := parseDecimal(args[2])
	if !ok {
		c.fail(errNotFloat)
		return
	}
	sum, ok := before.plus(more)
	if !ok {
		c.fail("ERR increment would produce NaN or Infinity")
		return
	}
	if text := sum.text(); c.replace(key, text, expiry) {
		c.out.Bulk(text)
	}
}
