//! The HTTP side: routes, TLS, and the faults that tests ask for.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::{Query, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
    serve::Listener,
};
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{Fault, Shared, page};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Serves until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let tls = shared.config.tls.clone();
    let app = router(shared);
    let _ended = match tls {
        Some((_, config)) => axum::serve(TlsListener { tcp: listener, tls: config.into() }, app).await,
        None => axum::serve(listener, app).await,
    };
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/device_authorization", post(async |State(idp): Shares| Json(idp.begin())))
        .route("/device", get(ask).post(decide))
        .route("/token", post(token))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), misbehave))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), only_our_host))
        .with_state(shared)
}

type Shares = State<Arc<Shared>>;

async fn discovery(State(idp): Shares) -> Json<Value> {
    let issuer = &idp.issuer;
    let (fault, claimed) = (idp.lock().fault, "https://other.example");
    let named = if fault == Fault::WrongIssuer { claimed } else { issuer };
    let keys = if fault == Fault::InsecureKeys { "http://other.example/jwks".into() } else { format!("{issuer}/jwks") };
    Json(json!({
        "issuer": named, "jwks_uri": keys, "token_endpoint": format!("{issuer}/token"),
        "device_authorization_endpoint": format!("{issuer}/device_authorization"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "grant_types_supported": [DEVICE_GRANT, "refresh_token"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
    }))
}

async fn jwks(State(idp): Shares) -> Json<Value> {
    idp.key_requests.fetch_add(1, Ordering::SeqCst);
    let state = idp.lock();
    let wrong = state.fault == Fault::WrongKeys;
    let published = state.keys.iter().map(|key| if wrong { key.impostor().jwk() } else { key.jwk() });
    Json(json!({"keys": published.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    device_code: String,
    #[serde(default)]
    refresh_token: String,
}

async fn token(State(idp): Shares, Form(asked): Form<TokenRequest>) -> Response {
    let result = match asked.grant_type.as_str() {
        DEVICE_GRANT => idp.redeem_device(&asked.device_code),
        "refresh_token" => idp.redeem_refresh(&asked.refresh_token),
        _ => Err("unsupported_grant_type"),
    };
    match result {
        Ok(tokens) => ([(header::CACHE_CONTROL, "no-store")], Json(tokens)).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response(),
    }
}

#[derive(Deserialize)]
struct AskQuery {
    #[serde(default)]
    user_code: String,
}

async fn ask(State(idp): Shares, Query(query): Query<AskQuery>) -> Html<String> {
    Html(page::ask(&idp.config, &query.user_code))
}

#[derive(Deserialize)]
struct Decided {
    user_code: String,
    sub: Option<String>,
}

async fn decide(State(idp): Shares, Form(decided): Form<Decided>) -> Html<String> {
    let done = idp.decide(decided.user_code.trim(), decided.sub.as_deref());
    Html(page::tell(match (done, decided.sub) {
        (true, Some(_)) => "Signed in. You can close this page.",
        (true, None) => "Refused. You can close this page.",
        (false, _) => "This code is not known, or no longer waiting.",
    }))
}

/// EVASION: DNS rebinding. A web page must not be able to sign itself in by naming a host that resolves to loopback.
async fn only_our_host(State(idp): Shares, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    let port = idp.authority.rsplit_once(':').map_or("", |(_, port)| port);
    if host == Some(idp.authority.as_str()) || host == Some(format!("localhost:{port}").as_str()) {
        return next.run(request).await;
    }
    StatusCode::MISDIRECTED_REQUEST.into_response()
}

async fn misbehave(State(idp): Shares, request: Request, next: Next) -> Response {
    let fault = idp.lock().fault;
    match fault {
        Fault::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::Redirect => Redirect::temporary(&format!("{}/elsewhere", idp.issuer)).into_response(),
        Fault::Huge => format!("{{\"padding\":\"{}\"}}", "x".repeat(4 << 20)).into_response(),
        Fault::Stall => stalled(),
        Fault::None | Fault::WrongKeys | Fault::WrongIssuer | Fault::InsecureKeys => next.run(request).await,
    }
}

/// A body that is promised and never comes.
fn stalled() -> Response {
    Response::new(Body::new(Never))
}

struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = Listener::accept(&mut self.tcp).await;
            if let Ok(tls) = self.tls.accept(tcp).await {
                return (tls, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
