//! The recording: entries, hash chain, segments, signed checkpoints, verification.
