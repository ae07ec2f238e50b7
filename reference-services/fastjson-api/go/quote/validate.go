package quote

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	linesMax       = 50
	discountsMax   = 4
	optionsMax     = 8
	quantityMax    = 10_000
	amountMax      = 100_000_000
	basisPointsMax = 10_000
	violationsMax  = 20
)

var (
	currencies    = []string{"EUR", "USD", "GBP", "CHF", "SEK"}
	taxCategories = []string{"standard", "reduced", "zero"}
)

// Violation is one broken rule.
type Violation struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) to the offending value
	Detail  string `json:"detail"`  // what is allowed there
}

// Validate checks an order beyond its shape, in the order of the contract's tables, and returns
// the broken rules, at most the first 20.
func Validate(o *Order) []Violation {
	var r rules
	r.id(func() string { return "/order_id" }, o.OrderID)
	r.oneOf(func() string { return "/currency" }, o.Currency, currencies)
	r.id(func() string { return "/customer/id" }, o.Customer.ID)
	r.text(func() string { return "/customer/name" }, o.Customer.Name, 1, 80)
	r.address("/shipping_address", &o.ShippingAddress)
	if o.BillingAddress != nil {
		r.address("/billing_address", o.BillingAddress)
	}
	r.count(func() string { return "/lines" }, len(o.Lines), 1, linesMax)
	for i := range o.Lines {
		r.line(i, &o.Lines[i])
	}
	r.text(func() string { return "/note" }, o.Note, 0, 200)
	return r.violations
}

type rules struct {
	violations []Violation
}

// A place makes a pointer: only when a rule is broken, so that a valid order pays for no text.
type place func() string

func (r *rules) broken(at place, format string, args ...any) {
	if len(r.violations) < violationsMax {
		r.violations = append(r.violations, Violation{at(), fmt.Sprintf(format, args...)})
	}
}

func (r *rules) address(at string, a *Address) {
	r.text(func() string { return at + "/recipient" }, a.Recipient, 1, 80)
	r.text(func() string { return at + "/street" }, a.Street, 1, 120)
	r.text(func() string { return at + "/city" }, a.City, 1, 80)
	r.text(func() string { return at + "/postal_code" }, a.PostalCode, 1, 16)
	if len(a.Country) != 2 || !all(a.Country, isUpper) {
		r.broken(func() string { return at + "/country" }, "must be two capital letters")
	}
}

func (r *rules) line(index int, l *Line) {
	at := func(field string) place {
		return func() string { return fmt.Sprintf("/lines/%d/%s", index, field) }
	}
	if len(l.SKU) < 1 || len(l.SKU) > 32 || !all(l.SKU, isSKU) {
		r.broken(at("sku"), "must be 1 to 32 characters of A-Z 0-9 -")
	}
	r.within(at("quantity"), l.Quantity, 1, quantityMax)
	r.within(at("unit_price"), l.UnitPrice, 0, amountMax)
	r.oneOf(at("tax_category"), l.TaxCategory, taxCategories)
	r.count(at("discounts"), len(l.Discounts), 0, discountsMax)
	for n := range l.Discounts {
		d := &l.Discounts[n]
		at := func(field string) place {
			return func() string { return fmt.Sprintf("/lines/%d/discounts/%d/%s", index, n, field) }
		}
		r.text(at("code"), d.Code, 1, 32)
		r.within(at("basis_points"), d.BasisPoints, 1, basisPointsMax)
	}
	r.count(at("options"), len(l.Options), 0, optionsMax)
	for n := range l.Options {
		o := &l.Options[n]
		at := func(field string) place {
			return func() string { return fmt.Sprintf("/lines/%d/options/%d/%s", index, n, field) }
		}
		r.text(at("name"), o.Name, 1, 40)
		r.within(at("surcharge"), o.Surcharge, 0, amountMax)
	}
}

func (r *rules) id(at place, id string) {
	if len(id) < 1 || len(id) > 40 || !all(id, isID) {
		r.broken(at, "must be 1 to 40 characters of A-Z a-z 0-9 . _ -")
	}
}

func (r *rules) oneOf(at place, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		r.broken(at, "must be one of %s", strings.Join(allowed, ", "))
	}
}

func (r *rules) text(at place, text string, least, most int) {
	if n := utf8.RuneCountInString(text); n < least || n > most {
		r.broken(at, "must be %d to %d characters", least, most)
	}
}

func (r *rules) count(at place, n, least, most int) {
	if n < least || n > most {
		r.broken(at, "must have %d to %d items", least, most)
	}
}

func (r *rules) within(at place, value, least, most int64) {
	if value < least || value > most {
		r.broken(at, "must be %d to %d", least, most)
	}
}

func all(text string, allowed func(byte) bool) bool {
	for i := range len(text) {
		if !allowed(text[i]) {
			return false
		}
	}
	return true
}

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isSKU(b byte) bool { return isUpper(b) || isDigit(b) || b == '-' }

func isID(b byte) bool {
	return isUpper(b) || b >= 'a' && b <= 'z' || isDigit(b) || b == '.' || b == '_' || b == '-'
}
