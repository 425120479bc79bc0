//! One session's inspector: takes requests and answers in order, gives verdicts, keeps the record.
//!
//! ```text
//!  request ──▶ judge ──▶ Refuse
//!                │  └──▶ Drain, Find: asked again later
//!                ▼
//!            Forward ──▶ in flight ──▶ answers ──▶ outcome recorded
//! ```
//!
//! INVARIANT: a statement's entry is queued in the recorder before its verdict is given, and its permit names the entry and
//! the digest of the very frame. INVARIANT: a decision is used only in the scope (who, settings, catalog, policy) that it
//! was made in. It awaits nothing, owns no socket, and takes the time as an argument.

mod answers;
mod expand;
mod flights;
mod requests;

pub use requests::Standing;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_policy::{Context, Principal};
use portcullis_recording::{Receipts, Recorder, Sink, SinkError};
use portcullis_sql::NotAnalysed;
use portcullis_sql::catalog::SearchPath;
use portcullis_sql::statement::Statement;
use portcullis_wire::event::Ticket;

use self::flights::Flights;
use crate::cache::{Scope, ScopeKey};
use crate::judge::Circumstances;
use crate::names::Names;
use crate::results::{Budget, Masking, Totals};
use crate::settings::Settings;
use crate::world::{Sliced, World};

/// Who a session is for, and where it comes from.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    /// Its number, random.
    pub id: u128,
    /// The verified identity.
    pub principal: Principal,
    /// The client's address.
    pub source: Option<IpAddr>,
    /// The role that the upstream took the gateway for.
    pub upstream_user: Box<str>,
    /// The search path at the start, if it is known.
    pub path: Option<SearchPath>,
    /// Settings that the upstream reported at its sign-in, as names and values.
    pub reported: Vec<(Box<str>, Box<str>)>,
    /// Its answer to the dialect's question, where it was asked before the session began.
    pub told: Option<Box<str>>,
    /// What the identity read lately, in all of its sessions.
    pub budget: Arc<Budget>,
}

/// What is known of a text, or why nothing is.
type Analysed = Result<Arc<[Statement]>, NotAnalysed>;

/// The inspector of one session.
pub struct Inspector {
    world: Arc<World>,
    facts: SessionFacts,
    sliced: Arc<Sliced>,
    scope: Scope,
    scope_settings: Arc<str>,
    settings: Settings,
    names: Names,
    flights: Flights,
    masking: Masking,
    recorder: Recorder,
    totals: Totals,
    next_ticket: u64,
    /// The number of the next statement in the recording.
    next_statement: u64,
    /// A barrier was forwarded and its outcome is not known yet.
    barrier: bool,
    /// The catalog was read anew for the request that is being judged.
    refreshed: bool,
    /// Whether the session that is to be killed is the principal's own, once that was asked.
    owned: Option<bool>,
    /// What only the upstream knows was asked for, and could not be had.
    asked: bool,
    /// Definitions changed: the catalog must be newer than this epoch before the next statement is judged.
    stale_catalog: Option<u64>,
    /// Definitions changed in a transaction that is still open.
    changed_definitions: bool,
    /// An analysis that just arrived, for the text that asked for it.
    fresh: Option<(Bytes, Analysed)>,
    /// Reused for cache keys.
    key: Vec<u8>,
    /// The recording could not be written when it was last tried.
    unrecorded: bool,
}

/// Nothing of statements or values: who and where it stands.
impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { facts, next_statement, .. } = self;
        let id = format_args!("{:032x}", facts.id);
        f.debug_struct("Inspector")
            .field("session", &id)
            .field("next_statement", next_statement)
            .finish_non_exhaustive()
    }
}

impl Inspector {
    /// An inspector for a session that just signed in. `recorder` has its start queued.
    pub fn new(world: Arc<World>, facts: SessionFacts, recorder: Recorder) -> Self {
        let sliced = world.sliced(&facts.principal);
        let settings = Settings::new(facts.path.clone(), &facts.upstream_user).reported(
            &facts.reported,
            facts.told.as_deref(),
            &*world.dialect,
        );
        let scope_settings = settings.signature().clone();
        let scope = world.cache.scope(ScopeKey {
            epoch: world.epoch,
            principal: sliced.id.clone(),
            settings: scope_settings.clone(),
        });
        let masking = Masking::new(sliced.detectors(&world, &circumstances_of(&world, &facts, 0).context));
        Self {
            world,
            facts,
            sliced,
            scope,
            scope_settings,
            settings,
            names: Names::default(),
            flights: Flights::default(),
            masking,
            recorder,
            totals: Totals::default(),
            next_ticket: 1,
            next_statement: 1,
            barrier: false,
            refreshed: false,
            owned: None,
            asked: false,
            stale_catalog: None,
            changed_definitions: false,
            fresh: None,
            key: Vec::new(),
            unrecorded: false,
        }
    }

