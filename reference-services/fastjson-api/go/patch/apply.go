package patch

import (
	"fmt"

	"fastjson/jsontree"
)

// CopiedBytesMax is the most that one patch may copy, as the lengths of the served forms.
const CopiedBytesMax = 256 * 1024

// ConflictError says that an operation does not apply to the document.
type ConflictError struct {
	Operation int    // its index
	Pointer   string // as the patch has it
	Test      bool   // a test found another value, rather than none
}

func (e *ConflictError) Error() string {
	if e.Test {
		return fmt.Sprintf("operation %d: the value at %q is another", e.Operation, e.Pointer)
	}
	return fmt.Sprintf("operation %d: the document has no place %q", e.Operation, e.Pointer)
}

// Limit is the contract's name of a limit on patches.
type Limit string

// The limits on patches.
const (
	Operations  Limit = "operations"
	CopiedBytes Limit = "copied-bytes"
	Depth       Limit = "depth"
)

// LimitError says that a patch goes beyond a limit.
type LimitError struct {
	Limit     Limit
	Operation int // its index, or -1 for the patch as a whole
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the patch goes beyond the limit %s", e.Limit)
}

// Apply applies the operations in turn and returns the new tree; the old one stays as it is. The
// error is a *ConflictError or a *LimitError.
func (p Patch) Apply(root jsontree.Value) (jsontree.Value, error) {
	a := application{editor: jsontree.Edit(root)}
	for i := range p {
		if err := a.apply(i, &p[i]); err != nil {
			return jsontree.Value{}, err
		}
	}
	return a.editor.Root(), nil
}

type application struct {
	editor      *jsontree.Editor
	copiedBytes int
}

func (a *application) apply(i int, o *operation) error {
	conflict := func(at location) error { return &ConflictError{Operation: i, Pointer: at.text} }
	value := o.value
	if o.op == "move" || o.op == "copy" {
		var found bool
		if value, found = o.from.pointer.Find(a.editor.Root()); !found {
			return conflict(o.from)
		}
	}
	if o.op == "copy" {
		if a.copiedBytes += value.Length(); a.copiedBytes > CopiedBytesMax {
			return &LimitError{CopiedBytes, i}
		}
	}
	if o.op != "remove" && o.op != "test" && len(o.path.pointer)+value.Depth() > jsontree.DepthMax {
		return &LimitError{Depth, i}
	}
	done := false
	switch o.op {
	case "add":
		done = a.editor.Add(o.path.pointer, value)
	case "remove":
		_, done = a.editor.Remove(o.path.pointer)
	case "replace":
		done = a.editor.Replace(o.path.pointer, value)
	case "move":
		done = a.editor.Move(o.from.pointer, o.path.pointer)
	case "copy":
		done = a.editor.Copy(o.from.pointer, o.path.pointer)
	case "test":
		found, there := o.path.pointer.Find(a.editor.Root())
		if there && !found.Equal(value) {
			return &ConflictError{Operation: i, Pointer: o.path.text, Test: true}
		}
		done = there
	}
	if !done {
		return conflict(o.path)
	}
	return nil
}
