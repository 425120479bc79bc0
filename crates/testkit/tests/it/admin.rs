//! The admin listener as operators use it, and what must never be seen by anyone.

use std::time::{Duration, Instant};

use portcullis_testkit::postgres::APP_PASSWORD;
use portcullis_testkit::{Setup, Version};
use serde_json::Value;

use crate::place::{DETECT, POLICY, Place, eventually, files, psql, shared, text, usual};
use crate::wire::{Wire, query};

fn sessions(place: &Place, token: &str) -> Vec<Value> {
    let (status, body) = place.gateway.ask("GET", "/v1/sessions", Some(token), "");
    assert_eq!(status, 200, "{body}");
    let list: Value = serde_json::from_str(&body).expect("JSON");
    list["sessions"].as_array().expect("a list").clone()
}

#[test]
fn health_and_readiness_are_told_to_anyone() {
    let place = shared(Version::V18);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(place.gateway.ask("GET", path, None, "").0, 200, "{path}");
    }
    for (method, path, status) in
        [("GET", "/v1/sessions", 401), ("POST", "/v1/credentials", 401), ("GET", "/nosuch", 404)]
    {
        assert_eq!(place.gateway.ask(method, path, None, "{}").0, status, "{path}");
    }
    assert_eq!(place.gateway.ask("GET", "/v1/sessions", Some("garbage"), "").0, 401);
}

#[test]
fn metrics_count_what_happened() {
    let place = Place::with(Version::V18, &usual());
    let mut wire = place.session(&["support"]);
    wire.query("SELECT email FROM customers ORDER BY id LIMIT 5");
    wire.query("SELECT * FROM hr.employees");
    drop(wire);
    let _ = Wire::try_sign_in(place.gateway.address(), "ana", "garbage").err().expect("refused");
    let wanted = [
        r#"portcullis_statements_total{protocol="postgres",upstream="shop",verdict="allow"} 1"#,
        r#"portcullis_statements_total{protocol="postgres",upstream="shop",verdict="refuse"} 1"#,
        r#"portcullis_rows_total{protocol="postgres",upstream="shop"} 5"#,
        r#"portcullis_masked_values_total{protocol="postgres",upstream="shop"} 5"#,
        r#"outcome="opened"} 1"#,
        r#"outcome="not_proven"} 1"#,
        "portcullis_live_sessions 0",
    ];
    let mut last = String::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        last = place.gateway.ask("GET", "/metrics", None, "").1;
        if wanted.iter().all(|line| last.contains(line)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let missing: Vec<_> = wanted.into_iter().filter(|line| !last.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:?} not in\n{last}");
    assert!(last.trim_end().ends_with("# EOF"));
}

#[test]
fn sessions_are_listed_to_their_owner_and_ended_by_admins() {
    let place = Place::with(Version::V18, &usual());
    let mut wire = place.session(&["all"]);
    wire.query("SELECT 1");
    let (owner, other) = (place.gateway.token("ana", &["all"]), place.gateway.token("bo", &["all"]));
    let admin = place.gateway.token("root", &["dba"]);
    let seen = sessions(&place, &owner);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0]["subject"].as_str(), seen[0]["statements"].as_u64()), (Some("ana"), Some(1)), "{seen:?}");
    assert!(sessions(&place, &other).is_empty());
    assert_eq!(sessions(&place, &admin).len(), 1);
    let path = format!("/v1/sessions/{}", seen[0]["id"].as_str().expect("an id"));
    assert_eq!(place.gateway.ask("DELETE", &path, Some(&other), "").0, 403);
    assert_eq!(place.gateway.ask("DELETE", &path, Some(&owner), "").0, 403);
    let running = format!("SELECT state FROM pg_stat_activity WHERE pid = {} AND state = 'active'", wire.pid);
    wire.send(&query("SELECT pg_sleep(60)"));
    eventually("it runs", Duration::from_secs(5), || Some(()).filter(|()| place.server.psql(&running) == "active"));
    let start = Instant::now();
    assert_eq!(place.gateway.ask("DELETE", &path, Some(&admin), "").0, 204);
    let last = wire.answer();
    assert_eq!((last.codes().last().copied(), last.status), (Some("57P01"), ' '), "{last:?}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    eventually("its statement ends too", Duration::from_secs(1), || {
        Some(()).filter(|()| place.server.psql(&running).is_empty())
    });
    assert_eq!(place.gateway.ask("DELETE", &path, Some(&admin), "").0, 404);
    assert!(sessions(&place, &admin).is_empty());
}

