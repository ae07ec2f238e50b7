//! Which request goes where.

use super::Test;
use super::lab::{Lab, expect_refusal, expect_status, new_id};
use crate::http::{exchange, request};
use anyhow::{Result, ensure};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("the longest prefix of whole segments decides", prefixes),
    ("a route for the host comes first", hosts),
    ("methods choose among routes, or are 405", methods),
    ("what no route takes is 404", unknown),
    ("a target goes on as it was written", verbatim),
    ("targets that programs read differently are 400", ambiguous),
    ("/healthz and /metrics are the gateway's own", own_paths),
];

fn prefixes(lab: &Lab) -> Result<()> {
    let (answer, id) = lab.get("/plain/deeper/ok")?;
    expect_status(&answer, 200)?;
    ensure!(lab.other.asked(&id).len() == 1, "the shorter prefix won");
    for path in ["/plain", "/plain/", "/plain/deep", "/plain/deeperx"] {
        let (answer, id) = lab.get(path)?;
        expect_status(&answer, 200)?;
        ensure!(lab.upstream.asked(&id).len() == 1, "{path} went elsewhere");
    }
    expect_refusal(&lab.get("/plainly")?.0, 404, "no-route")
}

fn hosts(lab: &Lab) -> Result<()> {
    for (host, hosted) in
        [("api.example", true), ("API.EXAMPLE:80", true), ("api.example.org", false)]
    {
        let id = new_id();
        let text = format!("GET /plain HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\n\r\n");
        expect_status(&exchange(lab.gateway.address, text.as_bytes())?, 200)?;
        let asked = if hosted { &lab.other } else { &lab.upstream }.asked_once(&id);
        ensure!(asked.is_ok(), "the request for {host:?} went elsewhere");
        ensure!(asked?.all("host") == [host], "the upstream got another Host than {host:?}");
    }
    Ok(())
}

fn methods(lab: &Lab) -> Result<()> {
    let (answer, id) = lab.send("POST", "/methods/ok", &[], b"x")?;
    expect_status(&answer, 200)?;
    ensure!(lab.other.asked(&id).len() == 1, "POST went elsewhere");
    let (answer, id) = lab.get("/methods/ok")?;
    expect_status(&answer, 200)?;
    ensure!(lab.upstream.asked(&id).len() == 1, "GET went elsewhere");
    for method in ["PUT", "DELETE", "TRACE", "get", "BREW"] {
        let (answer, _) = lab.send(method, "/methods/ok", &[], b"")?;
        expect_refusal(&answer, 405, "method-not-allowed")?;
        ensure!(answer.header("allow") == Some("GET, HEAD, POST"), "{:?}", answer.header("allow"));
    }
    Ok(())
}

fn unknown(lab: &Lab) -> Result<()> {
    for path in ["/", "/nowhere", "/PLAIN", "/healthz/", "/metrics/x"] {
        expect_refusal(&lab.get(path)?.0, 404, "no-route")?;
    }
    Ok(())
}

fn verbatim(lab: &Lab) -> Result<()> {
    for target in [
        "/pl%61in/a%20b/ok?x=%2F..%2f//&y=;z&q",
        "/plain/;p=1/ok",
        "/plain/ok?",
        "/plain/%C3%A4?a?b",
    ] {
        let (answer, id) = lab.get(target)?;
        expect_status(&answer, 200)?;
        let line = lab.upstream.asked_once(&id)?.request_line;
        ensure!(line == format!("GET {target} HTTP/1.1"), "{target} became {line}");
    }
    Ok(())
}

fn ambiguous(lab: &Lab) -> Result<()> {
    let targets = [
        "http://127.0.0.1/plain",
        "*",
        "//plain/ok",
        "/plain//ok",
        "/plain/../admin",
        "/plain/.",
        "/plain/./ok",
        "/x/..;/plain",
        "/plain/%2e%2e/admin",
        "/plain%2fok",
        "/plain%5Cok",
        "/plain\\ok",
        "/plain/ok#x",
        "/plain/%00",
        "/plain/%0a",
        "/plain/%7F",
    ];
    crate::fastjson_api::all_hold(
        targets,
        |target| expect_refusal(&lab.get(target)?.0, 400, "ambiguous-target"),
        |target| (*target).to_owned(),
    )?;
    for target in ["plain", "/plain/%", "/plain/%2", "/plain/%zz", "127.0.0.1:80"] {
        expect_status(&lab.get(target)?.0, 400)?;
    }
    Ok(())
}

fn own_paths(lab: &Lab) -> Result<()> {
    let (answer, _) = lab.get("/healthz?x")?;
    expect_status(&answer, 200)?;
    ensure!(answer.body == b"ok\n", "{:?}", answer.body);
    expect_status(&lab.send("HEAD", "/metrics", &[], b"")?.0, 200)?;
    let (answer, _) = lab.send("POST", "/healthz", &[], b"x")?;
    expect_refusal(&answer, 405, "method-not-allowed")?;
    let page = exchange(lab.gateway.address, &request("GET", "/metrics", &[], b""))?;
    let page = String::from_utf8(page.body)?;
    for family in [
        "gateway_requests_total counter",
        "gateway_request_duration_seconds histogram",
        "gateway_refusals_total counter",
        "gateway_attempts_total counter",
        "gateway_retries_total counter",
        "gateway_hedges_total counter",
        "gateway_breaker_state gauge",
        "gateway_in_flight gauge",
        "gateway_connections gauge",
        "gateway_reloads_total counter",
    ] {
        ensure!(page.contains(&format!("# TYPE {family}\n")), "there is no {family}");
    }
    Ok(())
}
