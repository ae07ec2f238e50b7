//! What is too much: of bytes, keys, fields, commands and clients.

use super::resp::{Connection, Reply, request};
use super::wire::expect_refusal;
use super::{PASSWORD, Subject, Test, eventually, expect_ok, info_number};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("limits: strings grow to 16 MiB and no further", string_length),
    ("limits: keys, names of fields and patterns", names),
    ("limits: the bytes of a request", request_bytes),
    ("limits: the fields and bytes of a hash", hash),
    ("limits: the table of LCS", lcs_table),
    ("limits: a transaction's commands, and watched keys", transaction),
    ("limits: what a client may send before AUTH", before_auth),
    ("limits: clients beyond maxclients are told and closed", max_clients),
    ("limits: an idle client is closed after the timeout", idle_timeout),
    ("limits: a reply that is too large closes the connection", reply_bytes),
];

const MIB: usize = 1024 * 1024;
const KEY_BYTES_MAX: usize = 65_535;

fn string_length(address: SocketAddr, _: Subject) -> Result<()> {
    let too_long = Reply::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    let mut connection = Connection::open(address)?;
    connection.expect("SETRANGE k 16777215 x", &Reply::Integer(16_777_216))?;
    connection.expect("APPEND k y", &too_long)?;
    connection.expect("SETRANGE k 16777215 xy", &too_long)?;
    connection.expect("STRLEN k", &Reply::Integer(16_777_216))?;
    connection.expect("GETRANGE k 16777214 -1", &Reply::bulk(b"\0x"))?;
    connection.expect("SETBIT bits 134217727 1", &Reply::Integer(0))?;
    connection.expect("STRLEN bits", &Reply::Integer(16_777_216))?;
    connection.expect("BITCOUNT bits", &Reply::Integer(1))?;
    let half = vec![b'x'; 8 * MIB];
    expect_ok(&connection.call(&[b"SET", b"half".as_slice(), &half])?)?;
    let doubled = connection.call(&[b"APPEND", b"half".as_slice(), &half])?;
    ensure!(doubled == Reply::Integer(16_777_216), "APPEND of 8 MiB to 8 MiB is {doubled}");
    connection.expect("APPEND half x", &too_long)
}

fn names(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let longest = "k".repeat(KEY_BYTES_MAX);
    expect_ok(&connection.call(&["SET", &longest, "v"])?)?;
    ensure!(connection.call(&["GET", &longest])? == Reply::bulk(b"v"), "GET of the longest key");
    ensure!(connection.call(&["KEYS", &longest])?.items()?.len() == 1, "KEYS of the longest key");
    let set = connection.call(&["HSET", "h", &longest, "1"])?;
    ensure!(set == Reply::Integer(1), "HSET of the longest name is {set}");
    if subject == Subject::Redis {
        return Ok(());
    }
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let refusal =
        |what| Reply::error(&format!("ERR {what} exceeds maximum allowed size (65535 bytes)"));
    for (command, what) in [
        (vec!["SET", &long, "v"], "key"),
        (vec!["GET", &long], "key"),
        (vec!["SET", &long, "v", "FOO"], "key"),
        (vec!["MGET", "a", &long], "key"),
        (vec!["MSET", "a", "1", &long, "2"], "key"),
        (vec!["DEL", "a", "b", &long], "key"),
        (vec!["RENAME", "a", &long], "key"),
        (vec!["COPY", &long, "a"], "key"),
        (vec!["WATCH", &long], "key"),
        (vec!["HSET", &long, "f", "v"], "key"),
        (vec!["OBJECT", "ENCODING", &long], "key"),
        (vec!["HSET", "h", &long, "v"], "field"),
        (vec!["HSET", "h", "f", "v", &long, "v"], "field"),
        (vec!["HMSET", "h", "f", "v", &long, "v"], "field"),
        (vec!["HINCRBY", "h", &long, "1"], "field"),
        (vec!["KEYS", &long], "pattern"),
        (vec!["SCAN", "0", "MATCH", &long], "pattern"),
        (vec!["HSCAN", "h", "0", "MATCH", &long], "pattern"),
    ] {
        let reply = connection.call(&command)?;
        let command = command.join(" ");
        ensure!(reply == refusal(what), "{command:.30} is answered {reply}, not with {what}");
    }
    connection.expect("HLEN h", &Reply::Integer(1))?;
    connection.expect("EXISTS a", &Reply::Integer(0))?;
    ensure!(connection.call(&["HGET", "h", &long])? == Reply::NullBulk, "HGET of too long a name");
    let name = "n".repeat(257);
    for (command, what) in [
        (vec!["CLIENT", "SETNAME", &name], "client name"),
        (vec!["CLIENT", "SETINFO", "lib-name", &name], "lib-name"),
        (vec!["CLIENT", "SETINFO", "lib-ver", &name], "lib-ver"),
    ] {
        let expected = format!("ERR {what} exceeds maximum allowed size (256 bytes)");
        let reply = connection.call(&command)?;
        ensure!(reply == Reply::error(&expected), "{what} of 257 bytes is answered {reply}");
    }
    Ok(())
}

