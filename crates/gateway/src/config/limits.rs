//! How long and how much: `[session]`, `[limits]`, and what the gateway says about itself: `[log]`.

use std::{ops::RangeInclusive, time::Duration};

use super::reader::{Table, Value};

/// `[session]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// A session ends at this age, between transactions.
    pub max_age: Duration,
    /// Whether a session also ends when the token that opened it does.
    pub end_with_token: bool,
    /// The longest statement that is judged, in bytes; longer ones are refused.
    pub statement_limit: u64,
    /// How long a session may do nothing outside a transaction; none means until its age.
    pub idle: Option<Duration>,
    /// How long a session may do nothing inside a transaction; none means until its age.
    pub idle_in_transaction: Option<Duration>,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Client connections in total.
    pub connections: u32,
    /// Client connections of one identity.
    pub connections_per_identity: u32,
    /// How long a client may take to sign in.
    pub login_deadline: Duration,
    /// How long live sessions may go on after the gateway is asked to stop.
    pub drain_deadline: Duration,
    /// Threads that relay sessions; without it, one fewer than there are cores.
    pub threads: Option<usize>,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// The least severe event that is written.
    pub level: LogLevel,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The severity of a log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may fail.
    Warn,
    /// What happened.
    Info,
    /// Why it happened.
    Debug,
    /// Everything.
    Trace,
}

const A_SECOND: Duration = Duration::from_secs(1);
const A_DAY: Duration = Duration::from_secs(86_400);
const AGES: RangeInclusive<Duration> = A_SECOND..=A_DAY.saturating_mul(30);
/// The parser's time and memory grow with the text: nobody needs more than this in one statement.
const STATEMENTS: RangeInclusive<u64> = 1 << 10..=64 << 20;

impl Session {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let max_age = table.optional("max_age", |v| v.duration(AGES));
        let end_with_token = table.optional("end_with_token", Value::boolean);
        let statement_limit = table.optional("statement_limit", |v| v.size(STATEMENTS));
        Some(Self {
            max_age: max_age.unwrap_or(Duration::from_secs(8 * 3_600)),
            end_with_token: end_with_token.unwrap_or(false),
            statement_limit: statement_limit.unwrap_or(4 << 20),
            idle: table.optional("idle", |v| v.duration(AGES)),
            idle_in_transaction: table.optional("idle_in_transaction", |v| v.duration(AGES)),
        })
    }
}

impl Limits {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let connections = table.optional("connections", |v| v.number(1..=1_000_000)).unwrap_or(10_000);
        let per_identity = table.optional("connections_per_identity", |v| {
            let number = v.clone().number(1..=1_000_000)?;
            if number > connections {
                v.fail(format!("{number} for one identity is more than `limits.connections`, {connections}"));
            }
            Some(number)
        });
        let login = table.optional("login_deadline", |v| v.duration(A_SECOND..=A_SECOND.saturating_mul(300)));
        let drain = table.optional("drain_deadline", |v| v.duration(Duration::ZERO..=A_DAY));
        Some(Self {
            connections,
            connections_per_identity: per_identity.unwrap_or(connections.min(200)),
            login_deadline: login.unwrap_or(Duration::from_secs(15)),
            drain_deadline: drain.unwrap_or(Duration::from_secs(30)),
            threads: table
                .optional("threads", |v| v.number(1..=1_024))
                .and_then(|threads| usize::try_from(threads).ok()),
        })
    }
}

impl Log {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let format = table.optional("format", |v| v.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]));
        let level = table.optional("level", |v| v.choice(&LEVELS));
        Some(Self { format: format.unwrap_or(LogFormat::Text), level: level.unwrap_or(LogLevel::Info) })
    }
}

const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl LogLevel {
    /// Its name in the file.
    pub fn as_str(self) -> &'static str {
        LEVELS.iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| name)
    }
}
