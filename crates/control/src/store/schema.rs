//! The tables, how they came to be, and how they are read at start.
//!
//! `user_version` counts migrations; a file from a later program is refused rather than guessed at. Values are always
//! bound, never spliced. `synchronous = FULL`: a revocation that was confirmed must survive a power cut.

use std::{path::Path, time::SystemTime};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params, types::Type};

use super::unix;
use crate::{Credential, DoubleHashes, StoreError};

/// Each brings the file from the version of its index to the next; never edit one that was released.
const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE credentials (
        user_name TEXT PRIMARY KEY, provider TEXT NOT NULL, subject TEXT NOT NULL, identity TEXT NOT NULL,
        upstream TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, scram TEXT NOT NULL,
        revoked INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX credentials_by_end ON credentials (expires);
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY CHECK (length(id) = 16), provider TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
        upstream TEXT NOT NULL, source TEXT NOT NULL, user_name TEXT NOT NULL, started INTEGER NOT NULL,
        ended INTEGER, reason TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_start ON sessions (started);
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
",
    "ALTER TABLE credentials ADD COLUMN hashes BLOB;",
];

/// Opens for writing and brings the tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens beside the writer, or without one, and cannot change anything.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let have: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if have as usize > MIGRATIONS.len() {
        return Err(StoreError::Newer(have));
    }
    for (index, statements) in MIGRATIONS.iter().enumerate().skip(have as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Closes the sessions that a crash left open, and reads the credentials that still count.
pub(super) fn load(connection: &mut Connection, now: SystemTime) -> Result<Vec<Credential>, StoreError> {
    let now = unix::seconds(now);
    connection.execute("UPDATE sessions SET ended = ?1, reason = 'lost' WHERE ended IS NULL", params![now])?;
    let mut statement = connection.prepare(
        "SELECT user_name, identity, upstream, created, expires, scram, revoked, hashes
         FROM credentials WHERE expires > ?1",
    )?;
    let rows = statement.query_map(params![now], credential)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    let identity: String = row.get(1)?;
    let scram: String = row.get(5)?;
    Ok(Credential {
        user: row.get(0)?,
        identity: serde_json::from_str(&identity).map_err(|e| unreadable(1, e))?,
        upstream: row.get(2)?,
        created: unix::time(row.get(3)?),
        expires: unix::time(row.get(4)?),
        scram: scram.parse().map_err(|e| unreadable(5, e))?,
        revoked: row.get(6)?,
        hashes: row.get::<_, Option<Vec<u8>>>(7)?.and_then(|bytes| DoubleHashes::from_bytes(&bytes)),
    })
}

fn unreadable(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}

/// A setting.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row(params![name], |row| row.get(0)).optional()?)
}

/// A setting, made now if there is none.
pub(super) fn meta_or_insert(
    connection: &Connection,
    name: &str,
    make: impl FnOnce() -> Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    if let Some(value) = meta(connection, name)? {
        return Ok(value);
    }
    let value = make();
    connection.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![name, value])?;
    Ok(value)
}
