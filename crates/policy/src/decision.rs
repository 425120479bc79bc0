//! What policy answers, and the permit that only an allowing answer can make.
//!
//! ```compile_fail
//! // A permit cannot be made by hand …
//! let _ = portcullis_policy::Permit { session: 1, sequence: 1, digest: [0; 32] };
//! ```
//! ```compile_fail
//! // … nor copied.
//! fn twice(permit: portcullis_policy::Permit) -> (portcullis_policy::Permit, portcullis_policy::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```

use std::sync::Arc;

use serde::Serialize;

use crate::action::Action;

/// The answer to a statement's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every request is allowed.
    Allow(Allowed),
    /// At least one is not.
    Deny(Box<Denial>),
}

impl Decision {
    /// Whether every request is allowed.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// Why not, where one is not allowed.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow(_) => None,
            Self::Deny(denial) => Some(denial),
        }
    }
}

/// Proof that policy allowed a statement's requests. May be kept and used again for the same requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    #[serde(serialize_with = "listed")]
    rules: Arc<[String]>,
}

impl Allowed {
    pub(crate) fn new(rules: Vec<String>) -> Self {
        Self { rules: rules.into() }
    }

    /// The permits that determined it, by id.
    #[must_use]
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// The permit for one statement: its session, its number in it, and the digest of the very bytes to be forwarded.
    pub fn permit(&self, session: u128, sequence: u64, digest: [u8; 32]) -> Permit {
        Permit { session, sequence, digest }
    }
}

/// Leave to forward one statement. Used up by forwarding; can be neither made by hand nor copied.
#[derive(Debug)]
#[must_use = "a permit that is not used forwards nothing"]
pub struct Permit {
    session: u128,
    sequence: u64,
    digest: [u8; 32],
}

impl Permit {
    /// The session.
    #[must_use]
    pub fn session(&self) -> u128 {
        self.session
    }

    /// The number of the statement in the session.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The digest of the bytes that may be forwarded.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Why a statement is not allowed. The first request that fails for good is named; one that waits for an approval is
/// named only where nothing fails for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// The rule, by id; none where nothing permitted it.
    pub rule: Option<String>,
    /// What the rule's author advises.
    pub hint: Option<String>,
    /// Why the rule is there.
    pub reason: Option<String>,
    /// What would lift the denial; nothing short of another policy does, where this is none.
    pub require: Option<Requirement>,
    /// The action of the request.
    pub action: Action,
    /// The resource of the request, such as `Table::"shop.public.orders"`.
    pub resource: String,
    /// Every rule that forbade it, or that failed, by id, in the order of the files.
    pub determining: Vec<String>,
    /// Whether a rule could not be evaluated, which denies.
    pub error: bool,
}

/// What would lift a denial: every one of these approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// One for each rule that asks for approval.
    pub approvals: Vec<Approval>,
}

/// An approval that one rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// The rule that asks.
    pub rule: String,
    /// The groups, any member of which may approve, such as `corp|dba`; none named leaves it to the configuration.
    pub approvers: Vec<String>,
    /// Why the rule is there.
    pub reason: Option<String>,
}

impl Requirement {
    /// Both requirements; each rule once.
    pub(crate) fn join(&mut self, other: Self) {
        let fresh: Vec<Approval> = other.approvals.into_iter().filter(|a| !self.approvals.contains(a)).collect();
        self.approvals.extend(fresh);
    }
}

/// As a list: sharing needs serde's `rc` feature, which would let anything shared be written.
fn listed<S: serde::Serializer>(rules: &Arc<[String]>, to: S) -> Result<S::Ok, S::Error> {
    rules.as_ref().serialize(to)
}
