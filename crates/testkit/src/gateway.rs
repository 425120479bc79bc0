//! A running `portcullis serve` in front of a test's own server, with an identity provider of its own.
//!
//! It is the very binary that users run, with a configuration file and policies in a folder of its own; nothing is
//! called from inside. Its log, its recording and its configuration are the test's to read, break and reload.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_idp::{Config, Idp};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::postgres::{free_port, percent_encode};
use crate::process::{Guarded, Spawn, eventually, text};
use crate::tls::{CertFiles, Certs};
use crate::{mysql, postgres, tools};

/// Everything to everyone, statements that are not understood included.
pub const PERMIT_ALL: &str = "@id(\"all\")\npermit (principal, action, resource);\n";

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A server that a gateway can stand before: its database `shop`, as its account `app`.
pub trait Upstream {
    /// What it speaks, as configurations and URLs name it.
    const PROTOCOL: &'static str;
    /// The password of `app`.
    const PASSWORD: &'static str;

    /// Where it listens.
    fn address(&self) -> SocketAddr;
}

impl Upstream for postgres::Server {
    const PROTOCOL: &'static str = "postgres";
    const PASSWORD: &'static str = postgres::APP_PASSWORD;

    fn address(&self) -> SocketAddr {
        self.address()
    }
}

impl Upstream for mysql::Server {
    const PROTOCOL: &'static str = "mysql";
    const PASSWORD: &'static str = mysql::APP_PASSWORD;

    fn address(&self) -> SocketAddr {
        self.address()
    }
}

/// What the gateway is told of its upstream.
#[derive(Debug, Clone, Copy)]
struct Behind {
    protocol: &'static str,
    password: &'static str,
    address: SocketAddr,
}

/// How a gateway differs from the usual one.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The text of the one policy file.
    pub policy: String,
    /// More tables of `portcullis.toml`: `[[detect]]`, `[recording]`, `[session]`…
    pub extra: String,
    /// Lines added to the table of the upstream `shop`, in place of `tls = "off"`.
    pub upstream: String,
    /// With these the listener for clients offers TLS.
    pub tls: Option<Certs>,
    /// Lines added to the table `[admin]`.
    pub admin: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: PERMIT_ALL.into(),
            extra: String::new(),
            upstream: "tls = \"off\"".into(),
            tls: None,
            admin: String::new(),
        }
    }
}

/// A running gateway; it ends with this value.
#[derive(Debug)]
pub struct Gateway {
    process: Guarded,
    behind: Behind,
    idp: Idp,
    /// Drives the identity provider; an option so that it can be shut down from inside another runtime.
    runtime: Option<Runtime>,
    ports: Ports,
    certs: Option<CertFiles>,
    // Last, so that the gateway has ended before its folder goes.
    dir: TempDir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    clients: u16,
    admin: u16,
}

impl Gateway {
    /// In front of `server`, with everything permitted.
    pub fn permit_all(server: &impl Upstream) -> Self {
        Self::start(server, &Setup::default())
    }

