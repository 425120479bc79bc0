//! The claims matrix: one claim wrong at a time.

use serde_json::json;

use super::*;

const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn good() -> Value {
    json!({"iss": "https://idp", "aud": "portcullis", "sub": "ana", "exp": NOW + 60, "iat": NOW - 100, "groups": ["dba", "dba"]})
}

fn judged(change: impl FnOnce(&mut Value)) -> Result<Identity, Refused> {
    let mut claims = good();
    change(&mut claims);
    let rules = Rules { provider: "corp", issuer: "https://idp", audience: "portcullis", groups_claim: "groups" };
    rules.identity(&claims, now())
}

fn with(claim: &str, value: Value) -> Result<Identity, Refused> {
    judged(|c| c[claim] = value)
}

fn without(claim: &str) -> Result<Identity, Refused> {
    judged(|c| drop(c.as_object_mut().unwrap().remove(claim)))
}

#[test]
fn a_good_token_gives_the_whole_identity() {
    let found = with("jti", json!("t1")).unwrap();
    let expires = UNIX_EPOCH + Duration::from_secs(NOW + 60);
    let (provider, subject) = ("corp".into(), "ana".into());
    let token_id = Some("t1".into());
    assert_eq!(found, Identity { provider, subject, groups: vec!["dba".into()], agent: None, expires, token_id });
}

#[test]
fn the_issuer_is_compared_exactly() {
    for bad in [json!("https://idp/"), json!("HTTPS://idp"), json!(["https://idp"]), json!(null), json!(7)] {
        assert_eq!(with("iss", bad), Err(Refused::Claim("iss")));
    }
    assert_eq!(without("iss"), Err(Refused::Claim("iss")));
}

#[test]
fn the_audience_must_contain_ours() {
    assert!(with("aud", json!(["other", "portcullis"])).is_ok());
    for bad in
        [json!("other"), json!(["other"]), json!([]), json!("portcullis2"), json!({"portcullis": 1}), json!(null)]
    {
        assert_eq!(with("aud", bad), Err(Refused::Audience));
    }
    assert_eq!(without("aud"), Err(Refused::Audience));
}

#[test]
fn expiry_is_required_and_kept_to_the_second() {
    assert!(with("exp", json!(NOW - 29)).is_ok());
    assert_eq!(with("exp", json!(NOW - 30)), Err(Refused::Expired));
    assert_eq!(without("exp"), Err(Refused::Claim("exp")));
    for bad in [json!("1800000060"), json!(-1), json!(1e300), json!(u64::MAX), json!(null), json!(f64::MAX)] {
        assert_eq!(with("exp", bad), Err(Refused::Claim("exp")));
    }
    assert!(with("exp", json!(NOW as f64 + 60.5)).is_ok());
}

#[test]
fn a_token_from_the_future_is_refused() {
    for claim in ["nbf", "iat"] {
        assert!(with(claim, json!(NOW + 30)).is_ok());
        assert_eq!(with(claim, json!(NOW + 31)), Err(Refused::NotYetValid));
        assert_eq!(with(claim, json!("soon")), Err(Refused::Claim(claim)));
    }
    assert!(without("iat").is_ok());
    let backwards = judged(|c| (c["iat"], c["exp"]) = (json!(NOW + 20), json!(NOW + 10)));
    assert_eq!(backwards, Err(Refused::Claim("iat")));
}

#[test]
fn the_subject_is_a_printable_name() {
    for bad in [json!(""), json!("x".repeat(256)), json!("a\nb"), json!(7), json!(null)] {
        assert_eq!(with("sub", bad), Err(Refused::Claim("sub")));
    }
    assert_eq!(without("sub"), Err(Refused::Claim("sub")));
    assert!(with("sub", json!("x".repeat(255))).is_ok());
}

#[test]
fn groups_come_as_array_or_string_and_nothing_else() {
    assert_eq!(with("groups", json!("dba")).unwrap().groups, ["dba"]);
    assert_eq!(with("groups", json!("a b")).unwrap().groups, ["a b"]);
    assert_eq!(with("groups", json!(["b", "a", "b"])).unwrap().groups, ["a", "b"]);
    assert!(without("groups").unwrap().groups.is_empty());
    for bad in [json!([1]), json!([["dba"]]), json!({"dba": true}), json!(true), json!([""]), json!(vec!["g"; 1025])] {
        assert_eq!(with("groups", bad), Err(Refused::Claim("groups")));
    }
}

#[test]
fn an_actor_is_the_agent_and_its_chain_is_kept() {
    let found = with("act", json!({"sub": "bot", "act": {"sub": "older", "iss": "https://idp"}})).unwrap();
    assert_eq!(found.subject, "ana");
    assert_eq!(found.agent, Some(Agent { subject: "bot".into(), before: vec!["older".into()] }));
}

#[test]
fn an_actor_that_is_not_clear_refuses_the_token() {
    let deep = (0..9).fold(json!({"sub": "a"}), |inner, _| json!({"sub": "a", "act": inner}));
    for bad in [json!(null), json!("bot"), json!({}), json!({"sub": ""}), json!({"sub": "b", "iss": "https://x"}), deep]
    {
        assert_eq!(with("act", bad), Err(Refused::Claim("act")));
    }
}

#[test]
fn a_token_bound_to_a_key_is_not_a_bearer_token() {
    assert_eq!(with("cnf", json!({"jkt": "x"})), Err(Refused::Claim("cnf")));
}
