//! `portcullis.toml`: text in, a [`Config`] that cannot be wrong out.
//!
//! The file is read once into types that hold only valid values: names are unique, references resolve, paths are
//! absolute and readable, secrets are fetched. Whatever is wrong is collected, so that one run shows every mistake with
//! its file, line, column and key. A setting this version does not honour is an error, never ignored: a firewall that
//! skips a rule it did not understand is open. Keys: DESIGN.md 3.2.
//!
//! Deliberately absent: defaults from the environment, includes, and any way to build a [`Config`] without the checks.

mod diagnostic;
mod files;
mod limits;
mod listener;
mod load;
mod reader;
mod recording;
mod rules;
mod secret;
mod source;
mod units;
mod upstream;
mod url;

#[cfg(test)]
mod tests;

pub use diagnostic::{ConfigErrors, Diagnostic};
pub use limits::{Limits, Log, LogFormat, LogLevel, Session};
pub use listener::{Admin, AdminGroup, Identity, Listener, Protocol, ServerTls};
pub use load::Config;
pub use recording::{Recording, Results, Sync, Witness};
pub use rules::{Detector, NamedRegex, Scope};
pub use secret::Secret;
pub use upstream::{Address, Upstream, UpstreamTls};
pub use url::HttpUrl;
