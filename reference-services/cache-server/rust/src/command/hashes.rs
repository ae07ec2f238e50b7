//! Hashes.

use super::scan::{ScanOptions, cursor};
use super::{Call, Fault, KEY_BYTES_MAX, Outcome, WRONG_TYPE};
use crate::resp::{digits, parse_integer};
use crate::store::{Fields, Value};

const FIELDS_MAX: usize = 1 << 20;
const CONTENT_BYTES_MAX: usize = 32 << 20;
const FIELD_TOO_LONG: &str = "ERR field exceeds maximum allowed size (65535 bytes)";
const HASH_TOO_LARGE: &str = "ERR hash exceeds maximum allowed size";

fn fields(value: Option<Value<'_>>) -> Result<Option<&Fields>, Fault> {
    match value {
        None => Ok(None),
        Some(Value::Hash(fields)) => Ok(Some(fields)),
        Some(Value::String(_)) => Err(WRONG_TYPE.into()),
    }
}

/// Reads the hash of the first argument.
macro_rules! read {
    ($call:ident) => {{
        let key = $call.key(1);
        fields($call.locks.of(key).read($call.env, key))?
    }};
}

pub(super) fn hset(call: &mut Call<'_, '_>) -> Outcome {
    let added = set_fields(call)?;
    call.reply.count(added);
    Ok(())
}

pub(super) fn hmset(call: &mut Call<'_, '_>) -> Outcome {
    set_fields(call)?;
    call.reply.ok();
    Ok(())
}

/// Sets the fields that the arguments name; answers how many of them are new.
fn set_fields(call: &mut Call<'_, '_>) -> Result<usize, Fault> {
    if !call.args.len().is_multiple_of(2) {
        return Err(call.wrong_arguments());
    }
    let args = call.args;
    let names = args.starting_at(2).step_by(2);
    if names.clone().any(|name| name.len() > KEY_BYTES_MAX) {
        return Err(FIELD_TOO_LONG.into());
    }
    let key = call.key(1);
    let shard = call.locks.of(key);
    let pairs = (args.len() - 2) / 2;
    let pairs_bytes: usize = args.starting_at(2).map(<[u8]>::len).sum();
    let old = fields(shard.peek(call.env, key))?;
    check_size(old, args.starting_at(2), pairs, pairs_bytes)?;
    let mut added = 0;
    shard.edit_fields(call.env, key, (pairs, pairs_bytes), |fields| {
        for (name, value) in names.zip(args.starting_at(3).step_by(2)) {
            added += usize::from(fields.set(name, value));
        }
        true
    })?;
    Ok(added)
}

/// Refuses a hash that would become too large. What is replaced is only looked at when it matters.
fn check_size<'a>(
    old: Option<&Fields>,
    arguments: impl Iterator<Item = &'a [u8]> + Clone,
    pairs: usize,
    pairs_bytes: usize,
) -> Outcome {
    let (len, bytes) = old.map_or((0, 0), |fields| (fields.len(), fields.content_bytes()));
    if len + pairs <= FIELDS_MAX && bytes + pairs_bytes <= CONTENT_BYTES_MAX {
        return Ok(());
    }
    let mut after = std::collections::HashMap::new();
    let (mut names, mut values) = (arguments.clone().step_by(2), arguments.skip(1).step_by(2));
    while let (Some(name), Some(value)) = (names.next(), values.next()) {
        after.insert(name, value.len());
    }
    let (mut len, mut bytes) = (len, bytes);
    for (name, value_bytes) in after {
        match old.and_then(|fields| fields.get(name)) {
            Some(value) => bytes = bytes + value_bytes - value.len(),
            None => (len, bytes) = (len + 1, bytes + name.len() + value_bytes),
        }
    }
    if len <= FIELDS_MAX && bytes <= CONTENT_BYTES_MAX {
        Ok(())
    } else {
        Err(HASH_TOO_LARGE.into())
    }
}

