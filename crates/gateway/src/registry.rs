//! The live sessions of this process, and the keys by which clients cancel.
//!
//! A client's cancel key is the gateway's own: the process id stays the upstream's (clients compare it with
//! `pg_backend_pid()`), the secret is ours and random. Two upstreams may use one process id, so a process id has a list.
//! Off the per-message path: touched when a session begins, ends, is listed, or is cancelled.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use dashmap::DashMap;
use portcullis_inspect::Budget;
use portcullis_net::Command;
use portcullis_policy::Principal;
use tokio::sync::mpsc;

/// What is known of a live session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u128,
    pub(crate) principal: Principal,
    pub(crate) user: String,
    pub(crate) credential: Option<String>,
    pub(crate) upstream: Arc<str>,
    pub(crate) source: SocketAddr,
    pub(crate) started: SystemTime,
    pub(crate) statements: AtomicU64,
    pub(crate) commands: mpsc::Sender<Command>,
    /// The numbers by which its client may know it.
    pub(crate) numbers: OnceLock<Vec<u32>>,
}

#[derive(Debug)]
struct Key {
    secret: Box<[u8]>,
    session: Arc<Session>,
}

/// Live sessions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    sessions: DashMap<u128, Arc<Session>>,
    keys: DashMap<u32, Vec<Key>>,
    identities: DashMap<String, Identity>,
}

#[derive(Debug, Default)]
struct Identity {
    connections: u32,
    budget: Arc<Budget>,
}

/// A place among the connections of one identity, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    identity: String,
    pub(crate) budget: Arc<Budget>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut identity) = self.registry.identities.get_mut(&self.identity) {
            identity.connections = identity.connections.saturating_sub(1);
        }
    }
}

/// A registration, undone when dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<Registry>,
    session: Arc<Session>,
    process: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.sessions.remove(&self.session.id);
        if let Some(mut keys) = self.registry.keys.get_mut(&self.process) {
            keys.retain(|key| key.session.id != self.session.id);
        }
        self.registry.keys.remove_if(&self.process, |_, keys| keys.is_empty());
    }
}

impl Registry {
    /// A place for one more connection of `identity`, unless it has `limit` already.
    pub(crate) fn place(self: &Arc<Self>, identity: &str, limit: u32) -> Option<Place> {
        let mut known = self.identities.entry(identity.to_owned()).or_default();
        if known.connections >= limit {
            return None;
        }
        known.connections = known.connections.saturating_add(1);
        Some(Place { registry: self.clone(), identity: identity.to_owned(), budget: known.budget.clone() })
    }

    /// Enters a session and its cancel key.
    pub(crate) fn enter(self: &Arc<Self>, session: Arc<Session>, process: u32, secret: &[u8]) -> Registered {
        self.sessions.insert(session.id, session.clone());
        let key = Key { secret: secret.into(), session: session.clone() };
        self.keys.entry(process).or_default().push(key);
        Registered { registry: self.clone(), session, process }
    }

    /// Passes a cancel on to the session that has this key, if there is one. Says whether.
    pub(crate) fn cancel(&self, process: u32, secret: &[u8]) -> bool {
        let Some(keys) = self.keys.get(&process) else { return false };
        // Every key is compared, and each in constant time: the answer takes as long for a near miss as for a far one.
        let mut found = None;
        for key in keys.iter() {
            if same(&key.secret, secret) {
                found = Some(key);
            }
        }
        found.is_some_and(|key| key.session.commands.try_send(Command::Cancel).is_ok())
    }

    /// The session that a session of the same principal, on the same upstream, knows by this number.
    pub(crate) fn own(&self, of: &Session, number: u64) -> Option<Arc<Session>> {
        let number = u32::try_from(number).ok()?;
        let known = |session: &Session| session.numbers.get().is_some_and(|numbers| numbers.contains(&number));
        let mut sessions = self.sessions.iter().map(|entry| entry.value().clone());
        sessions.find(|other| known(other) && other.principal == of.principal && other.upstream == of.upstream)
    }

    /// How many sessions live.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// All live sessions.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.sessions.iter().map(|entry| entry.value().clone()).collect()
    }

    /// Tells every session something.
    pub(crate) fn tell_all(&self, command: &Command) {
        for session in &self.sessions {
            // A full queue holds an end already.
            let _ = session.commands.try_send(command.clone());
        }
    }

    /// Ends a session. Says whether it lives.
    pub(crate) fn kill(&self, id: u128, why: &str) -> bool {
        let session = self.sessions.get(&id).map(|session| session.value().clone());
        session.is_some_and(|session| session.commands.try_send(Command::Kill(why.into())).is_ok())
    }
}

impl Session {
    /// Counts statements that were forwarded.
    pub(crate) fn count(&self, statements: u64) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
    }
}

/// Whether two secrets are equal, in a time that depends on their lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: u128) -> (Arc<Session>, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(4);
        let session = Session {
            id,
            principal: Principal::user("corp", "ana", ["dba"]),
            user: "ana".into(),
            credential: None,
            upstream: "shop".into(),
            source: ([127, 0, 0, 1], 1).into(),
            started: SystemTime::UNIX_EPOCH,
            statements: AtomicU64::new(0),
            commands,
            numbers: OnceLock::new(),
        };
        (Arc::new(session), receiver)
    }

    #[test]
    fn only_the_right_secret_cancels_and_only_while_the_session_lives() {
        let registry = Arc::new(Registry::default());
        let (one, mut heard) = session(1);
        let (two, mut other) = session(2);
        let entered = registry.enter(one, 7, b"secret-one");
        let _also = registry.enter(two, 7, b"secret-two");
        assert!(!registry.cancel(7, b"secret-onf"));
        assert!(!registry.cancel(7, b"secret"));
        assert!(!registry.cancel(8, b"secret-one"));
        assert!(registry.cancel(7, b"secret-one"));
        assert_eq!(heard.try_recv(), Ok(Command::Cancel));
        assert!(other.try_recv().is_err());
        drop(entered);
        assert!(!registry.cancel(7, b"secret-one"));
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn a_session_is_found_by_its_numbers_only_by_its_own_principal() {
        let registry = Arc::new(Registry::default());
        let (one, _heard) = session(1);
        one.numbers.set(vec![7, 1 << 31]).unwrap();
        let (two, _other) = session(2);
        let stranger = Session {
            principal: Principal::user("corp", "bo", ["dba"]),
            numbers: OnceLock::new(),
            ..Arc::try_unwrap(session(3).0).unwrap()
        };
        let elsewhere = Session { upstream: "other".into(), ..Arc::try_unwrap(session(4).0).unwrap() };
        let _entered = (registry.enter(one, 7, b"a"), registry.enter(two.clone(), 8, b"b"));
        assert_eq!(registry.own(&two, 7).map(|found| found.id), Some(1));
        assert_eq!(registry.own(&two, 1 << 31).map(|found| found.id), Some(1));
        assert!(registry.own(&two, 8).is_none() && registry.own(&two, 1 << 40).is_none());
        assert!(registry.own(&stranger, 7).is_none() && registry.own(&elsewhere, 7).is_none());
    }

    #[test]
    fn places_are_given_back() {
        let registry = Arc::new(Registry::default());
        let place = registry.place("corp|ana", 1);
        assert!(place.is_some());
        assert!(registry.place("corp|ana", 1).is_none());
        assert!(registry.place("corp|bo", 1).is_some());
        drop(place);
        assert!(registry.place("corp|ana", 1).is_some());
    }
}
