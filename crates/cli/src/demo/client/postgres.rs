//! An ordinary Postgres client, through the driver that other Rust programs use.

use tokio_postgres::{
    Config, NoTls, SimpleQueryMessage,
    config::SslMode,
    error::{DbError, SqlState},
};

use super::{Answer, Login, Proof, Refusal, Rows};

/// A connection; it ends with this value.
pub(crate) struct Client {
    client: tokio_postgres::Client,
    connection: tokio::task::JoinHandle<()>,
}

impl Client {
    /// Signs in. The error is the server's own words where it has any: the driver's `Display` keeps them back.
    pub(super) async fn connect(login: &Login<'_>) -> Result<Self, String> {
        let (Proof::Password(password) | Proof::Token(password)) = login.proof;
        let mut config = Config::new();
        config.host(login.address.ip().to_string()).port(login.address.port()).dbname(login.database);
        config.user(login.user).password(password).ssl_mode(SslMode::Disable).application_name("demo");
        let (client, connection) = config.connect(NoTls).await.map_err(|error| match error.as_db_error() {
            Some(refusal) => format!("{}: {}", refusal.code().code(), refusal.message()),
            None => error.to_string(),
        })?;
        let connection = tokio::spawn(async move {
            // An end that matters shows in the statement that waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { client, connection })
    }

    /// Sends a statement by the simple protocol.
    pub(super) async fn ask(&self, statement: &str) -> Result<Answer, String> {
        match self.client.simple_query(statement).await {
            Ok(messages) => Ok(Ok(rows(messages))),
            Err(error) => match error.as_db_error() {
                Some(error) => Ok(Err(refusal(error))),
                None => Err(error.to_string()),
            },
        }
    }

    /// Says goodbye and waits until it was said.
    pub(super) async fn close(self) {
        let Self { client, connection } = self;
        drop(client);
        let _ = connection.await;
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Rows {
    let mut all = Rows::default();
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

/// As psql shows it, its code beside it.
fn refusal(error: &DbError) -> Refusal {
    let mut lines = vec![format!("{}:  {}: {}", error.severity(), error.code().code(), error.message())];
    for (label, text) in [("DETAIL", error.detail()), ("HINT", error.hint())] {
        lines.extend(text.map(|text| format!("{label}:  {text}")));
    }
    Refusal { is_privilege: *error.code() == SqlState::INSUFFICIENT_PRIVILEGE, lines }
}
