package ndjson

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, in the high bit of each byte of word, a quote, a backslash or a control
// character (0x7F is one). Bytes above the first marked one may be marked wrongly, the first never
// is.
func special(word uint64) uint64 {
	quote := word ^ ones*'"'
	slash := word ^ ones*'\\'
	del := word ^ ones*0x7F
	return ((quote-ones)&^quote | (slash-ones)&^slash | (del-ones)&^del |
		(word-ones*0x20)&^word) & highs
}

// stringEnd returns the place of the first quote, backslash or control character at or after at
// (len(line) if there is none) and whether a byte before it is not ASCII.
func stringEnd(line []byte, at int) (int, bool) {
	var seen uint64
	for at+8 <= len(line) {
		word := binary.LittleEndian.Uint64(line[at:])
		if found := special(word); found != 0 {
			shift := bits.TrailingZeros64(found) &^ 7
			seen |= word & (1<<shift - 1)
			return at + shift/8, seen&highs != 0
		}
		seen |= word
		at += 8
	}
	for ; at < len(line); at++ {
		c := line[at]
		if c == '"' || c == '\\' || c < 0x20 || c == 0x7F {
			break
		}
		seen |= uint64(c)
	}
	return at, seen&highs != 0
}

var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number reads the JSON number that starts at at and returns its value and where it ends. It is
// not ok if there is none, or if it is beyond the range of a double.
func number(line []byte, at int) (value float64, end int, ok bool) {
	start := at
	negative := at < len(line) && line[at] == '-'
	if negative {
		at++
	}
	var mantissa uint64
	first := at
	for at < len(line) && line[at]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(line[at]-'0')
		at++
	}
	digits := at - first
	if digits == 0 || digits > 1 && line[first] == '0' {
		return 0, at, false
	}
	exponent := 0
	if at < len(line) && line[at] == '.' {
		at++
		point := at
		for at < len(line) && line[at]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(line[at]-'0')
			at++
		}
		if at == point {
			return 0, at, false
		}
		digits += at - point
		exponent = point - at
	}
	plain := true
	if at < len(line) && line[at]|0x20 == 'e' {
		plain = false
		at++
		if at < len(line) && (line[at] == '+' || line[at] == '-') {
			at++
		}
		power := at
		for at < len(line) && line[at]-'0' <= 9 {
			at++
		}
		if at == power {
			return 0, at, false
		}
	}
	// Both are exact doubles, and one operation on them rounds once (Clinger's fast path).
	if plain && digits <= 19 && mantissa < 1<<53 && -exponent < len(exactPowers) {
		value = float64(mantissa) / exactPowers[-exponent]
		if negative {
			value = -value
		}
		return value, at, true
	}
	value, err := strconv.ParseFloat(string(line[start:at]), 64)
	return value, at, err == nil && !math.IsInf(value, 0)
}
