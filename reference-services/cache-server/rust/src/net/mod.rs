//! Sockets: a control thread that accepts connections, and event loops that serve them.

mod connection;
mod control;
mod metrics;
mod tls;
mod transport;
mod worker;

pub use control::{Bound, TlsListener, serve};
pub use tls::{TlsFault, tls_config};
