//! Bytes that no driver sends: before the sign-in, during it and after it. Nothing of them reaches the server, nothing
//! panics, and the next client is served.

use std::time::{Duration, Instant};

use portcullis_testkit::Setup;
use portcullis_testkit::mysql::Options;
use portcullis_testkit::process::rss;

use crate::judging::SUPPORT;
use crate::place::{Place, each, each_with, eventually, usual};
use crate::wire::{LONGEST, SignIn, Wire, claiming, execution, packets, query};

const PWNED: &str = "SELECT 'pwned'";

/// The gateway still serves, has not panicked, and the server saw nothing of ours.
fn unharmed(place: &Place) {
    assert_eq!(place.session(&["all"]).query("SELECT 'well'").value(), "well");
    let log = place.gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!place.server.log().texts().iter().any(|text| text.contains("pwned")), "it reached the server");
}

#[test]
fn hostile_bytes_in_the_place_of_a_sign_in_end_the_connection() {
    each(|place| {
        let token = place.gateway.token("ana", &["all"]);
        let how = SignIn::clear("ana", &token);
        let good = how.response(&[7; 20]);
        let cut = |length: usize| packets(1, &good[..length]);
        let mut nul = good.clone();
        nul.push(0);
        let with_attributes = |tail: &[u8]| {
            let mut body = good.clone();
            let flags = u32::from_le_bytes(body[..4].try_into().expect("four")) | 1 << 20;
            body[..4].copy_from_slice(&flags.to_le_bytes());
            body.extend(tail);
            packets(1, &body)
        };
        let sent: Vec<(&str, Vec<u8>)> = vec![
            ("an empty packet", claiming(1, 0, b"")),
            ("the wrong sequence id", packets(0, &good)),
            ("another wrong sequence id", packets(2, &good)),
            ("sequence 255", packets(255, &good)),
            ("16 MB claimed", claiming(1, LONGEST, &good)),
            ("100 KB claimed", claiming(1, 100_000, &good)),
            ("one byte", cut(1)),
            ("its flags alone", cut(4)),
            ("its head and no name", cut(32)),
            ("a name without an end", cut(34)),
            ("cut in the proof", cut(60)),
            ("bytes behind the end", packets(1, &[&good[..], b"more\0more\0"].concat())),
            (
                "attributes that claim too much",
                with_attributes(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ),
            ("attributes that claim 2 GB", with_attributes(&[0xfd, 0xff, 0xff, 0x7f])),
            ("attributes of one odd string", with_attributes(&[3, 2, b'a', b'b'])),
            ("a query", packets(0, &query(PWNED))),
            ("a query in sequence", packets(1, &query(PWNED))),
            ("quit", packets(0, &[1])),
            ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
            ("postgres", vec![0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]),
            ("a tls record", vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
            ("the old protocol", packets(1, &[0x05, 0x20, 0xff, 0xff, 0xff, b'a', 0])),
        ];
        // Read as a header, these bytes claim a long packet.
        let waits = ["postgres", "a tls record", "http"];
        for (what, bytes) in sent {
            let mut wire = Wire::greeted(place.gateway.address()).expect("a greeting");
            wire.send(&[bytes, packets(0, &query(PWNED))].concat());
            let start = Instant::now();
            // What claims more than comes waits for its deadline; a client that goes is let go.
            if !wire.ends_within(Duration::from_secs(3)) {
                assert!(what.contains("claimed") || waits.contains(&what), "{what}: the connection stays open");
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{what}");
            assert!(!String::from_utf8_lossy(&wire.heard).contains("pwned"), "{what}");
        }
        unharmed(place);
    });
}

#[test]
fn hostile_bytes_in_the_place_of_a_proof_end_the_connection() {
    each(|place| {
        let token = place.gateway.token("ana", &["all"]);
        for user in ["ana", "pc_0123456789abcdef0123"] {
            // An unknown plugin makes the gateway ask for another.
            let how = SignIn { plugin: "no_such_plugin", ..SignIn::clear(user, &token) };
            let sent: Vec<(&str, Vec<u8>)> = vec![
                ("empty", claiming(3, 0, b"")),
                ("the wrong sequence id", packets(0, b"x\0")),
                ("a query", packets(3, &query(PWNED))),
                ("100 KB", packets(3, &vec![b'x'; 100_000])),
                ("a scramble of 19 bytes", packets(3, &[7; 19])),
                ("a scramble of 33 bytes", packets(3, &[7; 33])),
            ];
            for (what, bytes) in sent {
                let mut wire = Wire::greeted(place.gateway.address()).expect("a greeting");
                let nonce = wire.greeting.nonce.clone();
                wire.reply(&how.response(&nonce));
                assert_eq!(wire.payload().expect("a switch")[0], 0xfe, "{user}");
                wire.send(&[bytes, packets(0, &query(PWNED))].concat());
                assert!(wire.ends_within(Duration::from_secs(5)), "{user}: {what}: stays open");
                assert!(!String::from_utf8_lossy(&wire.heard).contains("pwned"), "{user}: {what}");
            }
        }
        unharmed(place);
    });
}

#[test]
fn hostile_packets_after_the_sign_in_run_nothing() {
    each(|place| {
        let id = u32::MAX - 7;
        let lie = [&execution(1, 0, &[Some("x")])[..10], &[0xff; 30]].concat();
        let sent: Vec<(&str, Vec<u8>)> = vec![
            ("an empty packet", claiming(0, 0, b"")),
            ("a wrong sequence id", packets(1, &query(PWNED))),
            ("sequence 255", packets(255, &query(PWNED))),
            ("a sign-in", packets(1, &SignIn::clear("ana", "x").response(&[7; 20]))),
            ("sleep, a command of the server's own", packets(0, &[0])),
            ("an execution of nothing", packets(0, &execution(id, 0, &[]))),
            ("an execution cut short", packets(0, &[0x17, 1, 0])),
            ("an execution that lies", packets(0, &lie)),
            ("a close cut short", packets(0, &[0x19, 1])),
            ("a fetch of nothing", packets(0, &[&[0x1c][..], &id.to_le_bytes(), &[1, 0, 0, 0]].concat())),
            ("a fetch cut short", packets(0, &[0x1c, 1])),
            ("a fetch with leftovers", packets(0, &[0x1c, 1, 0, 0, 0, 1, 0, 0, 0, 9])),
            ("long data cut short", packets(0, &[0x18, 1, 0])),
            ("ping with leftovers", packets(0, &[0x0e, 1, 2, 3])),
            ("quit with leftovers", packets(0, &[1, 1, 2, 3])),
            ("reset with leftovers", packets(0, &[0x1f, 1])),
            ("an option cut short", packets(0, &[0x1b, 1])),
            ("a field list without an end", packets(0, b"\x04customers")),
            ("a query of nothing", packets(0, &[3])),
            ("a prepare of nothing", packets(0, &[0x16])),
            ("a schema of nothing", packets(0, &[2])),
            ("a change of user cut short", packets(0, &[0x11, b'a'])),
            ("a change of user that claims much", packets(0, b"\x11ana\0\xffshop\0")),
        ];
        for (what, bytes) in sent {
            let mut wire = place.session(SUPPORT);
            wire.send(&bytes);
            // Whatever the session makes of it: what follows is refused as always, or the session is over.
            wire.send(&packets(0, &query("SELECT 'pwned' FROM hr.employees")));
            let start = Instant::now();
            let over = wire.ends_within(Duration::from_millis(400));
            let heard = String::from_utf8_lossy(&wire.heard).into_owned();
            assert!(over || heard.contains("no-hr"), "{what}: {heard}");
            assert!(!heard.contains("pwned"), "{what}: {heard}");
            assert!(start.elapsed() < Duration::from_secs(5), "{what}");
            let ran = place.ran(wire.id);
            assert!(!ran.iter().any(|text| text.contains("pwned")), "{what}: {ran:?}");
        }
        unharmed(place);
    });
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_matter() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for sql in [
            &b"SELECT '\xff\xfe'"[..],
            b"SELECT 1 -- \0\n, 'pwned'",
            b"SELECT 1\0",
            b"SELECT '\xc0\xa7' FROM hr.employees",
            b"SELECT /*\xf0\x28*/ * FROM hr.employees",
            b"\xef\xbb\xbfSELECT * FROM hr.employees",
            b"SELECT\xc2\xa0*\xc2\xa0FROM\xc2\xa0hr.employees",
        ] {
            let answer = wire.query_bytes(sql);
            assert!(!answer.ended, "{sql:?}");
            assert!(!answer.text().iter().any(|row| row.contains("Employee")), "{sql:?}: {answer:?}");
        }
        assert_eq!(wire.query("SELECT 'on'").value(), "on");
        let ran = place.ran(wire.id);
        assert!(!ran.iter().any(|text| text.contains("employees") || text.contains("pwned")), "{ran:?}");
    });
}

#[test]
fn nothing_is_forwarded_after_quit() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        wire.send(&[packets(0, &query("SELECT 'last'")), packets(0, &[1]), packets(0, &query(PWNED))].concat());
        assert!(wire.ends_within(Duration::from_secs(5)));
        eventually("the statement before it ran", Duration::from_secs(5), || {
            Some(()).filter(|()| place.ran(wire.id) == ["SELECT 'last'"])
        });
        unharmed(place);
    });
}

