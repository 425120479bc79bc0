//! The admin listener over real sockets, with a real provider and a real store behind it.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis_api::{Answer, Api, Gateway, SessionInfo, Settings, UpstreamInfo, router, serve};
use portcullis_control::{Identity, ProviderConfig, Providers, Standing, Store};
use portcullis_idp::{Alg, Config, Fault, Idp, User};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// A gateway with two sessions, of ana and of bob, that lets the group `support` connect to `shop`.
#[derive(Default)]
struct Scripted {
    killed: Mutex<Vec<u128>>,
    broken: AtomicBool,
}

impl Gateway for Scripted {
    fn sessions(&self) -> Vec<SessionInfo> {
        vec![session(1, "ana"), session(2, "bob")]
    }

    fn kill(&self, id: u128) -> bool {
        let known = id == 1 || id == 2;
        if known {
            self.killed.lock().unwrap().push(id);
        }
        known
    }

    fn metrics(&self) -> String {
        "# TYPE sessions gauge\nsessions 2\n# EOF\n".into()
    }

    fn ready(&self) -> Result<(), String> {
        if self.broken.load(Ordering::SeqCst) { Err("recorder: disk full".into()) } else { Ok(()) }
    }

    fn upstream(&self, name: &str) -> Option<UpstreamInfo> {
        let tls = name == "shop";
        let (protocol, address) = ("postgres".into(), "gw.example:6432".into());
        ["shop", "a b", "secret"].contains(&name).then(|| UpstreamInfo {
            protocol,
            address,
            tls,
            database: name.into(),
        })
    }

    fn may_connect<'a>(&'a self, identity: &'a Identity, upstream: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { upstream != "secret" && identity.groups.iter().any(|g| g == "support") })
    }
}

fn session(id: u128, subject: &str) -> SessionInfo {
    SessionInfo {
        id,
        provider: "corp".into(),
        subject: subject.into(),
        agent: None,
        upstream: "shop".into(),
        source: "127.0.0.1:9".into(),
        user: "anything".into(),
        started: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        statements: 3,
    }
}

struct House {
    idp: Idp,
    gateway: Arc<Scripted>,
    store: Arc<Store>,
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        Self::with_tls(None).await
    }

    async fn with_tls(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let users = vec![User::new("ana", &["support"]), User::new("bob", &[]), User::new("dora", &["dba"])];
        let config = Config { alg: Alg::EdDsa, users, ..Config::default() };
        let idp = Idp::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), config).unwrap();
        let provider: ProviderConfig =
            serde_json::from_value(json!({"name": "corp", "issuer": idp.issuer(), "audience": "portcullis"})).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path(), SystemTime::now()).unwrap());
        let gateway = Arc::new(Scripted::default());
        let admins = [("corp".to_owned(), "dba".to_owned())].into();
        let settings = Settings { admins, hosts: vec!["gw.example".into()], ..Settings::default() };
        let providers = Providers::new(vec![provider]).unwrap();
        let api = Api::new(gateway.clone(), providers, Arc::clone(&store), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, tls, router(api), stop.clone()));
        Self { idp, gateway, store, address, stop, serving, _folder: folder }
    }

    fn token(&self, sub: &str) -> String {
        self.idp.token_for(sub).unwrap()
    }

    async fn raw(&self, request: &str) -> Reply {
        converse(TcpStream::connect(self.address).await.unwrap(), request).await
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Reply {
        self.raw(&request(method, path, token, body)).await
    }

    async fn as_user(&self, sub: &str, method: &str, path: &str, body: &str) -> Reply {
        self.ask(method, path, Some(&self.token(sub)), body).await
    }
}

fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> String {
    let bearer = token.map_or(String::new(), |t| format!("Authorization: Bearer {t}\r\n"));
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}Content-Length: {length}\r\n\r\n{body}"
    )
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("not a refusal: {self:?}")).to_owned()
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Reply {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused body may end with a reset; what arrived before it counts.
    let _ended = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_lowercase(), body: body.to_owned() }
}

