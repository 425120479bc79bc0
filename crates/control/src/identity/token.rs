//! A compact JWS, taken apart; nothing in it is believed until a key proves it.
//!
//! Spec: RFC 7515 section 3.1, RFC 8725. The header may choose a key by name and must agree with that key's algorithm;
//! it decides nothing else: `jku`, `jwk`, `x5u` and `x5c` are never read, `crit`, `zip` and `enc` are refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{jwks::Key, strict};
use crate::Refused;

// LIMIT: the sign-in message may hold 64 KiB; tokens with hundreds of groups reach 20.
const MAX_TOKEN: usize = 64 * 1024;
// EVASION: another kind of signed object (logout token, DPoP proof, security event) passed off as a login.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// A well-formed token that nobody has vouched for yet. It has no `Debug`: it holds a credential.
pub(super) struct Unverified<'t> {
    signed: &'t str,
    signature: &'t str,
    header: Value,
    claims: Value,
}

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    pub(super) fn split(token: &'t str) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed("parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed("parts"))?;
        if claims.contains('.') {
            return Err(Refused::Malformed("parts"));
        }
        let header = part(header).ok_or(Refused::Malformed("header"))?;
        let claims = part(claims).ok_or(Refused::Malformed("claims"))?;
        check_header(&header)?;
        Ok(Self { signed, signature, header, claims })
    }

    /// `iss`, unproved: good for choosing whom to ask, nothing else.
    pub(super) fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// `kid` of the header.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// `alg` of the header.
    pub(super) fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The claims, once `key` has proved them with its own algorithm.
    pub(super) fn proved_by(self, key: &Key) -> Result<Value, Refused> {
        if !key.is_for(self.algorithm()) {
            return Err(Refused::Algorithm);
        }
        match jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.decoding, key.algorithm) {
            Ok(true) => Ok(self.claims),
            _ => Err(Refused::Signature),
        }
    }
}

fn part(text: &str) -> Option<Value> {
    strict(&URL_SAFE_NO_PAD.decode(text).ok()?).filter(Value::is_object)
}

fn check_header(header: &Value) -> Result<(), Refused> {
    // MUST (RFC 7515 4.1.11): an extension in `crit` that is not understood makes the token invalid; we know none.
    if ["crit", "zip", "enc", "b64"].iter().any(|name| header.get(name).is_some()) {
        return Err(Refused::Malformed("header"));
    }
    if header.get("kid").is_some_and(|kid| !kid.is_string()) {
        return Err(Refused::Malformed("header"));
    }
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(typ)) if TYPES.contains(&typ.to_ascii_lowercase().as_str()) => Ok(()),
        Some(_) => Err(Refused::Malformed("type")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn why(token: &str) -> Option<Refused> {
        Unverified::split(token).err()
    }

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn what_is_not_three_parts_of_json_is_refused() {
        for bad in
            ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "e30.e30", "e30.e30.x.y", "é.é.é", "e30=.e30.x", "W10.e30.x"]
        {
            assert!(matches!(why(bad), Some(Refused::Malformed(_))), "{bad}");
        }
        assert_eq!(why(&token("{}", "{}")), None);
    }

    proptest! {
        #[test]
        fn no_token_makes_it_panic(token in "[A-Za-z0-9_.=-]{0,200}", header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
            let _either = Unverified::split(&token);
            let made = format!("{}.{}.x", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let _either = Unverified::split(&made);
        }
    }

    #[test]
    fn too_long_is_refused_before_it_is_read() {
        assert_eq!(why(&"a".repeat(MAX_TOKEN + 1)), Some(Refused::TooLong));
    }

    #[test]
    fn headers_that_change_the_meaning_are_refused() {
        for bad in [
            r#"{"crit":["exp"]}"#,
            r#"{"zip":"DEF"}"#,
            r#"{"enc":"A128GCM"}"#,
            r#"{"b64":false}"#,
            r#"{"kid":7}"#,
            r#"{"typ":"logout+jwt"}"#,
            r#"{"typ":7}"#,
            r#"{"alg":"RS256","alg":"HS256"}"#,
        ] {
            assert!(why(&token(bad, "{}")).is_some(), "{bad}");
        }
        for good in [r#"{"typ":"JWT"}"#, r#"{"typ":"at+jwt"}"#, r#"{"kid":"a","jku":"https://evil"}"#] {
            assert_eq!(why(&token(good, "{}")), None, "{good}");
        }
    }
}
