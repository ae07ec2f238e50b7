//! Strings: reading and setting them, whole or in part.

use super::{Call, Fault, NOT_AN_INTEGER, Outcome, SYNTAX, string};
use crate::resp::ARGUMENT_BYTES_MAX;
use crate::resp::{Args, parse_integer};
use crate::store::Key;

const STRING_TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

/// The unit and the start of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    Seconds,
    Milliseconds,
    AtSeconds,
    AtMilliseconds,
}

/// What stands behind key and value.
#[derive(Clone, Copy, Debug, Default)]
struct Options<'c> {
    only_new: bool,
    only_old: bool,
    get: bool,
    keep_ttl: bool,
    persist: bool,
    time: Option<(Time, &'c [u8])>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Set,
    Getex,
}

/// When something expires, in ms since 1970, from a time given in an argument.
pub(super) fn expires_ms(
    value: i64,
    seconds: bool,
    from_ms: u64,
    command: &str,
) -> Result<u64, Fault> {
    let invalid = || Fault::from(format!("ERR invalid expire time in '{command}' command"));
    let value_ms = if seconds { value.checked_mul(1_000) } else { Some(value) };
    let from_ms = i64::try_from(from_ms).map_err(|_| invalid())?;
    let at = value_ms.filter(|_| value > 0).and_then(|ms| ms.checked_add(from_ms));
    at.and_then(|at| u64::try_from(at).ok()).ok_or_else(invalid)
}

impl<'c> Options<'c> {
    fn read(args: Args<'c>, first: usize, of: Of) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut rest = args.starting_at(first);
        while let Some(word) = rest.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let time = match () {
                () if is("EX") => Some(Time::Seconds),
                () if is("PX") => Some(Time::Milliseconds),
                () if is("EXAT") => Some(Time::AtSeconds),
                () if is("PXAT") => Some(Time::AtMilliseconds),
                () => None,
            };
            let other = options.time.map(|(other, _)| other);
            if let Some(time) = time {
                // The same kind may come again; the last one counts.
                let free =
                    !options.keep_ttl && !options.persist && other.is_none_or(|it| it == time);
                let text = rest.next().filter(|_| free).ok_or(SYNTAX)?;
                options.time = Some((time, text));
            } else if of == Of::Set && is("NX") && !options.only_old {
                options.only_new = true;
            } else if of == Of::Set && is("XX") && !options.only_new {
                options.only_old = true;
            } else if of == Of::Set && is("GET") {
                options.get = true;
            } else if of == Of::Set && is("KEEPTTL") && options.time.is_none() {
                options.keep_ttl = true;
            } else if of == Of::Getex && is("PERSIST") && options.time.is_none() {
                options.persist = true;
            } else {
                return Err(SYNTAX.into());
            }
        }
        Ok(options)
    }

    fn expires_ms(&self, now_ms: u64, command: &str) -> Result<Option<u64>, Fault> {
        let Some((time, text)) = self.time else { return Ok(None) };
        let value = parse_integer(text).ok_or(NOT_AN_INTEGER)?;
        let seconds = matches!(time, Time::Seconds | Time::AtSeconds);
        let from_ms = if matches!(time, Time::Seconds | Time::Milliseconds) { now_ms } else { 0 };
        expires_ms(value, seconds, from_ms, command).map(Some)
    }
}

pub(super) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let value = string(call.locks.of(key).read(call.env, key))?;
    call.reply.bulk_or_null(value);
    Ok(())
}

pub(super) fn set(call: &mut Call<'_, '_>) -> Outcome {
    let (key, value) = (call.key(1), call.args.get(2));
    let shard = call.locks.of(key);
    if call.args.len() == 3 {
        shard.set(call.env, key, value, None)?;
        call.reply.ok();
        return Ok(());
    }
    let options = Options::read(call.args, 3, Of::Set)?;
    let mut expires_ms = options.expires_ms(call.env.now_ms, "set")?;
    let old = if options.get { shard.read(call.env, key) } else { shard.peek(call.env, key) };
    let there = old.is_some();
    if options.get {
        call.reply.bulk_or_null(string(old)?);
    }
    if (options.only_new && there) || (options.only_old && !there) {
        if !options.get {
            call.reply.null();
        }
        return Ok(());
    }
    if options.keep_ttl {
        expires_ms = shard.expiry(call.env, key).flatten();
    }
    shard.set(call.env, key, value, expires_ms)?;
    if !options.get {
        call.reply.ok();
    }
    Ok(())
}

fn set_for(call: &mut Call<'_, '_>, seconds: bool, command: &str) -> Outcome {
    let key = call.key(1);
    let expires_ms = expires_ms(call.integer(2)?, seconds, call.env.now_ms, command)?;
    call.locks.of(key).set(call.env, key, call.args.get(3), Some(expires_ms))?;
    call.reply.ok();
    Ok(())
}

pub(super) fn setex(call: &mut Call<'_, '_>) -> Outcome {
    set_for(call, true, "setex")
}

pub(super) fn psetex(call: &mut Call<'_, '_>) -> Outcome {
    set_for(call, false, "psetex")
}

pub(super) fn setnx(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    let free = shard.peek(call.env, key).is_none();
    if free {
        shard.set(call.env, key, call.args.get(2), None)?;
    }
    call.reply.flag(free);
    Ok(())
}

pub(super) fn getset(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    call.reply.bulk_or_null(string(shard.read(call.env, key))?);
    shard.set(call.env, key, call.args.get(2), None)?;
    Ok(())
}

pub(super) fn getdel(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    call.reply.bulk_or_null(string(shard.read(call.env, key))?);
    shard.remove(call.env, key);
    Ok(())
}

