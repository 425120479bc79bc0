//! Configuration, listeners and live sessions of one gateway.
//!
//! The edge: it reads [`config`], and is the place where tokio, sockets and files meet the pure crates below it.
//! [`Gateway::start`] serves, [`Gateway::reload`] takes up a changed configuration, [`Gateway::stop`] drains.

#![forbid(unsafe_code)]

mod accept;
mod admin;
mod analysts;
mod backstage;
mod catalog;
pub mod config;
mod dial;
mod keys;
mod metrics;
mod mysql;
mod open;
mod postgres;
mod prepare;
mod process;
mod prove;
mod recorder;
mod registry;
mod serve;
mod upstream;

pub use prepare::{Unusable, policy_files};
pub use serve::{Gateway, NotStarted, check};
