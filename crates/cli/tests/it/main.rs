//! The command as its users meet it: the built binary, its output and its exit codes.

mod api;
mod connect;
mod connect_mysql;
mod demo;
mod help;
mod login;
mod policy;
mod recorded;
mod support;