#[test]
fn secrets_are_nowhere_but_where_they_are_handed_out() {
    let extra = format!("{DETECT}\n[log]\nlevel = \"trace\"\n[recording]\nresults = \"full\"\n");
    let place = Place::with(Version::V18, &Setup { extra, policy: POLICY.into(), ..usual() });
    let token = place.gateway.token("ana", &["all"]);
    let (status, body) = place.gateway.ask("POST", "/v1/credentials", Some(&token), r#"{"upstream": "shop"}"#);
    assert_eq!(status, 201, "{body}");
    let minted: Value = serde_json::from_str(&body).expect("JSON");
    let (secret, url) = (minted["password"].as_str().expect("a secret"), minted["url"].as_str().expect("a url"));
    let literal = "literal-of-a-password";
    let mut said = text(&psql(Version::V18, url, &["SELECT 1", "SELECT * FROM nosuch"]));
    said += &text(&psql(Version::V18, &url.replace(secret, "another-wrong-one"), &["SELECT 1"]));
    let mut wire = Wire::try_sign_in(place.gateway.address(), "ana", &token).expect("in");
    let answers = [
        wire.query(&format!("CREATE ROLE r{} PASSWORD '{literal}'", wire.pid)),
        wire.query(&format!("ALTER ROLE nosuch PASSWORD '{literal}'")),
        wire.say(&[crate::wire::extended(&format!("ALTER USER nosuch ENCRYPTED PASSWORD '{literal}'"), &[])]),
        wire.query("SELECT 1"),
    ];
    said += &format!("{answers:?}");
    // A token in the wrong place, as people do: in the name, and behind a second colon.
    let wrong = Wire::try_sign_in(place.gateway.address(), "ana", &format!("{token}x")).err();
    said += &format!("{wrong:?}");
    let metrics = place.gateway.ask("GET", "/metrics", None, "").1;
    let listed = place.gateway.ask("GET", "/v1/sessions", Some(&place.gateway.token("root", &["dba"])), "").1;
    drop(wire);
    let (_, exported) = place.portcullis(&["export"]);
    assert!(exported.contains("ALTER ROLE nosuch PASSWORD"), "the statement is there without its literal");
    let log = place.gateway.log();
    assert!(log.contains("a session began") && log.contains("a token was refused"), "{log}");
    let signature = token.rsplit('.').next().expect("three parts");
    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("the log".into(), log.into_bytes()),
        ("metrics".into(), metrics.into_bytes()),
        ("sessions".into(), listed.into_bytes()),
        ("what clients were told".into(), said.into_bytes()),
        ("the export".into(), exported.into_bytes()),
    ];
    for file in files(place.gateway.data_dir()) {
        places.push((file.display().to_string(), std::fs::read(&file).expect("a file")));
    }
    assert!(places.len() > 8, "the data folder was looked through");
    for (what, bytes) in places {
        for (name, value) in [
            ("the upstream's password", APP_PASSWORD),
            ("a token", signature),
            ("a credential's secret", secret),
            ("a password literal", literal),
        ] {
            let found = String::from_utf8_lossy(&bytes).contains(value);
            assert!(!found, "{name} is in {what}");
        }
    }
}

#[test]
fn a_query_with_a_wrong_answer_is_not_in_the_log_of_the_gateway() {
    // What people ask is for the recording, which is sealed and governed; the log is not.
    let place = shared(Version::V18);
    let mut wire = place.session(&["support"]);
    let marker = format!("marker-{}-in-a-text", wire.pid);
    wire.query(&format!("SELECT '{marker}' FROM nosuch"));
    wire.query(&format!("SELECT '{marker}' FROM hr.employees"));
    assert!(!place.gateway.log().contains(&marker));
}
