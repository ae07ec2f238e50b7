package jsontree

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// member is a member of an object, or an item of an array, while its text is read.
type member struct {
	name   string
	offset int // of the name's quotation mark
	value  Value
}

// frame is an open array or object.
type frame struct {
	base   int32 // of its members
	closer byte
}

// stacks is what a parser works with: what is open lies on frames, and what the open ones hold so
// far on members.
type stacks struct {
	members []member
	frames  []frame
	order   []int32 // of the members of the object that is being closed
}

// stacksPool spares most texts the growth of their stacks.
var stacksPool = sync.Pool{New: func() any { return &stacks{} }}

func newStacks() *stacks { return stacksPool.Get().(*stacks) }

// free gives stacks of common size to the next text, without what this one left.
func (s *stacks) free() {
	const membersKept = 128
	if cap(s.members) > membersKept || cap(s.frames) > membersKept || cap(s.order) > membersKept {
		return
	}
	clear(s.members[:cap(s.members)])
	s.members, s.frames = s.members[:0], s.frames[:0]
	stacksPool.Put(s)
}

// sort returns the order of members by their names, equal names in the order of the text. The
// members are large, so that they stay where they are.
func (s *stacks) sort(members []member) []int32 {
	s.order = s.order[:0]
	ascending := true
	for i := range members {
		s.order = append(s.order, int32(i))
		ascending = ascending && (i == 0 || members[i-1].name < members[i].name)
	}
	if !ascending {
		slices.SortFunc(s.order, func(i, j int32) int {
			return cmp.Or(strings.Compare(members[i].name, members[j].name), cmp.Compare(i, j))
		})
	}
	return s.order
}

// firstDuplicate is where a name first comes again in the text, or -1.
func firstDuplicate(members []member, order []int32) int {
	first := -1
	for i := 1; i < len(order); i++ {
		earlier, later := &members[order[i-1]], &members[order[i]]
		if earlier.name == later.name && (first < 0 || later.offset < first) {
			first = later.offset
		}
	}
	return first
}

// arrayOf makes an array of items in memory of the right size.
func arrayOf(members []member) Value {
	v := Value{kind: Array}
	if len(members) > 0 {
		v.inner = &composite{items: make([]Value, len(members))}
		for i := range members {
			v.inner.items[i] = members[i].value
		}
	}
	return v
}

// objectOf makes an object of members in that order, in memory of the right size.
func objectOf(members []member, order []int32) Value {
	v := Value{kind: Object}
	if len(members) > 0 {
		v.inner = &composite{items: make([]Value, len(members)), names: make([]string, len(members))}
		for i, from := range order {
			v.inner.items[i], v.inner.names[i] = members[from].value, members[from].name
		}
	}
	return v
}
