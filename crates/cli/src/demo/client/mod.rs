//! The demo's ordinary clients: each signs in, sends a statement as its user typed it, keeps rows and errors as they came.
//!
//! They know nothing of Portcullis, and are the same for the tour whichever protocol they speak.

mod mysql;
mod postgres;

use std::net::SocketAddr;

use crate::{failure::Failure, protocol::Protocol};

/// A connection; it ends with this value.
pub(crate) enum Client {
    Postgres(postgres::Client),
    MySql(Box<mysql::Client>),
}

/// Where to, and as whom.
pub(crate) struct Login<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
    pub(crate) proof: Proof<'a>,
}

/// What shows who somebody is. Postgres takes both in the same place.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// Shown by a scramble where that is possible.
    Password(&'a str),
    /// Sent as it is.
    Token(&'a str),
}

/// What came back for one statement.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The values; `None` is NULL.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// How many rows the statement returned or changed.
    pub(crate) count: u64,
}

/// An error of the server's side.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Whether it says that the privilege is missing, by the code that drivers look at.
    pub(crate) is_privilege: bool,
    /// All that it says, as the protocol's usual command-line client shows it.
    pub(crate) lines: Vec<String>,
}

/// The answer to a statement, yes or no.
pub(crate) type Answer = Result<Rows, Refusal>;

impl Client {
    /// Signs in.
    pub(crate) async fn connect(protocol: Protocol, login: &Login<'_>) -> Result<Self, Failure> {
        let (user, address) = (login.user, login.address);
        let failed = |words: String| Failure::refused(format_args!("{user} at {address}: {words}"));
        Ok(match protocol {
            Protocol::Postgres => Self::Postgres(postgres::Client::connect(login).await.map_err(failed)?),
            Protocol::Mysql => Self::MySql(Box::new(mysql::Client::connect(login).await.map_err(failed)?)),
        })
    }

    /// Sends a statement as text. A refusal by the server's side is an answer; a broken connection is not.
    pub(crate) async fn ask(&self, statement: &str) -> Result<Answer, Failure> {
        let answer = match self {
            Self::Postgres(client) => client.ask(statement).await,
            Self::MySql(client) => client.ask(statement).await,
        };
        answer.map_err(|words| Failure::refused(format_args!("the connection broke: {words}")))
    }

    /// Runs statements that must succeed, and gives the first value of the last one.
    pub(crate) async fn value(&self, statements: &str) -> Result<String, Failure> {
        let rows = self.ask(statements).await?.map_err(|refusal| Failure::refused(refusal.lines.join("\n")))?;
        Ok(rows.rows.first().and_then(|row| row.first()?.clone()).unwrap_or_default())
    }

    /// Says goodbye and waits until it was said.
    pub(crate) async fn close(self) {
        match self {
            Self::Postgres(client) => client.close().await,
            Self::MySql(client) => client.close().await,
        }
    }
}

impl Rows {
    /// Whether any value holds this text.
    pub(crate) fn hold(&self, text: &str) -> bool {
        self.rows.iter().flatten().flatten().any(|value| value.contains(text))
    }
}

impl Refusal {
    /// Whether it says this.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }
}
