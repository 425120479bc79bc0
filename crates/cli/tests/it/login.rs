//! Signing in at a provider, and what is remembered of it.

use std::{path::Path, process::Command, time::Duration};

use portcullis_idp::{Config, Idp, User};

use crate::support::{portcullis, printed, tell};

/// Serves a provider that confirms each login as ana, for as long as the runtime lives.
pub(crate) fn provider(runtime: &tokio::runtime::Runtime, lifetime: Duration) -> Idp {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let users = vec![User::new("ana", &["support"])];
        Idp::start(listener, Config { users, auto_approve: Some("ana".to_owned()), lifetime, ..Config::default() })
            .unwrap()
    })
}

fn at(home: &Path, idp: &Idp, command: &str) -> Command {
    portcullis(home, &[command, "--issuer", idp.issuer(), "--client-id", "cli"])
}

#[test]
fn a_login_is_remembered_until_it_is_forgotten() {
    let (home, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
    let idp = provider(&runtime, Duration::from_secs(3600));
    let before = at(home.path(), &idp, "token").output().unwrap();
    assert_eq!(tell(&before), "exit code 1\n--- notes\nerror: nobody is logged in\n  help: run `portcullis login`\n");
    let login = at(home.path(), &idp, "login").output().unwrap();
    assert!(login.status.success() && login.stdout.is_empty(), "{}", tell(&login));
    let token = printed(&at(home.path(), &idp, "token").output().unwrap());
    assert_eq!(token.split('.').count(), 3);
    let json = printed(&at(home.path(), &idp, "token").arg("--json").output().unwrap());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["token"], token);
    printed(&at(home.path(), &idp, "login").arg("--forget").output().unwrap());
    assert_eq!(at(home.path(), &idp, "token").output().unwrap().status.code(), Some(1));
}

#[test]
fn a_token_that_ends_is_renewed() {
    let (home, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
    // Shorter than the margin in which a token is not used any more: each use renews it.
    let idp = provider(&runtime, Duration::from_secs(10));
    assert!(at(home.path(), &idp, "login").status().unwrap().success());
    let first = printed(&at(home.path(), &idp, "token").output().unwrap());
    let second = printed(&at(home.path(), &idp, "token").output().unwrap());
    assert_ne!(first, second);
}
