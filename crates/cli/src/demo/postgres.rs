//! A private PostgreSQL server: its programs are found on this machine, its data is in a folder of ours, and it ends with
//! this value.
//!
//! PostgreSQL refuses to run as root, so for root it runs as `postgres` or `nobody`. A small shell stands between us and
//! the server: it holds the read end of a pipe, and when the other end goes away (this value is dropped, or this process
//! is killed) it ends the server by its pid. Nothing is ever installed or downloaded here; `make setup` does that.

use std::{
    env,
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{
        fs::chown,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::failure::Failure;

/// A running server; it ends with this value.
pub(crate) struct Server {
    guard: Child,
    address: SocketAddr,
    version: String,
    log: PathBuf,
}

/// A user and a group of the operating system, by number.
type Ids = (u32, u32);

const GUARD: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- & pid=$!
{ cat <&3; kill -INT "$pid"; } >/dev/null 2>&1 & guard=$!
exec 3<&-
wait "$pid"; code=$?
kill "$guard" 2>/dev/null
exit "$code"
"#;

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const READY: &str = "database system is ready to accept connections";

impl Server {
    /// Makes a cluster in `folder` with this password for its superuser `postgres`, and starts it on a free port.
    pub(crate) fn start(folder: &Path, password: &str) -> Result<Self, Failure> {
        let bin = find()?;
        let owner = unprivileged()?;
        fs::create_dir(folder).and_then(|()| own(folder, owner)).map_err(|error| at(folder, &error))?;
        let version = output(command(&bin, "postgres", owner).arg("--version"))?;
        let version = version.trim().rsplit_once(") ").map_or(version.trim(), |(_, number)| number).to_owned();
        initialise(&bin, folder, password, owner)?;
        // A port that was free a moment ago; another process may take it first, then the next one is tried.
        for _ in 0..8 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
            let address = port.map_err(|error| at(folder, &error))?;
            let guard = launch(&bin, folder, address, owner)?;
            let mut server = Self { guard, address, version: version.clone(), log: folder.join("log") };
            if server.comes_up() {
                return Ok(server);
            }
            let log = server.log();
            if !log.contains("could not bind") {
                return Err(Failure::refused(format_args!("PostgreSQL in {} does not start:\n{log}", bin.display())));
            }
        }
        Err(Failure::refused("no free port for PostgreSQL in eight tries"))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its version, as it tells it.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// All that it has logged: every statement that it was given is there.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn comes_up(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN && matches!(self.guard.try_wait(), Ok(None)) {
            if self.log().contains(READY) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe ends it; the wait is for its files, which go next.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The folder of `initdb` and `postgres`: the one that is named, the one of `make setup`, the distribution's newest, and
/// at last what is on the PATH.
fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os("PORTCULLIS_PG_BIN").map(PathBuf::from) {
        let wrong = || Failure::refused(format_args!("PORTCULLIS_PG_BIN: no `initdb` in {}", named.display()));
        return holds_server(&named).then(|| named.clone()).ok_or_else(wrong);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let places = tools().into_iter().chain(distribution()).chain(env::split_paths(&path));
    places.into_iter().find(|place| holds_server(place)).ok_or_else(|| {
        Failure::refused("PostgreSQL is not installed here").help(
            "install your distribution's package `postgresql`, run `make setup`, or name the folder of `initdb` and \
             `postgres` in PORTCULLIS_PG_BIN",
        )
    })
}

fn holds_server(place: &Path) -> bool {
    place.join("initdb").is_file() && place.join("postgres").is_file()
}

/// Where `scripts/setup.sh` puts it; see `scripts/env.sh`.
fn tools() -> Option<PathBuf> {
    let cache = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let of_user = || cache().or_else(home).map(|cache| cache.join("portcullis/tools"));
    let folder = match env::var_os("PORTCULLIS_TOOLS") {
        Some(named) => Some(named.into()),
        None if is_root() => Some("/var/cache/portcullis/tools".into()),
        None => of_user(),
    };
    folder.map(|folder: PathBuf| folder.join("pg18/bin"))
}

fn distribution() -> Vec<PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whom the server runs as; none where we are not root ourselves.
fn unprivileged() -> Result<Option<Ids>, Failure> {
    if !is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| user(&users, name));
    found.map(Some).ok_or_else(|| {
        Failure::refused("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
            .help("run the demo as an ordinary user")
    })
}

fn user(users: &str, name: &str) -> Option<Ids> {
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&name))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

fn own(path: &Path, owner: Option<Ids>) -> std::io::Result<()> {
    owner.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
}

fn initialise(bin: &Path, folder: &Path, password: &str, owner: Option<Ids>) -> Result<(), Failure> {
    let secret = folder.join("secret");
    fs::write(&secret, password).and_then(|()| own(&secret, owner)).map_err(|error| at(&secret, &error))?;
    let mut initdb = command(bin, "initdb", owner);
    initdb.args(["--no-sync", "--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
    initdb.arg("--no-instructions").arg("--pwfile").arg(&secret).arg("-D").arg(folder.join("cluster"));
    output(&mut initdb)?;
    fs::remove_file(&secret).map_err(|error| at(&secret, &error))
}

fn launch(bin: &Path, folder: &Path, address: SocketAddr, owner: Option<Ids>) -> Result<Child, Failure> {
    let log = folder.join("log");
    fs::write(&log, "").and_then(|()| own(&log, owner)).map_err(|error| at(&log, &error))?;
    let mut server: Vec<OsString> = vec![bin.join("postgres").into(), "-D".into(), folder.join("cluster").into()];
    server.extend(["-p".into(), address.port().to_string().into()]);
    // A demo's data need not outlive a power cut. The log is the witness that refused statements never arrived.
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
        "log_statement=all",
        "logging_collector=off",
        "log_destination=stderr",
        "lc_messages=C",
    ] {
        server.extend(["-c".into(), setting.into()]);
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", GUARD, "guard"]).arg(&log).args(server);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C").current_dir("/");
    // Out of the terminal's group: Ctrl-C must reach us alone, and the pipe then ends the server in order.
    shell.process_group(0);
    run_as(&mut shell, owner);
    shell.spawn().map_err(|error| at(Path::new("/bin/sh"), &error))
}

fn command(bin: &Path, program: &str, owner: Option<Ids>) -> Command {
    let mut command = Command::new(bin.join(program));
    command.stdin(Stdio::null()).env("LC_ALL", "C").current_dir("/");
    run_as(&mut command, owner);
    command
}

fn run_as(command: &mut Command, owner: Option<Ids>) {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
}

/// What a program prints, where it comes to a good end.
fn output(command: &mut Command) -> Result<String, Failure> {
    let program = PathBuf::from(command.get_program());
    let done = command.output().map_err(|error| at(&program, &error))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let end = done.status.signal().map_or_else(|| done.status.to_string(), |signal| format!("signal {signal}"));
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Failure::refused(format_args!("{}: {end}\n{}", program.display(), said.trim_end())))
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused(format_args!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/:/bin/sh\npostgres2:x:5:6::/:/bin/sh\npostgres:x:103:109::/:/bin/sh\nnobody:x:y:z\n";
        assert_eq!(user(users, "postgres"), Some((103, 109)));
        assert_eq!(user(users, "post"), None);
        assert_eq!(user(users, "nobody"), None);
    }
}
