//! Requests that arrive in pieces, and bytes that are no requests.

use crate::connection::{Client, request, server};
use cache_server::processor::Stopped;
use proptest::prelude::*;

const MEMORY_BYTES: u64 = 16 << 20;

/// What a fresh server answers to these pieces.
fn answers(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    let mut all = Vec::new();
    for piece in pieces {
        let (out, stopped) = client.feed(piece);
        all.extend(out);
        if matches!(stopped, Stopped::Closing(_)) {
            return (all, true);
        }
    }
    (all, false)
}

#[test]
fn a_pipeline_may_be_split_anywhere() {
    let mut pipeline = Vec::new();
    for args in [
        &[b"SET" as &[u8], b"key", b"a value\r\nof two lines"] as &[&[u8]],
        &[b"GET", b"key"],
        &[b"MSET", b"a", b"", b"b", b"2"],
        &[b"nothing"],
        &[b"MGET", b"a", b"b", b"c"],
    ] {
        pipeline.extend(request(args));
    }
    pipeline.extend_from_slice(b"*0\r\n\r\n*-1\r\nPING\r\nset \"in line\" 'it''\r\n");
    pipeline.truncate(pipeline.len() - "set \"in line\" 'it''\r\n".len());
    pipeline.extend_from_slice(b"SET inline \"two words\\x21\"\nGET inline\r\n");
    let whole = answers(&[&pipeline]);
    assert!(whole.0.ends_with(b"+PONG\r\n+OK\r\n$10\r\ntwo words!\r\n"));
    for at in 0..=pipeline.len() {
        let (first, second) = pipeline.split_at(at);
        assert_eq!(answers(&[first, second]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = pipeline.chunks(1).collect();
    assert_eq!(answers(&bytes), whole);
}

#[test]
fn says_what_breaks_the_protocol() {
    for (input, problem) in [
        (&b"*x\r\n"[..], "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$16777217\r\n", "invalid bulk length"),
        (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
        (b"SET \"open\r\n", "unbalanced quotes in request"),
    ] {
        let (out, closed) = answers(&[b"PING\r\n", input, b"PING\r\n"]);
        assert!(closed);
        let expected = format!("+PONG\r\n-ERR Protocol error: {problem}\r\n");
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
    let line = vec![b'a'; 65_537];
    assert!(answers(&[&line]).0.starts_with(b"-ERR Protocol error: too big inline request"));
    let count = [b"*".as_slice(), &line].concat();
    assert!(answers(&[&count]).0.starts_with(b"-ERR Protocol error: too big mbulk count string"));
    let length = [b"*1\r\n$".as_slice(), &line].concat();
    assert!(answers(&[&length]).0.starts_with(b"-ERR Protocol error: too big bulk count string"));
    let mut many = b"*5\r\n".to_vec();
    let large = [b"$16777216\r\n".as_slice(), &vec![b'x'; 16_777_216], b"\r\n"].concat();
    (0..4).for_each(|_| many.extend_from_slice(&large));
    many.extend_from_slice(b"$1\r\n");
    assert_eq!(answers(&[&many]).0, b"-ERR Protocol error: too big request\r\n");
}

#[test]
fn a_client_that_breaks_the_protocol_does_not_harm_the_next() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    assert!(matches!(client.feed(b"*1\r\n$x\r\n").1, Stopped::Closing(_)));
    assert_eq!(client.feed(b"PING\r\n").0, b"+PONG\r\n", "the same loop serves others");
}

#[test]
fn a_length_that_was_only_announced_takes_no_memory() {
    let (server, _) = server(MEMORY_BYTES);
    let mut client = Client::new(&server);
    client.feed(b"*1048576\r\n$16777216\r\nx");
    assert!(client.session.kept_bytes() < 1_024, "{}", client.session.kept_bytes());
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "*2\r\n",
        "$3\r\n",
        "GET\r\n",
        "$1\r\na\r\n",
        "PING\r\n",
        "\r",
        "\n",
        "*",
        "$",
        "-1",
        "\"",
        "'",
        "\\x",
        "99999999999999999999",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_answered_alike_however_they_arrive(
        pieces in prop::collection::vec(piece(), 0..20),
        splits in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let whole = pieces.concat();
        let mut at: Vec<usize> = splits.iter().map(|split| split.index(whole.len() + 1)).collect();
        at.extend([0, whole.len()]);
        at.sort_unstable();
        let parts: Vec<&[u8]> = at.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect();
        prop_assert_eq!(answers(&parts), answers(&[&whole]));
    }
}
