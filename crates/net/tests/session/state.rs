//! The state that gives names their meaning, followed through pipelines, failures and transactions: each test is a way to
//! make the firewall believe in another search path, statement or table than the server has.

use crate::bench::*;

/// Asks for `t`, which only under the path `secret` is forbidden, and says whether it was refused.
async fn is_refused(s: &mut Bench) -> bool {
    let seen = s.talk(query("SELECT * FROM t")).await;
    assert!(seen == "E(42501) Z(I)" || seen.contains("C(SELECT 1)"), "{seen}");
    seen.starts_with('E')
}

fn leaked(s: &Bench) -> bool {
    s.ran().iter().any(|ran| *ran == "secret|SELECT * FROM t" || ran.contains("FROM secret."))
}

#[tokio::test]
async fn a_pipelined_statement_waits_for_the_path_before_it() {
    let mut s = Bench::new(NO_SECRET).await;
    let batch = [unnamed("SET search_path = secret"), unnamed("SELECT * FROM t"), sync()].concat();
    assert_eq!(s.talk(batch).await, "1 2 C(SET) E(42501) Z(I)");
    assert_eq!(s.log().iter().filter(|frame| *frame == "H").count(), 1, "{:?}", s.log());
    assert!(!leaked(&s));
}

#[tokio::test]
async fn a_text_of_several_statements_is_judged_under_its_own_path() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("SET search_path = secret; SELECT * FROM t")).await, "E(42501) Z(I)");
    assert!(s.log().is_empty());
    let seen = s.talk(query("SET search_path = app; SELECT * FROM t")).await;
    assert!(seen.starts_with("C(SET) T D"), "{seen}");
}

#[tokio::test]
async fn a_failed_query_does_not_hide_the_one_pipelined_behind_it() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&[query("SELECT 1/0"), query("SET search_path = secret")].concat()).await;
    assert_eq!(s.until(2).await, "E(22012) Z(I) C(SET) Z(I)");
    assert!(is_refused(&mut s).await);
    assert!(!leaked(&s));
}

#[tokio::test]
async fn a_sync_does_not_hide_the_query_pipelined_behind_it() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&[unnamed("SELECT 1"), sync(), query("SET search_path = secret")].concat()).await;
    s.until(2).await;
    assert!(is_refused(&mut s).await);
    assert!(!leaked(&s));
}

#[tokio::test]
async fn a_portal_that_stops_at_its_limit_has_changed_the_path() {
    let mut s = Bench::new(NO_SECRET).await;
    let batch = [parse("", "SELECT set_config('search_path', 'secret', false)"), bind("", ""), execute("", 1), sync()];
    let seen = s.talk(batch.concat()).await;
    assert!(seen.ends_with("s Z(I)"), "{seen}");
    assert!(is_refused(&mut s).await);
    assert!(!leaked(&s));
}

#[tokio::test]
async fn the_end_of_a_failed_transaction_falls_back_inside_a_text() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("SET search_path = secret")).await;
    s.talk(query("BEGIN")).await;
    s.talk(query("SET search_path = app")).await;
    assert_eq!(s.talk(query("SELECT 1/0")).await, "E(22012) Z(E)");
    let seen = s.talk(query("COMMIT; SELECT * FROM t")).await;
    assert!(!leaked(&s), "{seen}");
}

#[tokio::test]
async fn a_savepoint_brings_back_path_and_temporary_tables() {
    let mut s = Bench::new(NO_SECRET).await;
    for text in ["SET search_path = app", "BEGIN", "SAVEPOINT a"] {
        s.talk(query(text)).await;
    }
    assert_eq!(s.talk(query("CREATE TEMP TABLE hidden (id int)")).await, "C(CREATE TABLE) Z(T)");
    let seen = s.talk(query("SELECT * FROM hidden")).await;
    assert!(seen.ends_with("Z(T)") && !seen.starts_with('E'), "a temporary table is the session's own: {seen}");
    s.talk(query("ROLLBACK TO a")).await;
    s.talk(query("SET search_path = secret")).await;
    s.ran();
    assert_eq!(s.talk(query("SELECT * FROM hidden")).await, "E(42501) Z(E)", "the temporary table is gone");
}

#[tokio::test]
async fn a_function_may_have_dropped_a_temporary_table() {
    let policy =
        r#"permit (principal, action, resource); forbid (principal, action, resource in Schema::"shop.secret");"#;
    let mut s = Bench::new(policy).await;
    for text in ["SET search_path = app", "CREATE TEMP TABLE hidden (id int)", "CREATE TEMP TABLE mine (id int)"] {
        s.talk(query(text)).await;
    }
    s.talk(query("DO $$ BEGIN DROP TABLE hidden; END $$")).await;
    s.talk(query("SET search_path = secret")).await;
    assert_eq!(s.talk(query("SELECT * FROM hidden")).await, "E(42501) Z(I)");
    let seen = s.talk(query("SELECT * FROM mine")).await;
    assert!(seen.ends_with("Z(I)") && !seen.starts_with('E'), "{seen}");
}

