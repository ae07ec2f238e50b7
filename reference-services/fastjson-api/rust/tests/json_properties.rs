//! Properties of the dynamic path's parser, patches and canonical form, and a fuzzer of its parser.
//!
//! Oracle of the grammar is `serde_json`, which shares no code with the parser: a text is JSON
//! exactly when it is UTF-8 and `serde_json` can skip it, and a fault's position is right when
//! `serde_json` finds what is before it merely unfinished, and what ends with the byte there wrong.
//! Covered: arbitrary bytes, bytes of JSON's alphabet, each text of the conformance suite with one
//! change at each place, and (`--ignored`) millions of texts with several changes. A coverage-guided
//! fuzzer needs a nightly compiler, which this workspace does without.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's way to fail"
)]

use fastjson_api::json::{DEPTH_MAX, Numbers, Refusal, Value, parse, to_bytes};
use fastjson_api::{Patch, canonical, merge};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;

const CORPUS: &str = include_str!("../../../conformance/vectors/json-texts.json");
/// Bytes that mean something to JSON or UTF-8, and some that do not.
const BYTES: &[u8] =
    b"{}[]\",:\\/0-1+.eEnul truf\n\t\x00\x1f\x7f\x80\xa0\xc0\xc3\xe0\xed\xf0\xf4\xff";
const LONG_RUN: usize = 3_000_000;

/// Whether a text is JSON, by the oracle.
fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Whether a text is JSON or lacks only its end, by the oracle.
fn may_go_on(text: &[u8]) -> bool {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        // A character that is cut off can only stand in a string.
        Err(error) if error.error_len().is_none() => {
            let whole = std::str::from_utf8(&text[..error.valid_up_to()]).unwrap();
            let unfinished = serde_json::from_str::<IgnoredAny>(whole);
            return unfinished.is_err_and(|error| error.is_eof())
                && serde_json::from_str::<IgnoredAny>(&format!("{whole}\u{e9}"))
                    .is_err_and(|error| error.is_eof());
        }
        Err(_) => return false,
    };
    let goes_on = |text: &str| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) => error.is_eof(),
    };
    // The oracle takes a number that is cut off for a wrong one.
    goes_on(text) || goes_on(&format!("{text}0"))
}

/// The parser agrees with the oracle on one text.
fn check(text: &[u8]) {
    let shown = text.escape_ascii();
    match parse(text, Numbers::Any) {
        Ok(value) => {
            assert!(is_json(text), "accepted: {shown}");
            let served = to_bytes(&value);
            assert!(served.len() <= text.len(), "the served form is longer: {shown}");
            let again = parse(&served, Numbers::Any).unwrap();
            assert!(again == value && to_bytes(&again) == served, "not stable: {shown}");
        }
        Err(Refusal::Malformed { position }) => {
            assert!(!is_json(text), "refused: {shown}");
            assert!(position <= text.len(), "{position} in {shown}");
            assert!(may_go_on(&text[..position]), "the fault is before {position}: {shown}");
            if position < text.len() {
                // The oracle wants to see four digits before it judges the first.
                let wrong = [&text[..=position], b"zzzz"].concat();
                assert!(!may_go_on(&wrong), "the fault is after {position}: {shown}");
            }
        }
        Err(Refusal::NotIJson { position, .. } | Refusal::Limit { position, .. }) => {
            assert!(is_json(text), "not JSON at all: {shown}");
            assert!(position < text.len(), "{position} in {shown}");
        }
    }
}

#[derive(Deserialize)]
struct Corpus {
    unchanged: Vec<String>,
    served: Vec<(String, String)>,
    malformed: Vec<(String, usize)>,
    not_utf8: Vec<(String, usize)>,
    not_i_json: Vec<(String, String, usize)>,
}

fn corpus() -> Vec<Vec<u8>> {
    let corpus: Corpus = serde_json::from_str(CORPUS).unwrap();
    let hex = |(hex, _): (String, usize)| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    let texts = corpus.unchanged.into_iter();
    let texts = texts.chain(corpus.served.into_iter().map(|(text, _)| text));
    let texts = texts.chain(corpus.malformed.into_iter().map(|(text, _)| text));
    let texts = texts.chain(corpus.not_i_json.into_iter().map(|(text, ..)| text));
    texts.map(String::into_bytes).chain(corpus.not_utf8.into_iter().map(hex)).collect()
}

