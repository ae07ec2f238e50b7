//! Clients that are listed, killed, slow, or many.

use super::resp::{Connection, Reply, request};
use super::{Subject, Test, eventually, info_number};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("clients: CLIENT KILL by id and by address", kill),
    ("clients: a client may kill itself and is answered", kill_self),
    ("clients: ids grow, and the list follows", list),
    ("clients: flags tell of a transaction and of watched keys that changed", flags),
    ("clients: omem tells of replies that were not taken", unsent),
    ("clients: tcp-keepalive is as in Redis", keepalive),
    ("clients: numbers of databases are refused as by Redis", databases),
    ("clients: one that does not read its replies is closed", slow_reader),
    ("clients: one that reads slowly gets every byte", patient_reader),
    ("clients: hundreds that come and go leave nothing behind", churn),
    ("clients: INFO counts them, and RESETSTAT resets", statistics),
];

fn client_id(connection: &mut Connection) -> Result<i64> {
    connection.words("CLIENT ID")?.integer()
}

fn kill(address: SocketAddr, _: Subject) -> Result<()> {
    let mut killer = Connection::open(address)?;
    for by in ["id", "addr", "old"] {
        let mut victim = Connection::open(address)?;
        let id = client_id(&mut victim)?;
        let line = killer.words(&format!("CLIENT LIST ID {id}"))?;
        let line = line.text()?;
        let victim_address = line.split(' ').find_map(|field| field.strip_prefix("addr="));
        let victim_address = victim_address.with_context(|| format!("no addr in {line}"))?;
        match by {
            "id" => killer.expect(&format!("CLIENT KILL ID {id}"), &Reply::Integer(1))?,
            "addr" => {
                let command = format!("CLIENT KILL TYPE normal ADDR {victim_address} SKIPME yes");
                killer.expect(&command, &Reply::Integer(1))?;
            }
            _ => killer.expect(&format!("CLIENT KILL {victim_address}"), &Reply::ok())?,
        }
        victim.expect_closed()?;
        eventually("it is no longer listed", Duration::from_secs(5), || {
            let listed = killer.words(&format!("CLIENT LIST ID {id}"))?;
            Ok(listed.bytes()?.is_empty())
        })?;
        killer.expect(&format!("CLIENT KILL ID {id}"), &Reply::Integer(0))?;
    }
    Ok(())
}

fn kill_self(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let id = client_id(&mut connection)?;
    connection.expect(&format!("CLIENT KILL ID {id}"), &Reply::Integer(0))?;
    connection.expect(&format!("CLIENT KILL ID {id} SKIPME no"), &Reply::Integer(1))?;
    connection.expect_closed()
}

fn list(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connections = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..10 {
        let mut connection = Connection::open(address)?;
        ids.push(client_id(&mut connection)?);
        connections.push(connection);
    }
    ensure!(ids.is_sorted_by(|one, next| one < next), "the ids are {ids:?}");
    let watcher = connections.last_mut().context("no connection")?;
    if let [first, second, ..] = ids.as_slice() {
        let reply = watcher.words(&format!("CLIENT LIST ID {second} {first}"))?;
        ensure!(reply.text()?.lines().count() == 2, "two ids are listed as {reply}");
    }
    let all = watcher.words("CLIENT LIST")?;
    for (id, line) in ids.iter().zip(
        all.text()?
            .lines()
            .filter(|line| ids.iter().any(|id| line.starts_with(&format!("id={id} ")))),
    ) {
        ensure!(line.starts_with(&format!("id={id} ")), "{line} is not of client {id}");
    }
    Ok(())
}

/// A field of a client's line.
fn listed(watcher: &mut Connection, id: i64, field: &str) -> Result<String> {
    let line = watcher.words(&format!("CLIENT LIST ID {id}"))?;
    let line = line.text()?;
    let value = line.split(' ').find_map(|one| one.strip_prefix(field)?.strip_prefix('='));
    Ok(value.with_context(|| format!("no {field} in {line:?}"))?.to_owned())
}

