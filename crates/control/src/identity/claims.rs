//! From proved claims to an identity.
//!
//! Spec: RFC 7519 section 4.1, OpenID Connect Core 2 and 3.1.3.7, RFC 8693 section 4.1 (`act`). Time is an argument.
//! A claim of the wrong shape refuses the token: guessing at a group list is how people end up in the wrong group.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{Agent, Identity};
use crate::Refused;

// LIMIT: clocks of provider and gateway may differ by this much.
const LEEWAY: Duration = Duration::from_secs(30);
// LIMIT: OpenID Connect Core 2 bounds `sub` at 255 ASCII characters; group names get the same.
const MAX_NAME: usize = 255;
// LIMIT: directories give out a few hundred; policy slicing is linear in them.
const MAX_GROUPS: usize = 1024;
// LIMIT: delegation chains are 1 or 2 long.
const MAX_ACTORS: usize = 8;
// LIMIT: the year 36812; above it, adding to the epoch could overflow.
const MAX_DATE: u64 = 1 << 40;

/// What one provider's tokens must say.
pub(super) struct Rules<'p> {
    pub(super) provider: &'p str,
    pub(super) issuer: &'p str,
    pub(super) audience: &'p str,
    pub(super) groups_claim: &'p str,
}

impl Rules<'_> {
    /// The identity these proved claims stand for at `now`.
    pub(super) fn identity(&self, claims: &Value, now: SystemTime) -> Result<Identity, Refused> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(Refused::Claim("iss"));
        }
        self.check_audience(claims)?;
        // A token bound to a key (RFC 7800) must not be accepted without proof of that key, and none can be given here.
        if claims.get("cnf").is_some() {
            return Err(Refused::Claim("cnf"));
        }
        let expires = check_times(claims, now)?;
        Ok(Identity {
            provider: self.provider.to_owned(),
            subject: name(claims.get("sub"), "sub")?,
            groups: groups(claims.get(self.groups_claim))?,
            agent: claims.get("act").map(|act| self.agent(act)).transpose()?,
            expires,
            token_id: claims.get("jti").map(|jti| name(Some(jti), "jti")).transpose()?,
        })
    }

    fn check_audience(&self, claims: &Value) -> Result<(), Refused> {
        match claims.get("aud") {
            Some(Value::String(one)) if one == self.audience => Ok(()),
            Some(Value::Array(many)) if many.iter().any(|a| a.as_str() == Some(self.audience)) => Ok(()),
            _ => Err(Refused::Audience),
        }
    }

    /// The outermost actor is who acts now; those inside it acted before (RFC 8693, section 4.1).
    fn agent(&self, act: &Value) -> Result<Agent, Refused> {
        let mut chain = Vec::new();
        let mut next = Some(act);
        while let Some(actor) = next {
            if chain.len() == MAX_ACTORS {
                return Err(Refused::Claim("act"));
            }
            // An actor of another issuer has a name in another space; `Agent::"corp|x"` would be someone else.
            if actor.get("iss").is_some_and(|iss| iss.as_str() != Some(self.issuer)) {
                return Err(Refused::Claim("act"));
            }
            chain.push(name(actor.get("sub"), "act")?);
            next = actor.get("act");
        }
        let subject = chain.remove(0);
        Ok(Agent { subject, before: chain })
    }
}

/// A name fit for a principal id and a log line.
fn name(value: Option<&Value>, claim: &'static str) -> Result<String, Refused> {
    match value.and_then(Value::as_str) {
        Some(text) if is_name(text) => Ok(text.to_owned()),
        _ => Err(Refused::Claim(claim)),
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn groups(value: Option<&Value>) -> Result<Vec<String>, Refused> {
    const CLAIM: &str = "groups";
    let listed = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        Some(Value::Array(many)) if many.len() <= MAX_GROUPS => many.as_slice(),
        Some(_) => return Err(Refused::Claim(CLAIM)),
    };
    let mut out: Vec<String> = listed.iter().map(|g| name(Some(g), CLAIM)).collect::<Result<_, _>>()?;
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

fn check_times(claims: &Value, now: SystemTime) -> Result<SystemTime, Refused> {
    let expires = date(claims, "exp")?.ok_or(Refused::Claim("exp"))?;
    if now >= expires + LEEWAY {
        return Err(Refused::Expired);
    }
    let issued = date(claims, "iat")?;
    let not_before = date(claims, "nbf")?;
    if [issued, not_before].into_iter().flatten().any(|start| start > now + LEEWAY) {
        return Err(Refused::NotYetValid);
    }
    if issued.is_some_and(|at| at > expires) {
        return Err(Refused::Claim("iat"));
    }
    Ok(expires)
}

/// A NumericDate: seconds, possibly with a fraction, which is dropped.
fn date(claims: &Value, claim: &'static str) -> Result<Option<SystemTime>, Refused> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_u64().or_else(|| value.as_f64().filter(|f| *f >= 0.0).map(|f| f as u64));
    match seconds {
        Some(seconds) if seconds < MAX_DATE => Ok(Some(UNIX_EPOCH + Duration::from_secs(seconds))),
        _ => Err(Refused::Claim(claim)),
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
