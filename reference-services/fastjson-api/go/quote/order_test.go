package quote

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestShapeIsStrict(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{`{ "name": "Engraving", "surcharge": 750 }`, `["Engraving", 750]`},
		{`"Please ring twice."`, `null`},
		{`"note": `, `"billing_address": null, "note": `},
		{`"quantity": 5`, `"quantity": 5.0`},
		{`"quantity": 5`, `"quantity": -0`},
		{`"quantity": 5`, `"Quantity": 5`},
		{`"quantity": 5`, `"quantity": 5, "quantity": 5`},
		{`"quantity": 5`, `"quantity": 5, "colour": [[[[]]]]`},
		{`"quantity": 5, `, ``},
		{`Please`, `\ud800`},
		{`Please`, `\udc00`},
		{`Please`, `\ud800\u0041`},
	} {
		text := sample(t)
		if !strings.Contains(text, c.from) {
			t.Fatalf("the sample has no %s", c.from)
		}
		_, err := Decode([]byte(strings.Replace(text, c.from, c.to, 1)))
		if err == nil || errors.Is(err, ErrNotJSON) {
			t.Errorf("%s: got %v", c.to, err)
		}
	}
	escaped := strings.Replace(sample(t), `"note"`, `"n\u006fte"`, 1)
	escaped = strings.Replace(escaped, `Please`, `\ud83d\ude00`, 1)
	if note := decode(t, escaped).Note; note != "😀 ring twice." {
		t.Errorf("got %q", note)
	}
}

func TestNotJSONOutweighsAWrongShape(t *testing.T) {
	for _, text := range []string{"", "\ufeff{}", "{} {}", `{"lines": 5, `, "[1e400, 01]", "nul", "\"\xff\""} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrNotJSON) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := Decode([]byte("1e400")); err == nil || errors.Is(err, ErrNotJSON) {
		t.Errorf("got %v", err)
	}
}

func TestEveryBrokenRuleIsNamedInOrder(t *testing.T) {
	for _, c := range []struct {
		edits []string
		want  []string
	}{
		{nil, nil},
		{
			[]string{`"EUR"`, `"JPY"`, `"quantity": 5`, `"quantity": -5`, `BOOK-TAPL`, `book`, `"basis_points": 500`, `"basis_points": 10001`},
			[]string{"/currency", "/lines/1/quantity", "/lines/2/sku", "/lines/2/discounts/0/basis_points"},
		},
		{[]string{"Liège", strings.Repeat("é", 80)}, nil},
		{[]string{"Liège", strings.Repeat("é", 81)}, []string{"/shipping_address/city"}},
	} {
		text := strings.NewReplacer(c.edits...).Replace(sample(t))
		var got []string
		for _, v := range Validate(decode(t, text)) {
			got = append(got, v.Pointer)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

func TestOnlyTheFirstViolationsAreListed(t *testing.T) {
	line := `{"sku":"","quantity":0,"unit_price":-1,"tax_category":""},`
	text := strings.Replace(sample(t), `"lines": [`, `"lines": [`+strings.Repeat(line, 6), 1)
	if got := len(Validate(decode(t, text))); got != violationsMax {
		t.Errorf("got %d", got)
	}
}

// FuzzDecode checks that the walk behind encoding/json never leaves the text.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"order_id":"\ud800\u`))
	f.Add([]byte(` {"lines":[{"sku":"\\"}],"note":"\"" } `))
	f.Fuzz(func(_ *testing.T, body []byte) {
		if order, err := Decode(body); err == nil {
			Validate(order)
		}
	})
}
