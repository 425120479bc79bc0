//! A session on one thread: a scripted client, the relay, and the model of an upstream, over loopback sockets.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_inspect::{Budget, Cache, Inspector, Job, SessionFacts, Standing, Verdict, World};
use portcullis_mask::{Detectors, Pattern};
use portcullis_net::{Backstage, Command, Ended, Later, Relay, Stream};
use portcullis_policy::{Policies, Principal, Upstream};
use portcullis_postgres::backend::Report;
use portcullis_postgres::session::Session;
use portcullis_recording::{Batch, Recorder, RecorderOptions, RecordingKeys, SessionStart, Sink};
use portcullis_sql::catalog::{
    Catalog, CatalogBuilder, FunctionRow, RelationKind, RelationRow, SearchPath, Volatility,
};
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::postgres::Postgres;
use portcullis_sql::{Limits, NotAnalysed, Statement};
use portcullis_wire::{Frame, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::model::Model;

/// Everything is allowed.
pub const ALL: &str = "permit (principal, action, resource);";

/// Everything that is known is allowed, but nothing of the schema `secret`.
pub const NO_SECRET: &str = r#"
permit (principal, action, resource) unless { [Action::"unknown", Action::"reveal"].contains(action) };
@id("no-secret") forbid (principal, action, resource in Schema::"shop.secret");
@id("no-drop") @hint("ask") forbid (principal, action == Action::"delete", resource);
"#;

/// How long anything may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A sink in memory that can be full.
#[derive(Debug, Default)]
pub struct Memory {
    pub full: AtomicBool,
    pub intentions: AtomicU64,
}

impl Sink for Memory {
    fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.intentions.fetch_add(u64::from(batch.intends), Ordering::Relaxed);
        Ok(())
    }
}

/// The process behind the session.
pub struct Stage {
    pub world: Mutex<Arc<World>>,
    pub sink: Memory,
    /// What the next refresh of the catalog brings.
    pub next: Mutex<Option<Arc<World>>>,
    pub analyses: Mutex<Vec<String>>,
}

impl Stage {
    pub fn of(world: Arc<World>) -> Self {
        Self { world: Mutex::new(world), sink: Memory::default(), next: Mutex::default(), analyses: Mutex::default() }
    }
}

fn on_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(portcullis_sql::STACK).spawn(work).unwrap().join().unwrap()
}

impl Backstage for Stage {
    fn analyse(&self, text: Bytes, mode: Mode) -> Later<Result<Vec<Statement>, NotAnalysed>> {
        self.analyses.lock().unwrap().push(String::from_utf8_lossy(&text).into_owned());
        let found = on_deep_stack(move || Postgres.analyse(&text, mode, &Limits::default()));
        Box::pin(async move { found })
    }

    fn refresh(&self, _stale: u64) -> Later<()> {
        if let Some(next) = self.next.lock().unwrap().take() {
            *self.world.lock().unwrap() = next;
        }
        Box::pin(async {})
    }

    fn epoch(&self) -> u64 {
        self.world.lock().unwrap().epoch
    }

    fn world(&self) -> Arc<World> {
        self.world.lock().unwrap().clone()
    }

    fn cancel(&self) -> Later<()> {
        Box::pin(async {})
    }

    fn owns(&self, _session: u64) -> bool {
        false
    }

    fn end(&self, _session: u64, _statement_only: bool) {}

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn now(&self) -> u64 {
        1_700_000_000_000_000
    }

    fn took(&self, _statements: usize, _nanoseconds: u64) {}

    fn progress(&self, _totals: &portcullis_inspect::Totals) {}
}

pub fn catalog(epoch: u64) -> Catalog {
    let mut builder = CatalogBuilder::new(epoch);
    for schema in ["pg_catalog", "public", "app", "secret"] {
        builder.schema(schema);
    }
    let tables = [(20_001, "public", "t"), (20_002, "app", "t"), (20_003, "secret", "t"), (20_004, "public", "orders")];
    for (oid, schema, name) in tables {
        builder.relation(RelationRow { oid, schema: schema.into(), name: name.into(), kind: RelationKind::Table });
        builder.column(oid, 1, "id", 23).column(oid, 2, "x", 25);
    }
    let hidden = RelationRow { oid: 20_005, schema: "secret".into(), name: "hidden".into(), kind: RelationKind::Table };
    builder.relation(hidden).column(20_005, 1, "id", 23);
    builder.function(FunctionRow {
        oid: 2_078,
        schema: "pg_catalog".into(),
        name: "set_config".into(),
        volatility: Volatility::Volatile,
        language: "internal".into(),
    });
    builder.build()
}

