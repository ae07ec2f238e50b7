//! Every command in `vectors/cache/commands.txt`: how it describes itself, and its arity.

use super::resp::{Connection, Reply};
use super::{Subject, Test};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("commands: COMMAND and COMMAND INFO describe each", describe),
    ("commands: COMMAND DOCS has summary, since and group of each", documents),
    ("commands: a wrong number of arguments is refused", arity),
    ("commands: container commands help", help),
];

const TABLE: &str = include_str!("../../vectors/cache/commands.txt");
/// The flags that the contract promises.
const FLAGS: [&[u8]; 5] = [b"write", b"readonly", b"denyoom", b"fast", b"admin"];

struct Row<'a> {
    name: &'a str,
    arity: i64,
    keys: [i64; 3],
    flags: BTreeSet<&'a [u8]>,
    since: &'a str,
    group: &'a str,
}

/// `name arity first-key last-key step flags|- since group`, a line each.
fn rows() -> Result<Vec<Row<'static>>> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| row(line).with_context(|| line.to_owned())).collect()
}

fn row(line: &str) -> Result<Row<'_>> {
    let columns: Vec<&str> = line.split(' ').collect();
    let &[name, arity, first, last, step, flags, since, group] = columns.as_slice() else {
        anyhow::bail!("not eight columns");
    };
    let flags = flags.split(',').filter(|flag| *flag != "-").map(str::as_bytes).collect();
    let keys = [first.parse()?, last.parse()?, step.parse()?];
    Ok(Row { name, arity: arity.parse()?, keys, flags, since, group })
}

fn describe(address: SocketAddr, subject: Subject) -> Result<()> {
    let rows = rows()?;
    for mut connection in [Connection::open(address)?, Connection::open_resp3(address)?] {
        let mut command = vec!["COMMAND", "INFO"];
        command.extend(rows.iter().map(|row| row.name));
        let reply = connection.call(&command)?;
        let entries = reply.items()?;
        ensure!(entries.len() == rows.len(), "{} entries", entries.len());
        for (row, entry) in rows.iter().zip(entries) {
            check_entry(row, entry, subject).with_context(|| row.name.to_owned())?;
        }
        let all = connection.words("COMMAND")?;
        let count = connection.words("COMMAND COUNT")?.integer()?;
        ensure!(usize::try_from(count)? == all.items()?.len(), "COMMAND COUNT is {count}");
        ensure!(subject == Subject::Redis || all.items()?.len() == rows.len(), "{count} commands");
        for entry in entries {
            let name = entry.items()?.first();
            let listed =
                all.items()?.iter().any(|one| one.items().ok().and_then(<[_]>::first) == name);
            ensure!(listed, "COMMAND lacks {name:?}");
        }
        let mixed = connection.words("COMMAND INFO GeT nosuch")?;
        ensure!(mixed.items()?.first() == entry_of(&rows, entries, "get"), "COMMAND INFO GeT");
    }
    Ok(())
}

fn entry_of<'a>(rows: &[Row<'_>], entries: &'a [Reply], name: &str) -> Option<&'a Reply> {
    entries.get(rows.iter().position(|row| row.name == name)?)
}

fn check_entry(row: &Row<'_>, entry: &Reply, subject: Subject) -> Result<()> {
    let [name, arity, flags, first, last, step, rest @ ..] = entry.items()? else {
        anyhow::bail!("{entry} is too short");
    };
    ensure!(name.text()? == row.name, "it is named {name}");
    ensure!(arity.integer()? == row.arity, "its arity is {arity}");
    let keys = [first.integer()?, last.integer()?, step.integer()?];
    ensure!(keys == row.keys, "its keys are {keys:?}");
    let mut found = BTreeSet::new();
    for flag in flags.items()? {
        let Reply::Simple(flag) = flag else { anyhow::bail!("{flag} is no flag") };
        found.insert(flag.as_slice());
    }
    if subject == Subject::Redis {
        found.retain(|flag| FLAGS.contains(flag));
    }
    ensure!(found == row.flags, "its flags are {flags}");
    ensure!(rest.len() == 4, "it has {} elements", rest.len() + 6);
    for list in rest {
        let empty = list.items()?.is_empty();
        ensure!(empty || subject == Subject::Redis, "{list} is not empty");
    }
    Ok(())
}

fn documents(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open_resp3(address)?;
    let rows = rows()?;
    let Reply::Map(all) = connection.words("COMMAND DOCS")? else {
        anyhow::bail!("COMMAND DOCS is no map");
    };
    ensure!(subject == Subject::Redis || all.len() == rows.len(), "{} documents", all.len());
    for row in &rows {
        let found = all.iter().find(|(name, _)| name.text().ok() == Some(row.name));
        let (_, entry) = found.with_context(|| format!("{} is not there", row.name))?;
        check_document(row, entry).with_context(|| row.name.to_owned())?;
        let one = connection.call(&["COMMAND", "DOCS", row.name])?;
        let expected = Reply::Map(vec![(Reply::bulk(row.name.as_bytes()), entry.clone())]);
        ensure!(one == expected, "COMMAND DOCS {} is {one}", row.name);
    }
    Ok(())
}

fn check_document(row: &Row<'_>, entry: &Reply) -> Result<()> {
    let Reply::Map(fields) = entry else { anyhow::bail!("{entry} is no map") };
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key.text().ok() == Some(name));
        found.with_context(|| format!("it has no {name}"))?.1.text()
    };
    ensure!(!field("summary")?.is_empty(), "its summary is empty");
    let (since, group) = (field("since")?, field("group")?);
    ensure!((since, group) == (row.since, row.group), "it is of {since}, {group}");
    Ok(())
}

/// One argument too few, and one too many where their number is fixed.
fn arity(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for row in rows()? {
        let least = usize::try_from(row.arity.unsigned_abs())?;
        let mut counts = vec![least - 1];
        if row.arity > 0 {
            counts.push(least + 1);
        }
        for count in counts.into_iter().filter(|count| *count > 0) {
            let mut command = vec![row.name];
            command.resize(count, "1");
            let wrong = format!("wrong number of arguments for '{}' command", row.name);
            let expected = match row.name {
                "exec" => format!("EXECABORT Transaction discarded because of: {wrong}"),
                _ => format!("ERR {wrong}"),
            };
            let expected = Reply::error(&expected);
            let reply = connection.call(&command)?;
            ensure!(reply == expected, "{} is answered {reply}", command.join(" "));
            // In a transaction it is refused at once, too.
            connection.expect("MULTI", &Reply::ok())?;
            let reply = connection.call(&command)?;
            ensure!(reply == expected, "in MULTI, {} is answered {reply}", command.join(" "));
            connection.words("DISCARD")?;
        }
    }
    Ok(())
}

fn help(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for name in ["CLIENT", "COMMAND", "CONFIG", "DEBUG", "LATENCY", "MEMORY", "OBJECT"] {
        let reply = connection.call(&[name, "HELP"])?;
        let lines = reply.items().with_context(|| name.to_owned())?;
        let simple = lines.iter().all(|line| matches!(line, Reply::Simple(_)));
        ensure!(simple && !lines.is_empty(), "{name} HELP is {reply}");
    }
    Ok(())
}
