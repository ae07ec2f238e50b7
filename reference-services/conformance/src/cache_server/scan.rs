//! What SCAN and HSCAN promise while other clients write.

use super::resp::{Connection, Reply};
use super::{Subject, Test};
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("scan: SCAN finds all keys, once each when nothing changes", all_keys),
    ("scan: SCAN finds every key that stays while others come and go", under_changes),
    ("scan: SCAN while the table shrinks", while_shrinking),
    ("scan: HSCAN finds every field that stays", hash_under_changes),
    ("scan: one call looks at a bounded number of places", bounded),
    ("scan: MATCH and TYPE filter what is found", filters),
    ("scan: any cursor may be asked for", any_cursor),
];

/// Far above what any of these iterations needs.
const CALLS_MAX: usize = 100_000;

/// Iterates to the end; `between` runs after each call.
fn iterate(
    connection: &mut Connection,
    command: &[&str],
    options: &[&str],
    mut between: impl FnMut(&mut Connection, usize) -> Result<()>,
) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut cursor = "0".to_owned();
    for call in 0..CALLS_MAX {
        let command = [command, &[cursor.as_str()], options].concat();
        let reply = connection.call(&command)?;
        let [next, elements] = reply.items()? else { anyhow::bail!("SCAN is answered {reply}") };
        for element in elements.items()? {
            found.push(element.bytes()?.to_vec());
        }
        next.text()?;
        cursor = next.text()?.to_owned();
        ensure!(cursor.parse::<u64>().is_ok(), "the cursor is {cursor}");
        if cursor == "0" {
            return Ok(found);
        }
        between(connection, call)?;
    }
    anyhow::bail!("no end after {CALLS_MAX} calls")
}

fn nothing(_: &mut Connection, _: usize) -> Result<()> {
    Ok(())
}

fn set(connection: &mut Connection, prefix: &str, range: std::ops::Range<usize>) -> Result<()> {
    let commands: Vec<Vec<String>> =
        range.map(|n| vec!["SET".to_owned(), format!("{prefix}{n}"), n.to_string()]).collect();
    connection.pipeline(&commands).map(drop)
}

fn delete(connection: &mut Connection, prefix: &str, range: std::ops::Range<usize>) -> Result<()> {
    let commands: Vec<Vec<String>> =
        range.map(|n| vec!["DEL".to_owned(), format!("{prefix}{n}")]).collect();
    connection.pipeline(&commands).map(drop)
}

fn ensure_holds_all(found: &[Vec<u8>], prefix: &str, range: std::ops::Range<usize>) -> Result<()> {
    let found: BTreeSet<&[u8]> = found.iter().map(Vec::as_slice).collect();
    let count = range.len();
    let missing: Vec<String> = range
        .map(|n| format!("{prefix}{n}"))
        .filter(|key| !found.contains(key.as_bytes()))
        .collect();
    ensure!(
        missing.is_empty(),
        "{} of {count} were not found: {:?}",
        missing.len(),
        missing.first()
    );
    Ok(())
}

fn all_keys(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "k", 0..5_000)?;
    for options in [&[][..], &["COUNT", "1"], &["COUNT", "77"], &["COUNT", "100000"]] {
        let found = iterate(&mut connection, &["SCAN"], options, nothing)?;
        ensure_holds_all(&found, "k", 0..5_000).with_context(|| options.join(" "))?;
        ensure!(found.len() == 5_000, "{} found with {options:?}", found.len());
    }
    let keys = connection.words("KEYS *")?;
    ensure!(keys.items()?.len() == 5_000, "KEYS * found {}", keys.items()?.len());
    Ok(())
}

fn under_changes(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "stays", 0..2_000)?;
    // 30,000 keys come: the table grows several times. Some go again at once.
    let found = iterate(&mut connection, &["SCAN"], &["COUNT", "20"], |connection, call| {
        if call < 300 {
            set(connection, "comes", call * 100..call * 100 + 100)?;
            delete(connection, "comes", call * 100..call * 100 + 30)?;
        }
        Ok(())
    })?;
    ensure_holds_all(&found, "stays", 0..2_000)
}

