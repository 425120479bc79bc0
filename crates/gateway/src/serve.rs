//! One gateway: started from a configuration, reloaded whole or not at all, drained when it stops.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use portcullis_control::{Poster, Store, StoreError};
use portcullis_net::Command;
use portcullis_recording::age::Recipient;
use portcullis_recording::files::{FileWitness, Fsync, Options, Recording, Witness};
use portcullis_recording::{RecorderOptions, RecordingKeys, Results};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{self, Door};
use crate::admin;
use crate::analysts::Analysts;
use crate::backstage::now;
use crate::config::{self, Config, Protocol};
use crate::keys;
use crate::metrics::Metrics;
use crate::postgres;
use crate::prepare::{self, Unusable};
use crate::process::{Current, Process};
use crate::recorder;
use crate::upstream::Upstream;

/// When accepting fails (no descriptor is left), trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// LIMIT: connections that are signing in at one time.
const OPENINGS: usize = 1_024;

/// How often expired state is removed.
const PURGE: Duration = Duration::from_secs(600);

/// How long the index of ended sessions is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// The configuration cannot be served.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The state cannot be opened.
    #[error("data_dir: {0}")]
    Store(#[from] StoreError),
    /// The recording cannot be opened.
    #[error("the recording in data_dir cannot be opened: {0}")]
    Recording(io::Error),
    /// An address cannot be listened on.
    #[error("{0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// The system has no room for a thread.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    /// The recipient's key is wrong.
    #[error("recording.recipient: {0}")]
    Recipient(portcullis_recording::KeyError),
}

/// A gateway that serves.
#[derive(Debug)]
pub struct Gateway {
    process: Arc<Process>,
    listeners: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    recorder: Option<std::thread::JoinHandle<()>>,
}

impl Gateway {
    /// Starts everything that `config` asks for. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// See [`NotStarted`]; nothing listens then.
    pub async fn start(config: Config) -> Result<Self, NotStarted> {
        let policies = prepare::policies(&config)?;
        let providers = prepare::providers(&config)?;
        let mut upstreams = HashMap::new();
        for upstream in &config.upstreams {
            let settings = prepare::upstream(&config, upstream, &policies)?;
            upstreams.insert(upstream.name.clone(), Arc::new(Upstream::new(&upstream.name, settings)));
        }
        let store = Arc::new(Store::open(&config.data_dir, SystemTime::now())?);
        let recording = Arc::new(open_recording(&config).map_err(NotStarted::Recording)?);
        let connections = config.limits.connections as usize;
        let process = Arc::new(Process {
            keys: recipient(&config)?,
            recorder: recorder_options(&config),
            current: ArcSwap::from_pointee(Current { policy_digest: policies.digest(), config, providers }),
            upstreams: ArcSwap::from_pointee(upstreams),
            store,
            recording,
            analysts: Analysts::start().map_err(NotStarted::Thread)?,
            poster: Poster::new().map(Arc::new),
            registry: Arc::default(),
            metrics: Metrics::new(),
            connections: Arc::new(Semaphore::new(connections)),
            openings: Arc::new(Semaphore::new(OPENINGS)),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
        });
        let recorder = recorder::start(&process).map_err(NotStarted::Thread)?;
        let mut gateway = Self { process, listeners: Vec::new(), admin: None, recorder: Some(recorder) };
        gateway.listen().await?;
        gateway.watch();
        Ok(gateway)
    }

    async fn listen(&mut self) -> Result<(), NotStarted> {
        let current = self.process.current.load_full();
        for listener in &current.config.listeners {
            let alpn: &[&[u8]] = match listener.protocol {
                Protocol::Postgres => &[postgres::front::ALPN],
                Protocol::MySql => &[],
            };
            let (tls, certificate) = prepare::server_tls(listener.tls.as_ref(), alpn)?.unzip();
            let upstreams = listener.upstreams.as_ref().map(|names| names.as_slice().into());
            let door = Door { protocol: listener.protocol, tls, certificate, upstreams };
            let socket = bind(listener.bind).await?;
            self.listeners.push(socket.local_addr().unwrap_or(listener.bind));
            self.process.tasks.spawn(accept_all(self.process.clone(), door, socket));
        }
        if let Some(admin) = &current.config.admin {
            let tls = prepare::server_tls(admin.tls.as_ref(), &[b"http/1.1"])?.map(|(tls, _)| tls);
            let socket = bind(admin.bind).await?;
            self.admin = socket.local_addr().ok();
            let routes = admin::router(&self.process, admin, &self.listeners);
            let stop = self.process.stop.clone();
            self.process.tasks.spawn(async move {
                if let Err(error) = portcullis_api::serve(socket, tls, routes, stop).await {
                    tracing::error!(%error, "the admin listener stopped");
                }
            });
        }
        Ok(())
    }

