//! The commands, one file each.

pub(crate) mod connect;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod kill;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod url;
pub(crate) mod verify;

use crate::{args::Command, failure::Failure};

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Token(args) => login::token(&args),
        Command::Url(args) => url::run(&args),
        Command::Connect(args) => connect::run(&args),
        Command::Sessions(args) => sessions::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Kill(args) => kill::run(&args),
        Command::Policy(command) => policy::run(command),
    }
}
