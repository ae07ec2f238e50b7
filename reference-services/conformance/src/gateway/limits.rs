//! How often, and how many at a time.

use super::Test;
use super::lab::{Lab, expect_refusal, expect_status, new_id};
use crate::http::{Connection, request};
use anyhow::{Context, Result, ensure};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a client beyond its rate is 429 with Retry-After", rate_by_address),
    ("subjects have rates of their own", rate_by_subject),
    ("requests beyond an upstream's limit are shed at once", shedding),
];

/// Six a minute: one every ten seconds.
fn expect_limited(answer: &crate::http::Response) -> Result<()> {
    expect_refusal(answer, 429, "rate-limited")?;
    let after: u64 = answer.header("retry-after").context("no Retry-After")?.parse()?;
    ensure!((8..=10).contains(&after), "Retry-After is {after}");
    Ok(())
}

fn rate_by_address(lab: &Lab) -> Result<()> {
    for _ in 0..3 {
        expect_status(&lab.get("/few/ok")?.0, 200)?;
    }
    let (answer, id) = lab.get("/few/ok")?;
    expect_limited(&answer)?;
    ensure!(lab.upstream.asked(&id).is_empty(), "the upstream was asked");
    // What a client says of itself changes nothing.
    let fields = [("X-Forwarded-For", "192.0.2.9"), ("Forwarded", "for=192.0.2.9")];
    expect_limited(&lab.send("GET", "/few/ok", &fields, b"")?.0)
}

fn rate_by_subject(lab: &Lab) -> Result<()> {
    let ann = format!("Bearer {}", lab.signer.good("ed", "ann")?);
    let again = format!("Bearer {}", lab.signer.good("es", "ann")?);
    let bob = format!("Bearer {}", lab.signer.good("ed", "bob")?);
    for (token, limited) in [(&ann, false), (&again, false), (&ann, true), (&bob, false)] {
        let (answer, _) = lab.send("GET", "/each/ok", &[("Authorization", token)], b"")?;
        if limited { expect_limited(&answer) } else { expect_status(&answer, 200) }?;
    }
    // Without a good token nobody's rate is touched.
    expect_refusal(&lab.get("/each/ok")?.0, 401, "token-missing")
}

fn shedding(lab: &Lab) -> Result<()> {
    let mut slow = Vec::new();
    for _ in 0..2 {
        let id = new_id();
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send(&request("GET", "/narrow/slow", &[("X-Request-Id", &id)], b""))?;
        lab.upstream.wait_for(&id)?;
        slow.push(connection);
    }
    let (answer, id) = lab.get("/narrow/ok")?;
    expect_refusal(&answer, 503, "overloaded")?;
    ensure!(answer.header("retry-after") == Some("1"), "{:?}", answer.header("retry-after"));
    ensure!(lab.upstream.asked(&id).is_empty(), "the upstream was asked");
    for mut connection in slow {
        expect_status(&connection.receive()?, 200)?;
    }
    expect_status(&lab.get("/narrow/ok")?.0, 200)
}
