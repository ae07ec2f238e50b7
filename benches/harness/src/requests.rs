//! Requests as they go over the wire, encoded before anything is timed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::events::Events;
use crate::scenario::{Preload, Request, Scenario};

/// The most bytes of encoded requests kept in memory.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The longest body of a request.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// What a number in a path stands for.
const NUMBER: &str = "{n}";

/// A request, encoded, and the statuses that answer it well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expect: Vec<u16>,
}

/// One request of HTTP/1.1 on a connection that is kept.
#[must_use]
pub fn encode(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut encoded = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (name, value) in headers {
        encoded.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        encoded.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    encoded.push_str("\r\n");
    let mut encoded = encoded.into_bytes();
    encoded.extend_from_slice(body.unwrap_or_default());
    encoded
}

/// The scenario's requests in the order they are sent: the list once for each of its numbers.
pub(crate) fn sequence(
    root: &Path,
    scenario: &Scenario,
    events: Option<&Events>,
) -> Result<Vec<Encoded>> {
    let templates = templates(root, &scenario.requests, events)?;
    let mut sequence = Vec::new();
    let mut bytes = 0;
    for number in 0..scenario.load.ids {
        for template in &templates {
            let encoded = template.encode(number);
            bytes += encoded.bytes.len();
            ensure!(
                bytes <= MAX_BYTES,
                "the scenario's requests take more than {MAX_BYTES} bytes: lower load.ids"
            );
            sequence.push(encoded);
        }
    }
    Ok(sequence)
}

/// What builds the resident state, read once.
pub(crate) fn preload(root: &Path, preload: &Preload) -> Result<Template> {
    let templates = templates(root, std::slice::from_ref(&preload.request()), None)?;
    templates.into_iter().next().context("one request gives one template")
}

/// A batch of events as lines.
pub(crate) fn batch(lines: &[u8]) -> Vec<u8> {
    encode("POST", "/v1/events", &[("Content-Type", "application/x-ndjson")], Some(lines))
}

fn templates(root: &Path, requests: &[Request], events: Option<&Events>) -> Result<Vec<Template>> {
    let template =
        |request| Ok(Template { events: events.cloned(), ..Template::read(root, request)? });
    requests.iter().map(template).collect()
}

/// A request whose path may hold a number still to be filled in.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    request: Request,
    body: Option<Vec<u8>>,
    /// Where bodies of made-up events come from.
    events: Option<Events>,
}

impl Template {
    fn read(root: &Path, request: &Request) -> Result<Self> {
        let body = match (&request.body, &request.text) {
            (Some(file), _) => Some(read(&root.join(file))?),
            (None, Some(text)) => Some(text.clone().into_bytes()),
            (None, None) => None,
        };
        Ok(Self { request: request.clone(), body, events: None })
    }

    /// With a number in the place of `{n}`.
    pub(crate) fn encode(&self, number: u32) -> Encoded {
        let request = &self.request;
        let path = request.path.replace(NUMBER, &number.to_string());
        let content_type = request.content_type.as_deref().map(|value| ("Content-Type", value));
        let headers: Vec<(&str, &str)> = content_type
            .into_iter()
            .chain(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .collect();
        let made_up = self.events.as_ref().zip(request.events);
        let made_up =
            made_up.map(|(events, count)| events.lines(number.saturating_mul(count), count));
        let body = made_up.as_deref().or(self.body.as_deref());
        Encoded {
            bytes: encode(&request.method, &path, &headers, body),
            expect: request.expect.clone(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let length = fs::metadata(path).with_context(cannot)?.len();
    ensure!(length <= MAX_BODY, "{} is longer than {MAX_BODY} bytes", path.display());
    fs::read(path).with_context(cannot)
}
