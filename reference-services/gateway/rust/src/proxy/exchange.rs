//! One request on its way through the gateway.

use super::call::{Call, Failure, Request};
use super::checker::{Asking, Checker, Unknown};
use super::gateway::Worker;
use super::metrics::render;
use super::problem::{self, Manner, Refusal, own_answer};
use super::relay::{Fault, Places, Wishes, forward};
use super::table::{Route, Table};
use super::target::plain_path;
use super::upload::Upload;
use crate::config::By;
use crate::wire::{Framing, Head, Kind, write_all};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const FIELDS_MAX: usize = 100;
/// In metrics only: the client left before the head of the answer.
const STATUS_GONE: u16 = 499;

/// A connection to a client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    /// What has come and is not used yet.
    pub(super) buffer: Vec<u8>,
    /// Longest pause within a body, or in taking an answer.
    pub(super) idle: Duration,
    address: String,
    /// By which its rate is counted.
    rated: String,
}

impl Client {
    pub(super) fn new(stream: TcpStream, address: IpAddr, idle: Duration) -> Self {
        let rated = super::rate::client_of(address);
        let address = address.to_canonical().to_string();
        Self { stream, buffer: Vec::new(), idle, address, rated }
    }
}

/// What becomes of a connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Keep,
    /// The client may still be sending.
    Linger,
    Close,
}

/// Where a request goes.
enum Way<'a> {
    Refused(Refusal),
    Health,
    Metrics,
    Route(&'a Route),
}

/// How an exchange went.
pub(super) struct Ended {
    pub(super) status: u16,
    pub(super) end: End,
}

struct Exchange<'a> {
    worker: &'a Worker,
    client: &'a mut Client,
    head: &'a Head,
    /// Still in the buffer.
    head_bytes: usize,
    id: String,
    start: Instant,
    to_head: bool,
    closes: bool,
    upload: Upload,
}

/// Answers a request whose head is the start of the client's buffer.
pub(super) async fn answer(
    worker: &Worker,
    client: &mut Client,
    head: &Head,
    head_bytes: usize,
) -> End {
    let start = Instant::now();
    let gateway = &worker.gateway;
    let table = gateway.table();
    let buffer = &client.buffer;
    let id = worker.ids.request_id(head.only(Kind::RequestId, buffer));
    let framing =
        if head.chunked { Framing::CHUNKED } else { Framing::Length(head.length.unwrap_or(0)) };
    let mut exchange = Exchange {
        id,
        to_head: buffer.get(head.method.clone()) == Some(b"HEAD"),
        closes: head.closes(buffer) || worker.is_stopping(),
        upload: Upload::new(framing, client.idle),
        worker,
        client,
        head,
        head_bytes,
        start,
    };
    let (counts, ended) = match exchange.way(&table) {
        Way::Refused(refusal) => (&gateway.metrics.none, exchange.refuse(&refusal).await),
        Way::Health => (&gateway.metrics.own, exchange.own("ok\n").await),
        Way::Metrics => (&gateway.metrics.own, exchange.own(&render(gateway)).await),
        Way::Route(route) => {
            let ended = match exchange.through(route).await {
                Ok(ended) => ended,
                Err(refusal) => exchange.refuse(&refusal).await,
            };
            (&route.counts, ended)
        }
    };
    Arc::clone(counts).add(ended.status, start.elapsed());
    ended.end
}

