//! Strings as rows of bits.

use super::strings::part;
use super::{Call, Fault, Outcome, SYNTAX, string};
use crate::resp::{ARGUMENT_BYTES_MAX, parse_integer};

fn offset(text: &[u8]) -> Result<usize, Fault> {
    let offset = parse_integer(text).and_then(|offset| usize::try_from(offset).ok());
    let offset = offset.filter(|&offset| offset / 8 < ARGUMENT_BYTES_MAX);
    offset.ok_or_else(|| "ERR bit offset is not an integer or out of range".into())
}

fn mask(offset: usize) -> u8 {
    0x80 >> (offset % 8)
}

pub(super) fn getbit(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let offset = offset(call.args.get(2))?;
    let value = string(call.locks.of(key).read(call.env, key))?.unwrap_or_default();
    call.reply.flag(value.get(offset / 8).is_some_and(|byte| byte & mask(offset) != 0));
    Ok(())
}

pub(super) fn setbit(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let offset = offset(call.args.get(2))?;
    let on = match parse_integer(call.args.get(3)) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => return Err("ERR bit is not an integer or out of range".into()),
    };
    let shard = call.locks.of(key);
    let value = string(shard.peek(call.env, key))?.unwrap_or_default();
    if value.get(offset / 8).is_some_and(|byte| (byte & mask(offset) != 0) == on) {
        // Nothing to do is no change, which those who watch the key would see.
        call.reply.flag(on);
        return Ok(());
    }
    let bytes = value.len();
    let value = shard.edit_string(call.env, key, bytes.max(offset / 8 + 1))?;
    let mut was_on = false;
    if let Some(byte) = value.get_mut(offset / 8) {
        was_on = *byte & mask(offset) != 0;
        *byte = if on { *byte | mask(offset) } else { *byte & !mask(offset) };
    }
    call.reply.flag(was_on);
    Ok(())
}

pub(super) fn bitcount(call: &mut Call<'_, '_>) -> Outcome {
    let key = call.key(1);
    let value = call.locks.of(key).read(call.env, key);
    let Some(value) = string(value)? else {
        // Redis looks for the key before it looks at the range.
        call.reply.integer(0);
        return Ok(());
    };
    let integer = |argument| super::integer(call.args.get(argument));
    let is = |argument, word: &str| call.args.get(argument).eq_ignore_ascii_case(word.as_bytes());
    let range = match call.args.len() {
        2 => None,
        4 | 5 => Some((integer(2)?, integer(3)?)),
        _ => return Err(SYNTAX.into()),
    };
    if range.is_some_and(|(start, end)| start < 0 && end < 0 && start > end) {
        call.reply.integer(0);
        return Ok(());
    }
    let in_bits = call.args.len() == 5 && is(4, "BIT");
    if call.args.len() == 5 && !in_bits && !is(4, "BYTE") {
        return Err(SYNTAX.into());
    }
    let count = match range {
        None => ones(value),
        Some((start, end)) if in_bits => part(start, end, value.len() * 8).map_or(0, |bits| {
            let (first, last) = (*bits.start(), *bits.end());
            let bytes = value.get(first / 8..=last / 8).unwrap_or_default();
            let byte = |at: usize| value.get(at).copied().unwrap_or_default();
            // Less what stands before the first and behind the last bit in their bytes.
            let before = byte(first / 8) & !(0xff >> (first % 8));
            let behind = u32::from(byte(last / 8)) & (0x7f >> (last % 8));
            ones(bytes) - before.count_ones() as usize - behind.count_ones() as usize
        }),
        Some((start, end)) => {
            part(start, end, value.len()).and_then(|bytes| value.get(bytes)).map_or(0, ones)
        }
    };
    call.reply.count(count);
    Ok(())
}

fn ones(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u32 = words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum();
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    (in_words + in_rest) as usize
}
