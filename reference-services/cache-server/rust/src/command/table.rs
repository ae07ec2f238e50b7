//! The table of commands.

use super::{
    Call, Fault, Outcome, bits, client, config, connection, counters, describe, expire, hashes,
    info, keys, lcs, scan, server, strings, transactions,
};
use crate::resp::Args;
use std::sync::LazyLock;

/// Which shards a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// None.
    None,
    /// Those of its keys: the arguments from `first` to `last`, which counts from the end when
    /// negative, `step` apart.
    Keys {
        /// The first key's argument.
        first: u8,
        /// The last key's.
        last: i8,
        /// From one key to the next.
        step: u8,
    },
    /// All, one after the other, except in a transaction.
    Each,
    /// All together.
    All,
}

pub(super) const WRITE: u8 = 1;
pub(super) const READ: u8 = 1 << 1;
pub(super) const GROWS: u8 = 1 << 2;
pub(super) const FAST: u8 = 1 << 3;
pub(super) const ADMIN: u8 = 1 << 4;
/// It runs before AUTH.
const OPEN: u8 = 1 << 5;
/// It runs within MULTI, instead of being queued.
const AT_ONCE: u8 = 1 << 6;

/// The flags that COMMAND INFO tells.
pub(super) const FLAG_NAMES: [(u8, &str); 5] =
    [(WRITE, "write"), (READ, "readonly"), (GROWS, "denyoom"), (ADMIN, "admin"), (FAST, "fast")];

