//! A private PostgreSQL server for one test: its own folder, port, settings, certificates and log.
//!
//! The role `app` owns the database `shop`, whose schema is in `shop.sql`; `postgres` is the superuser, for the test's
//! own questions, and comes in by the socket in the server's folder, past any password. Durability is off.

mod log;
mod template;
mod version;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use log::{How, Logged, errors, statements};
pub use version::Version;

use crate::process::{Guarded, Spawn, read_lossy, run};
use crate::tls::{CertFiles, Certs};
use crate::tools::{self, Ids};

/// The sample schema and its rows.
pub const SHOP: &str = include_str!("shop.sql");

/// The password of the role `app`.
pub const APP_PASSWORD: &str = "app secret: ü'\\$1";

const READY: &str = "database system is ready to accept connections";

/// `cannot_connect_now`: it starts, or recovers.
const STARTING: &str = "57P03";

/// How clients that come over TCP must prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    Trust,
    /// The password itself.
    Cleartext,
    /// A salted MD5 of it.
    Md5,
    /// SCRAM-SHA-256, and -PLUS where TLS is on.
    Scram,
}

impl Auth {
    fn hba_method(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Cleartext => "password",
            Self::Md5 => "md5",
            Self::Scram => "scram-sha-256",
        }
    }

    fn password_encryption(self) -> &'static str {
        if self == Self::Md5 { "md5" } else { "scram-sha-256" }
    }
}

/// How a server differs from the usual one.
#[derive(Debug, Clone)]
pub struct Options {
    /// SCRAM unless said otherwise.
    pub auth: Auth,
    /// With these the server offers TLS; clients may still come without.
    pub tls: Option<Certs>,
    /// More lines of `postgresql.conf`.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { auth: Auth::Scram, tls: None, settings: Vec::new() }
    }
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Guarded,
    version: Version,
    port: u16,
    certs: Option<CertFiles>,
    // Last, so that the server has ended before its folder goes.
    dir: TempDir,
}

impl Server {
    /// A server as [`Options::default`] says.
    pub fn usual(version: Version) -> Self {
        Self::start(version, &Options::default())
    }

    /// Starts a server, ready for connections.
    ///
    /// # Panics
    /// When it is not installed (naming the command that installs it), or does not start (with its log).
    pub fn start(version: Version, options: &Options) -> Self {
        let owner = tools::server_user();
        let dir = tempfile::Builder::new().prefix("portcullis-pg-").tempdir().expect("a temporary folder");
        tools::own(dir.path(), owner);
        let data = dir.path().join("data");
        template::copy_to(version, &data, owner);
        let certs = options.tls.as_ref().map(|certs| certs.write(dir.path(), owner));
        configure(&data, options, certs.as_ref());
        let (process, port) = launch(version, dir.path(), owner);
        let server = Self { process, version, port, certs, dir };
        server.psql(&format!(
            "SET password_encryption = '{}'; ALTER ROLE app PASSWORD '{}'",
            options.auth.password_encryption(),
            APP_PASSWORD.replace('\'', "''")
        ));
        server
    }

    /// Which it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// For a client that comes as `app`, over TCP, with its password.
    pub fn url(&self) -> String {
        format!("postgres://app:{}@127.0.0.1:{}/shop", percent_encode(APP_PASSWORD), self.port)
    }