    /// Takes up a newer world; the next statement is judged under it.
    pub fn handle_world(&mut self, world: Arc<World>) {
        if self.stale_catalog.is_some_and(|stale| world.catalog.epoch() > stale) {
            self.stale_catalog = None;
        }
        if world.epoch != self.world.epoch {
            self.sliced = world.sliced(&self.facts.principal);
            let circumstances = circumstances_of(&world, &self.facts, 0);
            self.masking = Masking::new(self.sliced.detectors(&world, &circumstances.context));
            self.world = world;
            self.rescope();
        }
    }

    /// The world in force.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// A catalog was read because a verdict asked for it. Without a newer one, what does not resolve stays unknown.
    pub fn handle_refreshed(&mut self) {
        self.refreshed = true;
        self.stale_catalog = None;
    }

    /// The analysis that a verdict asked for.
    pub fn handle_analysis(&mut self, text: Bytes, analysis: Result<Vec<Statement>, NotAnalysed>) {
        self.fresh = Some((text, analysis.map(Arc::from)));
    }

    /// Whether the session that a verdict asked for is the principal's own.
    pub fn handle_whose(&mut self, own: bool) {
        self.owned = Some(own);
    }

    /// The upstream's answer to a question of ours.
    pub fn handle_told(&mut self, answer: Option<&str>) {
        let path = answer.and_then(|answer| self.world.dialect.read_path(answer));
        self.settings.learn_path(path);
        self.settings.learn_mode(answer.and_then(|answer| self.world.dialect.read_mode(answer)));
        self.asked = self.settings.has_question();
    }

    /// What the session read and was refused so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Writes all that is queued, in one write, and gives the receipts.
    ///
    /// # Errors
    /// What the sink said. Nothing of the batch is recorded then, and nothing of it may be forwarded.
    pub fn commit(&mut self, sink: &dyn Sink) -> Result<Receipts, SinkError> {
        let written = self.recorder.commit(sink);
        self.unrecorded = written.is_err();
        written
    }

    /// The recorder, for entries that are not of statements.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Whether the last attempt to record failed.
    pub fn is_unrecorded(&self) -> bool {
        self.unrecorded
    }

    /// What a client is told whose statement could not be recorded.
    pub fn unrecorded(&self) -> portcullis_wire::event::Refusal {
        crate::refusals::unrecorded(self.world.dialect.codes())
    }

    /// Forgets requests from `first` on: they were judged, but could not be recorded, and never left.
    pub fn abandon(&mut self, first: Ticket) {
        let last = Ticket(self.next_ticket);
        self.names.take_back(first, last);
        self.flights.abandon(first);
        self.barrier = self.flights.has_barrier();
    }

    /// The number that the next forwarded request gets.
    pub fn next_ticket(&self) -> Ticket {
        Ticket(self.next_ticket)
    }

    fn take_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        ticket
    }

    /// Follows a change of settings with the scope that decisions are looked up in.
    fn rescope(&mut self) {
        self.scope_settings = self.settings.signature().clone();
        self.scope = self.world.cache.scope(ScopeKey {
            epoch: self.world.epoch,
            principal: self.sliced.id.clone(),
            settings: self.scope_settings.clone(),
        });
    }

    fn circumstances(&self, now: u64) -> Circumstances<'_> {
        let mut circumstances = circumstances_of(&self.world, &self.facts, now);
        let (rows, bytes) = self.facts.budget.last_hour(now);
        circumstances.context.rows_last_hour = rows;
        circumstances.context.bytes_last_hour = bytes;
        circumstances.masked = self.masking.is_on();
        circumstances
    }
}

fn circumstances_of<'s>(world: &'s World, facts: &'s SessionFacts, now: u64) -> Circumstances<'s> {
    Circumstances {
        context: Context {
            protocol: world.protocol,
            source: facts.source,
            now_ms: i64::try_from(now / 1_000).unwrap_or(i64::MAX),
            ..Context::default()
        },
        masked: false,
    }
}
