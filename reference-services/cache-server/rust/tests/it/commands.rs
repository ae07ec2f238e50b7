//! What the model does not cover: shapes of replies, transactions, limits.

use crate::connection::{Client, server};

const MEMORY_BYTES: u64 = 256 << 20;

#[test]
fn hello_changes_the_shapes() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    client.words("HSET hash field value");
    assert_eq!(client.words("HGETALL hash"), "*2\r\n$5\r\nfield\r\n$5\r\nvalue\r\n");
    assert!(client.words("HELLO 3").starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
    assert_eq!(client.words("HGETALL hash"), "%1\r\n$5\r\nfield\r\n$5\r\nvalue\r\n");
    assert_eq!(client.words("GET nothing"), "_\r\n");
    assert!(client.words("CLIENT INFO").starts_with('='));
    assert_eq!(client.words("RESET"), "+RESET\r\n");
    assert_eq!(client.words("GET nothing"), "$-1\r\n");
}

#[test]
fn errors_show_bytes_as_they_came() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    let (out, _) =
        client.feed(&crate::connection::request(&[b"EXPIRE", b"k", b"1", b"\xff\r\nx\r\n\0y"]));
    assert_eq!(out, b"-ERR Unsupported option \xff  x\r\n");
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let (server, _) = server(MEMORY_BYTES);
    let (mut client, mut other) = (Client::new(&server), Client::new(&server));
    assert_eq!(client.words("MULTI"), "+OK\r\n");
    assert_eq!(client.words("SET a 1"), "+QUEUED\r\n");
    assert_eq!(client.words("MULTI"), "-ERR MULTI calls can not be nested\r\n");
    assert_eq!(client.words("INCR a"), "+QUEUED\r\n");
    assert_eq!(client.words("HGET a f"), "+QUEUED\r\n");
    assert_eq!(other.words("GET a"), "$-1\r\n");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    assert_eq!(client.words("EXEC"), format!("*3\r\n+OK\r\n:2\r\n{wrong}"));

    client.words("MULTI");
    assert!(client.words("NOTHING").starts_with("-ERR unknown command 'NOTHING'"));
    let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    assert_eq!(client.words("EXEC"), aborted);

    client.words("WATCH a b");
    other.words("SET b 1");
    client.words("MULTI");
    client.words("SET a 3");
    assert_eq!(client.words("EXEC"), "*-1\r\n");
    assert_eq!(client.words("GET a"), "$1\r\n2\r\n");
    assert_eq!(client.words("EXEC"), "-ERR EXEC without MULTI\r\n");
}

#[test]
fn a_watched_key_changes_when_its_database_is_swapped_or_flushed() {
    for (change, aborts) in [
        ("SET key v", true),
        ("DEL key", true),
        ("GET key", false),
        ("EXPIRE key 100", true),
        ("SWAPDB 0 1", true),
        ("SWAPDB 1 2", false),
        ("FLUSHALL", true),
        ("FLUSHDB", true),
        ("DEL nothing", false),
        ("SETNX key v", false),
        ("APPEND key x", true),
        ("PERSIST key", false),
        ("RENAME key other", true),
        ("RENAME other key", true),
        ("COPY key copy", false),
    ] {
        let (server, _) = server(MEMORY_BYTES);
        let (mut client, mut other) = (Client::new(&server), Client::new(&server));
        client.words("MSET key value other 1");
        client.words("WATCH key");
        other.words(change);
        client.words("MULTI");
        client.words("PING");
        assert_eq!(client.words("EXEC") == "*-1\r\n", aborts, "{change}");
    }
}

#[test]
fn limits_are_named_in_the_answer() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    let (longest, too_long) = (vec![b'k'; 65_535], vec![b'k'; 65_536]);
    let error = "-ERR key exceeds maximum allowed size (65535 bytes)\r\n";
    assert_eq!(client.send(&[b"SET", &longest, b"v"]), "+OK\r\n");
    assert_eq!(client.send(&[b"GET", &longest]), "$1\r\nv\r\n");
    assert_eq!(client.send(&[b"SET", &too_long, b"v"]), error);
    assert_eq!(client.send(&[b"MSET", b"a", b"1", &too_long, b"v"]), error);
    assert_eq!(client.words("EXISTS a"), ":0\r\n");
    let value = vec![b'v'; 16 << 20];
    assert_eq!(client.send(&[b"SET", b"large", &value]), "+OK\r\n");
    let error = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    assert_eq!(client.words("APPEND large x"), error);
    assert_eq!(client.words("SETRANGE other 16777216 x"), error);
    assert_eq!(client.words("STRLEN large"), ":16777216\r\n");
    assert_eq!(
        client.words("SETBIT bits 134217728 1"),
        "-ERR bit offset is not an integer or out of range\r\n"
    );
    assert_eq!(client.words("SETBIT bits 134217727 1"), ":0\r\n");
}

#[test]
fn a_reply_that_grows_too_long_closes_the_connection() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    client.send(&[b"SET", b"large", &vec![b'v'; 16 << 20]]);
    let (out, stopped) =
        client.feed(b"MGET large large large\r\nMGET large large large large large\r\nPING\r\n");
    assert_eq!(out.len(), "*3\r\n".len() + 3 * ("$16777216\r\n\r\n".len() + (16 << 20)));
    let reason = cache_server::stats::Closed::Reply;
    assert_eq!(stopped, cache_server::processor::Stopped::Closing(Some(reason)));
}

#[test]
fn a_scan_names_every_key_though_the_table_changes_meanwhile() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    for number in 0..2_000 {
        client.words(&format!("SET stays:{number} v"));
        client.words(&format!("SET goes:{number} v"));
    }
    let (mut cursor, mut seen, mut round) = ("0".to_owned(), std::collections::BTreeSet::new(), 0);
    loop {
        let answer = client.words(&format!("SCAN {cursor} MATCH stays:* COUNT 20"));
        let mut lines = answer.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
        cursor = lines.next().unwrap().to_owned();
        seen.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
        if cursor == "0" {
            break;
        }
        for number in round * 10..(round + 1) * 10 {
            client.words(&format!("DEL goes:{number}"));
            client.words(&format!("SET new:{number}:{round} v"));
        }
        round += 1;
    }
    assert!(round > 100);
    assert_eq!(seen.len(), 2_000);
}

#[test]
fn a_password_is_asked_for() {
    let settings =
        cache_server::config::Settings { password: "secret".to_owned(), ..Default::default() };
    let (server, _) = crate::connection::server_with(&settings);
    let mut client = Client::new(&server);
    assert_eq!(client.words("GET a"), "-NOAUTH Authentication required.\r\n");
    assert!(client.words("AUTH wrong").starts_with("-WRONGPASS"));
    assert!(client.words("HELLO 3").starts_with("-NOAUTH HELLO"));
    assert_eq!(client.words("AUTH default secret"), "+OK\r\n");
    assert_eq!(client.words("GET a"), "$-1\r\n");
    let mut client = Client::new(&server);
    let (out, _) = client.feed(b"*11\r\n");
    assert_eq!(out, b"-ERR Protocol error: unauthenticated multibulk length\r\n");
}
