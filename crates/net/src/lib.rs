//! Sockets, TLS and the session relay: the edge between two peers and the core.
//!
//! The relay moves bytes; what they mean is the codec's business, what becomes of them the inspector's. Nothing is
//! forwarded but through [`forward`], which takes policy's permit and the recorder's receipt.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backstage;
mod forward;
pub mod outbound;
pub mod relay;
pub mod stream;
pub mod tls;

pub use backstage::{Backstage, Command, Later};
pub use forward::{Mismatch, forward};
pub use relay::{Again, End, Ended, Relay, Silence};
pub use stream::Stream;
