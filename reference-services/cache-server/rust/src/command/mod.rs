//! The commands: finding one, checking what is common to all, running it.

mod bits;
mod client;
mod config;
mod connection;
mod counters;
mod describe;
mod expire;
mod float;
mod glob;
mod hashes;
mod info;
mod keys;
mod lcs;
mod scan;
mod server;
mod strings;
mod table;
mod transactions;

pub use info::resident_bytes;
pub use table::{COMMANDS, Command, Scope, find};

use crate::resp::{Args, Reply, parse_integer};
use crate::server::Server;
use crate::session::Session;
use crate::stats::Counters;
use crate::store::{Env, Key, Locks, OutOfMemory, Value};
use std::borrow::Cow;

/// The longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 65_535;
/// A command that found no room is tried again after making so much more of it, this often.
const ATTEMPTS_MAX: u32 = 6;

/// What a command works with.
#[derive(Debug)]
pub struct Call<'c, 's> {
    /// The server.
    pub server: &'s Server,
    /// What its thread counts.
    pub counters: &'c Counters,
    /// The connection.
    pub session: &'c mut Session,
    /// The arguments, the command's name first.
    pub args: Args<'c>,
    /// The hash of its first argument, if it is known.
    pub key_hash: Option<u64>,
    /// Where its reply goes.
    pub reply: Reply<'c>,
    /// The shards it holds.
    pub locks: &'c mut Locks<'s>,
    /// Time and memory.
    pub env: &'c Env<'s>,
}

/// Why a command answers with an error. A command that gives one has changed nothing, and what it
/// has written of a reply is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The error's text, code first.
    Text(Cow<'static, str>),
    /// There was no room.
    Memory(OutOfMemory),
}

impl From<OutOfMemory> for Fault {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl From<&'static str> for Fault {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

pub(crate) type Outcome = Result<(), Fault>;

pub(crate) const SYNTAX: &str = "ERR syntax error";
pub(crate) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
pub(crate) const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
pub(crate) const NO_SUCH_KEY: &str = "ERR no such key";
pub(crate) const NO_SUCH_DB: &str = "ERR DB index is out of range";
const KEY_TOO_LONG: &str = "ERR key exceeds maximum allowed size (65535 bytes)";

impl<'c> Call<'c, '_> {
    /// The key in this argument, in the connection's database.
    #[inline]
    pub(crate) fn key(&self, argument: usize) -> Key<'c> {
        let (db, bytes) = (self.session.db, self.args.get(argument));
        match self.key_hash.filter(|_| argument == 1) {
            Some(hash) => self.server.store.key_of_hash(db, bytes, hash),
            None => self.server.store.key(db, bytes),
        }
    }

    pub(crate) fn integer(&self, argument: usize) -> Result<i64, Fault> {
        integer(self.args.get(argument))
    }

    /// Whether an argument is this word, in any case.
    pub(crate) fn is(&self, argument: usize, word: &str) -> bool {
        self.args.get(argument).eq_ignore_ascii_case(word.as_bytes())
    }

    pub(crate) fn wrong_arguments(&self) -> Fault {
        wrong_arguments(&shown(self.args.get(0)))
    }
}

pub(crate) fn integer(text: &[u8]) -> Result<i64, Fault> {
    parse_integer(text).ok_or_else(|| NOT_AN_INTEGER.into())
}

fn wrong_arguments(name: &str) -> Fault {
    format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase()).into()
}

/// The string in a value.
pub(crate) fn string(value: Option<Value<'_>>) -> Result<Option<&[u8]>, Fault> {
    match value {
        None => Ok(None),
        Some(Value::String(bytes)) => Ok(Some(bytes)),
        Some(Value::Hash(_)) => Err(WRONG_TYPE.into()),
    }
}

/// Runs the request of a call, or queues it.
pub(crate) fn request(call: &mut Call<'_, '_>) {
    let name = call.args.get(0);
    let Some((number, command)) = find(name) else {
        if is_http(name) {
            call.session.closing = true;
            return;
        }
        return reject(call, &unknown_command(call.args));
    };
    call.session.last_command = table::command_code(number, command, call.args);
    if let Err(fault) = admit(call, command) {
        if command.name == "exec" {
            transactions::abort(call, &fault);
            return;
        }
        return reject(call, &fault);
    }
    if call.session.transaction.is_some() && !command.runs_in_multi() {
        return transactions::queue(call, number, command);
    }
    run(call, number, command);
}

