//! Tokens of a real provider over real sockets: what is accepted, what is refused, and what a bad provider can do.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_control::{Misconfigured, Provider, ProviderConfig, Providers, Refused, Timing};
use portcullis_idp::{Alg, Config, Fault, Idp, User};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn idp(config: Config) -> Idp {
    Idp::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), config).unwrap()
}

async fn plain(alg: Alg) -> Idp {
    idp(Config { alg, users: vec![User::new("ana", &["support"])], ..Config::default() }).await
}

fn config(idp: &Idp) -> ProviderConfig {
    serde_json::from_value(json!({"name": "corp", "issuer": idp.issuer(), "audience": "portcullis"})).unwrap()
}

fn provider(idp: &Idp) -> Provider {
    Provider::new(config(idp)).unwrap()
}

/// One that may ask again at once, for tests of rotation on the real clock.
fn eager(idp: &Idp) -> Provider {
    let timing = Timing { gap: Duration::ZERO, retry: Duration::ZERO, ..Timing::default() };
    Provider::with_timing(config(idp), timing).unwrap()
}

async fn why(provider: &Provider, token: &str) -> Option<Refused> {
    provider.verify(token, SystemTime::now()).await.err()
}

#[tokio::test]
async fn every_kind_of_key_signs_people_in() {
    for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
        let idp = plain(alg).await;
        let found = provider(&idp).verify(&idp.token_for("ana").unwrap(), SystemTime::now()).await.unwrap();
        assert_eq!((found.subject.as_str(), found.groups), ("ana", vec!["support".to_owned()]), "{alg:?}");
        assert!(found.token_id.is_some());
    }
}

#[tokio::test]
async fn a_delegated_token_names_person_and_agent() {
    let idp = plain(Alg::Es256).await;
    let token = idp.mint("ana", &["support"], json!({"act": {"sub": "bot"}}));
    let found = provider(&idp).verify(&token, SystemTime::now()).await.unwrap();
    assert_eq!((found.subject.as_str(), found.agent.unwrap().subject.as_str()), ("ana", "bot"));
}

#[tokio::test]
async fn one_wrong_claim_is_enough() {
    let idp = plain(Alg::Es256).await;
    let provider = provider(&idp);
    for (extra, expected) in [
        (json!({"iss": "https://evil.example"}), Refused::Claim("iss")),
        (json!({"aud": "another"}), Refused::Audience),
        (json!({"aud": null}), Refused::Audience),
        (json!({"exp": 1}), Refused::Expired),
        (json!({"exp": null}), Refused::Claim("exp")),
        (json!({"nbf": 9_999_999_999u64}), Refused::NotYetValid),
        (json!({"iat": 9_999_999_999u64}), Refused::NotYetValid),
        (json!({"sub": ""}), Refused::Claim("sub")),
        (json!({"sub": null}), Refused::Claim("sub")),
        (json!({"groups": 7}), Refused::Claim("groups")),
        (json!({"act": "bot"}), Refused::Claim("act")),
        (json!({"cnf": {}}), Refused::Claim("cnf")),
    ] {
        assert_eq!(why(&provider, &idp.mint("ana", &[], extra.clone())).await, Some(expected), "{extra}");
    }
    assert_eq!(why(&provider, &idp.mint("ana", &[], json!({}))).await, None);
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn the_public_key_is_no_hmac_secret() {
    for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
        let idp = plain(alg).await;
        let header = json!({"typ": "JWT", "alg": "HS256", "kid": "key-1"});
        let signed = format!("{}.{}", encode(&header), encode(&idp.claims("ana", &["dba"])));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &idp.public_key()), signed.as_bytes());
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(why(&provider(&idp), &forged).await, Some(Refused::Algorithm), "{alg:?}");
    }
}

