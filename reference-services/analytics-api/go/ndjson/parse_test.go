package ndjson

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCodes(t *testing.T) {
	const rest = `,"key":"k","value":1}`
	long := strings.Repeat("x", TextBytesMax+1)
	nine := `{"ts":1,"key":"k","value":1,"tags":{"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1","h":"1","i":`
	for _, test := range []struct{ line, code string }{
		{`{"ts":1,"key":"k","value":1}`, ""},
		{" {\t\"value\" : 1e3 , \"tags\" : { } , \"key\" : \"\\u00e9\" , \"ts\" : 0 } \r", ""},
		{`{"ts":"2026-11-21T09:00:00.5+01:00","key":"k","value":-0.0,"tags":{"a-Z_.9":"é"}}`, ""},
		{`{"ts":253402300799999` + rest, ""},
		{`{"\u0074s":1` + rest, ""},
		{strings.Repeat(" ", 9000), ""},
		{`{"ts":1` + strings.Repeat(" ", 9000) + rest, LineTooLong},
		{`{"ts":1` + rest + `x`, BadJSON},
		{`[]`, BadJSON},
		{`{"ts":01` + rest, BadJSON},
		{`{"ts":nul` + rest, BadJSON},
		{"{\"ts\":1,\"key\":\"\xff\",\"value\":1}", BadJSON},
		{`{"nope":1` + rest + `,`, BadJSON}, // the whole line is looked at first
		{`{"nope":[{}],"ts":"x"}`, UnknownField},
		{`{"TS":1` + rest, UnknownField},
		{`{"t\ud800":1` + rest, UnknownField},
		{`{"ts":1,"ts":"x"` + rest, RepeatedField},
		{`{"ts":"x","ts":1` + rest, BadTime},
		{`{"ts":253402300800000` + rest, BadTime},
		{`{"ts":1.0` + rest, BadTime},
		{`{"ts":-1` + rest, BadTime},
		{`{"ts":null` + rest, BadTime},
		{`{"ts":99999999999999999999` + rest, BadTime},
		{`{"ts":1,"key":"","value":1}`, BadKey},
		{`{"ts":1,"key":"` + long + `","value":1}`, BadKey},
		{`{"ts":1,"key":"a\u0000","value":1}`, BadKey},
		{"{\"ts\":1,\"key\":\"a\x7f\",\"value\":1}", BadKey},
		{`{"ts":1,"key":"\ud800","value":1}`, BadKey},
		{`{"ts":1,"key":7,"value":1}`, BadKey},
		{`{"ts":1,"key":"k","value":1e291}`, BadValue},
		{`{"ts":1,"key":"k","value":1e999}`, BadValue},
		{`{"ts":1,"key":"k","value":"1"}`, BadValue},
		{`{"ts":1,"key":"k","value":1,"tags":[]}`, BadTags},
		{`{"ts":1,"key":"k","value":1,"tags":{"a":""}}`, BadTags},
		{`{"ts":1,"key":"k","value":1,"tags":{"a b":"x"}}`, BadTags},
		{`{"ts":1,"key":"k","value":1,"tags":{"a":"x","a":"x"}}`, BadTags},
		{nine + `"1"}}`, TooManyTags},
		{nine + `7}}`, TooManyTags},
		{`{"ts":1,"key":"k"}`, MissingField},
		{`{}`, MissingField},
		{`{"ts":4000000000000` + rest, OutOfRetention},
	} {
		report := Parse([]byte(test.line), &Batch{}, 0, 3e12)
		if test.line == `{"ts":253402300799999`+rest {
			report = Parse([]byte(test.line), &Batch{}, 0, TimeMax)
		}
		code := ""
		if report.Refused > 0 {
			code = report.Faults[0].Code
		}
		if code != test.code {
			t.Errorf("%.80s: %q, not %q", test.line, code, test.code)
		}
	}
}

func TestLinesAreCountedAndBlankOnesPassedOver(t *testing.T) {
	body := "\n \t\r\n{\"ts\":1,\"key\":\"k\",\"value\":1}\nx\n\n{\"ts\":2,\"key\":\"k\",\"value\":2}"
	var batch Batch
	report := Parse([]byte(body), &batch, 0, TimeMax)
	if report.Refused != 1 || report.Faults[0].Line != 4 || batch.Rows() != 2 || batch.Times[1] != 2 {
		t.Errorf("%+v %+v", report, batch)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]int64{
		"1970-01-01T00:00:00Z":            0,
		"1970-01-01T00:00:00.001999999Z":  1,
		"2026-11-21T09:00:00.5+01:00":     1795248000500,
		"9999-12-31T23:59:59.999Z":        TimeMax,
		"2024-02-29T00:00:00-23:59":       1709251140000,
		"1970-01-01T00:00:00+00:01":       -1,
		"2023-02-29T00:00:00Z":            -1,
		"2026-11-21T24:00:00Z":            -1,
		"2026-11-21T09:00:60Z":            -1,
		"2026-11-21t09:00:00Z":            -1,
		"2026-11-21T09:00:00z":            -1,
		"2026-11-21T09:00:00":             -1,
		"2026-11-21T09:00:00.Z":           -1,
		"2026-11-21T09:00:00.1234567890Z": -1,
		"2026-11-21T09:00:00+24:00":       -1,
		"2026-00-21T09:00:00Z":            -1,
		"2026-13-21T09:00:00Z":            -1,
		"":                                -1,
	} {
		got, ok := ParseTime([]byte(text))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, not %d", text, got, want)
		}
	}
}

