//! Life of a credential, restarts, and what the files look like from outside.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::Agent;

fn at(seconds: i64) -> SystemTime {
    unix::time(1_800_000_000 + seconds)
}

fn ana() -> Identity {
    let agent = Some(Agent { subject: "bot".into(), before: vec!["older".into()] });
    let (provider, subject) = ("corp".into(), "ana".into());
    Identity { provider, subject, groups: vec!["dba".into()], agent, expires: at(600), token_id: None }
}

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join("data"), at(0)).unwrap()
}

async fn mint(store: &Store) -> Minted {
    store.mint(ana(), "shop".into(), Duration::from_secs(60), at(0)).await.unwrap()
}

#[tokio::test]
async fn a_minted_credential_is_found_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let minted = mint(&store).await;
    assert!(Store::is_minted_name(&minted.user) && minted.user.len() == 23);
    assert!(minted.secret.expose().len() == 32);
    let found = store.credential(&minted.user).unwrap();
    assert_eq!((&found.identity, found.upstream.as_str(), found.expires), (&ana(), "shop", at(60)));
    assert_eq!(store.standing(&minted.user, at(59)), Standing::Good);
    assert_eq!(store.standing(&minted.user, at(60)), Standing::Expired);
    assert_eq!(store.standing("pc_nobody", at(0)), Standing::Withdrawn);
}

#[tokio::test]
async fn secrets_and_names_differ_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (a, b) = (mint(&store).await, mint(&store).await);
    assert_ne!(a.user, b.user);
    assert_ne!(a.secret, b.secret);
}

#[tokio::test]
async fn a_lifetime_is_cut_to_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let person = Identity { agent: None, ..ana() };
    let minted = store.mint(person, "shop".into(), Duration::MAX, at(0)).await.unwrap();
    assert_eq!(minted.expires, at(24 * 60 * 60));
    let agents = store.mint(ana(), "shop".into(), Duration::MAX, at(0)).await.unwrap();
    assert_eq!(agents.expires, at(600), "an agent's ends with the token that delegates to it");
}

#[tokio::test]
async fn restart_keeps_credentials_and_revocations() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (kept, revoked) = (mint(&store).await, mint(&store).await);
    assert!(store.revoke(&revoked.user).await.unwrap());
    let before = store.credential(&kept.user).unwrap();
    let decoy = store.decoy("pc_x").salt;
    drop(store);
    let store = open(&folder);
    assert_eq!(store.credential(&kept.user).unwrap(), before);
    assert_eq!(store.standing(&revoked.user, at(0)), Standing::Withdrawn);
    assert_eq!(store.decoy("pc_x").salt, decoy, "a restart must not tell real names from invented ones");
}

#[tokio::test]
async fn a_revocation_wakes_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let minted = mint(&store).await;
    let mut changes = store.changes();
    assert!(!store.revoke("pc_nobody").await.unwrap());
    assert!(!changes.has_changed().unwrap());
    assert!(store.revoke(&minted.user).await.unwrap());
    changes.changed().await.unwrap();
    assert_eq!(*changes.borrow(), 1);
    assert_eq!(store.standing(&minted.user, at(0)), Standing::Withdrawn);
    assert!(!store.revoke(&minted.user).await.unwrap(), "once is enough");
    assert!(!changes.has_changed().unwrap());
}

#[tokio::test]
async fn a_revocation_that_the_disk_refuses_holds_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let minted = mint(&store).await;
    let saboteur = rusqlite::Connection::open(&store.path).unwrap();
    let trigger = "CREATE TRIGGER no BEFORE UPDATE ON credentials BEGIN SELECT RAISE(ABORT, 'disk'); END";
    saboteur.execute_batch(trigger).unwrap();
    assert!(store.revoke(&minted.user).await.is_err());
    assert_eq!(store.standing(&minted.user, at(0)), Standing::Withdrawn);
    saboteur.execute_batch("DROP TRIGGER no").unwrap();
    store.revoke(&minted.user).await.unwrap();
    drop(store);
    assert_eq!(open(&folder).standing(&minted.user, at(0)), Standing::Withdrawn);
}

#[tokio::test]
async fn a_person_can_be_revoked_whole_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let other = Identity { subject: "bob".into(), ..ana() };
    let bobs = store.mint(other, "shop".into(), Duration::from_secs(60), at(0)).await.unwrap();
    let (a, b) = (mint(&store).await, mint(&store).await);
    assert_eq!(store.revoke_identity("corp", "ana").await.unwrap(), 2);
    for user in [a.user, b.user] {
        assert_eq!(store.standing(&user, at(0)), Standing::Withdrawn);
    }
    assert_eq!(store.standing(&bobs.user, at(0)), Standing::Good);
}

