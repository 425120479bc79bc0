//! What operations can see: counters for Prometheus, in the OpenMetrics text format.
//!
//! Nothing here names a person, a statement or a value. Counters are touched once a batch or once a session, never for
//! each row. Spec: OpenMetrics 1.0.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_inspect::Totals;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::config::Protocol;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    protocol: &'static str,
    upstream: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    protocol: &'static str,
    upstream: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    protocol: &'static str,
    upstream: String,
    verdict: &'static str,
}

/// How an attempt to open a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It is open.
    Opened,
    /// Whoever it was could not prove an identity.
    NotProven,
    /// Policy, or a limit, said no.
    Refused,
    /// The upstream could not be reached.
    NoUpstream,
    /// The client broke the protocol, or took too long.
    Broken,
}

impl Opening {
    fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::NotProven => "not_proven",
            Self::Refused => "refused",
            Self::NoUpstream => "no_upstream",
            Self::Broken => "broken",
        }
    }
}

/// The metrics of one process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    openings: Family<SessionLabels, Counter>,
    statements: Family<VerdictLabels, Counter>,
    rows: Family<UpstreamLabels, Counter>,
    bytes: Family<UpstreamLabels, Counter>,
    masked: Family<UpstreamLabels, Counter>,
    live: Gauge,
    added: Histogram,
    cache_asked: Gauge<u64, AtomicU64>,
    cache_found: Gauge<u64, AtomicU64>,
    recorder_failures: Counter,
    checkpoint_lag: Gauge<f64, AtomicU64>,
    cancels: Counter,
    /// When the recording's last checkpoint was written, in microseconds since 1970.
    checkpointed: AtomicU64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("portcullis")),
            openings: Family::default(),
            statements: Family::default(),
            rows: Family::default(),
            bytes: Family::default(),
            masked: Family::default(),
            live: Gauge::default(),
            // 1 µs to some 65 ms.
            added: Histogram::new(exponential_buckets(0.000_001, 2.0, 17)),
            cache_asked: Gauge::default(),
            cache_found: Gauge::default(),
            recorder_failures: Counter::default(),
            checkpoint_lag: Gauge::default(),
            cancels: Counter::default(),
            checkpointed: AtomicU64::new(0),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register("sessions", "Attempts to open a session, by how they went", self.openings.clone());
        registry.register("live_sessions", "Sessions that are open now", self.live.clone());
        registry.register("statements", "Statements judged, by verdict", self.statements.clone());
        registry.register("rows", "Rows that reached clients", self.rows.clone());
        registry.register_with_unit("result", "Bytes of results that reached clients", Unit::Bytes, self.bytes.clone());
        registry.register("masked_values", "Values that detectors overwrote", self.masked.clone());
        registry.register_with_unit(
            "added_latency",
            "From a client's bytes to the upstream's socket, for each batch: cut, judged, recorded",
            Unit::Seconds,
            self.added.clone(),
        );
        registry.register("decision_cache_asked", "Decisions asked of the cache", self.cache_asked.clone());
        registry.register("decision_cache_found", "Decisions the cache knew", self.cache_found.clone());
        registry.register("recorder_failures", "Writes of the recording that failed", self.recorder_failures.clone());
        registry.register_with_unit(
            "checkpoint_lag",
            "Since the last signed checkpoint",
            Unit::Seconds,
            self.checkpoint_lag.clone(),
        );
        registry.register("cancels", "Cancel requests that came with a key of ours", self.cancels.clone());
    }

    /// An attempt to open a session went so; `upstream` is empty where none was named yet.
    pub(crate) fn opening(&self, protocol: Protocol, upstream: &str, outcome: Opening) {
        let protocol = protocol.as_str();
        let labels = SessionLabels { protocol, upstream: upstream.into(), outcome: outcome.name() };
        self.openings.get_or_create(&labels).inc();
    }

    pub(crate) fn began(&self) {
        self.live.inc();
    }

    /// A session ended.
    pub(crate) fn ended(&self) {
        self.live.dec();
    }

    /// A session went on from `before` to `now`.
    pub(crate) fn progress(&self, protocol: Protocol, upstream: &str, before: &Totals, now: &Totals) {
        let protocol = protocol.as_str();
        let verdict = |verdict| VerdictLabels { protocol, upstream: upstream.into(), verdict };
        let more = |now: u64, before: u64| now.saturating_sub(before);
        self.statements.get_or_create(&verdict("allow")).inc_by(more(now.allowed, before.allowed));
        self.statements.get_or_create(&verdict("refuse")).inc_by(more(now.refused, before.refused));
        let labels = UpstreamLabels { protocol, upstream: upstream.into() };
        self.rows.get_or_create(&labels).inc_by(more(now.rows, before.rows));
        self.bytes.get_or_create(&labels).inc_by(more(now.bytes, before.bytes));
        self.masked.get_or_create(&labels).inc_by(more(now.masked, before.masked));
    }

    pub(crate) fn added(&self, nanoseconds: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a latency; 53 bits of nanoseconds are 104 days")]
        self.added.observe(nanoseconds as f64 / 1e9);
    }

    pub(crate) fn cancelled(&self) {
        self.cancels.inc();
    }

    pub(crate) fn recorder_failed(&self) {
        self.recorder_failures.inc();
    }

    pub(crate) fn checkpointed(&self, now: u64) {
        self.checkpointed.store(now, Ordering::Relaxed);
    }

    /// All of it, as text.
    pub(crate) fn text(&self, cache: (u64, u64), now: u64) -> String {
        self.cache_asked.set(cache.0);
        self.cache_found.set(cache.1);
        let lag = now.saturating_sub(self.checkpointed.load(Ordering::Relaxed));
        #[expect(clippy::cast_precision_loss, reason = "a lag in microseconds")]
        self.checkpoint_lag.set(lag as f64 / 1e6);
        let mut text = String::new();
        if let Ok(registry) = self.registry.lock() {
            // Writing to a String cannot fail.
            let _ = encode(&mut text, &registry);
        }
        text
    }
}
