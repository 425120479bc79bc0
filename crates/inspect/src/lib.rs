//! Joins what statements do, what the catalog says and what policy allows into verdicts.
//!
//! A state machine: requests and answers go in by `handle_*`, verdicts come out, time is an argument. It names no
//! protocol (a codec gives it neutral events), no runtime and no socket. What it cannot understand it refuses.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

mod cache;
mod facts;
mod inspector;
mod judge;
mod names;
mod once;
mod path_of;
mod refusals;
mod results;
mod settings;
mod verdict;
mod world;

pub use cache::{Cache, CacheCounters};
pub use facts::Facts;
pub use inspector::{Inspector, SessionFacts, Standing};
pub use refusals::refusal;
pub use results::{Budget, Totals};
pub use verdict::{Job, Passage, Sealed, Verdict};
pub use world::{Sliced, Slices, World};
