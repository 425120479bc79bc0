//! Where tests take place: a server, a gateway in front of it, and the policy that most of them use.
//!
//! Starting both takes seconds, so tests that change neither share them; what a session sent is told apart by the
//! server's number of its connection. The last test to let go ends them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use portcullis_testkit::disk::files;
use portcullis_testkit::mysql::{Flavour, Options, Server};
pub use portcullis_testkit::process::{eventually, text};
pub use portcullis_testkit::usual::{DETECT, POLICY, usual};
use portcullis_testkit::{Gateway, Setup};

use crate::answer::Report;
use crate::wire::{SignIn, Wire, flag};

/// A server and the gateway in front of it.
pub struct Place {
    // First, so that it ends before its upstream does.
    pub gateway: Gateway,
    pub server: Server,
}

impl Place {
    /// One of a test's own.
    pub fn with(flavour: Flavour, setup: &Setup) -> Self {
        Self::on(flavour, &Options::default(), setup)
    }

    /// One of a test's own, with settings of the server.
    pub fn on(flavour: Flavour, options: &Options, setup: &Setup) -> Self {
        let server = Server::start(flavour, options).unwrap_or_else(|skipped| panic!("{skipped}"));
        Self { gateway: Gateway::start(&server, setup), server }
    }

    /// A session of somebody in these groups.
    pub fn session(&self, groups: &[&str]) -> Wire {
        self.session_with(groups, |how| how)
    }

    /// The same, with a sign-in that a test changes.
    pub fn session_with(&self, groups: &[&str], change: impl FnOnce(SignIn<'_>) -> SignIn<'_>) -> Wire {
        let token = self.gateway.token("ana", groups);
        let how = change(SignIn::clear("ana", &token));
        let wire = Wire::try_sign_in(self.gateway.address(), &how);
        let mut wire =
            wire.unwrap_or_else(|report| panic!("{report:?}\n{}\n{}", self.gateway.log(), self.server.messages()));
        let told = wire.query(ID);
        wire.id = told.text().first().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{told:?}"));
        wire
    }

    /// A sign-in with a token that may fail.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn try_session(&self, sub: &str, groups: &[&str]) -> Result<Wire, Report> {
        let token = self.gateway.token(sub, groups);
        Wire::try_sign_in(self.gateway.address(), &SignIn::clear(sub, &token))
    }

    /// What the server ran for one of its connections, in order: the text of statements, and the name and text of other
    /// commands. The gateway's own question about the session and [`Self::session`]'s are left out.
    pub fn ran(&self, id: u64) -> Vec<String> {
        let log = self.server.log().session(id);
        let ours = |text: &str| text.ends_with("/* portcullis */") || text == ID;
        log.0
            .iter()
            .filter(|logged| !matches!(logged.command.as_str(), "Connect" | "Close stmt" | "Quit" | "Reset stmt"))
            .filter(|logged| !ours(&logged.text()))
            .map(|logged| match logged.is_statement() {
                true => logged.text().into_owned(),
                false => format!("{}: {}", logged.command, logged.text()),
            })
            .collect()
    }

    /// A command of the CLI on this gateway's folder: whether it succeeded, and all it printed.
    pub fn portcullis(&self, arguments: &[&str]) -> (bool, String) {
        self.gateway.command(arguments)
    }
}

/// How a session learns the server's number of its connection.
const ID: &str = "SELECT connection_id()";

/// Both forms of result sets, for tests that want each.
pub const BOTH_FORMS: [u32; 2] = [flag::USUAL, flag::USUAL | flag::DEPRECATE_EOF | flag::SESSION_TRACK];

static SHARED: Mutex<[Weak<Place>; 2]> = Mutex::new([Weak::new(), Weak::new()]);

/// The shared place of a flavour.
pub fn shared(flavour: Flavour) -> Arc<Place> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut shared[usize::from(flavour.is_mariadb())];
    if let Some(place) = slot.upgrade() {
        return place;
    }
    let place = Arc::new(Place::with(flavour, &usual()));
    *slot = Arc::downgrade(&place);
    place
}

/// Runs a test on the shared place of each flavour.
pub fn each(test: impl Fn(&Place)) {
    for flavour in Flavour::available() {
        test(&shared(flavour));
    }
}

/// Runs a test on a place of its own of each flavour.
pub fn each_with(options: &Options, setup: &Setup, test: impl Fn(Place)) {
    for flavour in Flavour::available() {
        test(Place::on(flavour, options, setup));
    }
}
