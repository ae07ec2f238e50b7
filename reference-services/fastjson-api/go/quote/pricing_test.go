package quote

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func sample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../sample-order.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode(t *testing.T, text string) *Order {
	t.Helper()
	order, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func TestShareRoundsHalfToEven(t *testing.T) {
	for _, c := range []struct{ amount, basisPoints, want int64 }{
		{0, 1_900, 0},
		{50, 100, 0},     // 0.5 goes to 0
		{150, 100, 2},    // 1.5 goes to 2
		{250, 100, 2},    // 2.5 goes to 2
		{350, 100, 4},    // 3.5 goes to 4
		{249, 100, 2},    // 2.49
		{251, 100, 3},    // 2.51
		{50, 1_900, 10},  // 9.5 goes to 10
		{150, 1_900, 28}, // 28.5 goes to 28
		{1, 10_000, 1},
		{9_000_000_000_000, 10_000, 9_000_000_000_000},
	} {
		if got := share(c.amount, c.basisPoints); got != c.want {
			t.Errorf("%d bp of %d is %d, want %d", c.basisPoints, c.amount, got, c.want)
		}
	}
}

func TestSampleHasTheContractsQuote(t *testing.T) {
	text, err := os.ReadFile("../../sample-quote.json")
	if err != nil {
		t.Fatal(err)
	}
	var want Quote
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if got := Price(decode(t, sample(t))); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestExemptCustomerPaysNoTax(t *testing.T) {
	text := strings.Replace(sample(t), `"C-88141",`, `"C-1", "tax_exempt": true,`, 1)
	got := Price(decode(t, text))
	if want := []RateTotal{{0, 35_519, 0}}; !reflect.DeepEqual(got.ByRate, want) {
		t.Errorf("got %+v, want %+v", got.ByRate, want)
	}
}

func TestGreatestOrderFits(t *testing.T) {
	option := `{"name":"x","surcharge":100000000}`
	line := `{"sku":"A","quantity":10000,"unit_price":100000000,"tax_category":"standard",
		"discounts":[{"code":"x","basis_points":1}],"options":[` +
		strings.TrimSuffix(strings.Repeat(option+",", 8), ",") + `]}`
	start, _, _ := strings.Cut(sample(t), `"lines"`)
	order := decode(t, start+`"lines":[`+strings.TrimSuffix(strings.Repeat(line+",", 50), ",")+"]}")
	if violations := Validate(order); violations != nil {
		t.Fatal(violations)
	}
	// 10,000 × 9 × 100,000,000 less 0.01%, fifty times.
	if got, want := Price(order).Totals.Net, int64(50*8_999_100_000_000); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func BenchmarkQuote(b *testing.B) {
	body, err := os.ReadFile("../../sample-order.json")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		order, err := Decode(body)
		if err != nil || Validate(order) != nil {
			b.Fatal("the sample is refused")
		}
		if _, err := json.Marshal(Price(order)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckShape(b *testing.B) {
	body, err := os.ReadFile("../../sample-order.json")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := checkShape(body); err != nil {
			b.Fatal(err)
		}
	}
}
