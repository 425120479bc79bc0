//! Which servers the tests run on, and where their programs are.

use std::path::PathBuf;

use crate::tools;

/// A server to test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The distribution's: 15 on Debian 12; the newest under `/usr/lib/postgresql` elsewhere. It can do TLS.
    V15,
    /// The wheel's 18: protocol 3.2, needs no root; built without TLS.
    V18,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V15, Self::V18];

    /// The versions that this machine can run: 18 always; the distribution's wherever packages can be installed.
    ///
    /// Without root and without the distribution's package there is no second server to be had; the reason is printed
    /// so that the smaller run is not mistaken for a whole one. As root, and in CI, a missing server is a failure.
    pub fn available() -> Vec<Self> {
        let must_have_all = tools::running_as_root() || std::env::var_os("CI").is_some();
        if must_have_all || distribution_bin().is_some() {
            return Self::ALL.to_vec();
        }
        report("skipped on the distribution's PostgreSQL: it is not installed and this user cannot install it");
        vec![Self::V18]
    }

    /// The folder of `postgres`, `initdb`, `psql` and `pgbench`.
    ///
    /// # Panics
    /// When it is not installed, naming the command that installs it.
    pub fn bin(self) -> PathBuf {
        match self {
            Self::V15 => distribution_bin().unwrap_or_else(|| tools::installed("/usr/lib/postgresql/15/bin".into())),
            Self::V18 => tools::installed(tools::dir().join("pg18/bin")),
        }
    }

    /// Whether this build of the server can do TLS.
    pub fn has_tls(self) -> bool {
        self == Self::V15
    }
}

/// `PORTCULLIS_PG15` names the folder; else 15 under `/usr/lib/postgresql`, else the newest there.
fn distribution_bin() -> Option<PathBuf> {
    if let Some(bin) = std::env::var_os("PORTCULLIS_PG15") {
        return Some(bin.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let numbered = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let with_server = |v: &u32| bin_of(*v).join("initdb").exists();
    numbered.filter(with_server).max_by_key(|v| (*v == 15, *v)).map(bin_of)
}

fn bin_of(version: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))
}

#[expect(clippy::print_stderr, reason = "a skipped part of a test must be seen in the run's output")]
fn report(what: &str) {
    eprintln!("testkit: {what}");
}
