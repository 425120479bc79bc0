//! The demo: everything Portcullis needs, started on this machine, and a tour that shows what it does.
//!
//! Nothing here is faked: a real PostgreSQL or MariaDB, a provider that signs real tokens, the gateway as `serve` runs it, ordinary
//! clients. Each step of the tour checks what it tells, against the answer the client got and against the database's
//! own log; a step that is not true ends the tour with exit code 1.
//!
//! ```text
//! house   temporary folder ─ database ─ identity provider ─ gateway (portcullis.toml, policies/)
//! tour    client ─▶ gateway ─▶ database, told by the narrator
//! visit   URLs and snippets for whoever wants to go on by hand
//! ```

mod client;
mod house;
mod narrator;
mod server;
mod tour;
mod visit;

pub(crate) use house::{House, Plan};
pub(crate) use narrator::Narrator;
pub(crate) use tour::tour;
pub(crate) use visit::invite;
