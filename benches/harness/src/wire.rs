//! What a connection carries: how the next thing to send is encoded, and what answers it well.

use std::fmt;

use crate::requests::Encoded;
use crate::response;

/// What was sent on a connection, for its wire to know the answer by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Where in the wire's own order it stands.
    pub(crate) first: usize,
    /// How many requests or commands it is: more than one in a pipeline.
    pub(crate) count: u32,
}

/// What came can never become an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// What is sent in turn, and how its answers are read.
pub(crate) trait Wire {
    /// Puts what is sent next, as one piece, into an empty buffer.
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket;

    /// Looks for the whole answer in what was received since: how many of its parts are other than
    /// they should be. None: more must come.
    ///
    /// # Errors
    /// When what is there can never become that answer, and nothing more.
    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken>;

    /// The last answer that was other than it should be, in words.
    fn unexpected(&self) -> Option<String>;

    /// How many requests or commands are sent as one piece.
    fn depth(&self) -> u32 {
        1
    }
}

/// HTTP requests, sent in turn and from the first again.
pub(crate) struct InTurn<'a> {
    requests: &'a [Encoded],
    next: usize,
    /// As how many each counts: the events of a batch.
    weight: u32,
    unexpected: Option<u16>,
}

impl<'a> InTurn<'a> {
    pub(crate) fn new(requests: &'a [Encoded]) -> Self {
        Self::weighing(requests, 1)
    }

    /// Each counts as so many.
    pub(crate) fn weighing(requests: &'a [Encoded], weight: u32) -> Self {
        Self { requests, next: 0, weight, unexpected: None }
    }
}

impl Wire for InTurn<'_> {
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket {
        let first = self.next;
        self.next = (first + 1) % self.requests.len().max(1);
        out.extend_from_slice(self.requests.get(first).map_or(&[], |request| &request.bytes));
        Ticket { first, count: self.weight }
    }

    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken> {
        let Some(response) = response::read(received).map_err(|_| Broken)? else {
            return Ok(None);
        };
        let request = self.requests.get(ticket.first);
        let ok = request.is_some_and(|request| request.expect.contains(&response.status));
        if !ok {
            self.unexpected = Some(response.status);
        }
        Ok(Some(if ok { 0 } else { ticket.count }))
    }

    fn unexpected(&self) -> Option<String> {
        self.unexpected.map(|status| format!("with status {status}"))
    }

    fn depth(&self) -> u32 {
        self.weight
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what came is no whole answer of its protocol")
    }
}
