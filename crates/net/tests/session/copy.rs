//! COPY in both directions, in both protocols, and ended in every way.

use std::sync::atomic::Ordering;

use portcullis_postgres::session::Session;
use portcullis_wire::Protocol;
use portcullis_wire::protocol::Front;

use crate::bench::*;

const IN: &str = "COPY orders FROM STDIN";

#[tokio::test]
async fn copy_in_runs_by_query_and_by_portal() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&query(IN)).await;
    assert_eq!(s.until_tag(b'G').await, "G");
    assert_eq!(s.talk([copy_data(b"1\tx\n"), copy_done()].concat()).await, "C(COPY 1) Z(I)");
    // The Sync that is sent with the Execute is ignored, so there is one ReadyForQuery.
    s.send(&[unnamed(IN), sync()].concat()).await;
    assert_eq!(s.until_tag(b'G').await, "1 2 G");
    assert_eq!(s.talk([copy_data(b"1\tx\n"), copy_done(), sync()].concat()).await, "C(COPY 1) Z(I)");
    assert!(s.talk(query("SELECT 1")).await.ends_with("C(SELECT 1) Z(I)"));
}

#[tokio::test]
async fn what_is_left_of_a_failed_copy_is_dropped() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&query(IN)).await;
    s.until_tag(b'G').await;
    assert_eq!(s.talk([copy_data(b"BAD"), copy_data(b"x"), copy_done()].concat()).await, "E(22P04) Z(I)");
    assert!(s.talk([copy_data(b"late"), query("SELECT 1")].concat()).await.ends_with("C(SELECT 1) Z(I)"));
    s.send(&unnamed(IN)).await;
    s.send(&flush()).await;
    s.until_tag(b'G').await;
    let rest = [copy_data(b"BAD"), copy_data(b"x"), copy_done(), sync()].concat();
    assert_eq!(s.talk(rest).await, "E(22P04) Z(I)");
    s.send(&query(IN)).await;
    s.until_tag(b'G').await;
    assert_eq!(s.talk(copy_fail()).await, "E(57014) Z(I)");
}

#[tokio::test]
async fn a_copy_that_fails_before_it_reads_leaves_the_sync_to_the_session() {
    let mut s = Bench::new(NO_SECRET).await;
    let policy = ALL;
    *s.stage.world.lock().unwrap() = world(2, policy, nothing(), Default::default());
    assert_eq!(s.talk([unnamed("COPY a_view FROM STDIN"), sync()].concat()).await, "1 2 G E(42809) Z(I)");
    s.send(&[copy_data(b"late"), copy_done(), sync()].concat()).await;
    assert_eq!(s.until(1).await, "Z(I)");
    assert_eq!(s.talk(query("SET search_path = secret")).await, "C(SET) Z(I)");
    *s.stage.world.lock().unwrap() = world(3, NO_SECRET, nothing(), Default::default());
    assert_eq!(s.talk(query("SELECT * FROM t")).await, "E(42501) Z(I)");
}

#[tokio::test]
async fn a_statement_pipelined_behind_a_copy_waits_for_its_end() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&query(IN)).await;
    s.send(&[copy_data(b"1\tx\n"), copy_done(), query("DELETE FROM t"), query("SELECT 1")].concat()).await;
    let seen = s.until(3).await;
    assert!(seen.starts_with("G C(COPY 1) Z(I) E(42501) Z(I) T D"), "{seen}");
}

#[tokio::test]
async fn what_follows_one_copy_of_a_query_waits_for_the_next() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&[query(&format!("{IN}; {IN}")), copy_done(), close('P', "c"), sync()].concat()).await;
    assert_eq!(s.until(2).await, "G C(COPY 1) G E(57014) Z(I) Z(I)");
}

