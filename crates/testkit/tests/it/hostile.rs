//! Bytes that no driver sends: before the sign-in, during it and after it. Nothing of them reaches the server, nothing
//! panics, and the next client is served.

use std::time::{Duration, Instant};

use portcullis_testkit::process::rss;
use portcullis_testkit::{Setup, Version};

use crate::place::{Place, each, shared, usual};
use crate::wire::{
    Wire, bind, cancel, claiming, execute, extended, first, message, parse, query, secret, ssl_request, startup, sync,
    terminate,
};

const PWNED: &str = "SELECT 'pwned'";

/// The gateway still serves, has not panicked, and the server saw nothing of ours.
fn unharmed(place: &Place) {
    assert_eq!(place.session(&["all"]).query("SELECT 'well'").value(), "well");
    let log = place.gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!place.server.log().contains("pwned"), "it reached the server");
}

#[test]
fn hostile_first_packets_end_the_connection() {
    each(|place| {
        let user = [("user", "ana"), ("database", "shop")];
        let mut many = startup(0, &user);
        many.truncate(many.len() - 1);
        many.extend(std::iter::repeat_n(*b"application_name\0x\0", 700).flatten());
        many.push(0);
        let length = u32::try_from(many.len()).expect("short");
        many[..4].copy_from_slice(&length.to_be_bytes());
        assert!(many.len() > 10_000);
        let packets: Vec<(&str, Vec<u8>)> = vec![
            ("length 0", vec![0, 0, 0, 0]),
            ("length 3", vec![0, 0, 0, 3, 0, 0, 0, 0]),
            ("length 4", vec![0, 0, 0, 4]),
            ("length 7", vec![0, 0, 0, 7, 0, 3, 0]),
            ("negative", [&(-1_i32).to_be_bytes()[..], &[0, 3, 0, 0]].concat()),
            ("least", [&i32::MIN.to_be_bytes()[..], &[0, 3, 0, 0]].concat()),
            ("2 GB", [&i32::MAX.to_be_bytes()[..], &[0, 3, 0, 0]].concat()),
            ("1 GB", [&(1_u32 << 30).to_be_bytes()[..], &[0, 3, 0, 0]].concat()),
            ("over 10 KB", many),
            ("protocol 2", first(&[0, 2, 0, 0, b'u', 0])),
            ("protocol 4", first(&[0, 4, 0, 0, 0])),
            ("no user", startup(0, &[("database", "shop")])),
            ("no end", first(&[&[0, 3, 0, 0][..], b"user\0ana\0"].concat())),
            ("value without an end", first(&[&[0, 3, 0, 0][..], b"user\0ana"].concat())),
            ("bytes behind the end", first(&[&[0, 3, 0, 0][..], b"user\0ana\0\0more"].concat())),
            ("replication", startup(0, &[("user", "ana"), ("database", "shop"), ("replication", "database")])),
            ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
            ("ssh", b"SSH-2.0-x\r\n".to_vec()),
            ("query first", query(PWNED)),
            ("short cancel", first(&80_877_102_u32.to_be_bytes())),
            ("long cancel", cancel(1, &[7; 300])),
            ("two ssl requests", [ssl_request(), ssl_request()].concat()),
            ("unknown request", first(&80_877_105_u32.to_be_bytes())),
            ("tls record", vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        ];
        for (what, packet) in packets {
            let mut wire = Wire::open(place.gateway.address());
            wire.send(&packet);
            let start = Instant::now();
            assert!(wire.ends_within(Duration::from_secs(5)), "{what}: the connection stays open");
            assert!(start.elapsed() < Duration::from_secs(5), "{what}");
        }
        unharmed(place);
    });
}

#[test]
fn hostile_bytes_in_the_place_of_a_password_end_the_connection() {
    each(|place| {
        let user = [("user", "ana"), ("database", "shop")];
        let token = place.gateway.token("ana", &["all"]);
        let packets: Vec<(&str, Vec<u8>)> = vec![
            ("query", query(PWNED)),
            ("a second startup", startup(0, &user)),
            ("extended", extended(PWNED, &[])),
            ("sync", sync()),
            ("terminate", terminate()),
            ("2 GB", claiming(b'p', i32::MAX as u32, b"x")),
            ("negative", claiming(b'p', u32::MAX, b"x")),
            ("too short", claiming(b'p', 3, b"x")),
            ("no end", message(b'p', b"token")),
            ("bytes behind the end", message(b'p', &[token.as_bytes(), b"\0more\0"].concat())),
            ("100 KB", message(b'p', &[&[b'x'; 100_000][..], b"\0"].concat())),
            ("nul tag", message(0, b"x\0")),
        ];
        for (what, packet) in packets {
            let mut wire = Wire::open(place.gateway.address());
            wire.send(&startup(0, &user));
            assert_eq!(wire.message().expect("a question").0, 'R', "{what}");
            wire.send(&[packet, query(PWNED)].concat());
            let answer = wire.answer();
            assert_eq!((answer.status, answer.rows.len()), (' ', 0), "{what}: {answer:?}");
            assert!(!answer.seen.contains('Z'), "{what}");
        }
        // The same for SCRAM: rubbish in each of the two places.
        for rubbish in [
            message(b'p', b"SCRAM-SHA-256\0\0\0\0\x02n,"),
            message(b'p', b"\0"),
            query(PWNED),
            secret(&token),
            message(b'p', b"SCRAM-SHA-256\0\x7f\xff\xff\xff"),
        ] {
            let mut wire = Wire::open(place.gateway.address());
            wire.send(&startup(0, &[("user", "pc_nobody"), ("database", "shop")]));
            assert_eq!(wire.message().expect("a question").0, 'R');
            wire.send(&[rubbish, query(PWNED)].concat());
            let answer = wire.answer();
            assert_eq!((answer.status, answer.rows.len()), (' ', 0), "{answer:?}");
        }
        unharmed(place);
    });
}

#[test]
fn hostile_messages_after_the_sign_in_end_the_session() {
    each(|place| {
        let messages: Vec<(&str, Vec<u8>)> = vec![
            ("length 0", claiming(b'Q', 0, b"")),
            ("length 3", claiming(b'Q', 3, b"")),
            ("negative", claiming(b'Q', u32::MAX, b"x")),
            ("least", claiming(b'Q', 1 << 31, b"x")),
            ("2 GB query", claiming(b'Q', i32::MAX as u32, b"SELECT")),
            ("1 GB parse", claiming(b'P', 1 << 30, b"\0SELECT")),
            ("1 GB bind", claiming(b'B', 1 << 30, b"\0\0")),
            ("1 GB sync", claiming(b'S', 1 << 30, b"")),
            ("sync with a body", message(b'S', b"x")),
            ("unknown tag", message(b'y', b"")),
            ("tag 0", message(0, b"")),
            ("tag 255", message(255, b"abc")),
            ("a server's tag", message(b'Z', b"I")),
            ("a second startup", startup(0, &[("user", "ana"), ("database", "shop")])),
            ("ssl again", ssl_request()),
            ("a password now", secret("x")),
            ("query without an end", message(b'Q', PWNED.as_bytes())),
            ("two texts in a query", message(b'Q', b"SELECT 1\0SELECT 'pwned'\0")),
            ("a nul in a query", message(b'Q', b"SELECT 1 -- \0\n, 'pwned'\0")),
            ("an empty body", message(b'Q', b"")),
            ("parse that claims types", message(b'P', b"\0SELECT 'pwned'\0\x7f\xff\0\0\0\x17")),
            ("parse with leftovers", message(b'P', b"\0SELECT 'pwned'\0\0\0extra")),
            (
                "bind with leftovers",
                [parse("", "SELECT 1"), message(b'B', b"\0\0\0\0\0\0\0\0extra"), execute("", 0)].concat(),
            ),
            (
                "bind of a 2 GB value",
                [parse("", "SELECT 1"), message(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xffx\0\0")].concat(),
            ),
            (
                "bind of a value of -2",
                [parse("", "SELECT 1"), message(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0")].concat(),
            ),
            ("bind format 2", [parse("", "SELECT 1"), message(b'B', b"\0\0\0\x01\0\x02\0\0\0\0")].concat()),
            ("describe of nothing", message(b'D', b"Xname\0")),
            ("execute cut short", message(b'E', b"\0\0\0")),
            ("function call cut short", message(b'F', b"\0\0\x04\xd2\0")),
            ("close of nothing", message(b'C', b"?\0")),
        ];
        for (what, bytes) in messages {
            let mut wire = place.session(&["support"]);
            wire.send(&bytes);
            // Whatever the session makes of it: it may not wait for what was only claimed.
            wire.send(&[sync(), query("SELECT 'pwned' FROM hr.employees")].concat());
            let mut seen = wire.answer_to(what);
            // What the server itself refuses may leave the session alive; then the query is refused as always.
            while seen.status != ' ' && !seen.codes().contains(&"42501") {
                assert!(seen.rows.is_empty(), "{what}: {seen:?}");
                seen = wire.answer_to(what);
            }
            assert!(seen.rows.is_empty(), "{what}: {seen:?}");
            let ran = place.ran(wire.pid);
            assert!(ran.is_empty(), "{what}: {ran:?}");
        }
        unharmed(place);
    });
}

#[test]
fn nothing_is_forwarded_after_terminate() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        wire.send(&[query("SELECT 'last'"), terminate(), query(PWNED), extended(PWNED, &[])].concat());
        assert!(wire.ends_within(Duration::from_secs(5)));
        // The gateway may be gone before the server has read it.
        crate::place::eventually("the statement before it ran", Duration::from_secs(5), || {
            Some(()).filter(|()| place.ran(wire.pid) == ["SELECT 'last'"])
        });
        unharmed(place);
    });
}

#[test]
fn a_message_cut_into_single_bytes_is_the_same_message() {
    let place = shared(Version::V18);
    let mut wire = Wire::open(place.gateway.address());
    let token = place.gateway.token("ana", &["all"]);
    for byte in startup(0, &[("user", "ana"), ("database", "shop")]) {
        wire.send(&[byte]);
    }
    assert_eq!(wire.message().expect("a question").0, 'R');
    for byte in secret(&token) {
        wire.send(&[byte]);
    }
    assert_eq!(wire.answer().status, 'I');
    for byte in [query("SELECT 'slow'"), extended("SELECT $1::text", &["slower"])].concat() {
        wire.send(&[byte]);
    }
    assert_eq!(wire.answer().text(), ["slow"]);
    assert_eq!(wire.answer().text(), ["slower"]);
}

#[test]
fn claimed_lengths_take_no_memory() {
    let place = Place::with(Version::V18, &usual());
    let pid = place.gateway.pid();
    let before = rss(&pid);
    let waiting: Vec<Wire> = (0..100)
        .map(|n| {
            let mut wire = Wire::open(place.gateway.address());
            wire.send(&startup(0, &[("user", "ana"), ("database", "shop")]));
            wire.message().expect("a question");
            let claim = if n % 2 == 0 { 20_000 } else { 1 << 30 };
            wire.send(&claiming(b'p', claim, b"x"));
            wire
        })
        .collect();
    assert_eq!(place.session(&["all"]).query("SELECT 1").value(), "1");
    let after = rss(&pid);
    assert!(after < before + (24 << 20), "{before} -> {after}");
    drop(waiting);
}

#[test]
fn a_slow_sign_in_is_ended_by_its_deadline() {
    let extra = format!(
        "{}\n[limits]\nlogin_deadline = \"3s\"\nconnections = 6\nconnections_per_identity = 2\n",
        crate::place::DETECT
    );
    let place = Place::with(Version::V18, &Setup { extra, ..usual() });
    let start = Instant::now();
    let mut silent = Wire::open(place.gateway.address());
    let mut dripping = Wire::open(place.gateway.address());
    let mut asked = Wire::open(place.gateway.address());
    asked.send(&startup(0, &[("user", "ana"), ("database", "shop")]));
    assert_eq!(asked.message().expect("a question").0, 'R');
    let drip = startup(0, &[("user", "ana"), ("database", "shop")]);
    for byte in drip {
        dripping.send(&[byte]);
        if dripping.ends_within(Duration::from_millis(120)) {
            break;
        }
    }
    assert!(dripping.ends_within(Duration::from_secs(5)));
    assert!(silent.ends_within(Duration::from_secs(5)));
    assert!(asked.ends_within(Duration::from_secs(5)));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let mut live = place.session(&["all"]);
    assert!(!live.ends_within(Duration::from_millis(3300)), "the deadline is for the sign-in only");
    assert_eq!(live.query("SELECT 1").value(), "1");
    too_many(&place, live);
}

/// On a gateway that takes six connections, two of one person.
fn too_many(place: &Place, live: Wire) {
    let of = |who: &str| {
        let token = place.gateway.token(who, &["all"]);
        Wire::try_sign_in(place.gateway.address(), who, &token)
    };
    let second = of("ana").expect("two of one person");
    let refused = of("ana").err().expect("not three");
    assert_eq!(refused.code(), "53300", "{refused:?}");
    let others = [of("bo"), of("bo"), of("cy"), of("cy")].map(|one| one.expect("six in all"));
    let refused = of("di").err().expect("not seven");
    assert_eq!(refused.code(), "53300", "{refused:?}");
    drop((live, second, others));
    crate::place::eventually("places are given back", Duration::from_secs(5), || of("ana").ok());
}

#[test]
fn a_statement_over_the_limit_is_refused_before_it_is_read_whole() {
    let extra = format!("{}\n[session]\nstatement_limit = \"64 KiB\"\n", crate::place::DETECT);
    let place = Place::with(Version::V18, &Setup { extra, ..usual() });
    let mut wire = place.session(&["support"]);
    let long = format!("SELECT '{}'", "x".repeat(100_000));
    let answer = wire.query(&long);
    assert_eq!(answer.errors.len(), 1, "{:?}", answer.codes());
    assert!(matches!(answer.codes()[..], ["54000"] | ["54001"]), "{:?}", answer.codes());
    assert!(place.ran(wire.pid).is_empty());
    // Parameters are not statements.
    let mut wire = place.session(&["support"]);
    let value = "x".repeat(500_000);
    let answer = wire.say(&[parse("", "SELECT length($1::text)"), bind("", "", &[&value], 0), execute("", 0), sync()]);
    assert_eq!(answer.text(), ["500000"]);
}
