//! Accounted bytes: never more than allowed, and all back at the end.

use crate::connection::{Client, refusing_server, server};
use proptest::prelude::*;

const SMALLEST_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug)]
enum Step {
    Set(u16, usize),
    SetFor(u16, usize),
    Append(u16, usize),
    SetField(u16, u8, usize),
    SetMany(u16, u8, usize),
    Del(u16),
    Copy(u16, u16),
    Rename(u16, u16),
    Expire(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0_u16..4_000;
    let bytes = || prop_oneof![8 => 0_usize..200, 2 => 0_usize..5_000, 1 => 0_usize..120_000];
    prop_oneof![
        8 => (key(), bytes()).prop_map(|(k, n)| Step::Set(k, n)),
        2 => (key(), bytes()).prop_map(|(k, n)| Step::SetFor(k, n)),
        2 => (0_u16..20, bytes()).prop_map(|(k, n)| Step::Append(k, n)),
        4 => (4_000_u16..4_020, any::<u8>(), bytes()).prop_map(|(k, f, n)| Step::SetField(k, f, n)),
        2 => (key(), 1_u8..40, bytes()).prop_map(|(k, n, b)| Step::SetMany(k, n, b)),
        2 => key().prop_map(Step::Del),
        1 => (key(), key()).prop_map(|(a, b)| Step::Copy(a, b)),
        1 => (key(), key()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => key().prop_map(Step::Expire),
    ]
}

fn send(client: &mut Client<'_>, step: &Step) -> String {
    let name = |key: &u16| format!("key:{key}").into_bytes();
    let value = |bytes: &usize| vec![b'v'; *bytes];
    let args: Vec<Vec<u8>> = match step {
        Step::Set(k, n) => vec![b"SET".to_vec(), name(k), value(n)],
        Step::SetFor(k, n) => vec![b"SETEX".to_vec(), name(k), b"100".to_vec(), value(n)],
        Step::Append(k, n) => vec![b"APPEND".to_vec(), name(k), value(n)],
        Step::SetField(k, f, n) => vec![b"HSET".to_vec(), name(k), f.to_string().into(), value(n)],
        Step::SetMany(k, n, b) => {
            let pairs = (0..u16::from(*n)).flat_map(|more| [name(&(k + more)), value(b)]);
            std::iter::once(b"MSET".to_vec()).chain(pairs).collect()
        }
        Step::Del(k) => vec![b"DEL".to_vec(), name(k)],
        Step::Copy(a, b) => vec![b"COPY".to_vec(), name(a), name(b), b"REPLACE".to_vec()],
        Step::Rename(a, b) => vec![b"RENAME".to_vec(), name(a), name(b)],
        Step::Expire(k) => vec![b"EXPIRE".to_vec(), name(k), b"100".to_vec()],
    };
    client.send(&args.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn accounted_bytes_never_exceed_the_limit(
        steps in prop::collection::vec(step(), 1..1_200),
        evicts: bool,
    ) {
        let (server, clock) =
            if evicts { server(SMALLEST_BYTES) } else { refusing_server(SMALLEST_BYTES) };
        let mut client = Client::new(&server);
        for step in &steps {
            send(&mut client, step);
            let used = server.store.budget.bytes_used();
            prop_assert!(used <= SMALLEST_BYTES, "{} bytes after {:?}", used, step);
        }
        prop_assert!(server.store.budget.bytes_used_peak() <= SMALLEST_BYTES);
        clock.advance_ms(200_000);
        while client.processor.expire(0, 1, 100) {}
        client.words("FLUSHALL");
        prop_assert_eq!(server.store.budget.bytes_used(), 0);
    }
}

#[test]
fn an_entry_of_an_eighth_of_the_memory_always_fits() {
    let (server, _) = server(16 << 20);
    let mut client = Client::new(&server);
    for number in 0..100_000 {
        client.words(&format!("SET key:{number} {}", "v".repeat(100)));
    }
    let large = vec![b'v'; (2 << 20) - 64];
    for number in 0..40 {
        let name = format!("large:{number}");
        assert_eq!(client.send(&[b"SET", name.as_bytes(), &large]), "+OK\r\n", "{number}");
        assert_eq!(client.words(&format!("STRLEN {name}")), format!(":{}\r\n", large.len()));
    }
    assert!(server.store.budget.bytes_used() <= 16 << 20);
}

#[test]
fn without_eviction_what_does_not_fit_is_refused_and_changes_nothing() {
    let (server, _) = refusing_server(SMALLEST_BYTES);
    let mut client = Client::new(&server);
    let refused = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let full = (0..100_000)
        .find(|number| client.words(&format!("SET key:{number} {}", "v".repeat(100))) == refused);
    let full = full.expect("a megabyte does not hold 100,000 entries");
    assert!(full > 4_000, "only {full} entries of 110 bytes fit a megabyte");
    assert_eq!(client.words("DBSIZE"), format!(":{full}\r\n"));
    let large = vec![b'v'; 300_000];
    assert_eq!(client.send(&[b"MSET", b"key:0", b"new", b"other", &large]), refused);
    assert_eq!(client.words("GET key:0"), format!("$100\r\n{}\r\n", "v".repeat(100)));
    assert_eq!(client.words("GET key:1").len(), "$100\r\n\r\n".len() + 100);
    assert_eq!(client.words("DEL key:0 key:1"), ":2\r\n");
    assert_eq!(client.words("SET key:2 short"), "+OK\r\n");
}

#[test]
fn overwriting_with_other_sizes_does_not_fill_the_log_with_gaps() {
    let (server, _) = server(64 << 20);
    let mut client = Client::new(&server);
    for round in 1..=40 {
        for number in 0..5_000 {
            let value = "v".repeat(40 + (round * 37 + number * 13) % 200);
            client.words(&format!("SET key:{number} {value}"));
        }
    }
    // 5,000 entries of 12 + 40 to 240 bytes.
    let used = server.store.budget.bytes_used();
    assert!(used < 5 << 20, "{used} bytes");
    assert!(client.words("INFO stats").contains("evicted_keys:0\r\n"));
    for number in 0..5_000 {
        let length = 40 + (40 * 37 + number * 13) % 200;
        assert_eq!(client.words(&format!("STRLEN key:{number}")), format!(":{length}\r\n"));
    }
}
