//! Commands about the connection itself.

use super::{Call, Fault, NO_SUCH_DB, Outcome, SYNTAX, client, shown};
use crate::resp::parse_integer;
use crate::store::DATABASES;
use std::sync::atomic::Ordering;

/// The version of Redis whose behaviour this server has.
pub(super) const REDIS_VERSION: &str = "7.0.15";
const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const OUT_OF_32_BITS: &str =
    "ERR value is out of range, value must between -2147483648 and 2147483647";
const USER: &[u8] = b"default";

/// The database of this number, if there is one.
pub(super) fn database(number: i64) -> Option<u8> {
    u8::try_from(number).ok().filter(|&db| usize::from(db) < DATABASES)
}

/// The database that an argument numbers. Numbers are of 32 bits, which Redis tells before it looks.
pub(super) fn database_of(call: &Call<'_, '_>, argument: usize) -> Result<u8, Fault> {
    let number = call.integer(argument)?;
    if i32::try_from(number).is_err() {
        return Err(OUT_OF_32_BITS.into());
    }
    database(number).ok_or_else(|| NO_SUCH_DB.into())
}

pub(super) fn ping(call: &mut Call<'_, '_>) -> Outcome {
    match call.args.len() {
        1 => call.reply.status("PONG"),
        2 => call.reply.bulk(call.args.get(1)),
        _ => return Err(call.wrong_arguments()),
    }
    Ok(())
}

pub(super) fn echo(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.bulk(call.args.get(1));
    Ok(())
}

pub(super) fn quit(call: &mut Call<'_, '_>) -> Outcome {
    call.session.closing = true;
    call.reply.ok();
    Ok(())
}

pub(super) fn reset(call: &mut Call<'_, '_>) -> Outcome {
    let session = &mut *call.session;
    session.transaction = None;
    session.unwatch(call.locks);
    session.db = 0;
    session.resp3 = false;
    session.authenticated = call.server.config.password().is_empty();
    session.client.names().name.clear();
    session.client.no_evict.store(false, Ordering::Relaxed);
    call.reply.set_resp3(false);
    call.reply.status("RESET");
    Ok(())
}

pub(super) fn select(call: &mut Call<'_, '_>) -> Outcome {
    call.session.db = database_of(call, 1)?;
    call.reply.ok();
    Ok(())
}

/// Whether two texts are the same, in a time that tells only their lengths.
fn same(first: &[u8], second: &[u8]) -> bool {
    let differences = first.iter().zip(second).fold(0, |sum, (one, other)| sum | (one ^ other));
    first.len() == second.len() && differences == 0
}

fn log_in(call: &mut Call<'_, '_>, user: &[u8], password: &[u8]) -> Outcome {
    let expected = call.server.config.password();
    if user != USER || !(expected.is_empty() || same(expected.as_bytes(), password)) {
        return Err(WRONG_PASSWORD.into());
    }
    call.session.authenticated = true;
    Ok(())
}

pub(super) fn auth(call: &mut Call<'_, '_>) -> Outcome {
    match call.args.len() {
        2 if call.server.config.password().is_empty() => {
            return Err("ERR AUTH <password> called without any password configured for the \
                        default user. Are you sure your configuration is correct?"
                .into());
        }
        2 => log_in(call, USER, call.args.get(1))?,
        3 => log_in(call, call.args.get(1), call.args.get(2))?,
        _ => return Err(SYNTAX.into()),
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn hello(call: &mut Call<'_, '_>) -> Outcome {
    let mut version = if call.session.resp3 { 3 } else { 2 };
    if call.args.len() > 1 {
        version = parse_integer(call.args.get(1))
            .ok_or("ERR Protocol version is not an integer or out of range")?;
        if !matches!(version, 2 | 3) {
            return Err("NOPROTO unsupported protocol version".into());
        }
    }
    let (mut at, mut credentials) = (2, None);
    while at < call.args.len() {
        let more = call.args.len() - at - 1;
        if call.is(at, "AUTH") && more >= 2 {
            credentials = Some((call.args.get(at + 1), call.args.get(at + 2)));
            at += 3;
        } else if call.is(at, "SETNAME") && more >= 1 {
            // As in Redis, it counts even if what follows is refused.
            let name = client::checked_name(call.args.get(at + 1), client::NAME)?;
            call.session.client.names().name = name;
            at += 2;
        } else {
            let option = shown(call.args.get(at));
            let option = option.split('\0').next().unwrap_or_default();
            return Err(Fault::from(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if let Some((user, password)) = credentials {
        log_in(call, user, password)?;
    }
    if !call.session.authenticated {
        return Err(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise \
                    the HELLO AUTH <user> <pass> option can be used to authenticate the \
                    client and select the RESP protocol version at the same time"
                .into(),
        );
    }
    call.session.resp3 = version == 3;
    call.reply.set_resp3(version == 3);
    let reply = &mut call.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(i64::try_from(call.session.client.id).unwrap_or(i64::MAX));
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}
