//! Reading requests, from input that may end anywhere.
//!
//! The parser keeps where it is. When more input has come it goes on from there: nothing is read
//! twice, nothing is copied, and nothing is allocated for a length that was only announced.

use super::number::parse_integer;

/// The most arguments of a request.
const ARGUMENTS_MAX: i64 = 1 << 20;
/// The longest argument, in bytes (`proto-max-bulk-len`).
pub(crate) const ARGUMENT_BYTES_MAX: usize = 16 << 20;
/// The most bytes of all arguments of a request together.
const REQUEST_BYTES_MAX: usize = 64 << 20;
/// The longest line: of an inline request, or one that says a length.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The same before AUTH, when a password is set.
const ARGUMENTS_MAX_UNAUTHENTICATED: i64 = 10;
const ARGUMENT_BYTES_MAX_UNAUTHENTICATED: i64 = 16_384;
/// Arguments that a parser keeps places for between requests.
const SPANS_KEPT_MAX: usize = 4_096;

/// Where an argument starts and ends.
pub type Span = (u32, u32);

/// What is wrong with the input. It cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum ProtocolError {
    #[error("invalid multibulk length")]
    ArgumentCount,
    #[error("invalid bulk length")]
    ArgumentLength,
    #[error("unauthenticated multibulk length")]
    ArgumentCountUnauthenticated,
    #[error("unauthenticated bulk length")]
    ArgumentLengthUnauthenticated,
    #[error("expected '$', got '{}'", char::from(*.0))]
    NoArgument(u8),
    #[error("too big inline request")]
    InlineTooLong,
    #[error("too big mbulk count string")]
    ArgumentCountTooLong,
    #[error("too big bulk count string")]
    ArgumentLengthTooLong,
    #[error("unbalanced quotes in request")]
    Quotes,
    #[error("too big request")]
    TooBig,
}

/// What the parser found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole request; [`Parser::args`] has it.
    Request,
    /// The input ends within a request, or between two.
    Incomplete,
}

/// The arguments of a request, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Arguments that lie in `bytes`.
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// How many there are, the name included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// An argument, empty if there is none of this number.
    #[inline]
    pub fn get(&self, number: usize) -> &'a [u8] {
        let Some(&(start, end)) = self.spans.get(number) else { return &[] };
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Where an argument lies in the bytes of all.
    pub(crate) fn span(&self, number: usize) -> Option<Span> {
        self.spans.get(number).copied()
    }

    /// The arguments from this number on.
    pub fn starting_at(
        &self,
        number: usize,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        let spans = self.spans.get(number..).unwrap_or_default();
        spans
            .iter()
            .map(move |&(start, end)| bytes.get(start as usize..end as usize).unwrap_or_default())
    }

    /// A copy of them: the bytes of all, and where each lies in those.
    pub fn to_owned(&self) -> (Box<[u8]>, Box<[Span]>) {
        let mut bytes = Vec::with_capacity(self.starting_at(0).map(<[u8]>::len).sum());
        let spans = self.starting_at(0).map(|argument| {
            let start = bytes.len() as u32;
            bytes.extend_from_slice(argument);
            (start, bytes.len() as u32)
        });
        let spans = spans.collect();
        (bytes.into(), spans)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a request.
    Start,
    /// Before the line that says an argument's length.
    Length,
    /// Within an argument of so many bytes.
    Argument(usize),
}

/// A reader of requests.
#[derive(Debug)]
pub struct Parser {
    state: State,
    /// Where the request starts.
    start: usize,
    /// Where reading goes on.
    at: usize,
    /// There is no end of line before here.
    searched: usize,
    arguments_left: i64,
    argument_bytes: usize,
    spans: Vec<Span>,
    /// The words of an inline request, which may differ from what was sent.
    inline: Vec<u8>,
    is_inline: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser before its first byte.
    pub fn new() -> Self {
        Self {
            state: State::Start,
            start: 0,
            at: 0,
            searched: 0,
            arguments_left: 0,
            argument_bytes: 0,
            spans: Vec::new(),
            inline: Vec::new(),
            is_inline: false,
        }
    }

    /// Where the input starts that is still needed.
    pub fn needed_from(&self) -> usize {
        if self.state == State::Start { self.at } else { self.start }
    }