#[test]
fn every_corpus_text_with_one_change_is_judged_as_by_serde_json() {
    let corpus = corpus();
    assert!(corpus.len() > 300, "the corpus has {} texts", corpus.len());
    for text in &corpus {
        check(text);
        for at in 0..=text.len() {
            let (before, after) = text.split_at(at);
            check(before);
            check(after);
            check(&[before, after.get(1..).unwrap_or_default()].concat());
            check(&[before, before, after].concat());
            for byte in BYTES {
                check(&[before, &[*byte], after].concat());
                check(&[before, &[*byte], after.get(1..).unwrap_or_default()].concat());
            }
        }
    }
}

/// A generator with a fixed seed (SplitMix64): a finding can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

#[test]
#[ignore = "takes a quarter of a minute: texts of the corpus crossed and changed at several places"]
fn crossed_and_changed_texts_are_judged_as_by_serde_json() {
    let corpus = corpus();
    let mut random = Random(1);
    for _ in 0..LONG_RUN {
        let mut text = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len() + 1);
            match random.below(4) {
                0 => text.insert(at, BYTES[random.below(BYTES.len())]),
                1 => text.truncate(at),
                2 if at < text.len() => drop(text.remove(at)),
                _ => {
                    let other = &corpus[random.below(corpus.len())];
                    text.splice(at..at, other.iter().copied()).for_each(drop);
                }
            }
        }
        check(&text);
    }
}

/// A JSON text with unique names and whole surrogate pairs, in some spelling.
fn text() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number,
        string(),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let space = "[ \t\r\n]{0,2}";
        let members = btree_map("[a-c~/é😀\u{e000}\"]{0,2}", inner.clone(), 0..5);
        prop_oneof![
            (vec(inner, 0..5), space).prop_map(|(items, space)| {
                format!("[{space}{}{space}]", items.join(&format!("{space},")))
            }),
            (members, space, any::<bool>()).prop_map(|(members, space, reverse)| {
                let mut members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("{space}{}:{value}", serde_json::json!(name)))
                    .collect();
                if reverse {
                    members.reverse();
                }
                format!("{{{}{space}}}", members.join(","))
            }),
        ]
    })
}

/// Text with each character as itself or as an escape.
fn string() -> impl Strategy<Value = String> {
    vec((any::<char>(), any::<bool>()), 0..6).prop_map(|characters| {
        let spell = |(character, escaped): (char, bool)| {
            let mut units = [0; 2];
            if !escaped && character != '"' && character != '\\' && character >= ' ' {
                return character.to_string();
            }
            character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")).collect()
        };
        format!("\"{}\"", characters.into_iter().map(spell).collect::<String>())
    })
}

fn value(text: &str) -> Value {
    parse(text.as_bytes(), Numbers::Any).unwrap_or_else(|refusal| panic!("{refusal:?}: {text}"))
}

fn with_doubles(text: &str) -> Option<Value> {
    parse(text.as_bytes(), Numbers::Doubles).ok()
}

/// Equal, numbers as doubles and up to the error of the oracle's own reading.
fn alike(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= (1e-14 * a.abs()).max(1e-300)
        }
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn patch(text: &str) -> Patch {
    Patch::from_value(value(text)).unwrap()
}

