//! The device flow against a real provider, from the code to the refreshed token.

use std::time::{Duration, SystemTime};

use portcullis_control::{
    FetchError, Provider, ProviderConfig, Secret,
    device::{Login, LoginError, Poll},
};
use portcullis_idp::{Alg, Config, Fault, Idp, User};
use serde_json::json;
use tokio::net::TcpListener;

async fn idp(auto_approve: Option<&str>) -> Idp {
    let users = vec![User::new("ana", &["support"])];
    let config = Config { alg: Alg::EdDsa, users, auto_approve: auto_approve.map(Into::into), ..Config::default() };
    Idp::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), config).unwrap()
}

fn config(idp: &Idp) -> ProviderConfig {
    let value = json!({"name": "corp", "issuer": idp.issuer(), "audience": "portcullis", "client_id": "cli"});
    serde_json::from_value(value).unwrap()
}

fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::test]
async fn a_confirmed_login_gives_a_token_that_signs_in_and_can_be_refreshed() {
    let idp = idp(None).await;
    let login = Login::discover(&config(&idp)).await.unwrap();
    let mut pending = login.start(now()).await.unwrap();
    assert!(pending.verification_uri_complete.as_ref().unwrap().ends_with(&pending.user_code));
    assert!(matches!(login.poll(&mut pending, now()).await.unwrap(), Poll::NotYet));
    assert!(!idp.approve(&pending.user_code, "nobody") && !idp.approve("XXXX-XXXX", "ana"));
    assert!(idp.approve(&pending.user_code, "ana"));
    let Poll::Done(tokens) = login.poll(&mut pending, now()).await.unwrap() else { panic!("it was approved") };
    let provider = Provider::new(config(&idp)).unwrap();
    let found = provider.verify(tokens.bearer.expose(), now()).await.unwrap();
    assert_eq!((found.subject.as_str(), found.expires), ("ana", tokens.expires));
    let refresh = tokens.refresh.unwrap();
    let again = login.refresh(&refresh, now()).await.unwrap();
    assert_ne!(again.bearer, tokens.bearer);
    assert!(provider.verify(again.bearer.expose(), now()).await.is_ok());
    assert!(matches!(login.refresh(&refresh, now()).await, Err(LoginError::Expired)), "a refresh token is good once");
    assert!(matches!(login.poll(&mut pending, now()).await, Err(LoginError::Expired)), "so is a device code");
}

#[tokio::test]
async fn waiting_ends_when_it_is_decided() {
    let idp = idp(Some("ana")).await;
    let login = Login::discover(&config(&idp)).await.unwrap();
    let mut pending = login.start(now()).await.unwrap();
    assert!(login.wait(&mut pending).await.unwrap().refresh.is_some());
}

#[tokio::test]
async fn a_refused_or_late_login_says_so() {
    let idp = idp(None).await;
    let login = Login::discover(&config(&idp)).await.unwrap();
    let mut pending = login.start(now()).await.unwrap();
    let late = now() + Duration::from_secs(601);
    assert!(matches!(login.poll(&mut pending, late).await, Err(LoginError::Expired)));
    assert!(idp.deny(&pending.user_code));
    assert!(matches!(login.poll(&mut pending, now()).await, Err(LoginError::Denied)));
}

#[tokio::test]
async fn a_provider_that_fails_is_told_apart() {
    let idp = idp(None).await;
    let login = Login::discover(&config(&idp)).await.unwrap();
    idp.fail(Fault::Huge);
    assert!(matches!(login.start(now()).await, Err(LoginError::Fetch(FetchError::TooLarge))));
    idp.fail(Fault::Down);
    assert!(matches!(login.refresh(&Secret::new("x".into()), now()).await, Err(LoginError::Fetch(_))));
    assert!(matches!(Login::discover(&config(&idp)).await, Err(LoginError::Fetch(FetchError::Status(503)))));
    let no_client = ProviderConfig { client_id: None, ..config(&idp) };
    assert!(matches!(Login::discover(&no_client).await, Err(LoginError::NoClient(_))));
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_secret() {
    let idp = idp(Some("ana")).await;
    let login = Login::discover(&config(&idp)).await.unwrap();
    let mut pending = login.start(now()).await.unwrap();
    let before = format!("{login:?} {pending:?}");
    let Poll::Done(tokens) = login.poll(&mut pending, now()).await.unwrap() else { panic!("auto-approved") };
    let shown = format!("{before} {pending:?} {tokens:?}");
    assert!(!shown.contains("eyJ"), "{shown}");
    assert!(shown.contains("device_code: Secret(..)"), "{shown}");
    assert!(!shown.contains(tokens.refresh.unwrap().expose()), "{shown}");
}
