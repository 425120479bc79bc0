//! One protected database: how it is reached, what exists in it, and the world that its sessions are judged by.
//!
//! The world is replaced as a whole, by a reload or by a newer catalog, and its epoch rises each time; sessions look at the
//! epoch, which is one atomic read. A catalog that cannot be read keeps new sessions out; sessions that live keep the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use portcullis_inspect::{Cache, World};
use portcullis_mask::Detectors;
use portcullis_policy::Policies;
use portcullis_sql::Limits;
use portcullis_sql::catalog::SearchPath;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::catalog::{POLL, Reader, Reading, Server, Unread};
use crate::config::Protocol;
use crate::dial::Target;

/// A session that asks for a newer catalog gets one at most this often; in between, what it does not know is unknown.
const REFRESH: Duration = Duration::from_millis(200);

/// What a configuration and its policies make of an upstream.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) protocol: Protocol,
    pub(crate) target: Target,
    pub(crate) policies: Arc<Policies>,
    pub(crate) upstream: Arc<portcullis_policy::Upstream>,
    pub(crate) detectors: Arc<Detectors>,
    pub(crate) limits: Limits,
    pub(crate) max_connections: Option<u32>,
}

/// One protected database.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) name: Arc<str>,
    settings: arc_swap::ArcSwap<Settings>,
    world: ArcSwapOption<Known>,
    epoch: AtomicU64,
    catalogs: AtomicU64,
    pub(crate) connections: AtomicUsize,
    reader: Mutex<ReaderState>,
    cache: Arc<Cache>,
}

/// What is known once the catalog was read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) world: Arc<World>,
    pub(crate) path: Option<SearchPath>,
    pub(crate) user: Box<str>,
    pub(crate) server: Server,
}

#[derive(Debug, Default)]
struct ReaderState {
    reader: Option<Reader>,
    fingerprint: String,
    last: Option<Instant>,
}

impl Upstream {
    pub(crate) fn new(name: &str, settings: Settings) -> Self {
        Self {
            name: name.into(),
            settings: arc_swap::ArcSwap::from_pointee(settings),
            world: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            catalogs: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            reader: Mutex::default(),
            cache: Arc::default(),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Takes up a reloaded configuration.
    pub(crate) fn replace(&self, settings: Settings) {
        let settings = Arc::new(settings);
        self.settings.store(settings.clone());
        if let Some(known) = self.world.load_full() {
            let world = World {
                epoch: self.next_epoch(),
                upstream: settings.upstream.clone(),
                policies: settings.policies.clone(),
                detectors: settings.detectors.clone(),
                limits: settings.limits,
                slices: Arc::default(),
                ..(*known.world).clone()
            };
            self.publish(Known {
                world: Arc::new(world),
                path: known.path.clone(),
                user: known.user.clone(),
                server: known.server.clone(),
            });
        }
    }

    fn next_epoch(&self) -> u64 {
        // One before the published one, so that a reader of the epoch never sees it before its world.
        self.epoch.load(Ordering::Acquire).saturating_add(1)
    }

    fn publish(&self, known: Known) {
        let epoch = known.world.epoch;
        self.world.store(Some(Arc::new(known)));
        self.epoch.store(epoch, Ordering::Release);
    }

    /// The epoch of the world in force.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What is known; `None` while the catalog was never read.
    pub(crate) fn known(&self) -> Option<Arc<Known>> {
        self.world.load_full()
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Makes sure that the catalog was read at least once.
    pub(crate) async fn warm(&self) -> Result<Arc<Known>, Unread> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let mut state = self.reader.lock().await;
        if self.known().is_none() {
            self.read(&mut state, true).await?;
        }
        self.known().ok_or(Unread::Unexpected)
    }

    /// Reads the catalog anew for a session that found `stale` wanting.
    pub(crate) async fn refresh(&self, stale: u64) {
        let mut state = self.reader.lock().await;
        let newer = self.known().is_some_and(|known| known.world.catalog.epoch() > stale);
        if newer {
            return;
        }
        if let Some(last) = state.last {
            let wait = REFRESH.saturating_sub(last.elapsed());
            tokio::time::sleep(wait).await;
        }
        if let Err(error) = self.read(&mut state, false).await {
            tracing::warn!(upstream = %self.name, %error, "the catalog could not be read");
        }
    }

    /// Compares fingerprints until the process ends.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            if self.known().is_none() {
                continue;
            }
            let mut state = self.reader.lock().await;
            if let Err(error) = self.read(&mut state, false).await {
                tracing::warn!(upstream = %self.name, %error, "the catalog could not be read");
            }
        }
    }

    /// Reads the catalog if its fingerprint changed. A connection that broke is made again once.
    async fn read(&self, state: &mut ReaderState, first: bool) -> Result<(), Unread> {
        let mut outcome = self.read_once(state).await;
        if outcome.is_err() && !first {
            state.reader = None;
            outcome = self.read_once(state).await;
        }
        if outcome.is_err() {
            state.reader = None;
        }
        state.last = Some(Instant::now());
        outcome
    }

    async fn read_once(&self, state: &mut ReaderState) -> Result<(), Unread> {
        let settings = self.settings();
        let reader = match &mut state.reader {
            Some(reader) => reader,
            None => state.reader.insert(Reader::connect(settings.protocol, &settings.target).await?),
        };
        if self.known().is_some() {
            if reader.fingerprint().await? == state.fingerprint {
                return Ok(());
            }
            // What is set for the role or the database counts for connections made from now on, as for new sessions.
            *reader = Reader::connect(settings.protocol, &settings.target).await?;
        }
        let number = self.catalogs.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let Reading { dialect, catalog, path, user, fingerprint, server } = reader.read(number).await?;
        state.fingerprint = fingerprint;
        let world = World {
            epoch: self.next_epoch(),
            protocol: settings.protocol.as_str(),
            upstream: settings.upstream.clone(),
            dialect,
            catalog: Arc::new(catalog),
            policies: settings.policies.clone(),
            detectors: settings.detectors.clone(),
            limits: settings.limits,
            cache: self.cache.clone(),
            slices: match self.known() {
                // Only a reload changes what they are made of.
                Some(known) if Arc::ptr_eq(&known.world.policies, &settings.policies) => known.world.slices.clone(),
                _ => Arc::default(),
            },
        };
        self.publish(Known { world: Arc::new(world), path, user: user.into(), server });
        Ok(())
    }
}
