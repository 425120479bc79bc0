//! Session start and end, and notes: who, from where, to what, and what happened around the statements.
//!
//! The verified identity (provider, subject, groups, actor) and the free-text user name stand apart: only the first was
//! proved. The gateway keeps a session of its own for what concerns the whole process.

use super::{put_option, put_pairs, take_option, take_pairs};
use crate::codec::{Malformed, Put, Take};
use crate::entry::Digest;

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// A client's.
    #[default]
    Client,
    /// The gateway's own: policy reloads, blobs, drains.
    Gateway,
}

/// How a session begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionStart {
    /// Whose session it is.
    pub origin: Origin,
    /// The identity provider that vouched, by its name in the configuration.
    pub provider: String,
    /// The `sub` claim.
    pub subject: String,
    /// The verified groups.
    pub groups: Vec<String>,
    /// The `act` claim: who acts for the subject.
    pub actor: Option<String>,
    /// The user name the client typed. Free text, proves nothing.
    pub user: String,
    /// The upstream's name.
    pub upstream: String,
    /// The database on it.
    pub database: String,
    /// Where the client came from.
    pub client_address: String,
    /// `postgres`, `mysql`, `http`: how the result frames read.
    pub protocol: String,
    /// The protocol's version.
    pub protocol_version: String,
    /// What the client calls itself.
    pub application_name: String,
    /// Digest of the policy in force.
    pub policy: Digest,
    /// Further facts: credential kind, token id, gateway name, TLS version…
    pub facts: Vec<(String, String)>,
}

impl SessionStart {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.byte(match self.origin {
            Origin::Client => 0,
            Origin::Gateway => 1,
        });
        out.text(&self.provider);
        out.text(&self.subject);
        out.list(&self.groups, String::len, |out, group| out.text(group));
        put_option(out, self.actor.as_deref());
        for text in [
            &self.user,
            &self.upstream,
            &self.database,
            &self.client_address,
            &self.protocol,
            &self.protocol_version,
            &self.application_name,
        ] {
            out.text(text);
        }
        out.fixed(&self.policy);
        put_pairs(out, &self.facts);
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            origin: match take.byte("origin")? {
                0 => Origin::Client,
                1 => Origin::Gateway,
                _ => return Err(Malformed::Invalid("origin")),
            },
            provider: take.text("provider")?,
            subject: take.text("subject")?,
            groups: take.list("groups", |take| take.text("group"))?.0,
            actor: take_option(take, "actor")?,
            user: take.text("user")?,
            upstream: take.text("upstream")?,
            database: take.text("database")?,
            client_address: take.text("client address")?,
            protocol: take.text("protocol")?,
            protocol_version: take.text("protocol version")?,
            application_name: take.text("application name")?,
            policy: take.array("policy")?,
            facts: take_pairs(take, "facts")?.0,
        })
    }
}

/// How a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// Why: `terminate`, `revoked`, `max_age`, `upstream lost`, …
    pub reason: String,
    /// Statements that were allowed in it.
    pub statements: u64,
}

impl SessionEnd {
    pub(crate) fn encode(out: &mut Vec<u8>, reason: &str, statements: u64) {
        out.text(reason);
        out.number(statements);
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Self { reason: take.text("reason")?, statements: take.number("statements")? })
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// A stable word: `policy-reload`, `fail-open`, `drain`, `unrecorded`.
    pub code: String,
    /// For people.
    pub message: String,
    /// Particulars.
    pub facts: Vec<(String, String)>,
}

impl Note {
    pub(crate) fn encode<K: AsRef<str>, V: AsRef<str>>(out: &mut Vec<u8>, code: &str, message: &str, facts: &[(K, V)]) {
        out.text(code);
        out.text(message);
        put_pairs(out, facts);
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Self { code: take.text("code")?, message: take.text("message")?, facts: take_pairs(take, "facts")?.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_start_comes_back() {
        let start = SessionStart {
            provider: "corp".into(),
            subject: "ana".into(),
            groups: vec!["dba".into(), "eu".into()],
            actor: Some("agent-7".into()),
            upstream: "shop".into(),
            facts: vec![("tls".into(), "1.3".into())],
            policy: [9; 32],
            ..SessionStart::default()
        };
        let mut out = Vec::new();
        start.encode(&mut out);
        let mut take = Take::new(&out);
        assert_eq!(SessionStart::decode(&mut take), Ok(start));
        assert_eq!(take.finish(), Ok(()));
    }
}
