//! Commands about all keys, and about how one is held.

use super::{Call, Fault, NO_SUCH_DB, NO_SUCH_KEY, Outcome, SYNTAX, connection, describe, shown};
use crate::resp::parse_integer;
use crate::store::{Env, Key, Locks, Value};
use std::time::Duration;

/// The longest string that Redis keeps in one block with its header, in bytes.
const EMBEDDED_BYTES_MAX: usize = 44;
const SLEEP_S_MAX: f64 = 60.0;
const NO_IDLE_TIME: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. \
                            Please note that when switching between policies at runtime LRU and \
                            LFU data will take some time to adjust.";
const DEBUG_REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is \
                             set to \"local\", you can run it from a local connection, otherwise \
                             you need to set this option in the configuration file, and then \
                             restart the server.";

pub(super) fn dbsize(call: &mut Call<'_, '_>) -> Outcome {
    let db = call.session.db;
    let mut keys = 0;
    call.locks.each(|shard| keys += shard.len(db).0);
    call.reply.count(keys);
    Ok(())
}

/// Checks the one word that may follow FLUSHDB and FLUSHALL.
fn check_flush(call: &Call<'_, '_>) -> Outcome {
    let known = call.args.len() == 2 && (call.is(1, "ASYNC") || call.is(1, "SYNC"));
    if call.args.len() == 1 || known { Ok(()) } else { Err(SYNTAX.into()) }
}

pub(super) fn flushdb(call: &mut Call<'_, '_>) -> Outcome {
    check_flush(call)?;
    let db = call.session.db;
    call.locks.each(|shard| shard.flush(call.env, Some(db)));
    call.reply.ok();
    Ok(())
}

pub(super) fn flushall(call: &mut Call<'_, '_>) -> Outcome {
    check_flush(call)?;
    call.locks.each(|shard| shard.flush(call.env, None));
    call.reply.ok();
    Ok(())
}

pub(super) fn swapdb(call: &mut Call<'_, '_>) -> Outcome {
    let number = |argument, error: &'static str| {
        let number = parse_integer(call.args.get(argument));
        number.filter(|&it| i32::try_from(it).is_ok()).ok_or_else(|| Fault::from(error))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let first = connection::database(first).ok_or(NO_SUCH_DB)?;
    let second = connection::database(second).ok_or(NO_SUCH_DB)?;
    if first != second {
        call.locks.each(|shard| shard.swap(call.env, first, second));
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn time(call: &mut Call<'_, '_>) -> Outcome {
    let now_us = call.server.clock.now_us();
    call.reply.array(2);
    call.reply.bulk((now_us / 1_000_000).to_string().as_bytes());
    call.reply.bulk((now_us % 1_000_000).to_string().as_bytes());
    Ok(())
}

pub(super) fn memory(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is(1, "usage") {
        describe::help(call);
        return Ok(());
    }
    // As in Redis, it may be said more than once.
    for at in (3..call.args.len()).step_by(2) {
        if !call.is(at, "SAMPLES") || at + 1 == call.args.len() || call.integer(at + 1)? < 0 {
            return Err(SYNTAX.into());
        }
    }
    let key = call.key(2);
    match call.locks.of(key).describe(call.env, key) {
        Some((_, bytes)) => call.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
        None => call.reply.null(),
    }
    Ok(())
}

/// What OBJECT ENCODING calls the way a value is held.
fn encoding(value: &Value<'_>) -> &'static str {
    match value {
        Value::String(text) if parse_integer(text).is_some() => "int",
        Value::String(text) if text.len() <= EMBEDDED_BYTES_MAX => "embstr",
        Value::String(_) => "raw",
        Value::Hash(fields) if fields.is_packed() => "listpack",
        Value::Hash(_) => "hashtable",
    }
}

fn encoding_of(locks: &mut Locks<'_>, env: &Env<'_>, key: Key<'_>) -> Option<&'static str> {
    locks.of(key).peek(env, key).as_ref().map(encoding)
}

pub(super) fn object(call: &mut Call<'_, '_>) -> Outcome {
    if call.args.len() == 2 {
        describe::help(call);
        return Ok(());
    }
    let key = call.key(2);
    let Some(encoding) = encoding_of(call.locks, call.env, key) else {
        call.reply.null();
        return Ok(());
    };
    match call.args.get(1).to_ascii_lowercase().as_slice() {
        b"encoding" => call.reply.bulk(encoding.as_bytes()),
        b"refcount" => call.reply.integer(1),
        b"freq" => {
            let frequency = call.locks.of(key).describe(call.env, key).map_or(0, |(it, _)| it);
            call.reply.integer(frequency.into());
        }
        _ => return Err(NO_IDLE_TIME.into()),
    }
    Ok(())
}

pub(super) fn debug(call: &mut Call<'_, '_>) -> Outcome {
    if !call.session.client.peer.ip().is_loopback() {
        return Err(DEBUG_REFUSED.into());
    }
    match (call.args.get(1).to_ascii_lowercase().as_slice(), call.args.len()) {
        (b"sleep", 3) => {
            // As strtod: what is no number is 0.
            let text = String::from_utf8_lossy(call.args.get(2));
            let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
            let seconds = seconds.unwrap_or_default().clamp(0.0, SLEEP_S_MAX);
            std::thread::sleep(Duration::from_secs_f64(seconds));
            call.session.slept = true;
            call.reply.ok();
        }
        (b"set-active-expire", 3) => {
            let on = call.args.get(2) != b"0";
            call.server.active_expiry.store(on, std::sync::atomic::Ordering::Relaxed);
            call.reply.ok();
        }
        (b"object", 3) => {
            let key = call.key(2);
            let encoding = encoding_of(call.locks, call.env, key).ok_or(NO_SUCH_KEY)?;
            let bytes = call.locks.of(key).describe(call.env, key).map_or(0, |(_, bytes)| bytes);
            call.reply.status(&format!(
                "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{bytes} lru:0 \
                 lru_seconds_idle:0"
            ));
        }
        (b"help", 2) => {
            call.reply.array(4);
            let lines = [
                "DEBUG <subcommand> [<arg>]. Subcommands are:",
                "OBJECT <key>",
                "SET-ACTIVE-EXPIRE <0|1>",
                "SLEEP <seconds>",
            ];
            lines.into_iter().for_each(|line| call.reply.status(line));
        }
        _ => {
            let name = shown(call.args.get(1));
            let problem = "unknown subcommand or wrong number of arguments for";
            return Err(format!("ERR {problem} '{name}'. Try DEBUG HELP.").into());
        }
    }
    Ok(())
}

pub(super) fn latency(call: &mut Call<'_, '_>) -> Outcome {
    match call.args.get(1).to_ascii_lowercase().as_slice() {
        b"latest" | b"history" => call.reply.array(0),
        b"reset" => call.reply.integer(0),
        _ => describe::help(call),
    }
    Ok(())
}