#[tokio::test]
async fn no_header_can_talk_a_key_into_another_algorithm() {
    let idp = plain(Alg::Rs256).await;
    let provider = provider(&idp);
    let claims = idp.claims("ana", &["dba"]);
    for alg in
        [json!("none"), json!("None"), json!(""), json!("HS256"), json!("RS512"), json!("PS256"), json!(7), json!(null)]
    {
        let header = json!({"alg": alg, "kid": "key-1"});
        assert_eq!(why(&provider, &idp.sign(&header, &claims)).await, Some(Refused::Algorithm), "{header}");
        let unsigned = format!("{}.{}.", encode(&header), encode(&claims));
        assert_eq!(why(&provider, &unsigned).await, Some(Refused::Algorithm), "{header}");
    }
    let own_key = json!({"alg": "RS256", "kid": "key-1", "jwk": {"kty": "oct", "k": "AA"}, "jku": "http://evil"});
    assert_eq!(
        why(&provider, &idp.sign(&own_key, &claims)).await,
        None,
        "the header's own keys are not even looked at"
    );
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_noticed() {
    let idp = plain(Alg::EdDsa).await;
    let provider = provider(&idp);
    let token = idp.token_for("ana").unwrap();
    assert_eq!(why(&provider, &token).await, None);
    for at in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(why(&provider, &changed).await.is_some(), "byte {at}");
    }
}

#[tokio::test]
async fn a_foreign_signature_is_refused() {
    let (idp, other) = (plain(Alg::EdDsa).await, plain(Alg::EdDsa).await);
    let forged = other.sign(&idp.header(), &idp.claims("ana", &["dba"]));
    assert_eq!(why(&provider(&idp), &forged).await, Some(Refused::Signature));
    idp.fail(Fault::WrongKeys);
    assert_eq!(why(&provider(&idp), &idp.token_for("ana").unwrap()).await, Some(Refused::Signature));
}

#[tokio::test]
async fn rotation_is_followed_with_one_more_fetch() {
    let idp = plain(Alg::Es256).await;
    let provider = eager(&idp);
    let old = idp.token_for("ana").unwrap();
    assert_eq!(why(&provider, &old).await, None);
    idp.add_key(Alg::Rs256);
    assert_eq!(why(&provider, &idp.token_for("ana").unwrap()).await, None);
    assert_eq!(why(&provider, &old).await, None, "the old key is still published");
    assert_eq!(idp.key_requests(), 2);
    idp.rotate(Alg::EdDsa);
    assert_eq!(why(&provider, &idp.token_for("ana").unwrap()).await, None);
    assert_eq!(why(&provider, &old).await, Some(Refused::UnknownKey));
}

#[tokio::test]
async fn invented_key_ids_reach_the_provider_once() {
    let idp = plain(Alg::EdDsa).await;
    let provider = provider(&idp);
    for n in 0..50 {
        let header = json!({"alg": "EdDSA", "kid": format!("invented-{n}")});
        let token = idp.sign(&header, &idp.claims("ana", &[]));
        assert_eq!(why(&provider, &token).await, Some(Refused::UnknownKey));
    }
    assert_eq!(idp.key_requests(), 1);
}

#[tokio::test]
async fn without_kid_a_single_key_will_do() {
    let idp = plain(Alg::EdDsa).await;
    let token = || idp.sign(&json!({"alg": "EdDSA"}), &idp.claims("ana", &[]));
    assert_eq!(why(&eager(&idp), &token()).await, None);
    idp.add_key(Alg::EdDsa);
    assert_eq!(why(&eager(&idp), &token()).await, Some(Refused::UnknownKey));
}

#[tokio::test]
async fn a_provider_that_misbehaves_gives_no_keys_and_heals() {
    let idp = plain(Alg::EdDsa).await;
    let provider = eager(&idp);
    let token = idp.token_for("ana").unwrap();
    for fault in [Fault::Down, Fault::Huge, Fault::Redirect, Fault::WrongIssuer, Fault::InsecureKeys] {
        idp.fail(fault);
        assert_eq!(why(&provider, &token).await, Some(Refused::Unavailable), "{fault:?}");
        assert!(!provider.has_keys());
    }
    assert_eq!(idp.key_requests(), 0);
    idp.fail(Fault::None);
    assert_eq!(why(&provider, &token).await, None);
    idp.fail(Fault::Down);
    assert_eq!(why(&provider, &token).await, None, "known keys are used while the provider is down");
}

