//! What the contract's answers look like.

use crate::fastjson_api::without_details;
use crate::http::Response;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub(super) fn status(response: &Response, status: u16) -> Result<()> {
    let body = String::from_utf8_lossy(&response.body);
    ensure!(response.status == status, "status {}, not {status}: {body:.300}", response.status);
    Ok(())
}

/// A refusal without a type of its own.
pub(super) fn plain(response: &Response, status: u16, title: &str) -> Result<()> {
    let expected = json!({"type": "about:blank", "title": title, "status": status});
    problem(response, status, &expected)
}

/// A refusal by the last word of its type, and the members it has besides.
pub(super) fn refusal(response: &Response, status: u16, word: &str, members: &Value) -> Result<()> {
    let title = match word {
        "invalid-batch-id" => "Invalid batch id",
        "too-many-pending" => "Too many pending bytes",
        "no-valid-line" => "No valid line",
        "batch-id-reused" => "Batch id reused",
        "store-full" => "Store full",
        "log-failed" => "Log failed",
        "malformed-json" => "Malformed JSON",
        "invalid-query" => "Invalid query",
        "limit-exceeded" => "Limit exceeded",
        "too-many-queries" => "Too many queries",
        _ => "Too many tails",
    };
    let r#type = format!("urn:problem-type:analytics-api:{word}");
    let mut expected = json!({"type": r#type, "title": title, "status": status});
    let members = members.as_object().context("the check itself is wrong")?;
    expected.as_object_mut().context("not an object")?.extend(members.clone());
    problem(response, status, &expected)?;
    if status == 429 {
        ensure!(response.header("retry-after") == Some("1"), "no Retry-After: 1");
    }
    Ok(())
}

/// A question refused for one fault.
pub(super) fn invalid_query(response: &Response, pointer: &str) -> Result<()> {
    refusal(response, 422, "invalid-query", &json!({"errors": [{"pointer": pointer}]}))
}

fn problem(response: &Response, expected_status: u16, expected: &Value) -> Result<()> {
    status(response, expected_status)?;
    let media_type = response.header("content-type").unwrap_or_default();
    ensure!(media_type == "application/problem+json", "Content-Type is {media_type}");
    let (body, details) = without_details(response.json()?);
    ensure!(body == *expected, "the body is {body}, not {expected}");
    let places = 1 + expected.get("errors").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(details == places, "{details} of {places} details are there");
    Ok(())
}

/// The methods of `Allow`, HEAD aside: a library may add it to GET.
pub(super) fn allow(response: &Response, allowed: &str) -> Result<()> {
    let allow = response.header("allow").context("no Allow header")?;
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
    methods.retain(|method| *method != "HEAD");
    methods.sort_unstable();
    ensure!(methods.join(" ") == allowed, "Allow is {allow}");
    Ok(())
}
