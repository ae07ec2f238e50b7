//! Reading and writing sockets by shared reference, so that both directions of one can go on at a time.

use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Room that is made for each read.
const READ_BYTES: usize = 16 * 1024;

/// Appends what has come to a buffer and returns how many bytes that was, 0 at the end. It may be
/// dropped at any time without losing any. While nothing comes, an empty buffer takes no memory.
pub(crate) async fn fill(stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        buffer.reserve(READ_BYTES);
        match stream.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if buffer.is_empty() {
                    *buffer = Vec::new();
                }
            }
            outcome => return outcome,
        }
    }
}

/// Writes everything, as long as the other side takes something within each pause.
pub(crate) async fn write_all(
    stream: &TcpStream,
    mut bytes: &[u8],
    pause: Option<Duration>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match pause {
                Some(pause) => timeout(pause, stream.writable()).await??,
                None => stream.writable().await?,
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