/// A command.
pub struct Command {
    /// Its name, in small letters.
    pub name: &'static str,
    /// How many arguments it takes, the name included; at least so many when negative.
    pub arity: i8,
    pub(super) flags: u8,
    /// Which shards it needs.
    pub scope: Scope,
    pub(super) group: &'static str,
    pub(super) since: &'static str,
    pub(super) summary: &'static str,
    pub(super) run: fn(&mut Call<'_, '_>) -> Outcome,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const NONE: Scope = Scope::None;
const EACH: Scope = Scope::Each;
const ALL: Scope = Scope::All;
const ONE: Scope = Scope::Keys { first: 1, last: 1, step: 1 };
const TWO: Scope = Scope::Keys { first: 1, last: 2, step: 1 };
const MANY: Scope = Scope::Keys { first: 1, last: -1, step: 1 };
const PAIRS: Scope = Scope::Keys { first: 1, last: -1, step: 2 };
/// The key of a container's subcommand.
const SECOND: Scope = Scope::Keys { first: 2, last: 2, step: 1 };

macro_rules! commands {
    ($($name:literal $arity:literal $flags:expr, $scope:ident, $group:literal $since:literal $run:path, $summary:literal;)*) => {
        /// All commands.
        pub const COMMANDS: &[Command] = &[$(Command {
            name: $name, arity: $arity, flags: $flags, scope: $scope, group: $group, since: $since,
            summary: $summary, run: $run,
        }),*];
    };
}

#[rustfmt::skip]
commands! {
    "get" 2 READ | FAST, ONE, "string" "1.0.0" strings::get, "Reads a string.";
    "set" -3 WRITE | GROWS, ONE, "string" "1.0.0" strings::set, "Sets a string, with conditions and a time to live.";
    "setex" 4 WRITE | GROWS, ONE, "string" "2.0.0" strings::setex, "Sets a string that lives for some seconds.";
    "psetex" 4 WRITE | GROWS, ONE, "string" "2.6.0" strings::psetex, "Sets a string that lives for some milliseconds.";
    "setnx" 3 WRITE | GROWS | FAST, ONE, "string" "1.0.0" strings::setnx, "Sets a string if the key is free.";
    "getset" 3 WRITE | GROWS | FAST, ONE, "string" "1.0.0" strings::getset, "Sets a string and answers the old one.";
    "getdel" 2 WRITE | FAST, ONE, "string" "6.2.0" strings::getdel, "Reads a string and deletes it.";
    "getex" -2 WRITE | FAST, ONE, "string" "6.2.0" strings::getex, "Reads a string and changes its time to live.";
    "mget" -2 READ | FAST, MANY, "string" "1.0.0" strings::mget, "Reads several strings.";
    "mset" -3 WRITE | GROWS, PAIRS, "string" "1.0.1" strings::mset, "Sets several strings together.";
    "msetnx" -3 WRITE | GROWS, PAIRS, "string" "1.0.1" strings::msetnx, "Sets several strings if all keys are free.";
    "append" 3 WRITE | GROWS | FAST, ONE, "string" "2.0.0" strings::append, "Adds to the end of a string.";
    "strlen" 2 READ | FAST, ONE, "string" "2.2.0" strings::strlen, "Tells the length of a string.";
    "getrange" 4 READ, ONE, "string" "2.4.0" strings::getrange, "Reads a part of a string.";
    "substr" 4 READ, ONE, "string" "1.0.0" strings::getrange, "Reads a part of a string.";
    "setrange" 4 WRITE | GROWS, ONE, "string" "2.2.0" strings::setrange, "Overwrites a part of a string.";
    "incr" 2 WRITE | GROWS | FAST, ONE, "string" "1.0.0" counters::incr, "Adds one to a number.";
    "decr" 2 WRITE | GROWS | FAST, ONE, "string" "1.0.0" counters::decr, "Takes one from a number.";
    "incrby" 3 WRITE | GROWS | FAST, ONE, "string" "1.0.0" counters::incrby, "Adds to a number.";
    "decrby" 3 WRITE | GROWS | FAST, ONE, "string" "1.0.0" counters::decrby, "Takes from a number.";
    "incrbyfloat" 3 WRITE | GROWS | FAST, ONE, "string" "2.6.0" counters::incrbyfloat, "Adds to a decimal number.";
    "lcs" -3 READ, TWO, "string" "7.0.0" lcs::lcs, "Finds the longest common subsequence of two strings.";
    "bitcount" -2 READ, ONE, "bitmap" "2.6.0" bits::bitcount, "Counts the bits that are 1.";
    "setbit" 4 WRITE | GROWS, ONE, "bitmap" "2.2.0" bits::setbit, "Sets one bit of a string.";
    "getbit" 3 READ | FAST, ONE, "bitmap" "2.2.0" bits::getbit, "Reads one bit of a string.";
    "del" -2 WRITE, MANY, "generic" "1.0.0" keys::del, "Deletes keys.";
    "unlink" -2 WRITE | FAST, MANY, "generic" "4.0.0" keys::del, "Deletes keys.";
    "exists" -2 READ | FAST, MANY, "generic" "1.0.0" keys::exists, "Counts which of the keys are there.";
    "touch" -2 READ | FAST, MANY, "generic" "3.2.1" keys::touch, "Counts an access to each of the keys.";
    "type" 2 READ | FAST, ONE, "generic" "1.0.0" keys::type_of, "Tells what a key holds.";
    "expire" -3 WRITE | FAST, ONE, "generic" "1.0.0" expire::expire, "Sets a time to live in seconds.";
    "pexpire" -3 WRITE | FAST, ONE, "generic" "2.6.0" expire::pexpire, "Sets a time to live in milliseconds.";
    "expireat" -3 WRITE | FAST, ONE, "generic" "1.2.0" expire::expireat, "Sets when a key expires, in seconds since 1970.";
    "pexpireat" -3 WRITE | FAST, ONE, "generic" "2.6.0" expire::pexpireat, "Sets when a key expires, in milliseconds since 1970.";
    "ttl" 2 READ | FAST, ONE, "generic" "1.0.0" expire::ttl, "Tells the time to live in seconds.";
    "pttl" 2 READ | FAST, ONE, "generic" "2.6.0" expire::pttl, "Tells the time to live in milliseconds.";
    "expiretime" 2 READ | FAST, ONE, "generic" "7.0.0" expire::expiretime, "Tells when a key expires, in seconds since 1970.";
    "pexpiretime" 2 READ | FAST, ONE, "generic" "7.0.0" expire::pexpiretime, "Tells when a key expires, in milliseconds since 1970.";
    "persist" 2 WRITE | FAST, ONE, "generic" "2.2.0" expire::persist, "Ends a time to live.";
    "rename" 3 WRITE, TWO, "generic" "1.0.0" keys::rename, "Moves a value to another key.";
    "renamenx" 3 WRITE | FAST, TWO, "generic" "1.0.0" keys::renamenx, "Moves a value to a key that is free.";
    "copy" -3 WRITE | GROWS, TWO, "generic" "6.2.0" keys::copy, "Copies a value to another key.";
    "randomkey" 1 READ, EACH, "generic" "1.0.0" keys::randomkey, "Names some key.";
    "keys" 2 READ, EACH, "generic" "1.0.0" scan::keys, "Names the keys that fit a pattern.";
    "scan" -2 READ, EACH, "generic" "2.8.0" scan::scan, "Names the keys, a part at a time.";
    "hset" -4 WRITE | GROWS | FAST, ONE, "hash" "2.0.0" hashes::hset, "Sets fields of a hash.";
    "hmset" -4 WRITE | GROWS | FAST, ONE, "hash" "2.0.0" hashes::hmset, "Sets fields of a hash, as HSET, and answers OK.";
    "hget" 3 READ | FAST, ONE, "hash" "2.0.0" hashes::hget, "Reads a field.";
    "hmget" -3 READ | FAST, ONE, "hash" "2.0.0" hashes::hmget, "Reads several fields.";
    "hdel" -3 WRITE | FAST, ONE, "hash" "2.0.0" hashes::hdel, "Deletes fields.";
    "hlen" 2 READ | FAST, ONE, "hash" "2.0.0" hashes::hlen, "Counts the fields.";
    "hexists" 3 READ | FAST, ONE, "hash" "2.0.0" hashes::hexists, "Tells whether a field is there.";
    "hkeys" 2 READ, ONE, "hash" "2.0.0" hashes::hkeys, "Names all fields.";
    "hvals" 2 READ, ONE, "hash" "2.0.0" hashes::hvals, "Reads all values.";
    "hgetall" 2 READ, ONE, "hash" "2.0.0" hashes::hgetall, "Reads all fields and values.";
    "hincrby" 4 WRITE | GROWS | FAST, ONE, "hash" "2.0.0" hashes::hincrby, "Adds to a number in a field.";
    "hscan" -3 READ, ONE, "hash" "2.8.0" hashes::hscan, "Reads fields and values, a part at a time.";
    "multi" 1 FAST | AT_ONCE, NONE, "transactions" "1.2.0" transactions::multi, "Starts a transaction.";
    "exec" 1 AT_ONCE, NONE, "transactions" "1.2.0" transactions::exec, "Runs the commands since MULTI.";
    "discard" 1 FAST | AT_ONCE, NONE, "transactions" "2.0.0" transactions::discard, "Drops the commands since MULTI.";
    "watch" -2 FAST | AT_ONCE, MANY, "transactions" "2.2.0" transactions::watch, "Makes EXEC depend on keys staying as they are.";
    "unwatch" 1 FAST, NONE, "transactions" "2.2.0" transactions::unwatch, "Ends all watches.";
    "ping" -1 FAST, NONE, "connection" "1.0.0" connection::ping, "Answers PONG, or what it was given.";
    "echo" 2 FAST, NONE, "connection" "1.0.0" connection::echo, "Answers what it was given.";
    "quit" -1 FAST | OPEN | AT_ONCE, NONE, "connection" "1.0.0" connection::quit, "Closes the connection.";
    "reset" 1 FAST | OPEN | AT_ONCE, NONE, "connection" "6.2.0" connection::reset, "Makes the connection as good as new.";
    "select" 2 FAST, NONE, "connection" "1.0.0" connection::select, "Chooses a database.";
    "auth" -2 FAST | OPEN, NONE, "connection" "1.0.0" connection::auth, "Gives the password.";
    "hello" -1 FAST | OPEN, NONE, "connection" "6.0.0" connection::hello, "Chooses the protocol's version.";
    "client" -2 0, NONE, "connection" "2.4.0" client::client, "Commands about connections.";
    "command" -1 0, NONE, "server" "2.8.13" describe::command, "Describes the commands.";
    "config" -2 0, EACH, "server" "2.0.0" config::config, "Reads and sets settings.";
    "info" -1 0, EACH, "server" "1.0.0" info::info, "Tells about the server.";
    "dbsize" 1 READ | FAST, EACH, "server" "1.0.0" server::dbsize, "Counts the keys.";
    "flushdb" -1 WRITE, ALL, "server" "1.0.0" server::flushdb, "Deletes all keys of the database.";
    "flushall" -1 WRITE, ALL, "server" "1.0.0" server::flushall, "Deletes all keys.";
    "swapdb" 3 WRITE | FAST, ALL, "server" "4.0.0" server::swapdb, "Exchanges two databases.";
    "time" 1 FAST, NONE, "server" "2.6.0" server::time, "Tells the time.";
    "memory" -2 0, SECOND, "server" "4.0.0" server::memory, "Tells the memory of a key.";
    "object" -2 0, SECOND, "generic" "2.2.3" server::object, "Tells how a key is held.";
    "debug" -2 ADMIN, SECOND, "server" "1.0.0" server::debug, "Commands for tests.";
    "latency" -2 0, NONE, "server" "2.8.13" server::latency, "Tells nothing; it is there for tools.";
}

/// A container's subcommands with their arities, which count both names.
type Subcommands = &'static [(&'static str, i8)];