#[tokio::test]
async fn one_identity_cannot_fill_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for _ in 0..MAX_PER_IDENTITY {
        mint(&store).await;
    }
    let one_more = store.mint(ana(), "shop".into(), Duration::from_secs(60), at(0)).await;
    assert!(matches!(one_more, Err(StoreError::TooMany)));
    assert!(store.mint(ana(), "shop".into(), Duration::from_secs(60), at(61)).await.is_ok(), "the old ones have ended");
}

#[tokio::test]
async fn purge_forgets_what_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let minted = mint(&store).await;
    store.purge(at(59), at(0)).await.unwrap();
    assert!(store.credential(&minted.user).is_some());
    store.purge(at(60), at(0)).await.unwrap();
    assert!(store.credential(&minted.user).is_none());
    let rows: i64 = schema::open_for_reading(&store.path)
        .unwrap()
        .query_row("SELECT count(*) FROM credentials", [], |r| r.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}

fn session(id: u128, upstream: &str, started: i64) -> SessionStart {
    SessionStart {
        id,
        provider: "corp".into(),
        subject: "ana".into(),
        agent: Some("bot".into()),
        upstream: upstream.into(),
        source: "127.0.0.1:1".into(),
        user: "ana".into(),
        started: at(started),
    }
}

#[tokio::test]
async fn sessions_are_listed_latest_first_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.session_started(session(1, "shop", 1)).await.unwrap();
    store.session_started(session(u128::MAX, "crm", 2)).await.unwrap();
    let end = SessionEnd { ended: at(9), reason: "client left".into() };
    store.session_ended(1, end.clone()).await.unwrap();
    let list = |filter| async { store.sessions(filter).await.unwrap() };
    let all = list(SessionFilter::default()).await;
    let newest = SessionRow { start: session(u128::MAX, "crm", 2), end: None };
    let oldest = SessionRow { start: session(1, "shop", 1), end: Some(end) };
    assert_eq!(all, [newest.clone(), oldest.clone()]);
    let only = |upstream: &str| SessionFilter { upstream: Some(upstream.into()), ..SessionFilter::default() };
    assert_eq!(list(only("shop")).await, [oldest]);
    assert_eq!(list(SessionFilter { open_only: true, ..SessionFilter::default() }).await, all[..1]);
    assert_eq!(list(SessionFilter { since: Some(at(2)), ..SessionFilter::default() }).await, [newest]);
    assert_eq!(list(SessionFilter { limit: Some(1), ..SessionFilter::default() }).await.len(), 1);
    assert_eq!(list(SessionFilter { subject: Some("bob".into()), ..SessionFilter::default() }).await, []);
}

#[tokio::test]
async fn sessions_left_open_by_a_crash_are_lost_and_readable_offline() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.session_started(session(1, "shop", 1)).await.unwrap();
    drop(store);
    drop(open(&folder));
    let rows = sessions_at(&folder.path().join("data"), &SessionFilter::default()).unwrap();
    assert_eq!(rows.first().and_then(|r| r.end.as_ref()).map(|e| e.reason.as_str()), Some("lost"));
}

#[tokio::test]
async fn a_bad_write_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (first, again, other) = tokio::join!(
        store.session_started(session(1, "shop", 1)),
        store.session_started(session(1, "shop", 1)),
        store.session_started(session(2, "shop", 1)),
    );
    assert!(first.is_ok() && again.is_err() && other.is_ok());
}

#[tokio::test]
async fn settings_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert_eq!(store.meta("x").await.unwrap(), None);
    store.put_meta("x", vec![1]).await.unwrap();
    store.put_meta("x", vec![2]).await.unwrap();
    assert_eq!(store.meta("x").await.unwrap(), Some(vec![2]));
}

#[test]
fn one_process_owns_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder);
    assert!(matches!(Store::open(&folder.path().join("data"), at(0)), Err(StoreError::InUse)));
    drop(first);
    drop(open(&folder));
}

#[test]
fn a_file_from_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let path = store.path.clone();
    drop(store);
    rusqlite::Connection::open(path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&folder.path().join("data"), at(0)), Err(StoreError::Newer(99))));
}

#[tokio::test]
async fn no_file_holds_the_secret_or_is_readable_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let minted = mint(&store).await;
    let files: Vec<_> = std::fs::read_dir(folder.path().join("data")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.len() >= 3, "database, lock, WAL");
    for file in files {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "{file:?}");
        let bytes = std::fs::read(&file).unwrap();
        let secret = minted.secret.expose().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|w| w == secret), "{file:?}");
    }
    let shown = format!("{minted:?} {:?} {store:?}", store.credential(&minted.user));
    assert!(!shown.contains(minted.secret.expose()) && !shown.contains("SCRAM-SHA-256$"), "{shown}");
}
