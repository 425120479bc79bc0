//! The recording: who was served, what was asked, what was decided, what came back, in files that show tampering.
//!
//! One [`Recorder`] stands on each session's own task and hands its entries to a [`Sink`] in one write; only that write
//! makes a [`Receipt`], and nothing is forwarded without one. Entries of one session form a BLAKE3 chain; signed
//! checkpoints over all sessions make a cut or a removal show; payloads can be encrypted to the auditor's key, with the
//! chain over the ciphertext so that anyone can verify. The format is `docs/recording-format.md`.
//!
//! There is no runtime, no socket and no clock here: `now` is an argument, in microseconds since the Unix epoch. The one
//! place that touches files is [`files`] (`std::fs` only), because verification and replay work offline on a folder.
//! Randomness comes from the operating system, once a session, and only where payloads are encrypted.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

pub mod age;
mod archive;
pub mod body;
pub mod checkpoint;
mod codec;
pub mod entry;
mod error;
pub mod files;
pub mod limits;
mod recorder;
mod seal;
pub mod segment;
pub mod verify;

pub use archive::{Archive, Entries, Entry, Filter, SessionSummary};
pub use body::{Intention, Object, Outcome, OutcomeState, Parameter, Refusal, SessionStart};
pub use codec::Malformed;
pub use error::{ArchiveError, KeyError, SinkError, StartError};
pub use recorder::{Batch, Receipt, Receipts, Recorder, RecorderOptions, Results, Sink};
pub use seal::RecordingKeys;
