//! What all sessions of one gateway share.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_control::{Poster, Providers, Store};
use portcullis_recording::files::Recording;
use portcullis_recording::{RecorderOptions, RecordingKeys};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::analysts::Analysts;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::upstream::Upstream;

/// The parts of the configuration that a reload replaces, made ready for use.
pub(crate) struct Current {
    pub(crate) config: Config,
    pub(crate) providers: Providers,
    pub(crate) policy_digest: [u8; 32],
}

/// One gateway process.
pub(crate) struct Process {
    pub(crate) current: ArcSwap<Current>,
    pub(crate) upstreams: ArcSwap<HashMap<String, Arc<Upstream>>>,
    pub(crate) store: Arc<Store>,
    pub(crate) recording: Arc<Recording>,
    pub(crate) keys: RecordingKeys,
    pub(crate) recorder: RecorderOptions,
    pub(crate) analysts: Analysts,
    /// The way to webhook witnesses.
    pub(crate) poster: Option<Arc<Poster>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Metrics,
    pub(crate) connections: Arc<Semaphore>,
    /// Places for connections that have not signed in yet.
    pub(crate) openings: Arc<Semaphore>,
    pub(crate) tasks: TaskTracker,
    /// No new sessions from here on.
    pub(crate) closing: CancellationToken,
    /// Everything stops.
    pub(crate) stop: CancellationToken,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("sessions", &self.registry.len()).finish_non_exhaustive()
    }
}

impl Process {
    /// The upstream of this name.
    pub(crate) fn upstream(&self, name: &str) -> Option<Arc<Upstream>> {
        self.upstreams.load().get(name).cloned()
    }

    /// Decisions asked of all caches, and found.
    pub(crate) fn cache_counters(&self) -> (u64, u64) {
        self.upstreams.load().values().fold((0, 0), |(asked, found), upstream| {
            let counters = upstream.cache().counters();
            (asked + counters.asked, found + counters.found)
        })
    }
}
