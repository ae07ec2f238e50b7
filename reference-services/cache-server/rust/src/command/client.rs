//! CLIENT.

use super::{Call, Fault, Outcome, SYNTAX, describe, shown, table};
use crate::clients::{Client, NAME_BYTES_MAX};
use crate::resp::parse_integer;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const KINDS: [&str; 5] = ["normal", "master", "slave", "replica", "pubsub"];
/// What a connection takes beside its buffers, in bytes: for `tot-mem`.
const CONNECTION_BYTES: u64 = 1_024;

/// A text that clients may set, and how errors call it.
pub(super) type Named = (&'static str, &'static str);
/// The name of a client.
pub(super) const NAME: Named = ("Client names", "client name");

pub(super) fn checked_name(text: &[u8], (plural, singular): Named) -> Result<String, Fault> {
    if text.len() > NAME_BYTES_MAX {
        let problem = "exceeds maximum allowed size";
        return Err(format!("ERR {singular} {problem} ({NAME_BYTES_MAX} bytes)").into());
    }
    let text = String::from_utf8(text.to_vec()).ok();
    let text = text.filter(|text| text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
    text.ok_or_else(|| {
        format!("ERR {plural} cannot contain spaces, newlines or special characters.").into()
    })
}

pub(super) fn client(call: &mut Call<'_, '_>) -> Outcome {
    let own = Arc::clone(&call.session.client);
    match call.args.get(1).to_ascii_lowercase().as_slice() {
        b"id" => call.reply.integer(i64::try_from(own.id).unwrap_or(i64::MAX)),
        b"getname" => {
            let names = own.names();
            call.reply.bulk_or_null(Some(names.name.as_bytes()).filter(|name| !name.is_empty()));
        }
        b"setname" => {
            own.names().name = checked_name(call.args.get(2), NAME)?;
            call.reply.ok();
        }
        b"setinfo" => set_info(call, &own)?,
        b"info" => {
            call.session.publish(call.env.now_ms);
            let text = line(&own, call.env.now_ms) + "\n";
            call.reply.verbatim(&text);
        }
        b"list" => list(call)?,
        b"kill" => kill(call)?,
        b"no-evict" => {
            let on = call.is(2, "on");
            if !on && !call.is(2, "off") {
                return Err(SYNTAX.into());
            }
            own.no_evict.store(on, Relaxed);
            call.reply.ok();
        }
        _ => describe::help(call),
    }
    Ok(())
}

fn set_info(call: &mut Call<'_, '_>, own: &Client) -> Outcome {
    let text = call.args.get(3);
    if call.is(2, "lib-name") {
        own.names().library = checked_name(text, ("lib-name", "lib-name"))?;
    } else if call.is(2, "lib-ver") {
        own.names().library_version = checked_name(text, ("lib-ver", "lib-ver"))?;
    } else {
        let option = shown(call.args.get(2));
        return Err(format!("ERR Unrecognized option '{option}'").into());
    }
    call.reply.ok();
    Ok(())
}

/// One line of CLIENT LIST.
fn line(client: &Client, now_ms: u64) -> String {
    let names = client.names().clone();
    let queued = client.queued.load(Relaxed);
    let flags: String = [
        (queued >= 0, 'x'),
        (client.watch_failed.load(Relaxed), 'd'),
        (client.no_evict.load(Relaxed), 'e'),
    ]
    .into_iter()
    .filter_map(|(holds, flag)| holds.then_some(flag))
    .collect();
    let flags = if flags.is_empty() { "N" } else { &flags };
    let seconds_since = |at_ms: u64| now_ms.saturating_sub(at_ms) / 1_000;
    let (input, output) = (client.input_bytes.load(Relaxed), client.output_bytes.load(Relaxed));
    format!(
        "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags={flags} db={} sub=0 psub=0 ssub=0 \
         multi={queued} watch={} qbuf={input} qbuf-free=0 argv-mem=0 multi-mem=0 omem={output} \
         tot-mem={} events=r cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
        client.id,
        client.peer,
        client.local,
        names.name,
        seconds_since(client.connected_ms),
        seconds_since(client.active_ms.load(Relaxed)),
        client.db.load(Relaxed),
        client.watched.load(Relaxed),
        input + output + CONNECTION_BYTES,
        table::code_name(client.command.load(Relaxed)),
        if client.resp3.load(Relaxed) { 3 } else { 2 },
        names.library,
        names.library_version,
    )
}

fn is_kind(kind: &[u8]) -> Result<bool, Fault> {
    let known = KINDS.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(kind));
    let unknown = || format!("ERR Unknown client type '{}'", shown(kind)).into();
    known.map(|&name| name == "normal").ok_or_else(unknown)
}