pub(super) fn hget(call: &mut Call<'_, '_>) -> Outcome {
    let name = call.args.get(2);
    let value = read!(call).and_then(|fields| fields.get(name));
    call.reply.bulk_or_null(value);
    Ok(())
}

pub(super) fn hmget(call: &mut Call<'_, '_>) -> Outcome {
    let names = call.args.starting_at(2);
    let fields = read!(call);
    call.reply.array(names.len());
    for name in names {
        call.reply.bulk_or_null(fields.and_then(|fields| fields.get(name)));
    }
    Ok(())
}

pub(super) fn hdel(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let names = call.args.starting_at(2);
    let shard = call.locks.of(key);
    let mut removed = 0;
    if fields(shard.peek(call.env, key))?.is_some() {
        shard.edit_fields(call.env, key, (0, 0), |fields| {
            removed = names.filter(|name| fields.remove(name)).count();
            removed > 0
        })?;
    }
    call.reply.count(removed);
    Ok(())
}

pub(super) fn hlen(call: &mut Call<'_, '_>) -> Outcome {
    let length = read!(call).map_or(0, Fields::len);
    call.reply.count(length);
    Ok(())
}

pub(super) fn hexists(call: &mut Call<'_, '_>) -> Outcome {
    let name = call.args.get(2);
    let there = read!(call).is_some_and(|fields| fields.get(name).is_some());
    call.reply.flag(there);
    Ok(())
}

pub(super) fn hkeys(call: &mut Call<'_, '_>) -> Outcome {
    let fields = read!(call);
    call.reply.array(fields.map_or(0, Fields::len));
    fields.into_iter().flat_map(Fields::iter).for_each(|(name, _)| call.reply.bulk(name));
    Ok(())
}

pub(super) fn hvals(call: &mut Call<'_, '_>) -> Outcome {
    let fields = read!(call);
    call.reply.array(fields.map_or(0, Fields::len));
    fields.into_iter().flat_map(Fields::iter).for_each(|(_, value)| call.reply.bulk(value));
    Ok(())
}

pub(super) fn hgetall(call: &mut Call<'_, '_>) -> Outcome {
    let fields = read!(call);
    call.reply.map(fields.map_or(0, Fields::len));
    for (name, value) in fields.into_iter().flat_map(Fields::iter) {
        call.reply.bulk(name);
        call.reply.bulk(value);
    }
    Ok(())
}

pub(super) fn hincrby(call: &mut Call<'_, '_>) -> Outcome {
    let (key, name) = (call.key(1), call.args.get(2));
    if name.len() > KEY_BYTES_MAX {
        return Err(FIELD_TOO_LONG.into());
    }
    let by = call.integer(3)?;
    let shard = call.locks.of(key);
    let fields = fields(shard.peek(call.env, key))?;
    let old = match fields.and_then(|fields| fields.get(name)) {
        None => 0,
        Some(text) => parse_integer(text).ok_or("ERR hash value is not an integer")?,
    };
    let new = old.checked_add(by).ok_or("ERR increment or decrement would overflow")?;
    let text = digits(new);
    let pair = [name, text.as_bytes()];
    let pair_bytes = name.len() + text.as_bytes().len();
    check_size(fields, pair.into_iter(), 1, pair_bytes)?;
    shard.edit_fields(call.env, key, (1, pair_bytes), |fields| {
        fields.set(name, text.as_bytes());
        true
    })?;
    call.reply.integer(new);
    Ok(())
}

pub(super) fn hscan(call: &mut Call<'_, '_>) -> Outcome {
    let cursor = cursor(call.args.get(2))?;
    let args = call.args;
    let mut found = 0;
    let mut body = Vec::new();
    let mut next = 0;
    if let Some(fields) = read!(call) {
        let options = ScanOptions::read(args, 3, false)?;
        let mut rows = crate::resp::Reply::new(&mut body, false);
        next = fields.scan(cursor, options.count, |name, value| {
            if options.fits(name) {
                rows.bulk(name);
                rows.bulk(value);
                found += 2;
            }
        });
    }
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(found);
    call.reply.raw(&body);
    Ok(())
}
