//! Random JSON texts in every spelling, patches on them, and damage.

use crate::random::Random;
use serde_json::json;

const DEPTH_MAX: usize = 4;
/// Few names, so that patches and pointers often meet what is there.
const NAMES: [&str; 12] =
    ["a", "a", "b", "b", "c", "", "~", "/", "é", "0", "\u{ffff}", "\u{10000}"];
const TOKENS: [&str; 16] = [
    "a",
    "b",
    "c",
    "",
    "~0",
    "~1",
    "é",
    "0",
    "0",
    "1",
    "2",
    "3",
    "-",
    "00",
    "18446744073709551616",
    "\u{10000}",
];
/// Pieces of strings, most of them escapes that have another form.
const PIECES: [&str; 20] = [
    "a",
    "\\u0061",
    "\\/",
    "/",
    "é",
    "\\u00e9",
    "😀",
    "\\ud83d\\ude00",
    "\\n",
    "\\u000A",
    "\\u0000",
    "\\\"",
    "\\\\",
    "\u{7f}",
    "\u{2028}",
    "<",
    "\\b\\f\\t\\r",
    "\\u001f",
    "\\uffff",
    "\u{fdd0}",
];
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "1",
    "1.0",
    "10e-1",
    "-1",
    "0.1",
    "1E5",
    "1e+05",
    "100000",
    "1e400",
    "-1e400",
    "1e-400",
    "9007199254740993",
    "9007199254740992",
    "123456789012345678901234567890",
    "5e-324",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e21",
    "1e-7",
    "333333333.33333329",
    "1e999999999",
    "4.50",
];
const WHITE_SPACE: [&str; 5] = [" ", "\t", "\r\n", "\n", "   "];
/// What is not JSON, not I-JSON or beyond a limit where a value should be.
const FAULTS: [&str; 24] = [
    "",
    "nul",
    "True",
    "01",
    "-",
    "1.",
    "1e",
    ".5",
    "+1",
    "\"",
    "\"\\x\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0061\"",
    "\"\n\"",
    "[1,]",
    "{\"a\":1,\"a\":2}",
    "{\"a\"}",
    "{\"a\":1,\"\\u0061\":2}",
    "[1 2]",
    "1e1000000000",
    "'a'",
    "NaN",
    "{\"a\":1,}",
];
const BYTES: &[u8] =
    b"{}[]\",:\\0-+.eEnult /\n\t\x00\x1f\x7f\xc3\xa9\xe2\xed\xa0\xf0\x9f\xf4\x90\xff";

/// A text of any shape, most of them valid.
pub(crate) fn text(random: &mut Random) -> Vec<u8> {
    if random.one_in(40) {
        return deep_or_long(random);
    }
    let mut writer = Writer { faults: random.one_in(8), random, text: String::new() };
    let depth = if writer.random.one_in(10) { 0 } else { DEPTH_MAX };
    writer.value(depth);
    writer.text.into_bytes()
}

