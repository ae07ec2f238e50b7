package patch

import (
	"fmt"
	"slices"

	"fastjson/jsontree"
)

// OperationsMax is the most operations that a JSON Patch may have.
const OperationsMax = 1_000

// InvalidError says that a value is not a JSON Patch.
type InvalidError struct {
	Pointer string // into the patch
	Detail  string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s: %s", e.Pointer, e.Detail) }

// Patch is a JSON Patch that has been checked.
type Patch []operation

type operation struct {
	op         string
	path, from location
	value      jsontree.Value
}

// location is a pointer, read and as it was written.
type location struct {
	pointer jsontree.Pointer
	text    string
}

// Decode checks that a value is a JSON Patch. The error is an *InvalidError or a *LimitError.
func Decode(v jsontree.Value) (Patch, error) {
	if v.Kind() != jsontree.Array {
		return nil, &InvalidError{"", "a JSON Patch is an array of operations"}
	}
	if len(v.Items()) > OperationsMax {
		return nil, &LimitError{Limit: Operations, Operation: -1}
	}
	p := make(Patch, len(v.Items()))
	for i, item := range v.Items() {
		d := decoder{item, fmt.Sprintf("/%d", i)}
		var err error
		if p[i], err = d.operation(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// decoder reads one operation.
type decoder struct {
	object jsontree.Value
	at     string // in the patch
}

func (d decoder) operation() (o operation, err error) {
	if d.object.Kind() != jsontree.Object {
		return o, &InvalidError{d.at, "an operation is an object"}
	}
	if o.op, err = d.op(); err != nil {
		return o, err
	}
	if o.path, err = d.location("path"); err != nil {
		return o, err
	}
	if o.op == "move" || o.op == "copy" {
		if o.from, err = d.location("from"); err != nil {
			return o, err
		}
	}
	if from, path := o.from.pointer, o.path.pointer; o.op == "move" &&
		len(from) < len(path) && slices.Equal(from, path[:len(from)]) {
		return o, &InvalidError{d.at + "/from", "a value cannot move into itself"}
	}
	if o.op == "add" || o.op == "replace" || o.op == "test" {
		var found bool
		if o.value, found = d.object.Member("value"); !found {
			return o, &InvalidError{d.at, o.op + " needs a value"}
		}
	}
	return o, nil
}

var ops = []string{"add", "remove", "replace", "move", "copy", "test"}

func (d decoder) op() (string, error) {
	v, found := d.object.Member("op")
	if !found {
		return "", &InvalidError{d.at, "an operation needs an op"}
	}
	if v.Kind() != jsontree.String || !slices.Contains(ops, v.Text()) {
		return "", &InvalidError{d.at + "/op", "must be add, remove, replace, move, copy or test"}
	}
	return v.Text(), nil
}

func (d decoder) location(name string) (location, error) {
	v, found := d.object.Member(name)
	if !found {
		return location{}, &InvalidError{d.at, "the operation needs a " + name}
	}
	if v.Kind() != jsontree.String {
		return location{}, &InvalidError{d.at + "/" + name, "must be a string"}
	}
	pointer, err := jsontree.ParsePointer(v.Text())
	if err != nil {
		return location{}, &InvalidError{d.at + "/" + name, err.Error()}
	}
	return location{pointer, v.Text()}, nil
}
