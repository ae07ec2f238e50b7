//! Expiry in real time. Only lower bounds are exact: a service may be slow, but not early.

use super::resp::{Connection, Reply};
use super::{Subject, Test, eventually, info_number};
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("expiry: a key lives as long as it was told, to the millisecond", to_the_millisecond),
    ("expiry: an expired key is there for no command", gone_for_all),
    ("expiry: lazily, when the active one is off", lazily),
    ("expiry: memory comes back without anyone touching the keys", actively),
    ("expiry: TTL rounds, PTTL counts down", ttl),
    ("expiry: a later deadline replaces an earlier one", replaced),
];

fn to_the_millisecond(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for round in 0..10 {
        let before = Instant::now();
        connection.expect("SET k v PX 60", &Reply::ok())?;
        let after_set = Instant::now();
        loop {
            let asked = Instant::now();
            let gone = connection.words("GET k")? == Reply::NullBulk;
            if gone {
                // The service's clock counts whole milliseconds.
                let lived = before.elapsed();
                ensure!(lived >= Duration::from_millis(59), "round {round}: gone after {lived:?}");
                break;
            }
            let age = asked.duration_since(after_set);
            ensure!(age <= Duration::from_millis(80), "round {round}: still there after {age:?}");
        }
    }
    Ok(())
}

/// Every way to notice a key, with the active expiry off so that it is still in the table.
fn gone_for_all(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect("DEBUG SET-ACTIVE-EXPIRE 0", &Reply::ok())?;
    let nil = Reply::NullBulk;
    let (zero, one) = (Reply::Integer(0), Reply::Integer(1));
    let empty = Reply::Array(Vec::new());
    let scanned = Reply::Array(vec![Reply::bulk(b"0"), empty.clone()]);
    for (command, expected) in [
        ("GET k", nil.clone()),
        ("EXISTS k", zero.clone()),
        ("TYPE k", Reply::Simple(b"none".to_vec())),
        ("TTL k", Reply::Integer(-2)),
        ("PEXPIRETIME k", Reply::Integer(-2)),
        ("STRLEN k", zero.clone()),
        ("GETRANGE k 0 -1", Reply::bulk(b"")),
        ("MGET k", Reply::Array(vec![nil.clone()])),
        ("KEYS *", empty),
        ("SCAN 0 COUNT 1000", scanned),
        ("RANDOMKEY", nil.clone()),
        ("DEL k", zero.clone()),
        ("TOUCH k", zero.clone()),
        ("EXPIRE k 100", zero.clone()),
        ("PERSIST k", zero.clone()),
        ("GETDEL k", nil.clone()),
        ("GETEX k PERSIST", nil.clone()),
        ("GETSET k w", nil.clone()),
        ("SET k w XX", nil.clone()),
        ("SET k w NX", Reply::ok()),
        ("SET k w GET", nil.clone()),
        ("SET k w KEEPTTL", Reply::ok()),
        ("SETNX k w", one.clone()),
        ("MSETNX k w", one.clone()),
        ("APPEND k w", one.clone()),
        ("INCR k", one.clone()),
        ("SETBIT k 7 1", zero.clone()),
        ("RENAME k x", Reply::error("ERR no such key")),
        ("COPY k x", zero.clone()),
        ("OBJECT ENCODING k", nil.clone()),
        ("MEMORY USAGE k", nil.clone()),
        ("HGET k f", nil),
        ("HLEN k", zero),
        ("HSET k f v", one),
    ] {
        connection.expect("FLUSHALL", &Reply::ok())?;
        if command.starts_with("MEMORY") && subject == Subject::Redis {
            continue;
        }
        connection.expect("SET k 41 PX 1", &Reply::ok())?;
        sleep(Duration::from_millis(4));
        connection.expect(command, &expected)?;
        let ttl = connection.words("TTL k")?.integer()?;
        ensure!(ttl < 0, "after {command} the key has the old deadline");
    }
    connection.expect("DEBUG SET-ACTIVE-EXPIRE 1", &Reply::ok())
}

fn lazily(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect("DEBUG SET-ACTIVE-EXPIRE 0", &Reply::ok())?;
    connection.expect("HSET h f v", &Reply::Integer(1))?;
    connection.expect("PEXPIRE h 20", &Reply::Integer(1))?;
    let before = info_number(&mut connection, "expired_keys")?;
    sleep(Duration::from_millis(300));
    connection.expect("DBSIZE", &Reply::Integer(1))?;
    connection.expect("HGETALL h", &Reply::Array(Vec::new()))?;
    connection.expect("DBSIZE", &Reply::Integer(0))?;
    let after = info_number(&mut connection, "expired_keys")?;
    ensure!(after == before + 1, "expired_keys went from {before} to {after}");
    connection.expect("DEBUG SET-ACTIVE-EXPIRE 1", &Reply::ok())
}

fn actively(address: SocketAddr, _: Subject) -> Result<()> {
    const KEYS: usize = 20_000;
    let mut connection = Connection::open(address)?;
    let empty = info_number(&mut connection, "used_memory")?;
    let value = "v".repeat(600);
    let commands: Vec<Vec<String>> = (0..KEYS)
        .map(|n| vec!["SET".into(), format!("key:{n}"), value.clone(), "PX".into(), "1500".into()])
        .collect();
    connection.pipeline(&commands)?;
    connection.expect("SET stays v", &Reply::ok())?;
    let full = info_number(&mut connection, "used_memory")?;
    let expected = empty + KEYS as u64 * 600;
    ensure!(full > expected, "used_memory went from {empty} to {full} with {KEYS} keys");
    eventually("expired keys are gone", Duration::from_secs(8), || {
        Ok(connection.words("DBSIZE")? == Reply::Integer(1))
    })?;
    let after = info_number(&mut connection, "used_memory")?;
    ensure!(after < empty + 8_388_608, "used_memory went from {empty} over {full} to {after}");
    Ok(())
}

fn ttl(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect("SET k v PX 10400", &Reply::ok())?;
    let seconds = connection.words("TTL k")?.integer()?;
    ensure!((9..=10).contains(&seconds), "TTL of 10.4 s is {seconds}");
    connection.expect("SET k v PX 10900", &Reply::ok())?;
    connection.expect("PEXPIRE k 10999", &Reply::Integer(1))?;
    let seconds = connection.words("TTL k")?.integer()?;
    ensure!((10..=11).contains(&seconds), "TTL of 10.999 s is {seconds}");
    let first = connection.words("PTTL k")?.integer()?;
    sleep(Duration::from_millis(50));
    let second = connection.words("PTTL k")?.integer()?;
    ensure!(first - second >= 49, "PTTL went from {first} to {second} in 50 ms");
    Ok(())
}

fn replaced(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for (key, prolong) in
        ["PEXPIRE 0 60000", "PERSIST 1", "SET 2 w", "SET 3 w PX 60000", "GETEX 4 PERSIST"]
            .iter()
            .enumerate()
    {
        connection.expect(&format!("SET {key} v PX 300"), &Reply::ok())?;
        connection.words(prolong)?;
    }
    sleep(Duration::from_millis(350));
    connection.expect("EXISTS 0 1 2 3 4", &Reply::Integer(5))
}
