//! Clients as people use them work unchanged with both twins.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's way to fail")]

mod common;

use common::{is_here, redis_py, twins};
use conformance::process::Service;
use redis::{Commands, RedisResult, Value};
use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

fn for_each_twin(test: impl Fn(&Service)) {
    for twin in twins() {
        println!("{}", twin.display());
        test(&Service::start(&twin, &["--threads", "2"]).unwrap());
    }
}

fn tool(name: &str, service: &Service, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(name)
        .args(["-p", &service.address.port().to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {text}{errors}");
    text
}

#[test]
fn redis_cli() {
    if !is_here("redis-cli") {
        return;
    }
    for_each_twin(|service| {
        let cli = |arguments: &[&str]| tool("redis-cli", service, arguments, "");
        assert_eq!(cli(&["PING"]), "PONG\n");
        assert_eq!(cli(&["SET", "greeting", "hello world", "EX", "100"]), "OK\n");
        assert_eq!(cli(&["GET", "greeting"]), "hello world\n");
        assert_eq!(cli(&["-3", "HSET", "h", "a", "1", "b", "2"]), "2\n");
        assert_eq!(cli(&["-3", "--json", "HGETALL", "h"]).trim(), r#"{"a":"1","b":"2"}"#);
        assert_eq!(cli(&["-n", "3", "DBSIZE"]), "0\n");
        assert!(cli(&["INFO"]).contains("redis_version:7.0.15"));
        assert!(cli(&["COMMAND", "DOCS"]).contains("summary"));
        assert!(cli(&["CLIENT", "LIST"]).contains("cmd=client|list"));
        let session = "MULTI\nINCR counter\nINCR counter\nEXEC\nGET nothing\nLPUSH l x\n";
        let answers = tool("redis-cli", service, &["--no-raw"], session);
        for part in ["1) (integer) 1", "2) (integer) 2", "(nil)", "(error) ERR unknown command"] {
            assert!(answers.contains(part), "{part} is not in {answers}");
        }
        let keys: String = (0..1_000).map(|n| format!("SET key:{n} {n}\n")).collect();
        assert_eq!(tool("redis-cli", service, &[], &keys), "OK\n".repeat(1_000));
        assert_eq!(cli(&["--scan", "--pattern", "key:*"]).lines().count(), 1_000);
        let piped = (0..1_000).map(|n| format!("SET pipe:{n} {n}\r\n")).collect::<String>();
        let summary = tool("redis-cli", service, &["--pipe"], &piped);
        assert!(summary.contains("errors: 0, replies: 1000"), "{summary}");
        let largest = cli(&["--bigkeys"]);
        assert!(largest.contains("Biggest string found"), "{largest}");
        let used = cli(&["--memkeys"]);
        assert!(used.contains("Sampled 2003 keys"), "{used}");
    });
}

#[test]
fn redis_benchmark() {
    if !is_here("redis-benchmark") {
        return;
    }
    for_each_twin(|service| {
        let tests = "ping_inline,ping_mbulk,set,get,incr,hset,mset";
        for pipeline in ["1", "16"] {
            let run =
                ["-n", "20000", "-c", "20", "-r", "1000", "-P", pipeline, "-t", tests, "--csv"];
            let results = tool("redis-benchmark", service, &run, "");
            assert_eq!(results.lines().count(), 8, "{results}");
        }
        let run =
            ["-n", "20000", "-r", "1000", "-3", "-q", "SET", "key:__rand_int__", "v", "EX", "9"];
        let results = tool("redis-benchmark", service, &run, "");
        assert!(results.contains("requests per second"), "{results}");
    });
}

#[test]
fn the_redis_crate() {
    for_each_twin(|service| {
        for protocol in ["", "?protocol=resp3"] {
            let client = redis::Client::open(format!("redis://{}/2{protocol}", service.address));
            let mut connection = client.unwrap().get_connection().unwrap();
            crate_session(&mut connection).unwrap();
        }
    });
}

fn crate_session(connection: &mut redis::Connection) -> RedisResult<()> {
    redis::cmd("FLUSHDB").exec(connection)?;
    let _: () = connection.set_ex("k", "v", 100)?;
    let value: Option<String> = connection.get("k")?;
    assert_eq!(value.as_deref(), Some("v"));
    let value: Option<String> = connection.get("missing")?;
    assert_eq!(value, None);
    let ttl: i64 = connection.ttl("k")?;
    assert!((99..=100).contains(&ttl));
    let _: () = connection.hset("h", "a", 1)?;
    let _: () = connection.hset("h", "b", 2)?;
    let all: HashMap<String, i64> = connection.hgetall("h")?;
    assert_eq!(all, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
    let _: () = connection.hset_multiple("h", &[("b", 3), ("c", 4)])?;
    let some: Vec<i64> = connection.hmget("h", &["b", "c"])?;
    assert_eq!(some, [3, 4]);
    let (one, two): (i64, i64) =
        redis::pipe().atomic().incr("n", 1).incr("n", 41).query(connection)?;
    assert_eq!((one, two), (1, 42));
    let many: Vec<String> = (0..500).map(|n| format!("many:{n}")).collect();
    for key in &many {
        let _: () = connection.set(key, 1)?;
    }
    let mut found =
        connection.scan_match::<_, String>("many:*")?.collect::<RedisResult<Vec<String>>>()?;
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 500);
    let added: i64 = redis::transaction(connection, &["n"], |connection, pipe| {
        let n: i64 = connection.get("n")?;
        let replies: Option<(i64,)> = pipe.incr("n", n).query(connection)?;
        Ok(replies.map(|(sum,)| sum))
    })?;
    assert_eq!(added, 84);
    let wrong: RedisResult<Value> = connection.incr("h", 1);
    assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
    Ok(())
}

#[test]
fn redis_py_keeps_working() {
    let Some(python) = redis_py() else { return };
    for_each_twin(|service| {
        let output = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis_py.py"))
            .arg(service.address.port().to_string())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    });
}
