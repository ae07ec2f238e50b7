//! Resident memory, in a process of its own: what an entry costs, and that it comes back.
#![expect(dead_code, reason = "another test uses the rest of the shared module")]

/// As the binary has it.
#[path = "../src/allocator.rs"]
mod allocator;
#[path = "it/connection.rs"]
mod connection;

use cache_server::command::resident_bytes;
use cache_server::processor::Stopped;
use connection::{Client, request, server};

const ENTRIES: usize = 300_000;
/// What an entry adds, beside what does not grow with them.
const EACH_BYTES_MAX: u64 = 105;
/// What does not grow with the entries, over an idle process of 4 MB: the queues' open pieces, and what
/// the allocator keeps of tables that were outgrown a moment ago. It is 13 to 15 MB here.
const SLACK_BYTES: u64 = 16 << 20;
const LEFT_BYTES_MAX: u64 = 16 << 20;
const MEMORY_BYTES: u64 = 256 << 20;

#[test]
fn memory_is_what_is_accounted_and_returns_after_flushall() {
    allocator::give_memory_back();
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    let value = [b'v'; 64];
    let empty_bytes = resident_bytes();
    if empty_bytes == 0 {
        println!("skipped: this system does not tell resident memory");
        return;
    }
    for number in 0..ENTRIES {
        let (answer, stopped) =
            client.feed(&request(&[b"SET", format!("key:{number:012}").as_bytes(), &value]));
        assert_eq!((answer.as_slice(), stopped), (&b"+OK\r\n"[..], Stopped::Hungry));
    }
    let used_bytes = server.store.budget.bytes_used();
    let full_bytes = resident_bytes();
    let resident_each = (full_bytes - empty_bytes - SLACK_BYTES) / ENTRIES as u64;
    assert!(resident_each <= EACH_BYTES_MAX, "an entry of 16 + 64 bytes takes {resident_each}");
    assert!(
        full_bytes - empty_bytes <= used_bytes * 115 / 100 + SLACK_BYTES,
        "{full_bytes} for {used_bytes}"
    );

    let large = vec![b'v'; 100_000];
    for number in 0..200 {
        client.send(&[b"SET", format!("large:{number}").as_bytes(), &large]);
    }
    for number in 0..5_000 {
        client.send(&[b"HSET", b"hash", number.to_string().as_bytes(), &large[..10_000]]);
    }
    let used_bytes = server.store.budget.bytes_used();
    let full_bytes = resident_bytes();
    assert!(
        full_bytes - empty_bytes <= used_bytes * 115 / 100 + SLACK_BYTES,
        "{full_bytes} for {used_bytes}"
    );

    assert_eq!(client.words("FLUSHALL"), "+OK\r\n");
    assert_eq!(server.store.budget.bytes_used(), 0);
    let left_bytes = resident_bytes() - empty_bytes;
    assert!(left_bytes <= LEFT_BYTES_MAX, "{left_bytes} bytes are left of {full_bytes}");
}
