//! What a session keeps of names, and for how long.

use bytes::Bytes;
use portcullis_mask::Detectors;
use portcullis_policy::{Policies, Principal, Upstream};
use portcullis_recording::{Recorder, RecorderOptions, RecordingKeys, SessionStart};
use portcullis_sql::Limits;
use portcullis_sql::catalog::{CatalogBuilder, SearchPath};
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::mysql::{Flavour, MySql};
use portcullis_wire::Frame;
use portcullis_wire::event::{Named, Request};

use super::*;
use crate::inspector::{SessionFacts, Standing};
use crate::verdict::{Job, Passage, Verdict};
use crate::world::World;

const DIALECT: MySql = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };

fn inspector() -> Inspector {
    let policy = "permit (principal, action, resource);";
    let policies = Policies::load(&[("a.cedar".into(), policy.into())], &["corp".into()]).expect("a policy");
    let mut catalog = CatalogBuilder::new(1);
    catalog.schema("shop");
    let world = World {
        epoch: 1,
        protocol: "any",
        upstream: Arc::new(Upstream { name: "shop".into(), labels: Vec::new() }),
        dialect: Arc::new(DIALECT),
        catalog: Arc::new(catalog.build()),
        policies: Arc::new(policies),
        detectors: Arc::new(Detectors::builder().build().expect("none")),
        limits: Limits::default(),
        cache: Arc::default(),
        slices: Arc::default(),
    };
    let facts = SessionFacts {
        id: 7,
        principal: Principal::user("corp", "ana", ["staff"]),
        source: None,
        upstream_user: "app".into(),
        path: Some(SearchPath::new(["shop"], "$user")),
        reported: Vec::new(),
        told: Some("\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\napp@%".into()),
        budget: Arc::default(),
    };
    let recorder = Recorder::start(7, &SessionStart::default(), &RecordingKeys::plain(), RecorderOptions::default(), 1);
    Inspector::new(Arc::new(world), facts, recorder.expect("a recorder"))
}

/// What becomes of a request when all before it is answered; every text does nothing.
fn ask(inspector: &mut Inspector, request: &Request<'_>) -> Verdict {
    let standing = Standing { drained: true, may_ask: true };
    let frame = Frame::new(Bytes::from_static(b"bytes"));
    match inspector.handle_request(request, &frame, standing, 1) {
        Verdict::Find(Job::Analyse { text, mode }) => {
            inspector.handle_analysis(text, DIALECT.analyse(b"SELECT 1", mode, &Limits::default()));
            inspector.handle_request(request, &frame, standing, 1)
        }
        verdict => verdict,
    }
}

fn forwarded(inspector: &mut Inspector, request: &Request<'_>) -> Option<Passage> {
    match ask(inspector, request) {
        Verdict::Forward(passage) => Some(passage),
        Verdict::Refuse(refusal) => {
            assert_eq!(refusal.sqlstate, DIALECT.codes().too_complex, "{refusal:?}");
            None
        }
        other => panic!("{other:?}"),
    }
}

/// Prepares `text` under a name that the upstream chooses; says whether it was let through.
fn prepare(inspector: &mut Inspector, name: &[u8], text: &[u8]) -> bool {
    let Some(passage) = forwarded(inspector, &Request::Prepare { name: b"", text, types: Vec::new() }) else {
        return false;
    };
    inspector.names.confirm(passage.ticket);
    inspector.flights.land(passage.ticket);
    inspector.names.named(name);
    inspector.ready(Some(passage.ticket), Transaction::Idle, 1);
    true
}

/// Runs a prepared statement with a cursor.
fn open(inspector: &mut Inspector, name: &'static [u8]) -> Ticket {
    let request = Request::RunPrepared { statement: name.into(), parameters: Vec::new(), portal: true };
    forwarded(inspector, &request).expect("it runs").ticket
}

#[test]
fn an_execution_that_was_answered_leaves_nothing_to_take_back() {
    let mut inspector = inspector();
    assert!(prepare(&mut inspector, b"\x01", b"SELECT 1"));
    assert_eq!(inspector.names.unconfirmed(), 0);
    for _ in 0..3 {
        let ticket = open(&mut inspector, b"\x01");
        inspector.suspended(Some(ticket), 1);
        inspector.ready(Some(ticket), Transaction::Open, 1);
        assert_eq!(inspector.names.unconfirmed(), 0, "suspended");
        let ticket = open(&mut inspector, b"\x01");
        inspector.complete(Some(ticket), None, "", 1);
        inspector.ready(Some(ticket), Transaction::Idle, 1);
        assert_eq!(inspector.names.unconfirmed(), 0, "complete");
        let ticket = open(&mut inspector, b"\x01");
        inspector.failed(Some(ticket), b"HY000", None, 1);
        assert_eq!(inspector.names.unconfirmed(), 0, "failed");
    }
    assert!(inspector.names.portal(b"\x01").is_some(), "of the last that ended well");
}