fn flags(address: SocketAddr, _: Subject) -> Result<()> {
    let mut other = Connection::open(address)?;
    let mut client = Connection::open(address)?;
    let id = client_id(&mut client)?;
    let expect = |other: &mut Connection, when: &str, expected: &str| {
        let flags = listed(other, id, "flags")?;
        ensure!(flags == expected, "the flags {when} are {flags}, not {expected}");
        Ok(())
    };
    // What ends it.
    for (begin, dirty, end) in [
        (&["WATCH k l", "MULTI"][..], "xd", "EXEC"),
        (&["WATCH k", "MULTI"], "xd", "DISCARD"),
        (&["WATCH l", "WATCH k"], "d", "UNWATCH"),
        (&["WATCH k"], "d", "EXEC-ALONE"),
        (&["WATCH k"], "d", "RESET"),
    ] {
        for change in ["SET k v", "FLUSHALL", "SET k w", "DEL k"] {
            other.words("SETNX k before")?;
            for command in begin {
                client.expect(command, &Reply::ok())?;
            }
            let clean = if dirty == "xd" { "x" } else { "N" };
            other.words("SET unwatched v")?;
            expect(&mut other, "of a client whose keys are as they were", clean)?;
            other.words(change)?;
            expect(&mut other, &format!("after {change}"), dirty)?;
            if dirty == "d" {
                let own = client.words("CLIENT INFO")?;
                ensure!(own.text()?.contains(" flags=d "), "CLIENT INFO is {own}");
            }
            if end == "EXEC-ALONE" {
                client.expect("MULTI", &Reply::ok())?;
                client.expect("EXEC", &Reply::NullArray)?;
            } else {
                client.words(end)?;
            }
            expect(&mut other, &format!("after {end}"), "N")?;
            other.words("SET k after")?;
            expect(&mut other, "when nothing is watched any more", "N")?;
        }
    }
    // A transaction that went through, and its own writes.
    for command in ["WATCH k", "MULTI"] {
        client.expect(command, &Reply::ok())?;
    }
    client.words("SET k v")?;
    client.words("CLIENT INFO")?;
    ensure!(client.words("EXEC")?.items()?.len() == 2, "EXEC was aborted");
    expect(&mut other, "after an EXEC", "N")
}

/// What a client asked for and does not read is told, until it does.
fn unsent(address: SocketAddr, _: Subject) -> Result<()> {
    // More than the sockets take, and less than what Redis closes a client for.
    const REPLIES: usize = 56;
    let mut watcher = Connection::open(address)?;
    watcher.expect("SETRANGE k 1048575 x", &Reply::Integer(1_048_576))?;
    let mut slow = Connection::open(address)?;
    let id = client_id(&mut slow)?;
    let omem =
        |watcher: &mut Connection| -> Result<u64> { Ok(listed(watcher, id, "omem")?.parse()?) };
    slow.send(&request(&["GET", "k"]).repeat(REPLIES))?;
    eventually(
        "omem tells what is unsent",
        Duration::from_secs(5),
        || Ok(omem(&mut watcher)? > 0),
    )?;
    for _ in 0..REPLIES {
        slow.receive()?;
    }
    eventually("omem is 0 again", Duration::from_secs(5), || Ok(omem(&mut watcher)? == 0))
}

fn keepalive(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let reply = connection.words("CONFIG GET tcp-keepalive")?;
    let expected = Reply::Array(vec![Reply::bulk(b"tcp-keepalive"), Reply::bulk(b"300")]);
    ensure!(reply == expected, "CONFIG GET tcp-keepalive is answered {reply}");
    Ok(())
}