    /// The certificates it was given, as files.
    pub fn certs(&self) -> Option<&CertFiles> {
        self.certs.as_ref()
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs SQL on `shop` as the superuser and returns unaligned rows, without a header.
    ///
    /// # Panics
    /// When the server reports an error.
    pub fn psql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.version.bin().join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "shop", "-c", sql]);
        psql.arg("-h").arg(self.dir.path()).arg("-p").arg(self.port.to_string()).env("PGAPPNAME", "testkit");
        run(&mut psql).trim_end().to_owned()
    }

    /// Everything in the server's log so far.
    pub fn log(&self) -> String {
        read_lossy(&self.log_path())
    }

    /// Every statement that clients coming over TCP as `app` had run so far, in order.
    pub fn statements(&self) -> Vec<Logged> {
        statements(&self.log()).into_iter().filter(|logged| logged.user == "app").collect()
    }

    /// The texts of [`Self::statements`].
    pub fn texts(&self) -> Vec<String> {
        self.statements().into_iter().map(|logged| logged.text).collect()
    }

    /// Ends every session at once, as a crash or an `immediate` shutdown does, and waits for it.
    pub fn crash(&mut self) {
        self.process.signal("QUIT");
        self.process.wait(Duration::from_secs(30)).expect("the server ends");
    }

    /// Starts it again, on the same port and data, after [`Self::crash`].
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        self.process = postmaster(self.version, self.dir.path(), tools::server_user(), self.port);
        assert!(wait_ready(&mut self.process, self.port), "the server does not come back:\n{}", self.log());
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

fn configure(data: &Path, options: &Options, certs: Option<&CertFiles>) {
    let mut conf = format!(
        "listen_addresses = '127.0.0.1'\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
         log_statement = all\nlog_line_prefix = '{}'\nlog_connections = off\nautovacuum = off\nmax_connections = 200\n\
         logging_collector = off\nlog_destination = stderr\ntimezone = 'UTC'\nlc_messages = 'C'\n",
        log::LINE_PREFIX
    );
    if let Some(files) = certs {
        let (cert, key) = (files.cert.display(), files.key.display());
        conf.push_str(&format!("ssl = on\nssl_cert_file = '{cert}'\nssl_key_file = '{key}'\n"));
    }
    for (name, value) in &options.settings {
        conf.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    append(&data.join("postgresql.conf"), &conf);
    let method = options.auth.hba_method();
    let hba = format!("local all all trust\nhost all all 127.0.0.1/32 {method}\n");
    std::fs::write(data.join("pg_hba.conf"), hba).expect("pg_hba.conf written");
}

fn append(path: &Path, text: &str) {
    let mut whole = std::fs::read_to_string(path).expect("the file is there");
    whole.push_str(text);
    std::fs::write(path, whole).expect("the file is written");
}

/// A port that was free a moment ago; another process may take it first, then the next one is tried.
fn launch(version: Version, dir: &Path, owner: Option<Ids>) -> (Guarded, u16) {
    for _ in 0..8 {
        let port = free_port();
        let mut process = postmaster(version, dir, owner, port);
        if wait_ready(&mut process, port) {
            return (process, port);
        }
        let log = process.log();
        assert!(log.contains("could not bind"), "PostgreSQL does not start:\n{log}");
    }
    panic!("no free port in eight tries");
}

/// Asks the system for a free port of 127.0.0.1.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn postmaster(version: Version, dir: &Path, owner: Option<Ids>, port: u16) -> Guarded {
    let mut command: Vec<OsString> = vec![version.bin().join("postgres").into(), "-D".into(), dir.join("data").into()];
    command.extend(["-p".into(), port.to_string().into(), "-k".into(), dir.into()]);
    let log = dir.join("log");
    std::fs::write(&log, "").expect("an empty log");
    tools::own(&log, owner);
    let env = vec![("LC_ALL".into(), "C".into())];
    Guarded::spawn(Spawn { command, env, log, user: owner, end: "QUIT" })
}

fn wait_ready(process: &mut Guarded, port: u16) -> bool {
    process.wait_for_log(READY, Duration::from_secs(60)) && lets_in(port, Duration::from_secs(30))
}

/// Whether it gets to the question of who is there. The log alone may tell of the start before.
fn lets_in(port: u16, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if answer_to_startup(port).is_ok_and(|answer| !answer.is_empty() && !answer.contains(STARTING)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn answer_to_startup(port: u16) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(b"\0\0\0\x15\0\x03\0\0user\0nobody\0\0")?;
    let mut answer = [0; 1024];
    let read = socket.read(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..read).unwrap_or_default()).into_owned())
}

/// Everything but letters and digits, for the password in a URL.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
