//! The order as it arrives, and its decoding from JSON.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// An order to be priced. Text borrows from the request's body where it holds no escapes.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order<'a> {
    /// The client's own id, repeated in the quote.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// ISO 4217 code; every amount is in its minor unit.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
    /// Who orders.
    #[serde(borrow, deserialize_with = "object")]
    pub customer: Customer<'a>,
    /// Where the goods go.
    #[serde(borrow, deserialize_with = "object")]
    pub shipping_address: Address<'a>,
    /// Where the invoice goes, if elsewhere.
    #[serde(borrow, default, deserialize_with = "optional_object")]
    pub billing_address: Option<Address<'a>>,
    /// What is ordered.
    #[serde(borrow, deserialize_with = "objects")]
    pub lines: Vec<Line<'a>>,
    /// Free text.
    #[serde(borrow, default)]
    pub note: Cow<'a, str>,
}

/// Who orders.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer<'a> {
    /// The customer's id.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The customer's name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Whether every line is taxed at 0.
    #[serde(default)]
    pub tax_exempt: bool,
}

/// A postal address.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address<'a> {
    /// Person or company.
    #[serde(borrow)]
    pub recipient: Cow<'a, str>,
    /// Street and number.
    #[serde(borrow)]
    pub street: Cow<'a, str>,
    /// Town.
    #[serde(borrow)]
    pub city: Cow<'a, str>,
    /// Postal code, in any country's form.
    #[serde(borrow)]
    pub postal_code: Cow<'a, str>,
    /// Two capital letters.
    #[serde(borrow)]
    pub country: Cow<'a, str>,
}

/// One item of an order.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    /// Stock-keeping unit.
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    /// Number of pieces.
    pub quantity: i64,
    /// Price of one piece before options, in minor units.
    pub unit_price: i64,
    /// `standard`, `reduced` or `zero`.
    #[serde(borrow)]
    pub tax_category: Cow<'a, str>,
    /// Taken off one after the other.
    #[serde(borrow, default, deserialize_with = "objects")]
    pub discounts: Vec<Discount<'a>>,
    /// Added to the unit price.
    #[serde(borrow, default, deserialize_with = "objects")]
    pub options: Vec<LineOption<'a>>,
}

/// A percentage off a line.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discount<'a> {
    /// Why the discount is given.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// Hundredths of a percent.
    pub basis_points: i64,
}

/// An extra that makes each piece of a line dearer.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineOption<'a> {
    /// What is added.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// For one piece, in minor units.
    pub surcharge: i64,
}

/// Why a body is not an order.
#[derive(Debug)]
pub enum ShapeError {
    /// The body is not JSON (RFC 8259) in UTF-8.
    NotJson(String),
    /// The body is JSON of another shape than an order.
    NotAnOrder(String),
}

impl<'a> Order<'a> {
    /// Decodes a request body.
    ///
    /// # Errors
    /// When the body is not JSON, or JSON of another shape.
    pub fn decode(body: &'a [u8]) -> Result<Self, ShapeError> {
        let text =
            std::str::from_utf8(body).map_err(|error| ShapeError::NotJson(error.to_string()))?;
        serde_json::from_str::<Object<Order<'a>>>(text).map(|order| order.0).map_err(|error| {
            // The decoder stops at the first fault of either sort. What is not JSON further on
            // is still not JSON, and only a second look over the whole text can tell.
            match serde_json::from_str::<IgnoredAny>(text) {
                Err(syntax) => ShapeError::NotJson(syntax.to_string()),
                Ok(_) => ShapeError::NotAnOrder(error.to_string()),
            }
        })
    }
}

/// A JSON object. Derived decoders take an array of the fields' values for a struct as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// Present, and so not null: serde would take a null for an absent field.
fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    object(deserializer).map(Some)
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(ObjectsVisitor(PhantomData))
}

struct ObjectsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of objects")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(Object(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        let order = Order::decode(crate::SAMPLE_ORDER.as_bytes()).unwrap();
        assert!(matches!(order.lines[0].sku, Cow::Borrowed("KB-ISO-87")));
        assert_eq!(order.customer.name, "Zoë Lindqvist");
    }

    #[test]
    fn a_struct_is_an_object_and_nothing_is_null() {
        let sample = crate::SAMPLE_ORDER;
        for (from, to) in [
            (r#"{ "name": "Engraving", "surcharge": 750 }"#, r#"["Engraving", 750]"#),
            (r#"{ "id": "C-88141", "name": "Zoë Lindqvist" }"#, r#"["C-88141", "Zoë", false]"#),
            (r#""Please ring twice.""#, "null"),
            (r#""note": "#, r#""billing_address": null, "note": "#),
            (r#""quantity": 5"#, r#""quantity": 5.0"#),
            (r#""quantity": 5"#, r#""quantity": -0"#),
            (r#""quantity": 5"#, r#""Quantity": 5"#),
            (r#""quantity": 5"#, r#""quantity": 5, "quantity": 5"#),
        ] {
            assert!(sample.contains(from), "{from}");
            let order = sample.replacen(from, to, 1);
            assert!(
                matches!(Order::decode(order.as_bytes()), Err(ShapeError::NotAnOrder(_))),
                "{to}"
            );
        }
    }

    #[test]
    fn what_is_not_json_outweighs_a_wrong_shape() {
        for text in ["", "\u{feff}{}", "{} {}", r#"{"lines": 5, "#, "[1e400, 01]", "nul"] {
            assert!(
                matches!(Order::decode(text.as_bytes()), Err(ShapeError::NotJson(_))),
                "{text}"
            );
        }
        assert!(matches!(Order::decode(b"\"\xff\""), Err(ShapeError::NotJson(_))));
        assert!(matches!(Order::decode(b"1e400"), Err(ShapeError::NotAnOrder(_))));
    }
}
