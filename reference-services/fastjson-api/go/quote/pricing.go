package quote

import "slices"

const (
	standardRateBasisPoints = 1_900
	reducedRateBasisPoints  = 700
)

// Quote is a priced order. Every amount is a whole number of minor units.
type Quote struct {
	OrderID  string       `json:"order_id"`
	Currency string       `json:"currency"`
	Lines    []PricedLine `json:"lines"`   // in the order's sequence
	ByRate   []RateTotal  `json:"by_rate"` // for each tax rate that occurs, lowest first
	Totals   Totals       `json:"totals"`
}

// PricedLine is one priced line.
type PricedLine struct {
	SKU   string `json:"sku"`
	Net   int64  `json:"net"`   // after discounts, before tax
	Tax   int64  `json:"tax"`   // rounded for this line
	Gross int64  `json:"gross"` // net + tax
}

// RateTotal is the lines of one tax rate together.
type RateTotal struct {
	RateBasisPoints int64 `json:"rate_basis_points"`
	Net             int64 `json:"net"`
	Tax             int64 `json:"tax"`
}

// Totals is the sums over all lines.
type Totals struct {
	Discount int64 `json:"discount"` // what discounts took off
	Net      int64 `json:"net"`
	Tax      int64 `json:"tax"` // sum of the lines' tax: not rounded again
	Gross    int64 `json:"gross"`
}

// Price prices a valid order. The limits of Validate keep every sum below 2^63.
func Price(o *Order) Quote {
	lines := make([]PricedLine, 0, len(o.Lines))
	byRate := make([]RateTotal, 0, 3)
	var totals Totals
	for i := range o.Lines {
		line := &o.Lines[i]
		rate := int64(0)
		if !o.Customer.TaxExempt {
			rate = rateOf(line.TaxCategory)
		}
		list := listPrice(line)
		net := discounted(list, line)
		tax := share(net, rate)
		lines = append(lines, PricedLine{SKU: line.SKU, Net: net, Tax: tax, Gross: net + tax})
		byRate = addToRate(byRate, rate, net, tax)
		totals.Discount += list - net
		totals.Net += net
		totals.Tax += tax
	}
	totals.Gross = totals.Net + totals.Tax
	slices.SortFunc(byRate, func(a, b RateTotal) int {
		return int(a.RateBasisPoints - b.RateBasisPoints)
	})
	return Quote{OrderID: o.OrderID, Currency: o.Currency, Lines: lines, ByRate: byRate, Totals: totals}
}

func rateOf(taxCategory string) int64 {
	switch taxCategory {
	case "standard":
		return standardRateBasisPoints
	case "reduced":
		return reducedRateBasisPoints
	default:
		return 0
	}
}

func listPrice(line *Line) int64 {
	price := line.UnitPrice
	for i := range line.Options {
		price += line.Options[i].Surcharge
	}
	return line.Quantity * price
}

func discounted(list int64, line *Line) int64 {
	net := list
	for i := range line.Discounts {
		net -= share(net, line.Discounts[i].BasisPoints)
	}
	return net
}

// share is basisPoints of a non-negative amount, rounded half to even.
func share(amount, basisPoints int64) int64 {
	product := amount * basisPoints
	whole, rest := product/10_000, product%10_000
	if rest > 5_000 || rest == 5_000 && whole%2 == 1 {
		whole++
	}
	return whole
}

func addToRate(byRate []RateTotal, rate, net, tax int64) []RateTotal {
	for i := range byRate {
		if byRate[i].RateBasisPoints == rate {
			byRate[i].Net += net
			byRate[i].Tax += tax
			return byRate
		}
	}
	return append(byRate, RateTotal{RateBasisPoints: rate, Net: net, Tax: tax})
}
