//! Random commands, drawn from a table of templates.

use crate::random::Random;

/// How replies of two servers to one command are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// Byte for byte.
    Bytes,
    /// Arrays as multisets, those within arrays too.
    AnyOrder,
    /// Maps, and flat arrays of names and values, as multisets of pairs.
    AnyOrderOfPairs,
    /// Integers within so many of each other; anything else byte for byte.
    Within(i64),
    /// The type of reply only, and errors byte for byte; with Redis only errors.
    Kind,
    /// As `Kind` against Redis, `Bytes` between the twins.
    KindWithRedis,
    /// The replies to the commands queued before.
    Exec,
}

use Compare::{AnyOrder, AnyOrderOfPairs, Bytes, Exec, Kind, KindWithRedis, Within};

/// Capital letters stand for an argument: `K` key, `G` key of a number with a fraction, `V` value, `F` name of a field, `I` integer, `N`
/// number with a fraction, `O` small offset, `S` seconds and `M` milliseconds from now, `A` and `Q` the same since 1970, `P` pattern, `D` database.
/// Of `[…|…]` up to three are taken, of `K…` one to three.
pub(super) const TEMPLATES: &[(&str, Compare)] = &[
    ("SET K V", Bytes),
    ("SET K V", Bytes),
    ("SET K I", Bytes),
    ("SET K V [NX|XX|GET|EX S|PX M|EXAT A|PXAT Q|KEEPTTL|EX I|PXAT 1]", Bytes),
    ("SET G N", Bytes),
    ("SETEX K S V", Bytes),
    ("SETEX K I V", Bytes),
    ("PSETEX K M V", Bytes),
    ("SETNX K V", Bytes),
    ("GET K", Bytes),
    ("GET K", Bytes),
    ("GET G", Bytes),
    ("GETSET K V", Bytes),
    ("GETDEL K", Bytes),
    ("GETEX K [EX S|PX M|EXAT A|PXAT Q|PERSIST|PXAT 1|EX I]", Bytes),
    ("MGET K…", Bytes),
    ("MSET K V K V", Bytes),
    ("MSET K V K", Bytes),
    ("MSETNX K V K V", Bytes),
    ("APPEND K V", Bytes),
    ("STRLEN K", Bytes),
    ("GETRANGE K I I", Bytes),
    ("SUBSTR K O O", Bytes),
    ("SETRANGE K O V", Bytes),
    ("SETRANGE K 16777216 V", Bytes),
    ("INCR K", Bytes),
    ("DECR K", Bytes),
    ("INCRBY K I", Bytes),
    ("DECRBY K I", Bytes),
    ("INCRBYFLOAT G N", Bytes),
    ("INCRBYFLOAT G N", Bytes),
    ("LCS K K [LEN|IDX|MINMATCHLEN O|WITHMATCHLEN]", Bytes),
    ("BITCOUNT K", Bytes),
    ("BITCOUNT K I I [BYTE|BIT]", Bytes),
    ("SETBIT K O 1", Bytes),
    ("SETBIT K O I", Bytes),
    ("GETBIT K O", Bytes),
    ("GETBIT K I", Bytes),
    ("DEL K…", Bytes),
    ("UNLINK K…", Bytes),
    ("EXISTS K…", Bytes),
    ("TOUCH K…", Bytes),
    ("TYPE K", Bytes),
    ("EXPIRE K S [NX|XX|GT|LT]", Bytes),
    ("EXPIRE K I [NX|XX|GT|LT]", Bytes),
    ("PEXPIRE K M [NX|XX|GT|LT]", Bytes),
    ("EXPIREAT K A [NX|XX|GT|LT]", Bytes),
    ("PEXPIREAT K Q [NX|XX|GT|LT]", Bytes),
    ("TTL K", Within(2)),
    ("PTTL K", Within(2_000)),
    ("EXPIRETIME K", Within(2)),
    ("PEXPIRETIME K", Within(2_000)),
    ("PERSIST K", Bytes),
    ("RENAME K K", Bytes),
    ("RENAMENX K K", Bytes),
    ("COPY K K [REPLACE|DB D]", Bytes),
    ("RANDOMKEY", Kind),
    ("KEYS P", AnyOrder),
    ("SCAN 0 COUNT 10000 [MATCH P|TYPE string|TYPE hash]", AnyOrder),
    ("SCAN I [MATCH P|TYPE F|COUNT O]", Kind),
    ("HSET K F V", Bytes),
    ("HSET K F V F V F I", Bytes),
    ("HSET K F V F", Bytes),
    ("HMSET K F V F V", Bytes),
    ("HMSET K F V F", Bytes),
    ("HGET K F", Bytes),
    ("HMGET K F F F", Bytes),
    ("HDEL K F", Bytes),
    ("HDEL K F F F", Bytes),
    ("HLEN K", Bytes),
    ("HEXISTS K F", Bytes),
    ("HKEYS K", AnyOrder),
    ("HVALS K", AnyOrder),
    ("HGETALL K", AnyOrderOfPairs),
    ("HINCRBY K F I", Bytes),
    ("HSCAN K 0 COUNT 10000 [MATCH P]", AnyOrder),
    ("HSCAN K I [MATCH P|COUNT O]", Kind),
    ("MULTI", Bytes),
    ("EXEC", Exec),
    ("EXEC", Exec),
    ("DISCARD", Bytes),
    ("WATCH K…", Bytes),
    ("UNWATCH", Bytes),
    ("SELECT D", Bytes),
    ("SWAPDB D D", Bytes),
    // A key that has expired may be counted or not.
    ("DBSIZE", Kind),
    ("FLUSHDB [ASYNC|SYNC]", Bytes),
    ("FLUSHALL", Bytes),
    ("OBJECT ENCODING K", KindWithRedis),
    // A transaction of Redis holds what it was sent as well.
    ("OBJECT REFCOUNT K", KindWithRedis),
    ("OBJECT FREQ K", Kind),
    ("OBJECT IDLETIME K", Bytes),
    ("MEMORY USAGE K [SAMPLES O]", Kind),
    ("DEBUG OBJECT K", Kind),
    ("CLIENT SETNAME F", Bytes),
    ("CLIENT GETNAME", Bytes),
    ("CLIENT ID", Kind),
    ("PING", Bytes),
    ("PING V", Bytes),
    ("ECHO V", Bytes),
    ("TIME", Kind),
    ("RESET", Bytes),
    ("HELLO 3", Kind),
    ("HELLO 2 [SETNAME F|AUTH default F]", Kind),
    ("AUTH F", Bytes),
    ("CONFIG GET database?", Bytes),
    ("LATENCY RESET", Bytes),
];