    /// Whether the next request has not begun.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.state == State::Start
    }

    /// Whether the request that was just found lies in the input as it was sent.
    pub(crate) fn is_in_input(&self) -> bool {
        !self.is_inline
    }

    /// Says that so many bytes at the start of the input, all no longer needed, are gone.
    pub fn forget(&mut self, bytes: usize) {
        self.at -= bytes;
        self.start = self.start.saturating_sub(bytes);
        self.searched = self.searched.saturating_sub(bytes);
        for (start, end) in &mut self.spans {
            *start = start.saturating_sub(bytes as u32);
            *end = end.saturating_sub(bytes as u32);
        }
    }

    /// The arguments of the request that was just found in this input.
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args::new(if self.is_inline { &self.inline } else { input }, &self.spans)
    }

    /// Goes on reading. The input is what it was before, with more behind it.
    ///
    /// # Errors
    /// When it breaks the protocol.
    pub fn next(&mut self, input: &[u8], authenticated: bool) -> Result<Step, ProtocolError> {
        loop {
            match self.state {
                State::Start => {
                    self.start = self.at;
                    self.searched = self.searched.max(self.at);
                    self.spans.clear();
                    self.spans.shrink_to(SPANS_KEPT_MAX);
                    self.is_inline = false;
                    self.argument_bytes = 0;
                    match input.get(self.at) {
                        None => return Ok(Step::Incomplete),
                        Some(b'*') => {
                            if !self.read_count(input, authenticated)? {
                                return Ok(Step::Incomplete);
                            }
                        }
                        Some(_) => match self.read_inline(input)? {
                            None => return Ok(Step::Incomplete),
                            Some(true) => return Ok(Step::Request),
                            Some(false) => {}
                        },
                    }
                }
                State::Length => {
                    if !self.read_length(input, authenticated)? {
                        return Ok(Step::Incomplete);
                    }
                }
                State::Argument(length) => {
                    let end = self.at + length;
                    if input.len() < end + 2 {
                        return Ok(Step::Incomplete);
                    }
                    self.spans.push((self.at as u32, end as u32));
                    self.at = end + 2;
                    self.arguments_left -= 1;
                    if self.arguments_left == 0 {
                        self.state = State::Start;
                        return Ok(Step::Request);
                    }
                    self.state = State::Length;
                }
            }
        }
    }

    /// The line from here on, without its end of two bytes; `None` when it has not ended yet.
    fn line<'a>(
        &mut self,
        input: &'a [u8],
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        self.searched = self.searched.max(self.at);
        let rest = input.get(self.searched..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\r').map(|at| self.searched + at);
        match end {
            Some(end) if end + 1 < input.len() => {
                let line = input.get(self.at..end).unwrap_or_default();
                if line.len() > LINE_BYTES_MAX {
                    return Err(too_long);
                }
                self.at = end + 2;
                Ok(Some(line))
            }
            _ => {
                self.searched = end.unwrap_or(input.len());
                if self.searched - self.at > LINE_BYTES_MAX { Err(too_long) } else { Ok(None) }
            }
        }
    }

    fn read_count(&mut self, input: &[u8], authenticated: bool) -> Result<bool, ProtocolError> {
        let count = if let Some((count, next)) = short_number(input, self.at, b'*') {
            self.at = next;
            count as i64
        } else {
            let Some(line) = self.line(input, ProtocolError::ArgumentCountTooLong)? else {
                return Ok(false);
            };
            let count = line.get(1..).and_then(parse_integer);
            let count = count.filter(|&count| count <= ARGUMENTS_MAX);
            count.ok_or(ProtocolError::ArgumentCount)?
        };
        if count > ARGUMENTS_MAX_UNAUTHENTICATED && !authenticated {
            return Err(ProtocolError::ArgumentCountUnauthenticated);
        }
        if count > 0 {
            self.arguments_left = count;
            self.state = State::Length;
        }
        Ok(true)
    }

    fn read_length(&mut self, input: &[u8], authenticated: bool) -> Result<bool, ProtocolError> {
        let length = if let Some((length, next)) = short_number(input, self.at, b'$') {
            self.at = next;
            length as i64
        } else {
            let Some(line) = self.line(input, ProtocolError::ArgumentLengthTooLong)? else {
                return Ok(false);
            };
            let digits = match line.split_first() {
                Some((b'$', digits)) => digits,
                other => {
                    return Err(ProtocolError::NoArgument(other.map_or(b'\r', |(byte, _)| *byte)));
                }
            };
            parse_integer(digits).ok_or(ProtocolError::ArgumentLength)?
        };
        if length < 0 || length > ARGUMENT_BYTES_MAX as i64 {
            return Err(ProtocolError::ArgumentLength);
        }
        if length > ARGUMENT_BYTES_MAX_UNAUTHENTICATED && !authenticated {
            return Err(ProtocolError::ArgumentLengthUnauthenticated);
        }
        self.argument_bytes += length as usize;
        if self.argument_bytes > REQUEST_BYTES_MAX {
            return Err(ProtocolError::TooBig);
        }
        self.state = State::Argument(length as usize);
        Ok(true)
    }

    /// Reads an inline request: `Some(true)` if there is one, `Some(false)` for an empty line.
    fn read_inline(&mut self, input: &[u8]) -> Result<Option<bool>, ProtocolError> {
        let rest = input.get(self.searched..).unwrap_or_default();
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            self.searched = input.len();
            let too_long = self.searched - self.at > LINE_BYTES_MAX;
            return if too_long { Err(ProtocolError::InlineTooLong) } else { Ok(None) };
        };
        let end = self.searched + end;
        let line = input.get(self.at..end).unwrap_or_default();
        if line.len() > LINE_BYTES_MAX {
            return Err(ProtocolError::InlineTooLong);
        }
        self.at = end + 1;
        self.inline.clear();
        split_words(line.strip_suffix(b"\r").unwrap_or(line), &mut self.inline, &mut self.spans)?;
        self.is_inline = !self.spans.is_empty();
        Ok(Some(self.is_inline))
    }
}

