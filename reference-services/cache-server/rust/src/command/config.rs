//! CONFIG.

use super::{Call, Fault, Outcome, SYNTAX, describe, glob, shown};
use crate::config::{
    CLIENTS, MAXMEMORY_BYTES, PASSWORD_BYTES_MAX, Policy, TCP_KEEPALIVE_S, memory_bytes,
};
use crate::resp::ARGUMENT_BYTES_MAX;
use crate::server::Server;
use crate::store::{DATABASES, PACKED_BYTES_MAX, PACKED_FIELDS_MAX};
use std::ops::RangeInclusive;

/// A setting with a new value that was checked.
enum Change {
    MaxmemoryBytes(u64),
    Policy(Policy),
    ClientsMax(u64),
    TimeoutS(u64),
    Password(String),
}

fn settings(server: &Server) -> [(&'static str, String); 13] {
    let config = &server.config;
    [
        ("maxmemory", server.store.budget.bytes_max().to_string()),
        ("maxmemory-policy", server.policy().name().to_owned()),
        ("maxclients", config.clients_max().to_string()),
        ("timeout", config.timeout_s().to_string()),
        ("requirepass", config.password()),
        ("databases", DATABASES.to_string()),
        ("proto-max-bulk-len", ARGUMENT_BYTES_MAX.to_string()),
        ("hash-max-listpack-entries", PACKED_FIELDS_MAX.to_string()),
        ("hash-max-listpack-value", PACKED_BYTES_MAX.to_string()),
        ("port", config.port.to_string()),
        ("save", String::new()),
        ("appendonly", "no".to_owned()),
        ("tcp-keepalive", TCP_KEEPALIVE_S.to_string()),
    ]
}

pub(super) fn config(call: &mut Call<'_, '_>) -> Outcome {
    match call.args.get(1).to_ascii_lowercase().as_slice() {
        b"get" => get(call),
        b"set" => set(call)?,
        b"resetstat" => {
            call.server.stats.reset();
            call.locks.each(|shard| shard.stats = Default::default());
            call.reply.ok();
        }
        _ => describe::help(call),
    }
    Ok(())
}

fn get(call: &mut Call<'_, '_>) {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in settings(call.server) {
        let asked = call.args.starting_at(2).find(|it| glob::fits(it, name.as_bytes(), true));
        // A name without wildcards comes back as it was asked for.
        let exact = call.args.starting_at(2).find(|it| it.eq_ignore_ascii_case(name.as_bytes()));
        if asked.is_some() {
            found.push((exact.map_or(name.to_owned(), shown), value));
        }
    }
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
}

fn set(call: &mut Call<'_, '_>) -> Outcome {
    if !call.args.len().is_multiple_of(2) {
        return Err(SYNTAX.into());
    }
    let known = settings(call.server).map(|(name, _)| name);
    let mut names = Vec::new();
    let mut changes = Vec::new();
    for at in (2..call.args.len()).step_by(2) {
        let given = shown(call.args.get(at));
        let name = known.into_iter().find(|name| name.eq_ignore_ascii_case(&given));
        let unknown =
            || format!("ERR Unknown option or number of arguments for CONFIG SET - '{given}'");
        let name = name.ok_or_else(unknown)?;
        let refuse = |why: String| {
            let related = format!("possibly related to argument '{given}'");
            Fault::from(format!("ERR CONFIG SET failed ({related}) - {why}"))
        };
        if names.contains(&name) {
            return Err(refuse("duplicate parameter".to_owned()));
        }
        names.push(name);
        changes.push(change(name, call.args.get(at + 1)).map_err(refuse)?);
    }
    for change in changes {
        match change {
            Change::MaxmemoryBytes(bytes) => call.server.store.budget.set_bytes_max(bytes),
            Change::Policy(policy) => {
                let evicts = policy == Policy::Evict;
                call.server.store.set_evicts(evicts);
                // For what follows in this batch or transaction, and below.
                call.env.evicts.set(evicts);
            }
            Change::ClientsMax(clients) => call.server.config.set_clients_max(clients),
            Change::TimeoutS(seconds) => call.server.config.set_timeout_s(seconds),
            Change::Password(password) => call.server.config.set_password(password),
        }
    }
    call.locks.shrink_to_limit(call.env);
    call.reply.ok();
    Ok(())
}

fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number: i64 = text.parse().map_err(|_| "argument couldn't be parsed into an integer")?;
    let number = u64::try_from(number).ok().filter(|number| range.contains(number));
    number.ok_or_else(|| out_of(&range))
}

fn out_of(range: &RangeInclusive<u64>) -> String {
    format!("argument must be between {} and {} inclusive", range.start(), range.end())
}

/// Checks a new value.
fn change(name: &str, value: &[u8]) -> Result<Change, String> {
    let text = String::from_utf8_lossy(value).into_owned();
    match name {
        "maxmemory" => {
            let bytes = memory_bytes(&text).ok_or("argument must be a memory value")?;
            let allowed = MAXMEMORY_BYTES.contains(&bytes);
            if allowed { Ok(Change::MaxmemoryBytes(bytes)) } else { Err(out_of(&MAXMEMORY_BYTES)) }
        }
        "maxmemory-policy" => Policy::from_name(&text).map(Change::Policy).ok_or_else(|| {
            let names = [Policy::Refuse.name(), Policy::Evict.name()].join(", ");
            format!("argument(s) must be one of the following: {names}")
        }),
        "maxclients" => number(&text, CLIENTS).map(Change::ClientsMax),
        "timeout" => number(&text, 0..=i32::MAX as u64).map(Change::TimeoutS),
        "requirepass" if value.len() <= PASSWORD_BYTES_MAX => Ok(Change::Password(text)),
        "requirepass" => Err(format!("argument must be at most {PASSWORD_BYTES_MAX} bytes")),
        _ => Err("can't set immutable config".to_owned()),
    }
}
