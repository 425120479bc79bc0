//! The routes of the admin API.
//!
//! | Route | Who | Does |
//! |---|---|---|
//! | `POST /v1/credentials` | anyone signed in whom policy lets connect | mints a session credential |
//! | `DELETE /v1/credentials/{user}` | its owner, admins | withdraws it; its sessions end |
//! | `GET /v1/sessions` | anyone signed in: their own; admins: all | lists live sessions |
//! | `DELETE /v1/sessions/{id}` | admins | ends one |
//! | `GET /v1/whoami` | anyone signed in | what the token says |
//! | `GET /metrics`, `/healthz`, `/readyz` | anyone | for monitoring |

use std::{
    collections::BTreeSet,
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use portcullis_control::{Minted, Providers, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Gateway, SessionInfo, UpstreamInfo,
    auth::Caller,
    error::Refusal,
    guard::{Failures, guard},
};

// LIMIT: the largest request is an upstream's name and a number.
const MAX_BODY: usize = 16 * 1024;

/// The admin API and all it stands on.
pub struct Api {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) providers: Providers,
    pub(crate) store: Arc<Store>,
    pub(crate) settings: Settings,
    pub(crate) failures: Failures,
}

/// What of `[admin]` concerns the API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Groups whose members may see and end everyone's sessions, each with the provider that vouches for it.
    pub admins: BTreeSet<(String, String)>,
    /// Host names this listener answers to, besides `localhost` and addresses.
    pub hosts: Vec<String>,
    /// How long a credential lives when the caller does not say.
    pub lifetime: Duration,
    /// How long it may live at most.
    pub max_lifetime: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let (lifetime, max_lifetime) = (Duration::from_secs(3600), Duration::from_secs(8 * 3600));
        Self { admins: BTreeSet::new(), hosts: Vec::new(), lifetime, max_lifetime }
    }
}

impl Api {
    /// Puts it together.
    pub fn new(gateway: Arc<dyn Gateway>, providers: Providers, store: Arc<Store>, settings: Settings) -> Arc<Self> {
        Arc::new(Self { gateway, providers, store, settings, failures: Failures::default() })
    }
}

type Shares = State<Arc<Api>>;

/// All routes. Serve it with [`crate::serve`], which tells it where each request comes from.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/credentials", post(mint))
        .route("/v1/credentials/{user}", delete(revoke))
        .route("/v1/sessions", get(sessions))
        .route("/v1/sessions/{id}", delete(kill))
        .route("/v1/whoami", get(whoami))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || Refusal::NotFound("there is nothing at this path"))
        .method_not_allowed_fallback(async || Refusal::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard))
        .with_state(api)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MintRequest {
    upstream: String,
    /// In seconds.
    lifetime: Option<u64>,
}

type Body = Result<Bytes, BytesRejection>;
type Name = Result<Path<String>, PathRejection>;

async fn mint(State(api): Shares, caller: Caller, body: Body) -> Result<Response, Refusal> {
    const SHAPE: &str = "the body must be JSON like {\"upstream\": \"shop\", \"lifetime\": 3600}";
    let body = body.map_err(|_| Refusal::TooLarge)?;
    let asked: MintRequest = serde_json::from_slice(&body).map_err(|_| Refusal::BadRequest(SHAPE))?;
    // Someone who may not connect learns nothing about which upstreams exist.
    const NO: Refusal = Refusal::Forbidden("there is no such upstream, or policy does not let you connect to it");
    let upstream = api.gateway.upstream(&asked.upstream).ok_or(NO)?;
    if !api.gateway.may_connect(&caller.0, &asked.upstream).await {
        tracing::info!(subject = caller.0.subject, upstream = asked.upstream, "a credential was refused by policy");
        return Err(NO);
    }
    let lifetime = asked.lifetime.map_or(api.settings.lifetime, Duration::from_secs).min(api.settings.max_lifetime);
    let minted = api.store.mint(caller.0.clone(), asked.upstream, lifetime, SystemTime::now()).await?;
    tracing::info!(subject = caller.0.subject, user = minted.user, "a credential was minted");
    Ok((StatusCode::CREATED, Json(handed_out(&minted, &upstream))).into_response())
}

