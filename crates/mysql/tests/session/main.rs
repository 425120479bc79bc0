//! The session between sign-in and the end, against scripted answers of a server, cut in every way.

mod agreement;
mod law;
mod rows;
mod script;
mod statements;