const CONTAINERS: &[(&str, Subcommands)] = &[
    (
        "client",
        &[
            ("getname", 2),
            ("help", 2),
            ("id", 2),
            ("info", 2),
            ("kill", -3),
            ("list", -2),
            ("no-evict", 3),
            ("setinfo", 4),
            ("setname", 3),
        ],
    ),
    ("command", &[("count", 2), ("docs", -2), ("help", 2), ("info", -2)]),
    ("config", &[("get", -3), ("help", 2), ("resetstat", 2), ("set", -4)]),
    ("latency", &[("help", 2), ("history", 3), ("latest", 2), ("reset", -2)]),
    ("memory", &[("help", 2), ("usage", -3)]),
    ("object", &[("encoding", 3), ("freq", 3), ("help", 2), ("idletime", 3), ("refcount", 3)]),
];

impl Command {
    /// Whether it runs within MULTI instead of being queued.
    pub(super) fn runs_in_multi(&self) -> bool {
        self.flags & AT_ONCE != 0
    }

    /// Whether it runs before AUTH.
    pub(super) fn needs_no_password(&self) -> bool {
        self.flags & OPEN != 0
    }

    /// Whether its first argument names what to do.
    pub(super) fn is_container(&self) -> bool {
        self.flags & !ADMIN == 0 && self.subcommands().is_some()
    }

