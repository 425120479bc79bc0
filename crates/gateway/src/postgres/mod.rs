//! Postgres at the edge: how its clients come in, and how its servers are reached and read.

mod binding;
pub(crate) mod catalog;
mod dial;
pub(crate) mod front;
mod open;
mod prove;
mod request;