/// Whether this is how a line of HTTP begins. What a page in somebody's browser sends here has commands
/// of its choice in the lines that follow.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Answers with an error, and lets EXEC know.
fn reject(call: &mut Call<'_, '_>, fault: &Fault) {
    if let Some(transaction) = &mut call.session.transaction {
        transaction.failed = true;
    }
    answer_fault(call, fault);
}

fn answer_fault(call: &mut Call<'_, '_>, fault: &Fault) {
    call.counters.error();
    match fault {
        Fault::Text(text) => call.reply.error(text),
        Fault::Memory(error) => call.reply.error(&error.to_string()),
    }
}

/// Bytes as a text of an error, up to a zero byte, one character each; [`Reply::error`] turns them
/// back.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.iter().copied().take_while(|&byte| byte != 0).map(char::from).collect()
}

fn unknown_command(args: Args<'_>) -> Fault {
    const SHOWN_BYTES_MAX: usize = 128;
    let shown = |bytes: &[u8], most: usize| shown(bytes.get(..most).unwrap_or(bytes));
    let name = shown(args.get(0), SHOWN_BYTES_MAX);
    let mut rest = String::new();
    for argument in args.starting_at(1) {
        if rest.len() >= SHOWN_BYTES_MAX {
            break;
        }
        let argument = shown(argument, SHOWN_BYTES_MAX - rest.len());
        rest.push_str(&format!("'{argument}' "));
    }
    format!("ERR unknown command '{name}', with args beginning with: {rest}").into()
}

/// Checks what every command must fulfil.
fn admit(call: &Call<'_, '_>, command: &Command) -> Outcome {
    let arguments = call.args.len();
    let wanted = usize::from(command.arity.unsigned_abs());
    if arguments < wanted || (command.arity > 0 && arguments != wanted) {
        return Err(wrong_arguments(command.name));
    }
    if command.is_container() {
        table::check_subcommand(command, call.args)?;
    }
    let long = |argument: usize| call.args.get(argument).len() > KEY_BYTES_MAX;
    let too_long = match command.scope {
        // Most commands have one key.
        Scope::Keys { first: 1, last: 1, .. } => long(1),
        _ => command.keys(arguments).any(long),
    };
    if too_long {
        return Err(KEY_TOO_LONG.into());
    }
    if !call.session.authenticated && !command.needs_no_password() {
        return Err("NOAUTH Authentication required.".into());
    }
    Ok(())
}

/// Runs a command that was admitted. Its reply is what it writes, or one error.
fn run(call: &mut Call<'_, '_>, number: usize, command: &Command) {
    call.counters.command(number);
    let start = call.reply.len();
    let holds_already = call.locks.is_pinned();
    for attempt in 0..=ATTEMPTS_MAX {
        if !holds_already && let Some(set) = shards_of(call, command) {
            call.locks.hold(set);
        }
        let outcome = (command.run)(call);
        if !holds_already {
            call.locks.release();
        }
        let fault = match outcome {
            Ok(()) => return,
            Err(fault) => fault,
        };
        call.reply.truncate(start);
        if let Fault::Memory(OutOfMemory { bytes }) = fault
            && attempt < ATTEMPTS_MAX
            && call.locks.grant(call.env, bytes << attempt)
        {
            continue;
        }
        return answer_fault(call, &fault);
    }
}

/// The shards that a command must hold together; `None` when one at a time will do.
fn shards_of(call: &Call<'_, '_>, command: &Command) -> Option<u64> {
    match command.scope {
        Scope::None | Scope::Each => None,
        Scope::All => Some(call.locks.set_of_all()),
        Scope::Keys { first, last, .. } if i16::from(first) == i16::from(last) => None,
        Scope::Keys { .. } => Some(set_of_keys(call.locks, call.server, command, call.args)),
    }
}

/// The shards of a command's keys.
pub(crate) fn set_of_keys(
    locks: &Locks<'_>,
    server: &Server,
    command: &Command,
    args: Args<'_>,
) -> u64 {
    let key = |argument| locks.set_of(server.store.key(0, args.get(argument)));
    command.keys(args.len()).map(key).fold(0, |set, one| set | one)
}
