package server

import (
	"math"

	"cacheserver/store"
)

// lcsBytesMax bounds the table of LCS, of 4 bytes a cell.
const lcsBytesMax = 16 << 20

type lcsOptions struct {
	length, indexes, matchLengths bool
	least                         int64
}

// match is a run that two values have in common: where it begins in each, and its length.
type match struct{ a, b, n int }

func lcs(c *client, args [][]byte) {
	var values [2][]byte
	for i := range values {
		e, found := c.view.Read(args[1+i])
		if found && e.Kind() != store.String {
			c.fail("ERR The specified keys must contain string values")
			return
		}
		if found {
			// Reading the second may move the first.
			values[i] = append([]byte{}, e.Value()...)
		}
	}
	var o lcsOptions
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "IDX"):
			o.indexes = true
		case is(args[i], "LEN"):
			o.length = true
		case is(args[i], "WITHMATCHLEN"):
			o.matchLengths = true
		case is(args[i], "MINMATCHLEN") && i+1 < len(args):
			least, ok := c.integerArg(args[i+1])
			if !ok {
				return
			}
			o.least = max(least, 0)
			i++
		default:
			c.fail(errSyntax)
			return
		}
	}
	if o.length && o.indexes {
		c.fail("ERR If you want both the length and indexes, please just use IDX.")
		return
	}
	a, b := values[0], values[1]
	if (len(a)+1)*(len(b)+1) > lcsBytesMax/4 {
		c.fail("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
		return
	}
	c.answerLCS(o, a, b)
}

func (c *client) answerLCS(o lcsOptions, a, b []byte) {
	table := lcsTable(a, b)
	length := int64(table[len(table)-1])
	if o.length {
		c.out.Int(length)
		return
	}
	text, matches := lcsWalk(table, a, b)
	if !o.indexes {
		c.out.Bulk(text)
		return
	}
	kept := 0
	for _, m := range matches {
		if int64(m.n) >= o.least {
			kept++
		}
	}
	c.out.Map(2)
	c.out.Text("matches")
	c.out.Array(kept)
	for _, m := range matches {
		if int64(m.n) < o.least {
			continue
		}
		c.out.Array(2 + btoi(o.matchLengths))
		for _, from := range [2]int{m.a, m.b} {
			c.out.Array(2)
			c.out.Int(int64(from))
			c.out.Int(int64(from + m.n - 1))
		}
		if o.matchLengths {
			c.out.Int(int64(m.n))
		}
	}
	c.out.Text("len")
	c.out.Int(length)
}

func btoi(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// lcsTable is the length of the longest common subsequence of every pair of beginnings.
func lcsTable(a, b []byte) []uint32 {
	width := len(b) + 1
	table := make([]uint32, (len(a)+1)*width)
	for i := range a {
		above, row := table[i*width:(i+1)*width], table[(i+1)*width:(i+2)*width]
		for j := range b {
			if a[i] == b[j] {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
	}
	return table
}

// lcsWalk goes back through the table: the subsequence, and its runs from the last to the first.
func lcsWalk(table []uint32, a, b []byte) (text []byte, matches []match) {
	width := len(b) + 1
	text = make([]byte, table[len(table)-1])
	run := match{a: math.MaxInt}
	for i, j, left := len(a), len(b), len(text); i > 0 && j > 0 && left > 0; {
		switch {
		case a[i-1] == b[j-1]:
			left--
			text[left] = a[i-1]
			if run.n > 0 && run.a == i && run.b == j {
				run = match{i - 1, j - 1, run.n + 1}
			} else {
				if run.n > 0 {
					matches = append(matches, run)
				}
				run = match{i - 1, j - 1, 1}
			}
			i--
			j--
		case table[(i-1)*width+j] > table[i*width+j-1]:
			i--
		default:
			j--
		}
	}
	if run.n > 0 {
		matches = append(matches, run)
	}
	return text, matches
}