/// Five strings of 16 MiB are announced; the service must not wait for the last.
fn request_bytes(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let value = vec![b'x'; 16 * MIB];
    connection.send(b"*9\r\n$4\r\nMSET\r\n")?;
    for key in [b"a", b"b", b"c"] {
        connection.send(b"$1\r\n")?;
        connection.send(key)?;
        connection.send(b"\r\n$16777216\r\n")?;
        connection.send(&value)?;
        connection.send(b"\r\n")?;
    }
    connection.send(b"$1\r\nd\r\n$16777216\r\n")?;
    if subject == Subject::Redis {
        return Ok(());
    }
    expect_refusal(&mut connection, "too big request")?;
    Connection::open(address)?.expect("EXISTS a", &Reply::Integer(0))
}

fn hash(address: SocketAddr, subject: Subject) -> Result<()> {
    const FIELDS_MAX: usize = 1_048_576;
    if subject == Subject::Redis {
        return Ok(());
    }
    let refusal = Reply::error("ERR hash exceeds maximum allowed size");
    let mut connection = Connection::open(address)?;
    for start in (0..FIELDS_MAX).step_by(65_536) {
        let mut command = vec!["HSET".to_owned(), "many".to_owned()];
        command.extend((start..start + 65_536).flat_map(|n| [format!("{n:x}"), "v".to_owned()]));
        let added = connection.call(&command)?;
        ensure!(added == Reply::Integer(65_536), "HSET of 65,536 fields is {added}");
    }
    connection.expect("HSET many one-more v", &refusal)?;
    connection.expect("HINCRBY many one-more 1", &refusal)?;
    connection.expect("HSET many 0 w one-more v", &refusal)?;
    connection.expect("HGET many 0", &Reply::bulk(b"v"))?;
    connection.expect("HSET many 0 w", &Reply::Integer(0))?;
    connection.expect("HLEN many", &Reply::Integer(1_048_576))?;
    connection.expect("DEL many", &Reply::Integer(1))?;

    let value = vec![b'x'; 16 * MIB - 1];
    let set = |connection: &mut Connection, name: &[u8], value: &[u8]| {
        connection.call(&[b"HSET", b"large".as_slice(), name, value])
    };
    for name in [b"a", b"b"] {
        let added = set(&mut connection, name, &value)?;
        ensure!(added == Reply::Integer(1), "HSET of 16 MiB is {added}");
    }
    let reply = set(&mut connection, b"c", b"")?;
    ensure!(reply == refusal, "a byte too much is answered {reply}");
    connection.expect("HSET large a short", &Reply::Integer(0))?;
    connection.expect("HSET large c v", &Reply::Integer(1))
}

fn lcs_table(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    // Redis takes a table of (m + 1) × (n + 1) cells of 4 bytes.
    let (fits, beyond) = ("x".repeat(2_046), "x".repeat(2_048));
    expect_ok(&connection.call(&["MSET", "a", &fits, "b", &fits, "c", &beyond, "d", &beyond])?)?;
    connection.expect("LCS a b LEN", &Reply::Integer(2_046))?;
    let refusal = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    connection.expect("LCS c d LEN", &Reply::error(refusal))?;
    expect_ok(&connection.call(&["SET", "long", &"x".repeat(8 * MIB)])?)?;
    connection.expect("LCS long long", &Reply::error(refusal))
}

