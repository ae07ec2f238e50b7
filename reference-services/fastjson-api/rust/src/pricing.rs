//! The price of a valid order. Every amount is a whole number of minor units.

use crate::order::{Line, Order};

const STANDARD_RATE_BASIS_POINTS: i64 = 1_900;
const REDUCED_RATE_BASIS_POINTS: i64 = 700;

/// A priced order.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct Quote<'a> {
    /// As in the order.
    pub order_id: &'a str,
    /// As in the order.
    pub currency: &'a str,
    /// In the order's sequence.
    pub lines: Vec<PricedLine<'a>>,
    /// For each tax rate that occurs, lowest first.
    pub by_rate: Vec<RateTotal>,
    /// Over all lines.
    pub totals: Totals,
}

/// One priced line.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct PricedLine<'a> {
    /// As in the order.
    pub sku: &'a str,
    /// After discounts, before tax.
    pub net: i64,
    /// Rounded for this line.
    pub tax: i64,
    /// `net + tax`.
    pub gross: i64,
}

/// The lines of one tax rate together.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct RateTotal {
    /// Hundredths of a percent.
    pub rate_basis_points: i64,
    /// Sum of the lines' `net`.
    pub net: i64,
    /// Sum of the lines' `tax`.
    pub tax: i64,
}

/// Sums over all lines.
#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub struct Totals {
    /// What discounts took off.
    pub discount: i64,
    /// Before tax.
    pub net: i64,
    /// Sum of the lines' `tax`: not rounded again.
    pub tax: i64,
    /// `net + tax`.
    pub gross: i64,
}

/// Prices a valid order. The limits of `validate` keep every sum below 2^63.
pub fn price<'a>(order: &'a Order<'_>) -> Quote<'a> {
    let mut lines = Vec::with_capacity(order.lines.len());
    let mut by_rate = Vec::with_capacity(3);
    let mut totals = Totals::default();
    for line in &order.lines {
        let rate = if order.customer.tax_exempt { 0 } else { rate_of(&line.tax_category) };
        let list = list_price(line);
        let net = discounted(list, line);
        let tax = share(net, rate);
        lines.push(PricedLine { sku: &line.sku, net, tax, gross: net + tax });
        add_to_rate(&mut by_rate, rate, net, tax);
        totals.discount += list - net;
        totals.net += net;
        totals.tax += tax;
    }
    totals.gross = totals.net + totals.tax;
    by_rate.sort_unstable_by_key(|total| total.rate_basis_points);
    Quote { order_id: &order.order_id, currency: &order.currency, lines, by_rate, totals }
}

fn rate_of(tax_category: &str) -> i64 {
    match tax_category {
        "standard" => STANDARD_RATE_BASIS_POINTS,
        "reduced" => REDUCED_RATE_BASIS_POINTS,
        _ => 0,
    }
}

fn list_price(line: &Line<'_>) -> i64 {
    let surcharges: i64 = line.options.iter().map(|option| option.surcharge).sum();
    line.quantity * (line.unit_price + surcharges)
}

fn discounted(list: i64, line: &Line<'_>) -> i64 {
    line.discounts.iter().fold(list, |net, discount| net - share(net, discount.basis_points))
}

/// `basis_points` of a non-negative amount, rounded half to even.
fn share(amount: i64, basis_points: i64) -> i64 {
    let product = amount * basis_points;
    let (whole, rest) = (product / 10_000, product % 10_000);
    let round_up = rest > 5_000 || (rest == 5_000 && whole % 2 == 1);
    whole + i64::from(round_up)
}

fn add_to_rate(by_rate: &mut Vec<RateTotal>, rate_basis_points: i64, net: i64, tax: i64) {
    match by_rate.iter_mut().find(|total| total.rate_basis_points == rate_basis_points) {
        Some(total) => {
            total.net += net;
            total.tax += tax;
        }
        None => by_rate.push(RateTotal { rate_basis_points, net, tax }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_rounds_half_to_even() {
        for (amount, basis_points, expected) in [
            (0, 1_900, 0),
            (50, 100, 0),     // 0.5 goes to 0
            (150, 100, 2),    // 1.5 goes to 2
            (250, 100, 2),    // 2.5 goes to 2
            (350, 100, 4),    // 3.5 goes to 4
            (249, 100, 2),    // 2.49
            (251, 100, 3),    // 2.51
            (50, 1_900, 10),  // 9.5 goes to 10
            (150, 1_900, 28), // 28.5 goes to 28
            (1, 10_000, 1),
            (9_000_000_000_000, 10_000, 9_000_000_000_000),
        ] {
            assert_eq!(share(amount, basis_points), expected, "{basis_points} bp of {amount}");
        }
    }

    #[test]
    fn the_sample_has_the_contracts_quote() {
        let order = Order::decode(crate::SAMPLE_ORDER.as_bytes()).unwrap();
        let quote = serde_json::to_value(price(&order)).unwrap();
        let expected: serde_json::Value = serde_json::from_str(crate::SAMPLE_QUOTE).unwrap();
        assert_eq!(quote, expected);
    }

    #[test]
    fn an_exempt_customer_pays_no_tax() {
        let order = crate::SAMPLE_ORDER.replace(r#""C-88141","#, r#""C-1", "tax_exempt": true,"#);
        let order = Order::decode(order.as_bytes()).unwrap();
        let quote = price(&order);
        assert_eq!(quote.by_rate, [RateTotal { rate_basis_points: 0, net: 35_519, tax: 0 }]);
        assert_eq!(quote.totals.gross, 35_519);
    }

    #[test]
    fn the_greatest_order_fits() {
        let options = r#"{"name":"x","surcharge":100000000},"#.repeat(8);
        let line = format!(
            r#"{{"sku":"A","quantity":10000,"unit_price":100000000,"tax_category":"standard",
               "discounts":[{{"code":"x","basis_points":1}}],"options":[{}]}}"#,
            options.trim_end_matches(',')
        );
        let start = crate::SAMPLE_ORDER.find(r#""lines""#).unwrap();
        let order =
            format!("{}\"lines\":[{}]}}", &crate::SAMPLE_ORDER[..start], [&*line; 50].join(","));
        let order = Order::decode(order.as_bytes()).unwrap();
        assert_eq!(crate::validate(&order), Ok(()));
        // 10,000 × 9 × 100,000,000 less 0.01%, fifty times.
        assert_eq!(price(&order).totals.net, 50 * 8_999_100_000_000);
    }
}
