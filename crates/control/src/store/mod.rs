//! What must survive a restart: credentials, the index of sessions, a few settings.
//!
//! ```text
//! async callers ──bounded channel──▶ writer thread ──one transaction per batch──▶ SQLite (WAL)
//!       ▲────────────── in-memory credentials ◀── updated after a mint, before a revocation
//! ```
//! Sign-in asks memory only, so a slow disk never delays a session. A revocation holds from the moment memory knows it;
//! [`Store::changes`] wakes every session to ask how it stands. One process owns the folder (`state.lock`): two would
//! not see each other's revocations. The recordings are not here; this index only helps to find them.

mod schema;
mod sessions;
pub(crate) mod unix;
mod writer;

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use crate::{Credential, Identity, Minted, ScramVerifier, Standing, StoreError, credential, scram::fill};
pub use sessions::{SessionEnd, SessionFilter, SessionRow, SessionStart, sessions_at};
use writer::{Write, Writer};

const DATABASE: &str = "state.sqlite";
// LIMIT: a person has a handful of tools open; an agent that loops must not fill the table.
const MAX_PER_IDENTITY: usize = 64;

type Live = HashMap<String, Arc<Credential>>;

/// The state of one gateway.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
    live: RwLock<Live>,
    changes: watch::Sender<u64>,
    decoy_seed: Vec<u8>,
    _lock: File,
}

impl Store {
    /// Opens the state in `folder`, creating it if need be (readable by the owner only). Sessions that were open when the
    /// last process died are marked as lost. Blocks; call it before serving.
    pub fn open(folder: &Path, now: SystemTime) -> Result<Self, StoreError> {
        private_folder(folder)?;
        let lock = locked(&folder.join("state.lock"))?;
        let path = folder.join(DATABASE);
        drop(private_file(&path)?);
        let mut connection = schema::open(&path)?;
        let live = schema::load(&mut connection, now)?;
        let decoy_seed = schema::meta_or_insert(&connection, "decoy_seed", || {
            let mut seed = vec![0; 32];
            fill(&mut seed);
            seed
        })?;
        let live = live.into_iter().map(|c| (c.user.clone(), Arc::new(c))).collect();
        let (changes, _) = watch::channel(0);
        Ok(Self { path, writer: Writer::start(connection)?, live: RwLock::new(live), changes, decoy_seed, _lock: lock })
    }

    /// Mints a credential for `identity`, good for `upstream` only. It works from the moment this returns.
    pub async fn mint(
        &self,
        identity: Identity,
        upstream: String,
        lifetime: Duration,
        now: SystemTime,
    ) -> Result<Minted, StoreError> {
        let same = |c: &&Arc<Credential>| is_of(c, &identity.provider, &identity.subject);
        let good = |c: &&Arc<Credential>| c.standing(now) == Standing::Good;
        if self.read().values().filter(same).filter(good).count() >= MAX_PER_IDENTITY {
            return Err(StoreError::TooMany);
        }
        let (credential, minted) = Credential::mint(identity, upstream, lifetime, now);
        let credential = Arc::new(credential);
        self.writer.write(Write::Mint(Arc::clone(&credential))).await?;
        self.write().insert(credential.user.clone(), credential);
        Ok(minted)
    }

    /// The credential of this user name, whatever its standing. Never touches the disk.
    pub fn credential(&self, user: &str) -> Option<Arc<Credential>> {
        self.read().get(user).cloned()
    }

    /// Whether this user name has the form of a minted one, so that SCRAM is asked for and not a token.
    pub fn is_minted_name(user: &str) -> bool {
        user.starts_with(credential::PREFIX)
    }

    /// A verifier to go through the motions with when [`Store::credential`] finds nothing. It never succeeds.
    pub fn decoy(&self, user: &str) -> ScramVerifier {
        ScramVerifier::decoy(&self.decoy_seed, user)
    }

    /// How a session that signed in as `user` stands at `now`.
    pub fn standing(&self, user: &str, now: SystemTime) -> Standing {
        self.credential(user).map_or(Standing::Withdrawn, |c| c.standing(now))
    }

    /// Withdraws one credential; `false` if there is none left to withdraw. It is withdrawn even if this returns an
    /// error: then the disk does not know, a restart would bring it back, and the call should be made again.
    pub async fn revoke(&self, user: &str) -> Result<bool, StoreError> {
        Ok(self.revoke_where(|c| c.user == user).await? > 0)
    }

    /// Withdraws every credential of one person, also those an agent got for them. Returns how many.
    pub async fn revoke_identity(&self, provider: &str, subject: &str) -> Result<usize, StoreError> {
        self.revoke_where(|c| is_of(c, provider, subject)).await
    }

    async fn revoke_where(&self, hit: impl Fn(&Credential) -> bool) -> Result<usize, StoreError> {
        let (mut users, mut newly) = (Vec::new(), 0);
        for credential in self.write().values_mut().filter(|c| hit(c)) {
            newly += usize::from(!credential.revoked);
            Arc::make_mut(credential).revoked = true;
            users.push(credential.user.clone());
        }
        if newly > 0 {
            self.changes.send_modify(|epoch| *epoch += 1);
        }
        // Those withdrawn before are written again: the disk may have failed the first time.
        if !users.is_empty() {
            self.writer.write(Write::Revoke(users)).await?;
        }
        Ok(newly)
    }

    /// Counts revocations. A session waits on this and then asks [`Store::standing`]; unlike a broadcast it cannot lag.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Forgets credentials that ended before `now` and sessions that ended before `sessions_before`.
    pub async fn purge(&self, now: SystemTime, sessions_before: SystemTime) -> Result<(), StoreError> {
        self.write().retain(|_, c| c.expires > now);
        self.writer.write(Write::Purge { now, sessions_before }).await
    }

    /// Adds a session to the index.
    pub async fn session_started(&self, start: SessionStart) -> Result<(), StoreError> {
        self.writer.write(Write::SessionStart(Box::new(start))).await
    }

    /// Notes the end of a session.
    pub async fn session_ended(&self, id: u128, end: SessionEnd) -> Result<(), StoreError> {
        self.writer.write(Write::SessionEnd(id, end)).await
    }

    /// Sessions, latest first, read from disk on a thread of its own.
    pub async fn sessions(&self, filter: SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || sessions::read(&path, &filter)).await.map_err(|_| StoreError::Stopped)?
    }

    /// Keeps a small setting under a name.
    pub async fn put_meta(&self, name: &'static str, value: Vec<u8>) -> Result<(), StoreError> {
        self.writer.write(Write::Meta(name, value)).await
    }

    /// The setting of that name.
    pub async fn meta(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path.clone();
        let read = move || schema::meta(&schema::open_for_reading(&path)?, name);
        tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Stopped)?
    }

    /// Whether writes can still be made, for `/readyz`.
    pub fn is_running(&self) -> bool {
        self.writer.is_running()
    }

    fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of(credential: &Credential, provider: &str, subject: &str) -> bool {
    credential.identity.provider == provider && credential.identity.subject == subject
}

fn private_folder(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?)
}

/// SQLite gives its -wal and -shm files the mode of the database, so the database must be private from the start.
fn private_file(path: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    Ok(OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?)
}

fn locked(path: &Path) -> Result<File, StoreError> {
    let file = private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(e)) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests;
