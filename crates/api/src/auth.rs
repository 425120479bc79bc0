//! Who is asking: the bearer token of a request, verified.
//!
//! Spec: RFC 6750 section 2.1. Only the header is read: a token in a query string ends up in logs and histories.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use portcullis_control::Identity;

use crate::{error::Refusal, routes::Api};

/// A verified caller.
pub(crate) struct Caller(pub(crate) Identity);

impl Caller {
    /// Whether they are in one of the admin groups. An agent is never an admin, whoever it acts for.
    pub(crate) fn is_admin(&self, api: &Api) -> bool {
        let admins = &api.settings.admins;
        let is_admin =
            |group: &String| admins.iter().any(|(provider, admin)| *provider == self.0.provider && admin == group);
        self.0.agent.is_none() && self.0.groups.iter().any(is_admin)
    }

    /// Whether something of this person, and maybe agent, is the caller's own. A person owns what their agents do; an
    /// agent owns only what it did itself.
    pub(crate) fn owns(&self, provider: &str, subject: &str, agent: Option<&str>) -> bool {
        let same_agent = self.0.agent.as_ref().is_none_or(|mine| Some(mine.subject.as_str()) == agent);
        self.0.provider == provider && self.0.subject == subject && same_agent
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let token = bearer(&parts.headers)?;
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
        if from.is_some_and(|ip| api.failures.is_blocked(ip)) {
            return Err(Refusal::TooMany);
        }
        match api.providers.verify(token, SystemTime::now()).await {
            Ok(identity) => Ok(Self(identity)),
            Err(why) => {
                if let Some(ip) = from.filter(|_| !why.is_unavailable()) {
                    api.failures.count(ip);
                }
                tracing::info!(source = ?from, reason = %why, "a token was refused at the admin listener");
                Err(why.into())
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Refusal::NoToken) };
    let (scheme, token) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or(Refusal::NoToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Refusal::NoToken) }
}
