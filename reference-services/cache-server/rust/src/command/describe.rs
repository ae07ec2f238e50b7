//! COMMAND, and the help of every container.

use super::table::{COMMANDS, Command, FLAG_NAMES, Scope};
use super::{Call, Outcome, find};
use crate::resp::Reply;

/// The elements of an entry that have nothing in them here: categories, tips, key specifications,
/// subcommands.
const EMPTY_ELEMENTS: usize = 4;

pub(super) fn command(call: &mut Call<'_, '_>) -> Outcome {
    let args = call.args;
    let reply = &mut call.reply;
    match args.get(1).to_ascii_lowercase().as_slice() {
        _ if args.len() == 1 => {
            reply.array(COMMANDS.len());
            COMMANDS.iter().for_each(|command| entry(reply, command));
        }
        b"count" => reply.count(COMMANDS.len()),
        b"info" if args.len() == 2 => {
            reply.array(COMMANDS.len());
            COMMANDS.iter().for_each(|command| entry(reply, command));
        }
        b"info" => {
            reply.array(args.len() - 2);
            for name in args.starting_at(2) {
                match find(name) {
                    Some((_, command)) => entry(reply, command),
                    None => reply.null(),
                }
            }
        }
        b"docs" => {
            let named =
                args.starting_at(2).filter_map(|name| find(name).map(|(_, command)| command));
            let commands: Vec<&Command> =
                if args.len() == 2 { COMMANDS.iter().collect() } else { named.collect() };
            reply.map(commands.len());
            commands.into_iter().for_each(|command| docs(reply, command));
        }
        _ => help(call),
    }
    Ok(())
}

fn entry(reply: &mut Reply<'_>, command: &Command) {
    let keys = match command.scope {
        // A container has no keys of its own.
        Scope::Keys { first, last, step } if !command.is_container() && command.name != "debug" => {
            [first.into(), last.into(), step.into()]
        }
        _ => [0, 0, 0],
    };
    reply.array(6 + EMPTY_ELEMENTS);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity.into());
    let flags = FLAG_NAMES.iter().filter(|(flag, _)| command.flags & flag != 0);
    reply.set(flags.clone().count());
    flags.for_each(|(_, name)| reply.status(name));
    keys.into_iter().for_each(|key| reply.integer(key));
    reply.set(0);
    (1..EMPTY_ELEMENTS).for_each(|_| reply.array(0));
}

fn docs(reply: &mut Reply<'_>, command: &Command) {
    reply.bulk(command.name.as_bytes());
    reply.map(3);
    let parts = [("summary", command.summary), ("since", command.since), ("group", command.group)];
    for (name, text) in parts {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
}

/// Names the subcommands of a container.
pub(super) fn help(call: &mut Call<'_, '_>) {
    let Some((_, command)) = find(call.args.get(0)) else { return };
    let subcommands = command.subcommands().unwrap_or_default();
    call.reply.array(subcommands.len() + 1);
    let name = command.name.to_ascii_uppercase();
    call.reply.status(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (subcommand, _) in subcommands {
        call.reply.status(&subcommand.to_ascii_uppercase());
    }
}
