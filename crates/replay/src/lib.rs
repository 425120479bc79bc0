//! Players of a recording: a readable timeline of one session, paced playback, and an export for programs.
//!
//! What they show was typed by clients and sent by databases, and is shown in a terminal: every control character is
//! written as an escape ([`safe`]). Results are decoded from the frames that the client received, by a [`ResultDecoder`]
//! per protocol; decoding is tolerant, because a recording may hold only the head of a result. Pure: text out, no
//! terminal, no clock, no files. The chain is not checked here; that is `portcullis_recording::verify`.
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

mod decode;
mod export;
pub mod mysql;
mod player;
pub mod postgres;
mod safe;
mod table;
mod time;
mod timeline;

pub use decode::{Decoded, Decoders, MakeDecoder, Parameter, Recorded, ResultDecoder};
pub use export::export_line;
pub use player::{Player, Speed};
pub use safe::safe;
pub use time::{iso, offset};
pub use timeline::{Style, Timeline};
