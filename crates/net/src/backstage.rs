//! What the relay asks of the rest of the process: analyses, catalogs, cancels, the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_inspect::{Totals, World};
use portcullis_recording::Sink;
use portcullis_sql::NotAnalysed;
use portcullis_sql::dialect::Mode;
use portcullis_sql::statement::Statement;

/// Something that will be known later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the rest of the process may tell a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The client asked, on another connection, that the running statement be cancelled.
    Cancel,
    /// End now, with these words for the client.
    Kill(Arc<str>),
    /// End as soon as no transaction is open.
    Drain,
}

/// The process behind a session.
pub trait Backstage: Send + Sync + 'static {
    /// Analyses a text on a thread with a deep stack.
    fn analyse(&self, text: Bytes, mode: Mode) -> Later<Result<Vec<Statement>, NotAnalysed>>;

    /// Reads the catalog anew, unless one newer than epoch `stale` is there already.
    fn refresh(&self, stale: u64) -> Later<()>;

    /// The epoch of [`Backstage::world`]; cheap.
    fn epoch(&self) -> u64;

    /// What verdicts rest on now.
    fn world(&self) -> Arc<World>;

    /// Asks the upstream to cancel what this session runs. Done when the upstream has closed the asking connection.
    fn cancel(&self) -> Later<()>;

    /// Whether the session of this number, as the client knows it, is of the same principal.
    fn owns(&self, session: u64) -> bool;

    /// Ends a session of the same principal, or what it runs.
    fn end(&self, session: u64, statement_only: bool);

    /// Where the recording goes.
    fn sink(&self) -> &dyn Sink;

    /// Now, in microseconds since 1970.
    fn now(&self) -> u64;

    /// Hears from time to time, and at the end, what the session did so far.
    fn progress(&self, totals: &Totals);

    /// Counts what a batch of statements took, from the client's bytes to the upstream's, in nanoseconds.
    fn took(&self, statements: usize, nanoseconds: u64);
}