    pub(super) fn subcommands(&self) -> Option<Subcommands> {
        CONTAINERS.iter().find(|(name, _)| *name == self.name).map(|(_, subcommands)| *subcommands)
    }

    /// The arguments that are keys, when there are so many arguments.
    pub fn keys(&self, arguments: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, last, step) = match self.scope {
            Scope::Keys { first, last, step } => (usize::from(first), last, usize::from(step)),
            _ => (1, 0, 1),
        };
        let last = usize::try_from(last).unwrap_or(arguments - 1).min(arguments - 1);
        (first..last + 1).step_by(step)
    }
}

/// Checks the name and the number of arguments of a container's subcommand.
pub(super) fn check_subcommand(command: &Command, args: Args<'_>) -> Outcome {
    if args.len() < 2 {
        return Ok(());
    }
    let Some(&(name, arity)) = find_subcommand(command, args.get(1)) else {
        return Err(unknown_subcommand(command.name, args.get(1)));
    };
    let wanted = usize::from(arity.unsigned_abs());
    if args.len() < wanted || (arity > 0 && args.len() != wanted) {
        let both = format!("{}|{name}", command.name);
        return Err(format!("ERR wrong number of arguments for '{both}' command").into());
    }
    Ok(())
}

fn find_subcommand(command: &Command, name: &[u8]) -> Option<&'static (&'static str, i8)> {
    command.subcommands()?.iter().find(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name))
}

