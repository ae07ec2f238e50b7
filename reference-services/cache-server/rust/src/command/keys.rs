//! Keys, whatever they hold.

use super::{Call, NO_SUCH_KEY, Outcome, SYNTAX, connection};
use crate::store::{Key, OutOfMemory, Taken, Value};
use std::hash::{BuildHasher, RandomState};

/// How often RANDOMKEY looks for a key that has not expired.
const RANDOM_TRIES_MAX: u64 = 100;

pub(super) fn del(call: &mut Call<'_, '_>) -> Outcome {
    let mut removed = 0;
    for argument in 1..call.args.len() {
        let key = call.key(argument);
        removed += usize::from(call.locks.of(key).remove(call.env, key));
    }
    call.reply.count(removed);
    Ok(())
}

pub(super) fn exists(call: &mut Call<'_, '_>) -> Outcome {
    let mut there = 0;
    for argument in 1..call.args.len() {
        let key = call.key(argument);
        there += usize::from(call.locks.of(key).read(call.env, key).is_some());
    }
    call.reply.count(there);
    Ok(())
}

pub(super) fn touch(call: &mut Call<'_, '_>) -> Outcome {
    exists(call)
}

pub(super) fn type_of(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    call.reply.status(match call.locks.of(key).peek(call.env, key) {
        None => "none",
        Some(Value::String(_)) => "string",
        Some(Value::Hash(_)) => "hash",
    });
    Ok(())
}

/// Takes memory for a value of so many bytes under a new key, so that moving it cannot fail.
fn take_memory(call: &mut Call<'_, '_>, to: Key<'_>, bytes: usize) -> Outcome {
    let needed = call.locks.of(to).bytes_to_add(to.db, 1, to.bytes.len() + bytes);
    if call.locks.grant(call.env, needed) {
        Ok(())
    } else {
        Err(OutOfMemory { bytes: needed }.into())
    }
}

/// Moves a value; false when the new key is taken and must be free.
fn move_key(call: &mut Call<'_, '_>, only_free: bool) -> Result<bool, super::Fault> {
    let (from, to) = (call.key(1), call.key(2));
    let Some(value) = call.locks.of(from).peek(call.env, from) else {
        return Err(NO_SUCH_KEY.into());
    };
    let bytes = match value {
        Value::String(bytes) => bytes.len(),
        Value::Hash(fields) => fields.bytes(),
    };
    if from.bytes == to.bytes {
        return Ok(!only_free);
    }
    if only_free && call.locks.of(to).peek(call.env, to).is_some() {
        return Ok(false);
    }
    take_memory(call, to, bytes)?;
    // Taking the memory may have evicted it.
    let taken = call.locks.of(from).take(call.env, from);
    let (value, expires_ms) = taken.ok_or(NO_SUCH_KEY)?;
    call.locks.of(to).put_taken(call.env, to, value, expires_ms)?;
    Ok(true)
}

pub(super) fn rename(call: &mut Call<'_, '_>) -> Outcome {
    move_key(call, false)?;
    call.reply.ok();
    Ok(())
}

pub(super) fn renamenx(call: &mut Call<'_, '_>) -> Outcome {
    let moved = move_key(call, true)?;
    call.reply.flag(moved);
    Ok(())
}

pub(super) fn copy(call: &mut Call<'_, '_>) -> Outcome {
    let (mut db, mut replace, mut at) = (call.session.db, false, 3);
    while at < call.args.len() {
        if call.is(at, "REPLACE") {
            replace = true;
        } else if call.is(at, "DB") && at + 1 < call.args.len() {
            at += 1;
            db = connection::database_of(call, at)?;
        } else {
            return Err(SYNTAX.into());
        }
        at += 1;
    }
    let (from, to) = (call.key(1), Key { db, ..call.key(2) });
    if from.db == to.db && from.bytes == to.bytes {
        return Err("ERR source and destination objects are the same".into());
    }
    let expires_ms = call.locks.of(from).expiry(call.env, from).flatten();
    let copy = match call.locks.of(from).read(call.env, from) {
        None => None,
        Some(Value::String(bytes)) => Some((Taken::String(bytes.into()), bytes.len())),
        Some(Value::Hash(fields)) => Some((Taken::Hash(fields.duplicate()), fields.bytes())),
    };
    let taken = call.locks.of(to).peek(call.env, to).is_some() && !replace;
    let Some((value, bytes)) = copy.filter(|_| !taken) else {
        call.reply.flag(false);
        return Ok(());
    };
    take_memory(call, to, bytes)?;
    call.locks.of(to).put_taken(call.env, to, value, expires_ms)?;
    call.reply.flag(true);
    Ok(())
}

pub(super) fn randomkey(call: &mut Call<'_, '_>) -> Outcome {
    let random = RandomState::new();
    let (shards, db) = (call.server.store.shards(), call.session.db);
    for attempt in 0..RANDOM_TRIES_MAX {
        let chosen = random.hash_one(attempt);
        for offset in 0..shards {
            let shard = call.locks.shard((chosen as usize + offset) % shards);
            let from_hash = (chosen >> 32) as u32;
            for from_hash in [from_hash, 0] {
                let mut found = None;
                shard.scan(call.env, db, from_hash, 1, |key, _| {
                    found.get_or_insert_with(|| key.to_vec());
                });
                if let Some(key) = found {
                    call.reply.bulk(&key);
                    return Ok(());
                }
            }
        }
    }
    call.reply.null();
    Ok(())
}
