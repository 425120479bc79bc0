//! The device flow and refresh tokens (RFC 8628, RFC 6749 section 6).
//!
//! There is no client authentication and no password: whoever can reach loopback may sign in as any configured user.
//! Refresh tokens are good once, as public clients' should be (RFC 9700).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Shared, keys::random_text};

const CODE_LIFETIME: Duration = Duration::from_secs(600);
// LIMIT: logins that wait, and refresh tokens that are good; beyond it people sign in again.
const MAX_LOGINS: usize = 1000;
// RFC 8628 6.1: no vowels, so that no words appear, and no letters that look alike.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A login that someone began, by device code.
#[derive(Debug)]
pub(crate) struct DeviceLogin {
    user_code: String,
    began: Instant,
    decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    Waiting,
    Approved(String),
    Denied,
}

/// An OAuth error code, answered with status 400.
pub(crate) type Refusal = &'static str;

impl Shared {
    /// Begins a device login.
    pub(crate) fn begin(&self) -> Value {
        let (device_code, user_code) = (random_text(), user_code());
        let decision = self.config.auto_approve.clone().map_or(Decision::Waiting, Decision::Approved);
        let login = DeviceLogin { user_code: user_code.clone(), began: Instant::now(), decision };
        let mut state = self.lock();
        state.logins.retain(|_, l| l.began.elapsed() < CODE_LIFETIME);
        if state.logins.len() < MAX_LOGINS {
            state.logins.insert(device_code.clone(), login);
        }
        let page = format!("{}/device", self.issuer);
        json!({
            "device_code": device_code, "user_code": user_code, "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "expires_in": CODE_LIFETIME.as_secs(), "interval": 1,
        })
    }

    /// Approves as `sub`, or denies; `false` if there is no such code waiting or no such user.
    pub(crate) fn decide(&self, user_code: &str, sub: Option<&str>) -> bool {
        let decision = match sub {
            Some(sub) if self.config.users.iter().any(|u| u.sub == sub) => Decision::Approved(sub.to_owned()),
            Some(_) => return false,
            None => Decision::Denied,
        };
        let mut state = self.lock();
        let waiting = state.logins.values_mut().find(|l| l.user_code == user_code && l.decision == Decision::Waiting);
        waiting.map(|login| login.decision = decision).is_some()
    }

    /// Tokens for a device code.
    pub(crate) fn redeem_device(&self, device_code: &str) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let login = state.logins.get(device_code).ok_or("invalid_grant")?;
        if login.began.elapsed() >= CODE_LIFETIME {
            return Err("expired_token");
        }
        let sub = match login.decision.clone() {
            Decision::Waiting => return Err("authorization_pending"),
            Decision::Denied => return Err("access_denied"),
            Decision::Approved(sub) => sub,
        };
        state.logins.remove(device_code);
        drop(state);
        self.grant(sub)
    }

    /// Tokens for a refresh token, which is used up.
    pub(crate) fn redeem_refresh(&self, refresh: &str) -> Result<Value, Refusal> {
        let sub = self.lock().refreshes.remove(refresh).ok_or("invalid_grant")?;
        self.grant(sub)
    }

    fn grant(&self, sub: String) -> Result<Value, Refusal> {
        let token = self.token_for(&sub).ok_or("access_denied")?;
        let refresh = random_text();
        let mut state = self.lock();
        if state.refreshes.len() >= MAX_LOGINS {
            state.refreshes.clear();
        }
        state.refreshes.insert(refresh.clone(), sub);
        drop(state);
        let expires_in = self.config.lifetime.as_secs();
        Ok(json!({
            "access_token": token, "id_token": token, "refresh_token": refresh,
            "token_type": "Bearer", "expires_in": expires_in,
        }))
    }
}

/// Eight letters in two groups. 20 letters do not divide 256, but nobody's safety hangs on the slight bias here.
fn user_code() -> String {
    let text = random_text();
    let mut letters = text.bytes().map(|b| char::from(ALPHABET[usize::from(b) % ALPHABET.len()]));
    let first: String = letters.by_ref().take(4).collect();
    let second: String = letters.take(4).collect();
    format!("{first}-{second}")
}
