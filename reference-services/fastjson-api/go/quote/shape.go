package quote

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// encoding/json lets through what the contract refuses: unknown, repeated, missing and
// differently capitalised fields, null anywhere, -0 and halves of surrogate pairs. The checks
// here walk a body that Unmarshal has already taken, so that its syntax and types are known to
// be right where a field is known; unknown fields end the walk, which bounds its depth.

// A shape lists the fields that an object may have. At most 64, to fit a bit set.
type shape []field

type field struct {
	name     string
	required bool
	inner    shape // of the object, or of each object in the array; nil for other values
}

var (
	customerShape = shape{{"id", true, nil}, {"name", true, nil}, {"tax_exempt", false, nil}}
	addressShape  = shape{
		{"recipient", true, nil}, {"street", true, nil}, {"city", true, nil},
		{"postal_code", true, nil}, {"country", true, nil},
	}
	discountShape = shape{{"code", true, nil}, {"basis_points", true, nil}}
	optionShape   = shape{{"name", true, nil}, {"surcharge", true, nil}}
	lineShape     = shape{
		{"sku", true, nil}, {"quantity", true, nil}, {"unit_price", true, nil},
		{"tax_category", true, nil}, {"discounts", false, discountShape},
		{"options", false, optionShape},
	}
	orderShape = shape{
		{"order_id", true, nil}, {"currency", true, nil}, {"customer", true, customerShape},
		{"shipping_address", true, addressShape}, {"billing_address", false, addressShape},
		{"lines", true, lineShape}, {"note", false, nil},
	}
)

func checkShape(body []byte) error {
	w := walker{text: body}
	return w.value(orderShape)
}

// A walker is at a place in a valid JSON text.
type walker struct {
	text []byte
	at   int
}

func (w *walker) value(s shape) error {
	switch w.peek() {
	case '{':
		return w.object(s)
	case '[':
		return w.array(s)
	case '"':
		_, err := w.str()
		return err
	case 'n':
		return w.errorf("null is not allowed")
	}
	start := w.at
	for w.at < len(w.text) && !isDelimiter(w.text[w.at]) {
		w.at++
	}
	if string(w.text[start:w.at]) == "-0" {
		return w.errorf("-0 is not an integer")
	}
	return nil
}

func (w *walker) array(s shape) error {
	w.at++
	if w.peek() == ']' {
		w.at++
		return nil
	}
	for {
		if err := w.value(s); err != nil {
			return err
		}
		if end := w.peek() == ']'; w.skip(end) {
			return nil
		}
	}
}

func (w *walker) object(s shape) error {
	w.at++
	var seen uint64
	next := 0
	if w.peek() == '}' {
		w.at++
		return w.complete(s, seen)
	}
	for {
		w.peek()
		name, err := w.str()
		if err != nil {
			return err
		}
		i := s.index(name, next)
		if i < 0 {
			return w.errorf("unknown field %s", strconv.Quote(string(name)))
		}
		if seen&(1<<i) != 0 {
			return w.errorf("duplicate field %s", s[i].name)
		}
		seen |= 1 << i
		next = i + 1
		w.peek()
		w.at++ // the colon
		if err := w.value(s[i].inner); err != nil {
			return err
		}
		if end := w.peek() == '}'; w.skip(end) {
			return w.complete(s, seen)
		}
	}
}

func (w *walker) complete(s shape, seen uint64) error {
	for i, f := range s {
		if f.required && seen&(1<<i) == 0 {
			return w.errorf("missing field %s", f.name)
		}
	}
	return nil
}

// index looks first where the field is expected: most clients keep to an order.
func (s shape) index(name []byte, expected int) int {
	if expected < len(s) && s[expected].name == string(name) {
		return expected
	}
	for i := range s {
		if s[i].name == string(name) {
			return i
		}
	}
	return -1
}

// peek skips white space and returns the byte after it.
func (w *walker) peek() byte {
	for w.text[w.at] <= ' ' {
		w.at++
	}
	return w.text[w.at]
}

// skip steps over a comma or closing bracket and says whether it was the bracket.
func (w *walker) skip(end bool) bool {
	w.at++
	return end
}

// str steps over a string and returns what it stands for.
func (w *walker) str() ([]byte, error) {
	w.at++
	start, escaped := w.at, false
	for w.text[w.at] != '"' {
		if w.text[w.at] != '\\' {
			w.at++
			continue
		}
		escaped = true
		if w.text[w.at+1] != 'u' {
			w.at += 2
			continue
		}
		unit := w.unit()
		w.at += 6
		if isHighSurrogate(unit) && w.text[w.at] == '\\' && w.text[w.at+1] == 'u' &&
			isLowSurrogate(w.unit()) {
			w.at += 6
		} else if isHighSurrogate(unit) || isLowSurrogate(unit) {
			return nil, w.errorf("half of a surrogate pair")
		}
	}
	w.at++
	if !escaped {
		return w.text[start : w.at-1], nil
	}
	var s string
	err := json.Unmarshal(w.text[start-1:w.at], &s)
	return []byte(s), err
}

// unit reads the UTF-16 code unit of the \uXXXX at hand.
func (w *walker) unit() uint64 {
	unit, _ := strconv.ParseUint(string(w.text[w.at+2:w.at+6]), 16, 16)
	return unit
}

func (w *walker) errorf(format string, args ...any) error {
	return fmt.Errorf("%s at byte %d", fmt.Sprintf(format, args...), w.at)
}

func isHighSurrogate(unit uint64) bool { return unit >= 0xD800 && unit < 0xDC00 }

func isLowSurrogate(unit uint64) bool { return unit >= 0xDC00 && unit < 0xE000 }

func isDelimiter(b byte) bool { return b <= ' ' || b == ',' || b == ']' || b == '}' }
