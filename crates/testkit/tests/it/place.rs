//! Where tests take place: a server, a gateway in front of it, and the policy that most of them use.
//!
//! Starting both takes a second, so tests that change neither share them; what a session sent is told apart by its
//! server process. The last test to let go ends them.

use std::collections::HashMap;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use portcullis_testkit::disk::files;
use portcullis_testkit::postgres::statements;
pub use portcullis_testkit::process::{eventually, text};
pub use portcullis_testkit::usual::{DETECT, POLICY, usual};
use portcullis_testkit::{Gateway, Logged, Server, Setup, Version};

use crate::wire::Wire;

/// A server and the gateway in front of it.
pub struct Place {
    // First, so that it ends before its upstream does.
    pub gateway: Gateway,
    pub server: Server,
    /// How long the server's log was when a session began, by its process: what is older is not its own.
    began: Mutex<HashMap<u32, usize>>,
}

impl Place {
    /// One of a test's own.
    pub fn with(version: Version, setup: &Setup) -> Self {
        let server = Server::usual(version);
        Self { gateway: Gateway::start(&server, setup), server, began: Mutex::default() }
    }

    /// A session of somebody in these groups.
    pub fn session(&self, groups: &[&str]) -> Wire {
        let length = self.server.log().len();
        let token = self.gateway.token("ana", groups);
        let wire = Wire::try_sign_in(self.gateway.address(), "ana", &token)
            .unwrap_or_else(|report| panic!("{report:?}\n{}", self.gateway.log()));
        self.began.lock().unwrap_or_else(PoisonError::into_inner).insert(wire.pid, length);
        wire
    }

    /// What the server ran for one of its processes, the gateway's own question about the session left out.
    pub fn ran(&self, pid: u32) -> Vec<String> {
        self.logged(pid).into_iter().map(|logged| logged.text).collect()
    }

    /// The same with all that the log says of it.
    pub fn logged(&self, pid: u32) -> Vec<Logged> {
        let began = self.began.lock().unwrap_or_else(PoisonError::into_inner).get(&pid).copied().unwrap_or_default();
        let log = self.server.log();
        let mut of = statements(log.get(began..).unwrap_or(&log));
        of.retain(|logged| logged.pid == pid && logged.user == "app" && !logged.text.ends_with("/* portcullis */"));
        of
    }

    /// A command of the CLI on this gateway's folder: whether it succeeded, and all it printed.
    pub fn portcullis(&self, arguments: &[&str]) -> (bool, String) {
        self.gateway.command(arguments)
    }
}

static SHARED: Mutex<[Weak<Place>; 2]> = Mutex::new([Weak::new(), Weak::new()]);

/// The shared place of a version.
pub fn shared(version: Version) -> Arc<Place> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut shared[usize::from(version == Version::V18)];
    if let Some(place) = slot.upgrade() {
        return place;
    }
    let place = Arc::new(Place::with(version, &usual()));
    *slot = Arc::downgrade(&place);
    place
}

/// Runs a test on the shared place of each version.
pub fn each(test: impl Fn(&Place)) {
    for version in Version::available() {
        test(&shared(version));
    }
}

/// psql of a version, on a URL, with commands.
pub fn psql(version: Version, url: &str, commands: &[&str]) -> Output {
    let mut psql = Command::new(version.bin().join("psql"));
    psql.args(["-X", "-q", "-A", "-t", "-w"]).arg(url);
    for command in commands {
        psql.args(["-c", command]);
    }
    psql.output().expect("psql runs")
}
