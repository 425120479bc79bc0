//! The MySQL and MariaDB wire protocol, sans-IO: packets and the messages in them.
//!
//! [`packet`] cuts payloads out of the stream and joins what was split; [`handshake`], [`command`] and [`response`] say
//! what a payload holds; [`sign_in`] is our half of a client's login, [`dial`] our half of a login to the upstream.
//! Decoding borrows from the payload and allocates nothing; a payload that decodes also encodes to the very same bytes,
//! so what was judged is what is forwarded. What a message looks like depends on what was negotiated, so decoders that
//! need it take [`Capabilities`]. Specs: "MySQL Source Code Documentation", Client/Server Protocol; MariaDB "Clients &
//! Utilities", Client/Server Protocol.
//!
//! Deliberately absent: sockets, clocks, SQL, policy; compression, replication and the protocol before 4.1, which are
//! refused.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod capabilities;
pub mod channel;
pub mod collation;
pub mod command;
pub mod dial;
pub mod handshake;
pub mod lenenc;
pub mod packet;
pub mod pairs;
pub mod plugin;
pub mod response;
pub mod session;
pub mod sign_in;
pub mod types;
pub mod value;
pub mod version;

mod credential;
mod put;
mod secret;

pub use capabilities::Capabilities;
pub use channel::Channel;
pub use credential::Credential;
pub use pairs::Pairs;
pub use plugin::Plugin;
pub use secret::Secret;
pub use types::ColumnType;
pub use value::Value;
pub use version::{Flavour, ServerVersion};
