//! The one thread that writes.
//!
//! SQLite has one writer at a time anyway; giving it a thread turns lock waits into a queue with a bound, and lets all
//! that arrived meanwhile share one transaction and one fsync. A write is confirmed only after its commit.

use std::{sync::Arc, thread, time::SystemTime};

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

use super::{SessionEnd, SessionStart, unix};
use crate::{Credential, StoreError};

// LIMIT: callers wait (they are async) once this many writes are queued.
const QUEUE: usize = 1024;
// LIMIT: writes that share one commit.
const BATCH: usize = 256;

/// Something to write.
#[derive(Debug)]
pub(super) enum Write {
    Mint(Arc<Credential>),
    Revoke(Vec<String>),
    SessionStart(Box<SessionStart>),
    SessionEnd(u128, SessionEnd),
    Purge { now: SystemTime, sessions_before: SystemTime },
    Meta(&'static str, Vec<u8>),
}

type Answer = oneshot::Sender<Result<(), StoreError>>;

/// The way to the writing thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<(Write, Answer)>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("state".into()).spawn(move || run(connection, jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Writes, and returns when it is on disk.
    pub(super) async fn write(&self, what: Write) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
        queue.send((what, answer)).await.map_err(|_| StoreError::Stopped)?;
        done.await.map_err(|_| StoreError::Stopped)?
    }

    /// Whether the thread is there.
    pub(super) fn is_running(&self) -> bool {
        self.queue.as_ref().is_some_and(|q| !q.is_closed())
    }
}

/// Waits until what was queued is written: at most a batch or two.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _joined = thread.join();
        }
    }
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<(Write, Answer)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(first) = jobs.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        commit(&mut connection, &mut batch);
    }
}

fn commit(connection: &mut Connection, batch: &mut Vec<(Write, Answer)>) {
    let results = apply_all(connection, batch.iter().map(|(write, _)| write));
    for (index, (_, answer)) in batch.drain(..).enumerate() {
        let result = match &results {
            Ok(each) => each.get(index).cloned().unwrap_or(Err(StoreError::Stopped)),
            Err(all) => Err(all.clone()),
        };
        // The caller may have gone; what it asked for is done all the same.
        let _sent = answer.send(result);
    }
}

type Results = Result<Vec<Result<(), StoreError>>, StoreError>;

/// Each write stands or falls alone; the commit stands or falls for all.
fn apply_all<'w>(connection: &mut Connection, writes: impl Iterator<Item = &'w Write>) -> Results {
    let mut transaction = connection.transaction()?;
    let mut results = Vec::new();
    for write in writes {
        let savepoint = transaction.savepoint()?;
        results.push(match apply(&savepoint, write) {
            Ok(()) => savepoint.commit().map_err(StoreError::from),
            Err(e) => Err(e),
        });
    }
    transaction.commit()?;
    Ok(results)
}

fn apply(connection: &Connection, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Mint(credential) => insert_credential(connection, credential),
        Write::Revoke(users) => {
            let mut statement = connection.prepare_cached("UPDATE credentials SET revoked = 1 WHERE user_name = ?1")?;
            for user in users {
                statement.execute(params![user])?;
            }
            Ok(())
        }
        Write::SessionStart(start) => start.insert(connection),
        Write::SessionEnd(id, end) => end.update(connection, *id),
        Write::Purge { now, sessions_before } => purge(connection, *now, *sessions_before),
        Write::Meta(name, value) => {
            let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.execute(sql, params![name, value])?;
            Ok(())
        }
    }
}

fn insert_credential(connection: &Connection, c: &Credential) -> Result<(), StoreError> {
    let identity = serde_json::to_string(&c.identity).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO credentials (user_name, provider, subject, identity, upstream, created, expires, scram,
         hashes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let (created, expires) = (unix::seconds(c.created), unix::seconds(c.expires));
    let (provider, subject, scram) = (&c.identity.provider, &c.identity.subject, c.scram.to_string());
    let hashes = c.hashes.as_ref().map(crate::DoubleHashes::to_bytes);
    statement.execute(params![c.user, provider, subject, identity, c.upstream, created, expires, scram, hashes])?;
    Ok(())
}

fn purge(connection: &Connection, now: SystemTime, sessions_before: SystemTime) -> Result<(), StoreError> {
    connection.execute("DELETE FROM credentials WHERE expires <= ?1", params![unix::seconds(now)])?;
    connection.execute("DELETE FROM sessions WHERE ended < ?1", params![unix::seconds(sessions_before)])?;
    Ok(())
}
