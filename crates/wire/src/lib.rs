//! What every protocol codec shares: bounded reading, errors, events, and the seam a codec implements.
//!
//! A codec cuts bytes into frames and says what each means as an [`event`]; the core judges events and never sees a
//! protocol. This crate holds no I/O, no clock, no policy and no SQL.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

pub mod error;
pub mod event;
pub mod frame;
pub mod limits;
pub mod names;
pub mod protocol;
pub mod reader;

pub use error::{Fault, Malformed, Unexpected, Unsupported};

pub use event::Direction;
pub use frame::Frame;
pub use names::{ByName, is_same};
pub use protocol::Protocol;
pub use reader::Reader;
