//! The cache of one provider's keys: when to fetch, whom to make wait, when to give up.
//!
//! ```text
//!        0 ─────── fresh ─────────────── max_age ──────────▶ age of the keys
//!        used       used, refreshed behind   not used: fetch or refuse
//! ```
//! A `kid` we do not have makes one fetch, at most one per `gap`, because anyone can invent a `kid`. Callers that need
//! the same fetch share it, and it runs on a task of its own: a client that hangs up must not abort the fetch that
//! others wait for, nor use up the gap. Nothing here knows HTTP; see `Source`.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::jwks::{Key, KeySet};
use crate::{FetchError, Refused};

/// When keys are fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Younger keys are used without question.
    pub fresh: Duration,
    /// Older keys are not used: a key that was withdrawn must stop working even if the provider hides.
    pub max_age: Duration,
    /// The least time between two fetches because of an unknown key id.
    pub gap: Duration,
    /// The least time between two fetches while there are no usable keys.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(5 * 60),
            max_age: Duration::from_secs(60 * 60),
            gap: Duration::from_secs(10),
            retry: Duration::from_secs(1),
        }
    }
}

/// Where keys come from.
pub(super) trait Source: Send + Sync + 'static {
    /// The keys published now.
    fn fetch(&self) -> impl Future<Output = Result<KeySet, FetchError>> + Send;
    /// For the log.
    fn name(&self) -> &str;
}

/// Keys of one provider.
pub(super) struct Keys<S>(Arc<Inner<S>>);

struct Inner<S> {
    source: S,
    timing: Timing,
    state: Mutex<State>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When the latest fetch ended, and whether it gave keys.
    ended: Option<(Instant, bool)>,
}

#[derive(Clone)]
struct Held {
    set: Arc<KeySet>,
    since: Instant,
}

impl<S: Source> Keys<S> {
    /// An empty cache.
    pub(super) fn new(source: S, timing: Timing) -> Self {
        Self(Arc::new(Inner { source, timing, state: Mutex::default(), one_at_a_time: tokio::sync::Mutex::default() }))
    }

    /// The key that a token with this header must be signed by.
    pub(super) async fn find(&self, kid: Option<&str>, alg: &str) -> Result<Arc<Key>, Refused> {
        let timing = self.0.timing;
        if self.0.usable().is_none() {
            self.fetched(timing.retry).await;
        }
        let held = self.0.usable().ok_or(Refused::Unavailable)?;
        if held.since.elapsed() >= timing.fresh {
            self.refresh_behind();
        }
        if let Some(key) = held.set.pick(kid, alg) {
            return Ok(key);
        }
        self.fetched(timing.gap).await;
        let held = self.0.usable().ok_or(Refused::Unavailable)?;
        held.set.pick(kid, alg).ok_or_else(|| self.0.why_not())
    }

    /// Whether there are keys young enough to use.
    pub(super) fn is_usable(&self) -> bool {
        self.0.usable().is_some()
    }

    /// Fetches unless there are keys already.
    pub(super) async fn warm(&self) {
        if !self.is_usable() {
            self.fetched(self.0.timing.retry).await;
        }
    }

    /// Returns when a fetch has ended after this call, or when one ended less than `gap` ago.
    async fn fetched(&self, gap: Duration) {
        let asked = Instant::now();
        if self.0.is_idle() && self.0.ended_within(gap) {
            return;
        }
        let inner = Arc::clone(&self.0);
        let fetch = tokio::spawn(async move { inner.refresh(asked, gap).await });
        // A panic in there left the state as it was; the caller finds no key and refuses.
        let _joined = fetch.await;
    }

    fn refresh_behind(&self) {
        let (asked, gap) = (Instant::now(), self.0.timing.gap);
        if self.0.is_idle() && !self.0.ended_within(gap) {
            let inner = Arc::clone(&self.0);
            drop(tokio::spawn(async move { inner.refresh(asked, gap).await }));
        }
    }
}

impl<S: Source> Inner<S> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Option<Held> {
        self.lock().held.clone().filter(|held| held.since.elapsed() < self.timing.max_age)
    }

    fn is_idle(&self) -> bool {
        self.one_at_a_time.try_lock().is_ok()
    }

    fn ended_within(&self, gap: Duration) -> bool {
        self.lock().ended.is_some_and(|(at, _)| at.elapsed() < gap)
    }

    /// A key id that is missing while the provider cannot be asked may well be a new key.
    fn why_not(&self) -> Refused {
        match self.lock().ended {
            Some((_, false)) => Refused::Unavailable,
            _ => Refused::UnknownKey,
        }
    }

    async fn refresh(&self, asked: Instant, gap: Duration) {
        let _turn = self.one_at_a_time.lock().await;
        // Whoever had the turn before has fetched for us too.
        if self.lock().ended.is_some_and(|(at, _)| at >= asked || at.elapsed() < gap) {
            return;
        }
        let got = self.source.fetch().await;
        let now = Instant::now();
        let mut state = self.lock();
        state.ended = Some((now, got.is_ok()));
        match got {
            Ok(set) => state.held = Some(Held { set: Arc::new(set), since: now }),
            Err(error) => tracing::warn!(provider = self.source.name(), %error, "cannot fetch the provider's keys"),
        }
    }
}

impl<S> fmt::Debug for Keys<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