const MINT: &str = r#"{"upstream": "shop", "lifetime": 60}"#;

#[tokio::test]
async fn a_credential_is_minted_and_its_secret_proves_itself() {
    let house = House::open().await;
    let reply = house.as_user("ana", "POST", "/v1/credentials", MINT).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let minted = reply.json();
    let (user, password) = (minted["user"].as_str().unwrap(), minted["password"].as_str().unwrap());
    let url = format!("postgresql://{user}:{password}@gw.example:6432/shop?sslmode=verify-full");
    assert_eq!(minted["url"], url);
    let kept = house.store.credential(user).unwrap();
    assert_eq!((kept.identity.subject.as_str(), kept.upstream.as_str()), ("ana", "shop"));
    let lives = kept.expires.duration_since(kept.created).unwrap();
    assert_eq!(lives, Duration::from_secs(60));
    assert!(!reply.head.contains("set-cookie") && reply.head.contains("cache-control: no-store"), "{}", reply.head);
}

#[tokio::test]
async fn a_lifetime_is_cut_to_what_is_configured_and_names_are_escaped() {
    let house = House::open().await;
    let long = r#"{"upstream": "a b", "lifetime": 999999999}"#;
    let minted = house.as_user("ana", "POST", "/v1/credentials", long).await.json();
    let kept = house.store.credential(minted["user"].as_str().unwrap()).unwrap();
    assert_eq!(kept.expires.duration_since(kept.created).unwrap(), Duration::from_secs(8 * 3600));
    assert!(minted["url"].as_str().unwrap().ends_with("@gw.example:6432/a%20b"), "{}", minted["url"]);
}

