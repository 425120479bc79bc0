//! The index of sessions: enough to find a recording, nothing of what was said in it.

use std::{path::Path, time::SystemTime};

use rusqlite::{Connection, Row, params};

use super::{DATABASE, schema, unix};
use crate::StoreError;

// LIMIT: what one listing returns at most, whatever was asked.
const MAX_ROWS: u32 = 10_000;

/// A session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// Its id, as in the recording.
    pub id: u128,
    /// The provider that vouches for `subject`.
    pub provider: String,
    /// Whose session it is.
    pub subject: String,
    /// Who acts for them.
    pub agent: Option<String>,
    /// The upstream's name.
    pub upstream: String,
    /// The client's address.
    pub source: String,
    /// The user name the client gave: free text, or `pc_<id>`.
    pub user: String,
    /// When.
    pub started: SystemTime,
}

/// A session that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// When.
    pub ended: SystemTime,
    /// Why, in a word or two.
    pub reason: String,
}

/// A session of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// How it began.
    pub start: SessionStart,
    /// How it ended; `None` while it lives. The reason `lost` means that the gateway died first.
    pub end: Option<SessionEnd>,
}

/// Which sessions to list; the default is all, up to a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only this provider's.
    pub provider: Option<String>,
    /// Only this subject's.
    pub subject: Option<String>,
    /// Only to this upstream.
    pub upstream: Option<String>,
    /// Only those that began at this time or later.
    pub since: Option<SystemTime>,
    /// Only those that still live.
    pub open_only: bool,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Lists the sessions of a data folder, whether or not a gateway has it open.
pub fn sessions_at(folder: &Path, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
    read(&folder.join(DATABASE), filter)
}

pub(super) fn read(path: &Path, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
    let connection = schema::open_for_reading(path)?;
    let mut statement = connection.prepare(
        "SELECT id, provider, subject, agent, upstream, source, user_name, started, ended, reason FROM sessions
         WHERE (?1 IS NULL OR provider = ?1) AND (?2 IS NULL OR subject = ?2) AND (?3 IS NULL OR upstream = ?3)
           AND started >= ?4 AND (ended IS NULL OR NOT ?5)
         ORDER BY started DESC, id LIMIT ?6",
    )?;
    let since = filter.since.map_or(0, unix::seconds);
    let limit = filter.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS);
    let bound = params![filter.provider, filter.subject, filter.upstream, since, filter.open_only, limit];
    Ok(statement.query_map(bound, row)?.collect::<Result<_, _>>()?)
}

fn row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let id: [u8; 16] = row.get(0)?;
    let (ended, reason): (Option<i64>, Option<String>) = (row.get(8)?, row.get(9)?);
    let start = SessionStart {
        id: u128::from_be_bytes(id),
        provider: row.get(1)?,
        subject: row.get(2)?,
        agent: row.get(3)?,
        upstream: row.get(4)?,
        source: row.get(5)?,
        user: row.get(6)?,
        started: unix::time(row.get(7)?),
    };
    let end = ended.map(|at| SessionEnd { ended: unix::time(at), reason: reason.unwrap_or_default() });
    Ok(SessionRow { start, end })
}

impl SessionStart {
    pub(super) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(
            "INSERT INTO sessions (id, provider, subject, agent, upstream, source, user_name, started)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let (id, started) = (self.id.to_be_bytes(), unix::seconds(self.started));
        let who = (&self.provider, &self.subject, &self.agent);
        statement.execute(params![id, who.0, who.1, who.2, self.upstream, self.source, self.user, started])?;
        Ok(())
    }
}

impl SessionEnd {
    pub(super) fn update(&self, connection: &Connection, id: u128) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET ended = ?2, reason = ?3 WHERE id = ?1 AND ended IS NULL";
        let mut statement = connection.prepare_cached(sql)?;
        statement.execute(params![id.to_be_bytes(), unix::seconds(self.ended), self.reason])?;
        Ok(())
    }
}
