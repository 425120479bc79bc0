//! MySQL's and MariaDB's dialect from the outside: a corpus, evasions, laws, and text that is built to hurt.

mod common;
mod corpus;
mod evasions;
mod hostile;
mod laws;
mod scopes;
