//go:build codec

package quote

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func sampleOrder(t testing.TB) string {
	body, err := os.ReadFile("../../sample-order.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Whatever DecodePlain takes, Decode takes for the same order, and the quotes are the same bytes.
func agrees(t *testing.T, body []byte) bool {
	plain, err := DecodePlain(body)
	if err != nil {
		return false
	}
	order, err := Decode(body)
	if err != nil {
		t.Fatalf("only DecodePlain takes %s: %v", body, err)
	}
	if Validate(order) != nil {
		if !reflect.DeepEqual(Validate(plain), Validate(order)) {
			t.Fatalf("%s breaks other rules", body)
		}
		return true
	}
	q, p := Price(order), Price(plain)
	want, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if got := AppendJSON(nil, &p); string(got) != string(want) {
		t.Fatalf("%s\n%s, not\n%s", body, got, want)
	}
	return true
}

func TestPlainOrdersAreDecodedAlike(t *testing.T) {
	sample := sampleOrder(t)
	for _, edit := range [][2]string{
		{"", ""},
		{"\n", " \t\r\n "},
		{`"quantity": 2`, `"quantity":-7`},
		{`"C-88141",`, `"C-1", "tax_exempt": true,`},
		{`"lines": [`, `"billing_address": {"recipient":"a","street":"b","city":"c","postal_code":"d","country":"EF"}, "lines": [`},
		{`"note": "Please ring twice."`, `"note": ""`},
	} {
		if body := strings.Replace(sample, edit[0], edit[1], 1); !agrees(t, []byte(body)) {
			t.Errorf("not plain: %s", body)
		}
	}
}

func TestEverythingElseIsLeftToDecode(t *testing.T) {
	sample := sampleOrder(t)
	for _, edit := range [][2]string{
		{"EUR", `\u0045UR`},
		{`"quantity": 2`, `"quantity": 02`},
		{`"quantity": 2`, `"quantity": -0`},
		{`"quantity": 2`, `"quantity": - 2`},
		{`"quantity": 2`, `"quantity": 2.0`},
		{`"quantity": 2`, `"quantity": 2e1`},
		{`"quantity": 2`, `"quantity": 9223372036854775808`},
		{`"quantity": 2`, `"quantity": null`},
		{`"quantity": 2`, `"quantity": 2, "quantity": 2`},
		{`"quantity": 2,`, ``},
		{`"quantity"`, `"Quantity"`},
		{`"note"`, `"remark"`},
		{"Please", "\x01"},
		{"Please", "\xff"},
		{`"lines": [`, `"lines": [,`},
		{"{", "["},
		{"{", "{,"},
	} {
		body := strings.Replace(sample, edit[0], edit[1], 1)
		if _, err := DecodePlain([]byte(body)); err == nil {
			t.Errorf("taken: %s", body)
		}
	}
	for _, end := range []string{"x", "\x00", ",", "{}"} {
		if _, err := DecodePlain([]byte(sample + end)); err == nil {
			t.Errorf("taken with %q at the end", end)
		}
	}
	for cut := range sample[:len(sample)-2] {
		if _, err := DecodePlain([]byte(sample[:cut])); err == nil {
			t.Errorf("taken: %s", sample[:cut])
		}
	}
}

func FuzzDecodePlain(f *testing.F) {
	f.Add([]byte(sampleOrder(f)))
	f.Fuzz(func(t *testing.T, body []byte) { agrees(t, body) })
}
