//! From a proven identity to a session: may they, which upstream, and what is recorded of the start.
//!
//! The order matters: the identity is proven before anything about upstreams is said, policy is asked before the database
//! is dialled, and the session's start is recorded before its first statement. The settings that a client begins with are
//! judged as `set` would be.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use portcullis_control::Identity;
use portcullis_inspect::{Inspector, SessionFacts};
use portcullis_net::{Command, Later, Relay, Silence, Stream};
use portcullis_policy::{Action, Context, Decision, Person, Principal, Resource, Slice};
use portcullis_recording::{Recorder, SessionStart};
use portcullis_sql::catalog::SearchPath;
use portcullis_sql::dialect::{Dialect, SettingClass};
use portcullis_sql::session::SettingValue;
use portcullis_wire::event::Refusal;
use portcullis_wire::{Frame, Protocol};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use crate::accept::{Door, Peer, Turned};
use crate::backstage::{Behind, now};
use crate::config;
use crate::dial::{NotReached, Target};
use crate::metrics::Opening;
use crate::process::Process;
use crate::registry::{Place, Session};
use crate::upstream::{Known, Upstream};

/// Commands that a session may have waiting: one of each kind, and one more.
const COMMANDS: usize = 4;

/// The running half of a connection.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Goes on with a client that signs in anew, by this frame.
pub(crate) type Resume = Box<dyn FnOnce(Peer, Frame) -> Later<Option<Running>> + Send>;

/// Ends, at the upstream, what a session is running.
pub(crate) type Cancel = Arc<dyn Fn() -> Later<()> + Send + Sync>;

/// What a client asks for, in no protocol's own words.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) user: &'a str,
    /// The upstream's name.
    pub(crate) database: &'a str,
    pub(crate) application: &'a str,
    pub(crate) protocol_version: &'a str,
    /// Settings that the session is to begin with, in order.
    pub(crate) settings: Vec<(String, String)>,
    /// What else the recording should say of the session.
    pub(crate) facts: Vec<(String, String)>,
}

/// Who asks, proven.
pub(crate) struct Proven {
    pub(crate) identity: Identity,
    /// The minted credential's name, if one was used.
    pub(crate) credential: Option<String>,
}

/// One place among all connections, held from before the sign-in.
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// Takes a place, if the process has one and is not stopping.
    pub(crate) fn take(process: &Process) -> Result<Self, Turned> {
        if process.closing.is_cancelled() {
            return Err(away(Opening::Refused, b"57P03", "the firewall is stopping", None));
        }
        let room = process.connections.clone().try_acquire_owned();
        room.map(|_permit| Self { _permit }).map_err(|_| too_many("the firewall has no connection left"))
    }
}

/// A client that policy lets in, before its database is dialled.
pub(crate) struct Admitted {
    pub(crate) known: Arc<Known>,
    pub(crate) target: Target,
    pub(crate) upstream: Arc<Upstream>,
    session: Arc<Session>,
    budget: Arc<portcullis_inspect::Budget>,
    start: SessionStart,
    commands: mpsc::Receiver<Command>,
    ends: SystemTime,
    places: (Room, Place, Connection),
}

/// The upstream's half of a session, signed in.
pub(crate) struct UpstreamSide {
    pub(crate) stream: Stream,
    /// What it sent behind its sign-in.
    pub(crate) rest: BytesMut,
    /// The number by which the server knows the session.
    pub(crate) process: u32,
    /// Further numbers by which its client may know the session.
    pub(crate) numbers: Vec<u32>,
    /// What a client must show to cancel.
    pub(crate) secret: Vec<u8>,
    pub(crate) cancel: Cancel,
    /// The path that the session begins with, if it is known.
    pub(crate) path: Option<SearchPath>,
    /// Settings that it reported, as names and values.
    pub(crate) reported: Vec<(Box<str>, Box<str>)>,
    /// Its answer to the dialect's question, where it was asked.
    pub(crate) told: Option<Box<str>>,
}

