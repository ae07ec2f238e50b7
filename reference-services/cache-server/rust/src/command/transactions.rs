//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use super::{Call, Command, Fault, Outcome, Scope, run, set_of_keys};
use crate::session::{Queued, Transaction};
use std::sync::atomic::Ordering;

const COMMANDS_MAX: usize = 16_384;
const BYTES_MAX: usize = 64 << 20;
const WATCHES_MAX: usize = 4_096;

/// Keeps a command for EXEC.
pub(super) fn queue(call: &mut Call<'_, '_>, number: usize, command: &'static Command) {
    let Some(transaction) = &mut call.session.transaction else { return };
    let bytes: usize = call.args.starting_at(0).map(<[u8]>::len).sum();
    if transaction.queue.len() >= COMMANDS_MAX || transaction.bytes + bytes > BYTES_MAX {
        transaction.failed = true;
        call.reply.error("ERR transaction exceeds maximum allowed size");
        return;
    }
    if !transaction.failed {
        transaction.bytes += bytes;
        transaction.queue.push(Queued::new(number, command, call.args));
    }
    call.reply.status("QUEUED");
}

pub(super) fn multi(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    call.session.transaction = Some(Box::new(Transaction::default()));
    call.reply.ok();
    Ok(())
}

pub(super) fn discard(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.take().is_none() {
        return Err("ERR DISCARD without MULTI".into());
    }
    call.session.unwatch(call.locks);
    call.reply.ok();
    Ok(())
}

/// Answers to an EXEC that may not run.
pub(super) fn abort(call: &mut Call<'_, '_>, fault: &Fault) {
    call.session.transaction = None;
    call.session.unwatch(call.locks);
    call.counters.error();
    let text = match fault {
        Fault::Text(text) => text.strip_prefix("ERR ").unwrap_or(text),
        Fault::Memory(_) => "",
    };
    call.reply.error(&format!("EXECABORT Transaction discarded because of: {text}"));
}

pub(super) fn exec(call: &mut Call<'_, '_>) -> Outcome {
    let Some(transaction) = call.session.transaction.take() else {
        return Err("ERR EXEC without MULTI".into());
    };
    if transaction.failed {
        call.session.unwatch(call.locks);
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    hold(call, &transaction);
    let watches = std::mem::take(&mut call.session.watches);
    let mut changed = false;
    for watch in &watches {
        let shard = call.locks.of_watch(watch);
        changed |= shard.is_changed(call.env, watch);
        shard.unwatch(watch);
    }
    if !watches.is_empty() {
        call.session.client.watch_failed.store(false, Ordering::Relaxed);
    }
    if changed {
        call.reply.null_array();
        return Ok(());
    }
    call.reply.array(transaction.queue.len());
    for queued in &transaction.queue {
        run_queued(call, queued);
    }
    Ok(())
}

/// Holds the shards of all keys that the commands name, and of those watched.
fn hold(call: &mut Call<'_, '_>, transaction: &Transaction) {
    let mut set = 0;
    for queued in &transaction.queue {
        set |= match queued.command.scope {
            Scope::All | Scope::Each => call.locks.set_of_all(),
            _ => set_of_keys(call.locks, call.server, queued.command, queued.args()),
        };
    }
    for watch in &call.session.watches {
        set |= call.locks.set_of(call.server.store.key(watch.db, &watch.key));
    }
    call.locks.release();
    call.locks.hold(set);
}

fn run_queued(call: &mut Call<'_, '_>, queued: &Queued) {
    let mut one = Call {
        key_hash: None,
        server: call.server,
        counters: call.counters,
        session: call.session,
        args: queued.args(),
        reply: call.reply.reborrow(),
        locks: call.locks,
        env: call.env,
    };
    run(&mut one, queued.number, queued.command);
    let resp3 = one.session.resp3;
    call.reply.set_resp3(resp3);
}

pub(super) fn watch(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    for argument in 1..call.args.len() {
        let key = call.key(argument);
        let watches = &call.session.watches;
        if watches.iter().any(|watch| watch.db == key.db && *watch.key == *key.bytes) {
            continue;
        }
        if watches.len() >= WATCHES_MAX {
            return Err("ERR too many watched keys".into());
        }
        let shard = call.locks.of(key);
        // A key that has expired is gone before it is watched.
        shard.peek(call.env, key);
        let watch = shard.watch(key.db, key.bytes, &call.session.client.watch_failed);
        call.session.watches.push(watch);
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn unwatch(call: &mut Call<'_, '_>) -> Outcome {
    call.session.unwatch(call.locks);
    call.reply.ok();
    Ok(())
}
