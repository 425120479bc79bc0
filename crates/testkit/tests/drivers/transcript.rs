//! What a driver saw, line by line, in a form that two runs can be compared in.

use std::fmt::{Debug, Write};

/// Grows by one line per step.
#[derive(Debug, Default)]
pub struct Transcript(String);

impl Transcript {
    /// Writes down what a step gave, errors included: they are part of what the driver saw.
    pub fn saw(&mut self, step: &str, what: impl Debug) {
        writeln!(self.0, "{step}: {what:?}").expect("a string takes everything");
    }

    /// The whole.
    pub fn into_text(self) -> String {
        self.0
    }
}