fn while_shrinking(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "goes", 0..40_000)?;
    set(&mut connection, "stays", 0..500)?;
    let found = iterate(&mut connection, &["SCAN"], &["COUNT", "10"], |connection, call| {
        if call < 80 { delete(connection, "goes", call * 500..call * 500 + 500) } else { Ok(()) }
    })?;
    ensure_holds_all(&found, "stays", 0..500)
}

fn hash_under_changes(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let hset = |connection: &mut Connection, prefix: &str, range: std::ops::Range<usize>| {
        let mut command = vec!["HSET".to_owned(), "h".to_owned()];
        command.extend(range.flat_map(|n| [format!("{prefix}{n}"), n.to_string()]));
        connection.call(&command).map(drop)
    };
    hset(&mut connection, "stays", 0..1_000)?;
    let found = iterate(&mut connection, &["HSCAN", "h"], &["COUNT", "10"], |connection, call| {
        if call < 100 {
            hset(connection, "comes", call * 100..call * 100 + 100)?;
            let mut command = vec!["HDEL".to_owned(), "h".to_owned()];
            command.extend((call * 100..call * 100 + 50).map(|n| format!("comes{n}")));
            connection.call(&command)?;
        }
        Ok(())
    })?;
    let fields: BTreeMap<&[u8], &[u8]> = found
        .chunks(2)
        .filter_map(|pair| Some((pair.first()?.as_slice(), pair.get(1)?.as_slice())))
        .collect();
    for n in 0..1_000 {
        let value = fields.get(format!("stays{n}").as_bytes());
        let value = value.with_context(|| format!("stays{n} was not found"))?;
        ensure!(*value == n.to_string().as_bytes(), "stays{n} has another value");
    }
    Ok(())
}

fn bounded(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "k", 0..20_000)?;
    for (options, most) in [(&[][..], 150), (&["COUNT", "100"], 1_100), (&["MATCH", "k*"], 150)] {
        let command = [&["SCAN", "0"], options].concat();
        let reply = connection.call(&command)?;
        let count = reply.items()?.get(1).context("no elements")?.items()?.len();
        ensure!(count <= most, "{} gives {count} keys at once", command.join(" "));
    }
    let mut hset = vec!["HSET".to_owned(), "h".to_owned()];
    hset.extend((0..20_000).flat_map(|n| [format!("f{n}"), "v".to_owned()]));
    connection.call(&hset)?;
    let reply = connection.words("HSCAN h 0")?;
    let count = reply.items()?.get(1).context("no elements")?.items()?.len();
    ensure!(count <= 300, "HSCAN gives {count} names and values at once");
    Ok(())
}

fn filters(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "k", 0..1_000)?;
    for n in 0..50 {
        connection.expect(&format!("HSET hash{n} f v"), &Reply::Integer(1))?;
    }
    for (options, expected) in [
        (&["MATCH", "k1?"][..], 10),
        (&["MATCH", "*7"], 105),
        (&["TYPE", "hash"], 50),
        (&["TYPE", "string"], 1_000),
        (&["TYPE", "hash", "MATCH", "*1"], 5),
        (&["MATCH", "nothing*"], 0),
    ] {
        let found = iterate(&mut connection, &["SCAN"], options, nothing)?;
        ensure!(found.len() == expected, "{} found with {options:?}", found.len());
    }
    Ok(())
}

fn any_cursor(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    set(&mut connection, "k", 0..100)?;
    for cursor in ["1", "42", "4294967296", "9223372036854775807", "18446744073709551615"] {
        let reply = connection.call(&["SCAN", cursor])?;
        ensure!(reply.items()?.len() == 2, "SCAN {cursor} is answered {reply}");
        let reply = connection.call(&["HSCAN", "missing", cursor])?;
        ensure!(reply.items()?.len() == 2, "HSCAN missing {cursor} is answered {reply}");
    }
    Ok(())
}
