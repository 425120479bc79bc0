//! A recorded session as a timeline, played, and exported: golden files, hostile text included.

use ed25519_dalek::SigningKey;
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::{
    Archive, Entry, Intention, Object, Outcome, OutcomeState, Parameter, Recorder, RecorderOptions, RecordingKeys,
    Refusal, SessionStart,
};
use portcullis_replay::{Decoders, Player, Speed, Style, Timeline, export_line};

const T0: u64 = 1_800_000_000_000_000;

fn frames() -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = |tag: u8, body: Vec<u8>| {
        out.push(tag);
        out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(&body);
    };
    let mut columns = vec![0, 2];
    for name in ["id", "email"] {
        columns.extend_from_slice(name.as_bytes());
        columns.extend_from_slice(&[0; 19]);
    }
    message(b'T', columns);
    for (id, email) in [("1", Some("a**@example.com")), ("2", None), ("3", Some("x\u{1b}[2Jgone\u{202e}"))] {
        let mut row = vec![0, 2, 0, 0, 0, id.len() as u8];
        row.extend_from_slice(id.as_bytes());
        row.extend_from_slice(&email.map_or(-1, |e| e.len() as i32).to_be_bytes());
        row.extend_from_slice(email.unwrap_or_default().as_bytes());
        message(b'D', row);
    }
    message(b'C', b"SELECT 3\0".to_vec());
    out
}

fn start() -> SessionStart {
    SessionStart {
        provider: "corp".into(),
        subject: "ana".into(),
        groups: vec!["support".into()],
        actor: Some("agent-7".into()),
        user: "ana\u{1b}]0;evil\u{7}".into(),
        upstream: "shop".into(),
        database: "shop".into(),
        client_address: "127.0.0.1:5555".into(),
        protocol: "postgres".into(),
        protocol_version: "3.0".into(),
        application_name: "psql".into(),
        policy: [1; 32],
        facts: vec![("tls".into(), "1.3".into())],
        ..SessionStart::default()
    }
}

fn entries() -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let recording =
        Recording::open(dir.path(), SigningKey::from_bytes(&[1; 32]), Options::default(), vec![], T0).unwrap();
    let mut recorder =
        Recorder::start(0xabc, &start(), &RecordingKeys::plain(), RecorderOptions::default(), T0).unwrap();
    let parameters = [
        Parameter { type_id: 23, format: 1, value: Some(&[0, 0, 0, 5]), elide: false },
        Parameter { type_id: 25, format: 0, value: Some(b"it's"), elide: false },
        Parameter { type_id: 25, format: 0, value: None, elide: false },
    ];
    let select = Intention {
        statement: 1,
        via: "execute",
        original: b"SELECT id, email\n\tFROM customers\n WHERE id < $1",
        forwarded: Some(b"SELECT id, mask(email) FROM customers WHERE id < $1"),
        parameters: &parameters,
        objects: &[Object { effect: "select", name: "public.customers" }],
        rule: "support-reads",
        facts: &[("where_is_selective", "true")],
        references: &[("policy", [1; 32])],
        ..Intention::default()
    };
    recorder.intend(&select, [9; 32], T0 + 1_500_000);
    assert_eq!(recorder.commit(&recording).unwrap().len(), 1);
    recorder.result(1, &frames(), T0 + 1_512_000);
    let outcome =
        Outcome { rows: 3, bytes: 500, duration: 12_300, masked: 1, command_tag: "SELECT 3", ..Outcome::default() };
    recorder.outcome(1, &outcome, T0 + 1_512_300);
    let drop_table = Intention {
        statement: 2,
        via: "query",
        original: b"DROP TABLE customers; --\x1b[1A\x1b[2K",
        ..Intention::default()
    };
    let refusal = Refusal { rule: "no-ddl", hint: "ask a dba", reason: "rule no-ddl forbids this" };
    recorder.refused(&drop_table, &refusal, T0 + 65_000_000);
    let slow = Intention { statement: 3, via: "query", original: b"SELECT pg_sleep(100)", ..Intention::default() };
    recorder.held(&slow, &Refusal { rule: "slow", reason: "waits for dba", ..Refusal::default() }, T0 + 66_000_000);
    recorder.intend(&slow, [8; 32], T0 + 67_000_000);
    assert_eq!(recorder.commit(&recording).unwrap().len(), 1);
    let outcome = Outcome {
        state: OutcomeState::Aborted,
        duration: 4_000_000,
        sqlstate: Some("57014"),
        note: "revoked",
        ..Outcome::default()
    };
    recorder.outcome(3, &outcome, T0 + 71_000_000);
    recorder.note("policy-reload", "a new policy is in force", &[("epoch", "2")], T0 + 72_000_000);
    recorder.end("revoked", T0 + 73_000_000);
    assert!(recorder.commit(&recording).unwrap().is_empty());
    recording.close(T0 + 74_000_000).unwrap();
    Archive::open(dir.path(), vec![]).unwrap().session(0xabc).map(Result::unwrap).collect()
}

fn timeline(style: Style) -> String {
    let mut timeline = Timeline::new(style, Decoders::default());
    let text: String = entries().iter().map(|entry| timeline.entry(entry)).collect();
    text + &timeline.finish()
}

#[test]
fn the_timeline_reads_like_this() {
    insta::assert_snapshot!(timeline(Style::default()));
}

#[test]
fn a_narrow_coloured_terminal_gets_only_our_own_escapes() {
    let text = timeline(Style { colour: true, width: 24 });
    let foreign = text
        .split('\u{1b}')
        .skip(1)
        .filter(|rest| !["[0m", "[1m", "[2m", "[31m", "[32m", "[33m"].iter().any(|known| rest.starts_with(known)));
    assert_eq!(foreign.count(), 0);
    assert!(text.contains("REFUSED"));
}

#[test]
fn the_export_reads_like_this() {
    let lines: Vec<String> = entries().iter().map(export_line).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_player_keeps_the_pace_and_shortens_long_pauses() {
    let play = |speed| {
        let entries = entries().into_iter().map(Ok);
        let player = Player::new(entries, Timeline::new(Style::default(), Decoders::default()), speed);
        player.map(|step| step.unwrap().0).collect::<Vec<_>>()
    };
    assert!(play(Speed::Instant).iter().all(|pause| *pause == 0));
    let paced = play(Speed::Times(1));
    assert_eq!(paced[..4], [0, 1_500_000, 12_300, 5_000_000]);
    assert_eq!(play(Speed::Times(10))[1], 150_000);
}

#[test]
fn a_session_that_stops_says_so() {
    let mut entries = entries();
    entries.truncate(3);
    let player =
        Player::new(entries.into_iter().map(Ok), Timeline::new(Style::default(), Decoders::default()), Speed::Instant);
    let text: String = player.map(|step| step.unwrap().1).collect();
    assert!(text.ends_with("#1 has no outcome: the recording stops here\n"), "{text}");
}
