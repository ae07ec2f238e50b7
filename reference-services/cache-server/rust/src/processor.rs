//! From input to replies, without a socket: reads requests, runs them, writes what they answer.

use crate::command::{self, Call};
use crate::resp::{
    Args, Parser, ProtocolError, REPLY_BYTES_MAX, Reply, Span, Step, first_arguments,
};
use crate::server::Server;
use crate::session::{Pending, Session};
use crate::stats::{Closed, Counters};
use crate::store::{Env, Locks};
use std::ops::Range;
use std::sync::Arc;

/// When so many bytes of replies wait to be sent, a client's next commands wait, too.
pub const UNSENT_BYTES_MAX: usize = 1 << 20;
/// Replies of a batch are sent when they have so many bytes.
pub const BATCH_BYTES: usize = 64 << 10;

/// Why the processor stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It needs more input.
    Hungry,
    /// There are enough replies to send; the input that is left was kept.
    Full,
    /// The connection is to be closed after its replies, perhaps because the client broke a rule.
    Closing(Option<Closed>),
}

/// Requests that are looked at before they are run.
pub const AHEAD_MAX: usize = 64;

/// What is known of a request before it runs.
#[derive(Clone, Copy, Debug)]
struct Hint {
    db: u8,
    /// Where the key lies in the input.
    key: Span,
    hash: u64,
}

