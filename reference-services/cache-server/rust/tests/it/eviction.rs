//! Eviction through the front door.

use crate::connection::{Client, server};

#[test]
fn what_is_read_stays_and_what_is_not_goes() {
    let (server, _) = server(4 << 20);
    let mut client = Client::new(&server);
    let value = "v".repeat(100);
    for number in 0..100_000 {
        client.words(&format!("SET scan:{number} {value}"));
        let hot = format!("hot:{}", number % 500);
        if client.words(&format!("GET {hot}")) == "$-1\r\n" {
            client.words(&format!("SET {hot} {value}"));
        }
    }
    let kept = (0..500).filter(|number| client.words(&format!("EXISTS hot:{number}")) == ":1\r\n");
    let kept = kept.count();
    assert!(kept > 490, "{kept} of 500 keys that were read all the time are left");
    let info = client.words("INFO stats");
    assert!(!info.contains("evicted_keys:0\r\n"), "{info}");
    assert_eq!(client.words("OBJECT FREQ hot:1"), ":3\r\n");
}

#[test]
fn lowering_the_limit_evicts_before_it_answers() {
    let (server, _) = server(64 << 20);
    let mut client = Client::new(&server);
    for number in 0..100_000 {
        client.words(&format!("SET key:{number} {}", "v".repeat(100)));
    }
    assert!(server.store.budget.bytes_used() > 10 << 20);
    assert_eq!(client.words("CONFIG SET maxmemory 4mb"), "+OK\r\n");
    let used = server.store.budget.bytes_used();
    assert!(used <= 4 << 20 && used > 2 << 20, "{used}");
}
