//! Where `make setup` has put things, found in the same way as `scripts/env.sh` does.
//!
//! Tests must work from a plain `cargo test` as well as from `make test`, so nothing here depends on a variable having
//! been exported; the variables only override.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// A user and group of the operating system, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// The folder in which `scripts/setup.sh` keeps what is not a package of the system.
pub fn dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("PORTCULLIS_TOOLS") {
        return dir.into();
    }
    if running_as_root() {
        return "/var/cache/portcullis/tools".into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache"));
    cache.join("portcullis/tools")
}

/// Whether this process is root, which PostgreSQL refuses to be.
pub fn running_as_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The unprivileged user that servers run as when the tests run as root; `None` otherwise: they run as ourselves.
pub fn server_user() -> Option<Ids> {
    if !running_as_root() {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    let found = ["postgres", "nobody"].iter().find_map(|name| passwd_entry(&passwd, name));
    Some(found.expect("a user `postgres` or `nobody` exists"))
}

/// Gives a file or folder to the user that servers run as.
///
/// # Panics
/// When that fails.
pub fn own(path: &Path, owner: Option<Ids>) {
    if let Some(ids) = owner {
        chown(path, Some(ids.uid), Some(ids.gid)).expect("owner set");
    }
}

fn passwd_entry(passwd: &str, name: &str) -> Option<Ids> {
    let fields: Vec<&str> =
        passwd.lines().map(|l| l.split(':').collect()).find(|f: &Vec<&str>| f.first() == Some(&name))?;
    Some(Ids { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

/// The Python of `make setup`, which has the drivers.
pub fn python() -> PathBuf {
    installed(dir().join("venv/bin/python"))
}

/// The folder that holds `node_modules` with node-postgres and mysql2.
pub fn node_modules() -> PathBuf {
    installed(dir().join("node/node_modules"))
}

/// A program or folder that must be there.
///
/// # Panics
/// When it is not, with the command that installs it: a missing tool must not look like a passed test.
pub fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "`{}` is not installed: run `make setup`", path.display());
    path
}

/// The `portcullis` binary of this build: beside the test binary that asks, or `PORTCULLIS_BIN`.
///
/// `cargo test --workspace` links it before any test runs, because the package `portcullis-cli` has integration tests.
///
/// # Panics
/// When it has not been built.
pub fn portcullis() -> PathBuf {
    if let Some(path) = std::env::var_os("PORTCULLIS_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().find(|dir| dir.join("deps").is_dir()).unwrap_or(Path::new("."));
    let binary = profile.join("portcullis");
    assert!(binary.exists(), "`{}` is not built: run `make test` or `cargo build -p portcullis-cli`", binary.display());
    binary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:5:6::/:/bin/sh\npostgres:x:103:109::/:/bin/sh\n";
        assert_eq!(passwd_entry(passwd, "postgres"), Some(Ids { uid: 103, gid: 109 }));
        assert_eq!(passwd_entry(passwd, "post"), None);
    }

    #[test]
    #[should_panic(expected = "run `make setup`")]
    fn a_missing_tool_names_the_command_that_installs_it() {
        installed("/nonexistent/postgres".into());
    }
}
