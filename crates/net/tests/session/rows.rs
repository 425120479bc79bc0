//! Results are searched in the form that they have: text, binary, JSON, long values, errors and remarks.

use bytes::{BufMut, BytesMut};
use portcullis_mysql::{Capabilities, packet};
use portcullis_postgres::backend::{Notice, NotificationResponse, Severity};
use portcullis_wire::protocol::Front;
use portcullis_wire::{Frame, Protocol};

use crate::bench::*;
use crate::model::{Table, Value};

const CARD: &str = "4111 1111 1111 1111";
const TEXT: &str = "SELECT x FROM orders";

async fn session(oid: u32, values: Vec<Value>) -> Bench {
    let table: Table = (vec![("x", oid)], values.into_iter().map(|value| vec![value]).collect());
    Bench::with(world(1, NO_SECRET, secrets(), Default::default()), [(TEXT.to_owned(), table)].into()).await
}

fn value(text: &str) -> Value {
    Some(text.as_bytes().to_vec())
}

#[tokio::test]
async fn text_is_searched_by_query_and_by_portal() {
    let mut s = session(25, vec![value(CARD), None, value("plain")]).await;
    for request in [query(TEXT), [unnamed(TEXT), sync()].concat()] {
        let seen = s.talk(request).await;
        assert!(!seen.contains("1111") && seen.contains("plain") && seen.ends_with("C(SELECT 3) Z(I)"), "{seen}");
    }
}

#[tokio::test]
async fn the_describe_of_the_gateway_is_not_seen() {
    let mut s = session(25, vec![value("x")]).await;
    let seen = s.talk([unnamed(TEXT), sync()].concat()).await;
    assert!(!seen.contains('T') || !seen.contains(" T "), "{seen}");
    assert!(s.log().contains(&"D P".to_owned()), "{:?}", s.log());
    let before = s.log().len();
    let seen = s.talk([parse("", TEXT), bind("", ""), describe('P', ""), execute("", 0), sync()].concat()).await;
    assert!(seen.starts_with("1 2 T D"), "{seen}");
    assert_eq!(s.log()[before..].iter().filter(|frame| *frame == "D P").count(), 1);
}

#[tokio::test]
async fn json_escapes_are_read_in_text_and_in_binary() {
    let json = "{\"card\": \"\\u0034111 1111 1111 1111\"}";
    let mut s = session(114, vec![value(json)]).await;
    let seen = s.talk([unnamed(TEXT), sync()].concat()).await;
    assert!(!seen.contains("1111"), "{seen}");
    let versioned = [b"\x01", json.as_bytes()].concat();
    let mut s = session(3802, vec![Some(versioned)]).await;
    let batch = [parse("", TEXT), bind_as("", "", &[1]), execute("", 0), sync()].concat();
    let seen = s.talk(batch).await;
    assert!(!seen.contains("1111") && seen.contains("card"), "{seen}");
}

#[tokio::test]
async fn binary_that_is_no_text_is_left_alone() {
    let number = 0x3131_3131_3131_3131u64.to_be_bytes().to_vec();
    let mut s = session(701, vec![Some(number.clone())]).await;
    let seen = s.talk([parse("", TEXT), bind_as("", "", &[1]), execute("", 0), sync()].concat()).await;
    assert!(seen.contains("11111111"), "{seen}");
}

#[tokio::test]
async fn a_portal_bound_anew_is_described_anew() {
    let json = "{\"card\": \"\\u0034111 1111 1111 1111\"}";
    let tables = [
        ("SELECT id FROM orders".to_owned(), (vec![("id", 23)], vec![vec![value("1")]])),
        (TEXT.to_owned(), (vec![("x", 114)], vec![vec![value(json)]])),
    ];
    let mut s = Bench::with(world(1, NO_SECRET, secrets(), Default::default()), tables.into()).await;
    s.talk(query("BEGIN")).await;
    let first = [parse("", "SELECT id FROM orders"), bind("", ""), describe('P', ""), execute("", 0), sync()];
    s.talk(first.concat()).await;
    let seen = s.talk([unnamed(TEXT), sync()].concat()).await;
    assert!(!seen.contains("1111"), "{seen}");
}

