//! A private MariaDB or MySQL server for one test: its own folder, port, settings, certificates and log.
//!
//! The account `app` owns the databases `shop` and `hr`, whose schema is in `shop.sql`; `root` is for the test's own
//! questions, and comes in by the socket in the server's folder, without a password. Durability is off, and so is TLS
//! unless certificates are given.

mod account;
mod flavour;
mod log;
mod template;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use account::{APP_PASSWORD, Plugin, quote};
pub use flavour::{Flavour, Skipped};
pub use log::{Log, Logged, Mark, as_logged};

use crate::postgres::{free_port, percent_encode};
use crate::process::{Guarded, Spawn};
use crate::tls::{CertFiles, Certs};
use crate::tools;
use flavour::option;

/// The sample schema and its rows.
pub const SHOP: &str = include_str!("shop.sql");

const READY: &str = "ready for connections";

/// How a server differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How `app` signs in; the server's own default unless said otherwise.
    pub plugin: Option<Plugin>,
    /// With these the server offers TLS; clients may still come without.
    pub tls: Option<Certs>,
    /// More arguments: `--sql-mode=ANSI`.
    pub settings: Vec<String>,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Guarded,
    flavour: Flavour,
    port: u16,
    certs: Option<CertFiles>,
    options: Options,
    // Last, so that the server has ended before its folder goes.
    dir: TempDir,
}

impl Server {
    /// A server as [`Options::default`] says, of a flavour that [`Flavour::available`] has named.
    ///
    /// # Panics
    /// When it cannot be had on this machine, or as [`Self::start`].
    pub fn usual(flavour: Flavour) -> Self {
        Self::start(flavour, &Options::default()).unwrap_or_else(|skipped| panic!("{skipped}"))
    }

    /// Starts a server, ready for connections.
    ///
    /// # Errors
    /// When the flavour cannot be had on this machine, with the reason.
    ///
    /// # Panics
    /// When it could be had and is not installed (naming the command that installs it), or does not start (with its log).
    pub fn start(flavour: Flavour, options: &Options) -> Result<Self, Skipped> {
        flavour.check()?;
        let owner = tools::server_user();
        let dir = tempfile::Builder::new().prefix("portcullis-my-").tempdir().expect("a temporary folder");
        tools::own(dir.path(), owner);
        template::copy_to(flavour, &dir.path().join("data"), owner);
        let certs = options.tls.as_ref().map(|certs| certs.write(dir.path(), owner));
        let (process, port) = Launch { flavour, dir: dir.path(), options, certs: certs.as_ref() }.anywhere();
        let server = Self { process, flavour, port, certs, options: options.clone(), dir };
        let plugin = options.plugin.unwrap_or(flavour.plugins()[0]);
        // The literal is of the default mode, which the settings may have changed.
        let identified = plugin.identified(flavour, APP_PASSWORD);
        server.sql(&format!("SET sql_mode = ''; ALTER USER app@'%' {identified}"));
        Ok(server)
    }

    /// Which it is.
    pub fn flavour(&self) -> Flavour {
        self.flavour
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
        format!("mysql://app:{}@127.0.0.1:{}/shop", percent_encode(APP_PASSWORD), self.port)
    }

