package jsontree

import (
	"bytes"
	"strconv"
	"strings"
)

// A number of so many bytes without exponent is finite and, when it is an integer, exact as a
// double.
const safeDigits = 15

// number reads the number at hand and returns it as it is written.
func (p *parser) number() (string, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '0' {
		p.at++
	} else if !p.digits() {
		return "", p.fault("expected a digit")
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if !p.digits() {
			return "", p.fault("expected a digit after the decimal point")
		}
	}
	exponent := p.at
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return "", p.fault("expected a digit in the exponent")
		}
	}
	text := p.text[start:p.at]
	p.limitNumber(start, text, p.text[exponent:p.at])
	return text, nil
}

func (p *parser) limitNumber(offset int, text, exponent string) {
	switch {
	case len(text) > numberBytesMax:
		p.refuse(NumberTooLong, offset)
	case len(strings.TrimLeft(exponent, "eE+-0")) > exponentDigitsMax:
		p.refuse(ExponentTooLarge, offset)
	case p.finite && (exponent != "" || len(text) > safeDigits):
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			p.refuse(NumberRange, offset)
		}
	}
}

// digits steps over digits and says whether there was one.
func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}

// appendES6 appends a finite number as ECMAScript writes it (RFC 8785, section 3.2.2.3): the
// shortest digits that read back as the same number, with an exponent below 1e-6 and from 1e21.
func appendES6(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // -0 too
	}
	if abs := max(f, -f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// strconv pads the exponent to two digits, ECMAScript does not.
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendCanonical appends a number that is near a finite double as RFC 8785 writes it.
func appendCanonical(dst []byte, text string) []byte {
	if len(text) <= safeDigits && text != "-0" && !strings.ContainsAny(text, ".eE") {
		return append(dst, text...)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return append(dst, text...) // not after ParseFinite
	}
	return appendES6(dst, f)
}

// equalNumbers compares the exact values of two numbers.
func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	var bufferA, bufferB [64]byte
	digitsA, exponentA := decimal(bufferA[:0], a)
	digitsB, exponentB := decimal(bufferB[:0], b)
	if len(digitsA) == 0 || len(digitsB) == 0 {
		return len(digitsA) == len(digitsB)
	}
	return (a[0] == '-') == (b[0] == '-') && exponentA == exponentB && bytes.Equal(digitsA, digitsB)
}

// decimal takes a number apart: its value, save for the sign, is digits × 10^exponent, where
// digits neither start nor end with a zero. Zero has no digits.
func decimal(digits []byte, text string) ([]byte, int) {
	text = strings.TrimPrefix(text, "-")
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(text[i+1:]) // fits: it has few digits
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits = append(append(digits, whole...), fraction...)
	exponent -= len(fraction)
	trimmed := bytes.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	return bytes.TrimLeft(trimmed, "0"), exponent
}
