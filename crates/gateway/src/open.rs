//! From a startup packet to a session: who is it, may they, and what does the database say.
//!
//! The order matters: the identity is proven before anything about upstreams is said, policy is asked before the database
//! is dialled, and the session's start is recorded before its first statement. The startup's settings are judged as `set`
//! would be; the gateway's own options are never forwarded.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use bytes::BytesMut;
use portcullis_control::Identity;
use portcullis_inspect::{Inspector, SessionFacts};
use portcullis_net::{Command, Relay, Silence};
use portcullis_policy::{Action, Context, Decision, Person, Principal, Resource, Slice};
use portcullis_postgres::backend::{BackendKeyData, NegotiateProtocolVersion, ParameterStatus, ReadyForQuery};
use portcullis_postgres::options::{self, Setting};
use portcullis_postgres::session::Session as Codec;
use portcullis_postgres::sign_in::{SIGN_IN_OPTION, SignIn};
use portcullis_postgres::startup::FirstPacket;
use portcullis_recording::{Recorder, SessionStart};
use portcullis_sql::dialect::{Dialect, SettingClass};
use portcullis_sql::session::SettingValue;
use portcullis_wire::event::Refusal;
use portcullis_wire::{Fault, Unexpected, Unsupported};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use crate::accept::{Door, Peer, Turned};
use crate::backstage::{Behind, now};
use crate::dial::{Dialled, NotReached};
use crate::metrics::Opening;
use crate::process::Process;
use crate::prove;
use crate::registry::{Place, Registered, Session};
use crate::upstream::{Known, Upstream};

/// The newest minor version of protocol 3 that we speak.
const MINOR: u16 = 2;

/// Commands that a session may have waiting: one of each kind, and one more.
const COMMANDS: usize = 4;

/// The running half of a connection.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a client asks for in its startup packet.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) minor: u16,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// Settings of the session, in order, without the gateway's own.
    settings: Vec<Setting>,
    /// Those that stood in `options`.
    from_options: Vec<Setting>,
    pub(crate) sign_in: Option<Vec<u8>>,
    /// Protocol extensions that we do not know.
    extensions: Vec<Vec<u8>>,
}

impl Request {
    /// Reads a startup packet.
    pub(crate) fn of(packet: &[u8]) -> Result<Self, Fault> {
        let FirstPacket::Startup(startup) = FirstPacket::decode(packet)? else {
            return Err(Unexpected("startup").into());
        };
        if startup.replication() {
            return Err(Unsupported("replication").into());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let user = text(startup.user().ok_or(Unexpected("startup without a user"))?);
        let mut request = Self {
            minor: startup.protocol_minor,
            database: startup.database().map_or_else(|| user.clone(), text),
            user,
            application: startup.parameter(b"application_name").map(text).unwrap_or_default(),
            settings: Vec::new(),
            from_options: Vec::new(),
            sign_in: None,
            extensions: startup.protocol_options().map(|(name, _)| name.to_vec()).collect(),
        };
        for (name, value) in startup.parameters() {
            match name {
                b"user" | b"database" | b"replication" => {}
                _ if name.starts_with(b"_pq_.") => {}
                b"options" => request.take_options(value)?,
                SIGN_IN_OPTION => request.sign_in = Some(value.to_vec()),
                _ => request.settings.push(Setting { name: name.to_ascii_lowercase(), value: value.to_vec() }),
            }
        }
        Ok(request)
    }

    fn take_options(&mut self, value: &[u8]) -> Result<(), Fault> {
        for setting in options::read(value)? {
            if setting.name == SIGN_IN_OPTION {
                self.sign_in = Some(setting.value);
            } else {
                self.from_options.push(setting);
            }
        }
        Ok(())
    }

    /// Every setting, in the order in which the server applies them.
    fn all_settings(&self) -> impl Iterator<Item = &Setting> {
        self.from_options.iter().chain(&self.settings)
    }

    /// The parameters for the upstream's own startup packet.
    fn parameters(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut parameters: Vec<_> =
            self.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
        if !self.from_options.is_empty() {
            parameters.push((b"options".to_vec(), options::write(&self.from_options)));
        }
        parameters
    }
}

/// A session that is ready to be relayed.
pub(crate) struct Opened {
    dialled: Dialled,
    upstream: Arc<Upstream>,
    known: Arc<Known>,
    session: Arc<Session>,
    facts: SessionFacts,
    start: SessionStart,
    commands: mpsc::Receiver<Command>,
    greeting: BytesMut,
    secret: Vec<u8>,
    ends: SystemTime,
    _places: (OwnedSemaphorePermit, Place, Connection),
}

/// One of an upstream's connections, given back when dropped.
struct Connection(Arc<Upstream>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, std::sync::atomic::Ordering::AcqRel);
    }
}

