//! Accepting connections and waiting for what is ready.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write as _};
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

use crate::connection::{Answers, Connection};

/// Events taken from the kernel at a time.
const EVENTS_MAX: usize = 256;

/// What the epoll set knows the listener by; connections are known by their descriptors.
const LISTENER: u64 = u64::MAX;

/// Serves until something fails.
pub(crate) fn serve(address: &str) -> io::Result<Infallible> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;

    let answers = Answers::new();
    // Descriptors are small and dense, so that they serve as indexes.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let data = event.data;
            if data.u64() == LISTENER {
                accept(&listener, &epoll, &mut connections)?;
                continue;
            }
            let index = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            let Some(slot) = connections.get_mut(index) else { continue };
            if slot.as_mut().is_some_and(|connection| connection.ready(&answers).is_err()) {
                // Dropping it closes it, which also takes it out of the epoll set.
                *slot = None;
            }
        }
    }
}

/// Takes the connections that wait.
fn accept(
    listener: &TcpListener,
    epoll: impl std::os::fd::AsFd,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let index = usize::try_from(stream.as_raw_fd()).map_err(io::Error::other)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
        if connections.len() <= index {
            connections.resize_with(index + 1, || None);
        }
        if let Some(slot) = connections.get_mut(index) {
            *slot = Some(Connection::new(stream));
        }
    }
}
