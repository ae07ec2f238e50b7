package server

import "cacheserver/resp"

const errStringBytes = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

func appendTo(c *client, args [][]byte) {
	key, more := args[1], args[2]
	e, found, ok := c.writeString(key)
	if !ok {
		return
	}
	length := 0
	if found {
		length = len(e.Value())
	}
	if length+len(more) > resp.BulkBytesMax {
		c.fail(errStringBytes)
		return
	}
	value, ok := c.view.Extend(key, length+len(more))
	if !ok {
		c.fail(errOOM)
		return
	}
	copy(value[length:], more)
	c.out.Int(int64(len(value)))
}

func strLen(c *client, args [][]byte) {
	if value, _, ok := c.readString(args[1]); ok {
		c.out.Int(int64(len(value)))
	}
}

func getRange(c *client, args [][]byte) {
	start, ok := c.integerArg(args[2])
	if !ok {
		return
	}
	end, ok := c.integerArg(args[3])
	if !ok {
		return
	}
	value, _, ok := c.readString(args[1])
	if !ok {
		return
	}
	from, to := clip(start, end, len(value))
	c.out.Bulk(value[from:to])
}

// clip turns the first and last place of a range, negative ones counted from the end, into the
// bounds of a slice of n elements.
func clip(start, end int64, n int) (from, to int) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	place := func(i int64) int64 {
		if i < 0 {
			i = max(i+int64(n), 0)
		}
		return i
	}
	start, end = place(start), min(place(end), int64(n)-1)
	if n == 0 || start > end {
		return 0, 0
	}
	return int(start), int(end) + 1
}

func setRange(c *client, args [][]byte) {
	key, part := args[1], args[3]
	offset, ok := c.integerArg(args[2])
	if !ok {
		return
	}
	if offset < 0 {
		c.fail("ERR offset is out of range")
		return
	}
	e, found, ok := c.writeString(key)
	if !ok {
		return
	}
	length := 0
	if found {
		length = len(e.Value())
	}
	if len(part) == 0 {
		c.out.Int(int64(length))
		return
	}
	if offset > resp.BulkBytesMax || int(offset)+len(part) > resp.BulkBytesMax {
		c.fail(errStringBytes)
		return
	}
	value, ok := c.view.Extend(key, max(length, int(offset)+len(part)))
	if !ok {
		c.fail(errOOM)
		return
	}
	copy(value[offset:], part)
	c.out.Int(int64(len(value)))
}
