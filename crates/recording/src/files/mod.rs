//! The recording on a local disk: segments, checkpoint log, reserve, retention. `std::fs` and nothing else.
//!
//! This is the one room of this crate that touches files; the edge gives it a folder, a key and the time. Layout:
//! ```text
//! recordings/segments/0000000001.pcr        live or sealed        recordings/checkpoints.log
//! recordings/segments/0000000001.pcr.zst    sealed, compressed    recordings/reserve.bin, lock
//! ```
//! [`Recording`] is the [`crate::Sink`] of all sessions. The write, the new chain head and the position are one step
//! under one lock, so that a checkpoint is exact. Signing, hashing, compressing and deleting happen in
//! [`Recording::tick`] and [`Recording::maintain`], which the edge calls from a thread of its own.

mod checkpoints;
mod layout;
mod live;
mod maintain;
mod recording;
mod recover;
mod witness;

pub use layout::{Folder, SegmentFile, SegmentSource};
pub use recording::{Fsync, Options, Recording, Tick};
pub use witness::{FileWitness, Witness};
