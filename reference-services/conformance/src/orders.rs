//! Random orders, most of them valid, and random damage to their text.

use crate::random::Random;
use serde_json::{Map, Value, json};

const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "CHF", "SEK"];
const TAX_CATEGORIES: [&str; 3] = ["standard", "reduced", "zero"];
const TEXTS: [&str; 6] = ["Zoë", "a \"b\" \\ c", "</script>&", "😀\u{2028}", "\u{7f}", "日本語"];
/// What a value may be replaced with: every JSON type, edges of numbers, and what is not JSON.
const REPLACEMENTS: [&str; 32] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e2",
    "1E-2",
    "0.5",
    "-0.0",
    "1e999",
    "01",
    "10001",
    "100000001",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "\"\"",
    "\"A\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0000\"",
    "\"\t\"",
    "[]",
    "{}",
    "[null]",
    "[[[[{\"a\":[]}]]]]",
];
const BYTES: &[u8] = b"{}[]\",:\\0-+.eEnult \n\t\x00\x1f\x7f\xc3\xff\xed";

/// An order within the contract.
pub(crate) fn valid(random: &mut Random) -> Value {
    let lines: Vec<Value> = (0..=random.below(8)).map(|_| line(random)).collect();
    let mut order = json!({
        "order_id": format!("N-{}", random.next()),
        "currency": random.pick(&CURRENCIES),
        "customer": {"id": "C", "name": random.pick(&TEXTS), "tax_exempt": random.one_in(5)},
        "shipping_address": address(random),
        "lines": lines,
    });
    if random.one_in(3) {
        insert(&mut order, "billing_address", address(random));
    }
    if random.one_in(2) {
        insert(&mut order, "note", json!(random.pick(&TEXTS)));
    }
    order
}

fn line(random: &mut Random) -> Value {
    // Small amounts meet rounding ties often; great ones meet overflow.
    let amount = if random.one_in(4) { 100_000_001 } else { 500 };
    let pieces = if random.one_in(4) { 10_000 } else { 4 };
    let mut line = json!({
        "sku": "SKU-1",
        "quantity": 1 + random.below(pieces),
        "unit_price": random.below(amount),
        "tax_category": random.pick(&TAX_CATEGORIES),
    });
    let discounts: Vec<Value> = (0..random.below(5))
        .map(|_| {
            let step = random.pick(&[1, 50, 100, 2_500]).unwrap_or(1);
            json!({"code": "D", "basis_points": step * (1 + random.below(10_000 / step))})
        })
        .collect();
    let options: Vec<Value> = (0..random.below(4))
        .map(|_| json!({"name": random.pick(&TEXTS), "surcharge": random.below(amount)}))
        .collect();
    if !discounts.is_empty() {
        insert(&mut line, "discounts", Value::Array(discounts));
    }
    if !options.is_empty() {
        insert(&mut line, "options", Value::Array(options));
    }
    line
}

fn address(random: &mut Random) -> Value {
    json!({"recipient": random.pick(&TEXTS), "street": "S", "city": "C", "postal_code": "P",
           "country": "SE"})
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The text of an order, damaged at up to three places: members and values, then bytes.
pub(crate) fn damaged(order: &Value, random: &mut Random) -> Vec<u8> {
    let mut nodes = 0;
    count(order, &mut nodes);
    let targets = (0..random.below(3)).map(|_| random.below(nodes)).collect();
    let mut writer = Writer { random, targets, node: 0, text: String::new() };
    writer.value(order);
    let mut text = writer.text.into_bytes();
    if random.one_in(3) {
        let at = random.below(text.len());
        let byte = random.pick(BYTES).unwrap_or(b' ');
        match random.below(4) {
            0 => text.insert(at, byte),
            1 => drop(text.remove(at)),
            2 => text.truncate(at),
            _ => text.splice(at..=at, [byte]).for_each(drop),
        }
    }
    text
}

fn count(value: &Value, nodes: &mut usize) {
    *nodes += 1;
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, nodes)),
        Value::Object(members) => members.values().for_each(|member| count(member, nodes)),
        _ => {}
    }
}

/// Writes a value as JSON, and something else at the nodes chosen.
struct Writer<'a> {
    random: &'a mut Random,
    targets: Vec<usize>,
    node: usize,
    text: String,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) {
        let damage = self.targets.contains(&self.node);
        self.node += 1;
        if damage && self.random.one_in(2) {
            self.text.push_str(self.random.pick(&REPLACEMENTS).unwrap_or_default());
            return;
        }
        match value {
            Value::Array(items) => self.array(items, damage),
            Value::Object(members) => self.object(members, damage),
            _ => self.text.push_str(&value.to_string()),
        }
    }

    fn array(&mut self, items: &[Value], damage: bool) {
        let times = if damage { 1 + self.random.below(15) } else { 1 };
        self.text.push('[');
        for item in items.iter().cycle().take(items.len() * times) {
            self.value(item);
            self.text.push(',');
        }
        self.close(']');
    }

    fn object(&mut self, members: &Map<String, Value>, damage: bool) {
        let chosen = if damage { self.random.below(members.len()) } else { members.len() };
        self.text.push('{');
        for (index, (name, value)) in members.iter().enumerate() {
            if index != chosen {
                self.member(name, value);
                continue;
            }
            match self.random.below(7) {
                0 => {}
                1 => {
                    self.member(name, value);
                    self.member(name, value);
                }
                2 => self.member(&name.to_uppercase(), value),
                3 => self.member(&name.replacen('s', "ſ", 1), value),
                4 => {
                    self.member("extra", &json!({"a": [1, null]}));
                    self.member(name, value);
                }
                5 => {
                    let mut name = name.clone();
                    let first = name.remove(0);
                    self.text.push_str(&format!("\"\\u{:04X}{name}\":", u32::from(first)));
                    self.value(value);
                    self.text.push(',');
                }
                _ => {
                    self.text.push_str(" \r\n\t");
                    self.member(name, value);
                }
            }
        }
        self.close('}');
    }

    fn member(&mut self, name: &str, value: &Value) {
        self.text.push_str(&format!("\"{name}\":"));
        self.value(value);
        self.text.push(',');
    }

    fn close(&mut self, bracket: char) {
        if self.text.ends_with(',') {
            self.text.pop();
        }
        self.text.push(bracket);
    }
}
