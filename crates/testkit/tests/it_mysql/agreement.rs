//! Commands that a server could take for something else than the gateway does: what the one believes of the session, the
//! other must too. What a server does with each was seen of the server itself.

use portcullis_testkit::mysql::Options;

use crate::judging::SUPPORT;
use crate::place::{each, each_with, usual};
use crate::recording::exported;
use crate::wire::{LONGEST, SignIn, Wire, claiming, execution, flag, packets};

/// MySQL ends the name at the NUL when it looks for the schema, and nowhere else: it enters `hr` and calls it `hr\0x`.
#[test]
fn a_schema_whose_name_holds_a_nul_is_not_entered() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for name in [&b"hr\0x"[..], b"hr\0", b"shop\0", b"\0"] {
            let answer = wire.say(&[&[2], name].concat());
            assert!(answer.is_refused(), "{name:?}: {answer:?}");
            assert_eq!(wire.query("SELECT database()").value(), "shop", "{name:?}");
            assert_eq!(wire.query("SELECT * FROM employees").codes(), [1146], "{name:?}");
        }
        let ran = place.ran(wire.id);
        assert!(!ran.iter().any(|text| text.starts_with("Init DB")), "{ran:?}");
        // Elsewhere a NUL is where a name ends, and what comes behind it is another field.
        let token = place.gateway.token("ana", SUPPORT);
        let how = SignIn { database: Some("shop\0x"), ..SignIn::clear("ana", &token) };
        let report = Wire::try_sign_in(place.gateway.address(), &how).err().expect("refused");
        assert_eq!(report.code, 1835, "{report:?}");
        let report = wire.change_user(&how).err().expect("refused");
        assert_eq!(report.code, 1835, "{report:?}");
    });
}

/// A payload of the greatest length a packet can have ends with an empty packet, and only the next one ends the file.
#[test]
fn a_file_in_the_longest_packets_arrives_whole() {
    let settings = vec!["--local-infile=ON".into(), "--max-allowed-packet=64M".into()];
    each_with(&Options { settings, ..Options::default() }, &usual(), |place| {
        let load = "LOAD DATA LOCAL INFILE 'notes' INTO TABLE audit_notes (who, note)";
        let line = [b"file\t", &[b'x'; 96][..], b"\n"].concat();
        for (lengths, tail) in
            [(vec![LONGEST], &b""[..]), (vec![LONGEST, LONGEST], b""), (vec![LONGEST], b"file\tlast\n")]
        {
            let mut wire = place.session_with(SUPPORT, |how| SignIn { flags: flag::USUAL | flag::LOCAL_FILES, ..how });
            assert_eq!(wire.query(load).files, ["notes"]);
            let (mut bytes, mut sequence) = (Vec::new(), 2);
            let mut packet = |body: &[u8]| {
                bytes.extend(claiming(sequence, body.len(), body));
                sequence += 1;
            };
            for length in &lengths {
                packet(&line.iter().copied().cycle().take(*length).collect::<Vec<_>>());
            }
            packet(tail);
            packet(b"");
            wire.send(&bytes);
            wire.expect_reply(sequence);
            let answer = wire.answer().well();
            assert!(answer.done[0] >= (LONGEST / line.len()) as u64, "{answer:?}");
            // What follows is a command again, and judged.
            assert!(wire.query("SELECT * FROM hr.employees").is_refused());
            assert_eq!(wire.query("SELECT 'on'").value(), "on");
        }
    });
}

/// The last statement, as MariaDB's clients may say instead of its number.
const LAST: u32 = u32::MAX;

/// COM_STMT_SEND_LONG_DATA for the first placeholder.
fn ahead(id: u32, value: &str) -> Vec<u8> {
    packets(0, &[&[0x18], &id.to_le_bytes()[..], &[0, 0], value.as_bytes()].concat())
}

