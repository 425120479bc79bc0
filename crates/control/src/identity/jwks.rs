//! A provider's published keys, each tied to the one algorithm it verifies.
//!
//! EVASION: algorithm confusion (an RSA public key used as an HMAC secret, `none`, a stronger key with a weaker
//! scheme). The algorithm is a property of the key here; symmetric keys cannot be represented at all. Spec: RFC 7517,
//! RFC 7518 section 6, RFC 8037, RFC 8725 section 3.1. `x5c` and `x5u` are ignored: the transport proves the set.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::FetchError;

// LIMIT: providers publish 1 to 10 keys; more than this is not a key set of anyone's.
const MAX_KEYS: usize = 100;

/// One public key.
pub(crate) struct Key {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// All usable keys of one provider.
pub(crate) struct KeySet(Vec<Arc<Key>>);

impl KeySet {
    /// Reads a JWK Set. Keys that we cannot use are skipped, since sets mix purposes; none left is an error.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, FetchError> {
        const WHAT: FetchError = FetchError::Unusable("key set");
        let found: Set = serde_json::from_slice(body).map_err(|_| WHAT)?;
        if found.keys.len() > MAX_KEYS {
            return Err(FetchError::TooLarge);
        }
        let usable: Vec<_> = found.keys.into_iter().filter_map(Key::read).map(Arc::new).collect();
        if usable.is_empty() { Err(WHAT) } else { Ok(Self(usable)) }
    }

    /// The one key that a token with this header can be signed by; `None` when there is none or it is not clear which.
    pub(crate) fn pick(&self, id: Option<&str>, algorithm: &str) -> Option<Arc<Key>> {
        let matches = |key: &&Arc<Key>| match id {
            Some(id) => key.id.as_deref() == Some(id),
            None => true,
        };
        let mut fitting = self.0.iter().filter(matches);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            (Some(_), Some(_)) if id.is_some() => self.pick_among_equals(id, algorithm),
            _ => None,
        }
    }

    /// Some providers give keys of different kinds one id.
    fn pick_among_equals(&self, id: Option<&str>, algorithm: &str) -> Option<Arc<Key>> {
        let mut fitting = self.0.iter().filter(|k| k.id.as_deref() == id && k.is_for(algorithm));
        fitting.next().filter(|_| fitting.next().is_none()).cloned()
    }
}

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let signs = jwk.usage.as_deref().is_none_or(|u| u == "sig");
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || !verifies {
            return None;
        }
        let algorithm = jwk.algorithm()?;
        Some(Self { decoding: jwk.decoding()?, algorithm, id: jwk.kid })
    }

    /// Whether the header's `alg` names this key's own algorithm.
    pub(crate) fn is_for(&self, header_alg: &str) -> bool {
        named(header_alg) == Some(self.algorithm)
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// The algorithm this key is for: its `alg` if that fits its type, else the one usual for its type.
    fn algorithm(&self) -> Option<Algorithm> {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let fitting: &[Algorithm] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => &[RS256, RS384, RS512, PS256, PS384, PS512],
            ("EC", Some("P-256")) => &[ES256],
            ("EC", Some("P-384")) => &[ES384],
            ("OKP", Some("Ed25519")) => &[EdDSA],
            _ => return None,
        };
        match self.alg.as_deref() {
            Some(alg) => named(alg).filter(|a| fitting.contains(a)),
            None => fitting.first().copied(),
        }
    }

    fn decoding(&self) -> Option<DecodingKey> {
        match self.kty.as_str() {
            "RSA" => DecodingKey::from_rsa_components(self.n.as_ref()?, self.e.as_ref()?).ok(),
            "EC" => DecodingKey::from_ec_components(self.x.as_ref()?, self.y.as_ref()?).ok(),
            "OKP" => DecodingKey::from_ed_components(self.x.as_ref()?).ok(),
            _ => None,
        }
    }
}

/// The asymmetric algorithms we verify, by their JOSE names; `Ed25519` is EdDSA's newer name (RFC 9864).
fn named(alg: &str) -> Option<Algorithm> {
    Some(match alg {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn set(keys: &str) -> Option<KeySet> {
        KeySet::parse(format!("{{\"keys\":[{keys}]}}").as_bytes()).ok()
    }

    fn okp(extra: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{extra}}}"#)
    }

    #[test]
    fn a_symmetric_or_foreign_key_is_never_usable() {
        for bad in [
            r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#.to_owned(),
            okp(r#","alg":"HS256""#),
            okp(r#","alg":"RS256""#),
            okp(r#","alg":"none""#),
            okp(r#","use":"enc""#),
            okp(r#","key_ops":["sign"]"#),
            r#"{"kty":"RSA","n":"!","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#.to_owned(),
            "7".to_owned(),
        ] {
            assert!(set(&bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_provider_publishes_does_not_panic(n in ".{0,20}", e in "[A-Za-z0-9_-]{0,20}", body in any::<Vec<u8>>()) {
            let _either = KeySet::parse(&body);
            let value = serde_json::json!({"keys": [{"kty": "RSA", "n": n, "e": e}, {"kty": "EC", "crv": "P-256", "x": n, "y": e}]});
            if let Ok(keys) = KeySet::parse(value.to_string().as_bytes()) {
                for key in keys.0 {
                    let verified = jsonwebtoken::crypto::verify("AAAA", b"m", &key.decoding, key.algorithm);
                    prop_assert!(!matches!(verified, Ok(true)));
                }
            }
        }
    }

    #[test]
    fn one_bad_key_does_not_hide_the_good_ones() {
        let keys = set(&format!(r#"{{"kty":"oct","k":"AA"}},{}"#, okp(r#","kid":"a""#))).unwrap();
        assert!(keys.pick(Some("a"), "EdDSA").is_some());
    }

    #[test]
    fn without_kid_only_a_single_key_will_do() {
        let one = set(&okp(r#","kid":"a""#)).unwrap();
        assert!(one.pick(None, "EdDSA").is_some());
        let two = set(&format!("{},{}", okp(r#","kid":"a""#), okp(r#","kid":"b""#))).unwrap();
        assert!(two.pick(None, "EdDSA").is_none());
        assert!(two.pick(Some("b"), "EdDSA").is_some());
        assert!(two.pick(Some("c"), "EdDSA").is_none());
    }

    #[test]
    fn an_id_used_twice_is_told_apart_by_algorithm_or_refused() {
        let rsa = r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"}"#;
        let mixed = set(&format!("{},{rsa}", okp(r#","kid":"a""#))).unwrap();
        assert_eq!(mixed.pick(Some("a"), "RS256").map(|k| k.algorithm), Some(Algorithm::RS256));
        let same = set(&format!("{0},{0}", okp(r#","kid":"a""#))).unwrap();
        assert!(same.pick(Some("a"), "EdDSA").is_none());
    }

    #[test]
    fn an_absurd_number_of_keys_is_refused() {
        let many = vec![okp(""); MAX_KEYS + 1].join(",");
        assert!(set(&many).is_none());
    }
}