pub fn world(epoch: u64, policy: &str, detectors: Detectors, cache: Arc<Cache>) -> Arc<World> {
    let policies = Policies::load(&[("a.cedar".into(), policy.into())], &["corp".into()]).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    });
    Arc::new(World {
        epoch,
        protocol: "postgres",
        upstream: Arc::new(Upstream { name: "shop".into(), labels: Vec::new() }),
        dialect: Arc::new(Postgres),
        catalog: Arc::new(catalog(epoch)),
        policies: Arc::new(policies),
        detectors: Arc::new(detectors),
        limits: Limits::default(),
        cache,
        slices: Arc::default(),
    })
}

pub fn secrets() -> Detectors {
    Detectors::builder().pattern(Pattern::CreditCard, "card").pattern(Pattern::UsSsn, "pii").build().unwrap()
}

pub fn nothing() -> Detectors {
    Detectors::builder().build().unwrap()
}

/// The inspector of a session of `who`.
pub fn inspector(world: Arc<World>, who: &str) -> Inspector {
    let recorder = Recorder::start(7, &SessionStart::default(), &RecordingKeys::plain(), RecorderOptions::default(), 1);
    let facts = SessionFacts {
        id: 7,
        principal: Principal::user("corp", who, ["staff"]),
        source: None,
        upstream_user: "app".into(),
        path: Some(SearchPath::new(["public"], "app")),
        reported: Vec::new(),
        told: None,
        budget: Arc::new(Budget::default()),
    };
    Inspector::new(world, facts, recorder.unwrap())
}

/// Judges a text and notes that it left.
pub fn ask(codec: &mut Session, inspector: &mut Inspector, stage: &Stage, text: &str) {
    ask_in(codec, inspector, stage, Frame::new(Bytes::from(query(text))));
}

/// Judges a frame of any protocol and notes that it left.
pub fn ask_in<P: Protocol>(codec: &mut P, inspector: &mut Inspector, stage: &Stage, frame: Frame) {
    let request = codec.read(&frame).unwrap();
    let standing = Standing { drained: true, may_ask: false };
    let ticket = loop {
        match inspector.handle_request(&request, &frame, standing, 1) {
            Verdict::Forward(passage) => break passage.ticket,
            Verdict::Find(Job::Analyse { text, mode }) => {
                let analysis = futures_now(stage.analyse(text.clone(), mode));
                inspector.handle_analysis(text, analysis);
            }
            other => panic!("{other:?}"),
        }
    };
    inspector.commit(stage.sink()).unwrap();
    codec.forward(&request, &frame, Some(ticket), &mut BytesMut::new());
}

/// The value of a future that is ready.
fn futures_now<T>(mut future: portcullis_net::Later<T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("not ready"),
    }
}

/// The session under test.
pub struct Bench {
    client: TcpStream,
    inbound: BytesMut,
    pub upstream: Arc<Mutex<Model>>,
    pub stage: Arc<Stage>,
    pub commands: mpsc::Sender<Command>,
    /// Bytes that the upstream sends by itself.
    pub push: mpsc::UnboundedSender<Vec<u8>>,
    pub relay: JoinHandle<Ended>,
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    dialled.set_nodelay(true).unwrap();
    (dialled, listener.accept().await.unwrap().0)
}

impl Bench {
    pub async fn new(policy: &str) -> Self {
        Self::with(world(1, policy, nothing(), Arc::default()), HashMap::new()).await
    }

    pub async fn with(world: Arc<World>, tables: HashMap<String, crate::model::Table>) -> Self {
        Self::on(Arc::new(Stage::of(world.clone())), world, tables, "ana").await
    }

    pub async fn on(
        stage: Arc<Stage>,
        world: Arc<World>,
        tables: HashMap<String, crate::model::Table>,
        who: &str,
    ) -> Self {
        let (client, near) = pair().await;
        let (far, server) = pair().await;
        let upstream = Arc::new(Mutex::new(Model::new(tables)));
        let (push, pushed) = mpsc::unbounded_channel();
        tokio::spawn(serve(server, upstream.clone(), pushed));
        let inspector = inspector(world, who);
        let (commands, receiver) = mpsc::channel(8);
        let relay = Relay::new(
            (Stream::Plain(near), BytesMut::new()),
            (Stream::Plain(far), BytesMut::new()),
            Session::new(4 << 20, 42),
            inspector,
            stage.clone(),
            receiver,
        );
        let relay = tokio::spawn(relay.run());
        Self { client, inbound: BytesMut::new(), upstream, stage, commands, push, relay }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// The next message, or `None` when the session ended.
    async fn message(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some(head) = self.inbound.get(..5) {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize + 1;
                if self.inbound.len() >= length {
                    let frame = self.inbound.split_to(length).freeze();
                    return Some((frame[0], frame.slice(5..)));
                }
            }
            if self.client.read_buf(&mut self.inbound).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// What the client sees up to and with `count` ReadyForQuery, in one line.
    pub async fn until(&mut self, count: usize) -> String {
        let (mut seen, mut left) = (Vec::new(), count);
        while left > 0 {
            match tokio::time::timeout(PATIENCE, self.message()).await {
                Ok(Some((tag, body))) => {
                    left -= usize::from(tag == b'Z');
                    seen.push(say(tag, &body));
                }
                Ok(None) => {
                    seen.push("(closed)".into());
                    break;
                }
                Err(_) => panic!("nothing more comes after: {}; upstream saw {:?}", seen.join(" "), self.log()),
            }
        }
        seen.join(" ")
    }

    /// What the client sees up to and with the message of this tag.
    pub async fn until_tag(&mut self, last: u8) -> String {
        let mut seen = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.message()).await {
                Ok(Some((tag, body))) => {
                    seen.push(say(tag, &body));
                    if tag == last {
                        return seen.join(" ");
                    }
                }
                Ok(None) => return format!("{} (closed)", seen.join(" ")),
                Err(_) => panic!("nothing more comes after: {}; upstream saw {:?}", seen.join(" "), self.log()),
            }
        }
    }

