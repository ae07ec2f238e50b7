package server

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"cacheserver/resp"
	"cacheserver/store"
)

func randomKey(c *client, _ [][]byte) {
	if key, ok := c.view.Random(); ok {
		c.out.Bulk(key)
	} else {
		c.out.Null()
	}
}

const errPattern = "ERR pattern " + errTooLong

// putBefore inserts what is written by write before the replies that follow a mark: the length of an
// array whose elements had to be counted first.
func (c *client) putBefore(mark int, write func(head *resp.Writer)) {
	head := resp.Writer{Proto: c.out.Proto}
	write(&head)
	c.out.Buf = slices.Insert(c.out.Buf, mark, head.Buf...)
}

func keys(c *client, args [][]byte) {
	if len(args[1]) > keyBytesMax {
		c.fail(errPattern)
		return
	}
	mark, n := len(c.out.Buf), 0
	c.view.Scan(0, math.MaxInt, math.MaxInt, func(key store.Key) {
		if matches(args[1], key.Bytes) {
			c.out.Bulk(key.Bytes)
			n++
		}
	})
	c.putBefore(mark, func(head *resp.Writer) { head.Array(n) })
}

// scanOptions are those of SCAN and HSCAN.
type scanOptions struct {
	pattern []byte // nil for all
	count   int
	kind    []byte // the type of the keys, nil for any
}

const (
	scanCount = 10
	// Places to look at for each element that is asked for.
	scanPlaces   = 10
	scanCountMax = 1 << 40
)

// cursorArg reads a cursor and answers what is wrong. An empty one is 0, and a negative one is taken
// as Redis takes it.
func (c *client) cursorArg(text []byte) (uint64, bool) {
	if len(text) == 0 {
		return 0, true
	}
	digits := bytes.TrimPrefix(text[:min(len(text), cursorBytesMax)], []byte{'-'})
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || len(text) > cursorBytesMax {
		c.fail("ERR invalid cursor")
		return 0, false
	}
	if text[0] == '-' {
		n = -n
	}
	return n, true
}

// cursorBytesMax is the length of the longest cursor.
const cursorBytesMax = 32

// scanArgs reads the options and answers what is wrong with them.
func (c *client) scanArgs(args [][]byte, keys bool) (o scanOptions, ok bool) {
	o.count = scanCount
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			c.fail(errSyntax)
			return o, false
		}
		value := args[i+1]
		switch {
		case is(args[i], "COUNT"):
			n, ok := c.integerArg(value)
			if !ok {
				return o, false
			}
			if n < 1 {
				c.fail(errSyntax)
				return o, false
			}
			o.count = int(min(n, scanCountMax))
		case is(args[i], "MATCH"):
			if len(value) > keyBytesMax {
				c.fail(errPattern)
				return o, false
			}
			o.pattern = value
		case keys && is(args[i], "TYPE"):
			o.kind = value
		default:
			c.fail(errSyntax)
			return o, false
		}
	}
	return o, true
}

func scan(c *client, args [][]byte) {
	cursor, ok := c.cursorArg(args[1])
	if !ok {
		return
	}
	o, ok := c.scanArgs(args[2:], true)
	if !ok {
		return
	}
	mark := len(c.out.Buf)
	n := 0
	next := c.view.Scan(cursor, o.count, o.count*scanPlaces, func(key store.Key) {
		if (o.pattern == nil || matches(o.pattern, key.Bytes)) && (o.kind == nil || isKind(o.kind, key.Kind)) {
			c.out.Bulk(key.Bytes)
			n++
		}
	})
	c.scanned(mark, next, n)
}

func isKind(name []byte, k store.Kind) bool {
	if k == store.Hash {
		return is(name, "HASH")
	}
	return is(name, "STRING")
}

// scanned puts the cursor and the length before the n elements written since a mark.
func (c *client) scanned(mark int, next uint64, n int) {
	c.putBefore(mark, func(head *resp.Writer) {
		head.Array(2)
		head.Text(strconv.FormatUint(next, 10))
		head.Array(n)
	})
}
