//! The cache on virtual time, against a scripted provider.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{join, time::advance};

use super::*;

/// Publishes keys with the ids in `ids`; `None` is a provider that is down. Each fetch takes `slow`.
struct Script {
    ids: Mutex<Option<Vec<&'static str>>>,
    fetches: AtomicUsize,
    slow: Duration,
}

impl Source for Arc<Script> {
    async fn fetch(&self) -> Result<KeySet, FetchError> {
        tokio::time::sleep(self.slow).await;
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let ids = self.ids.lock().unwrap().clone().ok_or(FetchError::Connect)?;
        KeySet::parse(set(&ids).as_bytes())
    }

    fn name(&self) -> &str {
        "script"
    }
}

impl Script {
    fn publish(&self, ids: &[&'static str]) {
        *self.ids.lock().unwrap() = Some(ids.to_vec());
    }

    fn go_down(&self) {
        *self.ids.lock().unwrap() = None;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

fn set(ids: &[&str]) -> String {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let one = |id: &&str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{id}"}}"#);
    format!(r#"{{"keys":[{}]}}"#, ids.iter().map(one).collect::<Vec<_>>().join(","))
}

fn keys(ids: &[&'static str]) -> (Arc<Script>, Keys<Arc<Script>>) {
    let slow = Duration::from_secs(5);
    let script = Arc::new(Script { ids: Mutex::new(Some(ids.to_vec())), fetches: AtomicUsize::new(0), slow });
    (Arc::clone(&script), Keys::new(script, Timing::default()))
}

async fn find(keys: &Keys<Arc<Script>>, kid: &str) -> Result<(), Refused> {
    keys.find(Some(kid), "EdDSA").await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_once_and_shared_by_all_who_wait() {
    let (script, keys) = keys(&["a"]);
    let all = join!(find(&keys, "a"), find(&keys, "a"), find(&keys, "a"), find(&keys, "a"));
    assert_eq!(all, (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!(find(&keys, "a").await, Ok(()));
    assert_eq!(script.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kid_makes_one_fetch_and_finds_a_rotated_key() {
    let (script, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    script.publish(&["b"]);
    advance(Duration::from_secs(11)).await;
    assert_eq!(join!(find(&keys, "b"), find(&keys, "b")), (Ok(()), Ok(())));
    assert_eq!(script.fetches(), 2);
    assert_eq!(find(&keys, "a").await, Err(Refused::UnknownKey), "a withdrawn key stops at once");
}

#[tokio::test(start_paused = true)]
async fn invented_kids_cannot_make_us_hammer_the_provider() {
    let (script, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    for _ in 0..100 {
        assert_eq!(find(&keys, "invented").await, Err(Refused::UnknownKey));
    }
    assert_eq!(script.fetches(), 1, "the first fetch is less than the gap ago");
    advance(Duration::from_secs(10)).await;
    for _ in 0..100 {
        assert_eq!(find(&keys, "invented").await, Err(Refused::UnknownKey));
    }
    assert_eq!(script.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_abort_the_fetch() {
    let (script, keys) = keys(&["a"]);
    let gone = tokio::time::timeout(Duration::from_secs(1), find(&keys, "a")).await;
    assert!(gone.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(keys.is_usable());
    assert_eq!(script.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn stale_keys_are_used_while_new_ones_are_fetched_behind() {
    let (script, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    advance(Duration::from_secs(301)).await;
    let before = Instant::now();
    assert_eq!(find(&keys, "a").await, Ok(()));
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits for a refresh");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(script.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_survived_until_the_keys_are_too_old() {
    let (script, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    script.go_down();
    advance(Duration::from_secs(3599)).await;
    assert_eq!(find(&keys, "a").await, Ok(()));
    assert_eq!(find(&keys, "new").await, Err(Refused::Unavailable), "it may be a new key; nobody can tell");
    advance(Duration::from_secs(2)).await;
    assert_eq!(find(&keys, "a").await, Err(Refused::Unavailable));
    script.publish(&["a"]);
    advance(Duration::from_secs(2)).await;
    assert_eq!(find(&keys, "a").await, Ok(()), "it heals");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_failing_provider_share_one_failure() {
    let (script, keys) = keys(&[]);
    script.go_down();
    let before = Instant::now();
    let all = join!(find(&keys, "a"), find(&keys, "a"), find(&keys, "a"));
    assert_eq!(all, (Err(Refused::Unavailable), Err(Refused::Unavailable), Err(Refused::Unavailable)));
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(script.fetches(), 1);
}