impl Exchange<'_> {
    fn method(&self) -> &[u8] {
        self.client.buffer.get(self.head.method.clone()).unwrap_or_default()
    }

    fn way<'t>(&self, table: &'t Table) -> Way<'t> {
        let buffer = &self.client.buffer;
        let value =
            |field: &crate::wire::Field| buffer.get(field.value.clone()).unwrap_or_default();
        let mut expectations = self.head.of_kind(Kind::Expect);
        if !expectations.all(|field| value(field).eq_ignore_ascii_case(b"100-continue")) {
            return Way::Refused(problem::EXPECTATION);
        }
        let target = buffer.get(self.head.target.clone()).unwrap_or_default();
        let Some(path) = plain_path(target) else {
            return Way::Refused(problem::AMBIGUOUS_TARGET);
        };
        if self.head.fields.len() > FIELDS_MAX {
            return Way::Refused(problem::TOO_MANY_FIELDS);
        }
        let method = self.method();
        let own = match &*path {
            b"/healthz" => Some(Way::Health),
            b"/metrics" => Some(Way::Metrics),
            _ => None,
        };
        if let Some(own) = own {
            let reads = matches!(method, b"GET" | b"HEAD");
            return if reads {
                own
            } else {
                Way::Refused(problem::method_not_allowed("GET, HEAD"))
            };
        }
        let host = self.head.only(Kind::Host, buffer).unwrap_or_default();
        table.find(host, &path, method).map_or_else(Way::Refused, Way::Route)
    }

    /// Goes through the contract's table of checks, then forwards.
    async fn through(&mut self, route: &Route) -> Result<Ended, Refusal> {
        let gateway = Arc::clone(&self.worker.gateway);
        if self.head.length.is_some_and(|length| length > route.conf.body_bytes_max) {
            return Err(problem::BODY_TOO_LARGE);
        }
        within_rate(route, By::Address, &self.client.rated)?;
        let inside = gateway.in_flight.enter().ok_or(problem::OVERLOADED)?;
        let given = self.head.only(Kind::Traceparent, &self.client.buffer);
        let (trace, follows) = self.worker.ids.traceparent(given);
        let subject = match &route.checker {
            Some(checker) => Some(self.check_token(checker, route, &trace).await?),
            None => None,
        };
        if let Some(subject) = &subject {
            within_rate(route, By::Subject, subject)?;
        }
        let there = route.upstream.in_flight.enter().ok_or(problem::OVERLOADED)?;
        let request = self.request(&trace, follows, subject.as_deref());
        self.forward(route, request, (inside, there)).await
    }

    async fn check_token(
        &self,
        checker: &Checker,
        route: &Route,
        traceparent: &str,
    ) -> Result<String, Refusal> {
        let field = self.head.only(Kind::Authorization, &self.client.buffer);
        let (scheme, token) = field
            .and_then(|field| field.split_at_checked(field.iter().position(|byte| *byte == b' ')?))
            .ok_or(problem::TOKEN_MISSING)?;
        let token = token.get(1..).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"bearer") || token.is_empty() {
            return Err(problem::TOKEN_MISSING);
        }
        let left = route.conf.timeout.map(|timeout| timeout.saturating_sub(self.start.elapsed()));
        let (thread, now) = (self.worker.thread, (self.worker.gateway.now)());
        let asking = Asking { id: &self.id, traceparent, thread, now, left };
        checker.check(token, &asking).await.map_err(|unknown| match unknown {
            Unknown::Invalid => problem::TOKEN_INVALID,
            Unknown::Unchecked => problem::TOKEN_UNCHECKED,
        })
    }

    /// The request as it goes upstream, without its body.
    fn request(&self, trace: &str, follows: bool, subject: Option<&str>) -> Request {
        let (head, buffer) = (self.head, &self.client.buffer);
        let get = |range: &std::ops::Range<usize>| buffer.get(range.clone()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(self.head_bytes + 512);
        for part in [get(&head.method), b" ", get(&head.target), b" HTTP/1.1\r\n"] {
            bytes.extend_from_slice(part);
        }
        let nameless = head.only(Kind::Host, buffer).is_none_or(<[u8]>::is_empty);
        let host_at = nameless.then_some(bytes.len());
        let names = |name: &[u8]| {
            let mut named = head.connection_names(buffer);
            named.any(|other| other.eq_ignore_ascii_case(name))
        };
        let mut put = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        let any_named = head.of_kind(Kind::Connection).next().is_some();
        for field in &head.fields {
            let (name, value) = (get(&field.name), get(&field.value));
            match field.kind {
                Kind::Host if !nameless => put(name, value),
                Kind::Other | Kind::Authorization if !any_named || !names(name) => put(name, value),
                Kind::Tracestate if follows => put(name, value),
                _ => {}
            }
        }
        put(b"X-Forwarded-For", self.client.address.as_bytes());
        put(b"X-Forwarded-Proto", b"http");
        put(b"X-Request-Id", self.id.as_bytes());
        put(b"traceparent", trace.as_bytes());
        if let Some(subject) = subject {
            put(b"X-Auth-Subject", subject.as_bytes());
        }
        if let Some(length) = head.length {
            put(b"Content-Length", length.to_string().as_bytes());
        } else if head.chunked {
            put(b"Transfer-Encoding", b"chunked");
        }
        bytes.extend_from_slice(b"\r\n");
        let method = self.method();
        Request {
            bytes,
            host_at,
            idempotent: matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE"),
            reads: matches!(method, b"GET" | b"HEAD"),
            to_head: self.to_head,
            has_body: head.chunked || head.length.is_some_and(|length| length > 0),
        }
    }

    /// Makes the exchange with the upstream.
    async fn forward(
        &mut self,
        route: &Route,
        mut request: Request,
        places: Places<'_>,
    ) -> Result<Ended, Refusal> {
        self.upload.left = route.conf.body_bytes_max;
        self.upload.expects =
            self.head.of_kind(Kind::Expect).next().is_some() && !self.head.old_version;
        self.take_head();
        self.upload
            .pull(&mut self.client.buffer, &mut request.bytes)
            .map_err(Fault::refusal_or_gone)?;
        let call = Call {
            upstream: &route.upstream,
            request: &request,
            thread: self.worker.thread,
            attempts: route.conf.attempts,
            hedge: route.conf.hedge,
            deadline: route.conf.timeout.map(|timeout| self.start + timeout),
        };
        let wishes =
            Wishes { id: &self.id, old_version: self.head.old_version, closes: self.closes };
        match forward(&call, self.client, &mut self.upload, wishes, places).await {
            Ok(ended) => Ok(ended),
            Err(Fault::Gone) => Ok(Ended { status: STATUS_GONE, end: End::Close }),
            Err(Fault::Failed(Failure::CircuitOpen)) => {
                Err(problem::circuit_open(route.upstream.wait()))
            }
            Err(fault) => Err(fault.refusal_or_gone()),
        }
    }

    fn take_head(&mut self) {
        self.client.buffer.drain(..self.head_bytes);
        self.head_bytes = 0;
    }

    /// Answers for the gateway itself.
    async fn refuse(&mut self, refusal: &Refusal) -> Ended {
        self.worker.gateway.metrics.refused(refusal.word);
        self.closes |= refusal.closes;
        self.settle();
        let bytes = refusal.bytes(&self.manner());
        self.send(refusal.status, &bytes).await
    }

    async fn own(&mut self, text: &str) -> Ended {
        self.settle();
        let media_type = "text/plain; version=0.0.4; charset=utf-8";
        let bytes = own_answer(200, media_type, "", text.as_bytes(), &self.manner());
        self.send(200, &bytes).await
    }

    /// Skips a body that has come already; without all of it the connection is of no more use.
    fn settle(&mut self) {
        self.take_head();
        let skipped = self.upload.framing.take(&mut self.client.buffer, &mut Vec::new());
        self.closes |= skipped.is_err() || !self.upload.framing.is_done();
    }

    fn manner(&self) -> Manner<'_> {
        let now = (self.worker.gateway.now)();
        Manner { id: &self.id, now, to_head: self.to_head, closes: self.closes }
    }

    async fn send(&self, status: u16, bytes: &[u8]) -> Ended {
        let sent = write_all(&self.client.stream, bytes, Some(self.client.idle)).await;
        let end = match sent {
            Err(_) => End::Close,
            Ok(()) if self.closes => End::Linger,
            Ok(()) => End::Keep,
        };
        Ended { status, end }
    }
}

fn within_rate(route: &Route, by: By, client: &str) -> Result<(), Refusal> {
    match &route.limiter {
        Some((of, limiter)) if *of == by => {
            limiter.take(client, Instant::now()).map_err(problem::rate_limited)
        }
        _ => Ok(()),
    }
}