/// A command and how to compare what it is answered.
pub(super) struct Command {
    pub(super) arguments: Vec<Vec<u8>>,
    pub(super) compare: Compare,
}

/// Draws the `n`th command. Later ones ask for later deadlines, so that no comparison of deadlines depends on
/// how fast a server was.
pub(super) fn command(random: &mut Random, n: usize) -> Command {
    let (template, compare) = random.pick(TEMPLATES).unwrap_or(("PING", Bytes));
    let mut arguments = Vec::new();
    let (fixed, options) = template.split_once(" [").unwrap_or((template, ""));
    for token in fixed.split(' ') {
        if token == "K…" {
            for _ in 0..=random.below(3) {
                arguments.push(argument("K", random, n));
            }
        } else {
            arguments.push(argument(token, random, n));
        }
    }
    let options: Vec<&str> = options.trim_end_matches(']').split('|').collect();
    if options != [""] {
        for _ in 0..random.below(4) {
            let option = random.pick(&options).unwrap_or_default();
            arguments.extend(option.split(' ').map(|token| argument(token, random, n)));
        }
    }
    damage(&mut arguments, random);
    Command { arguments, compare }
}

/// Now and then an argument too many, too few, in another place or in small letters.
fn damage(arguments: &mut Vec<Vec<u8>>, random: &mut Random) {
    let at = random.below(arguments.len());
    match random.below(60) {
        0 if arguments.len() > 1 => drop(arguments.pop()),
        1 => arguments.push(value(random)),
        2 => arguments.push(b"GET".to_vec()),
        3 if at > 0 => arguments.swap(at, 1),
        4..10 => {
            if let Some(argument) = arguments.get_mut(at) {
                argument.make_ascii_lowercase();
            }
        }
        _ => {}
    }
}

fn argument(token: &str, random: &mut Random, n: usize) -> Vec<u8> {
    let later = 10_000 + n * 10;
    match token {
        "K" => key(random),
        "G" => format!("g{}", random.below(3)).into(),
        "V" => value(random),
        "F" => match random.below(40) {
            0 => b"\x00\r\n\xff".to_vec(),
            1 => Vec::new(),
            2 => format!("field-{}", "x".repeat(60 + random.below(10))).into(),
            _ => format!("f{}", random.below(6)).into(),
        },
        "I" => match random.below(12) {
            0..8 => format!("{}", random.below(40) as i64 - 20).into(),
            _ => pick(random, &INTEGERS),
        },
        "N" => pick(random, &FRACTIONS),
        "O" => match random.below(8) {
            0 => pick(random, &["-1", "x", "", "9223372036854775807"]),
            _ => random.below(50).to_string().into(),
        },
        "S" => later.to_string().into(),
        "M" => format!("{later}000").into(),
        "A" => format!("{}", 32_503_680_000 + later).into(),
        "Q" => format!("{}", 32_503_680_000_000 + later).into(),
        "P" => pick(random, &PATTERNS),
        "D" => match random.below(20) {
            0 => pick(random, &["16", "-1", "x", ""]),
            _ => random.below(3).to_string().into(),
        },
        other => other.into(),
    }
}

const INTEGERS: [&str; 10] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "9223372036854775",
    "4294967296",
    "1.5",
    "x",
    "",
    " 1",
    "01",
];
/// Exact in binary as well as in decimals, so that Redis's long doubles lose nothing.
const FRACTIONS: [&str; 16] = [
    "0.5", "-0.5", "1.5", "0.25", "-2.25", "3e2", "-1.5e1", "100", "+7", ".5", "5.", "-0", "0.125",
    "x", "", "1 ",
];
const PATTERNS: [&str; 14] = [
    "*", "k*", "?1", "*1", "[kg]1", "[^k]*", "k[0-2]", "f*", "", "nothing", "k\\1", "*k*", "[k",
    "??",
];

fn pick(random: &mut Random, items: &[&str]) -> Vec<u8> {
    random.pick(items).unwrap_or_default().into()
}

fn key(random: &mut Random) -> Vec<u8> {
    match random.below(40) {
        0 => Vec::new(),
        1 => b"k\r\n\x00\xff".to_vec(),
        _ => format!("k{}", random.below(8)).into(),
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(10) {
        0..3 => format!("{}", random.below(2_000) as i64 - 1_000).into(),
        3 => pick(random, &INTEGERS),
        4 => Vec::new(),
        5 => {
            let length = random.below(3_000);
            (0..length).map(|_| random.below(256) as u8).collect()
        }
        _ => {
            let length = random.below(80);
            (0..length).map(|_| b'a' + random.below(6) as u8).collect()
        }
    }
}
