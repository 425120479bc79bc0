//! What is wrong with a policy, where, and what to do about it.
//!
//! Written for the operator who wrote the policy: it may quote policy text, and so never goes to a client. A set of
//! policies with any error is not loaded at all; what was in force before stays.

use std::fmt;

/// One thing wrong in one policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file's name, as given; empty where no file is at fault.
    pub file: String,
    /// The line, from 1; 0 where no line is at fault.
    pub line: usize,
    /// The column in characters, from 1; 0 where no line is at fault.
    pub column: usize,
    /// The policy, where it is known: its `@id`, or `file:index`.
    pub policy_id: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        } else if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        f.write_str(&self.message)?;
        if let Some(id) = &self.policy_id {
            write!(f, " (policy `{id}`)")?;
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl std::error::Error for PolicyError {}

impl PolicyError {
    /// An error of no file.
    pub(crate) fn unplaced(message: &str) -> Self {
        let (file, message) = (String::new(), message.to_owned());
        Self { file, line: 0, column: 0, policy_id: None, message, help: None }
    }
}

/// A complaint that has no place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The text at fault, where it is to be looked for in the policy.
    pub(crate) about: Option<String>,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, about: None }
    }

    pub(crate) fn about(mut self, text: impl Into<String>) -> Self {
        self.about = Some(text.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
