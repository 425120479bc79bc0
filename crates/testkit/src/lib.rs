//!
//! A test that needs a server starts a private one here: its own folder, its own port, its own log. The log is the judge
//! of what the server ran ([`postgres::Server::statements`], [`mysql::Server::log`]). What is not installed is a failure
//! that names the command which installs it, never a pass. Nothing here is meant for a host with other users' secrets on
//! it.

pub mod disk;
pub mod gateway;
pub mod mysql;
pub mod postgres;
pub mod process;
pub mod tls;
pub mod tools;
pub mod usual;

pub use gateway::{Gateway, Setup};
pub use postgres::{Auth, Logged, Options, Server, Version};
pub use process::Guarded;
pub use tls::Certs;