/// What one thread needs to run commands of any connection.
#[derive(Debug)]
pub struct Processor<'s> {
    server: &'s Server,
    locks: Locks<'s>,
    counters: Arc<Counters>,
    /// The requests that run next, of one connection after the other.
    hints: Vec<Hint>,
    /// Kept between connections, so that whole requests need no parser of their own.
    parser: Parser,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<'s> Processor<'s> {
    /// A processor of this server's commands.
    pub fn new(server: &'s Server) -> Self {
        Self {
            server,
            locks: Locks::new(&server.store),
            counters: server.stats.thread(),
            parser: Parser::new(),
            hints: Vec::with_capacity(2 * AHEAD_MAX),
        }
    }

    /// Looks at the first requests in the input of a connection, which is fed next or after others,
    /// and has the slots of their keys brought to the cache. Answers their hints.
    pub fn look_ahead(&mut self, session: &Session, input: &[u8]) -> Range<usize> {
        let first = self.hints.len();
        if session.pending.is_none() {
            self.add_hints(session.db, input, 0);
        }
        first..self.hints.len()
    }

    /// Has the entries that those keys name brought to the cache, in the order of their slots.
    pub fn fetch(&self, hints: Range<usize>) {
        let store = &self.server.store;
        for hint in self.hints.get(hints).unwrap_or_default() {
            store.lock_of(hint.hash).prefetch_entry(hint.db, hint.hash);
        }
    }

    /// How many hints there are.
    pub fn hints(&self) -> usize {
        self.hints.len()
    }

    /// Drops them.
    pub fn forget_hints(&mut self) {
        self.hints.clear();
    }

    fn add_hints(&mut self, db: u8, input: &[u8], from: usize) {
        let store = &self.server.store;
        let rest = input.get(from..).unwrap_or_default();
        for (start, end) in first_arguments(rest).take(AHEAD_MAX) {
            let (start, end) = (start + from as u32, end + from as u32);
            let hash = store.hash(input.get(start as usize..end as usize).unwrap_or_default());
            store.lock_of(hash).prefetch_slot(db, hash);
            self.hints.push(Hint { db, key: (start, end), hash });
        }
    }

    /// As `look_ahead` and `fetch`, from within a long input. One request gains nothing by it.
    fn look_further(&mut self, session: &Session, input: &[u8], from: usize) -> Range<usize> {
        let first = self.hints.len();
        self.add_hints(session.db, input, from);
        if self.hints.len() > first + 1 {
            self.fetch(first..self.hints.len());
        }
        first..self.hints.len()
    }

    /// Runs every whole request that is in the input together with what was kept of earlier input,
    /// up to `full` bytes of replies, and keeps the rest. The hints are of the first requests.
    pub fn feed(
        &mut self,
        session: &mut Session,
        input: &[u8],
        out: &mut Vec<u8>,
        full: usize,
        hints: Range<usize>,
    ) -> Stopped {
        let now_ms = self.server.clock.now_ms();
        let stopped = match session.pending.take() {
            None => {
                let mut parser = std::mem::take(&mut self.parser);
                let stopped = self.run(session, &mut parser, input, (out, full), hints, now_ms);
                let needed = parser.needed_from();
                let rest = input.get(needed..).unwrap_or_default();
                if matches!(stopped, Stopped::Closing(_)) {
                    // Where it stopped means nothing to the next connection.
                } else if rest.is_empty() {
                    parser.forget(needed);
                    self.parser = parser;
                } else {
                    parser.forget(needed);
                    session.pending = Some(Box::new(Pending { input: rest.to_vec(), parser }));
                }
                stopped
            }
            Some(mut pending) => {
                pending.input.extend_from_slice(input);
                let Pending { input, parser } = &mut *pending;
                let stopped = self.run(session, parser, input, (out, full), hints, now_ms);
                let needed = parser.needed_from();
                parser.forget(needed);
                if needed == input.len() || matches!(stopped, Stopped::Closing(_)) {
                    return self.fed(session, now_ms, stopped);
                }
                input.drain(..needed);
                session.pending = Some(pending);
                stopped
            }
        };
        self.fed(session, now_ms, stopped)
    }

    fn fed(&mut self, session: &Session, now_ms: u64, stopped: Stopped) -> Stopped {
        session.publish(now_ms);
        stopped
    }

    fn run(
        &mut self,
        session: &mut Session,
        parser: &mut Parser,
        input: &[u8],
        (out, full): (&mut Vec<u8>, usize),
        mut hints: Range<usize>,
        now_ms: u64,
    ) -> Stopped {
        let mut env = self.server.store.env(now_ms);
        loop {
            if hints.is_empty() && parser.is_between_requests() {
                // What others left is still theirs.
                hints = self.look_further(session, input, parser.needed_from());
            }
            if std::mem::take(&mut session.slept) {
                env.now_ms = self.server.clock.now_ms();
            }
            if out.len() >= full {
                return Stopped::Full;
            }
            match parser.next(input, session.authenticated) {
                Ok(Step::Incomplete) => return Stopped::Hungry,
                Ok(Step::Request) => {}
                Err(error) => return protocol_error(error, session.resp3, out),
            }
            let before = out.len();
            let args = parser.args(input);
            let hint = hints.next().filter(|_| parser.is_in_input());
            let hint =
                hint.and_then(|at| self.hints.get(at)).filter(|it| args.span(1) == Some(it.key));
            let key_hash = hint.map(|hint| hint.hash);
            self.request(session, args, key_hash, out, &env);
            if session.closing {
                return Stopped::Closing(None);
            }
            if out.len() - before > REPLY_BYTES_MAX {
                out.truncate(before);
                return Stopped::Closing(Some(Closed::Reply));
            }
        }
    }

    fn request(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        key_hash: Option<u64>,
        out: &mut Vec<u8>,
        env: &Env<'s>,
    ) {
        let resp3 = session.resp3;
        let mut call = Call {
            server: self.server,
            counters: &self.counters,
            session,
            args,
            key_hash,
            reply: Reply::new(out, resp3),
            locks: &mut self.locks,
            env,
        };
        command::request(&mut call);
        self.locks.release();
        let granted = env.granted.replace(0);
        if granted > 0 {
            self.server.store.budget.give_back(granted);
        }
    }

    /// Ends what a connection holds in the store.
    pub fn close(&mut self, session: &mut Session) {
        session.unwatch(&mut self.locks);
        self.locks.release();
        self.server.clients.remove(session.client.id);
    }

    /// Removes expired entries from up to `segments_max` segments of each shard that this thread
    /// looks after: those whose number leaves `remainder` when divided by `of`. Answers whether
    /// there may be more.
    pub fn expire(&mut self, remainder: usize, of: usize, segments_max: usize) -> bool {
        let env = self.server.store.env(self.server.clock.now_ms());
        let mut more = false;
        for number in (remainder..self.server.store.shards()).step_by(of) {
            more |= self.locks.shard(number).expire(&env, segments_max);
        }
        self.locks.release();
        more
    }
}

fn protocol_error(error: ProtocolError, resp3: bool, out: &mut Vec<u8>) -> Stopped {
    Reply::new(out, resp3).error(&format!("ERR Protocol error: {error}"));
    Stopped::Closing(Some(Closed::Protocol))
}
