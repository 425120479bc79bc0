//! The decision cache: what is known of a statement's shape, and what was decided on it.
//!
//! Keys are compared in full, byte by byte; a hash only finds the place. An analysis depends on the text and on how it is
//! read; a decision also on who asks and on everything that gives names a meaning, which is interned as a scope. Bounded by
//! entries and by the length of what is kept.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use portcullis_sql::statement::Statement;
use quick_cache::Equivalent;
use quick_cache::sync::Cache as Quick;

use crate::judge::Judged;

/// LIMIT: analyses kept for an upstream; generated SQL seldom has more shapes.
const ANALYSES: usize = 20_000;

/// LIMIT: decisions kept for an upstream: shapes times principals.
const DECISIONS: usize = 50_000;

/// LIMIT: longer keys are not kept, so that the cache is bounded in bytes too.
const LONGEST: usize = 16 << 10;

/// LIMIT: scopes kept; beyond it all are forgotten, and their decisions with them.
const SCOPES: usize = 100_000;

/// What gives names and rules a meaning for one session at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ScopeKey {
    pub(crate) epoch: u64,
    pub(crate) principal: Arc<str>,
    pub(crate) settings: Arc<str>,
}

/// The number of the next scope, of any cache: a decision may outlive the cache that it came from.
static NEXT_SCOPE: AtomicU64 = AtomicU64::new(1);

/// The number of a scope. Never used for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scope(u64);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    scope: u64,
    text: Box<[u8]>,
}

#[derive(Debug, Clone, Copy)]
struct Lookup<'k> {
    scope: u64,
    text: &'k [u8],
}

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scope.hash(state);
        self.text.hash(state);
    }
}

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.scope == key.scope && *self.text == *key.text
    }
}

fn fresh() -> Scope {
    Scope(NEXT_SCOPE.fetch_add(1, Ordering::Relaxed))
}

/// How often the cache was asked and knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounters {
    /// Decisions asked for.
    pub asked: u64,
    /// Decisions found.
    pub found: u64,
}

/// What is known of statements, for all sessions of an upstream.
#[derive(Debug)]
pub struct Cache {
    analyses: Quick<Key, Arc<[Statement]>>,
    decisions: Quick<Key, Arc<Judged>>,
    scopes: Mutex<HashMap<ScopeKey, u64>>,
    asked: AtomicU64,
    found: AtomicU64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            analyses: Quick::new(ANALYSES),
            decisions: Quick::new(DECISIONS),
            scopes: Mutex::default(),
            asked: AtomicU64::new(0),
            found: AtomicU64::new(0),
        }
    }
}

impl Cache {
    pub(crate) fn scope(&self, key: ScopeKey) -> Scope {
        let Ok(mut scopes) = self.scopes.lock() else { return fresh() };
        if scopes.len() >= SCOPES {
            scopes.clear();
        }
        Scope(*scopes.entry(key).or_insert_with(|| fresh().0))
    }

    pub(crate) fn analysis(&self, mode: u32, text: &[u8]) -> Option<Arc<[Statement]>> {
        self.analyses.get(&Lookup { scope: u64::from(mode), text })
    }

    pub(crate) fn keep_analysis(&self, mode: u32, text: &[u8], analysis: Arc<[Statement]>) {
        if text.len() <= LONGEST {
            self.analyses.insert(Key { scope: u64::from(mode), text: text.into() }, analysis);
        }
    }

    pub(crate) fn decision(&self, scope: Scope, text: &[u8]) -> Option<Arc<Judged>> {
        let found = self.decisions.get(&Lookup { scope: scope.0, text });
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.found.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    pub(crate) fn keep_decision(&self, scope: Scope, text: &[u8], judged: Arc<Judged>) {
        if text.len() <= LONGEST {
            self.decisions.insert(Key { scope: scope.0, text: text.into() }, judged);
        }
    }

    /// How often decisions were asked for and found.
    pub fn counters(&self) -> CacheCounters {
        CacheCounters { asked: self.asked.load(Ordering::Relaxed), found: self.found.load(Ordering::Relaxed) }
    }
}
