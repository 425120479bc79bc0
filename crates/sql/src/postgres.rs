//! PostgreSQL's dialect: the server's own grammar (PostgreSQL 18, by pg_query), a lexer of our own, and what follows from both.
//!
//! Every statement passes [`analyse`] once; [`shape`] makes the key under which its result is kept. Servers older than the grammar accept
//! less; what they would read otherwise (functions that became syntax) is reported as functions too.

mod analyse;
mod builtin_names;
pub mod builtins;
mod children;
mod dialect;
pub mod lex;
mod prescan;
mod secrets;
pub mod shape;
mod tags;
mod walk;

pub use analyse::{Analysis, SqlMode, analyse};
pub use dialect::Postgres;
pub use secrets::secrets_by_token;
