//! When keys expire.

use super::{Call, Fault, Outcome, shown};

/// The condition behind the time.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    only_without: bool,
    only_with: bool,
    later: bool,
    earlier: bool,
}

fn conditions(call: &Call<'_, '_>) -> Result<Conditions, Fault> {
    let mut conditions = Conditions::default();
    for at in 3..call.args.len() {
        let condition = match () {
            () if call.is(at, "NX") => &mut conditions.only_without,
            () if call.is(at, "XX") => &mut conditions.only_with,
            () if call.is(at, "GT") => &mut conditions.later,
            () if call.is(at, "LT") => &mut conditions.earlier,
            () => {
                let option = shown(call.args.get(at));
                return Err(format!("ERR Unsupported option {option}").into());
            }
        };
        *condition = true;
    }
    let Conditions { only_without, only_with, later, earlier } = conditions;
    if only_without && (only_with || later || earlier) {
        return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
    }
    if later && earlier {
        return Err("ERR GT and LT options at the same time are not compatible".into());
    }
    Ok(conditions)
}

fn set_expiry(call: &mut Call<'_, '_>, seconds: bool, relative: bool, name: &str) -> Outcome {
    let key = call.key(1);
    let conditions = conditions(call)?;
    let value = call.integer(2)?;
    let value_ms = if seconds { value.checked_mul(1_000) } else { Some(value) };
    let from_ms = if relative { i64::try_from(call.env.now_ms).unwrap_or(i64::MAX) } else { 0 };
    let at = value_ms.and_then(|ms| ms.checked_add(from_ms));
    let at = at.ok_or_else(|| format!("ERR invalid expire time in '{name}' command"))?;
    // What lies before 1970 has passed as well as 1970 has.
    let at = u64::try_from(at).unwrap_or(0);

    let shard = call.locks.of(key);
    let Some(now) = shard.expiry(call.env, key) else {
        call.reply.flag(false);
        return Ok(());
    };
    let refused = match now {
        None => conditions.only_with || conditions.later,
        Some(now) => {
            conditions.only_without
                || (conditions.later && at <= now)
                || (conditions.earlier && at >= now)
        }
    };
    if !refused {
        if at <= call.env.now_ms {
            shard.remove(call.env, key);
        } else {
            shard.set_expiry(call.env, key, Some(at))?;
        }
    }
    call.reply.flag(!refused);
    Ok(())
}

pub(super) fn expire(call: &mut Call<'_, '_>) -> Outcome {
    set_expiry(call, true, true, "expire")
}

pub(super) fn pexpire(call: &mut Call<'_, '_>) -> Outcome {
    set_expiry(call, false, true, "pexpire")
}

pub(super) fn expireat(call: &mut Call<'_, '_>) -> Outcome {
    set_expiry(call, true, false, "expireat")
}

pub(super) fn pexpireat(call: &mut Call<'_, '_>) -> Outcome {
    set_expiry(call, false, false, "pexpireat")
}

/// Answers a time, or -1 if the key does not expire, or -2 if there is none.
fn answer(call: &mut Call<'_, '_>, of: impl FnOnce(u64, u64) -> u64) -> Outcome {
    let key = call.key(1);
    let expiry = call.locks.of(key).expiry(call.env, key);
    call.reply.integer(match expiry {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => i64::try_from(of(at, call.env.now_ms)).unwrap_or(i64::MAX),
    });
    Ok(())
}

pub(super) fn ttl(call: &mut Call<'_, '_>) -> Outcome {
    answer(call, |at, now| (at - now + 500) / 1_000)
}

pub(super) fn pttl(call: &mut Call<'_, '_>) -> Outcome {
    answer(call, |at, now| at - now)
}

pub(super) fn expiretime(call: &mut Call<'_, '_>) -> Outcome {
    answer(call, |at, _| (at + 500) / 1_000)
}

pub(super) fn pexpiretime(call: &mut Call<'_, '_>) -> Outcome {
    answer(call, |at, _| at)
}

pub(super) fn persist(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let shard = call.locks.of(key);
    let expires = shard.expiry(call.env, key).flatten().is_some();
    if expires {
        shard.set_expiry(call.env, key, None)?;
    }
    call.reply.flag(expires);
    Ok(())
}
