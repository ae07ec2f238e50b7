//! Which targets every program reads alike.

use std::borrow::Cow;

/// The path of a target, percent-decoded; none if one program might decode, merge or resolve something
/// in it that another does not.
pub(super) fn plain_path(target: &[u8]) -> Option<Cow<'_, [u8]>> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let rest = path.strip_prefix(b"/")?;
    if path.iter().any(|byte| matches!(byte, b'#' | b'\\')) {
        return None;
    }
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let empty = segment.is_empty() && segments.peek().is_some();
        if empty || matches!(name, b"." | b"..") {
            return None;
        }
    }
    if !path.contains(&b'%') {
        return Some(Cow::Borrowed(path));
    }
    decoded(path).map(Cow::Owned)
}

fn decoded(path: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        let [high, low] = digits else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
        if byte < b' ' || matches!(byte, 0x7f | b'.' | b'/' | b'\\') {
            return None;
        }
        bytes.push(byte);
        rest = more;
    }
    Some(bytes)
}