#[tokio::test]
async fn a_path_that_was_asked_for_in_a_transaction_ends_with_it() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("SET search_path = secret")).await;
    s.talk(query("BEGIN")).await;
    s.talk(query("SET LOCAL search_path = app")).await;
    // The path is not known after this, so the upstream is asked.
    s.talk(query("SELECT set_config('search_path', 'app', true) FROM orders WHERE id = 0")).await;
    s.talk(query("SELECT 1")).await;
    s.talk(query("COMMIT")).await;
    s.ran();
    assert!(is_refused(&mut s).await, "{:?}", s.log());
    assert!(!leaked(&s));
}

#[tokio::test]
async fn rollback_and_local_settings_are_followed() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("SET search_path = secret")).await;
    for text in ["BEGIN", "SET search_path = app", "ROLLBACK"] {
        s.talk(query(text)).await;
    }
    assert!(is_refused(&mut s).await);
    for text in ["BEGIN", "SET LOCAL search_path = app", "COMMIT"] {
        s.talk(query(text)).await;
    }
    assert!(is_refused(&mut s).await);
    assert_eq!(s.talk(query("SET search_path = app; SELECT 1/0")).await, "C(SET) E(22012) Z(I)");
    assert!(is_refused(&mut s).await);
    s.talk(query("DISCARD ALL")).await;
    assert!(!is_refused(&mut s).await);
}

#[tokio::test]
async fn a_name_made_anew_in_the_same_text_is_not_the_old_one() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("PREPARE s AS SELECT 1")).await, "C(PREPARE) Z(I)");
    let text = "DEALLOCATE s; PREPARE s AS SELECT * FROM t; SET search_path = secret; EXECUTE s";
    let seen = s.talk(query(text)).await;
    assert!(!leaked(&s), "{seen}");
    // Made and used in one text is well known.
    let seen = s.talk(query("PREPARE fresh AS SELECT * FROM app.t; EXECUTE fresh")).await;
    assert!(seen.contains("C(SELECT 1) Z(I)"), "{seen}");
    let seen = s.talk(query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM app.t; FETCH ALL FROM c; COMMIT")).await;
    assert!(seen.contains("C(SELECT 1)"), "{seen}");
}

#[tokio::test]
async fn names_made_by_sql_are_judged_where_they_are_used() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("PREPARE s AS SELECT * FROM t")).await;
    let seen = s.talk([bind("", "s"), execute("", 0), sync()].concat()).await;
    assert!(seen.contains("C(SELECT 1)"), "{seen}");
    s.talk(query("SET search_path = secret")).await;
    assert_eq!(s.talk(query("EXECUTE s")).await, "E(42501) Z(I)");
    assert_eq!(s.talk([bind("", "s"), execute("", 0), sync()].concat()).await, "E(42501) Z(I)");
    assert_eq!(s.talk(query("DEALLOCATE s")).await, "C(DEALLOCATE) Z(I)");
    assert_eq!(s.talk(query("EXECUTE s")).await, "E(26000) Z(I)");
    assert!(!leaked(&s));
}

#[tokio::test]
async fn a_failed_parse_leaves_the_old_statement() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk([parse("p", "SELECT * FROM t"), sync()].concat()).await;
    s.talk(query("SET search_path = secret")).await;
    assert_eq!(s.talk([parse("p", "SELECT 1"), sync()].concat()).await, "E(42P05) Z(I)");
    assert_eq!(s.talk([bind("", "p"), execute("", 0), sync()].concat()).await, "E(42501) Z(I)");
    s.talk([close('S', "p"), sync()].concat()).await;
    assert_eq!(s.talk([bind("", "p"), sync()].concat()).await, "E(26000) Z(I)");
    assert!(!leaked(&s));
}

#[tokio::test]
async fn a_cursor_runs_as_a_portal_and_is_judged_there() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("BEGIN")).await;
    s.talk(query("DECLARE c CURSOR FOR SELECT * FROM app.t")).await;
    let seen = s.talk([execute("c", 0), sync()].concat()).await;
    assert!(seen.ends_with("C(SELECT 1) Z(T)"), "{seen}");
    let seen = s.talk(query("FETCH ALL FROM c")).await;
    assert!(seen.ends_with("C(SELECT 1) Z(T)"), "{seen}");
    assert_eq!(s.talk([execute("unknown", 0), sync()].concat()).await, "E(34000) Z(E)");
}