#[test]
fn commands_in_one_write_are_answered_in_order() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let texts =
            ["SELECT 'one'", "SELECT * FROM hr.employees", "SELECT 'two'", "DELETE FROM orders", "SELECT 'three'"];
        let mut bytes: Vec<u8> = texts.iter().flat_map(|text| packets(0, &query(text))).collect();
        bytes.extend(packets(0, &[0x0e]));
        bytes.extend(packets(0, &query("SELECT 'end'")));
        wire.send(&bytes);
        for text in texts {
            wire.expect_answer_to(&query(text));
            let answer = wire.answer();
            match text.strip_prefix("SELECT '") {
                Some(word) => assert_eq!(answer.value(), word.trim_end_matches('\'')),
                None => assert!(answer.is_refused(), "{text}: {answer:?}"),
            }
        }
        wire.expect_answer_to(&[0x0e]);
        assert_eq!(wire.answer().done, [0]);
        wire.expect_answer_to(&query("SELECT 'end'"));
        assert_eq!(wire.answer().value(), "end");
        // Not every server logs COM_PING.
        let ran: Vec<String> = place.ran(wire.id).into_iter().filter(|text| text != "Ping: ").collect();
        assert_eq!(ran, ["SELECT 'one'", "SELECT 'two'", "SELECT 'three'", "SELECT 'end'"]);
        // A preparation and its execution behind it, under the id that it will have.
        let prepared = wire.prepare("SELECT 'first'").expect("prepared");
        let next = [&[0x16][..], b"SELECT * FROM hr.employees"].concat();
        wire.send(&[packets(0, &next), packets(0, &execution(prepared.id + 1, 0, &[]))].concat());
        wire.expect_answer_to(&next);
        assert!(wire.answer().is_refused());
        wire.expect_answer_to(&[0x17]);
        let answer = wire.answer();
        assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{answer:?}");
    });
}

