//! What proves an identity, whatever protocol it came by: the credential store and the identity providers.

use std::time::SystemTime;

use portcullis_control::{Identity, Standing};

use crate::process::Process;

/// The identity that a token proves.
pub(crate) async fn by_token(process: &Process, token: &[u8]) -> Option<Identity> {
    let token = std::str::from_utf8(token).ok()?;
    let providers = process.current.load().providers.clone();
    match providers.verify(token, SystemTime::now()).await {
        Ok(identity) => Some(identity),
        Err(error) => {
            tracing::info!(reason = %error, "a token was refused");
            None
        }
    }
}

/// The identity that a minted credential was made for, if it is for this upstream.
pub(crate) fn by_credential(process: &Process, user: Option<&str>, upstream: &str) -> Option<Identity> {
    let credential = process.store.credential(user?)?;
    let valid = matches!(credential.standing(SystemTime::now()), Standing::Good);
    (valid && credential.upstream == upstream).then(|| credential.identity.clone())
}
