package jsontree

import "slices"

// child finds the value that one token of a pointer names.
func (v Value) child(token string) (Value, bool) {
	i, found := v.place(token)
	if !found {
		return Value{}, false
	}
	return v.inner.items[i], true
}

// place finds where the value that a token names lies, or where one of that name would go.
func (v Value) place(token string) (int, bool) {
	switch v.kind {
	case Object:
		return slices.BinarySearch(v.Names(), token)
	case Array:
		i, ok := Index(token)
		return i, ok && i < len(v.Items())
	default:
		return 0, false
	}
}

// Editor makes a changed tree out of one that stays as it is. It copies the arrays and objects on
// the way to a change, each at most once until a value has been copied.
type Editor struct {
	root  Value
	owned map[*composite]struct{} // made here and in the new tree once, so that they may change
}

// Edit returns an editor that starts from a tree.
func Edit(root Value) *Editor {
	return &Editor{root: root, owned: make(map[*composite]struct{})}
}

// Root is the tree as it is now. It changes with the next edit.
func (e *Editor) Root() Value { return e.root }

// Replace puts a value where another is.
func (e *Editor) Replace(at Pointer, v Value) bool {
	if len(at) == 0 {
		e.root = v
		return true
	}
	parent, token := e.parent(at)
	if parent == nil {
		return false
	}
	i, found := parent.place(token)
	if found {
		e.own(parent).items[i] = v
	}
	return found
}

// Add puts a value into an object, in place of one with that name, or before an item of an array.
func (e *Editor) Add(at Pointer, v Value) bool {
	if len(at) == 0 {
		e.root = v
		return true
	}
	parent, token := e.parent(at)
	if parent == nil || parent.kind < Array {
		return false
	}
	i, found := parent.place(token)
	if parent.kind == Array {
		end := len(parent.Items())
		if !found && token != "-" {
			if n, ok := Index(token); !ok || n != end {
				return false
			}
		}
		if !found {
			i = end
		}
		inner := e.own(parent)
		inner.items = slices.Insert(inner.items, i, v)
		return true
	}
	inner := e.own(parent)
	if found {
		inner.items[i] = v
		return true
	}
	inner.names = slices.Insert(inner.names, i, token)
	inner.items = slices.Insert(inner.items, i, v)
	return true
}

// Remove takes a value out of its array or object and returns it. The root cannot be removed.
func (e *Editor) Remove(at Pointer) (Value, bool) {
	if len(at) == 0 {
		return Value{}, false
	}
	parent, token := e.parent(at)
	if parent == nil {
		return Value{}, false
	}
	i, found := parent.place(token)
	if !found {
		return Value{}, false
	}
	inner := e.own(parent)
	v := inner.items[i]
	inner.items = fit(slices.Delete(inner.items, i, i+1))
	if parent.kind == Object {
		inner.names = fit(slices.Delete(inner.names, i, i+1))
	}
	if len(inner.items) == 0 {
		parent.inner = nil
	}
	return v, true
}

// Move takes a value out and adds it elsewhere; from a place to itself it does nothing.
func (e *Editor) Move(from, to Pointer) bool {
	if slices.Equal(from, to) {
		_, found := from.Find(e.root)
		return found
	}
	v, found := e.Remove(from)
	return found && e.Add(to, v)
}

// Copy adds a value of the tree at another place, too.
func (e *Editor) Copy(from, to Pointer) bool {
	v, found := from.Find(e.root)
	// The tree will hold what lies in the value twice, so that it may not change in place.
	if found && v.inner != nil {
		e.owned = make(map[*composite]struct{})
	}
	return found && e.Add(to, v)
}

// parent finds the array or object that a pointer's last token is about, and copies the way to
// it, unless there is none.
func (e *Editor) parent(at Pointer) (*Value, string) {
	last := len(at) - 1
	if _, found := at[:last].Find(e.root); !found {
		return nil, ""
	}
	v := &e.root
	for _, token := range at[:last] {
		i, _ := v.place(token)
		v = &e.own(v).items[i]
	}
	return v, at[last]
}

// own makes what lies in a value the editor's own, so that it may change in place.
func (e *Editor) own(v *Value) *composite {
	if _, owned := e.owned[v.inner]; owned {
		return v.inner
	}
	inner := &composite{items: withRoom(v.Items())}
	if v.kind == Object {
		inner.names = withRoom(v.Names())
	}
	v.inner = inner
	e.owned[inner] = struct{}{}
	return inner
}

// withRoom copies a slice to where one more item fits, which most edits add.
func withRoom[T any](slice []T) []T { return append(make([]T, 0, len(slice)+1), slice...) }