#[test]
fn a_packet_cut_into_single_bytes_is_the_same_packet() {
    each(|place| {
        let token = place.gateway.token("ana", SUPPORT);
        let mut wire = Wire::greeted(place.gateway.address()).expect("a greeting");
        let response = SignIn::clear("ana", &token).response(&wire.greeting.nonce.clone());
        for byte in packets(1, &response) {
            wire.send(&[byte]);
        }
        wire.expect_reply(2);
        assert_eq!(wire.payload().expect("an OK")[0], 0);
        for text in ["SELECT 'slow'", "SELECT * FROM hr.employees"] {
            wire.expect_answer_to(&query(text));
            for byte in packets(0, &query(text)) {
                wire.send(&[byte]);
            }
            let answer = wire.answer();
            assert!(answer.is_refused() || answer.value() == "slow", "{answer:?}");
        }
    });
}

#[test]
fn a_statement_in_several_packets_is_judged_whole() {
    // The server itself takes 16 MB and more only where it is told to.
    let options = Options { settings: vec!["--max-allowed-packet=64M".into()], ..Options::default() };
    let extra = format!("{}\n[session]\nstatement_limit = \"40 MiB\"\n", crate::place::DETECT);
    each_with(&options, &Setup { extra, ..usual() }, |place| {
        let mut wire = place.session(SUPPORT);
        let padded = |head: &str, length: usize| format!("{head} /*{}*/", "x".repeat(length - head.len() - 5));
        for length in [LONGEST - 2, LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST - 1, 2 * LONGEST] {
            let answer = wire.query(&padded("SELECT 'long'", length));
            assert_eq!(answer.value(), "long", "{length}");
        }
        // EVASION: what is refused stands behind the border.
        for length in [LONGEST - 1, LONGEST, LONGEST + 1] {
            let text = format!("{} , (SELECT max(salary) FROM hr.employees)", padded("SELECT 'long'", length));
            let answer = wire.query(&text);
            assert!(answer.is_refused(), "{length}: {:?}", answer.errors);
        }
        // A continuation with a wrong sequence id.
        let text = query(&padded("SELECT 'pwned'", LONGEST + 10));
        let mut bytes = packets(0, &text);
        bytes[4 + LONGEST + 3] = 7;
        wire.send(&bytes);
        assert!(wire.ends_within(Duration::from_secs(10)));
        assert!(!String::from_utf8_lossy(&wire.heard).contains("pwned"));
    });
}

