//! Whole sessions: a scripted client and a model of PostgreSQL, with codec, inspector and relay between them.

mod allocate;
mod bench;
mod cached;
mod copy;
mod law;
mod model;
mod recorded;
mod refuse;
mod rows;
mod state;