#[tokio::test]
async fn columns_of_a_name_are_forgotten_when_sql_may_have_made_it_anew() {
    let tables = [
        ("SELECT id FROM orders".to_owned(), (vec![("id", 2950)], vec![vec![value("1")]])),
        (TEXT.to_owned(), (vec![("x", 25)], vec![vec![value(CARD)]])),
    ];
    let mut s = Bench::with(world(1, NO_SECRET, secrets(), Default::default()), tables.into()).await;
    s.talk([parse("s", "SELECT id FROM orders"), describe('S', "s"), sync()].concat()).await;
    s.talk([bind("", "s"), execute("", 0), sync()].concat()).await;
    s.talk(query("DEALLOCATE s")).await;
    s.talk(query(&format!("PREPARE s AS {TEXT}"))).await;
    let seen = s.talk([bind("", "s"), execute("", 0), sync()].concat()).await;
    assert!(seen.contains("C(SELECT 1)") && !seen.contains("1111"), "{seen}");
}

#[tokio::test]
async fn a_value_too_long_to_hold_is_searched_across_every_cut() {
    for before in [65_520, 65_530, 131_060, 200_000] {
        let long = format!("{}{CARD}{}", "x".repeat(before), "y".repeat(80_000));
        let mut s = session(25, vec![value("first"), value(&long), value(CARD)]).await;
        let seen = s.talk(query(TEXT)).await;
        assert!(!seen.contains("1111") && seen.contains("first") && seen.len() > long.len(), "at {before}");
        assert!(seen.ends_with("C(SELECT 3) Z(I)"));
    }
}

#[tokio::test]
async fn errors_notices_and_notifications_are_searched() {
    let mut s = session(25, vec![]).await;
    let mut out = BytesMut::new();
    let detail = format!("Key (card)=({CARD}) exists");
    Notice::error("23505", "duplicate").with_detail(&detail).encode(&mut out);
    let error = out.split().to_vec();
    Notice { severity: Severity::Notice, ..Notice::error("00000", &detail) }.encode(&mut out);
    NotificationResponse { process: 1, channel: b"c", payload: CARD.as_bytes() }.encode(&mut out);
    s.push.send(out.to_vec()).unwrap();
    s.push.send(error).unwrap();
    let length = s.upstream.lock().unwrap().log.len() + out.len();
    let bytes = s.bytes(length).await;
    assert_eq!(bytes.len(), length);
    assert!(!bytes.windows(4).any(|four| four == b"1111"), "{}", bytes.escape_ascii());
}

#[tokio::test]
async fn a_question_of_ours_never_reaches_the_client() {
    let mut s = Bench::new(NO_SECRET).await;
    let path = "p".repeat(100_000);
    s.talk(query(&format!("SET search_path = {path}"))).await;
    s.talk(query("SELECT set_config('search_path', 'app', false) FROM orders WHERE id = 0")).await;
    let seen = s.talk(query("SELECT 1")).await;
    assert_eq!(seen, "T D(\\x00\\x01\\x00\\x00\\x00\\x011) C(SELECT 1) Z(I)");
}

#[test]
fn what_a_server_says_between_results_is_searched() {
    let agreed = Capabilities::PROTOCOL_41;
    let world = world(1, NO_SECRET, secrets(), Default::default());
    let stage = Stage::of(world.clone());
    let mut codec = portcullis_mysql::session::Session::new(agreed, 4 << 20);
    let (mut inspector, mut frame) = (inspector(world, "ana"), BytesMut::new());
    packet::write(&mut frame, 0, |out| out.put_slice(b"\x03SELECT x FROM orders"));
    ask_in(&mut codec, &mut inspector, &stage, Frame::new(frame.freeze()));
    // OK, another result follows.
    let mut answer = BytesMut::new();
    packet::write(&mut answer, 1, |out| out.put_slice(b"\0\0\0\x0a\0\0\0to 4111111111111111"));
    let mut at = 0;
    while at < answer.len() {
        let Front::Whole(reply) = codec.answer(&answer[at..]).unwrap() else { panic!("a whole message") };
        inspector.handle_reply(&codec, &reply, &mut answer[at..at + reply.length], 2).unwrap();
        at += reply.length;
    }
    assert!(answer.ends_with(b"to ****************"), "{answer:?}");
}
