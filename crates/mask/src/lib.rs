//! Content detectors that overwrite secrets in place, in streams of any length.
//!
//! Results carry secrets that no column list names: a card number in a comment, a token in a log line. This crate finds
//! them by shape and overwrites them in the very bytes that are on their way to the client. A hit keeps its length, so
//! frames keep their sizes and nothing is copied. DESIGN.md section 4, "Patterns are found in the stream"; `[[detect]]`
//! is section 3.2.
//!
//! Three ways in, one meaning: [`Detectors::mask_value`] takes one whole value, [`Rows`] many values in one buffer, and
//! [`Stream`] a value that arrives in pieces. The law that binds them: however a value is cut, the bytes that come out
//! are the same. It holds because every hit is decided by a bounded window around one position of the original bytes.
//!
//! Deliberately absent: knowledge of frames, columns and principals (callers name the cells and turn classes off), and
//! any promise of completeness. This is the second line, behind masking at the source. What is not detected: values
//! that are split, encoded (base64, hex, `bytea`) or spelled out, and secrets without a shape.
//!
//! ```
//! use portcullis_mask::{Detectors, Pattern, ValueKind};
//!
//! let detectors = Detectors::builder().pattern(Pattern::CreditCard, "secret").build()?;
//! let mut value = *b"paid with 4111 1111 1111 1111 today";
//! let hits = detectors.mask_value(&mut value, ValueKind::Text);
//! assert_eq!(&value, b"paid with ******************* today");
//! assert_eq!(hits.total(), 1);
//! # Ok::<(), portcullis_mask::ConfigError>(())
//! ```
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

mod block;
mod builder;
mod custom;
mod detectors;
mod digits;
mod email;
mod engine;
mod error;
mod escape;
mod hits;
mod iban;
mod number;
mod overwrite;
mod pattern;
mod phone;
mod rows;
mod stream;
mod sweep;
mod text;
mod tokens;
mod value;

pub use builder::{DetectorsBuilder, DictionaryOptions};
pub use custom::{MAX_DICTIONARY_BYTES, MAX_MATCH, MAX_REGEX_TEXT};
pub use detectors::{Detectors, Escapes, MAX_DETECTORS};
pub use error::{ConfigError, Why};
pub use hits::Hits;
pub use pattern::Pattern;
pub use rows::Rows;
pub use stream::{HOLD_BACK, Stream};
pub use value::ValueKind;