fn list(call: &mut Call<'_, '_>) -> Outcome {
    call.session.publish(call.env.now_ms);
    let mut clients = call.server.clients.all();
    if call.args.len() == 4 && call.is(2, "TYPE") {
        if !is_kind(call.args.get(3))? {
            clients.clear();
        }
    } else if call.args.len() > 3 && call.is(2, "ID") {
        let ids: Option<Vec<i64>> = call.args.starting_at(3).map(parse_integer).collect();
        let ids = ids.ok_or("ERR Invalid client ID")?;
        clients.retain(|client| ids.contains(&(client.id as i64)));
    } else if call.args.len() != 2 {
        return Err(SYNTAX.into());
    }
    let mut text = String::new();
    for client in clients {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line(&client, call.env.now_ms));
    }
    call.reply.verbatim(&text);
    Ok(())
}

/// Which clients CLIENT KILL is to close.
#[derive(Debug)]
struct Filter<'c> {
    id: Option<u64>,
    peer: Option<&'c [u8]>,
    local: Option<&'c [u8]>,
    normal: bool,
    skip_own: bool,
}

impl<'c> Filter<'c> {
    fn read(call: &Call<'c, '_>) -> Result<Self, Fault> {
        let mut filter = Self { id: None, peer: None, local: None, normal: true, skip_own: true };
        if !call.args.len().is_multiple_of(2) {
            return Err(SYNTAX.into());
        }
        for at in (2..call.args.len()).step_by(2) {
            let value = call.args.get(at + 1);
            if call.is(at, "ID") {
                let id = parse_integer(value).filter(|&id| id > 0);
                filter.id = Some(id.ok_or("ERR client-id should be greater than 0")? as u64);
            } else if call.is(at, "TYPE") {
                filter.normal = is_kind(value)?;
            } else if call.is(at, "ADDR") {
                filter.peer = Some(value);
            } else if call.is(at, "LADDR") {
                filter.local = Some(value);
            } else if call.is(at, "USER") {
                if value != b"default" {
                    let user = shown(value);
                    return Err(format!("ERR No such user '{user}'").into());
                }
            } else if call.is(at, "SKIPME") {
                filter.skip_own = call.is(at + 1, "yes");
                if !filter.skip_own && !call.is(at + 1, "no") {
                    return Err(SYNTAX.into());
                }
            } else {
                return Err(SYNTAX.into());
            }
        }
        Ok(filter)
    }

    fn fits(&self, client: &Client) -> bool {
        let is =
            |wanted: Option<&[u8]>, text: String| wanted.is_none_or(|it| it == text.as_bytes());
        self.normal
            && self.id.is_none_or(|id| id == client.id)
            && is(self.peer, client.peer.to_string())
            && is(self.local, client.local.to_string())
    }
}

fn kill(call: &mut Call<'_, '_>) -> Outcome {
    let by_address = call.args.len() == 3;
    let filter = if by_address {
        let peer = Some(call.args.get(2));
        Filter { id: None, peer, local: None, normal: true, skip_own: false }
    } else {
        Filter::read(call)?
    };
    let own = call.session.client.id;
    let mut killed = 0;
    for client in call.server.clients.all() {
        if !filter.fits(&client) || (filter.skip_own && client.id == own) {
            continue;
        }
        killed += 1;
        if client.id == own {
            call.session.closing = true;
        } else {
            call.server.kill(&client);
        }
    }
    match (by_address, killed) {
        (true, 0) => return Err("ERR No such client".into()),
        (true, _) => call.reply.ok(),
        (false, _) => call.reply.count(killed),
    }
    Ok(())
}
