// Package jsontree holds JSON values as trees: a strict parser that says where a text is wrong,
// the tree, its served and canonical forms, JSON pointers and edits that share what they leave.
package jsontree

import (
	"slices"
	"strings"
)

// Kind tells the kinds of value apart.
type Kind uint8

// The kinds of value. The zero Value is null.
const (
	Null Kind = iota
	False
	True
	Number
	String
	Array
	Object
)

// Value is a JSON value. It never changes, so that trees may share parts; an Editor makes new
// ones.
type Value struct {
	kind  Kind
	text  string     // of a number, as it was written; of a string, what it stands for
	inner *composite // of an array or object; nil when it is empty
}

// composite is what lies in an array or object. In an object names[i] is the name of items[i],
// and names ascend by their bytes, which is the order of their code points.
type composite struct {
	items []Value
	names []string // nil in an array
}

// Kind returns the value's kind.
func (v Value) Kind() Kind { return v.kind }

// Text returns what a string stands for, or a number as it was written.
func (v Value) Text() string { return v.text }

// Items returns the items of an array, or the values of an object in the order of Names. They are
// not the caller's to change.
func (v Value) Items() []Value {
	if v.inner == nil {
		return nil
	}
	return v.inner.items
}

// Names returns the names of an object, in ascending order. They are not the caller's to change.
func (v Value) Names() []string {
	if v.inner == nil {
		return nil
	}
	return v.inner.names
}

// Member returns the value of that name in an object.
func (v Value) Member(name string) (Value, bool) {
	i, found := slices.BinarySearch(v.Names(), name)
	if !found || v.kind != Object {
		return Value{}, false
	}
	return v.inner.items[i], true
}

// ObjectOf makes an object of ascending names and their values, which are no longer the caller's.
func ObjectOf(names []string, items []Value) Value {
	if len(names) == 0 {
		return Value{kind: Object}
	}
	return Value{kind: Object, inner: &composite{items: fit(items), names: fit(names)}}
}

// fit moves a slice that fills little of its memory to less, so that the size of a tree stays in
// proportion to what lies in it.
func fit[T any](slice []T) []T {
	const least, share = 8, 4
	if cap(slice) > share*len(slice)+least {
		return slices.Clone(slice)
	}
	return slice
}

// Depth is how many arrays and objects lie in one another: 0 for a scalar, 1 for [].
func (v Value) Depth() int {
	if v.kind < Array {
		return 0
	}
	depth := 0
	items := v.Items()
	for i := range items {
		if items[i].kind >= Array {
			depth = max(depth, items[i].Depth())
		}
	}
	return depth + 1
}

// Count is the number of scalars, arrays and objects in the value, itself among them.
func (v Value) Count() int {
	items := v.Items()
	count := 1 + len(items)
	for i := range items {
		if items[i].kind >= Array {
			count += items[i].Count() - 1
		}
	}
	return count
}

// Equal says whether values are equal as RFC 6902, section 4.6, has it: numbers by their exact
// value, arrays in their order, objects by their names.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case Number:
		return equalNumbers(v.text, w.text)
	case String:
		return v.text == w.text
	case Array, Object:
		return v.inner == w.inner ||
			slices.Equal(v.Names(), w.Names()) && slices.EqualFunc(v.Items(), w.Items(), Value.Equal)
	default:
		return true
	}
}

// Compact returns a copy that shares nothing, whose text lies in memory of the right size.
func (v Value) Compact() Value {
	var text strings.Builder
	text.Grow(v.textBytes())
	return v.copyInto(&text)
}

func (v Value) textBytes() int {
	bytes := len(v.text)
	for _, name := range v.Names() {
		bytes += len(name)
	}
	for _, item := range v.Items() {
		bytes += item.textBytes()
	}
	return bytes
}

// copyInto copies a value with its text at the end of a builder that has room for it.
func (v Value) copyInto(text *strings.Builder) Value {
	keep := func(part string) string {
		start := text.Len()
		text.WriteString(part)
		return text.String()[start:]
	}
	v.text = keep(v.text)
	if v.inner == nil {
		return v
	}
	inner := &composite{items: slices.Clone(v.inner.items), names: slices.Clone(v.inner.names)}
	for i := range inner.names {
		inner.names[i] = keep(inner.names[i])
	}
	for i := range inner.items {
		inner.items[i] = inner.items[i].copyInto(text)
	}
	v.inner = inner
	return v
}
