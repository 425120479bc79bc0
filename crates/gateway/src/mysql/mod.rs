//! MySQL and MariaDB at the edge: how their clients come in, and how their servers are reached and read.

pub(crate) mod catalog;
mod client;
mod dial;
pub(crate) mod front;
mod greeted;
mod open;

pub(crate) use greeted::Greeted;
