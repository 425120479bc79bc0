//! The Postgres wire protocol (3.0 and 3.2), sans-IO: frames, messages, sign-in, dialling, the session state machine.
//!
//! Bytes move one way: [`frame`] cuts them, [`frontend`] and [`backend`] say what a frame holds, `sign_in` is our half of
//! a client's login, `dial` our half of a login to the upstream, and `session` the machine between the two. Decoding
//! borrows from the frame and allocates nothing; a frame that decodes also encodes to the very same bytes, so what was
//! judged is what is forwarded. Spec: PostgreSQL documentation, chapter "Frontend/Backend Protocol".
//!
//! Deliberately absent: sockets, clocks, SQL, policy; replication messages and GSSAPI, which are refused.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod backend;
pub mod dial;
pub mod frame;
pub mod frontend;
pub mod options;
pub mod session;
pub mod sign_in;
pub mod startup;

mod list;
mod put;
mod secret;

pub use frame::{BackendTag, Frame, FrameLimits, FrontendTag, Header};
pub use secret::Secret;
