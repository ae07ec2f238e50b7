package server

import "math"

// integer reads a 64-bit number as Redis does: no spaces, plus sign or leading zeros.
func integer(text []byte) (int64, bool) {
	digits := text
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative && n <= -math.MinInt64:
		return -int64(n), true
	case !negative && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}

// integerArg is integer, and answers the error.
func (c *client) integerArg(text []byte) (int64, bool) {
	n, ok := integer(text)
	if !ok {
		c.fail(errNotInteger)
	}
	return n, ok
}

// is compares an option's name, which is in capitals, whatever the case of the argument.
func is(arg []byte, name string) bool {
	if len(arg) != len(name) {
		return false
	}
	for i, b := range arg {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		if b != name[i] {
			return false
		}
	}
	return true
}

// dbArg reads the number of a database, and answers the error. Numbers are of 32 bits, which Redis
// tells before it looks.
func (c *client) dbArg(text []byte) (int, bool) {
	n, ok := integer(text)
	switch {
	case !ok:
		c.fail(errNotInteger)
		return 0, false
	case n != int64(int32(n)):
		c.fail("ERR value is out of range, value must between -2147483648 and 2147483647")
		return 0, false
	case n < 0 || n >= databases:
		c.fail(errDB)
		return 0, false
	}
	return int(n), true
}
