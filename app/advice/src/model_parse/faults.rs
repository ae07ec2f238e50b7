//! The faults of a model, as they are found and as they are told.

use std::ops::Range;

use toml::Spanned;

use crate::{Problem, wording::shorten};

#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Problem>);

impl Faults {
    pub(super) fn add(
        &mut self,
        field: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Problem {
            field: field.to_owned(),
            span: Some(span),
            message: message.into(),
            help: help.into(),
        });
    }

    pub(super) fn unique(&mut self, field: &str, ids: &[&Spanned<String>]) {
        for (at, id) in ids.iter().enumerate() {
            if ids.iter().take(at).any(|earlier| earlier.get_ref() == id.get_ref()) {
                let message = format!("`{}` is there twice", id.get_ref());
                self.add(field, id.span(), message, "give each its own id");
            }
        }
    }

    /// Refuses braces that are not filled in: only these names are.
    pub(super) fn placeholders(&mut self, field: &str, text: &Spanned<String>, known: &[&str]) {
        let mut rest = text.get_ref().as_str();
        while let Some((_, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            if !known.contains(&name) {
                let message = format!("`{{{}}}` is filled in with nothing", shorten(name));
                let help = match known {
                    [] => "no name in braces is filled in here; write the words".to_owned(),
                    known => {
                        let known: Vec<String> =
                            known.iter().map(|name| format!("{{{name}}}")).collect();
                        format!("allowed: {}", known.join(", "))
                    }
                };
                self.add(field, text.span(), message, help);
            }
            rest = after;
        }
    }

    /// In the order of the text, each marked at a key or a value rather than at a whole table.
    pub(super) fn in_order(mut self, text: &str) -> Vec<Problem> {
        for span in self.0.iter_mut().filter_map(|problem| problem.span.as_mut()) {
            *span = mark(text, span.clone());
        }
        self.0.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
        self.0
    }
}

/// For a table or list in braces or brackets its key, or its opening where it has none.
fn mark(text: &str, span: Range<usize>) -> Range<usize> {
    let blank = [' ', '\t'];
    let (Some(before), Some(whole)) = (text.get(..span.start), text.get(span.clone())) else {
        return span;
    };
    if whole.len() < 2 || !whole.starts_with(['{', '[']) {
        return span;
    }
    if let Some(key) = before.trim_end_matches(blank).strip_suffix('=') {
        let key = key.trim_end_matches(blank);
        let before = key.rfind(|c: char| c.is_whitespace() || "{,".contains(c));
        return before.map_or(0, |at| at + 1)..key.len();
    }
    // The head of a table, such as [[question]], is as short as a key.
    if whole.starts_with('[') { span } else { span.start..span.start + 1 }
}