#[test]
fn a_statement_over_the_limit_is_refused_before_it_is_read_whole() {
    let extra = format!("{}\n[session]\nstatement_limit = \"64 KiB\"\n", crate::place::DETECT);
    each_with(&Options::default(), &Setup { extra, ..usual() }, |place| {
        let mut wire = place.session(SUPPORT);
        let answer = wire.query(&format!("SELECT '{}'", "x".repeat(100_000)));
        assert_eq!(answer.errors.len(), 1, "{answer:?}");
        assert!(place.ran(wire.id).is_empty());
        // Values are not statements.
        let mut wire = place.session(SUPPORT);
        let prepared = wire.prepare("SELECT length(?)").expect("prepared");
        let value = "x".repeat(500_000);
        let answer = wire.execute(prepared.id, &[Some(&value)]).well();
        assert_eq!(answer.rows.len(), 1);
    });
}

#[test]
fn claimed_lengths_take_no_memory() {
    each_with(&Options::default(), &usual(), |place| {
        let pid = place.gateway.pid();
        place.session(&["all"]).query("SELECT 1");
        let before = rss(&pid);
        let mut waiting: Vec<Wire> = (0..60)
            .map(|n| {
                let mut wire = Wire::greeted(place.gateway.address()).expect("a greeting");
                wire.send(&claiming(1, if n % 2 == 0 { 60_000 } else { LONGEST }, b"x"));
                wire
            })
            .collect();
        for _ in 0..20 {
            let mut wire = place.session(&["all"]);
            wire.send(&claiming(0, LONGEST, b"\x03SELECT"));
            waiting.push(wire);
        }
        assert_eq!(place.session(&["all"]).query("SELECT 1").value(), "1");
        let after = rss(&pid);
        assert!(after < before + (24 << 20), "{before} -> {after}");
    });
}