pub(super) fn getex(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let options = Options::read(call.args, 2, Of::Getex)?;
    let shard = call.locks.of(key);
    let value = string(shard.read(call.env, key))?;
    let there = value.is_some();
    call.reply.bulk_or_null(value);
    if !there {
        return Ok(());
    }
    match options.expires_ms(call.env.now_ms, "getex")? {
        Some(at) if at <= call.env.now_ms => {
            shard.remove(call.env, key);
        }
        Some(at) => {
            shard.set_expiry(call.env, key, Some(at))?;
        }
        None if options.persist && shard.expiry(call.env, key).flatten().is_some() => {
            shard.set_expiry(call.env, key, None)?;
        }
        None => {}
    }
    Ok(())
}

pub(super) fn mget(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.array(call.args.len() - 1);
    for argument in 1..call.args.len() {
        let key = call.key(argument);
        let value = string(call.locks.of(key).read(call.env, key)).unwrap_or(None);
        call.reply.bulk_or_null(value);
    }
    Ok(())
}

/// Keys and values in turn, from the first argument on.
fn pairs<'c>(call: &Call<'c, '_>) -> impl Iterator<Item = (Key<'c>, &'c [u8])> + use<'c> {
    let keys: Vec<Key<'c>> = (1..call.args.len()).step_by(2).map(|at| call.key(at)).collect();
    let values = call.args.starting_at(2).step_by(2);
    keys.into_iter().zip(values)
}

/// Sets all pairs, or none: the memory for all is taken first.
fn set_pairs(call: &mut Call<'_, '_>) -> Outcome {
    let mut needs = vec![(0_usize, 0_usize); call.server.store.shards()];
    for (key, value) in pairs(call) {
        if let Some((entries, bytes)) = needs.get_mut(call.server.store.shard_of(key)) {
            *entries += 1;
            *bytes += key.bytes.len() + value.len();
        }
    }
    let db = call.session.db;
    let mut bytes_needed = 0;
    for (number, &(entries, bytes)) in
        needs.iter().enumerate().filter(|(_, (entries, _))| *entries > 0)
    {
        bytes_needed += call.locks.shard(number).bytes_to_add(db, entries, bytes);
    }
    if !call.locks.grant(call.env, bytes_needed) {
        return Err(crate::store::OutOfMemory { bytes: bytes_needed }.into());
    }
    for (key, value) in pairs(call) {
        call.locks.of(key).set(call.env, key, value, None)?;
    }
    Ok(())
}

pub(super) fn mset(call: &mut Call<'_, '_>) -> Outcome {
    if call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arguments());
    }
    set_pairs(call)?;
    call.reply.ok();
    Ok(())
}

pub(super) fn msetnx(call: &mut Call<'_, '_>) -> Outcome {
    if call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arguments());
    }
    for (key, _) in pairs(call) {
        if call.locks.of(key).peek(call.env, key).is_some() {
            call.reply.flag(false);
            return Ok(());
        }
    }
    set_pairs(call)?;
    call.reply.flag(true);
    Ok(())
}

pub(super) fn append(call: &mut Call<'_, '_>) -> Outcome {
    let (key, added) = (call.key(1), call.args.get(2));
    let shard = call.locks.of(key);
    let old_bytes = string(shard.peek(call.env, key))?.map_or(0, <[u8]>::len);
    let bytes = old_bytes + added.len();
    if bytes > ARGUMENT_BYTES_MAX {
        return Err(STRING_TOO_LONG.into());
    }
    let value = shard.edit_string(call.env, key, bytes)?;
    if let Some(end) = value.get_mut(old_bytes..bytes) {
        end.copy_from_slice(added);
    }
    call.reply.count(bytes);
    Ok(())
}

pub(super) fn strlen(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let value = string(call.locks.of(key).read(call.env, key))?;
    call.reply.count(value.map_or(0, <[u8]>::len));
    Ok(())
}

/// The part of something with `length` places that two indices mean, which count from the end
/// when negative.
pub(super) fn part(start: i64, end: i64, length: usize) -> Option<std::ops::RangeInclusive<usize>> {
    let length = i64::try_from(length).ok()?;
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let absolute = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at };
    let (start, end) = (absolute(start), absolute(end).min(length - 1));
    if start > end || length == 0 {
        return None;
    }
    Some(usize::try_from(start).ok()?..=usize::try_from(end).ok()?)
}

pub(super) fn getrange(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let value = string(call.locks.of(key).read(call.env, key))?.unwrap_or_default();
    let range = part(start, end, value.len());
    call.reply.bulk(range.and_then(|range| value.get(range)).unwrap_or_default());
    Ok(())
}

pub(super) fn setrange(call: &mut Call<'_, '_>) -> Outcome {
    let (key, new) = (call.key(1), call.args.get(3));
    let offset = call.integer(2)?;
    let offset = usize::try_from(offset).map_err(|_| "ERR offset is out of range")?;
    let shard = call.locks.of(key);
    let old_bytes = string(shard.peek(call.env, key))?.map_or(0, <[u8]>::len);
    if new.is_empty() {
        call.reply.count(old_bytes);
        return Ok(());
    }
    let end = offset.checked_add(new.len()).filter(|&end| end <= ARGUMENT_BYTES_MAX);
    let end = end.ok_or(STRING_TOO_LONG)?;
    let value = shard.edit_string(call.env, key, old_bytes.max(end))?;
    if let Some(part) = value.get_mut(offset..end) {
        part.copy_from_slice(new);
    }
    call.reply.count(value.len());
    Ok(())
}