    /// Sends, and says what the client sees up to the next ReadyForQuery.
    pub async fn talk(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.send(bytes.as_ref()).await;
        self.until(1).await
    }

    /// Exactly so many bytes of what the client receives.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.inbound.len() < count {
            let read = tokio::time::timeout(PATIENCE, self.client.read_buf(&mut self.inbound)).await;
            if !matches!(read, Ok(Ok(1..))) {
                break;
            }
        }
        let there = self.inbound.len().min(count);
        self.inbound.split_to(there).to_vec()
    }

    pub fn log(&self) -> Vec<String> {
        self.upstream.lock().unwrap().log.clone()
    }

    /// What the upstream ran since it was last asked.
    pub fn ran(&self) -> Vec<String> {
        std::mem::take(&mut self.upstream.lock().unwrap().ran)
    }
}

async fn serve(mut server: TcpStream, model: Arc<Mutex<Model>>, mut pushed: mpsc::UnboundedReceiver<Vec<u8>>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.clear();
        let answer = tokio::select! {
            read = server.read_buf(&mut buffer) => {
                if read.unwrap_or(0) == 0 {
                    return;
                }
                model.lock().unwrap().receive(&buffer)
            }
            Some(bytes) = pushed.recv() => bytes,
        };
        if server.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// One message in a word: what matters of it to a client.
fn say(tag: u8, body: &[u8]) -> String {
    let letter = char::from(tag);
    match tag {
        b'E' | b'N' => {
            let report = Report::decode(body).unwrap();
            format!("{letter}({})", String::from_utf8_lossy(report.code().unwrap_or_default()))
        }
        b'C' | b'Z' => format!("{letter}({})", String::from_utf8_lossy(body).trim_end_matches('\0')),
        b'D' => format!("D({})", body.escape_ascii()),
        b'd' => format!("d({})", body.escape_ascii()),
        _ => letter.to_string(),
    }
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    crate::model::message(&mut out, tag, body);
    out.to_vec()
}

pub fn query(text: &str) -> Vec<u8> {
    frame(b'Q', format!("{text}\0").as_bytes())
}

pub fn parse(name: &str, text: &str) -> Vec<u8> {
    frame(b'P', format!("{name}\0{text}\0\0\0").as_bytes())
}

pub fn bind(portal: &str, statement: &str) -> Vec<u8> {
    bind_as(portal, statement, &[])
}

pub fn bind_as(portal: &str, statement: &str, formats: &[i16]) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0\0\0").into_bytes();
    body.extend_from_slice(&(formats.len() as i16).to_be_bytes());
    formats.iter().for_each(|format| body.extend_from_slice(&format.to_be_bytes()));
    frame(b'B', &body)
}

pub fn describe(kind: char, name: &str) -> Vec<u8> {
    frame(b'D', format!("{kind}{name}\0").as_bytes())
}

pub fn execute(portal: &str, limit: u32) -> Vec<u8> {
    let mut body = format!("{portal}\0").into_bytes();
    body.extend_from_slice(&limit.to_be_bytes());
    frame(b'E', &body)
}

pub fn close(kind: char, name: &str) -> Vec<u8> {
    frame(b'C', format!("{kind}{name}\0").as_bytes())
}

pub fn sync() -> Vec<u8> {
    frame(b'S', b"")
}

pub fn flush() -> Vec<u8> {
    frame(b'H', b"")
}

pub fn copy_data(bytes: &[u8]) -> Vec<u8> {
    frame(b'd', bytes)
}

pub fn copy_done() -> Vec<u8> {
    frame(b'c', b"")
}

pub fn copy_fail() -> Vec<u8> {
    frame(b'f', b"no\0")
}

/// Parse, Bind and Execute of one text under the unnamed statement and portal.
pub fn unnamed(text: &str) -> Vec<u8> {
    [parse("", text), bind("", ""), execute("", 0)].concat()
}