impl Connection {
    fn take(upstream: &Arc<Upstream>) -> Result<Self, Turned> {
        let before = upstream.connections.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        let connection = Self(upstream.clone());
        match upstream.settings().max_connections {
            Some(most) if before >= most as usize => Err(too_many("the database has no connection left for clients")),
            _ => Ok(connection),
        }
    }
}

fn away(opening: Opening, sqlstate: &[u8; 5], message: impl Into<String>, hint: Option<&str>) -> Turned {
    let hint = hint.map(str::to_owned);
    Turned::Away(opening, Refusal { sqlstate: *sqlstate, message: message.into(), detail: None, hint, position: None })
}

fn too_many(message: &str) -> Turned {
    away(Opening::Refused, b"53300", message, None)
}

/// Opens a session for the client behind `peer`.
pub(crate) async fn open(
    process: &Arc<Process>,
    door: &Door,
    peer: &mut Peer,
    request: &Request,
) -> Result<Opened, Turned> {
    if process.closing.is_cancelled() {
        return Err(away(Opening::Refused, b"57P03", "the firewall is stopping", None));
    }
    let room = process.connections.clone().try_acquire_owned();
    let room = room.map_err(|_| too_many("the firewall has no connection left"))?;
    negotiate(peer, request).await?;
    let (identity, credential, mut sign_in) = prove::identity(process, door, peer, request).await?;
    let principal = principal(&identity);
    let id = principal.id();
    let limit = process.current.load().config.limits.connections_per_identity;
    let place = process.registry.place(&id, limit).ok_or_else(|| too_many("you have too many connections open"))?;
    let upstream = reachable(process, door, request)?;
    let known = upstream.warm().await.map_err(|error| {
        tracing::warn!(upstream = %upstream.name, %error, "an upstream's catalog cannot be read");
        away(Opening::NoUpstream, b"08001", "the database cannot be reached by the firewall", None)
    })?;
    let session_id = random_u128();
    judge(&known, &principal, peer, request, session_id)?;
    let connection = Connection::take(&upstream)?;
    let settings = upstream.settings();
    let dialled = settings.target.dial(request.minor.min(MINOR), request.parameters()).await.map_err(not_reached)?;
    let (sender, commands) = mpsc::channel(COMMANDS);
    let session = Arc::new(Session {
        id: session_id,
        principal: principal.clone(),
        user: request.user.clone(),
        credential,
        upstream: upstream.name.clone(),
        source: peer.source,
        started: SystemTime::now(),
        statements: AtomicU64::new(0),
        commands: sender,
    });
    let secret = random_secret(request.minor);
    let greeting = greeting(&mut sign_in, &dialled, &secret)?;
    let facts = SessionFacts {
        id: session_id,
        principal,
        source: Some(peer.source.ip()),
        upstream_user: known.user.clone(),
        path: path(&known, request),
        reported: reported(&dialled),
        budget: place.budget.clone(),
    };
    let start = recorded_start(process, peer, request, &identity, &session);
    let ends = ends(process, &identity);
    let _places = (room, place, connection);
    Ok(Opened { dialled, upstream, known, session, facts, start, commands, greeting, secret, ends, _places })
}

