//! Placeholder body is replaced below.
fn main() {}
