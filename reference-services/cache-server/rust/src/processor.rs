//! From input to replies, without a socket: reads requests, runs them, writes what they answer.

use crate::command::{self, Call};
use crate::resp::{Args, Parser, ProtocolError, REPLY_BYTES_MAX, Reply, Step};
use crate::server::Server;
use crate::session::{Pending, Session};
use crate::stats::{Closed, Counters};
use crate::store::{Env, Locks};
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

/// What one thread needs to run commands of any connection.
#[derive(Debug)]
pub struct Processor<'s> {
    server: &'s Server,
    locks: Locks<'s>,
    counters: Arc<Counters>,
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
        }
    }

    /// Runs every whole request that is in the input together with what was kept of earlier input,
    /// up to `full` bytes of replies, and keeps the rest.
    pub fn feed(
        &mut self,
        session: &mut Session,
        input: &[u8],
        out: &mut Vec<u8>,
        full: usize,
    ) -> Stopped {
        let now_ms = self.server.clock.now_ms();
        let stopped = match session.pending.take() {
            None => {
                let mut parser = std::mem::take(&mut self.parser);
                let stopped = self.run(session, &mut parser, input, out, full);
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
                let stopped = self.run(session, parser, input, out, full);
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
        out: &mut Vec<u8>,
        full: usize,
    ) -> Stopped {
        let mut env = self.server.store.env(self.server.clock.now_ms());
        loop {
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
            self.request(session, parser.args(input), out, &env);
            if session.closing {
                return Stopped::Closing(None);
            }
            if out.len() - before > REPLY_BYTES_MAX {
                out.truncate(before);
                return Stopped::Closing(Some(Closed::Reply));
            }
        }
    }

    fn request(&mut self, session: &mut Session, args: Args<'_>, out: &mut Vec<u8>, env: &Env<'s>) {
        let resp3 = session.resp3;
        let mut call = Call {
            server: self.server,
            counters: &self.counters,
            session,
            args,
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
