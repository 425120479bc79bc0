//! An ordinary Postgres client: signs in, sends a statement as its user typed it, keeps rows and errors as they came.
//!
//! It speaks through the driver that other Rust programs use, and knows nothing of Portcullis.

use std::net::SocketAddr;

use tokio_postgres::{Config, NoTls, SimpleQueryMessage, config::SslMode, error::DbError};

use crate::failure::Failure;

/// A connection; it ends with this value.
pub(crate) struct Client {
    client: tokio_postgres::Client,
    connection: tokio::task::JoinHandle<()>,
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

/// The answer to a statement, yes or no.
pub(crate) type Answer = Result<Rows, Box<DbError>>;

impl Client {
    /// Signs in.
    pub(crate) async fn connect(
        address: SocketAddr,
        database: &str,
        user: &str,
        password: &str,
    ) -> Result<Self, Failure> {
        let mut config = Config::new();
        config.host(address.ip().to_string()).port(address.port()).dbname(database).user(user).password(password);
        config.ssl_mode(SslMode::Disable).application_name("demo");
        let connected = config.connect(NoTls).await;
        let (client, connection) =
            connected.map_err(|error| Failure::refused(format_args!("{user} at {address}: {}", words(&error))))?;
        let connection = tokio::spawn(async move {
            // An end that matters shows in the statement that waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { client, connection })
    }

    /// Sends a statement by the simple protocol. A refusal by the server's side is an answer; a broken connection is not.
    pub(crate) async fn ask(&self, statement: &str) -> Result<Answer, Failure> {
        match self.client.simple_query(statement).await {
            Ok(messages) => Ok(Ok(Rows::of(messages))),
            Err(error) => match error.as_db_error() {
                Some(refusal) => Ok(Err(Box::new(refusal.clone()))),
                None => Err(Failure::refused(format_args!("the connection broke: {error}"))),
            },
        }
    }

    /// Runs statements that must succeed, and gives the first value of the last one.
    pub(crate) async fn value(&self, statements: &str) -> Result<String, Failure> {
        let answer = self.ask(statements).await?;
        let rows =
            answer.map_err(|error| Failure::refused(format_args!("{}: {}", error.code().code(), error.message())))?;
        Ok(rows.rows.first().and_then(|row| row.first()?.clone()).unwrap_or_default())
    }

    /// Says goodbye and waits until it was said.
    pub(crate) async fn close(self) {
        let Self { client, connection } = self;
        drop(client);
        let _ = connection.await;
    }
}

impl Rows {
    fn of(messages: Vec<SimpleQueryMessage>) -> Self {
        let mut all = Self::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    all.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                    all.rows.clear();
                }
                SimpleQueryMessage::Row(row) => {
                    all.rows.push((0..row.len()).map(|place| row.get(place).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(count) => all.count = count,
                _ => {}
            }
        }
        all
    }

    /// Whether any value holds this text.
    pub(crate) fn hold(&self, text: &str) -> bool {
        self.rows.iter().flatten().flatten().any(|value| value.contains(text))
    }
}

/// The server's own words where it has any: the driver's `Display` keeps them back.
fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refusal) => format!("{}: {}", refusal.code().code(), refusal.message()),
        None => error.to_string(),
    }
}
