//! Configuration, listeners and live sessions of one gateway.
//!
//! The edge: it reads [`config`], and is the place where tokio, sockets and files meet the pure crates below it.

pub mod config;
