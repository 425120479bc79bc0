//! SASL OAUTHBEARER: a token in the client's first message, and where to get one when there is none.
//!
//! A client that has no token yet sends an empty one; it is told the provider's discovery document, answers with one byte,
//! hears that it failed, and connects again. Spec: RFC 7628; "SASL Authentication", OAUTHBEARER (PostgreSQL 18), which
//! this follows in refusing an authorization identity and any binding.

use std::fmt::Write;

use portcullis_wire::Malformed;

use crate::frontend::SaslInitialResponse;
use crate::secret::Secret;

pub(super) const MECHANISM: &str = "OAUTHBEARER";

const INVALID: Malformed = Malformed::Invalid("OAUTHBEARER message");

/// Where a client without a token is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The provider's `…/.well-known/openid-configuration`.
    pub openid_configuration: String,
    /// The scopes to ask for, with blanks between.
    pub scope: String,
}

impl Discovery {
    /// The error of RFC 7628, 3.2.2, with the two additions that PostgreSQL's client reads.
    pub(super) fn status(&self) -> String {
        let mut json = String::from(r#"{"status":"invalid_token","openid-configuration":"#);
        quote(&mut json, &self.openid_configuration);
        json.push_str(r#","scope":"#);
        quote(&mut json, &self.scope);
        json.push('}');
        json
    }
}

fn quote(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
}

/// The token of an initial response; `None` where the client asks where to get one.
pub(super) fn token(message: SaslInitialResponse<'_>) -> Result<Option<Secret>, Malformed> {
    if message.mechanism != MECHANISM.as_bytes() {
        return Err(Malformed::Invalid("SASL mechanism"));
    }
    let pairs = pairs(message.data.ok_or(INVALID)?)?;
    match authorization(pairs)? {
        b"" => Ok(None),
        value => bearer(value).map(|token| Some(Secret::new(token))),
    }
}

/// What follows the header: `\x01`, pairs each ended by `\x01`, `\x01`.
fn pairs(data: &[u8]) -> Result<&[u8], Malformed> {
    // `n` and `y` say that the client does no binding, `p` would ask for one; `a=` would be another identity.
    let rest = data.strip_prefix(b"n,,").or_else(|| data.strip_prefix(b"y,,")).ok_or(INVALID)?;
    rest.strip_prefix(b"\x01").and_then(|rest| rest.strip_suffix(b"\x01")).ok_or(INVALID)
}

fn authorization(pairs: &[u8]) -> Result<&[u8], Malformed> {
    let mut found = None;
    let pairs = pairs.strip_suffix(b"\x01").ok_or(INVALID)?;
    for pair in pairs.split(|&byte| byte == 1) {
        let at = memchr::memchr(b'=', pair).ok_or(INVALID)?;
        let (key, value) = pair.split_at_checked(at).ok_or(INVALID)?;
        // RFC 7628, 3.1: unknown keys are ignored. Keys are letters only, and `auth` may stand once.
        if key.is_empty() || !key.iter().all(u8::is_ascii_alphabetic) {
            return Err(INVALID);
        }
        if key == b"auth" && found.replace(value.get(1..).unwrap_or_default()).is_some() {
            return Err(INVALID);
        }
    }
    found.ok_or(INVALID)
}

fn bearer(value: &[u8]) -> Result<&[u8], Malformed> {
    let (scheme, token) = value.split_at_checked(7).ok_or(INVALID)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(INVALID);
    }
    // RFC 6750, 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
    let token = token.trim_ascii_start();
    let body = token.iter().rposition(|&byte| byte != b'=').and_then(|last| token.get(..=last)).ok_or(INVALID)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if body.iter().all(plain) { Ok(token) } else { Err(INVALID) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> Result<Option<Secret>, Malformed> {
        token(SaslInitialResponse { mechanism: b"OAUTHBEARER", data: Some(data) })
    }

    #[test]
    fn a_bearer_token_is_found_among_the_pairs() {
        let data = b"n,,\x01host=gw\x01port=6432\x01auth=Bearer ey.J-_~+/x==\x01\x01";
        assert_eq!(read(data), Ok(Some(Secret::new(b"ey.J-_~+/x=="))));
        assert_eq!(read(b"y,,\x01auth=bearer abc\x01\x01"), Ok(Some(Secret::new(b"abc"))));
    }

    #[test]
    fn an_empty_token_asks_where_to_get_one() {
        assert_eq!(read(b"n,,\x01auth=\x01\x01"), Ok(None));
    }

    #[test]
    fn what_is_not_exactly_of_the_form_is_refused() {
        let cases: [&[u8]; 12] = [
            b"",
            b"n,,",
            b"p=tls-exporter,,\x01auth=Bearer a\x01\x01",
            b"n,a=root,\x01auth=Bearer a\x01\x01",
            b"n,,\x01auth=Bearer a\x01",
            b"n,,\x01auth=Bearer \x01\x01",
            b"n,,\x01auth=Basic abc\x01\x01",
            b"n,,\x01auth=Bearer a b\x01\x01",
            b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            b"n,,\x01au-th=Bearer a\x01\x01",
            b"n,,\x01host=x\x01\x01",
            b"n,,\x01auth=Bearer =\x01\x01",
        ];
        for data in cases {
            assert_eq!(read(data), Err(INVALID), "{}", data.escape_ascii());
        }
        let other = SaslInitialResponse { mechanism: b"PLAIN", data: Some(b"n,,\x01auth=Bearer a\x01\x01") };
        assert_eq!(token(other), Err(Malformed::Invalid("SASL mechanism")));
    }

    #[test]
    fn the_status_is_json_whatever_the_url() {
        let discovery = Discovery { openid_configuration: "https://i/\"\\\n".into(), scope: "openid".into() };
        let expected = r#"{"status":"invalid_token","openid-configuration":"https://i/\"\\\u000a","scope":"openid"}"#;
        assert_eq!(discovery.status(), expected);
    }
}