/// The one place where a minted secret leaves the process.
fn handed_out(minted: &Minted, upstream: &UpstreamInfo) -> Value {
    let (user, password) = (&minted.user, minted.secret.expose());
    json!({
        "user": user, "password": password, "expires": seconds(minted.expires), "url": url(minted, upstream),
    })
}

/// A URL that drivers take. User and secret are URL-safe by construction; the database's name may not be.
fn url(minted: &Minted, upstream: &UpstreamInfo) -> String {
    let scheme = if upstream.protocol == "postgres" { "postgresql" } else { &upstream.protocol };
    let (user, password, database) = (&minted.user, minted.secret.expose(), escape(&upstream.database));
    let tls = match (scheme, upstream.tls) {
        ("postgresql", true) => "?sslmode=verify-full",
        _ => "",
    };
    format!("{scheme}://{user}:{password}@{}/{database}{tls}", upstream.address)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
    out
}

async fn revoke(State(api): Shares, caller: Caller, user: Name) -> Result<StatusCode, Refusal> {
    const NONE: Refusal = Refusal::NotFound("there is no such credential, or it is not yours");
    let Path(user) = user.map_err(|_| NONE)?;
    let credential = api.store.credential(&user).ok_or(NONE)?;
    let of = &credential.identity;
    let agent = of.agent.as_ref().map(|a| a.subject.as_str());
    if !caller.owns(&of.provider, &of.subject, agent) && !caller.is_admin(&api) {
        return Err(NONE);
    }
    api.store.revoke(&user).await?;
    tracing::info!(by = caller.0.subject, user, "a credential was withdrawn");
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(State(api): Shares, caller: Caller) -> Json<Value> {
    let all = caller.is_admin(&api);
    let shown = |s: &SessionInfo| all || caller.owns(&s.provider, &s.subject, s.agent.as_deref());
    let list: Vec<Value> = api.gateway.sessions().iter().filter(|s| shown(s)).map(session).collect();
    Json(json!({"sessions": list}))
}

fn session(s: &SessionInfo) -> Value {
    json!({
        "id": format!("{:032x}", s.id), "provider": s.provider, "subject": s.subject, "agent": s.agent,
        "upstream": s.upstream, "source": s.source, "user": s.user, "started": seconds(s.started),
        "statements": s.statements,
    })
}

async fn kill(State(api): Shares, caller: Caller, id: Name) -> Result<StatusCode, Refusal> {
    if !caller.is_admin(&api) {
        return Err(Refusal::Forbidden("ending sessions is for admins"));
    }
    const SHAPE: Refusal = Refusal::BadRequest("a session's id has 32 hexadecimal digits");
    let Path(id) = id.map_err(|_| SHAPE)?;
    let parsed = session_id(&id).ok_or(SHAPE)?;
    if !api.gateway.kill(parsed) {
        return Err(Refusal::NotFound("there is no such live session"));
    }
    tracing::info!(by = caller.0.subject, session = id, "a session was ended");
    Ok(StatusCode::NO_CONTENT)
}

fn session_id(text: &str) -> Option<u128> {
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

async fn whoami(State(api): Shares, caller: Caller) -> Json<Value> {
    let admin = caller.is_admin(&api);
    let me = caller.0;
    Json(json!({
        "provider": me.provider, "subject": me.subject, "groups": me.groups,
        "agent": me.agent.map(|a| a.subject), "expires": seconds(me.expires), "admin": admin,
    }))
}

async fn metrics(State(api): Shares) -> impl IntoResponse {
    const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, TEXT)], api.gateway.metrics())
}

async fn ready(State(api): Shares) -> Response {
    let why_not = match api.gateway.ready() {
        Ok(()) if api.store.is_running() => return "ready\n".into_response(),
        Ok(()) => "the state store has stopped".to_owned(),
        Err(why) => why,
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why_not}\n")).into_response()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
