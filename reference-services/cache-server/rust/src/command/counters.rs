//! Strings that are numbers.

use super::{Call, NOT_AN_INTEGER, Outcome, float, string};
use crate::resp::{digits, parse_integer};

const OVERFLOW: &str = "ERR increment or decrement would overflow";

fn add(call: &mut Call<'_, '_>, by: i64) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    let old = match string(shard.peek(call.env, key))? {
        None => 0,
        Some(text) => parse_integer(text).ok_or(NOT_AN_INTEGER)?,
    };
    let new = old.checked_add(by).ok_or(OVERFLOW)?;
    let expires_ms = shard.expiry(call.env, key).flatten();
    shard.set(call.env, key, digits(new).as_bytes(), expires_ms)?;
    call.reply.integer(new);
    Ok(())
}

pub(super) fn incr(call: &mut Call<'_, '_>) -> Outcome {
    add(call, 1)
}

pub(super) fn decr(call: &mut Call<'_, '_>) -> Outcome {
    add(call, -1)
}

pub(super) fn incrby(call: &mut Call<'_, '_>) -> Outcome {
    let by = call.integer(2)?;
    add(call, by)
}

pub(super) fn decrby(call: &mut Call<'_, '_>) -> Outcome {
    let by = call.integer(2)?.checked_neg().ok_or("ERR decrement would overflow")?;
    add(call, by)
}

pub(super) fn incrbyfloat(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    let old = match string(shard.peek(call.env, key))? {
        None => 0,
        Some(text) => float::read(text).ok_or(float::NOT_A_FLOAT)?,
    };
    let by = float::read(call.args.get(2)).ok_or(float::NOT_A_FLOAT)?;
    let new = float::add(old, by).ok_or("ERR increment would produce NaN or Infinity")?;
    let text = float::write(new);
    let expires_ms = shard.expiry(call.env, key).flatten();
    shard.set(call.env, key, text.as_bytes(), expires_ms)?;
    call.reply.bulk(text.as_bytes());
    Ok(())
}