/// A line at this place that is whole and has the mark and one to four digits, as nearly all that
/// say a number or a length do: what it says, and where the next line starts.
#[inline]
fn short_number(input: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let (&first, rest) = input.get(at..)?.split_first()?;
    if first != mark {
        return None;
    }
    let mut value = 0;
    for (digits, &byte) in rest.iter().take(5).enumerate() {
        if byte.is_ascii_digit() {
            // No other digit may follow a zero.
            if digits == 4 || (digits > 0 && value == 0) {
                return None;
            }
            value = value * 10 + usize::from(byte - b'0');
        } else {
            let ends = digits > 0 && byte == b'\r' && rest.get(digits + 1) == Some(&b'\n');
            return ends.then_some((value, at + digits + 3));
        }
    }
    None
}

/// Where the first argument behind the name of each request lies in the input, as far as requests
/// are whole and plain. It only looks: what it passes over, the parser will judge.
pub(crate) fn first_arguments(input: &[u8]) -> impl Iterator<Item = Span> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (arguments, mut next) = short_number(input, at, b'*')?;
        let mut found = None;
        for number in 0..arguments {
            let (length, start) = short_number(input, next, b'$')?;
            next = start + length + 2;
            if next > input.len() {
                return None;
            }
            if number == 1 {
                found = Some((start as u32, (start + length) as u32));
            }
        }
        at = next;
        Some(found.unwrap_or_default())
    })
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Splits a line into words, as a shell would.
fn split_words(
    line: &[u8],
    words: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut rest = line.iter().copied().peekable();
    loop {
        while rest.next_if(|&byte| is_space(byte)).is_some() {}
        if rest.peek().is_none_or(|&byte| byte == 0) {
            return Ok(());
        }
        let start = words.len() as u32;
        while let Some(byte) = rest.next_if(|&byte| !is_space(byte) && byte != 0) {
            match byte {
                b'"' | b'\'' => {
                    read_quoted(byte, &mut rest, words)?;
                    if rest.peek().is_some_and(|&byte| !is_space(byte)) {
                        return Err(ProtocolError::Quotes);
                    }
                    break;
                }
                _ => words.push(byte),
            }
        }
        spans.push((start, words.len() as u32));
    }
}

fn read_quoted(
    quote: u8,
    rest: &mut (impl Iterator<Item = u8> + Clone),
    words: &mut Vec<u8>,
) -> Result<(), ProtocolError> {
    loop {
        let byte = rest.next().ok_or(ProtocolError::Quotes)?;
        if byte == quote {
            return Ok(());
        }
        if byte != b'\\' {
            words.push(byte);
            continue;
        }
        if quote == b'\'' {
            let quoted = rest.clone().next() == Some(b'\'');
            words.push(if quoted { b'\'' } else { b'\\' });
            if quoted {
                rest.next();
            }
            continue;
        }
        let escaped = rest.next().ok_or(ProtocolError::Quotes)?;
        words.push(match escaped {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'a' => 0x07,
            b'x' => read_hex(rest).unwrap_or(b'x'),
            other => other,
        });
    }
}

/// Two hex digits, which are taken only if both are there.
fn read_hex(rest: &mut (impl Iterator<Item = u8> + Clone)) -> Option<u8> {
    let mut ahead = rest.clone();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(ahead.next()?)?, digit(ahead.next()?)?);
    *rest = ahead;
    Some((high * 16 + low) as u8)
}
