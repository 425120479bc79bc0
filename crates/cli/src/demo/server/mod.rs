//! A private database server: its programs are found on this machine, its data is in a folder of ours, and it ends with this
//! value.
//!
//! Neither PostgreSQL nor MariaDB is to run as root, so for root it runs as an unprivileged user. A small shell stands
//! between us and the server: it holds the read end of a pipe, and when the other end goes away (this value is dropped,
//! or this process is killed) it ends the server by its pid. Nothing is ever installed or downloaded here; `make setup`
//! does that.

mod mariadb;
mod postgres;

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

use crate::{failure::Failure, protocol::Protocol};

/// A running server; it ends with this value.
pub(crate) struct Server {
    guard: Child,
    address: SocketAddr,
    product: String,
    statements: PathBuf,
}

/// A user and a group of the operating system, by number.
type Ids = (u32, u32);

const GUARD: &str = r#"
log=$1 signal=$2; shift 2
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- & pid=$!
{ cat <&3; kill -"$signal" "$pid"; } >/dev/null 2>&1 & guard=$!
exec 3<&-
wait "$pid"; code=$?
kill "$guard" 2>/dev/null
exit "$code"
"#;

/// LIMIT: a busy machine takes its time; a server that will never come up ends by itself.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

impl Server {
    /// Makes a server in `folder` with this password for its superuser, and starts it on a free port.
    pub(crate) fn start(protocol: Protocol, folder: &Path, password: &str) -> Result<Self, Failure> {
        match protocol {
            Protocol::Postgres => postgres::start(folder, password),
            Protocol::Mysql => mariadb::start(folder, password),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it is, with its version, as it tells it.
    pub(crate) fn product(&self) -> &str {
        &self.product
    }

    /// All that it has logged: every statement that it was given is there.
    pub(crate) fn log(&self) -> String {
        read(&self.statements)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe ends it; the wait is for its files, which go next.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// How a product is started.
struct Start<'a> {
    product: &'static str,
    folder: &'a Path,
    owner: Option<Ids>,
    /// What it logs once it can be used.
    ready: &'static str,
    /// What it logs where its port is another's.
    taken: &'static str,
    /// The signal that ends it at once.
    end: &'static str,
}

impl Start<'_> {
    /// On a port that was free a moment ago; another process may take it first, then the next one is tried.
    fn anywhere(&self, command: impl Fn(SocketAddr) -> Vec<OsString>) -> Result<(Child, SocketAddr), Failure> {
        for _ in 0..8 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
            let address = port.map_err(|error| at(self.folder, &error))?;
            let mut guard = self.launch(command(address))?;
            if self.comes_up(&mut guard) {
                return Ok((guard, address));
            }
            // Closing the pipe ends what is left of it.
            drop(guard.stdin.take());
            let _ = guard.wait();
            let log = read(&self.log());
            if !log.contains(self.taken) {
                return Err(Failure::refused(format_args!("{} does not start:\n{log}", self.product)));
            }
        }
        Err(Failure::refused(format_args!("no free port for {} in eight tries", self.product)))
    }

    /// What it prints.
    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn launch(&self, server: Vec<OsString>) -> Result<Child, Failure> {
        let log = self.log();
        fs::write(&log, "").and_then(|()| own(&log, self.owner)).map_err(|error| at(&log, &error))?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", GUARD, "guard"]).arg(&log).arg(self.end).args(server);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C").current_dir("/");
        // Out of the terminal's group: Ctrl-C must reach us alone, and the pipe then ends the server in order.
        shell.process_group(0);
        run_as(&mut shell, self.owner);
        shell.spawn().map_err(|error| at(Path::new("/bin/sh"), &error))
    }

    fn comes_up(&self, guard: &mut Child) -> bool {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN && matches!(guard.try_wait(), Ok(None)) {
            if read(&self.log()).contains(self.ready) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

/// A new folder of the server's own.
fn make_folder(folder: &Path, owner: Option<Ids>) -> Result<(), Failure> {
    fs::create_dir(folder).and_then(|()| own(folder, owner)).map_err(|error| at(folder, &error))
}

/// A file that only the server's user may read.
fn write_secret(path: &Path, text: &str, owner: Option<Ids>) -> Result<(), Failure> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| own(path, owner)).map_err(|error| at(path, &error))
}

/// Where `scripts/setup.sh` puts what is not the system's; see `scripts/env.sh`.
fn tools() -> Option<PathBuf> {
    let cache = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let of_user = || cache().or_else(home).map(|cache| cache.join("portcullis/tools"));
    match env::var_os("PORTCULLIS_TOOLS") {
        Some(named) => Some(named.into()),
        None if is_root() => Some("/var/cache/portcullis/tools".into()),
        None => of_user(),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whom the server runs as, the first of `names` that there is; none where we are not root ourselves.
fn unprivileged(product: &str, names: &[&str]) -> Result<Option<Ids>, Failure> {
    if !is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    names.iter().find_map(|name| user(&users, name)).map(Some).ok_or_else(|| {
        let names = names.join("` or `");
        Failure::refused(format_args!("{product} is not to run as root, and there is no user `{names}`"))
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

fn command(program: &Path, owner: Option<Ids>) -> Command {
    let mut command = Command::new(program);
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

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
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
