package jsontree

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"unicode/utf16"
)

func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// RFC 8785, section 3.2.2.
		{
			`{
			  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			  "literals": [null, true, false]
			}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		// Section 3.2.3: by UTF-16 code units.
		{
			`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
			  "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
				"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
		{`-0`, `0`}, {`-0.0e5`, `0`}, {`1e21`, `1e+21`}, {`1e20`, `100000000000000000000`},
		{`1e-400`, `0`}, {`1.0`, `1`}, {`100`, `100`}, {`9007199254740993`, `9007199254740992`},
		{`123456789012345`, `123456789012345`}, {`-12345678901234`, `-12345678901234`},
		{`12345678901234567890`, `12345678901234567000`}, {`10E-1`, `1`},
		{`"\u2028\u007f\uFFFF"`, "\"\u2028\u007f\uffff\""},
	} {
		v, err := ParseFinite(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if got := string(v.AppendCanonical(nil)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestNamesAreOrderedByTheirUTF16(t *testing.T) {
	names := []string{
		"", "a", "ab", "b", "é", "\ud7ff", "\ue000", "\ue000a", "\uffff", "\U00010000", "\U00010000\uffff",
		"\U0010ffff", "a\uffff", "a\U00010000", "a\U00010000b", "\U00010001",
	}
	for _, a := range names {
		for _, b := range names {
			want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
			if got := compareUTF16(a, b); got < 0 != (want < 0) || got > 0 != (want > 0) {
				t.Errorf("%q and %q: got %d, want %d", a, b, got, want)
			}
		}
	}
}

// FuzzCanonical checks that canonical text is canonical, and means what the text meant to
// encoding/json, which reads numbers as doubles.
func FuzzCanonical(f *testing.F) {
	f.Add(`{"b":[1e21,-0,4.50,1e-7,5e-324],"a\u0000":"\ud83d\ude00"}`)
	f.Add(`{"\ufb33":1,"\ud83d\ude00":2,"":3,"a":[9007199254740993,0.1e-6]}`)
	f.Add(`[1.7976931348623157e308,12345678901234567890,1e-400]`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseFinite(text)
		if err != nil {
			return
		}
		canonical := string(v.AppendCanonical(nil))
		again, err := ParseFinite(canonical)
		if err != nil || string(again.AppendCanonical(nil)) != canonical {
			t.Fatalf("%q becomes %q, which becomes %q, %v", text, canonical, again.AppendCanonical(nil), err)
		}
		var before, after any
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if err := json.Unmarshal([]byte(canonical), &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Fatalf("%q becomes %q: %v", text, canonical, err)
		}
	})
}
