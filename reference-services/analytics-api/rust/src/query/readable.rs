//! JSON texts with what RFC 8259 allows and Rust has no value for.

/// The JSON text with the greatest double in place of each number beyond it, which no question
/// admits either, and U+FFFD in place of half of a surrogate pair.
pub(super) fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut number = String::new();
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if in_string && c == '\\' {
            let (escape, after) = escape(rest);
            out.push_str(escape);
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if !in_string && matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E') {
            number.push(c);
            continue;
        }
        push_number(&mut out, &mut number);
        out.push(c);
        in_string ^= c == '"';
    }
    push_number(&mut out, &mut number);
    out
}

fn push_number(out: &mut String, number: &mut String) {
    if number.parse().is_ok_and(f64::is_infinite) {
        *number = format!("{:e}", f64::MAX);
    }
    out.push_str(number);
    number.clear();
}

/// What stands for the escape that the text begins with, and the text after it.
fn escape(text: &str) -> (&str, &str) {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let split = |at: usize| text.split_at_checked(at).unwrap_or((text, ""));
    match (unit(0), unit(6)) {
        (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => split(12),
        (Some(0xd800..0xe000), _) => ("\\ufffd", split(6).1),
        // The second character of an escape is one byte in JSON.
        _ => split(2),
    }
}