/// What MariaDB runs with stands in the record; to MySQL the number is one that no statement has.
#[test]
fn values_sent_ahead_for_the_last_statement_are_recorded() {
    each_with(&Options::default(), &usual(), |place| {
        let maria = place.server.flavour().is_mariadb();
        let mut wire = place.session(SUPPORT);
        let prepared = wire.prepare("INSERT INTO audit_notes (who, note) VALUES ('last', ?)").expect("prepared");
        wire.send(&ahead(LAST, "sent ahead"));
        let answer = wire.execute(prepared.id, &[Some("inline")]);
        assert_eq!(answer.errors.is_empty(), !maria, "{answer:?}");
        if maria {
            // As a client means it: the execution leaves the value out.
            let head = [&[0x17], &prepared.id.to_le_bytes()[..], &[0, 1, 0, 0, 0]].concat();
            wire.say(&[&head[..], &[0, 1, 0xfc, 0]].concat()).well();
            wire.send(&ahead(prepared.id, "dropped again"));
            wire.say(&[&[0x1a], &LAST.to_le_bytes()[..]].concat()).well();
            wire.execute(prepared.id, &[Some("inline")]).well();
        } else {
            assert_eq!(wire.say(&[&[0x1a], &LAST.to_le_bytes()[..]].concat()).errors.len(), 1);
        }
        let notes = place.server.sql("SELECT note FROM audit_notes WHERE who = 'last' ORDER BY note");
        let ran: Vec<&str> = notes.lines().collect();
        assert_eq!(ran, if maria { vec!["inline", "sent ahead"] } else { vec!["inline"] });
        wire.command(&[1]);
        drop(wire);
        let text = exported(&place);
        // "inline", "sent ahead" and "dropped again", in base64.
        for (value, is_recorded) in [("aW5saW5l", true), ("c2VudCBhaGVhZA==", maria), ("ZHJvcHBlZCBhZ2Fpbg==", false)] {
            assert_eq!(text.contains(value), is_recorded, "{value}: {text}");
        }
    });
}

#[test]
fn rows_of_the_last_statements_cursor_come() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let prepared = wire.prepare("SELECT id FROM customers WHERE id < 4").expect("prepared");
        assert!(wire.open_cursor(prepared.id, &[]).well().rows.is_empty());
        let mut last = prepared.clone();
        last.id = LAST;
        let answer = wire.fetch(&last, 2);
        match place.server.flavour().is_mariadb() {
            true => assert_eq!(answer.well().rows.len(), 2),
            false => assert_eq!(answer.errors.len(), 1, "{answer:?}"),
        }
        assert!(!wire.fetch(&prepared, 2).well().rows.is_empty(), "the session lives on");
    });
}

/// To the server a PREPARE that the gateway refused was none, so the statement before it is still its last.
#[test]
fn behind_a_refused_prepare_no_other_statement_runs() {
    each_with(&Options::default(), &usual(), |place| {
        let execution = execution(LAST, 0, &[]);
        for text in ["SELECT * FROM hr.employees", "SELECT nosuch FROM customers"] {
            let mut wire = place.session(SUPPORT);
            wire.prepare("INSERT INTO audit_notes (who, note) VALUES ('before', 'it')").expect("prepared");
            let next = [&[0x16], text.as_bytes()].concat();
            wire.send(&[packets(0, &next), packets(0, &execution)].concat());
            for command in [&next, &execution] {
                wire.expect_answer_to(command);
                let answer = wire.answer();
                assert!(answer.errors.len() == 1 && answer.done.is_empty(), "{text}: {answer:?}");
            }
            let noted = wire.prepare("SELECT count(*) FROM audit_notes WHERE who = 'before'").expect("prepared");
            let last = if place.server.flavour().is_mariadb() { LAST } else { noted.id };
            assert_eq!(wire.execute(last, &[]).well().rows[0][0].as_deref(), Some(&[0; 8][..]), "{text}");
        }
    });
}