    /// In front of `server`, which clients name `shop`.
    ///
    /// # Panics
    /// When the binary is not built, or the gateway does not become ready (with its log).
    pub fn start<U: Upstream>(server: &U, setup: &Setup) -> Self {
        let behind = Behind { protocol: U::PROTOCOL, password: U::PASSWORD, address: server.address() };
        let dir = tempfile::Builder::new().prefix("portcullis-gw-").tempdir().expect("a temporary folder");
        let (runtime, idp) = provider();
        let certs = setup.tls.as_ref().map(|certs| certs.write(dir.path(), None));
        std::fs::create_dir(dir.path().join("policies")).expect("a folder for policies");
        std::fs::write(dir.path().join("policies/test.cedar"), &setup.policy).expect("the policy written");
        let (process, ports) =
            launch(dir.path(), behind, |ports| config(behind, setup, ports, idp.issuer(), certs.as_ref()));
        Self { process, behind, idp, runtime: Some(runtime), ports, certs, dir }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.clients))
    }

    /// The admin listener.
    pub fn admin(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.admin))
    }

    /// The identity provider, for tokens of any kind and for faults.
    pub fn idp(&self) -> &Idp {
        &self.idp
    }

    /// A good token.
    pub fn token(&self, sub: &str, groups: &[&str]) -> String {
        self.idp.mint(sub, groups, Value::Object(serde_json::Map::new()))
    }

    /// For a client that comes as `sub`, with a good token as its password.
    pub fn url(&self, sub: &str, groups: &[&str]) -> String {
        let (user, token) = (percent_encode(sub), percent_encode(&self.token(sub, groups)));
        format!("{}://{user}:{token}@127.0.0.1:{}/shop", self.behind.protocol, self.ports.clients)
    }

    /// The certificates of the listener, as files.
    pub fn certs(&self) -> Option<&CertFiles> {
        self.certs.as_ref()
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("portcullis.toml")
    }

    /// The one policy file.
    pub fn policy_file(&self) -> PathBuf {
        self.dir.path().join("policies/test.cedar")
    }

    /// State, keys and recordings.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The folder of the configuration, the data and the log; a test may mount something over parts of it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A request to the admin listener, with a bearer token if one is given: the status and the body.
    ///
    /// # Panics
    /// When nothing answers.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let json = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{json}\r\n");
        let answer = exchange(self.ports.admin, &(head + body)).expect("the admin listener answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// The gateway's process, as its own file says it: that is written a moment after the gateway is ready.
    ///
    /// # Panics
    /// When it is not written within seconds.
    pub fn pid(&self) -> String {
        let file = self.data_dir().join("portcullis.pid");
        eventually("the process id is written", Duration::from_secs(5), || {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            text.ends_with('\n').then(|| text.trim().to_owned())
        })
    }

    /// A command of the CLI on this gateway's folder: whether it succeeded, and all it printed.
    ///
    /// # Panics
    /// When the binary does not start.
    pub fn command(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(tools::portcullis());
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        let output = command.output().expect("the binary starts");
        (output.status.success(), text(&output))
    }

    /// The process, for signals: `HUP` reloads, `TERM` drains, `KILL` kills.
    pub fn process(&mut self) -> &mut Guarded {
        &mut self.process
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it as a crash would, and waits for its end.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait(STARTS_WITHIN).expect("a killed process ends");
    }

    /// Starts it again on the same ports, configuration and data, after [`Self::kill`].
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn restart(&mut self) {
        self.process = serve(self.dir.path(), self.behind);
        assert!(ready(&mut self.process, self.ports.admin), "the gateway does not come back:\n{}", self.log());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An identity provider on a free port. Nothing blocks here, so that a test may itself be asynchronous.
fn provider() -> (Runtime, Idp) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let entered = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    let idp = Idp::start(listener, Config::default()).expect("the provider serves on loopback");
    drop(entered);
    (runtime, idp)
}

fn config(behind: Behind, setup: &Setup, ports: Ports, issuer: &str, certs: Option<&CertFiles>) -> String {
    let tls = certs.map(|c| {
        format!("tls = {{ cert = {:?}, key = {:?} }}\n", c.cert.display().to_string(), c.key.display().to_string())
    });
    format!(
        "data_dir = \"./data\"\n\n[[listener]]\nprotocol = \"{}\"\nbind = \"127.0.0.1:{}\"\n{}\n\
         [admin]\nbind = \"127.0.0.1:{}\"\n{}\n\n\
         [[identity]]\nname = \"corp\"\nissuer = \"{issuer}\"\naudience = \"portcullis\"\ngroups_claim = \"groups\"\n\n\
         [[upstream]]\nname = \"shop\"\nprotocol = \"{}\"\naddress = \"{}\"\ndatabase = \"shop\"\nuser = \"app\"\n\
         password = {{ env = \"SHOP_PASSWORD\" }}\n{}\n\n[policy]\ndir = \"policies\"\n\n{}",
        behind.protocol,
        ports.clients,
        tls.unwrap_or_default(),
        ports.admin,
        setup.admin,
        behind.protocol,
        behind.address,
        setup.upstream,
        setup.extra
    )
}

/// Ports that were free a moment ago; another process may take one first, then the next ones are tried.
fn launch(dir: &Path, behind: Behind, config: impl Fn(Ports) -> String) -> (Guarded, Ports) {
    for _ in 0..8 {
        let clients = free_port();
        // One that is given back may be given out again at once.
        let admin = std::iter::repeat_with(free_port).find(|port| *port != clients).expect("ports do not end");
        let ports = Ports { clients, admin };
        std::fs::write(dir.join("portcullis.toml"), config(ports)).expect("the configuration written");
        let mut process = serve(dir, behind);
        if ready(&mut process, ports.admin) {
            return (process, ports);
        }
        let log = process.log();
        assert!(log.contains("in use"), "the gateway does not become ready:\n{log}");
    }
    panic!("no free ports in eight tries");
}

fn serve(dir: &Path, behind: Behind) -> Guarded {
    let mut command: Vec<OsString> = vec![tools::portcullis().into(), "serve".into(), "--config".into()];
    command.push(dir.join("portcullis.toml").into());
    let env = vec![("SHOP_PASSWORD".into(), behind.password.into())];
    Guarded::spawn(Spawn { command, env, log: dir.join("log"), user: None, end: "KILL" })
}

fn ready(process: &mut Guarded, admin: u16) -> bool {
    let start = Instant::now();
    while process.is_running() && start.elapsed() < STARTS_WITHIN {
        if get(admin, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// The whole answer to a GET on the admin listener, in clear.
pub fn get(admin: u16, path: &str) -> Option<String> {
    exchange(admin, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

fn exchange(admin: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", admin)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The text of a forwarded statement in a line of the export.
pub fn recorded_text(line: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let statement = &entry["statement"];
    (statement["verdict"] == "allow").then(|| statement["original"]["text"].as_str().map(str::to_owned)).flatten()
}