pub(super) fn unknown_subcommand(container: &str, name: &[u8]) -> Fault {
    let shown = super::shown(name.get(..128).unwrap_or(name));
    let container = container.to_ascii_uppercase();
    format!("ERR unknown subcommand '{shown}'. Try {container} HELP.").into()
}

const TABLE_PLACES: usize = 512;

/// A hash table of the names: the number of a command plus one, or 0.
static PLACES: LazyLock<[u8; TABLE_PLACES]> = LazyLock::new(|| {
    let mut places = [0; TABLE_PLACES];
    for (number, command) in COMMANDS.iter().enumerate() {
        let mut at = place_of(command.name.as_bytes());
        while places.get(at).is_some_and(|&taken| taken != 0) {
            at = (at + 1) % TABLE_PLACES;
        }
        if let Some(place) = places.get_mut(at) {
            *place = number as u8 + 1;
        }
    }
    places
});

fn place_of(name: &[u8]) -> usize {
    let letter = |at: usize| usize::from(name.get(at).map_or(0, |byte| byte | 0x20));
    let length = name.len();
    let mixed = letter(0) * 31 + letter(length / 2) * 7 + letter(length.wrapping_sub(1)) * 131;
    (mixed + length * 61) % TABLE_PLACES
}

/// The command of this name, in any case, with its number.
pub fn find(name: &[u8]) -> Option<(usize, &'static Command)> {
    let places = &*PLACES;
    let mut at = place_of(name);
    loop {
        let number = usize::from(places.get(at)?.checked_sub(1)?);
        let command = COMMANDS.get(number)?;
        if command.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some((number, command));
        }
        at = (at + 1) % TABLE_PLACES;
    }
}

/// A command with its subcommand as one number, for CLIENT LIST.
pub(super) fn command_code(number: usize, command: &Command, args: Args<'_>) -> u16 {
    let subcommand = if command.flags & !ADMIN == 0 && args.len() > 1 {
        command.subcommands().and_then(|all| {
            all.iter().position(|(name, _)| name.as_bytes().eq_ignore_ascii_case(args.get(1)))
        })
    } else {
        None
    };
    number as u16 | (subcommand.map_or(0, |it| it as u16 + 1) << 8)
}

/// What [`command_code`] means: `NULL` for none.
pub(super) fn code_name(code: u16) -> String {
    let Some(command) = COMMANDS.get(usize::from(code & 0xff)) else { return "NULL".to_owned() };
    let subcommand = usize::from(code >> 8).checked_sub(1);
    match subcommand.and_then(|at| command.subcommands()?.get(at)) {
        Some((subcommand, _)) => format!("{}|{subcommand}", command.name),
        None => command.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case() {
        for (number, command) in COMMANDS.iter().enumerate() {
            let (found, _) = find(command.name.to_ascii_uppercase().as_bytes()).unwrap();
            assert_eq!(found, number);
        }
        assert!(find(b"nothing").is_none());
        assert!(find(b"").is_none());
        let probes = PLACES.iter().filter(|&&place| place != 0).count();
        assert_eq!(probes, COMMANDS.len(), "one place each");
    }
}