fn transaction(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let pings = vec![vec!["PING"]; 16_384];
    connection.expect("MULTI", &Reply::ok())?;
    connection.pipeline(&pings)?;
    let replies = connection.words("EXEC")?;
    ensure!(replies.items()?.len() == pings.len(), "EXEC of 16,384 commands");
    if subject == Subject::Redis {
        return Ok(());
    }
    let refusal = Reply::error("ERR transaction exceeds maximum allowed size");
    let aborted = Reply::error("EXECABORT Transaction discarded because of previous errors.");
    connection.expect("MULTI", &Reply::ok())?;
    connection.pipeline(&pings)?;
    connection.expect("SET k v", &refusal)?;
    connection.expect("EXEC", &aborted)?;
    connection.expect("EXISTS k", &Reply::Integer(0))?;

    let value = vec![b'x'; 16 * MIB];
    connection.expect("MULTI", &Reply::ok())?;
    let mut last = Reply::ok();
    for _ in 0..4 {
        last = connection.call(&[b"SET", b"k".as_slice(), &value])?;
    }
    ensure!(last == refusal, "more than 64 MiB in a transaction is answered {last}");
    connection.expect("EXEC", &aborted)?;

    let keys: Vec<String> = (0..4_096).map(|n| format!("k{n}")).collect();
    let mut watch = vec!["WATCH"];
    watch.extend(keys.iter().map(String::as_str));
    expect_ok(&connection.call(&watch)?)?;
    connection.expect("WATCH k0", &Reply::ok())?;
    connection.expect("WATCH more", &Reply::error("ERR too many watched keys"))?;
    connection.expect("UNWATCH", &Reply::ok())?;
    connection.expect("WATCH more", &Reply::ok())
}

fn before_auth(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect(&format!("CONFIG SET requirepass {PASSWORD}"), &Reply::ok())?;
    let outcome = with_password(address);
    connection.expect("CONFIG SET requirepass ", &Reply::ok())?;
    outcome?;
    Connection::open(address)?.expect("PING", &Reply::Simple(b"PONG".to_vec()))
}

fn with_password(address: SocketAddr) -> Result<()> {
    let wrong = Reply::error("WRONGPASS invalid username-password pair or user is disabled.");
    let locked = Reply::error("NOAUTH Authentication required.");
    let mut connection = Connection::open(address)?;
    for command in ["GET k", "PING", "MULTI", "CONFIG GET requirepass", "CLIENT ID", "COMMAND"] {
        connection.expect(command, &locked)?;
    }
    connection.expect(
        "EXEC",
        &Reply::error(
            "EXECABORT Transaction discarded because of: NOAUTH Authentication required.",
        ),
    )?;
    // What is no command is refused for that first, as is a wrong number of arguments.
    connection
        .expect("FOO", &Reply::error("ERR unknown command 'FOO', with args beginning with: "))?;
    connection.expect("GET", &Reply::error("ERR wrong number of arguments for 'get' command"))?;
    connection.expect("AUTH nonsense", &wrong)?;
    connection.expect("AUTH default nonsense", &wrong)?;
    connection.expect(&format!("AUTH someone {PASSWORD}"), &wrong)?;
    connection.expect("HELLO 3", &Reply::error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    ))?;
    connection.expect("HELLO 3 AUTH default nonsense", &wrong)?;
    connection.expect("GET k", &locked)?;
    connection.expect(&format!("AUTH {PASSWORD}"), &Reply::ok())?;
    connection.expect("GET k", &Reply::NullBulk)?;
    connection.expect("AUTH nonsense", &wrong)?;
    connection.expect("GET k", &Reply::NullBulk)?;
    connection.expect("RESET", &Reply::Simple(b"RESET".to_vec()))?;
    connection.expect("GET k", &locked)?;
    connection.expect(&format!("AUTH default {PASSWORD}"), &Reply::ok())?;
    connection.expect("GET k", &Reply::NullBulk)?;

    let mut hello = Connection::open(address)?;
    let reply = hello.words(&format!("HELLO 3 AUTH default {PASSWORD} SETNAME me"))?;
    ensure!(matches!(reply, Reply::Map(_)), "HELLO with AUTH is answered {reply}");
    hello.expect("GET k", &Reply::Null)?;
    hello.expect("CLIENT GETNAME", &Reply::bulk(b"me"))?;

    for (bytes, message) in [
        (&b"*11\r\n"[..], "unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"),
    ] {
        let mut connection = Connection::open(address)?;
        connection.send(bytes)?;
        expect_refusal(&mut connection, message)?;
    }
    let mut within = Connection::open(address)?;
    within.send(&request(&["AUTH", &"x".repeat(16_384)]))?;
    ensure!(within.receive()? == wrong, "AUTH with 16,384 bytes");
    within.send(&request(&["PING"; 10]))?;
    within.receive()?;
    within.expect("QUIT", &Reply::ok())?;
    within.expect_closed()
}