/// Near the limits of nesting and of the number of values.
fn deep_or_long(random: &mut Random) -> Vec<u8> {
    let near = random.below(4);
    match random.below(4) {
        0 => ["[".repeat(126 + near), "]".repeat(126 + near)].concat(),
        1 => [r#"{"a":"#.repeat(126 + near), "1".into(), "}".repeat(126 + near)].concat(),
        2 => format!("[{}0]", "0,".repeat(16_381 + near)),
        _ => format!("-{}", "7".repeat(1_021 + near)),
    }
    .into_bytes()
}

/// An object more often than a text, with members to remove.
pub(crate) fn merge_patch(random: &mut Random) -> Vec<u8> {
    let mut writer = Writer { faults: random.one_in(10), random, text: String::new() };
    if writer.random.one_in(5) {
        writer.value(DEPTH_MAX);
    } else {
        writer.object(DEPTH_MAX);
    }
    writer.text.into_bytes()
}

/// Up to four operations, most of them well formed.
pub(crate) fn json_patch(random: &mut Random) -> Vec<u8> {
    let mut patch = String::from("[");
    for n in 0..random.below(5) {
        if n > 0 {
            patch.push(',');
        }
        operation(random, &mut patch);
    }
    patch.push(']');
    patch.into_bytes()
}

fn operation(random: &mut Random, patch: &mut String) {
    let names = ["add", "add", "add", "replace", "remove", "move", "copy", "test"];
    let op = if random.one_in(60) { "Add" } else { random.pick(&names).unwrap_or_default() };
    let mut members = vec![format!("\"op\":\"{op}\"")];
    for name in ["path", "from"] {
        if !random.one_in(60) {
            members.push(format!("\"{name}\":{}", json!(pointer(random))));
        }
    }
    if !random.one_in(60) {
        let mut writer = Writer { faults: random.one_in(30), random, text: String::new() };
        writer.value(2);
        members.push(format!("\"value\":{}", writer.text));
    }
    let first = random.below(members.len());
    members.rotate_left(first);
    patch.push_str(&format!("{{{}}}", members.join(",")));
}

fn pointer(random: &mut Random) -> String {
    if random.one_in(60) {
        return random.pick(&["a", "/~", "/a~2", "~0", " "]).unwrap_or_default().to_owned();
    }
    (0..random.below(4)).map(|_| format!("/{}", random.pick(&TOKENS).unwrap_or_default())).collect()
}

/// One or two bytes, or a stretch, changed, left out or put in; or the end cut off.
pub(crate) fn damaged_text(mut text: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(2) {
        if text.is_empty() {
            return text;
        }
        let at = random.below(text.len());
        let byte = random.pick(BYTES).unwrap_or(b' ');
        match random.below(5) {
            0 => text.insert(at, byte),
            1 => drop(text.remove(at)),
            2 => text.truncate(at),
            3 => {
                let end = (at + 1 + random.below(8)).min(text.len());
                let piece: Vec<u8> = text.drain(at..end).collect();
                let to = random.below(text.len() + 1);
                text.splice(to..to, piece).for_each(drop);
            }
            _ => text.splice(at..=at, [byte]).for_each(drop),
        }
    }
    text
}

struct Writer<'a> {
    random: &'a mut Random,
    /// Whether a value may be something that is refused.
    faults: bool,
    text: String,
}

impl Writer<'_> {
    fn value(&mut self, depth: usize) {
        self.white_space();
        if self.faults && self.random.one_in(6) {
            self.text.push_str(self.random.pick(&FAULTS).unwrap_or_default());
            return;
        }
        match self.random.below(if depth == 0 { 6 } else { 12 }) {
            0 => self.text.push_str("null"),
            1 => self.text.push_str(self.random.pick(&["true", "false"]).unwrap_or_default()),
            2 | 3 => self.text.push_str(self.random.pick(&NUMBERS).unwrap_or_default()),
            4 | 5 => self.string(),
            6..9 => self.array(depth),
            _ => self.object(depth),
        }
        self.white_space();
    }

    fn string(&mut self) {
        self.text.push('"');
        for _ in 0..self.random.below(4) {
            self.text.push_str(self.random.pick(&PIECES).unwrap_or_default());
        }
        self.text.push('"');
    }

    fn array(&mut self, depth: usize) {
        self.text.push('[');
        for n in 0..self.random.below(4) {
            if n > 0 {
                self.text.push(',');
            }
            self.value(depth - 1);
        }
        self.white_space();
        self.text.push(']');
    }

    fn object(&mut self, depth: usize) {
        self.text.push('{');
        let mut names = Vec::new();
        for _ in 0..self.random.below(5) {
            let name = self.random.pick(&NAMES).unwrap_or_default();
            // Repeated names are a fault of their own, and rare.
            if names.contains(&name) && !self.faults {
                continue;
            }
            if !names.is_empty() {
                self.text.push(',');
            }
            names.push(name);
            self.white_space();
            self.text.push_str(&json!(name).to_string());
            self.white_space();
            self.text.push(':');
            self.value(depth - 1);
        }
        self.white_space();
        self.text.push('}');
    }

    fn white_space(&mut self) {
        if self.random.one_in(6) {
            self.text.push_str(self.random.pick(&WHITE_SPACE).unwrap_or_default());
        }
    }
}