#[tokio::test]
async fn a_provider_that_is_gone_is_unavailable_and_not_a_bad_token() {
    let idp = plain(Alg::EdDsa).await;
    let (provider, token) = (provider(&idp), idp.token_for("ana").unwrap());
    drop(idp);
    let refused = why(&provider, &token).await.unwrap();
    assert!(refused.is_unavailable());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up() {
    let idp = plain(Alg::EdDsa).await;
    idp.fail(Fault::Stall);
    let before = Instant::now();
    assert_eq!(why(&provider(&idp), &idp.token_for("ana").unwrap()).await, Some(Refused::Unavailable));
    assert!(before.elapsed() < Duration::from_secs(2), "the clock is virtual");
}

#[tokio::test]
async fn each_token_is_judged_by_the_provider_it_names() {
    let (corp, lab) = (plain(Alg::EdDsa).await, plain(Alg::EdDsa).await);
    let second = ProviderConfig { name: "lab".into(), ..config(&lab) };
    let providers = Providers::new(vec![config(&corp), second]).unwrap();
    providers.warm().await;
    assert!(providers.iter().all(Provider::has_keys));
    for (idp, name) in [(&corp, "corp"), (&lab, "lab")] {
        let found = providers.verify(&idp.token_for("ana").unwrap(), SystemTime::now()).await.unwrap();
        assert_eq!(found.provider, name);
    }
    let crossed = lab.sign(&corp.header(), &corp.claims("ana", &["dba"]));
    assert_eq!(providers.verify(&crossed, SystemTime::now()).await, Err(Refused::Signature));
    let foreign = corp.mint("ana", &[], json!({"iss": "https://evil.example"}));
    assert_eq!(providers.verify(&foreign, SystemTime::now()).await, Err(Refused::UnknownIssuer));
    let nobody = corp.mint("ana", &[], json!({"iss": null}));
    assert_eq!(providers.verify(&nobody, SystemTime::now()).await, Err(Refused::Claim("iss")));
}

#[tokio::test]
async fn a_private_ca_is_trusted_only_where_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, signed.cert.pem()).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key.into())
        .unwrap();
    let users = vec![User::new("ana", &[])];
    let idp = idp(Config { tls: Some(("localhost".into(), Arc::new(tls))), users, ..Config::default() }).await;
    assert!(idp.issuer().starts_with("https://localhost:"));
    let token = idp.token_for("ana").unwrap();
    let trusting = ProviderConfig { ca: Some(ca), ..config(&idp) };
    assert_eq!(why(&Provider::new(trusting).unwrap(), &token).await, None);
    match Provider::new(config(&idp)) {
        Ok(usual) => assert_eq!(why(&usual, &token).await, Some(Refused::Unavailable)),
        Err(e) => assert!(matches!(e, Misconfigured::NoRoots(_)), "a machine without roots"),
    }
}

#[test]
fn bad_configurations_are_refused_at_load() {
    let good = || ProviderConfig {
        name: "corp".into(),
        issuer: "https://idp.example".into(),
        audience: "portcullis".into(),
        groups_claim: "groups".into(),
        ca: Some("/nonexistent".into()),
        client_id: None,
    };
    let why = |config| Provider::new(config).unwrap_err();
    assert!(matches!(why(good()), Misconfigured::Ca(_)));
    for issuer in ["http://idp.example", "idp.example", "https://u:p@idp.example", ""] {
        assert!(
            matches!(why(ProviderConfig { issuer: issuer.into(), ..good() }), Misconfigured::Issuer(_)),
            "{issuer}"
        );
    }
    for name in ["", "a|b", "a b", "ü"] {
        assert!(matches!(why(ProviderConfig { name: name.into(), ..good() }), Misconfigured::Name(_)), "{name}");
    }
    assert!(matches!(why(ProviderConfig { audience: String::new(), ..good() }), Misconfigured::Audience(_)));
    let twice = Providers::new(vec![good(), good()]).unwrap_err();
    assert!(matches!(twice, Misconfigured::Twice(_)));
    let typo = serde_json::from_str::<ProviderConfig>(r#"{"name":"a","issuer":"b","audience":"c","isuer":"d"}"#);
    assert!(typo.is_err());
}
