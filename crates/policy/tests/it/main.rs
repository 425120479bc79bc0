//! What this crate promises, asked from outside.

mod common;
mod decide;
mod load;
mod tools;
