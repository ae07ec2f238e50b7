package jsontree

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryKindOfValueIsRead(t *testing.T) {
	for text, want := range map[string]string{
		" null ":                              "null",
		"\ttrue\r\n":                          "true",
		"false":                               "false",
		`""`:                                  `""`,
		"[ ]":                                 "[]",
		"{ }":                                 "{}",
		"-0":                                  "-0",
		"0.5E+07":                             "0.5E+07",
		"1E400":                               "1E400",
		"123456789012345678901234567890":      "123456789012345678901234567890",
		`[1 , [ ] , {"b":1,"a":[true]}]`:      `[1,[],{"a":[true],"b":1}]`,
		`{"é":1,"z":2,"":3,"\ud83d\ude00":4}`: `{"":3,"z":2,"é":1,"😀":4}`,
		`"\u0000\u001f\b\t\n\f\r\"\\\/ /<\u007f\u2028\ufffe\uFDD0"`: "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/ /<\x7f\u2028\ufffe\ufdd0\"",
		`{"\uFFFF":1,"\ud800\udc00":2}`:                             "{\"\uffff\":1,\"\U00010000\":2}",
	} {
		v, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(v.Append(nil)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if got := v.Length(); got != len(want) {
			t.Errorf("%s: length %d, want %d", text, got, len(want))
		}
	}
}

var faults = []struct {
	text   string
	offset int
}{
	{"", 0}, {" ", 1}, {"nul}", 3}, {"nul", 3}, {"True", 0}, {"01", 1}, {"1.", 2}, {"-x", 1},
	{"-", 1}, {"+1", 0}, {".5", 0}, {"1.e5", 2}, {"1e", 2}, {"1e+", 3}, {"1ex", 2}, {"-01", 2},
	{"0x1", 1}, {"1_0", 1}, {"NaN", 0}, {"Infinity", 0}, {"-Infinity", 1},
	{"[1,]", 3}, {"[", 1}, {"[1", 2}, {"[,1]", 1}, {"[1 2]", 3}, {"[1} ", 2}, {"]", 0},
	{"[1]]", 3}, {"{} x", 3}, {"{}{}", 2}, {"{,}", 1},
	{`{"a" 1}`, 5}, {`{"a":}`, 5}, {`{"a":1,}`, 7}, {`{"a"`, 4}, {`{"a":1`, 6}, {`{a:1}`, 1},
	{`{'a':1}`, 1}, {`{"a":1]`, 6}, {`{1:1}`, 1}, {`{"a"}`, 4}, {`{"a":1 "b":2}`, 7},
	{`"\ud8zz"`, 5}, {`"a`, 2}, {`"\`, 2}, {`"\x"`, 2}, {`"\u12"`, 5}, {`"\u12`, 5}, {`"\ud800\u12"`, 11},
	{"\"a\nb\"", 2}, {"\"\x00\"", 1}, {"\"\t\"", 1}, {`"\'"`, 2},
	{"\ufeff{}", 0}, {"{}\u00a0", 2}, {"\v1", 0}, {"/**/1", 0},
	// UTF-8: overlong, surrogates, beyond U+10FFFF, cut short, out of place.
	{"\"\xE0\x80\"", 2}, {"\"\xC0", 1}, {"\"\xC3\"", 2}, {"\"\xC3", 2}, {"\"a\xFF\"", 2},
	{"\"\x80\"", 1}, {"\"\xED\xA0\x80\"", 2}, {"\"\xF4\x90\x80\x80\"", 2}, {"\"\xF0\x80\"", 2},
	{"\"\xF0\x9F\x98\"", 4}, {"\"\xF0\x9F\x98", 4}, {"\"\xE2\x82", 3}, {"\"\xF5\"", 1},
	{"\"\\\xC3\xA9\"", 2}, {"\"\\u\xC3\xA9\"", 3}, {"[\xC3\xA9]", 1}, {"1\xFF", 1}, {"{}\xC3", 2},
	{"tr\xC3", 2}, {"{\"a\xC3\":1}", 4}, {"{\"a\"\xE2\x82", 4},
	// Not JSON outweighs all that is refused before.
	{`{"a":1,"a":2,}`, 13}, {`["\ud800",]`, 10}, {strings.Repeat("[", 300), 300},
	{strings.Repeat("[", 300) + "}", 300}, {strings.Repeat("1", 2000) + "x", 2000},
	{`[1e9999999999` + "\"\xFF\"", 13}, {"[\"\\ud800\", \"\xFF\"]", 12},
}

func TestFaultsAreFoundWhereNoTextCanGoOn(t *testing.T) {
	for _, c := range faults {
		_, err := Parse(c.text)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok || syntax.Offset != c.offset {
			t.Errorf("%.60q: got %v, want a fault at %d", c.text, err, c.offset)
		}
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func items(count int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", count), ",") + "]" }

var refusals = []struct {
	text   string
	reason Reason
	offset int
}{
	{items(ValuesMax), TooManyValues, 2*ValuesMax - 1},
	{`{"a":` + items(ValuesMax) + `}`, TooManyValues, 2*ValuesMax + 2},
	{nested(DepthMax + 1), TooDeep, DepthMax},
	{strings.Repeat(`{"a":`, DepthMax) + "{}" + strings.Repeat("}", DepthMax), TooDeep, 5 * DepthMax},
	{strings.Repeat("1", numberBytesMax+1), NumberTooLong, 0},
	{"[1," + strings.Repeat("1", numberBytesMax) + "e5]", NumberTooLong, 3},
	{"[1e1234567890]", ExponentTooLarge, 1},
	{"1e-0001234567890", ExponentTooLarge, 0},
	{strings.Repeat("1", numberBytesMax) + "e1234567890", NumberTooLong, 0},
	{`"a\ud800"`, LoneSurrogate, 2},
	{`"\udc00\ud800"`, LoneSurrogate, 1},
	{`"\ud800\ud800\udc00"`, LoneSurrogate, 1},
	{`"\ud800\u0041"`, LoneSurrogate, 1},
	{`"\ud800\n"`, LoneSurrogate, 1},
	{`{"\ud800":1,"\ud800":2}`, LoneSurrogate, 2},
	{`{"a":1,"a":2}`, DuplicateName, 7},
	{`{"a":1,"b":2,"\u0061":3}`, DuplicateName, 13},
	{`{"a":1,"b":2,"b":3,"a":4}`, DuplicateName, 13},
	{`{"":1,"":2}`, DuplicateName, 6},
	// What is found first need not be what stands first.
	{`{"a":1,"a":{"b":1,"b":2}}`, DuplicateName, 7},
	{`{"a":{"b":1,"b":2},"a":1}`, DuplicateName, 12},
	{`{"a":1,"a":"\ud800"}`, DuplicateName, 7},
	{`{"a":"\ud800","a":1}`, LoneSurrogate, 6},
	{`{"x":1,"x":[{"a":1,"a":1e1234567890}]}`, DuplicateName, 7},
	{`{"x":1,"y":[{"a":1,"a":1e1234567890}]}`, DuplicateName, 19},
	{`[{"a":1,"a":2},` + nested(200) + `]`, DuplicateName, 8},
	{`{"a":1,"a":` + nested(200) + `}`, DuplicateName, 7},
}

func TestRefusalsNameTheFirstPlace(t *testing.T) {
	for _, c := range refusals {
		_, err := Parse(c.text)
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Reason != c.reason || refused.Offset != c.offset {
			t.Errorf("%.60q: got %v, want %v at %d", c.text, err, c.reason, c.offset)
		}
	}
	for _, text := range []string{
		items(ValuesMax - 1), nested(DepthMax), strings.Repeat("1", numberBytesMax),
		"1e123456789", "1E+000123456789", `{"a":{"a":1},"A":{"a":2}}`,
	} {
		if _, err := Parse(text); err != nil {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestFiniteNumbers(t *testing.T) {
	for text, reason := range map[string]Reason{
		"1e309": NumberRange, "-1e309": NumberRange, "1" + strings.Repeat("0", 309): NumberRange,
		"1.7976931348623159e308": NumberRange, "1e1234567890": ExponentTooLarge,
	} {
		_, err := ParseFinite("[" + text + "]")
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Reason != reason || refused.Offset != 1 {
			t.Errorf("%.40s: got %v", text, err)
		}
	}
	for _, text := range []string{"1.7976931348623157e308", "1e-400", "0e999999999", "1" + strings.Repeat("0", 308)} {
		if _, err := ParseFinite(text); err != nil {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// FuzzParse compares with encoding/json, and checks what the contract says of positions and forms.
func FuzzParse(f *testing.F) {
	for _, c := range faults {
		f.Add(c.text)
	}
	for _, c := range refusals {
		f.Add(c.text)
	}
	f.Add(`{"b":[1,-2.50e3,{"\ud83d\ude00":null}],"a":"\u00e9\n"}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if _, faulty := errors.AsType[*SyntaxError](err); utf8.ValidString(text) && strings.Count(text, "[")+
			strings.Count(text, "{") < 10_000 && faulty == json.Valid([]byte(text)) {
			t.Fatalf("%q: got %v, encoding/json disagrees", text, err)
		}
		if err != nil {
			checkOffset(t, text, err)
			return
		}
		served := string(v.Append(nil))
		again, err := Parse(served)
		if err != nil || !again.Equal(v) || string(again.Append(nil)) != served {
			t.Fatalf("%q is served as %q, which reads back as %v, %v", text, served, again, err)
		}
		if v.Length() != len(served) || len(served) > len(text) || v.Depth() > DepthMax || v.Count() > ValuesMax {
			t.Fatalf("%q is served as %q", text, served)
		}
		if c := v.Compact(); !c.Equal(v) || string(c.Append(nil)) != served {
			t.Fatalf("%q is served as %q, and its copy otherwise", text, served)
		}
	})
}

func checkOffset(t *testing.T, text string, err error) {
	t.Helper()
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		if refused.Offset < 0 || refused.Offset >= len(text) {
			t.Fatalf("%q: %v", text, err)
		}
		return
	}
	offset := err.(*SyntaxError).Offset
	_, cut := Parse(text[:offset])
	if syntax, ok := errors.AsType[*SyntaxError](cut); ok && syntax.Offset != offset {
		t.Fatalf("%q: fault at %d, but at %d in the start before it", text, offset, syntax.Offset)
	}
	if offset < len(text) {
		_, longer := Parse(text[:offset+1])
		if syntax, ok := errors.AsType[*SyntaxError](longer); !ok || syntax.Offset != offset {
			t.Fatalf("%q: fault at %d, but not with its byte alone: %v", text, offset, longer)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := sampleDocument()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	v, err := Parse(sampleDocument())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.Append(make([]byte, 0, 2048))
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	v, err := ParseFinite(sampleDocument())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.AppendCanonical(make([]byte, 0, 2048))
	}
}

// sampleDocument is about 1 KB of what documents are like.
func sampleDocument() string {
	var lines []string
	for i := range 8 {
		lines = append(lines, fmt.Sprintf(
			`{"sku":"LAMP-%d","quantity":%d,"price":%d.50,"tags":["new","light \u00e9"],"gift":false}`, i, i+1, 1000+i))
	}
	return `{"id":"2026-000417","customer":{"name":"Zoë Straße","email":null,"vip":true},"lines":[` +
		strings.Join(lines, ",") + `],"note":"Please ring twice.\nThank you","total":12345.678}`
}