/// Numbers of 32 bits, of 64 bits and beyond are told apart.
fn databases(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let missing = "ERR DB index is out of range";
    let range = "ERR value is out of range, value must between -2147483648 and 2147483647";
    let integer = "ERR value is not an integer or out of range";
    for (number, fault, of_32_bits) in [
        ("16", missing, true),
        ("-1", missing, true),
        ("2147483647", missing, true),
        ("-2147483648", missing, true),
        ("2147483648", range, false),
        ("-2147483649", range, false),
        ("9223372036854775807", range, false),
        ("9223372036854775808", integer, false),
        ("one", integer, false),
        ("1.0", integer, false),
    ] {
        let [first, second] = match of_32_bits {
            true => [missing; 2],
            false => ["ERR invalid first DB index", "ERR invalid second DB index"],
        };
        for (command, fault) in [
            (format!("SELECT {number}"), fault),
            (format!("COPY k l DB {number}"), fault),
            (format!("COPY k k DB {number} REPLACE"), fault),
            (format!("SWAPDB {number} 0"), first),
            (format!("SWAPDB 0 {number}"), second),
        ] {
            connection.expect(&command, &Reply::error(fault))?;
        }
    }
    connection.expect("SWAPDB one two", &Reply::error("ERR invalid first DB index"))?;
    connection.expect("SWAPDB 16 two", &Reply::error("ERR invalid second DB index"))
}

/// Asks for 400 MiB and reads nothing: the service must neither keep them nor the client.
fn slow_reader(address: SocketAddr, _: Subject) -> Result<()> {
    let mut watcher = Connection::open(address)?;
    watcher.expect("SETRANGE k 1048575 x", &Reply::Integer(1_048_576))?;
    let mut slow = Connection::open(address)?;
    let id = client_id(&mut slow)?;
    let gets = request(&["GET", "k"]).repeat(400);
    slow.send(&gets)?;
    eventually("the client is closed", Duration::from_secs(20), || {
        let listed = watcher.words(&format!("CLIENT LIST ID {id}"))?;
        Ok(listed.bytes()?.is_empty())
    })?;
    let received = slow.drain()?;
    ensure!(received < 300 * 1_048_576, "{received} bytes of replies were kept");
    Ok(())
}

/// Reads 40 MiB in small pieces while others are served.
fn patient_reader(address: SocketAddr, _: Subject) -> Result<()> {
    const REPLIES: usize = 40;
    let mut other = Connection::open(address)?;
    other.expect("SETRANGE k 1048575 x", &Reply::Integer(1_048_576))?;
    let mut slow = Connection::open(address)?;
    slow.send(&request(&["GET", "k"]).repeat(REPLIES))?;
    for n in 0..REPLIES {
        thread::sleep(Duration::from_millis(20));
        let reply = slow.receive().with_context(|| format!("reply {n}"))?;
        ensure!(reply.bytes()?.len() == 1_048_576, "reply {n} has {} bytes", reply.bytes()?.len());
        other.expect("PING", &Reply::Simple(b"PONG".to_vec()))?;
    }
    slow.expect("PING", &Reply::Simple(b"PONG".to_vec()))
}

fn churn(address: SocketAddr, _: Subject) -> Result<()> {
    let mut watcher = Connection::open(address)?;
    for round in 0..10 {
        let mut connections = Vec::new();
        for n in 0..100 {
            let mut connection = Connection::open(address)?;
            match n % 4 {
                0 => connection.expect("SET k v", &Reply::ok())?,
                1 => connection.send(b"*2\r\n$3\r\nGET\r\n$100\r\nabc")?,
                2 => {
                    connection.expect("WATCH k", &Reply::ok())?;
                    connection.expect("MULTI", &Reply::ok())?;
                    connection.words("SET k w")?;
                }
                _ => {}
            }
            connections.push(connection);
        }
        drop(connections);
        watcher.expect("GET k", &Reply::bulk(b"v")).with_context(|| format!("round {round}"))?;
    }
    eventually("all are gone", Duration::from_secs(5), || {
        Ok(info_number(&mut watcher, "connected_clients")? == 1)
    })
}