#[tokio::test]
async fn minting_is_refused_without_saying_which_upstreams_exist() {
    let house = House::open().await;
    let secret = house.as_user("ana", "POST", "/v1/credentials", r#"{"upstream": "secret"}"#).await;
    let unknown = house.as_user("ana", "POST", "/v1/credentials", r#"{"upstream": "unknown"}"#).await;
    assert_eq!((secret.status, secret.code().as_str()), (403, "forbidden"));
    assert_eq!(secret.body, unknown.body);
    assert_eq!(house.as_user("bob", "POST", "/v1/credentials", MINT).await.status, 403);
    for bad in ["", "{}", "[]", r#"{"upstream": 7}"#, r#"{"upstream": "shop", "admin": true}"#] {
        let reply = house.as_user("ana", "POST", "/v1/credentials", bad).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_request"), "{bad}");
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let house = House::open().await;
    for (method, path) in [
        ("POST", "/v1/credentials"),
        ("DELETE", "/v1/credentials/pc_x"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/00000000000000000000000000000001"),
        ("GET", "/v1/whoami"),
    ] {
        let reply = house.ask(method, path, None, MINT).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "no_token"), "{path}");
        assert!(reply.head.contains("www-authenticate: bearer"));
    }
    let expired = house.idp.mint("ana", &[], json!({"exp": 1}));
    let reply = house.ask("GET", "/v1/whoami", Some(&expired), "").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_expired"));
    let in_query = format!("/v1/whoami?access_token={}", house.token("ana"));
    assert_eq!(house.ask("GET", &in_query, None, "").await.status, 401);
    let basic = "GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic YTpi\r\n\r\n";
    assert_eq!(house.raw(basic).await.status, 401);
    let token = house.token("ana");
    let two = format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n");
    let twice = format!("GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{two}\r\n");
    assert_eq!(house.raw(&twice).await.status, 401);
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_the_callers_fault() {
    let house = House::open().await;
    house.idp.fail(Fault::Down);
    let reply = house.as_user("ana", "GET", "/v1/whoami", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "provider_unavailable"));
}

#[tokio::test]
async fn everyone_sees_their_own_sessions_and_admins_see_all() {
    let house = House::open().await;
    let seen = async |sub: &str| -> Vec<String> {
        let reply = house.as_user(sub, "GET", "/v1/sessions", "").await.json();
        reply["sessions"].as_array().unwrap().iter().map(|s| s["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(seen("ana").await, ["ana"]);
    assert_eq!(seen("bob").await, ["bob"]);
    assert_eq!(seen("dora").await, ["ana", "bob"]);
    let bot = house.idp.mint("ana", &["support"], json!({"act": {"sub": "bot"}}));
    assert_eq!(house.ask("GET", "/v1/sessions", Some(&bot), "").await.json()["sessions"], json!([]), "not its own");
    let agent = house.idp.mint("dora", &["dba"], json!({"act": {"sub": "bot"}}));
    let reply = house.ask("GET", "/v1/sessions", Some(&agent), "").await;
    assert_eq!(reply.json()["sessions"], json!([]), "an agent is no admin, whoever it acts for");
}

#[tokio::test]
async fn only_admins_end_sessions() {
    let house = House::open().await;
    let path = "/v1/sessions/00000000000000000000000000000001";
    assert_eq!(house.as_user("ana", "DELETE", path, "").await.code(), "forbidden");
    assert!(house.gateway.killed.lock().unwrap().is_empty());
    assert_eq!(house.as_user("dora", "DELETE", path, "").await.status, 204);
    assert_eq!(*house.gateway.killed.lock().unwrap(), [1]);
    let unknown = "/v1/sessions/000000000000000000000000000000ff";
    assert_eq!(house.as_user("dora", "DELETE", unknown, "").await.code(), "not_found");
    for bad in
        ["/v1/sessions/1", "/v1/sessions/+0000000000000000000000000000001", "/v1/sessions/%00", "/v1/sessions/%ff"]
    {
        assert_eq!(house.as_user("dora", "DELETE", bad, "").await.code(), "bad_request", "{bad}");
    }
}

#[tokio::test]
async fn a_credential_is_withdrawn_by_its_owner_or_an_admin() {
    let house = House::open().await;
    for who in ["ana", "dora"] {
        let minted = house.as_user("ana", "POST", "/v1/credentials", MINT).await.json();
        let user = minted["user"].as_str().unwrap();
        let path = format!("/v1/credentials/{user}");
        let (strangers, unknown) = (
            house.as_user("bob", "DELETE", &path, "").await,
            house.as_user("bob", "DELETE", "/v1/credentials/pc_none", "").await,
        );
        assert_eq!((strangers.status, &strangers.body), (404, &unknown.body), "a stranger cannot tell");
        assert_eq!(house.store.standing(user, SystemTime::now()), Standing::Good);
        assert_eq!(house.as_user(who, "DELETE", &path, "").await.status, 204);
        assert_eq!(house.store.standing(user, SystemTime::now()), Standing::Withdrawn);
    }
}

#[tokio::test]
async fn whoami_says_what_the_token_says() {
    let house = House::open().await;
    let token = house.idp.mint("ana", &["b", "a"], json!({"act": {"sub": "bot"}, "exp": 4_000_000_000u64}));
    let reply = house.ask("GET", "/v1/whoami", Some(&token), "").await;
    let expected = json!({
        "provider": "corp", "subject": "ana", "groups": ["a", "b"], "agent": "bot", "expires": 4_000_000_000u64,
        "admin": false,
    });
    assert_eq!(reply.json(), expected);
    assert_eq!(house.as_user("dora", "GET", "/v1/whoami", "").await.json()["admin"], true);
}

#[tokio::test]
async fn monitoring_needs_no_token() {
    let house = House::open().await;
    let metrics = house.ask("GET", "/metrics", None, "").await;
    assert!(metrics.body.contains("sessions 2") && metrics.head.contains("openmetrics-text"), "{metrics:?}");
    assert_eq!(house.ask("GET", "/healthz", None, "").await.status, 200);
    assert_eq!(house.ask("GET", "/readyz", None, "").await.status, 200);
    house.gateway.broken.store(true, Ordering::SeqCst);
    let reply = house.ask("GET", "/readyz", None, "").await;
    assert_eq!((reply.status, reply.body.as_str()), (503, "recorder: disk full\n"));
    assert_eq!(house.ask("GET", "/healthz", None, "").await.status, 200, "not ready is not dead");
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let house = House::open().await;
    let with = |host: &str| format!("GET /healthz HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    for good in ["Host: localhost:1\r\n", "Host: 127.0.0.1\r\n", "Host: [::1]:8443\r\n", "Host: GW.example:8443\r\n"] {
        assert_eq!(house.raw(&with(good)).await.status, 200, "{good}");
    }
    for bad in [
        "Host: evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        "Host: \r\n",
        "",
        "Host: a\r\nHost: localhost\r\n",
    ] {
        assert_eq!(house.raw(&with(bad)).await.status, 421, "{bad}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_refusals_are_json() {
    let house = House::open().await;
    for (method, path, status) in [("GET", "/healthz", 200), ("GET", "/nowhere", 404), ("PUT", "/metrics", 405)] {
        let reply = house.ask(method, path, None, "").await;
        assert_eq!(reply.status, status);
        for header in ["cache-control: no-store", "x-content-type-options: nosniff", "x-frame-options: deny"] {
            assert!(reply.head.contains(header), "{path} lacks {header}: {}", reply.head);
        }
        if status != 200 {
            let error = &reply.json()["error"];
            assert!(["code", "message", "hint"].iter().all(|k| error[k].is_string()), "{error}");
        }
    }
}

#[tokio::test]
async fn a_body_or_header_too_large_is_refused() {
    let house = House::open().await;
    let body = format!(r#"{{"upstream": "{}"}}"#, "x".repeat(20_000));
    let reply = house.as_user("ana", "POST", "/v1/credentials", &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
    let reply = house.ask("GET", "/v1/whoami", Some(&"x".repeat(200_000)), "").await;
    assert_eq!(reply.status, 431);
}

#[tokio::test]
async fn one_who_fails_again_and_again_must_wait() {
    let house = House::open().await;
    let mut failed = 0;
    while house.ask("GET", "/v1/whoami", Some("e30.e30.x"), "").await.status == 401 {
        failed += 1;
        assert!(failed < 100, "nobody made it wait");
    }
    assert!(failed >= 10, "a person may mistype");
    let reply = house.as_user("ana", "GET", "/v1/whoami", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "too_many_failures"));
    assert_eq!(house.ask("GET", "/healthz", None, "").await.status, 200);
}

#[tokio::test]
async fn it_stops_when_told_and_idle_connections_do_not_hold_it() {
    let house = House::open().await;
    let mut idle = TcpStream::connect(house.address).await.unwrap();
    house.stop.cancel();
    house.serving.await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ended = idle.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(TcpStream::connect(house.address).await.is_err());
}

#[tokio::test]
async fn clear_text_is_refused_off_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, None, axum::Router::new(), CancellationToken::new()).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn it_speaks_tls() {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key.into())
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let house = House::with_tls(Some(Arc::new(server))).await;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let tcp = TcpStream::connect(house.address).await.unwrap();
    let tls = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    let reply = converse(tls, &request("GET", "/v1/whoami", Some(&house.token("ana")), "")).await;
    assert_eq!(reply.json()["subject"], "ana");
}

/// Collects what the process logs while a test runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_and_no_secret_is_ever_logged() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || sink.clone())
        .finish();
    // For the whole process: what the other tests log meanwhile is judged too.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let house = House::open().await;
    let (good, bad) = (house.token("ana"), house.idp.mint("ana", &[], json!({"aud": "other"})));
    let minted = house.ask("POST", "/v1/credentials", Some(&good), MINT).await.json();
    let user = minted["user"].as_str().unwrap();
    assert_eq!(house.ask("GET", "/v1/whoami", Some(&bad), "").await.status, 401);
    assert_eq!(house.ask("DELETE", &format!("/v1/credentials/{user}"), Some(&good), "").await.status, 204);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("minted") && logged.contains("refused") && logged.contains(user), "{logged}");
    assert!(!logged.contains("eyJ"), "a token was logged:\n{logged}");
    assert!(!logged.contains(minted["password"].as_str().unwrap()), "a secret was logged:\n{logged}");
}