/// COM_STMT_EXECUTE with these bytes behind its head.
fn raw_execution(id: u32, raw: &[u8]) -> Vec<u8> {
    [&[0x17], &id.to_le_bytes()[..], &[0, 1, 0, 0, 0], raw].concat()
}

/// A text of seven bytes, which are an integer of eight with its length.
const EITHER: &[u8] = b"\x07ABCDEFG";

/// MariaDB takes the types before the one that it refuses, MySQL none of a packet that it cannot read. What runs without
/// types behind such a failure runs with types that nobody but the server knows.
#[test]
fn types_of_an_execution_that_was_not_read_hold_no_more() {
    each_with(&Options::default(), &usual(), |place| {
        let mut failed = Vec::new();
        // VECTOR, ENUM and DATE, which one server or the other does not take.
        for kind in [242, 247, 10] {
            let mut wire = place.session(SUPPORT);
            let prepared = wire.prepare("INSERT INTO audit_notes (who, note) VALUES (?, ?)").expect("prepared");
            let both = [EITHER, EITHER].concat();
            wire.say(&raw_execution(prepared.id, &[&[0, 1, 8, 0, 8, 0], &both[..]].concat())).well();
            let second = wire.say(&raw_execution(prepared.id, &[&[0, 1, 0xfd, 0, kind, 0], &both[..]].concat()));
            let before = place.ran(wire.id).len();
            let third = wire.say(&raw_execution(prepared.id, &[&[0, 0], &both[..]].concat()));
            let ran = &place.ran(wire.id)[before..];
            match second.codes()[..] {
                [] => assert!(ran.iter().all(|text| text.contains("'ABCDEFG'")), "{kind}: {ran:?}"),
                [code] => {
                    assert!(third.is_refused() && ran.is_empty(), "{kind} {code}: {third:?} {ran:?}");
                    failed.push((kind, code));
                }
                _ => panic!("{second:?}"),
            }
            wire.execute(prepared.id, &[Some("who"), Some("named again")]).well();
        }
        let expected =
            if place.server.flavour().is_mariadb() { vec![(242, 1210)] } else { vec![(247, 1210), (10, 1835)] };
        assert_eq!(failed, expected, "what the server takes");
    });
}

/// Both keep them over a fetch of a cursor that is not open, and MySQL over an execution that it cannot read.
#[test]
fn values_sent_ahead_that_the_server_still_has_are_not_forgotten() {
    each_with(&Options::default(), &usual(), |place| {
        for how in ["fetch", "execution"] {
            let mut wire = place.session(SUPPORT);
            let prepared = wire.prepare("SELECT ?, id, ? FROM customers WHERE id < 3").expect("prepared");
            let texts = [Some("inline"), Some("x")];
            wire.open_cursor(prepared.id, &texts).well();
            assert_eq!(wire.fetch(&prepared, 5).well().rows.len(), 2);
            wire.send(&ahead(prepared.id, "ahead"));
            let failed = match how {
                "fetch" => wire.fetch(&prepared, 5),
                _ => wire.say(&raw_execution(prepared.id, &[&[0, 1, 0xfd, 0, 10, 0], EITHER].concat())),
            };
            if how == "fetch" || !place.server.flavour().is_mariadb() {
                assert_eq!(failed.errors.len(), 1, "{how}: {failed:?}");
                let before = place.ran(wire.id);
                let answer = wire.execute(prepared.id, &texts);
                assert!(answer.is_refused(), "{how}: {answer:?}");
                assert_eq!(place.ran(wire.id), before);
            }
            wire.say(&[&[0x1a], &prepared.id.to_le_bytes()[..]].concat()).well();
            // By a cursor again: behind one, MySQL 9 answers an execution without it with no rows and an OK in their place.
            wire.open_cursor(prepared.id, &texts).well();
            let ran = place.ran(wire.id);
            assert!(ran.last().is_some_and(|text| text.contains("'inline'")), "{how}: {ran:?}");
        }
    });
}