#[tokio::test]
async fn a_copy_is_run_by_its_name_too() {
    let mut s = Bench::new(NO_SECRET).await;
    // Only a Parse can give a COPY a name: SQL's PREPARE takes no utility statement.
    assert_eq!(s.talk([parse("s", IN), sync()].concat()).await, "1 Z(I)");
    s.send(&query("EXECUTE s")).await;
    assert_eq!(s.until_tag(b'G').await, "G");
    assert_eq!(s.talk([copy_data(b"1\tx\n"), copy_done()].concat()).await, "C(COPY 1) Z(I)");
}

#[tokio::test]
async fn anything_but_data_ends_a_copy_and_is_lost() {
    let mut s = Bench::new(NO_SECRET).await;
    s.send(&query(IN)).await;
    s.until_tag(b'G').await;
    assert_eq!(s.talk([copy_data(b"1\tx\n"), query("SELECT * FROM secret.t")].concat()).await, "E(57014) Z(I)");
    assert!(s.talk(query("SELECT 1")).await.ends_with("C(SELECT 1) Z(I)"));
    s.send(&[unnamed(IN), flush()].concat()).await;
    s.until_tag(b'G').await;
    assert_eq!(s.talk([unnamed("DELETE FROM t"), query("SELECT 1"), sync()].concat()).await, "E(57014) Z(I)");
    assert_eq!(s.ran(), ["public|COPY orders FROM STDIN", "public|SELECT 1", "public|COPY orders FROM STDIN"]);
}

#[tokio::test]
async fn copy_out_is_searched_row_by_row() {
    let lines = vec![vec![Some(b"1\t4111 1111 1111 1111\n".to_vec())], vec![Some(b"2\t\\\\N 078-05-1120\n".to_vec())]];
    let tables = [("COPY orders TO STDOUT".to_owned(), (vec![], lines))].into();
    let mut s = Bench::with(world(1, NO_SECRET, secrets(), Default::default()), tables).await;
    let seen = s.talk(query("COPY orders TO STDOUT")).await;
    assert!(seen.contains("d(1\\t") && !seen.contains("1111") && !seen.contains("078-05"), "{seen}");
}

#[tokio::test]
async fn a_line_too_long_to_hold_is_searched_as_copy_text() {
    let mut line = vec![b'x'; 100_000];
    line.extend_from_slice(b" 4111\\x201111\\x201111\\x201111 ");
    line.extend_from_slice(&[b'y'; 70_000]);
    let length = line.len();
    let tables = [("COPY orders TO STDOUT".to_owned(), (vec![], vec![vec![Some(line)]]))].into();
    let mut s = Bench::with(world(1, NO_SECRET, secrets(), Default::default()), tables).await;
    let seen = s.talk(query("COPY orders TO STDOUT")).await;
    assert!(seen.len() > length && !seen.contains("1111"), "{}", &seen[seen.len() - 200..]);
}

#[tokio::test]
async fn a_refused_copy_is_never_answered_with_copy_in() {
    let mut s = Bench::new(NO_SECRET).await;
    assert_eq!(s.talk(query("COPY secret.t FROM STDIN")).await, "E(42501) Z(I)");
    assert!(s.talk([copy_data(b"1"), copy_done(), query("SELECT 1")].concat()).await.ends_with("Z(I)"));
    assert_eq!(s.log(), ["Q SELECT 1"]);
    assert_eq!(s.stage.sink.intentions.load(Ordering::Relaxed), 1);
}

#[test]
fn a_file_is_asked_for_only_by_the_statement_that_loads_it() {
    for (text, fits) in [(IN, true), ("SELECT x FROM orders", false)] {
        let world = world(1, NO_SECRET, nothing(), Default::default());
        let stage = Stage::of(world.clone());
        let (mut codec, mut inspector) = (Session::new(4 << 20, 42), inspector(world, "ana"));
        ask(&mut codec, &mut inspector, &stage, text);
        let mut wants = *b"G\0\0\0\x07\0\0\0";
        let Front::Whole(reply) = codec.answer(&wants).unwrap() else { panic!("a whole message") };
        assert_eq!(inspector.handle_reply(&codec, &reply, &mut wants, 2).is_ok(), fits, "{text}");
    }
}