func TestNumbersAreTheNearestDoubles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		text := ""
		switch r.IntN(4) {
		case 0:
			text = strconv.FormatFloat(math.Float64frombits(r.Uint64()), 'g', -1, 64)
		case 1:
			text = strconv.FormatFloat(r.NormFloat64()*1e6, 'f', r.IntN(20), 64)
		case 2:
			text = fmt.Sprintf("%d.%0*d", r.Uint64()>>r.IntN(64), 1+r.IntN(25), r.Uint64()>>r.IntN(64))
		default:
			text = fmt.Sprintf("-%d.5E%+d", r.IntN(1000), r.IntN(700)-350)
		}
		want, err := strconv.ParseFloat(text, 64)
		valid := json.Valid([]byte(text)) && err == nil
		got, end, ok := number([]byte(text+","), 0)
		if ok != valid || ok && (got != want || end != len(text)) {
			t.Fatalf("%s: %v %v, not %v %v", text, got, ok, want, valid)
		}
	}
}

// FuzzParse holds the parser against encoding/json: a line is taken exactly if that finds a right
// event in it, with the same content.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"ts":1763715600123,"key":"api","value":12.5,"tags":{"region":"eu","a":"\u00e9\n"}}`))
	f.Add([]byte(`{"ts":"2026-11-21T09:00:00Z","key":"\ud83d\ude00","value":-1e-7}`))
	f.Add([]byte(" { \"key\" : \"\x7f\" , \"value\":1, \"ts\":00}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if strings.Contains(string(line), "\n") {
			return
		}
		var batch Batch
		report := Parse(line, &batch, 0, TimeMax)
		want := oracle(line)
		switch {
		case want == nil && batch.Rows() > 0:
			t.Fatalf("%q is taken", line)
		case want != nil && batch.Rows() == 0:
			t.Fatalf("%q is refused: %+v", line, report)
		case want != nil:
			if string(batch.KeyTexts.At(0)) != want.Key || len(batch.Tags) != len(want.Tags) {
				t.Fatalf("%q is read as %+v", line, batch)
			}
			for _, tag := range batch.Tags {
				if text, ok := want.Tags[tag.Name]; !ok || string(tag.Texts.At(tag.Codes[0]-1)) != text {
					t.Fatalf("%q is read as %+v", line, batch)
				}
			}
			if value, _ := want.Value.Float64(); batch.Values[0] != value || math.Signbit(batch.Values[0]) && value == 0 {
				t.Fatalf("%q has value %v", line, batch.Values[0])
			}
		}
		if bad := report.Refused > 0 && report.Faults[0].Code == BadJSON; bad && len(line) <= LineBytesMax {
			var object map[string]json.RawMessage
			if json.Unmarshal(line, &object) == nil && object != nil && utf8.Valid(line) {
				t.Fatalf("%q is JSON", line)
			}
		}
	})
}

type event struct {
	TS    json.RawMessage
	Key   string
	Value json.Number
	Tags  map[string]string
}

// oracle reads a line token by token; nil if it is no event.
func oracle(line []byte) *event {
	if len(line) > LineBytesMax || !utf8.Valid(line) || !json.Valid(line) {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(line)))
	decoder.UseNumber()
	if open, _ := decoder.Token(); open != json.Delim('{') {
		return nil
	}
	found := &event{Tags: map[string]string{}}
	seen := map[string]bool{}
	for decoder.More() {
		name, _ := decoder.Token()
		if seen[name.(string)] {
			return nil
		}
		seen[name.(string)] = true
		ok := false
		switch name {
		case "ts":
			value, _ := decoder.Token()
			switch value := value.(type) {
			case json.Number:
				n, err := strconv.ParseInt(string(value), 10, 64)
				ok = err == nil && n >= 0 && n <= TimeMax && value != "-0"
			case string:
				_, ok = ParseTime([]byte(value))
			}
		case "key":
			value, _ := decoder.Token()
			found.Key, ok = value.(string)
			ok = ok && rightText(found.Key)
		case "value":
			value, _ := decoder.Token()
			found.Value, ok = value.(json.Number)
			n, err := found.Value.Float64()
			ok = ok && err == nil && math.Abs(n) <= ValueMax
		case "tags":
			ok = oracleTags(decoder, found)
		}
		if !ok {
			return nil
		}
	}
	// encoding/json reads half a surrogate pair as U+FFFD, which is a text of its own.
	if strings.Contains(string(line), `\u`) && strings.Contains(fmt.Sprint(found), "\uFFFD") {
		var batch Batch
		if Parse(line, &batch, 0, TimeMax); batch.Rows() == 0 {
			return nil
		}
	}
	if !seen["ts"] || !seen["key"] || !seen["value"] {
		return nil
	}
	return found
}

func oracleTags(decoder *json.Decoder, found *event) bool {
	if open, _ := decoder.Token(); open != json.Delim('{') {
		return false
	}
	for decoder.More() {
		name, _ := decoder.Token()
		value, _ := decoder.Token()
		text, ok := value.(string)
		_, twice := found.Tags[name.(string)]
		if !ok || twice || !rightText(text) || !IsTagName([]byte(name.(string))) || len(found.Tags) == TagsMax {
			return false
		}
		found.Tags[name.(string)] = text
	}
	_, err := decoder.Token()
	return err == nil
}

func rightText(text string) bool {
	return len(text) > 0 && len(text) <= TextBytesMax && strings.IndexFunc(text, control) < 0
}

func BenchmarkParse(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var body []byte
	const events = 10_000
	for i := range events {
		body = fmt.Appendf(body, "{\"ts\":%d,\"key\":\"sensor-%d\",\"value\":%v,\"tags\":{\"region\":\"eu-west-%d\"}}\n",
			1700000000000+i, r.IntN(1000), r.Float64()*100, r.IntN(50))
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if report := Parse(body, &Batch{}, 0, TimeMax); report.Refused > 0 {
			b.Fatal(report)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
