//! What clients can make a service hold for them.

use super::resp::{Connection, Reply, request};
use super::{Subject, Test, eventually, info_number};
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("buffers: no memory is taken for what was only announced", announced),
    ("buffers: unfinished arguments of all clients are bounded", unfinished),
    ("buffers: queued commands of all clients are bounded", queued),
    ("buffers: unsent replies of many clients are bounded", unsent),
];

const MIB: u64 = 1024 * 1024;
/// The limit for all clients, and what 16 KiB for each adds.
const BUFFERS_MAX: u64 = 256 * MIB + 4 * MIB;

fn resident(watcher: &mut Connection) -> Result<u64> {
    info_number(watcher, "used_memory_rss")
}

fn announced(address: SocketAddr, _: Subject) -> Result<()> {
    let mut watcher = Connection::open(address)?;
    let before = resident(&mut watcher)?;
    let mut clients = Vec::new();
    for n in 0..300 {
        let mut client = Connection::open(address)?;
        client.send(match n % 3 {
            0 => b"*1048576\r\n$1\r\nx\r\n",
            1 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16777216\r\nabc",
            _ => b"*2\r\n$16777216\r\n",
        })?;
        clients.push(client);
    }
    watcher.expect("PING", &Reply::Simple(b"PONG".to_vec()))?;
    let after = resident(&mut watcher)?;
    let most = before + 64 * MIB;
    ensure!(after < most, "resident memory went from {before} to {after}");
    Ok(())
}

/// Sends until the service has closed the connection, or to the end.
fn send_all(client: &mut Connection, bytes: &[u8]) -> bool {
    bytes.chunks(MIB as usize).all(|piece| client.send(piece).is_ok())
}

/// Checks that of these clients some were closed, and that the service is as before when the rest has gone.
fn ensure_bounded(address: SocketAddr, clients: Vec<Connection>, subject: Subject) -> Result<()> {
    let mut watcher = Connection::open(address)?;
    let count = u64::try_from(clients.len())?;
    if subject == Subject::Twin {
        eventually("some of the clients are closed", Duration::from_secs(5), || {
            Ok(info_number(&mut watcher, "connected_clients")? < count)
        })?;
        let held = info_number(&mut watcher, "client_buffer_bytes")?;
        ensure!(held <= BUFFERS_MAX, "client_buffer_bytes is {held}");
    }
    let left = info_number(&mut watcher, "connected_clients")?;
    ensure!(left > count / 2, "only {left} of {count} clients are left");
    drop(clients);
    eventually("the clients are gone", Duration::from_secs(5), || {
        Ok(info_number(&mut watcher, "connected_clients")? == 1)
    })?;
    if subject == Subject::Twin {
        let held = info_number(&mut watcher, "client_buffer_bytes")?;
        ensure!(held < MIB, "client_buffer_bytes is {held} after they have gone");
    }
    watcher.expect("SET k v", &Reply::ok())
}

fn unfinished(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16777216\r\n".to_vec();
    bytes.resize(bytes.len() + 15 * 1024 * 1024, b'x');
    let mut clients = Vec::new();
    for _ in 0..22 {
        let mut client = Connection::open(address)?;
        send_all(&mut client, &bytes);
        clients.push(client);
    }
    ensure_bounded(address, clients, subject)
}

fn queued(address: SocketAddr, subject: Subject) -> Result<()> {
    let value = vec![b'x'; 15 * 1024 * 1024];
    let bytes = request(&[b"SET", b"k".as_slice(), &value]).repeat(4);
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = Connection::open(address)?;
        client.expect("MULTI", &Reply::ok())?;
        send_all(&mut client, &bytes);
        clients.push(client);
    }
    ensure_bounded(address, clients, subject)
}

fn unsent(address: SocketAddr, subject: Subject) -> Result<()> {
    /// Replies of 1 MiB, more than sockets take.
    const EACH: usize = 16;
    let mut watcher = Connection::open(address)?;
    watcher.expect("SETRANGE k 1048575 x", &Reply::Integer(1_048_576))?;
    let gets = request(&["GET", "k"]).repeat(EACH);
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = Connection::open(address)?;
        client.send(&gets)?;
        clients.push(client);
    }
    watcher.expect("PING", &Reply::Simple(b"PONG".to_vec()))?;
    if subject == Subject::Twin {
        // 1 MiB of unsent replies, and the one that went beyond.
        let held = info_number(&mut watcher, "client_buffer_bytes")?;
        ensure!(held <= 50 * 3 * MIB, "client_buffer_bytes is {held}");
    }
    // They are all served when they read after all.
    for client in clients.iter_mut().filter(|_| subject == Subject::Twin) {
        for _ in 0..EACH {
            ensure!(client.receive()?.bytes()?.len() == 1_048_576, "a shorter reply");
        }
    }
    Ok(())
}
