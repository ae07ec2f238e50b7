//! KEYS, SCAN, and the options that SCAN and HSCAN share.

use super::{Call, Fault, KEY_BYTES_MAX, NOT_AN_INTEGER, Outcome, SYNTAX, glob};
use crate::resp::{Args, parse_integer};

const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: i64 = 1 << 20;
/// The bits of a cursor that name the shard.
const SHARD_BITS: u32 = 6;
const PATTERN_TOO_LONG: &str = "ERR pattern exceeds maximum allowed size (65535 bytes)";

/// What stands behind a cursor.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanOptions<'c> {
    pattern: Option<&'c [u8]>,
    pub count: usize,
    kind: Option<&'c [u8]>,
}

impl<'c> ScanOptions<'c> {
    pub(super) fn read(args: Args<'c>, first: usize, with_type: bool) -> Result<Self, Fault> {
        let mut options = Self { pattern: None, count: COUNT_DEFAULT, kind: None };
        let mut rest = args.starting_at(first);
        while let Some(word) = rest.next() {
            let value = rest.next().ok_or(SYNTAX)?;
            if word.eq_ignore_ascii_case(b"MATCH") {
                if value.len() > KEY_BYTES_MAX {
                    return Err(PATTERN_TOO_LONG.into());
                }
                options.pattern = Some(value);
            } else if word.eq_ignore_ascii_case(b"COUNT") {
                let count = parse_integer(value).ok_or(NOT_AN_INTEGER)?;
                if count < 1 {
                    return Err(SYNTAX.into());
                }
                options.count = count.min(COUNT_MAX) as usize;
            } else if with_type && word.eq_ignore_ascii_case(b"TYPE") {
                options.kind = Some(value);
            } else {
                return Err(SYNTAX.into());
            }
        }
        Ok(options)
    }

    pub(super) fn fits(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::fits(pattern, name, false))
    }

    fn fits_type(&self, is_hash: bool) -> bool {
        let name: &[u8] = if is_hash { b"hash" } else { b"string" };
        self.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(name))
    }
}

pub(super) fn cursor(text: &[u8]) -> Result<u64, Fault> {
    // As strtoul, which Redis uses: a sign is allowed, -1 is the largest number, nothing is 0.
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = match digits {
        [] if text.is_empty() => Some(0),
        _ if !digits.iter().all(u8::is_ascii_digit) => None,
        _ => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok()),
    };
    let value = value.map(|value| if negative { value.wrapping_neg() } else { value });
    value.ok_or_else(|| "ERR invalid cursor".into())
}

pub(super) fn keys(call: &mut Call<'_, '_>) -> Outcome {
    let pattern = call.args.get(1);
    if pattern.len() > KEY_BYTES_MAX {
        return Err(PATTERN_TOO_LONG.into());
    }
    let all = pattern == b"*";
    let (env, db, shards) = (call.env, call.session.db, call.server.store.shards());
    let locks = &mut *call.locks;
    call.reply.counted_array(|reply| {
        let mut found = 0;
        for number in 0..shards {
            locks.shard(number).scan(env, db, 0, usize::MAX, |key, _| {
                if all || glob::fits(pattern, key, false) {
                    reply.bulk(key);
                    found += 1;
                }
            });
        }
        found
    });
    Ok(())
}

pub(super) fn scan(call: &mut Call<'_, '_>) -> Outcome {
    let cursor = cursor(call.args.get(1))?;
    let options = ScanOptions::read(call.args, 2, true)?;
    let (env, db, shards) = (call.env, call.session.db, call.server.store.shards());
    // A cursor is a hash, and below it a shard: where the next call goes on.
    let mut number = (cursor & ((1 << SHARD_BITS) - 1)) as usize;
    let mut from_hash = Some(u32::try_from(cursor >> SHARD_BITS).unwrap_or(u32::MAX));
    let mut found = Vec::new();
    let mut seen = 0;
    while number < shards {
        let rest = options.count - seen;
        let shard = call.locks.shard(number);
        let (looked_at, next) =
            shard.scan(env, db, from_hash.unwrap_or(0), rest, |key, is_hash| {
                if options.fits_type(is_hash) && options.fits(key) {
                    found.push(key.to_vec());
                }
            });
        seen += looked_at;
        from_hash = next;
        number += usize::from(next.is_none());
        if seen >= options.count {
            break;
        }
    }
    let next = if number < shards {
        u64::from(from_hash.unwrap_or(0)) << SHARD_BITS | number as u64
    } else {
        0
    };
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(found.len());
    found.iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}
