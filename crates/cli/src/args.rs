//! The command line: names and one line for each command. What a command takes stands in its own file.

use clap::{Parser, Subcommand};

use crate::commands::{connect, demo, export, kill, login, policy, reload, replay, serve, sessions, url, verify};

/// A database firewall that knows who is asking.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 refused or not found, 2 wrong use.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show all of it on this machine: a real database, sign-in, a gateway, a narrated tour
    Demo(demo::Args),
    /// Serve a gateway
    Serve(serve::Args),
    /// Have a gateway read its configuration again
    Reload(reload::Args),
    /// Sign in at the identity provider
    Login(login::Args),
    /// Print the token of the last login
    Token(login::TokenArgs),
    /// Print a ready URL with a short-lived credential
    Url(Box<url::Args>),
    /// Open a local endpoint for tools that cannot carry tokens
    Connect(Box<connect::Args>),
    /// List recorded or live sessions
    Sessions(Box<sessions::Args>),
    /// Show a recorded session as a timeline
    Replay(replay::Args),
    /// Check that a recording is what was written
    Verify(verify::Args),
    /// Write recorded entries for other programs
    Export(export::Args),
    /// End a live session at once
    Kill(Box<kill::Args>),
    /// Check, explain and test policies
    #[command(subcommand)]
    Policy(policy::Command),
}
