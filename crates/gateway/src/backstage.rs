//! What the process does for one session: analyses, catalogs, cancels, the recording, the time.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use portcullis_inspect::{Totals, World};
use portcullis_net::{Backstage, Command, Later};
use portcullis_recording::Sink;
use portcullis_sql::NotAnalysed;
use portcullis_sql::dialect::Mode;
use portcullis_sql::statement::Statement;

use crate::open::Cancel;
use crate::process::Process;
use crate::registry::Session;
use crate::upstream::{Known, Upstream};

/// Now, in microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The process, as one session sees it.
pub(crate) struct Behind {
    pub(crate) process: Arc<Process>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) session: Arc<Session>,
    /// The world at sign-in; sessions are only let in once there is one.
    pub(crate) known: Arc<Known>,
    pub(crate) cancel: Cancel,
    /// What the metrics know of already.
    pub(crate) told: Mutex<Totals>,
}

impl Backstage for Behind {
    fn analyse(&self, text: Bytes, mode: Mode) -> Later<Result<Vec<Statement>, NotAnalysed>> {
        let world = self.world();
        self.process.analysts.analyse(world.dialect.clone(), text, mode, world.limits)
    }

    fn refresh(&self, stale: u64) -> Later<()> {
        let upstream = self.upstream.clone();
        Box::pin(async move { upstream.refresh(stale).await })
    }

    fn epoch(&self) -> u64 {
        self.upstream.epoch()
    }

    fn world(&self) -> Arc<World> {
        self.upstream.known().map_or_else(|| self.known.world.clone(), |known| known.world.clone())
    }

    fn cancel(&self) -> Later<()> {
        (self.cancel)()
    }

    fn owns(&self, session: u64) -> bool {
        self.process.registry.own(&self.session, session).is_some()
    }

    fn end(&self, session: u64, statement_only: bool) {
        let Some(session) = self.process.registry.own(&self.session, session) else { return };
        let command = match statement_only {
            true => Command::Cancel,
            false => Command::Kill("by its own user".into()),
        };
        // A full queue holds an end already.
        let _ = session.commands.try_send(command);
    }

    fn sink(&self) -> &dyn Sink {
        &*self.process.recording
    }

    fn now(&self) -> u64 {
        now()
    }

    fn progress(&self, totals: &Totals) {
        let Ok(mut told) = self.told.lock() else { return };
        self.process.metrics.progress(self.upstream.settings().protocol, &self.upstream.name, &told, totals);
        *told = *totals;
    }

    fn took(&self, statements: usize, nanoseconds: u64) {
        self.session.count(statements as u64);
        self.process.metrics.added(nanoseconds);
    }
}
