package patch

import (
	"reflect"
	"testing"

	"fastjson/jsontree"
)

// The examples of RFC 7396, appendix A and section 3.
var merges = []struct{ target, patch, want string }{
	{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
	{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
	{`{"a":"b"}`, `{"a":null}`, `{}`},
	{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
	{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
	{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
	{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
	{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
	{`["a","b"]`, `["c","d"]`, `["c","d"]`},
	{`{"a":"b"}`, `["c"]`, `["c"]`},
	{`{"a":"foo"}`, `null`, `null`},
	{`{"a":"foo"}`, `"bar"`, `"bar"`},
	{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
	{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
	{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	{
		`{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"],"content":"This will be unchanged"}`,
		`{"title":"Hello!","phoneNumber":"+01-123-456-7890","author":{"familyName":null},"tags":["example"]}`,
		`{"author":{"givenName":"John"},"content":"This will be unchanged","phoneNumber":"+01-123-456-7890","tags":["example"],"title":"Hello!"}`,
	},
	{`{"a":1,"c":2,"e":3}`, `{"":0,"b":4,"c":null,"d":5,"f":{"g":null}}`, `{"":0,"a":1,"b":4,"d":5,"e":3,"f":{}}`},
}

func TestMergePatch(t *testing.T) {
	for _, c := range merges {
		target := parse(t, c.target)
		got := served(Merge(target, parse(t, c.patch)))
		if got != c.want {
			t.Errorf("%s with %s: got %s, want %s", c.target, c.patch, got, c.want)
		}
		if after := served(target); after != served(parse(t, c.target)) {
			t.Errorf("%s with %s: the target became %s", c.target, c.patch, after)
		}
	}
}

// FuzzMerge compares with the RFC's pseudocode, done on maps.
func FuzzMerge(f *testing.F) {
	for _, c := range merges {
		f.Add(c.target, c.patch)
	}
	f.Fuzz(func(t *testing.T, targetText, patchText string) {
		target, err := jsontree.Parse(targetText)
		if err != nil {
			return
		}
		patch, err := jsontree.Parse(patchText)
		if err != nil {
			return
		}
		before := served(target)
		got := decoded(t, served(Merge(target, patch)))
		if want := mergeMaps(decoded(t, before), decoded(t, served(patch))); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s with %s: got %v, want %v", targetText, patchText, got, want)
		}
		if after := served(target); after != before {
			t.Fatalf("%s with %s: the target became %s", targetText, patchText, after)
		}
	})
}

func mergeMaps(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, change := range changes {
		if change == nil {
			delete(object, name)
		} else {
			object[name] = mergeMaps(object[name], change)
		}
	}
	return object
}

// decoded is a text as encoding/json has it, with numbers as they are written.
func decoded(t *testing.T, text string) any {
	t.Helper()
	v, err := decodeAny(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}
