//! What the contract's answers look like.

use crate::http::Response;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub(super) fn expect_allow(response: &Response, allowed: &str) -> Result<()> {
    let allow = response.header("allow").context("no Allow header")?;
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
    methods.sort_unstable();
    ensure!(methods.join(" ") == allowed, "Allow is {allow}");
    Ok(())
}

pub(super) fn bodiless(method: &str, path: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

pub(super) fn expect_status(response: &Response, status: u16) -> Result<()> {
    let body = String::from_utf8_lossy(&response.body);
    ensure!(response.status == status, "status {}, not {status}: {body:.300}", response.status);
    Ok(())
}

pub(super) fn expect_quote(response: &Response, expected: &Value) -> Result<()> {
    expect_status(response, 200)?;
    ensure!(response.header("content-type") == Some("application/json"), "not application/json");
    let quote = response.json()?;
    ensure!(quote == *expected, "the quote is {quote}");
    Ok(())
}

pub(super) fn expect_problem(response: &Response, status: u16, title: &str) -> Result<()> {
    let expected = json!({"type": "about:blank", "title": title, "status": status});
    expect_problem_body(response, status, &expected)
}

pub(super) fn expect_malformed(response: &Response) -> Result<()> {
    let r#type = "urn:problem-type:fastjson-api:malformed-json";
    let expected = json!({"type": r#type, "title": "Malformed JSON", "status": 400});
    expect_problem_body(response, 400, &expected)
}

pub(super) fn expect_invalid(response: &Response, pointers: &[String]) -> Result<()> {
    let r#type = "urn:problem-type:fastjson-api:invalid-order";
    let errors: Vec<Value> = pointers.iter().map(|pointer| json!({"pointer": pointer})).collect();
    let expected =
        json!({"type": r#type, "title": "Invalid order", "status": 422, "errors": errors});
    expect_problem_body(response, 422, &expected)
}

pub(super) fn expect_problem_body(
    response: &Response,
    status: u16,
    expected: &Value,
) -> Result<()> {
    expect_status(response, status)?;
    let media_type = response.header("content-type").unwrap_or_default();
    ensure!(media_type == "application/problem+json", "Content-Type is {media_type}");
    let (body, details) = without_details(response.json()?);
    ensure!(body == *expected, "the body is {body}, not {expected}");
    let places = 1 + expected.get("errors").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(details == places, "{details} of {places} details are there");
    Ok(())
}

/// A refusal of the dynamic path: the type's last word, its title, and the members besides.
pub(super) fn expect_refusal(
    response: &Response,
    status: u16,
    word: &str,
    members: &Value,
) -> Result<()> {
    let title = match word {
        "malformed-json" => "Malformed JSON",
        "not-i-json" => "Not I-JSON",
        "limit-exceeded" => "Limit exceeded",
        "invalid-precondition" => "Invalid precondition",
        "invalid-patch" => "Invalid patch",
        "patch-conflict" => "Patch does not apply",
        "test-failed" => "Test failed",
        _ => "Store full",
    };
    let r#type = format!("urn:problem-type:fastjson-api:{word}");
    let mut expected = json!({"type": r#type, "title": title, "status": status});
    let members = members.as_object().context("the check itself is wrong")?;
    expected.as_object_mut().context("not an object")?.extend(members.clone());
    expect_problem_body(response, status, &expected)
}

/// A problem without its free text, and how many such texts it had.
pub(crate) fn without_details(mut problem: Value) -> (Value, usize) {
    let mut details = 0;
    let mut remove = |value: &mut Value| {
        let removed = value.as_object_mut().and_then(|object| object.remove("detail"));
        details += usize::from(removed.is_some_and(|detail| detail.as_str() != Some("")));
    };
    remove(&mut problem);
    if let Some(errors) = problem.get_mut("errors").and_then(Value::as_array_mut) {
        errors.iter_mut().for_each(remove);
    }
    (problem, details)
}