fn max_clients(address: SocketAddr, _: Subject) -> Result<()> {
    const CLIENTS: u64 = 5;
    let mut first = Connection::open(address)?;
    // Connections of the checks before this one may still be on their way out.
    eventually("the other clients are gone", Duration::from_secs(5), || {
        Ok(info_number(&mut first, "connected_clients")? == 1)
    })?;
    first.expect(&format!("CONFIG SET maxclients {CLIENTS}"), &Reply::ok())?;
    let mut clients = Vec::new();
    for _ in 1..CLIENTS {
        let mut client = Connection::open(address)?;
        client.expect("PING", &Reply::Simple(b"PONG".to_vec()))?;
        clients.push(client);
    }
    let rejected = info_number(&mut first, "rejected_connections")?;
    for _ in 0..3 {
        let mut refused = Connection::open(address)?;
        let reply = refused.receive()?;
        ensure!(reply == Reply::error("ERR max number of clients reached"), "told {reply}");
        refused.expect_closed()?;
    }
    let now = info_number(&mut first, "rejected_connections")?;
    ensure!(now == rejected + 3, "rejected_connections went from {rejected} to {now}");
    clients.pop();
    eventually("there is room for another", Duration::from_secs(5), || {
        let mut client = Connection::open(address)?;
        Ok(client.words("PING")? == Reply::Simple(b"PONG".to_vec()))
    })?;
    first.expect("CONFIG SET maxclients 10000", &Reply::ok())
}

fn idle_timeout(address: SocketAddr, _: Subject) -> Result<()> {
    let mut busy = Connection::open(address)?;
    let mut idle = Connection::open(address)?;
    let mut halfway = Connection::open(address)?;
    idle.expect("SET k v", &Reply::ok())?;
    halfway.send(b"*2\r\n$3\r\nGE")?;
    busy.expect("CONFIG SET timeout 1", &Reply::ok())?;
    let id = |connection: &mut Connection| connection.words("CLIENT ID")?.integer();
    let idle_id = id(&mut idle)?;
    eventually("the idle client is closed", Duration::from_secs(10), || {
        let listed = busy.words(&format!("CLIENT LIST ID {idle_id}"))?;
        Ok(listed.bytes()?.is_empty())
    })?;
    busy.expect("CONFIG SET timeout 0", &Reply::ok())?;
    idle.expect_closed().context("the idle client")?;
    halfway.expect_closed().context("the client that stopped halfway")
}

fn reply_bytes(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.expect("SETRANGE k 16777215 x", &Reply::Integer(16_777_216))?;
    ensure!(connection.words("MGET k k k")?.items()?.len() == 3, "48 MiB are too much");
    connection.send(&request(&["MGET", "k", "k", "k", "k", "k", "k", "k", "k"]))?;
    let received = connection.drain()?;
    ensure!(received < 8 * 16_777_216, "a reply of 128 MiB came whole");
    Connection::open(address)?.expect("PING", &Reply::Simple(b"PONG".to_vec()))
}
