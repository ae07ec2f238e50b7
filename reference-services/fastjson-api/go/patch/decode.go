package patch

import (
	"fmt"
	"slices"
	"strconv"

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
		d := decoder{item, i}
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
	index  int
}

// invalid says what is wrong in a member of the operation; no name stands for the whole.
func (d decoder) invalid(name, detail string) error {
	pointer := "/" + strconv.Itoa(d.index)
	if name != "" {
		pointer += "/" + name
	}
	return &InvalidError{pointer, detail}
}

func (d decoder) operation() (o operation, err error) {
	if d.object.Kind() != jsontree.Object {
		return o, d.invalid("", "an operation is an object")
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
		return o, d.invalid("from", "a value cannot move into itself")
	}
	if o.op == "add" || o.op == "replace" || o.op == "test" {
		var found bool
		if o.value, found = d.object.Member("value"); !found {
			return o, d.invalid("", o.op+" needs a value")
		}
	}
	return o, nil
}

var ops = []string{"add", "remove", "replace", "move", "copy", "test"}

func (d decoder) op() (string, error) {
	v, found := d.object.Member("op")
	if !found {
		return "", d.invalid("", "an operation needs an op")
	}
	if v.Kind() != jsontree.String || !slices.Contains(ops, v.Text()) {
		return "", d.invalid("op", "must be add, remove, replace, move, copy or test")
	}
	return v.Text(), nil
}

func (d decoder) location(name string) (location, error) {
	v, found := d.object.Member(name)
	if !found {
		return location{}, d.invalid("", "the operation needs a "+name)
	}
	if v.Kind() != jsontree.String {
		return location{}, d.invalid(name, "must be a string")
	}
	pointer, err := jsontree.ParsePointer(v.Text())
	if err != nil {
		return location{}, d.invalid(name, err.Error())
	}
	return location{pointer, v.Text()}, nil
}
