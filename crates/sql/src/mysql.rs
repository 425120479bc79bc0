//! MySQL's and MariaDB's dialect: a lexer and a walk of our own, and what follows from both.
//!
//! What a text means depends on the server's kind and version (executable comments) and on the session's `sql_mode` (quotes, backslashes),
//! so both are asked for everywhere. Every query and write is read twice: by the walk, which decides, and by sqlparser, fed with the
//! same tokens, which must not find a relation that the walk did not. Not here: programs (procedures, triggers, events), whose bodies are
//! unknown, and Oracle's grammar of MariaDB, which makes a session unreadable.

mod analyse;
mod dialect;
pub mod functions;
pub mod lex;
mod mode;
mod outcome;
mod prescan;
mod second;
mod secrets;
pub mod shape;
mod walk;
mod words;

pub use analyse::analyse;
pub use dialect::MySql;
pub use mode::{Flavour, Syntax};
pub use secrets::secrets_by_token;

/// A name as servers compare those of columns, functions and aliases: without case. A catalog keeps names of columns and functions so, and
/// those of the tables of `information_schema`.
pub fn folded(name: &str) -> Box<str> {
    walk::folded(name)
}

/// A name as servers keep those of databases and tables where these have no case (`lower_case_table_names` is not 0).
pub fn lowered(name: &str) -> Box<str> {
    walk::lowered(name)
}
