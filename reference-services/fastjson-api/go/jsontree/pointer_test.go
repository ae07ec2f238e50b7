package jsontree

import "testing"

func TestPointers(t *testing.T) {
	// RFC 6901, section 5, with indexes.
	v, err := Parse(`{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}`)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"": string(v.Append(nil)), "/foo": `["bar","baz"]`, "/foo/0": `"bar"`, "/": "0", "/a~1b": "1",
		"/c%d": "2", "/e^f": "3", "/g|h": "4", `/i\j`: "5", `/k"l`: "6", "/ ": "7", "/m~0n": "8",
		"/foo/1": `"baz"`,
	} {
		p, err := ParsePointer(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if found, ok := p.Find(v); !ok || string(found.Append(nil)) != want {
			t.Errorf("%s: got %s, want %s", text, found.Append(nil), want)
		}
	}
	for _, text := range []string{
		"/foo/2", "/foo/-", "/foo/01", "/foo/00", "/foo/+1", "/foo/-1", "/foo/1e0", "/foo/ 1", "/foo/١",
		"/foo/4294967296", "/foo/9223372036854775808", "/foo/", "/foo/0/0", "/FOO", "//", "/a/b",
	} {
		p, err := ParsePointer(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if found, ok := p.Find(v); ok {
			t.Errorf("%s: got %s", text, found.Append(nil))
		}
	}
	for _, text := range []string{"foo", "#", "#/foo", "/~", "/~2", "/a~", "/~0~a", " /"} {
		if p, err := ParsePointer(text); err == nil {
			t.Errorf("%s: got %q", text, p)
		}
	}
}

func TestNumbersAreComparedExactly(t *testing.T) {
	for _, equal := range [][]string{
		{"1", "1.0", "10e-1", "0.01E+2", "100e-00002", "1e0"},
		{"0", "-0", "0.000", "0e999999999", "-0E-5"},
		{"-1200", "-1.2e3", "-12E2", "-12000.0e-1"},
		{"9007199254740993", "9007199254740993.0"},
		{"1e400", "10e399", "0.1e401"},
		{"1e-999999999", "0.1e-999999998"},
	} {
		for _, a := range equal {
			for _, b := range equal {
				if !equalNumbers(a, b) {
					t.Errorf("%s is not %s", a, b)
				}
			}
		}
	}
	for _, pair := range [][2]string{
		{"1", "-1"}, {"1", "10"}, {"9007199254740992", "9007199254740993"}, {"0", "1e-999999999"},
		{"1e999999999", "1e999999998"}, {"0.1", "0.10000000000000000001"}, {"12", "1.3e1"},
	} {
		if equalNumbers(pair[0], pair[1]) {
			t.Errorf("%s is %s", pair[0], pair[1])
		}
	}
}