/// One of an upstream's connections, given back when dropped.
struct Connection(Arc<Upstream>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Connection {
    fn take(upstream: &Arc<Upstream>) -> Result<Self, Turned> {
        let before = upstream.connections.fetch_add(1, Ordering::AcqRel);
        let connection = Self(upstream.clone());
        match upstream.settings().max_connections {
            Some(most) if before >= most as usize => Err(too_many("the database has no connection left for clients")),
            _ => Ok(connection),
        }
    }
}

pub(crate) fn away(opening: Opening, sqlstate: &[u8; 5], message: impl Into<String>, hint: Option<&str>) -> Turned {
    let hint = hint.map(str::to_owned);
    Turned::Away(opening, Refusal { sqlstate: *sqlstate, message: message.into(), detail: None, hint, position: None })
}

/// A listener that leads nowhere.
pub(crate) fn nothing_behind(message: &str) -> Turned {
    away(Opening::NoUpstream, b"08001", message, None)
}

fn too_many(message: &str) -> Turned {
    away(Opening::Refused, b"53300", message, None)
}

/// Decides whether who asks gets a session, and prepares it.
pub(crate) async fn admit(
    process: &Arc<Process>,
    door: &Door,
    peer: &Peer,
    room: Room,
    asked: &Asked<'_>,
    proven: Proven,
) -> Result<Admitted, Turned> {
    let Proven { identity, credential } = proven;
    let principal = principal(&identity);
    let limit = process.current.load().config.limits.connections_per_identity;
    let place = process.registry.place(&principal.id(), limit);
    let place = place.ok_or_else(|| too_many("you have too many connections open"))?;
    let upstream = reachable(process, door, asked.database)?;
    let known = warm(&upstream).await?;
    let id = random_u128();
    judge(&known, &principal, peer, asked, id)?;
    let connection = Connection::take(&upstream)?;
    let (sender, commands) = mpsc::channel(COMMANDS);
    let session = Arc::new(Session {
        id,
        principal,
        user: asked.user.to_owned(),
        credential,
        upstream: upstream.name.clone(),
        source: peer.source,
        started: SystemTime::now(),
        statements: AtomicU64::new(0),
        commands: sender,
        numbers: OnceLock::new(),
    });
    Ok(Admitted {
        target: upstream.settings().target.clone(),
        start: recorded_start(process, door, peer, asked, &identity, &session),
        ends: ends(process, &identity),
        budget: place.budget.clone(),
        places: (room, place, connection),
        known,
        upstream,
        session,
        commands,
    })
}

/// What is known of an upstream, read now if it never was.
pub(crate) async fn warm(upstream: &Upstream) -> Result<Arc<Known>, Turned> {
    upstream.warm().await.map_err(|error| {
        tracing::warn!(upstream = %upstream.name, %error, "an upstream's catalog cannot be read");
        away(Opening::NoUpstream, b"08001", "the database cannot be reached by the firewall", None)
    })
}

/// The upstream that the client names, if this listener leads to it.
fn reachable(process: &Process, door: &Door, name: &str) -> Result<Arc<Upstream>, Turned> {
    let leads = |upstream: &Arc<Upstream>| {
        let listed = door.upstreams.as_ref().is_none_or(|listed| listed.iter().any(|each| each == name));
        listed && upstream.settings().protocol == door.protocol
    };
    process.upstream(name).filter(leads).ok_or_else(|| {
        let message = format!("database \"{name}\" does not exist");
        away(Opening::Refused, b"3D000", message, Some("the database name is the name of an upstream of the firewall"))
    })
}

/// Asks policy whether this principal may connect, with these settings.
fn judge(known: &Known, principal: &Principal, peer: &Peer, asked: &Asked<'_>, session: u128) -> Result<(), Turned> {
    let world = &known.world;
    let slice = &world.sliced(principal).slice;
    let context = Context {
        protocol: world.protocol,
        source: Some(peer.source.ip()),
        now_ms: i64::try_from(now() / 1_000).unwrap_or(i64::MAX),
        statement: "CONNECT",
        ..Context::default()
    };
    decide(slice, Action::Connect, &context, session)?;
    for (name, value) in &asked.settings {
        let Some(action) = wanted(name, value, &*world.dialect) else { continue };
        decide(slice, action, &Context { statement: "SET", ..context }, session)?;
    }
    Ok(())
}

/// What a setting that a session begins with needs.
fn wanted(name: &str, value: &str, dialect: &dyn Dialect) -> Option<Action> {
    let value = SettingValue::Literal(vec![value.into()]);
    match dialect.setting(name, &value, Default::default()) {
        SettingClass::Harmless | SettingClass::Path => None,
        SettingClass::Mode(mode) if mode == Default::default() => None,
        SettingClass::Role | SettingClass::Other => Some(Action::Set),
        SettingClass::Mode(_) | SettingClass::Asked | SettingClass::Unreadable => Some(Action::Unknown),
    }
}

fn decide(slice: &Slice, action: Action, context: &Context<'_>, session: u128) -> Result<(), Turned> {
    let request = portcullis_policy::Request { action, resource: Resource::Upstream, context };
    match slice.decide(&[request]) {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(denial) => {
            let refusal = portcullis_inspect::refusal(&denial, *b"42501", session);
            Err(Turned::Away(Opening::Refused, refusal))
        }
    }
}

/// What a client is told whose database was not reached.
pub(crate) fn not_reached(error: NotReached) -> Turned {
    tracing::warn!(%error, "an upstream could not be reached");
    away(Opening::NoUpstream, b"08001", "the database cannot be reached by the firewall", None)
}

fn recorded_start(
    process: &Process,
    door: &Door,
    peer: &Peer,
    asked: &Asked<'_>,
    identity: &Identity,
    session: &Session,
) -> SessionStart {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut facts = vec![
        fact("tls", if peer.is_tls() { "yes" } else { "no" }),
        fact("sign_in", if session.credential.is_some() { "credential" } else { "token" }),
    ];
    facts.extend(identity.token_id.as_deref().map(|id| fact("token_id", id)));
    facts.extend(asked.facts.iter().cloned());
    SessionStart {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        groups: identity.groups.clone(),
        actor: identity.agent.as_ref().map(|agent| agent.subject.clone()),
        user: asked.user.to_owned(),
        upstream: session.upstream.to_string(),
        database: asked.database.to_owned(),
        client_address: peer.source.to_string(),
        protocol: door.protocol.as_str().to_owned(),
        protocol_version: asked.protocol_version.to_owned(),
        application_name: asked.application.to_owned(),
        policy: process.current.load().policy_digest,
        facts,
        ..SessionStart::default()
    }
}

/// When the session must end.
fn ends(process: &Process, identity: &Identity) -> SystemTime {
    let session: &config::Session = &process.current.load().config.session;
    let aged = SystemTime::now() + session.max_age;
    if session.end_with_token { aged.min(identity.expires) } else { aged }
}

/// The verified identity, as policy knows it. An agent that acts for a person is the principal; the person stands beside.
pub(crate) fn principal(identity: &Identity) -> Principal {
    let person = Person::new(&identity.provider, &identity.subject, identity.groups.iter().cloned());
    match &identity.agent {
        None => Principal { kind: portcullis_policy::Kind::User, name: person, on_behalf_of: None },
        Some(agent) => {
            Principal::agent(&identity.provider, &agent.subject, identity.groups.iter().cloned()).acting_for(person)
        }
    }
}

/// A session that is ready to be relayed.
pub(crate) struct Opened<P> {
    pub(crate) admitted: Admitted,
    pub(crate) side: UpstreamSide,
    pub(crate) codec: P,
    /// Goes to the client before anything of the upstream.
    pub(crate) greeting: Bytes,
    /// What is done when the client signs in anew, where its protocol lets it.
    pub(crate) resume: Option<Resume>,
}

/// Relays an opened session until it ends, and then, if its client signs in anew, what comes of that.
pub(crate) fn run<P: Protocol>(process: Arc<Process>, opened: Opened<P>, peer: Peer) -> Running {
    Box::pin(async move {
        let Opened { admitted, side, codec, greeting, resume } = opened;
        let Admitted { known, upstream, session, budget, start, commands, ends, places, target: _ } = admitted;
        let Peer { stream: Some(stream), buffer, source } = peer else { return };
        let (name, protocol) = (upstream.name.clone(), upstream.settings().protocol);
        let recorder = match Recorder::start(session.id, &start, &process.keys, process.recorder, now()) {
            Ok(recorder) => recorder,
            Err(error) => {
                tracing::error!(%error, "a session's recording could not be started");
                return;
            }
        };
        // Set once, here.
        let _ = session.numbers.set(side.numbers);
        let registered = process.registry.enter(session.clone(), side.process, &side.secret);
        process.metrics.opening(protocol, &name, Opening::Opened);
        process.metrics.began();
        tracing::info!(session = %format_args!("{:032x}", session.id), upstream = %name, source = %session.source, "a session began");
        index_start(&process, &session);
        let facts = SessionFacts {
            id: session.id,
            principal: session.principal.clone(),
            source: Some(session.source.ip()),
            upstream_user: known.user.clone(),
            path: side.path,
            reported: side.reported,
            told: side.told,
            budget,
        };
        let inspector = Inspector::new(known.world.clone(), facts, recorder);
        let behind = Arc::new(Behind {
            process: process.clone(),
            cancel: side.cancel,
            upstream,
            session: session.clone(),
            known,
            told: Default::default(),
        });
        let mut relay = Relay::new((stream, buffer), (side.stream, side.rest), codec, inspector, behind, commands);
        relay.greet(greeting);
        let left = ends.duration_since(SystemTime::now()).unwrap_or_default();
        let session_limits = process.current.load().config.session.clone();
        let silence = Silence { idle: session_limits.idle, in_transaction: session_limits.idle_in_transaction };
        let ended = relay.until(Instant::now() + left).silent_for(silence).run().await;
        drop((registered, places));
        index_end(&process, session.id, ended.end.to_string());
        process.metrics.ended();
        tracing::info!(session = %format_args!("{:032x}", session.id), reason = %ended.end, statements = ended.totals.allowed, refused = ended.totals.refused, "a session ended");
        if let (Some(again), Some(resume)) = (ended.again, resume) {
            let peer = Peer { stream: Some(again.client), buffer: again.buffer, source };
            if let Some(next) = resume(peer, again.frame).await {
                next.await;
            }
        }
    })
}

/// Enters the session in the state store's index, which outlives the process. The recording is the record; this is a
/// convenience, and nothing waits for it.
fn index_start(process: &Arc<Process>, session: &Session) {
    let person = session.principal.on_behalf_of.as_ref().unwrap_or(&session.principal.name);
    let start = portcullis_control::SessionStart {
        id: session.id,
        provider: person.identity.clone(),
        subject: person.subject.clone(),
        agent: session.principal.on_behalf_of.as_ref().map(|_| session.principal.name.subject.clone()),
        upstream: session.upstream.to_string(),
        source: session.source.to_string(),
        user: session.user.clone(),
        started: session.started,
    };
    let store = process.store.clone();
    process.tasks.spawn(async move {
        if let Err(error) = store.session_started(start).await {
            tracing::warn!(%error, "a session could not be indexed");
        }
    });
}

fn index_end(process: &Arc<Process>, id: u128, reason: String) {
    let (store, ended) = (process.store.clone(), SystemTime::now());
    process.tasks.spawn(async move {
        if let Err(error) = store.session_ended(id, portcullis_control::SessionEnd { ended, reason }).await {
            tracing::warn!(%error, "a session's end could not be indexed");
        }
    });
}

pub(crate) fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// Fills `bytes` from the system's generator.
pub(crate) fn fill(bytes: &mut [u8]) {
    // The provider's generator is the system's; without it the process cannot do TLS either.
    if portcullis_net::tls::provider().secure_random.fill(bytes).is_err() {
        tracing::error!("the system gives no random numbers");
        std::process::abort();
    }
}