/// Tells a client that asks for more than we speak what we do.
async fn negotiate(peer: &mut Peer, request: &Request) -> Result<(), Turned> {
    if request.minor <= MINOR && request.extensions.is_empty() {
        return Ok(());
    }
    let mut out = BytesMut::new();
    let unknown: Vec<&[u8]> = request.extensions.iter().map(Vec::as_slice).collect();
    NegotiateProtocolVersion::put(&mut out, request.minor.min(MINOR), &unknown);
    peer.send(out.freeze()).await
}

/// The upstream that the client names, if this listener leads to it.
fn reachable(process: &Process, door: &Door, request: &Request) -> Result<Arc<Upstream>, Turned> {
    let listed = door.upstreams.as_ref().is_none_or(|listed| listed.contains(&request.database));
    process.upstream(&request.database).filter(|_| listed).ok_or_else(|| {
        let message = format!("database \"{}\" does not exist", request.database);
        away(Opening::Refused, b"3D000", message, Some("the database name is the name of an upstream of the firewall"))
    })
}

/// Asks policy whether this principal may connect, with these settings.
fn judge(known: &Known, principal: &Principal, peer: &Peer, request: &Request, session: u128) -> Result<(), Turned> {
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
    for setting in request.all_settings() {
        let Some(action) = wanted(setting, &*world.dialect) else { continue };
        decide(slice, action, &Context { statement: "SET", ..context }, session)?;
    }
    Ok(())
}

