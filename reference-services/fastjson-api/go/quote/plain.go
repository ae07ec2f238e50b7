//go:build codec

package quote

import (
	"errors"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// Tuning rung codec: a decoder and an encoder by hand for orders as clients usually write them.
// An order that holds an escape, or anything that is wrong, is not decoded here but left to
// Decode, so that it has no say in what is accepted or in what a refusal says.

var errNotPlain = errors.New("not a plain order")

var (
	orderFields = []string{
		"order_id", "currency", "customer", "shipping_address", "lines", "billing_address", "note",
	}
	customerFields = []string{"id", "name", "tax_exempt"}
	addressFields  = []string{"recipient", "street", "city", "postal_code", "country"}
	lineFields     = []string{
		"sku", "quantity", "unit_price", "tax_category", "discounts", "options",
	}
	discountFields = []string{"code", "basis_points"}
	optionFields   = []string{"name", "surcharge"}
)

// The required fields come first in each list; these are how many.
const (
	orderRequired    = 5
	customerRequired = 2
	addressRequired  = 5
	lineRequired     = 4
	pairRequired     = 2
)

const (
	int64Digits   = 18 // as many always fit
	invalidSyntax = 0  // what peek returns at the end
)

// DecodePlain decodes a request body without escapes. Its error says nothing but that Decode
// must look at it.
func DecodePlain(body []byte) (*Order, error) {
	if !utf8.Valid(body) {
		return nil, errNotPlain
	}
	// All text of the order is cut from one copy of the body.
	p := plain{text: string(body)}
	order := &Order{Lines: make([]Line, 0, linesUsual)}
	p.order(order)
	if p.failed || p.peek() != invalidSyntax || p.at < len(p.text) {
		return nil, errNotPlain
	}
	return order, nil
}

// plain is at a place in a text. After a failure nothing more is read.
type plain struct {
	text   string
	at     int
	failed bool
}

func (p *plain) order(o *Order) {
	p.object(orderFields, orderRequired, func(field int) {
		switch field {
		case 0:
			o.OrderID = p.str()
		case 1:
			o.Currency = p.str()
		case 2:
			p.customer(&o.Customer)
		case 3:
			p.address(&o.ShippingAddress)
		case 4:
			p.array(func() {
				o.Lines = append(o.Lines, Line{})
				p.line(&o.Lines[len(o.Lines)-1])
			})
		case 5:
			o.BillingAddress = &Address{}
			p.address(o.BillingAddress)
		case 6:
			o.Note = p.str()
		}
	})
}

func (p *plain) customer(c *Customer) {
	p.object(customerFields, customerRequired, func(field int) {
		switch field {
		case 0:
			c.ID = p.str()
		case 1:
			c.Name = p.str()
		case 2:
			c.TaxExempt = p.boolean()
		}
	})
}

func (p *plain) address(a *Address) {
	p.object(addressFields, addressRequired, func(field int) {
		switch field {
		case 0:
			a.Recipient = p.str()
		case 1:
			a.Street = p.str()
		case 2:
			a.City = p.str()
		case 3:
			a.PostalCode = p.str()
		case 4:
			a.Country = p.str()
		}
	})
}

func (p *plain) line(l *Line) {
	p.object(lineFields, lineRequired, func(field int) {
		switch field {
		case 0:
			l.SKU = p.str()
		case 1:
			l.Quantity = p.integer()
		case 2:
			l.UnitPrice = p.integer()
		case 3:
			l.TaxCategory = p.str()
		case 4:
			p.array(func() {
				l.Discounts = append(l.Discounts, Discount{})
				p.discount(&l.Discounts[len(l.Discounts)-1])
			})
		case 5:
			p.array(func() {
				l.Options = append(l.Options, Option{})
				p.option(&l.Options[len(l.Options)-1])
			})
		}
	})
}

func (p *plain) discount(d *Discount) {
	p.object(discountFields, pairRequired, func(field int) {
		if field == 0 {
			d.Code = p.str()
		} else {
			d.BasisPoints = p.integer()
		}
	})
}

func (p *plain) option(o *Option) {
	p.object(optionFields, pairRequired, func(field int) {
		if field == 0 {
			o.Name = p.str()
		} else {
			o.Surcharge = p.integer()
		}
	})
}

// object reads the members of an object: each once, none that is unknown, all that are required.
func (p *plain) object(fields []string, required int, value func(field int)) {
	if !p.take('{') {
		p.failed = true
		return
	}
	var seen uint
	for !p.failed {
		field := p.field(fields)
		if field < 0 || seen&(1<<field) != 0 || !p.take(':') {
			p.failed = true
			return
		}
		seen |= 1 << field
		value(field)
		if p.take(',') {
			continue
		}
		if !p.take('}') || bits.TrailingZeros(^seen) < required {
			p.failed = true
		}
		return
	}
}

func (p *plain) field(fields []string) int {
	name := p.str()
	for i, known := range fields {
		if name == known {
			return i
		}
	}
	return -1
}

func (p *plain) array(value func()) {
	if !p.take('[') {
		p.failed = true
		return
	}
	if p.take(']') {
		return
	}
	for !p.failed {
		value()
		if p.take(',') {
			continue
		}
		if !p.take(']') {
			p.failed = true
		}
		return
	}
}

func (p *plain) str() string {
	if !p.take('"') {
		p.failed = true
		return ""
	}
	start := p.at
	for ; p.at < len(p.text); p.at++ {
		switch b := p.text[p.at]; {
		case b == '"':
			p.at++
			return p.text[start : p.at-1]
		case b == '\\' || b < ' ':
			p.failed = true
			return ""
		}
	}
	p.failed = true
	return ""
}

func (p *plain) integer() int64 {
	negative := p.take('-')
	p.failed = p.failed || !negative && !isDigit(p.peek())
	start, n := p.at, int64(0)
	for p.at < len(p.text) && isDigit(p.text[p.at]) && p.at-start < int64Digits {
		n = n*10 + int64(p.text[p.at]-'0')
		p.at++
	}
	digits := p.at - start
	// Neither 01 nor -0 nor 1.5 nor 1e5 nor more digits than surely fit.
	if digits == 0 || p.text[start] == '0' && (digits > 1 || negative) || !p.atDelimiter() {
		p.failed = true
	}
	if negative {
		return -n
	}
	return n
}

func (p *plain) boolean() bool {
	p.peek()
	for _, value := range [...]bool{true, false} {
		word := strconv.FormatBool(value)
		if rest := p.text[p.at:]; len(rest) >= len(word) && rest[:len(word)] == word {
			p.at += len(word)
			return value
		}
	}
	p.failed = true
	return false
}

func (p *plain) atDelimiter() bool {
	return p.at < len(p.text) && isDelimiter(p.text[p.at])
}

// peek steps over white space and returns what follows it.
func (p *plain) peek() byte {
	for p.at < len(p.text) {
		switch b := p.text[p.at]; b {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return b
		}
	}
	return invalidSyntax
}

// take steps over what is wanted, if it is there.
func (p *plain) take(want byte) bool {
	if p.failed || p.peek() != want {
		return false
	}
	p.at++
	return true
}

// AppendJSON appends a quote of a valid order: its text needs no escapes then.
func AppendJSON(out []byte, q *Quote) []byte {
	out = append(append(out, `{"order_id":"`...), q.OrderID...)
	out = append(append(out, `","currency":"`...), q.Currency...)
	out = append(out, `","lines":[`...)
	for i := range q.Lines {
		l := &q.Lines[i]
		out = append(append(comma(out, i), `{"sku":"`...), l.SKU...)
		out = number(out, `","net":`, l.Net)
		out = number(out, `,"tax":`, l.Tax)
		out = append(number(out, `,"gross":`, l.Gross), '}')
	}
	out = append(out, `],"by_rate":[`...)
	for i := range q.ByRate {
		r := &q.ByRate[i]
		out = number(comma(out, i), `{"rate_basis_points":`, r.RateBasisPoints)
		out = number(out, `,"net":`, r.Net)
		out = append(number(out, `,"tax":`, r.Tax), '}')
	}
	out = number(out, `],"totals":{"discount":`, q.Totals.Discount)
	out = number(out, `,"net":`, q.Totals.Net)
	out = number(out, `,"tax":`, q.Totals.Tax)
	return append(number(out, `,"gross":`, q.Totals.Gross), "}}"...)
}

func number(out []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(out, before...), n, 10)
}

func comma(out []byte, i int) []byte {
	if i == 0 {
		return out
	}
	return append(out, ',')
}
