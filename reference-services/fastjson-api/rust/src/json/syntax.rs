//! Where a text stops being JSON.
//!
//! Only refusals come here: the parser tells what is not a plain text within the limits, and this
//! second look, which knows the grammar and no limits, finds out whether it is JSON at all.

/// The length of the longest start of `text` that some JSON text begins with, too; none if the
/// whole of `text` is JSON (RFC 8259 in UTF-8). Takes any nesting: nothing here recurses.
pub(super) fn first_fault(text: &[u8]) -> Option<usize> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.document() {
        Ok(()) => None,
        Err(Fault) => Some(scanner.at),
    }
}

/// The byte at the scanner's place cannot be there, or nothing may end there.
struct Fault;

#[derive(Clone, Copy, PartialEq)]
enum Container {
    Array,
    Object,
}

struct Scanner<'a> {
    text: &'a [u8],
    /// Everything before is the start of a JSON text.
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        let mut open = Vec::new();
        loop {
            self.white_space();
            match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    self.white_space();
                    if self.peek() != Some(b']') {
                        open.push(Container::Array);
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'{') => {
                    self.at += 1;
                    self.white_space();
                    if self.peek() != Some(b'}') {
                        self.name()?;
                        open.push(Container::Object);
                        continue;
                    }
                    self.at += 1;
                }
                _ => self.scalar()?,
            }
            if self.after_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Goes on to the next value, or says that there is none.
    fn after_value(&mut self, open: &mut Vec<Container>) -> Result<bool, Fault> {
        loop {
            self.white_space();
            match (open.last(), self.peek()) {
                (None, None) => return Ok(true),
                (Some(Container::Array), Some(b']')) | (Some(Container::Object), Some(b'}')) => {
                    self.at += 1;
                    open.pop();
                }
                (Some(container), Some(b',')) => {
                    self.at += 1;
                    if *container == Container::Object {
                        self.white_space();
                        self.name()?;
                    }
                    return Ok(false);
                }
                _ => return Err(Fault),
            }
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.white_space();
        self.expect(|byte| byte == b':')
    }

    fn scalar(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        word.iter().try_for_each(|letter| self.expect(|byte| byte == *letter))
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.accept(|byte| byte == b'-');
        if !self.accept(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.accept(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.accept(|byte| matches!(byte, b'e' | b'E')) {
            self.accept(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        self.expect(|byte| byte.is_ascii_digit())?;
        while self.accept(|byte| byte.is_ascii_digit()) {}
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.expect(|byte| byte == b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => self.character()?,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        if self.accept(|byte| byte == b'u') {
            return (0..4).try_for_each(|_| self.expect(|byte| byte.is_ascii_hexdigit()));
        }
        self.expect(|byte| b"\"\\/bfnrt".contains(&byte))
    }

    /// One character of a string in UTF-8 (the table of Unicode 3.9, also RFC 3629 §4).
    fn character(&mut self) -> Result<(), Fault> {
        let (second, more) = match self.peek() {
            Some(0x20..=0x7f) => (None, 0),
            Some(0xc2..=0xdf) => (Some(0x80..=0xbf), 0),
            Some(0xe0) => (Some(0xa0..=0xbf), 1),
            Some(0xed) => (Some(0x80..=0x9f), 1),
            Some(0xe1..=0xef) => (Some(0x80..=0xbf), 1),
            Some(0xf0) => (Some(0x90..=0xbf), 2),
            Some(0xf1..=0xf3) => (Some(0x80..=0xbf), 2),
            Some(0xf4) => (Some(0x80..=0x8f), 2),
            _ => return Err(Fault),
        };
        self.at += 1;
        if let Some(second) = second {
            self.expect(|byte| second.contains(&byte))?;
        }
        (0..more).try_for_each(|_| self.expect(|byte| (0x80..=0xbf).contains(&byte)))
    }

    fn white_space(&mut self) {
        while self.accept(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {}
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn accept(&mut self, is_it: impl Fn(u8) -> bool) -> bool {
        let found = self.peek().is_some_and(is_it);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, is_it: impl Fn(u8) -> bool) -> Result<(), Fault> {
        if self.accept(is_it) { Ok(()) } else { Err(Fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_examples() {
        let cases: [(&[u8], usize); 17] = [
            (b"", 0),
            (b"nul}", 3),
            (b"01", 1),
            (b"1.", 2),
            (b"-x", 1),
            (b"[1,]", 3),
            (b"{\"a\" 1}", 5),
            (b"[1} ", 2),
            (b"\"\\ud8zz\"", 5),
            (b"{} x", 3),
            (b"\"a\n\"", 2),
            (b"\"\xe0\x80\"", 2),
            (b"\"\xc0", 1),
            (b"\"\xc3\"", 2),
            (b"\xef\xbb\xbf{}", 0),
            (b"{,}", 1),
            (b"[[[[", 4),
        ];
        for (text, position) in cases {
            assert_eq!(first_fault(text), Some(position), "{}", text.escape_ascii());
        }
        let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
        assert_eq!(first_fault(deep.as_bytes()), None);
    }
}
