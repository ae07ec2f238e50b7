//! Time to live, with a clock that stands still until it is moved.

use crate::connection::{Client, START_MS, server};

const MEMORY_BYTES: u64 = 64 << 20;

#[test]
fn a_key_is_there_until_its_last_millisecond_has_passed() {
    let (server, clock) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    assert_eq!(client.words("SET key value PX 100"), "+OK\r\n");
    clock.advance_ms(99);
    assert_eq!(client.words("PTTL key"), ":1\r\n");
    assert_eq!(client.words("GET key"), "$5\r\nvalue\r\n");
    clock.advance_ms(1);
    assert_eq!(client.words("DBSIZE"), ":1\r\n", "nobody has looked yet");
    assert_eq!(client.words("GET key"), "$-1\r\n");
    assert_eq!(client.words("DBSIZE"), ":0\r\n");
}

#[test]
fn times_are_told_in_both_units() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    client.words("SET key value");
    assert_eq!(client.words("TTL key"), ":-1\r\n");
    assert_eq!(client.words("TTL nothing"), ":-2\r\n");
    assert_eq!(client.words("EXPIRE key 100"), ":1\r\n");
    assert_eq!(client.words("TTL key"), ":100\r\n");
    assert_eq!(client.words("PEXPIRETIME key"), format!(":{}\r\n", START_MS + 100_000));
    assert_eq!(client.words("EXPIRE key 50 GT"), ":0\r\n");
    assert_eq!(client.words("EXPIRE key 50 LT"), ":1\r\n");
    assert_eq!(client.words("EXPIRE key 70 NX"), ":0\r\n");
    assert_eq!(client.words("PERSIST key"), ":1\r\n");
    assert_eq!(client.words("PERSIST key"), ":0\r\n");
    assert_eq!(client.words("EXPIRE key 70 XX"), ":0\r\n");
    assert_eq!(client.words("EXPIRE key -1"), ":1\r\n");
    assert_eq!(client.words("EXISTS key"), ":0\r\n");
    let refused = "-ERR invalid expire time in 'set' command\r\n";
    assert_eq!(client.words("SET key value EX 0"), refused);
}

#[test]
fn memory_comes_back_though_nobody_asks() {
    let (server, clock) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    for number in 0..60_000 {
        client.words(&format!("SET key:{number} {} PX {}", "v".repeat(50), 1_000 + number % 100));
    }
    client.words("SET stays v PX 60000");
    let before = server.store.budget.bytes_used();
    clock.advance_ms(2_000);
    let mut steps = 0;
    while client.processor.expire(0, 1, 1) {
        steps += 1;
    }
    assert!(steps > 0, "it is done in pieces");
    assert_eq!(client.words("DBSIZE"), ":1\r\n");
    assert!(client.words("INFO keyspace").contains("db0:keys=1,expires=1"));
    assert!(client.words("INFO stats").contains("expired_keys:60000\r\n"));
    let after = server.store.budget.bytes_used();
    assert!(after < before / 4, "{before} bytes before, {after} after");
}

#[test]
fn a_transaction_sees_one_time() {
    let (server, clock) = server(MEMORY_BYTES);
    let (mut client, mut other) = (Client::new(&server), Client::new(&server));
    client.words("SET key value PX 100");
    client.words("WATCH key");
    other.words("SET other v");
    client.words("MULTI");
    client.words("GET key");
    clock.advance_ms(100);
    assert_eq!(client.words("EXEC"), "*-1\r\n", "the watched key has expired");
}
