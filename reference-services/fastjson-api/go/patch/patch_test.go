package patch

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"fastjson/jsontree"
)

func parse(t testing.TB, text string) jsontree.Value {
	t.Helper()
	v, err := jsontree.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func served(v jsontree.Value) string { return string(v.Append(nil)) }

func decodeAny(text string) (v any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&v)
	return v, err
}

// The examples of RFC 6902, appendix A, that succeed, and more.
var applied = []struct{ document, patch, want string }{
	{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux"}]`, `{"baz":"qux","foo":"bar"}`},
	{`{"foo":["bar","baz"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux","baz"]}`},
	{`{"baz":"qux","foo":"bar"}`, `[{"op":"remove","path":"/baz"}]`, `{"foo":"bar"}`},
	{`{"foo":["bar","qux","baz"]}`, `[{"op":"remove","path":"/foo/1"}]`, `{"foo":["bar","baz"]}`},
	{`{"baz":"qux","foo":"bar"}`, `[{"op":"replace","path":"/baz","value":"boo"}]`, `{"baz":"boo","foo":"bar"}`},
	{
		`{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}`,
		`[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]`,
		`{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}`,
	},
	{`{"foo":["all","grass","cows","eat"]}`, `[{"op":"move","from":"/foo/1","path":"/foo/3"}]`, `{"foo":["all","cows","eat","grass"]}`},
	{
		`{"baz":"qux","foo":["a",2,"c"]}`,
		`[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]`,
		`{"baz":"qux","foo":["a",2,"c"]}`,
	},
	{`{"foo":"bar"}`, `[{"op":"add","path":"/child","value":{"grandchild":{}}}]`, `{"child":{"grandchild":{}},"foo":"bar"}`},
	{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux","xyz":123}]`, `{"baz":"qux","foo":"bar"}`},
	{`{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":10}]`, `{"/":9,"~1":10}`},
	{`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/-","value":["abc","def"]}]`, `{"foo":["bar",["abc","def"]]}`},
	// The whole document.
	{`{"a":1}`, `[{"op":"add","path":"","value":[]}]`, `[]`},
	{`1`, `[{"op":"replace","path":"","value":{"a":{}}},{"op":"move","from":"/a","path":""}]`, `{}`},
	{`{"a":[1]}`, `[{"op":"copy","from":"/a","path":""},{"op":"test","path":"","value":[1.0]}]`, `[1]`},
	{`{"a":1}`, `[{"op":"copy","from":"","path":"/b"},{"op":"copy","from":"","path":"/c"}]`, `{"a":1,"b":{"a":1},"c":{"a":1,"b":{"a":1}}}`},
	{`{"a":1}`, `[{"op":"move","from":"","path":""}]`, `{"a":1}`},
	// What was copied must not change with what it was copied from.
	{
		`{"a":{"x":[1]}}`,
		`[{"op":"add","path":"/a/x/0","value":0},{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/a/x/0","value":9},{"op":"remove","path":"/b/x/1"}]`,
		`{"a":{"x":[9,0,1]},"b":{"x":[0]}}`,
	},
	{
		`[[1],[2]]`,
		`[{"op":"add","path":"/0/-","value":3},{"op":"move","from":"/0","path":"/-"},{"op":"add","path":"/1/-","value":4},{"op":"copy","from":"/1","path":"/0"},{"op":"add","path":"/2/0","value":0}]`,
		`[[1,3,4],[2],[0,1,3,4]]`,
	},
	{`{"a":{}}`, `[{"op":"add","path":"/a/","value":1},{"op":"add","path":"/a/","value":2}]`, `{"a":{"":2}}`},
	{`[1]`, `[{"op":"remove","path":"/0"},{"op":"add","path":"/0","value":null},{"op":"add","path":"/1","value":2}]`, `[null,2]`},
	{`{"a":1,"b":2}`, `[{"op":"move","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/b"}]`, `{"b":1}`},
	{`[1,2,3]`, `[{"op":"move","from":"/0","path":"/2"},{"op":"move","from":"/2","path":"/-"}]`, `[2,3,1]`},
	{`{"a":[]}`, `[]`, `{"a":[]}`},
	{
		`[10e-1,0,"\u00e9",{"b":1,"a":-0}]`,
		`[{"op":"test","path":"","value":[1.0,-0.0e5,"é",{"a":0,"b":1e0}]},{"op":"test","path":"/0","value":0.01E+2}]`,
		`[10e-1,0,"é",{"a":-0,"b":1}]`,
	},
}

func TestPatchesApply(t *testing.T) {
	for _, c := range applied {
		document := parse(t, c.document)
		p, err := Decode(parse(t, c.patch))
		if err != nil {
			t.Errorf("%s: %v", c.patch, err)
			continue
		}
		got, err := p.Apply(document)
		if err != nil || served(got) != c.want {
			t.Errorf("%s with %s: got %s, %v, want %s", c.document, c.patch, served(got), err, c.want)
		}
		if after := served(document); after != served(parse(t, c.document)) {
			t.Errorf("%s with %s: the document became %s", c.document, c.patch, after)
		}
	}
}

var conflicts = []struct {
	document, patch string
	operation       int
	pointer         string
	test            bool
}{
	{`{"baz":"qux"}`, `[{"op":"test","path":"/baz","value":"bar"}]`, 0, "/baz", true},
	{`{"foo":"bar"}`, `[{"op":"add","path":"/baz/bat","value":"qux"}]`, 0, "/baz/bat", false},
	{`{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":"10"}]`, 0, "/~01", true},
	{`{"a":1}`, `[{"op":"add","path":"/b","value":1},{"op":"remove","path":"/c"}]`, 1, "/c", false},
	{`{"a":1}`, `[{"op":"remove","path":""}]`, 0, "", false},
	{`{"a":1}`, `[{"op":"replace","path":"/b","value":1}]`, 0, "/b", false},
	{`{"a":1}`, `[{"op":"test","path":"/b","value":null}]`, 0, "/b", false},
	{`{"a":null}`, `[{"op":"test","path":"/a","value":false}]`, 0, "/a", true},
	{`{"a":1}`, `[{"op":"move","from":"/b","path":"/x/y"}]`, 0, "/b", false},
	{`{"a":1}`, `[{"op":"copy","from":"/a","path":"/x/y"}]`, 0, "/x/y", false},
	{`{"a":1}`, `[{"op":"move","from":"/b","path":"/b"}]`, 0, "/b", false},
	{`[1,2]`, `[{"op":"move","from":"/0","path":"/2"}]`, 0, "/2", false},
	{`[1]`, `[{"op":"add","path":"/2","value":1}]`, 0, "/2", false},
	{`[1]`, `[{"op":"add","path":"/01","value":1}]`, 0, "/01", false},
	{`[1]`, `[{"op":"add","path":"/+0","value":1}]`, 0, "/+0", false},
	{`[1]`, `[{"op":"add","path":"/18446744073709551616","value":1}]`, 0, "/18446744073709551616", false},
	{`[1]`, `[{"op":"remove","path":"/-"}]`, 0, "/-", false},
	{`[1]`, `[{"op":"remove","path":"/1"}]`, 0, "/1", false},
	{`[1]`, `[{"op":"replace","path":"/-","value":1}]`, 0, "/-", false},
	{`[[1]]`, `[{"op":"add","path":"/-/0","value":1}]`, 0, "/-/0", false},
	{`"a"`, `[{"op":"add","path":"/0","value":1}]`, 0, "/0", false},
	{`[1,9007199254740993]`, `[{"op":"test","path":"/1","value":9007199254740992}]`, 0, "/1", true},
	{`["a"]`, `[{"op":"test","path":"","value":["a","a"]}]`, 0, "", true},
	{`{"a":1}`, `[{"op":"test","path":"","value":{"b":1}}]`, 0, "", true},
}

func TestConflictsNameTheOperation(t *testing.T) {
	for _, c := range conflicts {
		p, err := Decode(parse(t, c.patch))
		if err != nil {
			t.Errorf("%s: %v", c.patch, err)
			continue
		}
		_, err = p.Apply(parse(t, c.document))
		want := ConflictError{Operation: c.operation, Pointer: c.pointer, Test: c.test}
		if got, ok := errors.AsType[*ConflictError](err); !ok || *got != want {
			t.Errorf("%s with %s: got %v, want %v", c.document, c.patch, err, &want)
		}
	}
}

func TestInvalidPatchesSayWhere(t *testing.T) {
	for patch, want := range map[string]string{
		`{}`: "", `null`: "",
		`[1]`: "/0", `[{}]`: "/0",
		`[{"op":"test","path":"","value":1},{"path":""}]`: "/1",
		`[{"op":1}]`: "/0/op", `[{"op":"Add"}]`: "/0/op", `[{"op":"","path":1}]`: "/0/op",
		`[{"op":"add"}]`: "/0", `[{"op":"add","path":1}]`: "/0/path",
		`[{"op":"add","path":"a"}]`: "/0/path", `[{"op":"remove","path":"/~"}]`: "/0/path",
		`[{"op":"remove","path":"/~2"}]`: "/0/path", `[{"op":"remove","path":"/~0~"}]`: "/0/path",
		`[{"op":"move","path":""}]`: "/0", `[{"op":"copy","path":"","from":null}]`: "/0/from",
		`[{"op":"copy","path":"","from":"x"}]`:         "/0/from",
		`[{"op":"move","path":"/a/b","from":"/a"}]`:    "/0/from",
		`[{"op":"move","path":"/a","from":""}]`:        "/0/from",
		`[{"op":"move","path":"/~1/b","from":"/~1"}]`:  "/0/from",
		`[{"op":"add","path":""}]`:                     "/0",
		`[{"op":"test","path":"/a"},{"op":"replace"}]`: "/0",
	} {
		_, err := Decode(parse(t, patch))
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Pointer != want {
			t.Errorf("%s: got %v, want %q", patch, err, want)
		}
	}
	for _, patch := range []string{
		`[{"op":"move","path":"/ab","from":"/a"}]`, `[{"op":"copy","path":"/a/b","from":"/a"}]`,
		`[{"op":"remove","path":"/","from":1,"value":2,"x":[]}]`, `[{"op":"add","path":"","value":null}]`,
	} {
		if _, err := Decode(parse(t, patch)); err != nil {
			t.Errorf("%s: %v", patch, err)
		}
	}
}

func TestLimits(t *testing.T) {
	operations := func(n int, operation string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(operation+",", n), ",") + "]"
	}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	deep := `{"a":` + nested(jsontree.DepthMax-1) + `}`
	half := `{"a":"` + strings.Repeat("x", CopiedBytesMax/2-2) + `"}`
	for _, c := range []struct {
		document, patch string
		limit           Limit
		operation       int
	}{
		{`1`, operations(OperationsMax+1, `{"op":"test","path":"","value":1}`), Operations, -1},
		{`1`, operations(OperationsMax+1, `0`), Operations, -1},
		{half, operations(3, `{"op":"copy","from":"/a","path":"/b"}`), CopiedBytes, 2},
		{deep, `[{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/a","path":"/x/y"}]`, Depth, 1},
		{deep, `[{"op":"copy","from":"","path":"/b"}]`, Depth, 0},
		{`[]`, `[{"op":"add","path":"` + strings.Repeat("/0", jsontree.DepthMax) + `","value":[]}]`, Depth, 0},
		{`[]`, `[{"op":"replace","path":"` + strings.Repeat("/0", jsontree.DepthMax+1) + `","value":1}]`, Depth, 0},
	} {
		p, err := Decode(parse(t, c.patch))
		if err == nil {
			_, err = p.Apply(parse(t, c.document))
		}
		want := LimitError{c.limit, c.operation}
		if got, ok := errors.AsType[*LimitError](err); !ok || *got != want {
			t.Errorf("%.60s with %.60s: got %v, want %v", c.document, c.patch, err, &want)
		}
	}
	for _, c := range []struct{ document, patch string }{
		{`1`, operations(OperationsMax, `{"op":"test","path":"","value":1}`)},
		{half, operations(2, `{"op":"copy","from":"/a","path":"/b"}`)},
		{deep, `[{"op":"copy","from":"/a","path":"/b"}]`},
		{`1`, `[{"op":"add","path":"","value":` + nested(jsontree.DepthMax-2) + `}]`},
	} {
		p, err := Decode(parse(t, c.patch))
		if err == nil {
			_, err = p.Apply(parse(t, c.document))
		}
		if err != nil {
			t.Errorf("%.60s with %.60s: %v", c.document, c.patch, err)
		}
	}
}

// FuzzPatch compares with a plain way to do the same: on maps and slices, copied for each
// operation.
func FuzzPatch(f *testing.F) {
	for _, c := range applied {
		f.Add(c.document, c.patch)
	}
	for _, c := range conflicts {
		f.Add(c.document, c.patch)
	}
	f.Fuzz(func(t *testing.T, documentText, patchText string) {
		document, err := jsontree.Parse(documentText)
		if err != nil {
			return
		}
		value, err := jsontree.Parse(patchText)
		if err != nil {
			return
		}
		p, err := Decode(value)
		if err != nil {
			return
		}
		before := served(document)
		got, err := p.Apply(document)
		if after := served(document); after != before {
			t.Fatalf("%s with %s: the document became %s", documentText, patchText, after)
		}
		if _, limit := errors.AsType[*LimitError](err); limit {
			return
		}
		want, failed := applyPlainly(decoded(t, before), p)
		conflict, ok := errors.AsType[*ConflictError](err)
		if ok != (failed >= 0) || ok && conflict.Operation != failed {
			t.Fatalf("%s with %s: got %v, want operation %d to fail", documentText, patchText, err, failed)
		}
		if failed < 0 && !reflect.DeepEqual(decoded(t, served(got)), want) {
			t.Fatalf("%s with %s: got %s, want %v", documentText, patchText, served(got), want)
		}
	})
}

// applyPlainly returns the result, or which operation fails.
func applyPlainly(document any, p Patch) (any, int) {
	for i, o := range p {
		value, _ := decodeAny(served(o.value))
		ok := true
		switch from, path := o.from.pointer, o.path.pointer; o.op {
		case "add":
			document, ok = plainAdd(document, path, value)
		case "remove":
			document, _, ok = plainRemove(document, path)
		case "replace":
			if _, ok = plainFind(document, path); ok && len(path) == 0 {
				document = value
			} else if ok {
				document, _, _ = plainRemove(document, path)
				document, _ = plainAdd(document, path, value)
			}
		case "move":
			if value, ok = plainFind(document, from); ok && !reflect.DeepEqual(from, path) {
				document, _, _ = plainRemove(document, from)
				document, ok = plainAdd(document, path, value)
			}
		case "copy":
			if value, ok = plainFind(document, from); ok {
				document, ok = plainAdd(document, path, plainCopy(value))
			}
		case "test":
			var found any
			found, ok = plainFind(document, path)
			text, _ := json.Marshal(found)
			tree, _ := jsontree.Parse(string(text))
			ok = ok && tree.Equal(o.value)
		}
		if !ok {
			return nil, i
		}
	}
	return document, -1
}

func plainCopy(v any) any {
	text, _ := json.Marshal(v)
	v, _ = decodeAny(string(text))
	return v
}

func plainFind(v any, path []string) (any, bool) {
	for _, token := range path {
		switch container := v.(type) {
		case map[string]any:
			inner, ok := container[token]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			i := plainIndex(token, len(container))
			if i < 0 {
				return nil, false
			}
			v = container[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// plainIndex is the one of length indexes that a token spells, or -1.
func plainIndex(token string, length int) int {
	for i := range length {
		if fmt.Sprint(i) == token {
			return i
		}
	}
	return -1
}

func plainAdd(v any, path []string, value any) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	token, rest := path[0], path[1:]
	switch container := v.(type) {
	case map[string]any:
		inner, there := container[token]
		if !there && len(rest) > 0 {
			return v, false
		}
		inner, ok := plainAdd(inner, rest, value)
		if ok {
			container[token] = inner
		}
		return container, ok
	case []any:
		if len(rest) > 0 {
			i := plainIndex(token, len(container))
			if i < 0 {
				return v, false
			}
			inner, ok := plainAdd(container[i], rest, value)
			container[i] = inner
			return container, ok
		}
		i := plainIndex(token, len(container)+1)
		if token == "-" {
			i = len(container)
		}
		if i < 0 {
			return v, false
		}
		longer := append([]any{}, container[:i]...)
		return append(append(longer, value), container[i:]...), true
	default:
		return v, false
	}
}

func plainRemove(v any, path []string) (any, any, bool) {
	found, ok := plainFind(v, path)
	if !ok || len(path) == 0 {
		return v, nil, false
	}
	parent, _ := plainFind(v, path[:len(path)-1])
	token := path[len(path)-1]
	switch container := parent.(type) {
	case map[string]any:
		delete(container, token)
		return v, found, true
	case []any:
		i := plainIndex(token, len(container))
		shorter := append(append([]any{}, container[:i]...), container[i+1:]...)
		if len(path) == 1 {
			return shorter, found, true
		}
		v, _, _ = plainRemove(v, path[:len(path)-1])
		v, _ = plainAdd(v, path[:len(path)-1], shorter)
		return v, found, true
	default:
		return v, nil, false
	}
}

func BenchmarkApply(b *testing.B) {
	document := parse(b, `{"id":"2026-000417","customer":{"name":"Zoë Straße","email":null},"lines":[`+
		strings.Repeat(`{"sku":"LAMP-1","quantity":5,"price":10.50,"tags":["new","light"]},`, 11)+
		`{"sku":"LAMP-2","quantity":1,"price":9.99,"tags":[]}],"note":"Please ring twice."}`)
	value := parse(b, `[{"op":"test","path":"/lines/3/quantity","value":5},
		{"op":"replace","path":"/lines/3/quantity","value":6},
		{"op":"add","path":"/lines/0/tags/-","value":"gift"},
		{"op":"copy","from":"/lines/0","path":"/lines/-"},
		{"op":"remove","path":"/note"},
		{"op":"move","from":"/customer/email","path":"/email"}]`)
	b.ReportAllocs()
	for b.Loop() {
		p, err := Decode(value)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Apply(document); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	document := parse(b, `{"a":{"b":1,"c":[1,2,3],"d":"text"},"e":{"f":{"g":1,"h":2}},"i":null,"j":true}`)
	change := parse(b, `{"a":{"b":2,"d":null},"e":{"f":{"x":[1]}},"k":{"l":null}}`)
	b.ReportAllocs()
	for b.Loop() {
		Merge(document, change)
	}
}
