//! A connection without a socket.

use cache_server::clock::{Clock, PausedClock};
use cache_server::config::{Policy, Settings};
use cache_server::processor::{Processor, Stopped};
use cache_server::server::Server;
use cache_server::session::Session;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// When the tests begin, in ms since 1970.
pub(crate) const START_MS: u64 = 1_800_000_000_000;

/// A clock that the test moves.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<PausedClock>);

impl TestClock {
    pub(crate) fn advance_ms(&self, by_ms: u64) {
        self.0.advance_ms(by_ms);
    }
}

impl Clock for TestClock {
    fn now_us(&self) -> u64 {
        self.0.now_us()
    }
}

pub(crate) fn server(maxmemory_bytes: u64) -> (Server, TestClock) {
    server_with(&Settings { maxmemory_bytes, ..Settings::default() })
}

pub(crate) fn refusing_server(maxmemory_bytes: u64) -> (Server, TestClock) {
    server_with(&Settings { maxmemory_bytes, policy: Policy::Refuse, ..Settings::default() })
}

pub(crate) fn server_with(settings: &Settings) -> (Server, TestClock) {
    let clock = TestClock(Arc::new(PausedClock::at_ms(START_MS)));
    (Server::new(settings, Box::new(clock.clone())), clock)
}

/// A client of a server, without a socket.
pub(crate) struct Client<'s> {
    pub(crate) processor: Processor<'s>,
    pub(crate) session: Session,
}

impl<'s> Client<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let client = server.clients.add(nowhere, nowhere, 0, START_MS);
        let session = Session::new(client, server.config.password().is_empty());
        Self { processor: Processor::new(server), session }
    }

    /// Sends bytes as they are; the answers, and why it stopped.
    pub(crate) fn feed(&mut self, input: &[u8]) -> (Vec<u8>, Stopped) {
        let mut out = Vec::new();
        let stopped = self.processor.feed(&mut self.session, input, &mut out, usize::MAX, 0..0);
        (out, stopped)
    }

    /// Sends one request; the answer as it is.
    pub(crate) fn send(&mut self, args: &[&[u8]]) -> String {
        let (out, _) = self.feed(&request(args));
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Sends one request of words; the answer as it is.
    pub(crate) fn words(&mut self, line: &str) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.send(&args)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.processor.close(&mut self.session);
    }
}

/// A request as clients send it.
pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
