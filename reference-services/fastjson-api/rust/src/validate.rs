//! What an order must keep to beyond its shape.

use crate::order::{Address, Line, Order};

const LINES_MAX: usize = 50;
const DISCOUNTS_MAX: usize = 4;
const OPTIONS_MAX: usize = 8;
const QUANTITY_MAX: i64 = 10_000;
const AMOUNT_MAX: i64 = 100_000_000;
const BASIS_POINTS_MAX: i64 = 10_000;
const VIOLATIONS_MAX: usize = 20;
const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "CHF", "SEK"];

/// One broken rule.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the offending value.
    pub pointer: String,
    /// What is allowed there.
    pub detail: String,
}

/// Checks an order, in the order of the contract's tables.
///
/// # Errors
/// The broken rules, at most the first 20.
pub fn validate(order: &Order<'_>) -> Result<(), Vec<Violation>> {
    let mut rules = Rules { violations: Vec::new() };
    rules.id("/order_id", &order.order_id);
    rules.check(
        CURRENCIES.contains(&&*order.currency),
        || "/currency".into(),
        || format!("must be one of {}", CURRENCIES.join(", ")),
    );
    rules.id("/customer/id", &order.customer.id);
    rules.text(|| "/customer/name".into(), &order.customer.name, 1, 80);
    rules.address("/shipping_address", &order.shipping_address);
    if let Some(address) = &order.billing_address {
        rules.address("/billing_address", address);
    }
    rules.count(|| "/lines".into(), order.lines.len(), 1, LINES_MAX);
    for (index, line) in order.lines.iter().enumerate() {
        rules.line(index, line);
    }
    rules.text(|| "/note".into(), &order.note, 0, 200);

    if rules.violations.is_empty() { Ok(()) } else { Err(rules.violations) }
}

struct Rules {
    violations: Vec<Violation>,
}

/// Pointers and details are closures, so that a valid order pays for none of their text.
impl Rules {
    fn check(
        &mut self,
        holds: bool,
        pointer: impl FnOnce() -> String,
        detail: impl FnOnce() -> String,
    ) {
        if !holds && self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { pointer: pointer(), detail: detail() });
        }
    }

    fn address(&mut self, at: &str, address: &Address<'_>) {
        self.text(|| format!("{at}/recipient"), &address.recipient, 1, 80);
        self.text(|| format!("{at}/street"), &address.street, 1, 120);
        self.text(|| format!("{at}/city"), &address.city, 1, 80);
        self.text(|| format!("{at}/postal_code"), &address.postal_code, 1, 16);
        self.check(
            address.country.len() == 2 && address.country.bytes().all(|b| b.is_ascii_uppercase()),
            || format!("{at}/country"),
            || "must be two capital letters".into(),
        );
    }

    fn line(&mut self, index: usize, line: &Line<'_>) {
        let at = |field: &str| format!("/lines/{index}/{field}");
        self.check(
            (1..=32).contains(&line.sku.len())
                && line.sku.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-')),
            || at("sku"),
            || "must be 1 to 32 characters of A-Z 0-9 -".into(),
        );
        self.range(|| at("quantity"), line.quantity, 1, QUANTITY_MAX);
        self.range(|| at("unit_price"), line.unit_price, 0, AMOUNT_MAX);
        self.check(
            matches!(&*line.tax_category, "standard" | "reduced" | "zero"),
            || at("tax_category"),
            || "must be one of standard, reduced, zero".into(),
        );
        self.count(|| at("discounts"), line.discounts.len(), 0, DISCOUNTS_MAX);
        for (n, discount) in line.discounts.iter().enumerate() {
            self.text(|| at(&format!("discounts/{n}/code")), &discount.code, 1, 32);
            self.range(
                || at(&format!("discounts/{n}/basis_points")),
                discount.basis_points,
                1,
                BASIS_POINTS_MAX,
            );
        }
        self.count(|| at("options"), line.options.len(), 0, OPTIONS_MAX);
        for (n, option) in line.options.iter().enumerate() {
            self.text(|| at(&format!("options/{n}/name")), &option.name, 1, 40);
            self.range(|| at(&format!("options/{n}/surcharge")), option.surcharge, 0, AMOUNT_MAX);
        }
    }

    fn id(&mut self, at: &str, id: &str) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        self.check(
            (1..=40).contains(&id.len()) && id.bytes().all(allowed),
            || at.into(),
            || "must be 1 to 40 characters of A-Z a-z 0-9 . _ -".into(),
        );
    }

    fn text(&mut self, at: impl FnOnce() -> String, text: &str, least: usize, most: usize) {
        let length = text.chars().count();
        self.check((least..=most).contains(&length), at, || {
            format!("must be {least} to {most} characters")
        });
    }

    fn count(&mut self, at: impl FnOnce() -> String, count: usize, least: usize, most: usize) {
        self.check((least..=most).contains(&count), at, || {
            format!("must have {least} to {most} items")
        });
    }

    fn range(&mut self, at: impl FnOnce() -> String, value: i64, least: i64, most: i64) {
        self.check((least..=most).contains(&value), at, || format!("must be {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(order: &str) -> Vec<String> {
        let order = Order::decode(order.as_bytes()).unwrap();
        validate(&order)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|violation| violation.pointer)
            .collect()
    }

    #[test]
    fn the_sample_is_valid() {
        assert_eq!(pointers(crate::SAMPLE_ORDER), [""; 0]);
    }

    #[test]
    fn every_broken_rule_is_named_in_order() {
        let order = crate::SAMPLE_ORDER
            .replace(r#""EUR""#, r#""JPY""#)
            .replace(r#""quantity": 5"#, r#""quantity": -5"#)
            .replace("BOOK-TAPL", "book")
            .replace(r#""basis_points": 500"#, r#""basis_points": 10001"#);
        assert_eq!(
            pointers(&order),
            ["/currency", "/lines/1/quantity", "/lines/2/sku", "/lines/2/discounts/0/basis_points"]
        );
    }

    #[test]
    fn only_the_first_violations_are_listed() {
        let line = r#"{"sku":"","quantity":0,"unit_price":-1,"tax_category":""},"#;
        let lines = format!(r#""lines": [{}"#, line.repeat(6));
        let order = crate::SAMPLE_ORDER.replace(r#""lines": ["#, &lines);
        assert_eq!(pointers(&order).len(), VIOLATIONS_MAX);
    }

    #[test]
    fn lengths_count_characters() {
        let order = crate::SAMPLE_ORDER.replace("Liège", &"é".repeat(80));
        assert_eq!(pointers(&order), [""; 0]);
        let order = crate::SAMPLE_ORDER.replace("Liège", &"é".repeat(81));
        assert_eq!(pointers(&order), ["/shipping_address/city"]);
    }
}