fn statistics(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect("CONFIG RESETSTAT", &Reply::ok())?;
    connection.expect("SET k v", &Reply::ok())?;
    connection.expect("SELECT 3", &Reply::ok())?;
    connection.expect("SET k v EX 100", &Reply::ok())?;
    connection.expect("SET l v", &Reply::ok())?;
    connection.words("MGET k l missing")?;
    connection.words("HGET nothing f")?;
    connection.words("EXISTS k missing")?;
    let _other = Connection::open(address)?.words("PING")?;
    for (field, expected) in
        [("keyspace_hits", 3), ("keyspace_misses", 3), ("total_connections_received", 1)]
    {
        let value = info_number(&mut connection, field)?;
        ensure!(value == expected, "{field} is {value}, not {expected}");
    }
    let commands = info_number(&mut connection, "total_commands_processed")?;
    ensure!((8..=15).contains(&commands), "total_commands_processed is {commands}");
    let keyspace = connection.words("INFO keyspace")?;
    let text = keyspace.text()?;
    ensure!(text.starts_with("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl="), "{keyspace}");
    ensure!(text.contains("\r\ndb3:keys=2,expires=1,avg_ttl="), "{keyspace}");
    connection.expect("CONFIG RESETSTAT", &Reply::ok())?;
    for field in ["keyspace_hits", "total_connections_received", "evicted_keys", "expired_keys"] {
        let value = info_number(&mut connection, field)?;
        ensure!(value == 0, "{field} is {value} after CONFIG RESETSTAT");
    }
    sections(&mut connection, subject)
}

const SECTIONS: [(&str, &[&str]); 7] = [
    ("Server", &["redis_version", "redis_mode", "process_id", "tcp_port", "uptime_in_seconds"]),
    ("Clients", &["connected_clients", "maxclients", "blocked_clients"]),
    ("Memory", &["used_memory", "used_memory_rss", "maxmemory", "maxmemory_policy"]),
    ("Persistence", &["loading"]),
    (
        "Stats",
        &[
            "total_connections_received",
            "total_commands_processed",
            "rejected_connections",
            "expired_keys",
            "evicted_keys",
            "keyspace_hits",
            "keyspace_misses",
        ],
    ),
    ("Replication", &["role", "connected_slaves"]),
    ("Keyspace", &["db0", "db3"]),
];

fn sections(connection: &mut Connection, subject: Subject) -> Result<()> {
    for (section, fields) in SECTIONS {
        let reply = connection.call(&["INFO", section])?;
        let text = reply.text()?;
        ensure!(text.starts_with(&format!("# {section}\r\n")), "INFO {section} is {reply}");
        for field in fields {
            let there = text.contains(&format!("\r\n{field}:"));
            ensure!(there, "INFO {section} has no {field}");
        }
        let lines = text.split_terminator("\r\n").skip(1);
        let malformed = lines.filter(|line| !line.contains(':') || line.contains('\n')).count();
        ensure!(malformed == 0, "INFO {section} has {malformed} lines without a colon");
    }
    let two = connection.words("INFO keyspace server")?;
    let text = two.text()?;
    ensure!(text.contains("# Server") && text.contains("\r\n\r\n# Keyspace"), "{two}");
    ensure!(connection.words("INFO nosuch")? == Reply::bulk(b""), "INFO nosuch");
    for all in ["INFO", "INFO all", "INFO everything", "INFO default", "info DEFAULT"] {
        let reply = connection.words(all)?;
        for (section, _) in SECTIONS {
            ensure!(reply.text()?.contains(&format!("# {section}\r\n")), "{all} has no {section}");
        }
    }
    if subject == Subject::Twin {
        let language = super::info(connection, "cache_server")?;
        ensure!(["rust", "go"].contains(&language.as_str()), "cache_server is {language}");
        for field in ["threads", "client_buffer_bytes", "client_output_buffer_limit_disconnections"]
        {
            info_number(connection, field)?;
        }
    }
    Ok(())
}