/// What a setting of the startup packet needs.
fn wanted(setting: &Setting, dialect: &dyn Dialect) -> Option<Action> {
    let name = String::from_utf8_lossy(&setting.name);
    let value = SettingValue::Literal(vec![String::from_utf8_lossy(&setting.value).into()]);
    match dialect.setting(&name, &value, Default::default()) {
        SettingClass::Harmless | SettingClass::Path => None,
        SettingClass::Mode(mode) if mode == Default::default() => None,
        SettingClass::Role | SettingClass::Other => Some(Action::Set),
        SettingClass::Mode(_) | SettingClass::Unreadable => Some(Action::Unknown),
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

fn not_reached(error: NotReached) -> Turned {
    tracing::warn!(%error, "an upstream could not be reached");
    away(Opening::NoUpstream, b"08001", "the database cannot be reached by the firewall", None)
}

/// The search path that the session begins with.
fn path(known: &Known, request: &Request) -> Option<portcullis_sql::catalog::SearchPath> {
    let own = request.all_settings().filter(|setting| setting.name == b"search_path").last();
    match own {
        Some(setting) => {
            let value = std::str::from_utf8(&setting.value).ok()?;
            known.world.dialect.read_reported_path(value, &known.user)
        }
        // A role given at startup changes what `$user` stands for; then the server is asked.
        None if request.all_settings().any(|setting| setting.name == b"role") => None,
        None => known.path.clone(),
    }
}

/// The settings that the upstream reported at its sign-in.
fn reported(dialled: &Dialled) -> Vec<(Box<str>, Box<str>)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into();
    dialled.ready.parameters.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// What the client hears once it is in: the upstream's own words, but for the cancel key, which is ours.
fn greeting(sign_in: &mut SignIn, dialled: &Dialled, secret: &[u8]) -> Result<BytesMut, Turned> {
    let mut out = BytesMut::new();
    sign_in.accept(&mut out).map_err(Fault::from)?;
    for (name, value) in &dialled.ready.parameters {
        ParameterStatus { name, value }.encode(&mut out);
    }
    for notice in &dialled.ready.notices {
        out.extend_from_slice(notice);
    }
    BackendKeyData { process: dialled.ready.process, secret }.encode(&mut out);
    ReadyForQuery { status: dialled.ready.status }.encode(&mut out);
    Ok(out)
}

fn recorded_start(
    process: &Process,
    peer: &Peer,
    request: &Request,
    identity: &Identity,
    session: &Session,
) -> SessionStart {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut facts = vec![
        fact("tls", if peer.is_tls() { "yes" } else { "no" }),
        fact("sign_in", if session.credential.is_some() { "credential" } else { "token" }),
    ];
    facts.extend(identity.token_id.as_deref().map(|id| fact("token_id", id)));
    SessionStart {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        groups: identity.groups.clone(),
        actor: identity.agent.as_ref().map(|agent| agent.subject.clone()),
        user: request.user.clone(),
        upstream: session.upstream.to_string(),
        database: request.database.clone(),
        client_address: peer.source.to_string(),
        protocol: "postgres".to_owned(),
        protocol_version: format!("3.{}", request.minor),
        application_name: request.application.clone(),
        policy: process.current.load().policy_digest,
        facts,
        ..SessionStart::default()
    }
}

/// When the session must end.
fn ends(process: &Process, identity: &Identity) -> SystemTime {
    let session = &process.current.load().config.session;
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

/// Relays an opened session until it ends.
pub(crate) fn run(process: Arc<Process>, opened: Opened, peer: Peer) -> Running {
    Box::pin(async move {
        let Opened { dialled, upstream, known, session, facts, start, commands, greeting, secret, ends, _places } =
            opened;
        let Some(stream) = peer.stream else { return };
        let name = upstream.name.clone();
        let recorder = match Recorder::start(session.id, &start, &process.keys, process.recorder, now()) {
            Ok(recorder) => recorder,
            Err(error) => {
                tracing::error!(%error, "a session's recording could not be started");
                return;
            }
        };
        let process_id = dialled.ready.process;
        let registered: Registered = process.registry.enter(session.clone(), process_id, &secret);
        process.metrics.opening(&name, Opening::Opened);
        process.metrics.began();
        tracing::info!(session = %format_args!("{:032x}", session.id), upstream = %name, source = %session.source, "a session began");
        index_start(&process, &session);
        let codec = Codec::new(known.world.limits.bytes, random_u64());
        let inspector = Inspector::new(known.world.clone(), facts, recorder);
        let behind = Arc::new(Behind {
            process: process.clone(),
            target: upstream.settings().target.clone(),
            cancel: dialled.ready.cancel(),
            upstream,
            session: session.clone(),
            known,
            told: Default::default(),
        });
        let upstream_side = (dialled.stream, dialled.rest);
        let mut relay = Relay::new((stream, peer.buffer), upstream_side, codec, inspector, behind, commands);
        relay.greet(greeting.freeze());
        let left = ends.duration_since(SystemTime::now()).unwrap_or_default();
        let session_limits = process.current.load().config.session.clone();
        let silence = Silence { idle: session_limits.idle, in_transaction: session_limits.idle_in_transaction };
        let ended = relay.until(Instant::now() + left).silent_for(silence).run().await;
        drop(registered);
        index_end(&process, session.id, ended.end.to_string());
        process.metrics.ended();
        tracing::info!(session = %format_args!("{:032x}", session.id), reason = %ended.end, statements = ended.totals.allowed, refused = ended.totals.refused, "a session ended");
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

fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// A cancel key of our own: four bytes in protocol 3.0, long in 3.2.
fn random_secret(minor: u16) -> Vec<u8> {
    let mut secret = vec![0; if minor >= 2 { 32 } else { 4 }];
    fill(&mut secret);
    secret
}

fn fill(bytes: &mut [u8]) {
    // The provider's generator is the system's; without it the process cannot do TLS either.
    if portcullis_net::tls::provider().secure_random.fill(bytes).is_err() {
        tracing::error!("the system gives no random numbers");
        std::process::abort();
    }
}
