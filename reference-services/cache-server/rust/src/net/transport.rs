//! What a connection reads from and writes to: a socket, or TLS over one.

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// How often something unread is looked for at the end.
const SCRAPS_MAX: usize = 16;

/// The server's end of a connection. Like the socket under it, it never blocks.
#[derive(Debug)]
pub(super) enum Transport {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Bytes in TLS records.
    Tls(Box<Tls>),
}

/// A TLS session over a socket. It holds at most a record of input, and 64 KiB of output.
#[derive(Debug)]
pub(super) struct Tls {
    socket: TcpStream,
    session: ServerConnection,
}

impl Transport {
    /// The transport over a socket that was accepted: TLS where there are settings for it.
    pub(super) fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(config) = tls else { return Ok(Self::Plain(socket)) };
        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(Tls { socket, session })))
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &mut tls.socket,
        }
    }

    /// Reads what the client sent; 0 when it will send no more. What is no TLS is
    /// [`ErrorKind::InvalidData`].
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(tls) => tls.read(into),
        }
    }

    /// Whether a read that gave so many of the bytes asked for has left nothing to read.
    pub(super) fn is_emptied_by(&self, length: usize, asked: usize) -> bool {
        match self {
            Self::Plain(_) => length < asked,
            // A record may hold more than was asked for, and there may be another.
            Self::Tls(_) => false,
        }
    }

    /// Writes as much as the socket takes, and answers how much that was. Of TLS a part may still
    /// be [unsent](Self::has_unsent) then.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// Whether it keeps bytes that the socket did not take.
    pub(super) fn has_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.session.wants_write(),
        }
    }

    /// Sends what it keeps, as far as the socket takes it, and answers how much that was.
    pub(super) fn flush(&mut self) -> io::Result<usize> {
        match self {
            Self::Plain(_) => Ok(0),
            Self::Tls(tls) => tls.flush(),
        }
    }

    /// Whether client and server have not agreed on keys yet.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.session.is_handshaking(),
        }
    }

    /// Tells the client that nothing more will come, as far as TLS has words for that.
    pub(super) fn end(&mut self) {
        if let Self::Tls(tls) = self {
            tls.end();
        }
    }
}

impl Tls {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.session.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            let processed = self.session.process_new_packets();
            // The handshake's answer, or why there will be none.
            self.flush()?;
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.session.wants_write() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = self.session.writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    fn end(&mut self) {
        self.session.send_close_notify();
        drop(self.flush());
        // Closing a socket with something unread in it takes from the client what was sent last.
        let mut scrap = [0; 4_096];
        for _ in 0..SCRAPS_MAX {
            if !matches!(self.socket.read(&mut scrap), Ok(1..)) {
                return;
            }
        }
    }

    fn flush(&mut self) -> io::Result<usize> {
        let mut sent = 0;
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}
