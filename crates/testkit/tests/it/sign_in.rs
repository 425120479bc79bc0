//! Who comes in, how, and what those who do not are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_idp::{Alg, Fault};
use portcullis_testkit::{Certs, Gateway, Server, Setup, Version};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use crate::place::{Place, each, eventually, psql, shared, text, usual};
use crate::wire::{Wire, gss_request, query, secret, ssl_request, startup};

/// User, password and URL of a new credential of `sub`.
fn minted(gateway: &Gateway, sub: &str, groups: &[&str]) -> (String, String, String) {
    let token = gateway.token(sub, groups);
    let (status, body) = gateway.ask("POST", "/v1/credentials", Some(&token), r#"{"upstream": "shop"}"#);
    assert_eq!(status, 201, "{body}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let field = |name: &str| body[name].as_str().expect("a text").to_owned();
    (field("user"), field("password"), field("url"))
}

fn client(certs: &Certs, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certs.ca.as_bytes()).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn encrypted_place(version: Version) -> (Place, Certs) {
    let certs = Certs::localhost();
    (Place::with(version, &Setup { tls: Some(certs.clone()), ..usual() }), certs)
}

#[test]
fn a_token_is_the_password_and_every_wrong_one_is_refused_in_the_same_words() {
    each(|place| {
        let mut good = place.session(&["all"]);
        assert_eq!(good.query("SELECT current_user").value(), "app");
        let idp = place.gateway.idp();
        let now = idp.claims("x", &[])["iat"].as_u64().expect("a time");
        let other = portcullis_idp_key(idp);
        let wrong = [
            ("audience", idp.mint("ana", &["all"], json!({"aud": "another"}))),
            ("expired", idp.mint("ana", &["all"], json!({"exp": now - 3600, "iat": now - 7200, "nbf": now - 7200}))),
            ("not yet", idp.mint("ana", &["all"], json!({"nbf": now + 3600}))),
            ("issuer", idp.mint("ana", &["all"], json!({"iss": "http://127.0.0.1:1"}))),
            ("no subject", idp.mint("ana", &["all"], json!({"sub": null}))),
            ("unsigned", other),
            ("garbage", "garbage".to_owned()),
            ("empty", String::new()),
        ];
        let mut said = Vec::new();
        for (what, token) in wrong {
            let refused = Wire::try_sign_in(place.gateway.address(), "ana", &token).err();
            said.push((what, refused.expect("refused")));
        }
        for (what, report) in &said {
            assert_eq!(report, &said[0].1, "{what}");
            assert_eq!(report.code(), "28P01", "{what}");
        }
        assert_eq!(said[0].1.message(), "authentication failed");
    });
}

/// A token whose header says `none`.
fn portcullis_idp_key(idp: &portcullis_idp::Idp) -> String {
    let signed = idp.sign(&json!({"alg": "none", "typ": "JWT"}), &idp.claims("ana", &["all"]));
    let (head, _) = signed.rsplit_once('.').expect("three parts");
    format!("{head}.")
}

#[test]
fn a_minted_credential_signs_in_with_scram_and_for_its_upstream_only() {
    each(|place| {
        let (user, password, url) = minted(&place.gateway, "ana", &["all"]);
        assert!(user.starts_with("pc_"), "{user}");
        for version in Version::available() {
            let output = psql(version, &url, &["SELECT 'in'"]);
            assert_eq!(text(&output), "in\n", "{version:?}");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let row = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("in");
            tokio::spawn(connection);
            client.query_one("SELECT $1::int + 1", &[&1_i32]).await.expect("a row").get::<_, i32>(0)
        });
        assert_eq!(row, 2);
        let refused = |url: &str| {
            let output = psql(Version::V18, url, &["SELECT 'in'"]);
            assert!(!output.status.success());
            text(&output)
        };
        let said = "authentication failed";
        assert!(refused(&url.replace(&password, "wrong")).contains(said));
        assert!(refused(&url.replace("/shop", "/warehouse")).contains(said));
        // A name that was never minted is answered as a wrong password is.
        let nobody = format!("pc_{}", "a".repeat(user.len() - 3));
        assert!(refused(&url.replace(&user, &nobody)).contains(said));
    });
}

#[test]
fn a_credential_is_not_minted_for_whom_policy_keeps_out() {
    let place = shared(Version::V18);
    let token = place.gateway.token("eve", &["nobody"]);
    let (status, body) = place.gateway.ask("POST", "/v1/credentials", Some(&token), r#"{"upstream": "shop"}"#);
    assert_eq!(status, 403, "{body}");
    let refused = Wire::try_sign_in(place.gateway.address(), "eve", &token).err().expect("refused");
    assert_eq!(refused.code(), "42501", "{refused:?}");
}

#[test]
fn a_revoked_credential_ends_its_session_and_the_statement_that_runs() {
    each(|place| {
        let (user, _, url) = minted(&place.gateway, "bo", &["all"]);
        let marker = format!("SELECT pg_sleep(60) /* {user} */");
        let running = std::thread::spawn({
            let (url, marker) = (url.clone(), marker.clone());
            move || psql(Version::V18, &url, &[&marker])
        });
        let active =
            "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE";
        let sees = format!("{active} '%{user}%'");
        eventually("the statement runs", Duration::from_secs(10), || {
            Some(place.server.psql(&sees)).filter(|p| !p.is_empty())
        });
        let start = Instant::now();
        let token = place.gateway.token("bo", &["all"]);
        assert_eq!(place.gateway.ask("DELETE", &format!("/v1/credentials/{user}"), Some(&token), "").0, 204);
        let output = running.join().expect("psql ends");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert!(text(&output).contains("the credential was withdrawn"), "{}", text(&output));
        eventually("the statement ends on the server", Duration::from_secs(1), || {
            Some(()).filter(|()| place.server.psql(&sees).is_empty())
        });
        assert!(!psql(Version::V18, &url, &["SELECT 1"]).status.success(), "the credential is good no more");
    });
}

#[test]
fn scram_is_bound_to_the_certificate_over_tls() {
    for version in Version::available().into_iter().filter(|version| version.has_tls()) {
        let (place, _) = encrypted_place(version);
        let (_, _, url) = minted(&place.gateway, "ana", &["all"]);
        assert!(url.contains("sslmode=verify-full"), "{url}");
        let ca = place.gateway.certs().expect("TLS is on").ca.display().to_string();
        let bound = format!("{url}&sslrootcert={ca}&channel_binding=require");
        assert_eq!(text(&psql(version, &bound, &["SELECT 'bound'"])), "bound\n");
        // Without TLS there is nothing to bind to, and the client that insists goes away by itself.
        let clear = bound.replace("sslmode=verify-full", "sslmode=disable");
        let output = psql(version, &clear, &["SELECT 'bound'"]);
        assert!(!output.status.success(), "{}", text(&output));
        // The token over TLS.
        let token = place.gateway.url("ana", &["all"]);
        let token = format!("{token}?sslmode=verify-full&sslrootcert={ca}");
        assert_eq!(text(&psql(version, &token, &["SELECT 'encrypted'"])), "encrypted\n");
    }
}

#[test]
fn tls_begins_on_request_or_directly_with_its_protocol_named() {
    let (place, certs) = encrypted_place(Version::V18);
    let token = place.gateway.token("ana", &["all"]);
    let parameters = [("user", "ana"), ("database", "shop")];
    let mut wire = Wire::open(place.gateway.address());
    wire.send(&ssl_request());
    assert_eq!(wire.byte(), Some('S'));
    let wire = wire.encrypted(client(&certs, &[])).expect("a handshake");
    let mut wire = wire.signed_in(&parameters, 0, &token).expect("in");
    assert_eq!(wire.query("SELECT 1").value(), "1");
    // GSS first, then TLS, as libpq may.
    let mut wire = Wire::open(place.gateway.address());
    wire.send(&gss_request());
    assert_eq!(wire.byte(), Some('N'));
    wire.send(&ssl_request());
    assert_eq!(wire.byte(), Some('S'));
    assert!(wire.encrypted(client(&certs, &[])).is_ok());

    let direct = Wire::open(place.gateway.address()).encrypted(client(&certs, &[b"postgresql"])).expect("a handshake");
    let mut direct = direct.signed_in(&parameters, 2, &token).expect("in");
    assert_eq!(direct.query("SELECT 2").value(), "2");
    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        match Wire::open(place.gateway.address()).encrypted(client(&certs, alpn)) {
            Err(_) => {}
            Ok(mut wire) => {
                wire.send(&startup(0, &parameters));
                let seen = wire.answer();
                assert!(!seen.seen.contains('R') && seen.status == ' ', "{alpn:?}: {seen:?}");
            }
        }
    }
}

#[test]
fn bytes_in_clear_behind_a_request_for_tls_end_the_connection() {
    let (place, certs) = encrypted_place(Version::V18);
    for request in [ssl_request(), gss_request()] {
        let mut wire = Wire::open(place.gateway.address());
        wire.send(&[request, startup(0, &[("user", "ana"), ("database", "shop")])].concat());
        let answer = wire.answer();
        assert_eq!(answer.codes(), ["08P01"], "{answer:?}");
        assert_eq!(answer.status, ' ');
    }
    let mut wire = Wire::open(place.gateway.address());
    wire.send(&ssl_request());
    assert_eq!(wire.byte(), Some('S'));
    let wire = wire.encrypted(client(&certs, &[])).expect("a handshake");
    let mut again = wire;
    again.send(&ssl_request());
    assert_eq!(again.answer().codes(), ["08P01"], "TLS inside TLS");
}

#[test]
fn a_listener_without_tls_says_so_and_goes_on_in_clear() {
    each(|place| {
        let mut wire = Wire::open(place.gateway.address());
        for request in [gss_request(), ssl_request()] {
            wire.send(&request);
            assert_eq!(wire.byte(), Some('N'));
        }
        let token = place.gateway.token("ana", &["all"]);
        assert!(wire.signed_in(&[("user", "ana"), ("database", "shop")], 0, &token).is_ok());
    });
}

#[test]
fn a_lost_provider_keeps_new_sessions_out_and_lets_live_ones_go_on() {
    let place = Place::with(Version::V18, &usual());
    let mut live = place.session(&["all"]);
    let idp = place.gateway.idp();
    idp.rotate(Alg::Es256);
    idp.fail(Fault::Down);
    // Signed with a key that the gateway never saw and cannot fetch.
    let token = place.gateway.token("ana", &["all"]);
    let refused = Wire::try_sign_in(place.gateway.address(), "ana", &token).err().expect("refused");
    assert_eq!(refused.code(), "28P01", "{refused:?}");
    assert_eq!(live.query("SELECT 'on'").value(), "on");
    idp.fail(Fault::None);
    eventually("new sessions again", Duration::from_secs(20), || {
        Wire::try_sign_in(place.gateway.address(), "ana", &place.gateway.token("ana", &["all"])).ok()
    });
}

#[test]
fn groups_and_the_agent_that_acts_reach_policy() {
    let policy = r#"
        permit (principal is User, action, resource) when { principal in Group::"dba" };
        permit (principal is Agent, action in [Action::"connect", Action::"select"], resource) when { principal in Group::"dba" };
    "#;
    let place = Place::with(Version::V18, &Setup { policy: policy.into(), ..usual() });
    let write = "UPDATE products SET weight = 1 WHERE id = 1";
    let mut person = place.session(&["dba"]);
    assert_eq!(person.query(write).done, ["UPDATE 1"]);
    assert!(Wire::try_sign_in(place.gateway.address(), "ana", &place.gateway.token("ana", &["dbas"])).is_err());
    let acting = place.gateway.idp().mint("ana", &["dba"], json!({"act": {"sub": "bot"}}));
    let mut agent = Wire::try_sign_in(place.gateway.address(), "ana", &acting).expect("in");
    assert_eq!(agent.query("SELECT count(*) FROM products").value(), "50");
    assert_eq!(agent.query(write).codes(), ["42501"]);
    assert_eq!(place.ran(agent.pid), ["SELECT count(*) FROM products"]);
    let list = place.gateway.ask("GET", "/v1/sessions", Some(&place.gateway.token("root", &["dba"])), "").1;
    assert!(list.contains(r#""agent":"bot""#) && list.contains(r#""subject":"ana""#), "{list}");
}

#[test]
fn a_token_in_clear_needs_no_second_question_and_nothing_goes_before_it() {
    // EVASION: a query pipelined behind the startup packet must not be taken for the password, or run after it.
    each(|place| {
        let mut wire = Wire::open(place.gateway.address());
        wire.send(&[startup(0, &[("user", "ana"), ("database", "shop")]), query("SELECT 'early'")].concat());
        let answer = wire.answer();
        assert_eq!(answer.status, ' ');
        assert_eq!(answer.codes().len(), 1, "{answer:?}");
        let token = place.gateway.token("ana", &["all"]);
        let mut wire = Wire::open(place.gateway.address());
        wire.send(&startup(0, &[("user", "ana"), ("database", "shop")]));
        assert_eq!(wire.message().expect("a question").0, 'R');
        wire.send(&[secret(&token), query("SELECT 'pipelined behind the password'")].concat());
        wire.answer();
        assert_eq!(wire.answer().value(), "pipelined behind the password");
        assert!(!place.server.texts().iter().any(|text| text.contains("early")));
    });
}

#[test]
fn an_upstream_that_is_away_is_said_in_general_words() {
    let mut server = Server::usual(Version::V18);
    let gateway = Gateway::start(&server, &usual());
    server.crash();
    let token = gateway.token("ana", &["all"]);
    let refused = Wire::try_sign_in(gateway.address(), "ana", &token).err().expect("refused");
    assert_eq!(refused.code(), "08001", "{refused:?}");
    assert!(!format!("{refused:?}").contains(&server.port().to_string()), "the address is not for clients");
    server.restart();
    let mut session = Wire::try_sign_in(gateway.address(), "ana", &token).expect("in");
    assert_eq!(session.query("SELECT 1").value(), "1");
}