proptest! {
    // A finding is kept as a vector of the conformance suite, for both twins, and not in a file here.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged_as_by_serde_json(text in vec(any::<u8>(), 0..40)) {
        check(&text);
    }

    #[test]
    fn bytes_of_jsons_alphabet_are_judged_as_by_serde_json(
        text in vec(proptest::sample::select(BYTES), 0..24),
    ) {
        check(&text);
    }

    #[test]
    fn what_is_served_is_what_was_sent(text in text()) {
        check(text.as_bytes());
        let served = to_bytes(&value(&text));
        prop_assert!(value(std::str::from_utf8(&served).unwrap()) == value(&text));
    }

    #[test]
    fn canonical_form_is_idempotent_and_means_the_same(text in text()) {
        let Some(tree) = with_doubles(&text) else { return Ok(()) };
        let form = canonical(&tree);
        let again = parse(&form, Numbers::Doubles).unwrap();
        prop_assert_eq!(canonical(&again), form.clone());
        // The served form has its members in another order than the text.
        let served = parse(&to_bytes(&tree), Numbers::Doubles).unwrap();
        prop_assert_eq!(canonical(&served), form.clone());
        let ours: serde_json::Value = serde_json::from_slice(&form).unwrap();
        let sent: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert!(alike(&sent, &ours), "{} is not {}", ours, sent);
    }

    #[test]
    fn merge_patches_keep_their_laws(target in text(), change in text()) {
        let (target, change) = (value(&target), value(&change));
        let once = merge(target.clone(), change.clone());
        prop_assert!(merge(once.clone(), change.clone()) == once, "not idempotent");
        prop_assert!(once.depth() <= target.depth().max(change.depth()));
        match (&target, &change) {
            (_, Value::Object(members)) => {
                let Value::Object(result) = &once else { panic!("not an object") };
                for (name, member) in members.iter() {
                    prop_assert_eq!(result.get(name).is_some(), !matches!(member, Value::Null));
                }
            }
            _ => prop_assert!(once == change),
        }
        if !has_null(&change) {
            let onto_nothing = merge(Value::Null, change.clone());
            prop_assert!(onto_nothing == change);
        }
    }

    #[test]
    fn json_patches_keep_their_laws(document in text(), inserted in text()) {
        let before = value(&document);
        let apply = |operations: &str| patch(&format!("[{operations}]")).apply(before.clone());
        // A document is what it is, and can be replaced.
        let itself = apply(&format!(r#"{{"op":"test","path":"","value":{document}}}"#));
        prop_assert!(itself.is_ok());
        let replaced = apply(&format!(r#"{{"op":"replace","path":"","value":{inserted}}}"#));
        prop_assert!(replaced == Ok(value(&inserted)));
        let place = match &before {
            Value::Object(_) => "/new",
            Value::Array(_) => "/0",
            _ => return Ok(()),
        };
        // What is put in is there, can be moved away and back, and taken out again.
        let add = format!(r#"{{"op":"add","path":"{place}","value":{inserted}}}"#);
        let test = format!(r#"{{"op":"test","path":"{place}","value":{inserted}}}"#);
        let remove = format!(r#"{{"op":"remove","path":"{place}"}}"#);
        prop_assert!(apply(&[&*add, &test, &remove].join(",")) == Ok(before.clone()));
        let wrap = r#"{"op":"add","path":"","value":{"a":[]}}"#;
        let there = r#"{"op":"move","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/a"}"#;
        let back = apply(&[wrap, there].join(","));
        let wrapped = value(r#"{"a":[]}"#);
        prop_assert!(back == Ok(wrapped));
        let copy = format!(r#"{{"op":"copy","from":"","path":"{place}"}},{remove}"#);
        prop_assert!(apply(&copy) == Ok(before.clone()));
    }

    #[test]
    fn no_patch_makes_a_document_too_deep(
        operations in vec(("(add|copy|move|replace)", "(/(0|1|-|a)){0,4}", "(/(0|1|-|a)){0,4}"), 0..60),
    ) {
        let operations: Vec<String> = operations
            .into_iter()
            .map(|(op, from, path)| {
                format!(r#"{{"op":"{op}","from":"{from}","path":"{path}","value":[{{"a":[0]}}]}}"#)
            })
            .collect();
        // One at a time, so that those that fail do not end it.
        let mut document = value("[[],{}]");
        for operation in operations {
            let Ok(patch) = Patch::from_value(value(&format!("[{operation}]"))) else { continue };
            if let Ok(next) = patch.apply(document.clone()) && next.count() < 10_000 {
                document = next;
            }
            prop_assert!(document.depth() <= DEPTH_MAX);
        }
    }
}
