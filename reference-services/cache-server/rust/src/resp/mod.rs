//! The protocol: requests are read by [`Parser`], replies written by [`Reply`].

mod number;
mod parse;
mod reply;

pub(crate) use number::digits;
pub use number::parse_integer;
pub(crate) use parse::{ARGUMENT_BYTES_MAX, first_arguments};
pub use parse::{Args, Parser, ProtocolError, Span, Step};
pub(crate) use reply::REPLY_BYTES_MAX;
pub use reply::Reply;
