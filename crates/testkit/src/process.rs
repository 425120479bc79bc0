//! A child process that cannot outlive its test.
//!
//! `Drop` alone does not run when a test binary is killed or aborts, and a parent-death signal follows the thread, not
//! the process. So a small shell stands between: it holds the read end of a pipe, and when the other end goes away (by
//! `Drop`, or because the test process is gone) it ends the program by its pid and by nothing else. The shell also
//! reports that pid and the exit code.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::tools::Ids;

const GUARD: &str = r#"
sig=$1 log=$2; shift 2
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- & pid=$!
echo "$pid"
{ cat <&3 >/dev/null; kill -"$sig" "$pid" 2>/dev/null; } >/dev/null 2>&1 & guard=$!
wait "$pid"; code=$?
kill "$guard" 2>/dev/null
echo "$code"
"#;

/// What to run.
#[derive(Debug, Clone)]
pub struct Spawn {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// Variables added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where standard output and error go.
    pub log: PathBuf,
    /// As whom, if not as ourselves.
    pub user: Option<Ids>,
    /// The signal that ends it: `TERM`, `QUIT`…
    pub end: &'static str,
}

/// A running program, ended with its owner.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
    /// Closing it ends the program.
    leash: Option<ChildStdin>,
    pid: u32,
    /// Behind a lock only so that tests on several threads may share a program.
    code: Mutex<Receiver<i32>>,
    exited: Option<i32>,
    log: PathBuf,
}

impl Guarded {
    /// Starts it; what it prints goes to the log file.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(spawn: Spawn) -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(GUARD).arg("guard").arg(spawn.end).arg(&spawn.log).args(&spawn.command);
        command.envs(spawn.env).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Out of the terminal's group: Ctrl-C must reach the test first, and the pipe then ends the program in order.
        command.process_group(0).current_dir("/");
        if let Some(ids) = spawn.user {
            command.uid(ids.uid).gid(ids.gid);
        }
        let mut shell = command.spawn().expect("/bin/sh starts");
        let leash = shell.stdin.take();
        let mut lines = BufReader::new(shell.stdout.take().expect("standard output is a pipe")).lines();
        let pid = lines.next().and_then(Result::ok).and_then(|l| l.parse().ok()).expect("the guard prints a pid");
        let (sender, code) = channel();
        std::thread::spawn(move || {
            // The receiver is gone when nobody waits any more: then nobody needs the code either.
            let _ = lines.next().and_then(Result::ok).and_then(|l| l.parse().ok()).map(|c: i32| sender.send(c));
        });
        Self { shell, leash, pid, code: Mutex::new(code), exited: None, log: spawn.log }
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by name: `TERM`, `HUP`, `KILL`, `STOP`, `CONT`…
    pub fn signal(&self, name: &str) {
        let done =
            Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()).stderr(Stdio::null()).status();
        done.expect("kill starts");
    }

    /// Waits for its end; `None` when it still runs after `limit`. A signal's death is 128 + its number.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        if self.exited.is_none() {
            let code = self.code.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.exited = code.recv_timeout(limit).ok();
        }
        self.exited
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.wait(Duration::ZERO).is_none()
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        read_lossy(&self.log)
    }

    /// Waits until the log holds `needle`; false when the program ends first, or after `limit`.
    pub fn wait_for_log(&mut self, needle: &str, limit: Duration) -> bool {
        let start = Instant::now();
        loop {
            if self.log().contains(needle) {
                return true;
            }
            if !self.is_running() || start.elapsed() > limit {
                return self.log().contains(needle);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.leash.take());
        if self.wait(Duration::from_secs(10)).is_none() {
            self.signal("KILL");
        }
        // The shell may have been ended by hand; there is nothing to do about it here.
        let _ = self.shell.wait();
    }
}

/// Runs a program to its good end, and returns what it printed.
///
/// # Panics
/// When it cannot be started or fails, with what it said.
pub fn run(command: &mut Command) -> String {
    let shown: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(Into::into).collect();
    let output = command.output().unwrap_or_else(|e| panic!("{shown:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A file's text, empty when it does not exist yet.
pub fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Polls until `found` holds something.
///
/// # Panics
/// When it does not within `limit`.
pub fn eventually<T>(what: &str, limit: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Both outputs of a program.
pub fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// The resident set of a process, in bytes.
///
/// # Panics
/// When it has ended.
pub fn rss(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(dir: &Path, script: &str) -> Guarded {
        let command = ["/bin/sh", "-c", script].map(OsString::from).to_vec();
        Guarded::spawn(Spawn { command, env: Vec::new(), log: dir.join("log"), user: None, end: "TERM" })
    }

    fn alive(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn dropping_the_owner_ends_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let program = sleeper(dir.path(), "exec sleep 600");
        let pid = program.pid();
        assert!(alive(pid));
        drop(program);
        assert!(!alive(pid));
    }

    #[test]
    fn exit_codes_and_signals_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut program = sleeper(dir.path(), "echo hello; exit 7");
        assert_eq!(program.wait(Duration::from_secs(10)), Some(7));
        assert_eq!(program.log(), "hello\n");
        let mut program = sleeper(dir.path(), "exec sleep 600");
        assert!(program.is_running());
        program.signal("KILL");
        assert_eq!(program.wait(Duration::from_secs(10)), Some(137));
    }

    #[test]
    fn waiting_for_a_line_stops_when_the_program_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut program = sleeper(dir.path(), "echo ready; exit 0");
        assert!(program.wait_for_log("ready", Duration::from_secs(10)));
        assert!(!program.wait_for_log("never printed", Duration::from_secs(600)));
    }
}
