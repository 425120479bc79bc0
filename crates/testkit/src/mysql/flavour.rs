//! Which MySQL-speaking servers the tests run on, and where their programs are.
//!
//! Both are unpacked into the tools folder by `scripts/setup.sh`, with every library they need: no root, no service.
//! Where that cannot be done (no apt, no mirror that has them) the script leaves the reason, and the tests say it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Plugin;
use crate::tools;

/// A server to test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The distribution's MariaDB: 10.11 on Debian 12.
    MariaDb,
    /// A newer MariaDB, 11.6 or later: the first to know parsec. For the tests that want that.
    MariaDb11,
    /// MySQL 9: without `mysql_native_password`.
    MySql9,
}

/// Why a server cannot be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped(pub String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {}", self.0)
    }
}

impl Flavour {
    /// The two that every test is for.
    pub const USUAL: [Self; 2] = [Self::MariaDb, Self::MySql9];

    /// All, for what is only on some.
    pub const ALL: [Self; 3] = [Self::MariaDb, Self::MariaDb11, Self::MySql9];

    /// Those of [`Self::USUAL`] that this machine can run, as [`Self::available_of`].
    pub fn available() -> Vec<Self> {
        Self::available_of(&Self::USUAL)
    }

    /// Those that this machine can run. Why others cannot be had is printed, so that the smaller run is not mistaken
    /// for a whole one.
    ///
    /// # Panics
    /// When one could be had and is not installed, naming the command that installs it.
    pub fn available_of(wanted: &[Self]) -> Vec<Self> {
        let (there, missing): (Vec<_>, Vec<_>) =
            wanted.iter().copied().map(|flavour| flavour.check().map(|()| flavour)).partition(Result::is_ok);
        missing.into_iter().filter_map(Result::err).for_each(|skipped| report(&skipped));
        there.into_iter().filter_map(Result::ok).collect()
    }

    /// Whether it can be run here.
    ///
    /// # Errors
    /// With the reason that the set-up has left, except in CI, where everything must be there.
    ///
    /// # Panics
    /// When it is not installed and there is no such reason, naming the command that installs it.
    pub fn check(self) -> Result<(), Skipped> {
        look(&tools::dir(), self, std::env::var_os("CI").is_some())
    }

    /// The folder that it was unpacked into.
    pub fn root(self) -> PathBuf {
        tools::dir().join(self.folder())
    }

    /// The command-line client: `mariadb`, `mysql`.
    pub fn client(self) -> PathBuf {
        let name = match self {
            Self::MariaDb | Self::MariaDb11 => "mariadb",
            Self::MySql9 => "mysql",
        };
        tools::installed(self.root().join("usr/bin").join(name))
    }

    /// The ways to sign in that this server knows.
    pub fn plugins(self) -> &'static [Plugin] {
        match self {
            Self::MariaDb => &[Plugin::NativePassword, Plugin::Ed25519],
            Self::MariaDb11 => &[Plugin::NativePassword, Plugin::Ed25519, Plugin::Parsec, Plugin::CachingSha2],
            Self::MySql9 => &[Plugin::CachingSha2, Plugin::Sha256],
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MariaDb11 => "mariadb11",
            Self::MySql9 => "mysql9",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::MariaDb | Self::MariaDb11 => "usr/sbin/mariadbd",
            Self::MySql9 => "usr/sbin/mysqld",
        }
    }

    /// Whether it is a MariaDB, of whatever version.
    pub fn is_mariadb(self) -> bool {
        self != Self::MySql9
    }

    /// The option that keeps the redo log small, and with it each copy of the template.
    pub(super) fn size(self) -> &'static str {
        match self {
            Self::MariaDb | Self::MariaDb11 => "--innodb-log-file-size=8M",
            Self::MySql9 => "--innodb-redo-log-capacity=16M",
        }
    }

    /// The server's program, and what it needs to know to find its own files and not the machine's.
    pub(super) fn server(self) -> Vec<OsString> {
        let usr = self.root().join("usr");
        let mut command: Vec<OsString> = vec![tools::installed(self.root().join(self.program())).into()];
        command.push("--no-defaults".into());
        command.push(option("basedir", &usr));
        command.push(option("plugin-dir", &usr.join("lib/mysql/plugin")));
        command
    }
}

/// `--name=path`.
pub(super) fn option(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("--{name}="));
    text.push(path);
    text
}

fn look(tools: &Path, flavour: Flavour, must: bool) -> Result<(), Skipped> {
    if tools.join(flavour.folder()).join(flavour.program()).exists() {
        return Ok(());
    }
    let reason = std::fs::read_to_string(tools.join(flavour.folder()).with_extension("skipped"));
    match reason {
        Ok(reason) if !must => Err(Skipped(format!("{flavour:?}: {}", reason.trim()))),
        _ => panic!("{flavour:?} is not installed: run `make setup`"),
    }
}

#[expect(clippy::print_stderr, reason = "a skipped part of a test must be seen in the run's output")]
fn report(skipped: &Skipped) {
    eprintln!("testkit: {skipped}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_that_the_set_up_left_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mysql9.skipped"), "no mirror\n").unwrap();
        let told = look(dir.path(), Flavour::MySql9, false).unwrap_err();
        assert_eq!(told.to_string(), "skipped: MySql9: no mirror");
    }

    #[test]
    #[should_panic(expected = "run `make setup`")]
    fn without_a_reason_a_missing_server_is_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let _ = look(dir.path(), Flavour::MariaDb, false);
    }

    #[test]
    #[should_panic(expected = "run `make setup`")]
    fn where_all_must_be_there_a_reason_does_not_excuse() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mariadb.skipped"), "no apt\n").unwrap();
        let _ = look(dir.path(), Flavour::MariaDb, true);
    }
}
