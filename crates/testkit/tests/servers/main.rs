//! The fixtures themselves: a test that trusts the server's log must be able to trust that it sees everything.

mod mysql;
mod postgres;
