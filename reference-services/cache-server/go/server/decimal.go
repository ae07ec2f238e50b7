package server

import (
	"bytes"
	"math/big"
)

// decimal is a number with decimalPlaces decimals, kept as a whole number of the last one.
type decimal struct{ units big.Int }

const (
	decimalPlaces = 17
	// Numbers have fewer digits than this before the point.
	decimalWholeMax = 20
	// Exponents beyond this either way decide alone whether a number is too large or 0.
	exponentMax = 1 << 20
)

var (
	decimalBound = new(big.Int).Exp(big.NewInt(10), big.NewInt(decimalWholeMax+decimalPlaces), nil)
	ten          = big.NewInt(10)
)

// parseDecimal reads a number such as 1, -.5 or 5.0e3, rounding half to even.
func parseDecimal(text []byte) (d decimal, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	exponent := 0
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		if exponent, ok = parseExponent(text[i+1:]); !ok {
			return d, false
		}
		text = text[:i]
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	if len(whole)+len(fraction) == 0 || !allDigits(whole) || !allDigits(fraction) {
		return d, false
	}
	digits := append(append([]byte{}, whole...), fraction...)
	// The point stands after this many of the digits.
	point := len(whole) + exponent
	leading := len(digits) - len(bytes.TrimLeft(digits, "0"))
	digits, point = digits[leading:], point-leading
	if len(digits) == 0 {
		return d, true
	}
	if point > decimalWholeMax {
		return d, false
	}
	d.units = roundedUnits(digits, point+decimalPlaces)
	if negative {
		d.units.Neg(&d.units)
	}
	return d, d.units.CmpAbs(decimalBound) < 0
}

// roundedUnits is the number that the first keep digits make, rounded half to even by the rest.
func roundedUnits(digits []byte, keep int) (n big.Int) {
	if keep < 0 {
		return n
	}
	rest := []byte{}
	if keep < len(digits) {
		digits, rest = digits[:keep], digits[keep:]
	}
	n.SetString(string(digits), 10)
	for i := len(digits); i < keep; i++ {
		n.Mul(&n, ten)
	}
	if len(rest) == 0 || rest[0] < '5' {
		return n
	}
	if rest[0] == '5' && len(bytes.Trim(rest[1:], "0")) == 0 && n.Bit(0) == 0 {
		return n
	}
	n.Add(&n, big.NewInt(1))
	return n
}

func parseExponent(text []byte) (n int, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	if len(text) == 0 || !allDigits(text) {
		return 0, false
	}
	for _, c := range text {
		n = min(n*10+int(c-'0'), exponentMax*exponentMax)
	}
	if negative {
		n = -n
	}
	return n, true
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// plus is the sum, unless it is too large.
func (d decimal) plus(other decimal) (sum decimal, ok bool) {
	sum.units.Add(&d.units, &other.units)
	return sum, sum.units.CmpAbs(decimalBound) < 0
}

// text is the number without trailing zeros or exponent.
func (d decimal) text() []byte {
	digits := []byte(new(big.Int).Abs(&d.units).String())
	if short := decimalPlaces + 1 - len(digits); short > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, short), digits...)
	}
	whole, fraction := digits[:len(digits)-decimalPlaces], digits[len(digits)-decimalPlaces:]
	var text []byte
	if d.units.Sign() < 0 {
		text = append(text, '-')
	}
	text = append(text, whole...)
	if fraction = bytes.TrimRight(fraction, "0"); len(fraction) > 0 {
		text = append(append(text, '.'), fraction...)
	}
	return text
}
