//! Words as they are searched: small letters without accents, each once.

use std::{hash::BuildHasher as _, ops::Range};

use hashbrown::{DefaultHashBuilder, HashTable};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// A record has about as many distinct words.
const USUAL_WORDS: usize = 224;
/// The most words of a search.
const MAX_QUERY_WORDS: usize = 16;

/// Calls `visit` with every word of a text, in order.
fn each_word(text: &str, mut visit: impl FnMut(&str)) {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if !c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c)) {
            let plain = c.to_lowercase().nfd().filter(|c| !is_combining_mark(*c));
            word.extend(plain);
        } else if !word.is_empty() {
            visit(&word);
            word.clear();
        }
    }
    if !word.is_empty() {
        visit(&word);
    }
}

/// The distinct words of some texts, with a space between two.
pub(crate) fn distinct<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let hasher = DefaultHashBuilder::default();
    // Where in the text gathered so far the words are.
    let mut seen: HashTable<Range<usize>> = HashTable::with_capacity(USUAL_WORDS);
    let mut all = String::new();
    for text in texts {
        each_word(text, |word| {
            let hash = hasher.hash_one(word);
            if seen.find(hash, |place| all.get(place.clone()) == Some(word)).is_some() {
                return;
            }
            if !all.is_empty() {
                all.push(' ');
            }
            let place = all.len()..all.len() + word.len();
            all.push_str(word);
            seen.insert_unique(hash, place, |place| {
                hasher.hash_one(all.get(place.clone()).unwrap_or_default())
            });
        });
    }
    all
}

/// What is searched for.
#[derive(Debug, PartialEq)]
pub(crate) enum Search {
    All,
    /// As FTS5 understands it: every word must occur; the last may be a beginning.
    Words(String),
    /// Nothing in it is a word, emoji for one: the title must hold it.
    Title(String),
}

impl Search {
    pub(crate) fn of(q: Option<&str>) -> Self {
        let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else {
            return Self::All;
        };
        let mut words = Vec::new();
        each_word(q, |word| {
            if words.len() < MAX_QUERY_WORDS {
                words.push(word.to_owned());
            }
        });
        let Some(last) = words.last() else {
            return Self::Title(q.to_owned());
        };
        // One letter begins a tenth of all words, and nobody looks for that. An ideograph is more.
        let beginning = if last.len() > 1 { "*" } else { "" };
        // Words have letters and digits only; in quotes none of them is an operator.
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        Self::Words(quoted.join(" AND ") + beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_accents_and_signs() {
        let words = distinct(["Zürich's GATEWAY.rs, 2× a\u{301}", "gateway zurich ÅNGSTRÖM"]);
        assert_eq!(words, "zurich s gateway rs 2 a angstrom");
        assert_eq!(distinct(["🎉 \\ ' : & \0"]), "");
        assert_eq!(
            Search::of(Some("Session-gate zü")),
            Search::Words("\"session\" AND \"gate\" AND \"zu\"*".to_owned())
        );
        assert_eq!(Search::of(Some("plan b")), Search::Words("\"plan\" AND \"b\"".to_owned()));
        assert_eq!(Search::of(Some(" '🎉' ")), Search::Title("'🎉'".to_owned()));
        assert_eq!(Search::of(Some(" ")), Search::All);
    }
}
