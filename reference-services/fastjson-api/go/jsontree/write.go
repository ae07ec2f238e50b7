package jsontree

import (
	"slices"
	"strings"
)

// Append appends the served form: no white space, members in the order of their names' bytes,
// numbers as they were written, and in strings only the escapes that JSON demands.
func (v Value) Append(dst []byte) []byte { return v.append(dst, false) }

// AppendCanonical appends the canonical form (RFC 8785). The value comes from ParseFinite.
func (v Value) AppendCanonical(dst []byte) []byte { return v.append(dst, true) }

func (v Value) append(dst []byte, canonical bool) []byte {
	switch v.kind {
	case Null:
		return append(dst, "null"...)
	case False:
		return append(dst, "false"...)
	case True:
		return append(dst, "true"...)
	case Number:
		if canonical {
			return appendCanonical(dst, v.text)
		}
		return append(dst, v.text...)
	case String:
		return appendString(dst, v.text)
	case Array:
		return v.appendArray(dst, canonical)
	default:
		return v.appendObject(dst, canonical)
	}
}

func (v Value) appendArray(dst []byte, canonical bool) []byte {
	dst = append(dst, '[')
	for i, item := range v.Items() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item.append(dst, canonical)
	}
	return append(dst, ']')
}

func (v Value) appendObject(dst []byte, canonical bool) []byte {
	var order []int
	if canonical {
		order = orderUTF16(v.Names())
	}
	dst = append(dst, '{')
	for i := range v.Names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if order != nil {
			i = order[i]
		}
		dst = appendString(dst, v.inner.names[i])
		dst = append(dst, ':')
		dst = v.inner.items[i].append(dst, canonical)
	}
	return append(dst, '}')
}

func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(text) {
		if plain[text[i]] {
			continue
		}
		dst = append(dst, text[start:i]...)
		dst = appendEscape(dst, text[i])
		start = i + 1
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	default:
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
	}
}

// Length is the length of the served form in bytes.
func (v Value) Length() int {
	switch v.kind {
	case Null, True:
		return len("null")
	case False:
		return len("false")
	case Number:
		return len(v.text)
	case String:
		return stringLength(v.text)
	}
	length := len("[]") + max(len(v.Items())-1, 0) // with the commas
	for _, name := range v.Names() {
		length += stringLength(name) + len(":")
	}
	for _, item := range v.Items() {
		length += item.Length()
	}
	return length
}

func stringLength(text string) int {
	length := len(text) + len(`""`)
	for i := range len(text) {
		if !plain[text[i]] {
			var escape [6]byte
			length += len(appendEscape(escape[:0], text[i])) - 1
		}
	}
	return length
}

// orderUTF16 is the order of names by their UTF-16 code units, or nil when it is that of their
// bytes: only characters beyond U+FFFF, which UTF-16 writes as surrogates, may come before others
// that have lower code points.
func orderUTF16(names []string) []int {
	beyond := func(name string) bool {
		return strings.ContainsFunc(name, func(r rune) bool { return r > 0xFFFF })
	}
	if !slices.ContainsFunc(names, beyond) {
		return nil
	}
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return compareUTF16(names[i], names[j]) })
	return order
}

// compareUTF16 compares by UTF-16 code units. The first byte that differs decides as it does in
// UTF-8, save that four-byte characters (surrogates from D800) come before U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		const lead4, leadE000 = 0xF0, 0xEE
		order := int(a[i]) - int(b[i])
		if min(a[i], b[i]) >= leadE000 && (a[i] >= lead4) != (b[i] >= lead4) {
			return -order
		}
		return order
	}
	return len(a) - len(b)
}
