//! What can be said of a Prometheus expression without Prometheus: whether its brackets and quotes are
//! closed. Only Prometheus itself knows its functions and their types, which grow with its versions:
//! `assay check` asks its `promtool` where that is installed.

use assay_advice::line_column;

/// What keeps an expression from being one, with its place in the text; none where nothing is known.
#[must_use]
pub fn promql_fault(text: &str) -> Option<String> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut says_something = false;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        says_something |= !letter.is_whitespace() && letter != '#';
        match letter {
            '"' | '\'' | '`' if !close_quote(&mut letters, letter) => {
                return Some(format!("the quote {} is never closed", place(text, at)));
            }
            '#' => {
                letters.find(|(_, letter)| *letter == '\n');
            }
            '(' | '[' | '{' => open.push((at, letter)),
            ')' | ']' | '}' => match open.pop() {
                Some((_, before)) if closing(before) == letter => {}
                Some((_, before)) => {
                    let wanted = closing(before);
                    let place = place(text, at);
                    return Some(format!("`{letter}` {place} stands where `{wanted}` must"));
                }
                None => return Some(format!("`{letter}` {} closes nothing", place(text, at))),
            },
            _ => {}
        }
    }
    if let Some((at, letter)) = open.pop() {
        return Some(format!("`{letter}` {} is never closed", place(text, at)));
    }
    (!says_something).then(|| "it holds nothing but a comment".to_owned())
}

/// Goes past the end of a quoted text; false when it has none. Only a backtick's may hold line ends,
/// and only the others' have escapes.
fn close_quote(letters: &mut impl Iterator<Item = (usize, char)>, quote: char) -> bool {
    while let Some((_, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return true,
            '\n' if quote != '`' => return false,
            '\\' if quote != '`' => {
                letters.next();
            }
            _ => {}
        }
    }
    false
}

const fn closing(opening: char) -> char {
    match opening {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn place(text: &str, at: usize) -> String {
    let (line, column) = line_column(text, at);
    match text.trim_end().contains('\n') {
        true => format!("in line {line}, column {column}"),
        false => format!("in column {column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_are_held_together() {
        for good in [
            "up",
            "sum by (a) (rate(x{job=\"a)\", b!~'[\"]'}[5m])) # (",
            "x{a=`\\`, b=\"\\\"\"}",
            "# first\nup\n",
        ] {
            assert_eq!(promql_fault(good), None, "{good}");
        }
        for (bad, said) in [
            ("rate(x[5m]", "`(` in column 5 is never closed"),
            ("rate(x[5m)]", "`)` in column 10 stands where `]` must"),
            ("up)", "`)` in column 3 closes nothing"),
            ("up\n + x{a=\"b}", "the quote in line 2, column 8 is never closed"),
            ("é{a='\n'}", "the quote in line 1, column 5 is never closed"),
            (" # up", "it holds nothing but a comment"),
        ] {
            assert_eq!(promql_fault(bad).unwrap_or_default(), said, "{bad}");
        }
    }
}
