//! Nothing runs unrecorded: a sink that fails refuses statements in their place, and the session lives on.

use std::sync::atomic::Ordering;

use portcullis_inspect::Sealed;
use portcullis_net::outbound::Outbound;
use portcullis_net::{Command, End, forward};
use portcullis_policy::{Action, Context, Decision, Request, Resource};
use portcullis_recording::{Intention, Recorder, RecorderOptions, RecordingKeys, SessionStart};

use crate::bench::*;

fn fill(s: &Bench, full: bool) {
    s.stage.sink.full.store(full, Ordering::Relaxed);
}

#[tokio::test]
async fn a_query_that_cannot_be_recorded_is_refused_and_the_session_heals() {
    let mut s = Bench::new(NO_SECRET).await;
    fill(&s, true);
    assert_eq!(s.talk(query("SELECT 1")).await, "E(53100) Z(I)");
    assert!(s.log().is_empty());
    fill(&s, false);
    assert!(s.talk(query("SELECT 1")).await.ends_with("C(SELECT 1) Z(I)"));
}

#[tokio::test]
async fn pipelined_queries_are_refused_one_by_one() {
    let mut s = Bench::new(NO_SECRET).await;
    fill(&s, true);
    s.send(&[query("SET search_path = app"), query("SELECT 1"), query("SELECT 2")].concat()).await;
    assert_eq!(s.until(3).await, "E(53100) Z(I) E(53100) Z(I) E(53100) Z(I)");
    assert!(s.log().is_empty());
}

#[tokio::test]
async fn an_extended_group_that_cannot_be_recorded_is_skipped_to_its_sync() {
    let mut s = Bench::new(NO_SECRET).await;
    fill(&s, true);
    let batch = [unnamed("SET search_path = app"), unnamed("SELECT 1"), sync(), unnamed("SELECT 2"), sync()].concat();
    s.send(&batch).await;
    assert_eq!(s.until(2).await, "E(53100) Z(I) E(53100) Z(I)");
    assert!(s.ran().is_empty());
}

#[tokio::test]
async fn a_transaction_fails_with_what_could_not_be_recorded() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("BEGIN")).await;
    fill(&s, true);
    assert_eq!(s.talk(query("SELECT 1")).await, "E(53100) Z(E)");
    fill(&s, false);
    assert_eq!(s.talk(query("COMMIT")).await, "C(ROLLBACK) Z(I)");
}

#[tokio::test]
async fn a_refusal_before_what_cannot_be_recorded_stays_in_its_place() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("BEGIN")).await;
    fill(&s, true);
    s.send(&[unnamed("DELETE FROM orders"), sync(), query("ROLLBACK")].concat()).await;
    assert_eq!(s.until(2).await, "E(42501) Z(E) E(53100) Z(E)");
    fill(&s, false);
    assert_eq!(s.talk(query("ROLLBACK")).await, "C(ROLLBACK) Z(I)");
}

#[tokio::test]
async fn a_query_that_never_left_leaves_the_unnamed_statement() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk([parse("", "SELECT 7"), sync()].concat()).await;
    fill(&s, true);
    assert_eq!(s.talk(query("SELECT 1")).await, "E(53100) Z(I)");
    fill(&s, false);
    let seen = s.talk([bind("", ""), execute("", 0), sync()].concat()).await;
    assert!(seen.ends_with("C(SELECT 1) Z(I)"), "{seen}");
}

#[tokio::test]
async fn permit_and_receipt_must_name_the_same_bytes() {
    let world = world(1, ALL, nothing(), Default::default());
    let principal = portcullis_policy::Principal::user("corp", "ana", ["staff"]);
    let slice = world.policies.slice(&principal, &world.upstream);
    let request = Request { action: Action::Select, resource: Resource::Upstream, context: &Context::default() };
    let Decision::Allow(allowed) = slice.decide(&[request]) else { panic!("denied") };
    let frame = Sealed::new(portcullis_wire::Frame::new(bytes::Bytes::from_static(b"Q\0\0\0\x05\0")));
    let digest = *frame.digest();
    let receipt = |session: u128, statement: u64| {
        let start = SessionStart::default();
        let mut recorder =
            Recorder::start(session, &start, &RecordingKeys::plain(), RecorderOptions::default(), 1).unwrap();
        recorder.intend(&Intention { statement, ..Intention::default() }, digest, 1);
        recorder.commit(&Memory::default()).unwrap().pop().unwrap()
    };
    let mut out = Outbound::default();
    let other = Sealed::new(portcullis_wire::Frame::new(bytes::Bytes::from_static(b"Q\0\0\0\x06;\0")));
    assert!(forward(allowed.permit(7, 1, digest), receipt(8, 1), frame.clone(), &mut out).is_err());
    assert!(forward(allowed.permit(7, 1, digest), receipt(7, 2), frame.clone(), &mut out).is_err());
    assert!(forward(allowed.permit(7, 1, [0; 32]), receipt(7, 1), frame.clone(), &mut out).is_err());
    assert!(forward(allowed.permit(7, 1, digest), receipt(7, 1), other, &mut out).is_err());
    assert!(out.is_empty());
    assert!(forward(allowed.permit(7, 1, digest), receipt(7, 1), frame, &mut out).is_ok());
    assert!(!out.is_empty());
}

#[tokio::test]
async fn an_upstream_that_breaks_the_protocol_ends_the_session() {
    let wrong: [&[u8]; 7] = [
        b"D\0\0\0\x06\0\0",
        b"1\0\0\0\x04",
        b"Z\0\0\0\x05I",
        b"W\0\0\0\x07\0\0\0",
        b"C\0\0\0\x03",
        b"E\x7f\xff\xff\xff",
        b"~\0\0\0\x04",
    ];
    for bytes in wrong {
        let mut s = Bench::new(NO_SECRET).await;
        s.push.send(bytes.to_vec()).unwrap();
        assert_eq!(s.until(1).await, "E(58000) (closed)", "{}", bytes.escape_ascii());
        assert!(matches!(s.relay.await.unwrap().end, End::UpstreamFault(_)));
    }
}

#[tokio::test]
async fn a_killed_session_says_why() {
    let mut s = Bench::new(NO_SECRET).await;
    s.talk(query("SELECT 1")).await;
    s.commands.send(Command::Kill("revoked".into())).await.unwrap();
    assert_eq!(s.until(1).await, "E(57P01) (closed)");
}
