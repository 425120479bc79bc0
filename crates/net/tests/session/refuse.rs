//! Refusals in every place: what the client sees, what the upstream saw, and what became of the transaction.

use crate::bench::*;

#[tokio::test]
async fn an_idle_query_is_refused_without_a_byte_to_the_upstream() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("SELECT * FROM secret.t")).await, "E(42501) Z(I)");
    assert!(s.log().is_empty());
    assert_eq!(s.talk(query("SELECT 1")).await, "T D(\\x00\\x01\\x00\\x00\\x00\\x011) C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn a_query_refused_in_a_transaction_fails_it_at_the_upstream_too() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("BEGIN")).await, "C(BEGIN) Z(T)");
    assert_eq!(s.talk(query("SELECT * FROM secret.t")).await, "E(42501) Z(E)");
    assert!(s.log()[1].starts_with("E portcullis"), "{:?}", s.log());
    assert_eq!(s.log()[2], "S");
    assert_eq!(s.talk(query("DELETE FROM orders")).await, "E(42501) Z(E)");
    assert_eq!(s.talk(query("SELECT 1")).await, "E(25P02) Z(E)");
    assert_eq!(s.talk(query("COMMIT")).await, "C(ROLLBACK) Z(I)");
}

#[tokio::test]
async fn a_refused_parse_with_nothing_before_it_is_answered_here() {
    let mut s = Bench::new(NO_SECRET).await;
    let batch = [unnamed("SELECT * FROM secret.t"), describe('P', ""), flush(), sync()].concat();
    assert_eq!(s.talk(batch).await, "E(42501) Z(I)");
    assert_eq!(s.log(), ["S"]);
}

#[tokio::test]
async fn a_refused_parse_behind_another_rolls_the_group_back() {
    let mut s = Bench::new(NO_SECRET).await;
    let batch = [unnamed("INSERT INTO orders VALUES (1)"), unnamed("SELECT * FROM secret.t"), sync()].concat();
    assert_eq!(s.talk(batch).await, "1 2 C(INSERT) E(42501) Z(I)");
    assert_eq!(s.ran(), ["public|INSERT INTO orders VALUES (1)"]);
    let poisoned = s.log().iter().any(|frame| frame.starts_with("E portcullis"));
    assert!(poisoned, "{:?}", s.log());
}

#[tokio::test]
async fn two_groups_in_one_write_are_refused_apart() {
    let mut s = Bench::new(NO_SECRET).await;
    let good = [unnamed("SELECT 1"), sync()].concat();
    let bad = [unnamed("SELECT * FROM secret.t"), sync()].concat();
    s.send(&[good.clone(), bad.clone(), good.clone(), bad, good].concat()).await;
    let ok = "1 2 D(\\x00\\x01\\x00\\x00\\x00\\x011) C(SELECT 1) Z(I)";
    assert_eq!(s.until(5).await, format!("{ok} E(42501) Z(I) {ok} E(42501) Z(I) {ok}"));
}

#[tokio::test]
async fn a_refused_group_with_flush_is_told_before_its_sync() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&[unnamed("SELECT 1"), unnamed("SELECT * FROM secret.t"), flush()].concat()).await;
    assert_eq!(s.until_tag(b'E').await, "1 2 D(\\x00\\x01\\x00\\x00\\x00\\x011) C(SELECT 1) E(42501)");
    assert_eq!(s.talk(sync()).await, "Z(I)");
}

#[tokio::test]
async fn a_refusal_undoes_what_its_group_set() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("SET search_path = secret")).await, "C(SET) Z(I)");
    let batch = [unnamed("SET search_path = app"), unnamed("DELETE FROM t"), sync()].concat();
    assert_eq!(s.talk(batch).await, "1 2 C(SET) E(42501) Z(I)");
    assert_eq!(s.talk(query("SELECT * FROM t")).await, "E(42501) Z(I)", "{:?}", s.ran());
}

#[tokio::test]
async fn policy_that_changes_between_parse_bind_and_execute_counts() {
    // A new cache each time: a decision outlives the cache that it came from.
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk([parse("p", "SELECT * FROM app.t"), sync()].concat()).await, "1 Z(I)");
    let forbid = r#"permit (principal, action, resource); forbid (principal, action, resource in Schema::"shop.app");"#;
    *s.stage.world.lock().unwrap() = world(2, forbid, nothing(), Default::default());
    assert_eq!(s.talk([bind("", "p"), execute("", 0), sync()].concat()).await, "E(42501) Z(I)");
    *s.stage.world.lock().unwrap() = world(3, NO_SECRET, nothing(), Default::default());
    s.send(&[bind("", "p"), flush()].concat()).await;
    assert_eq!(s.until_tag(b'2').await, "2");
    *s.stage.world.lock().unwrap() = world(4, forbid, nothing(), Default::default());
    assert_eq!(s.talk([execute("", 0), sync()].concat()).await, "E(42501) Z(I)");
    assert!(s.ran().is_empty());
}
