//! What is kept, for how long, and who is told: `[recording]`.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    files::Surroundings,
    reader::{Table, Value},
    url::HttpUrl,
};

/// `[recording]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// How much of each result is kept.
    pub results: Results,
    /// When what was written is also made durable.
    pub sync: Sync,
    /// The auditor's public key, to which payloads are encrypted; none keeps them readable on this machine.
    pub recipient: Option<String>,
    /// Where signed checkpoints also go.
    pub witness: Vec<Witness>,
    /// A segment file is closed at this size,
    pub segment_size: u64,
    /// or at this age.
    pub segment_age: Duration,
    /// Sealed segments older than this are removed; none keeps them.
    pub retention: Option<Duration>,
}

/// How much of each result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// All of it.
    Full,
    /// The first bytes.
    Head(u64),
    /// Counts only.
    Omitted,
}

/// When the kernel is asked to make the record durable. It is always written before a statement is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// When the kernel likes.
    Never,
    /// Once a second, off the path of statements.
    Interval,
    /// Before each statement is forwarded.
    Every,
}

/// A second keeper of signed checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// Appended to this file.
    File(PathBuf),
    /// Posted to this address.
    Webhook(HttpUrl),
}

const HEAD_SIZE: RangeInclusive<u64> = 1..=64 << 20;
const SEGMENT_SIZE: RangeInclusive<u64> = 1 << 20..=16 << 30;
const SEGMENT_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);
const RETENTION: RangeInclusive<Duration> = Duration::from_secs(3_600)..=Duration::from_secs(36_500 * 86_400);

impl Recording {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let results = Results::read(table);
        let sync = table.optional("sync", |v| v.choice(&SYNCS));
        let recipient = table.optional("recipient", Value::string);
        let witness = table.optional("witness", |v| v.list("a list of witnesses", |v| Witness::read(v, around)));
        let segment_size = table.optional("segment_size", |v| v.size(SEGMENT_SIZE));
        let segment_age = table.optional("segment_age", |v| v.duration(SEGMENT_AGE));
        let retention = table.optional("retention", |v| v.duration(RETENTION));
        Some(Self {
            results: results?,
            sync: sync.unwrap_or(Sync::Interval),
            recipient: recipient.map(str::to_owned),
            witness: witness.unwrap_or_default(),
            segment_size: segment_size.unwrap_or(256 << 20),
            segment_age: segment_age.unwrap_or(Duration::from_secs(3_600)),
            retention,
        })
    }
}

const SYNCS: [(&str, Sync); 3] = [("none", Sync::Never), ("interval", Sync::Interval), ("every", Sync::Every)];

impl Results {
    fn read(table: &Table<'_>) -> Option<Self> {
        let head_value = table.value("results_head");
        let head = head_value.clone().map_or(Some(64 << 10), |v| v.size(HEAD_SIZE))?;
        let words = [("full", Self::Full), ("head", Self::Head(head)), ("none", Self::Omitted)];
        let results = table.value("results").map_or(Some(Self::Head(head)), |v| v.choice(&words))?;
        if let Some(value) = head_value.filter(|_| !matches!(results, Self::Head(_))) {
            value.fail("has an effect only with `results = \"head\"`");
        }
        Some(results)
    }
}

impl Witness {
    fn read(value: Value<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let place = value.clone();
        value.table()?.read(|t| match (t.value("file"), t.value("webhook")) {
            (Some(file), None) => around.path(file).map(Self::File),
            (None, Some(webhook)) => webhook.url().map(Self::Webhook),
            _ => place.expected("exactly one of `file` and `webhook`"),
        })
    }
}
