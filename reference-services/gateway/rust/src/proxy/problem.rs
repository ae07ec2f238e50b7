//! Answers of the gateway's own.

use httpdate::fmt_http_date;
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

/// Why a request goes no further.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The last part of the problem's type.
    pub(super) word: &'static str,
    detail: &'static str,
    retry_after: Option<Duration>,
    pub(super) closes: bool,
    allow: Option<String>,
    challenge: Option<&'static str>,
}

impl Refusal {
    const fn new(status: u16, word: &'static str, detail: &'static str) -> Self {
        let (retry_after, allow, challenge) = (None, None, None);
        Self { status, word, detail, retry_after, closes: false, allow, challenge }
    }

    const fn closing(status: u16, word: &'static str, detail: &'static str) -> Self {
        let mut refusal = Self::new(status, word, detail);
        refusal.closes = true;
        refusal
    }

    const fn challenging(mut self, challenge: &'static str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    const fn after_a_second(mut self) -> Self {
        self.retry_after = Some(Duration::from_secs(1));
        self
    }
}

pub(super) const MALFORMED: Refusal = Refusal::closing(
    400,
    "malformed-request",
    "The request is framed in a way that programs could read differently.",
);
pub(super) const HEAD_TOO_LARGE: Refusal =
    Refusal::closing(431, "head-too-large", "The request's head has more than 16 KiB.");
pub(super) const EXPECTATION: Refusal = Refusal::closing(
    417,
    "expectation-failed",
    "The one expectation that can be met is 100-continue.",
);
pub(super) const AMBIGUOUS_TARGET: Refusal = Refusal::new(
    400,
    "ambiguous-target",
    "Programs could read this target differently. Send a plain path that begins with a slash, without \
     empty, dot or encoded segments.",
);
pub(super) const TOO_MANY_FIELDS: Refusal =
    Refusal::closing(431, "too-many-fields", "The request has more than 100 header fields.");
pub(super) const NO_ROUTE: Refusal =
    Refusal::new(404, "no-route", "No route takes this host and path.");
pub(super) const BODY_TOO_LARGE: Refusal =
    Refusal::closing(413, "body-too-large", "The body is larger than this route takes.");
pub(super) const BODY_TIMEOUT: Refusal =
    Refusal::closing(408, "body-timeout", "The body did not come in time.");
pub(super) const MALFORMED_BODY: Refusal =
    Refusal::closing(400, "malformed-body", "The body is not framed as it should be.");
pub(super) const UPSTREAM_FAILED: Refusal =
    Refusal::new(502, "upstream-failed", "The upstream gave no answer that could be passed on.");
pub(super) const UPSTREAM_TIMEOUT: Refusal =
    Refusal::new(504, "upstream-timeout", "The upstream did not answer in time.");
pub(super) const TOKEN_MISSING: Refusal =
    Refusal::new(401, "token-missing", "This route needs one field Authorization: Bearer TOKEN.")
        .challenging("Bearer");
pub(super) const TOKEN_INVALID: Refusal =
    Refusal::new(401, "token-invalid", "The token is not good here.")
        .challenging("Bearer error=\"invalid_token\"");
pub(super) const TOKEN_UNCHECKED: Refusal = Refusal::new(
    503,
    "token-check-unavailable",
    "The token could not be checked. Try again later.",
)
.after_a_second();
pub(super) const OVERLOADED: Refusal =
    Refusal::new(503, "overloaded", "Too many requests are in flight. Try again later.")
        .after_a_second();

pub(super) fn method_not_allowed(allow: &str) -> Refusal {
    let detail = "This path does not take the method; see the Allow field.";
    Refusal { allow: Some(allow.to_owned()), ..Refusal::new(405, "method-not-allowed", detail) }
}

pub(super) fn rate_limited(wait: Duration) -> Refusal {
    let detail = "Too many requests from this client. Try again later.";
    Refusal { retry_after: Some(wait), ..Refusal::new(429, "rate-limited", detail) }
}

pub(super) fn circuit_open(wait: Duration) -> Refusal {
    let detail = "The upstream has failed too often. Try again later.";
    Refusal { retry_after: Some(wait), ..Refusal::new(503, "circuit-open", detail) }
}

/// How an own answer goes out.
pub(super) struct Manner<'a> {
    pub(super) id: &'a str,
    pub(super) now: SystemTime,
    pub(super) to_head: bool,
    pub(super) closes: bool,
}

impl Refusal {
    /// The whole answer.
    pub(super) fn bytes(&self, manner: &Manner<'_>) -> Vec<u8> {
        let (first, rest) = self.word.split_at(1);
        let title = first.to_uppercase() + &rest.replace('-', " ");
        let body = json!({
            "type": format!("urn:problem-type:gateway:{}", self.word),
            "title": title, "status": self.status, "detail": self.detail,
        });
        let mut fields = String::new();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_nanos().div_ceil(1_000_000_000);
            fields += &format!("Retry-After: {seconds}\r\n");
        }
        if let Some(allow) = &self.allow {
            fields += &format!("Allow: {allow}\r\n");
        }
        if let Some(challenge) = self.challenge {
            fields += &format!("WWW-Authenticate: {challenge}\r\n");
        }
        let media_type = "application/problem+json";
        own_answer(self.status, media_type, &fields, body.to_string().as_bytes(), manner)
    }
}

/// An answer with a body at hand; `fields` each end with their line.
pub(super) fn own_answer(
    status: u16,
    media_type: &str,
    fields: &str,
    body: &[u8],
    manner: &Manner<'_>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512 + body.len());
    let (reason, date) = (reason(status), fmt_http_date(manner.now));
    // Writing to memory cannot fail.
    let _ = write!(
        bytes,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Date: {date}\r\n{fields}X-Request-Id: {}\r\n",
        body.len(),
        manner.id
    );
    if manner.closes {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    if !manner.to_head {
        bytes.extend_from_slice(body);
    }
    bytes
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Gateway Timeout",
    }
}
