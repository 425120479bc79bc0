//! Who may sign in: identity providers, minted credentials, the state store.
//!
//! The gateway asks this crate three questions when a session opens: is this token genuine ([`Providers`]), is this
//! `pc_<id>` known and what proves it ([`Store::credential`]), and has it been withdrawn since ([`Store::changes`]).
//! The command line uses [`device`] to sign a person in. Nothing here decides what a session may do.

mod credential;
pub mod device;
mod error;
mod hashes;
mod http;
mod identity;
mod scram;
mod secret;
mod store;

pub use credential::{Credential, Minted, Standing};
pub use error::{FetchError, Misconfigured, Refused, StoreError};
pub use hashes::DoubleHashes;
pub use http::{Poster, Url};
pub use identity::{Agent, Identity, Provider, ProviderConfig, Providers, Timing};
pub use scram::ScramVerifier;
pub use secret::Secret;
pub use store::{SessionEnd, SessionFilter, SessionRow, SessionStart, Store, sessions_at};