#[test]
fn an_execution_that_fails_opens_no_cursor_and_its_statement_takes_its_own_along() {
    let mut inspector = inspector();
    assert!(prepare(&mut inspector, b"\x01", b"SELECT 1"));
    let ticket = open(&mut inspector, b"\x01");
    inspector.failed(Some(ticket), b"HY000", None, 1);
    assert!(inspector.names.portal(b"\x01").is_none());
    let ticket = open(&mut inspector, b"\x01");
    inspector.suspended(Some(ticket), 1);
    inspector.ready(Some(ticket), Transaction::Idle, 1);
    assert!(inspector.names.portal(b"\x01").is_some());
    ask(&mut inspector, &Request::Forget { kind: Named::Statement, name: b"\x01".into() });
    assert!(inspector.names.portal(b"\x01").is_none());
}

#[test]
fn portals_end_with_their_transaction_unless_they_are_held_or_were_made_since() {
    let mut inspector = inspector();
    assert!(prepare(&mut inspector, b"s", b"SELECT 1"));
    let prepared = inspector.names.statement(b"s").cloned().expect("prepared");
    let bound = |held| Arc::new(Bound { prepared: prepared.clone(), sequence: 1, held });
    inspector.names.bind(Ticket(10), b"held", bound(true));
    inspector.names.bind(Ticket(11), b"early", bound(false));
    inspector.names.bind(Ticket(20), b"late", bound(false));
    let there = |inspector: &Inspector| {
        [b"held".as_slice(), b"early", b"late"].map(|name| inspector.names.portal(name).is_some())
    };
    inspector.ready(Some(Ticket(15)), Transaction::Idle, 1);
    assert_eq!(there(&inspector), [true, false, true]);
    inspector.ready(Some(Ticket(20)), Transaction::Idle, 1);
    assert_eq!(there(&inspector), [true, false, false]);
    // One that comes back is looked at again.
    inspector.names.bind(Ticket(30), b"early", bound(false));
    inspector.names.confirm(Ticket(30));
    inspector.names.close(Ticket(31), Named::Portal, b"early");
    inspector.names.transaction_ended();
    inspector.names.take_back(Ticket(31), Ticket(31));
    assert_eq!(there(&inspector), [true, true, false]);
    inspector.ready(Some(Ticket(32)), Transaction::Idle, 1);
    assert_eq!(there(&inspector), [true, false, false]);
}

/// A text of so many bytes.
fn text(bytes: usize) -> Vec<u8> {
    let mut text = b"SELECT 1 ".to_vec();
    text.resize(bytes, b' ');
    text
}

#[test]
fn texts_of_prepared_statements_have_64_mib_together() {
    let mut inspector = inspector();
    let long = text(4 << 20);
    let names: Vec<[u8; 1]> = (1..=16).map(|name| [name]).collect();
    for name in &names {
        assert!(prepare(&mut inspector, name, &long), "{name:?}");
    }
    assert!(!prepare(&mut inspector, b"more", b"SELECT 1"));
    ask(&mut inspector, &Request::Forget { kind: Named::Statement, name: (&[1_u8]).into() });
    assert!(prepare(&mut inspector, b"more", &long[..4 << 19]));
    assert!(!prepare(&mut inspector, b"most", &long));
    // What a portal keeps counts although its name is gone.
    open(&mut inspector, b"more");
    let portal = inspector.names.portal(b"more").cloned();
    ask(&mut inspector, &Request::Forget { kind: Named::Statement, name: b"more".into() });
    assert!(!prepare(&mut inspector, b"most", &long));
    drop(portal);
    inspector.names.confirm(Ticket(u64::MAX));
    assert!(prepare(&mut inspector, b"most", &long));
}

#[test]
fn a_name_that_sql_prepared_anew_without_room_is_not_the_old_one() {
    let mut inspector = inspector();
    let made = |length: usize| {
        let statements = DIALECT.analyse(b"PREPARE s FROM 'SELECT 1'", Mode::default(), &Limits::default());
        Statement { span: 0..length, ..statements.expect("it is read").remove(0) }
    };
    let follow = |inspector: &mut Inspector, whole: &Statement| {
        whole.session.iter().for_each(|change| inspector.follow_names(change, whole, 1));
    };
    follow(&mut inspector, &made(20));
    assert!(inspector.names.statement(b"s").is_some());
    assert!(prepare(&mut inspector, b"other", &text((64 << 20) - 40)));
    follow(&mut inspector, &made(20));
    assert!(inspector.names.statement(b"s").is_some(), "there was room for both");
    follow(&mut inspector, &made(30));
    assert!(inspector.names.statement(b"s").is_none(), "the server has another by this name");
}
