package jsontree

import (
	"strings"
	"testing"
)

func TestEditsLeaveTheTreeAsItWas(t *testing.T) {
	const text = `{"a":[1,{"b":2}],"c":{"d":[]}}`
	v, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	e := Edit(v)
	item, _ := Parse("9")
	for _, edit := range []func() bool{
		func() bool { return e.Add(Pointer{"a", "1", "x"}, item) },
		func() bool { return e.Add(Pointer{"a", "0"}, item) },
		func() bool { return e.Copy(Pointer{"a"}, Pointer{"c", "d", "-"}) },
		func() bool { return e.Replace(Pointer{"a", "2", "b"}, item) },
		func() bool { return e.Move(Pointer{"c", "d", "0"}, Pointer{"c", "d"}) },
	} {
		if !edit() {
			t.Fatalf("an edit fails on %s", e.Root().Append(nil))
		}
	}
	const want = `{"a":[9,1,{"b":9,"x":9}],"c":{"d":[9,1,{"b":2,"x":9}]}}`
	if got := string(e.Root().Append(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(v.Append(nil)); got != text {
		t.Errorf("the tree became %s", got)
	}
}

// What is removed must not leave its memory behind.
func TestAShrunkArrayGivesMemoryBack(t *testing.T) {
	v, err := Parse(`{"a":[` + strings.Repeat("1,", 999) + `1]}`)
	if err != nil {
		t.Fatal(err)
	}
	e := Edit(v)
	for range 999 {
		e.Remove(Pointer{"a", "0"})
	}
	array, _ := e.Root().Member("a")
	if n := cap(array.Items()); len(array.Items()) != 1 || n > 16 {
		t.Errorf("an array of %d items has room for %d", len(array.Items()), n)
	}
}

func TestDepthAndCount(t *testing.T) {
	for text, want := range map[string][2]int{
		`1`: {0, 1}, `[]`: {1, 1}, `{}`: {1, 1}, `[1,"a",null]`: {1, 4}, `[[],1]`: {2, 3},
		`{"a":[1,{"b":{}}],"c":2}`: {4, 6},
	} {
		v, err := Parse(text)
		if err != nil || v.Depth() != want[0] || v.Count() != want[1] {
			t.Errorf("%s: got %d, %d, %v, want %d", text, v.Depth(), v.Count(), err, want)
		}
	}
}