    /// The certificates it was given, as files.
    pub fn certs(&self) -> Option<&CertFiles> {
        self.certs.as_ref()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs SQL on `shop` as root and returns rows with tabs between columns, without a header. `DELIMITER` works.
    ///
    /// # Panics
    /// When the server reports an error.
    pub fn sql(&self, sql: &str) -> String {
        client(self.flavour, &self.socket(), "root", "shop", sql)
    }

    /// What it prints about itself: its start, warnings, aborted connections.
    pub fn messages(&self) -> String {
        self.process.log()
    }

    /// Everything that came over connections which `app` opened, in order. A command is logged before it runs, so what a
    /// client has an answer to is there.
    pub fn log(&self) -> Log {
        self.whole_log().opened_by("app")
    }

    /// [`Self::log`] once no connection of `app` is left: what has no answer (`Quit`, `Close stmt`) is there too.
    ///
    /// # Panics
    /// When connections stay for long.
    pub fn log_when_all_left(&self) -> Log {
        let start = Instant::now();
        while self.sql("SELECT count(*) FROM information_schema.processlist WHERE user = 'app'") != "0" {
            assert!(start.elapsed() < Duration::from_secs(30), "connections of `app` stay");
        }
        self.log()
    }

    /// Everything, with the connections of root and the attempts to sign in as somebody else.
    ///
    /// # Panics
    /// When the server's two forms of the log disagree for long.
    pub fn whole_log(&self) -> Log {
        if !self.flavour.is_mariadb() {
            return self.log_table();
        }
        for _ in 0..500 {
            // In the order in which the server writes them.
            let file = std::fs::read(self.data_dir().join("general.log")).expect("the log is there");
            if let Some(log) = log::exact(self.log_table(), &file) {
                return log;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the log's file holds what its table does not");
    }

    fn log_table(&self) -> Log {
        Log::parse_table(
            &std::fs::read(self.data_dir().join("mysql/general_log.CSV")).expect("the log's table is there"),
        )
    }

    /// Where [`Self::log`] ends now.
    pub fn mark(&self) -> Mark {
        Mark(self.log().0.len())
    }

    /// What [`Self::log`] holds beyond a mark.
    pub fn log_since(&self, mark: Mark) -> Log {
        self.log().since(mark)
    }

    /// Ends every session at once, as a crash does, and waits for it.
    ///
    /// # Panics
    /// When it does not end.
    pub fn crash(&mut self) {
        self.end("KILL");
    }

    /// Shuts it down in order, and waits for it.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Starts it again, on the same port and data, after [`Self::crash`] or [`Self::stop`]. Its log begins anew.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        empty_log(&self.data_dir());
        let certs = self.certs.as_ref();
        let launch = Launch { flavour: self.flavour, dir: self.dir.path(), options: &self.options, certs };
        self.process = launch.on(self.port);
        assert!(wait_ready(&mut self.process, self.port), "the server does not come back:\n{}", self.messages());
    }

    fn end(&mut self, signal: &str) {
        self.process.signal(signal);
        self.process.wait(Duration::from_secs(60)).expect("the server ends");
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }
}

/// Runs SQL through the flavour's own command-line client, over the socket.
fn client(flavour: Flavour, socket: &Path, user: &str, database: &str, sql: &str) -> String {
    let mut command = Command::new(flavour.client());
    command.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--user"]);
    command.arg(user).arg(option("socket", socket));
    if flavour == Flavour::MariaDb11 {
        // Its clients want TLS unless told otherwise.
        command.arg("--skip-ssl");
    }
    command.arg(database);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the client starts");
    let mut input = child.stdin.take().expect("standard input is a pipe");
    let text = sql.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the client ends");
    // A client that stops at an error does not read on: its own message is the better one.
    let _ = writer.join();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{flavour:?} as {user}: {shown}\n{sql}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// What a server is started with.
struct Launch<'a> {
    flavour: Flavour,
    dir: &'a Path,
    options: &'a Options,
    certs: Option<&'a CertFiles>,
}

impl Launch<'_> {
    /// A port that was free a moment ago; another process may take it first, then the next one is tried.
    fn anywhere(&self) -> (Guarded, u16) {
        for _ in 0..8 {
            let port = free_port();
            let mut process = self.on(port);
            if wait_ready(&mut process, port) {
                return (process, port);
            }
            let log = process.log();
            assert!(log.contains("Bind on TCP/IP port"), "{:?} does not start:\n{log}", self.flavour);
        }
        panic!("no free port in eight tries");
    }

    fn on(&self, port: u16) -> Guarded {
        let (log, owner) = (self.dir.join("log"), tools::server_user());
        std::fs::write(&log, "").expect("an empty log");
        tools::own(&log, owner);
        // By no signal that the program could take its time over: its folder goes with it.
        Guarded::spawn(Spawn { command: self.command(port), env: Vec::new(), log, user: owner, end: "KILL" })
    }

    fn command(&self, port: u16) -> Vec<OsString> {
        let data = self.dir.join("data");
        let mut command = self.flavour.server();
        command.extend(usual_settings(self.flavour).map(OsString::from));
        command.extend(["--bind-address=127.0.0.1", "--general-log=ON"].map(OsString::from));
        command.push(format!("--port={port}").into());
        command.extend([option("datadir", &data), option("general-log-file", &data.join("general.log"))]);
        command.extend([option("socket", &self.dir.join("s")), option("pid-file", &self.dir.join("pid"))]);
        // MariaDB removes other servers' temporary tables from a folder that it shares with them when it starts.
        command.push(option("tmpdir", self.dir));
        match self.certs {
            Some(files) => {
                let (ca, cert, key) = (&files.ca, &files.cert, &files.key);
                command.extend([option("ssl-ca", ca), option("ssl-cert", cert), option("ssl-key", key)]);
            }
            // It would make a certificate of its own.
            None if self.flavour == Flavour::MariaDb11 => command.push("--skip-ssl".into()),
            None => {}
        }
        let library = self.options.plugin.and_then(|plugin| plugin.library(self.flavour));
        command.extend(library.map(|name| format!("--plugin-load-add={name}").into()));
        command.extend(self.options.settings.iter().map(OsString::from));
        command
    }
}

fn usual_settings(flavour: Flavour) -> impl Iterator<Item = &'static str> {
    let common = [
        "--skip-name-resolve",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
        "--max-connections=200",
        "--innodb-buffer-pool-size=32M",
        // To the system at each commit, to the disk now and then: what is committed outlives a killed server.
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-doublewrite=OFF",
        "--innodb-use-native-aio=OFF",
    ];
    let own: &[&str] = match flavour {
        Flavour::MariaDb | Flavour::MariaDb11 => &["--log-output=FILE,TABLE"],
        // `log-raw`: statements with a password, and those that cannot be parsed, as they came.
        Flavour::MySql9 => &[
            "--log-output=TABLE",
            "--log-raw=ON",
            "--auto-generate-certs=OFF",
            "--mysqlx=OFF",
            "--secure-file-priv=NULL",
        ],
    };
    common.into_iter().chain(own.iter().copied()).chain([flavour.size()])
}

/// What a crash leaves of the log's table may be marked as damaged; an empty file never is.
fn empty_log(data: &Path) {
    for name in ["mysql/general_log.CSV", "general.log"] {
        let path = data.join(name);
        if path.exists() {
            std::fs::write(path, "").expect("the log is emptied");
        }
    }
}

fn wait_ready(process: &mut Guarded, port: u16) -> bool {
    process.wait_for_log(READY, Duration::from_secs(120)) && greets(port, Duration::from_secs(30))
}

/// Whether it sends its greeting to who connects.
fn greets(port: u16, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        let mut greeting = [0; 5];
        let stream = TcpStream::connect(("127.0.0.1", port));
        if stream.and_then(|mut stream| stream.read_exact(&mut greeting)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
