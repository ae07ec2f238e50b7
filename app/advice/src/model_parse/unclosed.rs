//! Which brace or bracket of a broken text was never closed. A reader of TOML stumbles far behind
//! it, where the next part begins, and says nothing of it.

/// A brace or bracket without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    /// What would close it.
    pub(super) closing: char,
}

/// The first brace or bracket that something else ends: the end of the text, the head of a table,
/// or what closes another kind. None when the text cannot be told apart from its strings.
pub(super) fn unclosed(text: &str) -> Option<Unclosed> {
    let mut open: Vec<Unclosed> = Vec::new();
    let mut at = 0;
    let mut fresh_line = true;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if fresh_line && is_head(rest) && !open.is_empty() {
            break;
        }
        fresh_line = rest.starts_with('\n');
        at += match rest.chars().next()? {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string(rest)?,
            opening @ ('{' | '[') => {
                let closing = if opening == '{' { '}' } else { ']' };
                open.push(Unclosed { at, closing });
                1
            }
            closing @ ('}' | ']') => {
                // One too many is a fault of its own.
                if open.last()?.closing != closing {
                    break;
                }
                open.pop();
                1
            }
            other => other.len_utf8(),
        };
    }
    open.pop()
}

/// Whether a line begins a table: `[name` or `[[name`, which no value does.
fn is_head(line: &str) -> bool {
    let name = line.strip_prefix("[[").or_else(|| line.strip_prefix('['));
    let word = name.and_then(|name| name.split(|c: char| !c.is_ascii_alphanumeric()).next());
    word.is_some_and(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && !["true", "false", "inf", "nan"].contains(&word)
    })
}

/// The length of the string that the text begins with; none when it does not end.
fn string(text: &str) -> Option<usize> {
    let quote = text.get(..1)?;
    let long = quote.repeat(3);
    let (begin, many) = if text.starts_with(&long) { (3, true) } else { (1, false) };
    let mut at = begin;
    loop {
        let rest = text.get(at..)?;
        match rest.chars().next()? {
            '\n' if !many => return None,
            '\\' if quote == "\"" => at += 1 + rest.chars().nth(1)?.len_utf8(),
            _ if many && rest.starts_with(&long) => return Some(at + 3),
            _ if !many && rest.starts_with(quote) => return Some(at + 1),
            other => at += other.len_utf8(),
        }
    }
}
