//! The tests that go through the crate's public interface, in one binary.

mod common;
mod evasions;
mod golden;
mod hostile;
mod lexer;
mod shape;