    /// Starts what watches over catalogs and credentials.
    fn watch(&self) {
        let process = &self.process;
        for upstream in process.upstreams.load().values() {
            process.tasks.spawn(upstream.clone().watch(process.stop.clone()));
        }
        process.tasks.spawn(end_withdrawn(process.clone()));
        process.tasks.spawn(purge(process.clone()));
        let providers = process.current.load().providers.clone();
        process.tasks.spawn(async move { providers.warm().await });
    }

    /// The addresses of the listeners, in the configuration's order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Takes up a new configuration: whole, or not at all. Live sessions follow with their next statement.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    pub fn reload(&self, config: Config) -> Result<(), Unusable> {
        let process = &self.process;
        let before = process.current.load_full();
        unchangeable(&before.config, &config)?;
        let policies = prepare::policies(&config)?;
        let providers = prepare::providers(&config)?;
        let known = process.upstreams.load_full();
        let mut prepared = Vec::new();
        for upstream in &config.upstreams {
            prepared.push((upstream.name.clone(), prepare::upstream(&config, upstream, &policies)?));
        }
        let mut upstreams = HashMap::new();
        for (name, settings) in prepared {
            let upstream = match known.get(&name) {
                Some(upstream) => {
                    upstream.replace(settings);
                    upstream.clone()
                }
                None => {
                    let upstream = Arc::new(Upstream::new(&name, settings));
                    process.tasks.spawn(upstream.clone().watch(process.stop.clone()));
                    upstream
                }
            };
            upstreams.insert(name, upstream);
        }
        let gone: Vec<String> = known.keys().filter(|name| !upstreams.contains_key(*name)).cloned().collect();
        let digest = policies.digest();
        process.upstreams.store(Arc::new(upstreams));
        process.current.store(Arc::new(Current { policy_digest: digest, config, providers }));
        for session in process.registry.all() {
            if gone.iter().any(|name| **name == *session.upstream) {
                process.registry.kill(session.id, "the database is no longer served");
            }
        }
        recorder::note_reload(process, &digest);
        Ok(())
    }

    /// Stops: no new sessions, live ones end between transactions, after the drain deadline all.
    pub async fn stop(mut self) {
        let process = self.process.clone();
        process.closing.cancel();
        process.registry.tell_all(&Command::Drain);
        let deadline = process.current.load().config.limits.drain_deadline;
        let drained = async {
            while process.registry.len() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(deadline, drained).await.is_err() {
            process.registry.tell_all(&Command::Kill("the firewall is stopping".into()));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        process.stop.cancel();
        process.tasks.close();
        if tokio::time::timeout(Duration::from_secs(10), process.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        if let Some(recorder) = self.recorder.take() {
            let _ = tokio::task::spawn_blocking(move || recorder.join()).await;
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, NotStarted> {
    TcpListener::bind(address).await.map_err(|error| NotStarted::Bind(address, error))
}

async fn accept_all(process: Arc<Process>, door: Door, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = process.closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, source)) => {
                // Over the limit a connection is closed at once: who cannot sign in must not hold memory.
                let Ok(opening) = process.openings.clone().try_acquire_owned() else { continue };
                process.tasks.spawn(accept::serve(process.clone(), door.clone(), socket, source, opening));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Ends sessions whose credential was withdrawn, within a second.
async fn end_withdrawn(process: Arc<Process>) {
    let mut changes = process.store.changes();
    loop {
        tokio::select! {
            () = process.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        for session in process.registry.all() {
            let Some(credential) = &session.credential else { continue };
            if process.store.standing(credential, SystemTime::now()) == portcullis_control::Standing::Withdrawn {
                process.registry.kill(session.id, "the credential was withdrawn");
            }
        }
    }
}

/// Forgets credentials whose time is over.
async fn purge(process: Arc<Process>) {
    loop {
        tokio::select! {
            () = process.stop.cancelled() => return,
            () = tokio::time::sleep(PURGE) => {}
        }
        let now = SystemTime::now();
        if let Err(error) = process.store.purge(now, now - KEPT).await {
            tracing::warn!(%error, "expired credentials could not be purged");
        }
    }
}

/// What a running process cannot change.
fn unchangeable(before: &Config, after: &Config) -> Result<(), Unusable> {
    match () {
        () if before.data_dir != after.data_dir => Err(Unusable::NeedsRestart("data_dir")),
        () if before.listeners != after.listeners => Err(Unusable::NeedsRestart("[[listener]]")),
        () if before.admin != after.admin => Err(Unusable::NeedsRestart("[admin]")),
        () if before.identities != after.identities => Err(Unusable::NeedsRestart("[[identity]]")),
        () if before.recording != after.recording => Err(Unusable::NeedsRestart("[recording]")),
        () if before.limits.connections != after.limits.connections => {
            Err(Unusable::NeedsRestart("limits.connections"))
        }
        () if before.limits.threads != after.limits.threads => Err(Unusable::NeedsRestart("limits.threads")),
        () => Ok(()),
    }
}

fn open_recording(config: &Config) -> io::Result<Recording> {
    std::fs::create_dir_all(&config.data_dir)?;
    let key = keys::signing_key(&config.data_dir)?;
    let witnesses: Vec<Box<dyn Witness>> = config
        .recording
        .witness
        .iter()
        .filter_map(|witness| match witness {
            config::Witness::File(path) => Some(Box::new(FileWitness::new(path)) as Box<dyn Witness>),
            config::Witness::Webhook(_) => None,
        })
        .collect();
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let options = Options {
        fsync: match config.recording.sync {
            config::Sync::Never => Fsync::None,
            config::Sync::Interval => Fsync::Interval,
            config::Sync::Every => Fsync::Every,
        },
        segment_bytes: config.recording.segment_size,
        segment_age: micros(config.recording.segment_age),
        retention: config.recording.retention.map(micros),
    };
    Recording::open(&config.data_dir, key, options, witnesses, now())
}

fn recipient(config: &Config) -> Result<RecordingKeys, NotStarted> {
    match &config.recording.recipient {
        None => Ok(RecordingKeys::plain()),
        Some(text) => {
            let recipient = Recipient::parse(text).map_err(NotStarted::Recipient)?;
            Ok(RecordingKeys::encrypted_to(recipient))
        }
    }
}

fn recorder_options(config: &Config) -> RecorderOptions {
    let results = match config.recording.results {
        config::Results::Full => Results::Full,
        config::Results::Head(bytes) => Results::Head(usize::try_from(bytes).unwrap_or(usize::MAX)),
        config::Results::Omitted => Results::None,
    };
    RecorderOptions { results, ..RecorderOptions::default() }
}

/// Checks a configuration and everything it names, without serving.
///
/// # Errors
/// What is wrong.
pub fn check(path: &Path) -> Result<Config, Unusable> {
    let config = Config::load(path)?;
    let policies = prepare::policies(&config)?;
    let _providers = prepare::providers(&config)?;
    for upstream in &config.upstreams {
        prepare::upstream(&config, upstream, &policies)?;
    }
    for listener in &config.listeners {
        prepare::server_tls(listener.tls.as_ref(), &[])?;
    }
    if let Some(admin) = &config.admin {
        prepare::server_tls(admin.tls.as_ref(), &[])?;
    }
    if let Some(text) = &config.recording.recipient {
        Recipient::parse(text)
            .map_err(|error| Unusable::Certificate("recording.recipient".into(), error.to_string()))?;
    }
    Ok(config)
}
