// Package quote prices orders: their decoding from JSON, their rules and the arithmetic.
package quote

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Order is an order to be priced.
type Order struct {
	OrderID         string   `json:"order_id"` // the client's own id, repeated in the quote
	Currency        string   `json:"currency"` // ISO 4217 code; every amount is in its minor unit
	Customer        Customer `json:"customer"`
	ShippingAddress Address  `json:"shipping_address"`
	BillingAddress  *Address `json:"billing_address"` // where the invoice goes, if elsewhere
	Lines           []Line   `json:"lines"`
	Note            string   `json:"note"`
}

// Customer is who orders.
type Customer struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	TaxExempt bool   `json:"tax_exempt"` // every line is taxed at 0
}

// Address is a postal address.
type Address struct {
	Recipient  string `json:"recipient"`
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"` // two capital letters
}

// Line is one item of an order.
type Line struct {
	SKU         string     `json:"sku"`
	Quantity    int64      `json:"quantity"`
	UnitPrice   int64      `json:"unit_price"`   // of one piece before options, in minor units
	TaxCategory string     `json:"tax_category"` // standard, reduced or zero
	Discounts   []Discount `json:"discounts"`    // taken off one after the other
	Options     []Option   `json:"options"`      // added to the unit price
}

// Discount is a percentage off a line.
type Discount struct {
	Code        string `json:"code"`
	BasisPoints int64  `json:"basis_points"`
}

// Option is an extra that makes each piece of a line dearer.
type Option struct {
	Name      string `json:"name"`
	Surcharge int64  `json:"surcharge"` // for one piece, in minor units
}

// Room for the lines of most orders, so that decoding them does not grow the slice step by step.
const linesUsual = 8

// ErrNotJSON says that a body is not JSON (RFC 8259) in UTF-8.
var ErrNotJSON = errors.New("not JSON")

// Decode decodes a request body. Its error wraps ErrNotJSON when the body is not JSON, and is
// any other when the body is JSON of another shape than an order.
func Decode(body []byte) (*Order, error) {
	if !utf8.Valid(body) {
		return nil, errors.Join(ErrNotJSON, errors.New("invalid UTF-8"))
	}
	order := Order{Lines: make([]Line, 0, linesUsual)}
	if err := json.Unmarshal(body, &order); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, errors.Join(ErrNotJSON, syntax)
		}
		return nil, err
	}
	if err := checkShape(body); err != nil {
		return nil, err
	}
	return &order, nil
}
