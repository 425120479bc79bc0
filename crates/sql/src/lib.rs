//! What a SQL statement does: its effects, relations, functions and changes of session state, and the shape it is cached by.
//!
//! A firewall decides on what a statement will do, not on how it is written, so the text goes through the server's own grammar, or one that
//! follows it rule by rule. The types
//! in [`statement`], [`session`] and [`catalog`] are neutral; each dialect has a module of its own. Pure: no socket, clock or policy.
//!
//! ```
//! use portcullis_sql::{Limits, postgres};
//!
//! // Hostile text needs a deep stack: analyse on a thread that has `portcullis_sql::STACK` bytes of it.
//! let analysis = postgres::analyse(b"DELETE FROM orders WHERE id = $1", &postgres::SqlMode::default(), &Limits::default())?;
//! assert_eq!(analysis.statements[0].effects[0].to_string(), "delete orders(*) where[id]");
//! # Ok::<(), portcullis_sql::NotAnalysed>(())
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

pub mod catalog;
pub mod dialect;
mod error;
mod limits;
pub mod mysql;
pub mod postgres;
mod secrets;
pub mod session;
pub mod statement;
mod tags;

pub use error::NotAnalysed;
pub use limits::{Limits, STACK};
pub use session::{Discarded, SessionChange, SettingValue};
pub use statement::{Action, Barrier, Columns, CopyDirection, Effect, Kind, Name, Statement, Target};
