//! What detectors find is overwritten wherever a value can come out, and nowhere else.
//!
//! The judge is the bytes themselves: everything that came over the wire is searched for the values that must not be in it.

use std::time::Duration;

use portcullis_testkit::Setup;
use portcullis_testkit::mysql::{Flavour, Options};

use crate::answer::Answer;
use crate::packets::execution;
use crate::place::{BOTH_FORMS, DETECT, Place, each, eventually};
use crate::wire::{LONGEST, SignIn, Wire, flag};

/// Everything is permitted but to see secrets; `privacy` sees them too.
const POLICY: &str = r#"
permit (principal, action, resource) unless { action == Action::"reveal" };
permit (principal in Group::"privacy", action == Action::"reveal", resource);
"#;

const EMAIL: &str = "customer7@example.com";

/// A card number that the tests send themselves.
const CARD: &str = "4111111111111111";

struct Masked {
    place: Place,
    card: String,
    ssn: String,
}

impl Masked {
    fn on(flavour: Flavour, extra: &str) -> Self {
        let options = Options { settings: vec!["--max-allowed-packet=64M".into()], ..Options::default() };
        let setup = Setup { policy: POLICY.into(), extra: extra.into(), ..Setup::default() };
        let place = Place::on(flavour, &options, &setup);
        let card = place.server.sql("SELECT card FROM customers WHERE id = 7");
        let ssn = place.server.sql("SELECT ssn FROM customers WHERE id = 7");
        assert_eq!((card.len(), ssn.len()), (16, 11));
        Self { place, card, ssn }
    }

    /// Which secrets stand in what a session heard.
    fn leaked(&self, wire: &Wire) -> Vec<&str> {
        let secrets = [EMAIL, &self.card, &self.ssn, CARD];
        secrets.into_iter().filter(|secret| contains(&wire.heard, secret)).collect()
    }
}

fn contains(hay: &[u8], needle: &str) -> bool {
    // Whatever is no text becomes another letter; a needle of ASCII stays where it is. Much faster than windows.
    String::from_utf8_lossy(hay).contains(needle)
}

fn each_masked(test: impl Fn(&Masked)) {
    for flavour in Flavour::available() {
        test(&Masked::on(flavour, DETECT));
    }
}

fn in_both_forms(wire: &mut Wire, sql: &str) -> Vec<Answer> {
    let text = wire.query(sql);
    let prepared = wire.prepare(sql).unwrap_or_else(|report| panic!("{sql}: {report:?}"));
    let binary = wire.execute(prepared.id, &[]);
    wire.close(prepared.id);
    vec![text, binary]
}

#[test]
fn values_are_overwritten_in_text_and_in_binary_and_keep_their_length() {
    each_masked(|masked| {
        for flags in BOTH_FORMS {
            let mut wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
            let mut privileged = masked.place.session_with(&["privacy"], |how| SignIn { flags, ..how });
            for sql in [
                "SELECT card, ssn, email FROM customers WHERE id = 7".to_owned(),
                "SELECT id, concat('before ', email, ', ', card, ' after'), created FROM customers WHERE id = 7"
                    .to_owned(),
                "SELECT group_concat(email ORDER BY id) FROM customers WHERE id < 9".to_owned(),
                "SELECT profile FROM customers WHERE id = 7".to_owned(),
                "SELECT json_extract(profile, '$.contact') FROM customers WHERE id = 7".to_owned(),
                "SELECT json_object('mail', email, 'list', json_array(card, ssn)) FROM customers WHERE id = 7"
                    .to_owned(),
                "SELECT concat(repeat('x', 300000), ' ', email, ' ', repeat('y', 300000)) FROM customers WHERE id = 7"
                    .to_owned(),
                "SELECT concat(repeat('x', 65536 - 10), ' ', email) FROM customers WHERE id = 7".to_owned(),
                "SELECT CAST(email AS CHAR(100)), CAST(card AS BINARY(20)) FROM customers WHERE id = 7".to_owned(),
                format!("SELECT '{CARD}', '{EMAIL}' FROM customers WHERE id < 3"),
                format!("SELECT 1 AS `{CARD}`, '{EMAIL}'"),
            ] {
                let seen = in_both_forms(&mut wire, &sql);
                let known = in_both_forms(&mut privileged, &sql);
                for (seen, known) in seen.iter().zip(&known) {
                    assert!(seen.errors.is_empty() && !seen.ended, "{sql}: {seen:?}");
                    assert_ne!((&seen.rows, &seen.names), (&known.rows, &known.names), "{sql}: nothing was masked");
                    let lengths = |answer: &Answer| -> Vec<Vec<Option<usize>>> {
                        answer.rows.iter().map(|row| row.iter().map(|c| c.as_ref().map(Vec::len)).collect()).collect()
                    };
                    assert_eq!(lengths(seen), lengths(known), "{sql}");
                }
                assert!(masked.leaked(&wire).is_empty(), "{sql}: {:?}", masked.leaked(&wire));
            }
            assert_eq!(masked.leaked(&privileged).len(), 4, "the values are there for whom may see them");
        }
    });
}

#[test]
fn rows_by_a_cursor_are_overwritten() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        let prepared =
            wire.prepare("SELECT id, email, card, ssn FROM customers WHERE id <= 7 ORDER BY id").expect("prepared");
        wire.open_cursor(prepared.id, &[]).well();
        let rows: usize = (0..4).map(|_| wire.fetch(&prepared, 2).rows.len()).sum();
        assert_eq!(rows, 7);
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn results_of_procedures_and_of_several_statements_are_overwritten() {
    each_masked(|masked| {
        masked.place.server.sql(
            "DELIMITER //\nCREATE PROCEDURE shown() BEGIN SELECT email FROM customers WHERE id = 7; \
             SELECT card, ssn FROM customers WHERE id = 7; END //\nDELIMITER ;",
        );
        let mut wire = masked.place.session(&["staff"]);
        assert_eq!(wire.query("CALL shown()").well().rows.len(), 2);
        let prepared = wire.prepare("CALL shown()").expect("prepared");
        assert_eq!(wire.execute(prepared.id, &[]).well().rows.len(), 2);
        let sql = "SELECT 1; SELECT email FROM customers WHERE id = 7; SELECT 2, card FROM customers WHERE id = 7";
        assert_eq!(wire.query(sql).well().rows.len(), 3);
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn errors_and_warnings_are_overwritten() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        wire.query("CREATE TEMPORARY TABLE wallets (card varchar(40) PRIMARY KEY, email varchar(60))").well();
        let insert = format!("INSERT INTO wallets VALUES ('{CARD}', '{EMAIL}')");
        wire.query(&insert).well();
        let prepared = wire.prepare(&insert).expect("prepared");
        for answer in [wire.query(&insert), wire.execute(prepared.id, &[])] {
            assert_eq!(answer.codes(), [1062], "{answer:?}");
            assert!(answer.errors[0].text.starts_with("Duplicate entry '"), "{answer:?}");
        }
        assert!(!wire.query("SHOW ERRORS").well().rows.is_empty());
        for sql in [
            format!("SELECT CAST('{EMAIL}' AS SIGNED)"),
            format!("SELECT CAST('{CARD}x' AS SIGNED INTEGER) + 1 FROM dual WHERE '{EMAIL}' = 1"),
            "SELECT email + 1 FROM customers WHERE id = 7".to_owned(),
            "SELECT CAST(card AS DATE) FROM customers WHERE id = 7".to_owned(),
        ] {
            // The number is not text, and is what it is without detectors of numbers.
            wire.query(&sql);
            wire.query("SHOW WARNINGS").well();
            wire.query("SHOW WARNINGS LIMIT 1").well();
        }
        for sql in [
            format!("SELECT * FROM `{EMAIL}`"),
            format!("SELECT `{CARD}`"),
            format!("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of {EMAIL}'"),
            format!("SELECT extractvalue('<a/>', concat('~', '{EMAIL}'))"),
            format!("SELECT '{EMAIL}' frm x y"),
        ] {
            let answer = wire.query(&sql);
            assert_eq!(answer.errors.len(), 1, "{sql}: {answer:?}");
        }
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn defaults_that_a_list_of_columns_tells_are_overwritten() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        masked.place.server.sql(&format!(
            "CREATE TABLE wallets (id int PRIMARY KEY, card varchar(40) DEFAULT '{CARD}', mail varchar(60) DEFAULT '{EMAIL}')"
        ));
        eventually("the table is known", Duration::from_secs(20), || {
            Some(()).filter(|()| wire.query("SELECT * FROM wallets").errors.is_empty())
        });
        let (names, answer) = wire.field_list("wallets");
        assert!(answer.errors.is_empty() && !answer.ended, "{answer:?}");
        assert_eq!(names, ["id", "card", "mail"]);
        for sql in [
            "SHOW CREATE TABLE wallets",
            "DESCRIBE wallets",
            "SHOW FULL COLUMNS FROM wallets",
            "SELECT column_default FROM information_schema.columns WHERE table_name = 'wallets'",
        ] {
            assert!(!wire.query(sql).well().rows.is_empty(), "{sql}");
        }
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn a_value_over_the_border_of_packets_is_overwritten() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        let mut privileged = masked.place.session(&["privacy"]);
        // The payload begins with the value's length: one byte and eight.
        let head = 9;
        for over in [0_usize, 1, 8, 15, 16] {
            let before = LONGEST - head - over;
            let sql =
                format!("SELECT concat(repeat('x', {}), ' {CARD} ', repeat('y', 20971520 - {before}))", before - 1);
            let seen = wire.query(&sql).well();
            let known = privileged.query(&sql).well();
            let (seen, known) = (&seen.rows[0][0], &known.rows[0][0]);
            let (seen, known) = (seen.as_ref().expect("a value"), known.as_ref().expect("a value"));
            assert_eq!(seen.len(), known.len(), "{head} {over}");
            assert!(contains(known, CARD) && !contains(seen, CARD), "{head} {over}");
            let differ = seen.iter().zip(known).filter(|(one, other)| one != other).count();
            assert!(differ <= 16 && differ > 0, "{differ}");
            wire.heard.clear();
            privileged.heard.clear();
        }
        let sql = format!("SELECT 1, concat(repeat('x', {}), ' {CARD} '), '{EMAIL}', 2", LONGEST - 15);
        let prepared = wire.prepare(&sql).expect("prepared");
        let answer = wire.execute(prepared.id, &[]).well();
        let sizes: Vec<usize> = answer.rows[0].iter().flatten().map(Vec::len).collect();
        assert_eq!(sizes[1..3], [LONGEST - 15 + 18, EMAIL.len()]);
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
        assert_eq!(wire.query("SELECT 'on'").value(), "on");
    });
}

#[test]
fn payloads_of_just_the_longest_packet_arrive_whole() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        // With its length before it, a value of LONGEST - 4 makes a payload of LONGEST.
        for length in [LONGEST - 5, LONGEST - 4, LONGEST - 3, 2 * LONGEST - 9] {
            let answer = wire.query(&format!("SELECT repeat('z', {length}); SELECT 'next'")).well();
            assert_eq!(answer.rows.len(), 2, "{length}");
            let value = answer.rows[0][0].as_ref().expect("a value");
            assert!(value.len() == length && value.iter().all(|byte| *byte == b'z'), "{length}");
            wire.heard.clear();
        }
    });
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    each(|place| {
        let mut wire = place.session(&["support"]);
        let mut all = place.session(&["all", "privacy"]);
        for sql in [
            "SELECT id, name, tags, avatar, created FROM customers ORDER BY id",
            "SELECT * FROM products ORDER BY id",
            "SELECT '4111111111111112', 'not@', '@example.com', '999-99-999', NULL, 1.5e0, DATE '2024-01-02', TIME '-10:11:12.5'",
        ] {
            let seen = in_both_forms(&mut wire, sql);
            let known = in_both_forms(&mut all, sql);
            for (seen, known) in seen.iter().zip(&known) {
                assert_eq!(seen.rows, known.rows, "{sql}");
            }
        }
    });
}

#[test]
fn numbers_are_overwritten_where_that_is_configured_and_stay_numbers() {
    let extra = format!("{DETECT}\nnumbers = true\n");
    for flavour in Flavour::available() {
        let masked = Masked::on(flavour, &extra);
        let mut wire = masked.place.session(&["staff"]);
        for sql in [
            "SELECT 4111111111111111",
            "SELECT CAST('4111111111111111' AS DECIMAL(20))",
            "SELECT json_object('n', 4111111111111111)",
        ] {
            for answer in in_both_forms(&mut wire, sql) {
                assert_eq!(answer.rows.len(), 1, "{sql}: {answer:?}");
            }
        }
        let bytes = 4_111_111_111_111_111_u64.to_le_bytes();
        assert!(!wire.heard.windows(8).any(|window| window == bytes), "a number in binary");
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
        let answer = wire.query("SELECT 4111111111111111").value();
        assert!(answer.parse::<u64>().is_ok(), "{answer}");
    }
}

/// A text as it is stored in wide character sets.
fn wide(text: &str) -> [Vec<u8>; 3] {
    let units = |width: usize, little: bool| {
        text.bytes().flat_map(move |byte| {
            (0..width).map(move |at| if (at == 0) == little && (at == 0 || at == width - 1) { byte } else { 0 })
        })
    };
    [units(2, false).collect(), units(2, true).collect(), units(4, false).collect()]
}

#[test]
fn what_is_stored_in_a_wide_character_set_is_overwritten() {
    each_masked(|masked| {
        masked.place.server.sql(&format!(
            "CREATE TABLE wide (id int PRIMARY KEY, a varchar(60) CHARACTER SET utf16, b varchar(60) CHARACTER SET ucs2, \
             c varchar(60) CHARACTER SET utf32, d varchar(60) CHARACTER SET utf16le, e varchar(60) CHARACTER SET gbk, \
             f varchar(60), g enum('{EMAIL}') CHARACTER SET utf16, h mediumtext CHARACTER SET utf16, j json, \
             k varchar(60) CHARACTER SET utf16 DEFAULT '{EMAIL}'); \
             INSERT INTO wide VALUES (1, '{EMAIL}', '{EMAIL}', '{EMAIL}', '{EMAIL}', '{EMAIL}', '{EMAIL}', '{EMAIL}', \
             concat(repeat('x ', 60000), '{EMAIL}', repeat(' y', 60000)), '{{\"m\": \"{EMAIL}\"}}', '{EMAIL}'), \
             (2, '', NULL, NULL, NULL, NULL, 'plain', NULL, NULL, NULL, NULL)"
        ));
        let leaks = |wire: &Wire| {
            let found = |needle: &[u8]| wire.heard.windows(needle.len()).any(|window| window == needle);
            contains(&wire.heard, EMAIL) || wide(EMAIL).iter().any(|needle| found(needle))
        };
        for flags in BOTH_FORMS {
            let mut wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
            eventually("the table is known", Duration::from_secs(20), || {
                Some(()).filter(|()| wire.query("SELECT id FROM wide").errors.is_empty())
            });
            let early = wire.prepare("SELECT a FROM wide ORDER BY id").expect("prepared");
            wire.open_cursor(early.id, &[]).well();
            wire.query("SET character_set_results = NULL").well();
            // Its columns were described before.
            assert!(wire.fetch(&early, 1).is_refused());
            assert!(wire.execute(early.id, &[]).is_refused());
            for sql in [
                "SELECT * FROM wide ORDER BY id",
                "SELECT concat('to ', a), upper(b), convert(f USING utf16), _ucs2 x'0061', group_concat(c) FROM wide WHERE id = 1 GROUP BY a, b, f",
                "SELECT a AS x FROM wide UNION SELECT k FROM wide",
            ] {
                for answer in in_both_forms(&mut wire, sql) {
                    assert!(answer.errors.is_empty() && !answer.rows.is_empty(), "{sql}: {answer:?}");
                }
                assert!(!leaks(&wire), "{sql}");
            }
            let prepared = wire.prepare("SELECT a, h FROM wide ORDER BY id").expect("prepared");
            wire.open_cursor(prepared.id, &[]).well();
            assert_eq!(wire.fetch(&prepared, 5).rows.len(), 2);
            assert!(!leaks(&wire));
            // The same length, and the rest as it is.
            let answer = wire.query("SELECT a, f FROM wide ORDER BY id").well();
            assert_eq!(answer.rows[0][0].as_deref(), Some(&[b'*'; 2 * EMAIL.len()][..]));
            assert_eq!(
                (answer.rows[1][0].as_deref(), answer.rows[1][1].as_deref()),
                (Some(&b""[..]), Some(&b"plain"[..]))
            );
            wire.field_list("wide");
            assert!(!leaks(&wire), "the list of columns");
            // Everything but this is permitted.
            for set in [
                "character_set_results = binary",
                "NAMES binary",
                "CHARACTER SET 'binary'",
                "character_set_results = utf16",
            ] {
                let answer = wire.query(&format!("SET {set}"));
                assert!(answer.is_refused(), "{set}: {answer:?}");
                let answer = wire.query(&format!("SET {set}; SELECT a FROM wide"));
                assert!(answer.is_refused(), "{set}: {answer:?}");
                wire.query(&format!("PREPARE s FROM 'SET {}'", set.replace('\'', "")));
                wire.query("EXECUTE s");
            }
            if masked.place.server.flavour().is_mariadb() {
                let answer = wire.query("SET STATEMENT character_set_results = binary FOR SELECT a FROM wide");
                assert!(answer.is_refused(), "{answer:?}");
            }
            wire.query("SET @b = 'binary'; SET character_set_results = @b").well();
            for sql in ["SELECT a FROM wide", "SHOW WARNINGS", "SELECT @x", "BEGIN"] {
                assert!(wire.query(sql).is_refused(), "{sql}");
            }
            assert!(wire.prepare("SELECT a FROM wide").is_err());
            assert!(wire.execute(prepared.id, &[]).is_refused());
            wire.field_list("wide");
            assert!(!leaks(&wire));
            wire.query("SET NAMES utf8mb4").well();
            assert_eq!(wire.query("SELECT f FROM wide WHERE id = 2").value(), "plain");
            let mut privileged = masked.place.session_with(&["privacy", "staff"], |how| SignIn { flags, ..how });
            for set in ["character_set_results = NULL", "character_set_results = utf16", "NAMES binary"] {
                privileged.query(&format!("SET {set}")).well();
                privileged.heard.clear();
                privileged.query("SELECT a FROM wide").well();
                assert!(leaks(&privileged), "{set}");
            }
        }
    });
}

#[test]
fn a_session_that_begins_with_a_closed_character_set_sees_nothing_before_another() {
    each_masked(|masked| {
        masked.place.server.sql(&format!(
            "CREATE TABLE wide (a varchar(60) CHARACTER SET utf16); INSERT INTO wide VALUES ('{EMAIL}')"
        ));
        // binary, utf16, ucs2, utf32, utf16le, gbk: servers take only the first and the last for a client's.
        for collation in [63, 54, 35, 60, 56, 28] {
            let token = masked.place.gateway.token("ana", &["staff"]);
            let how = SignIn { collation, ..SignIn::clear("ana", &token) };
            let Ok(mut wire) = Wire::try_sign_in(masked.place.gateway.address(), &how) else { continue };
            let closed = [63, 28].contains(&collation);
            let answer = wire.query("SELECT a FROM wide");
            assert_eq!(answer.is_refused(), closed, "{collation}: {answer:?}");
            if collation == 63 {
                wire.query("SET NAMES utf8mb4").well();
                wire.query("SELECT a FROM wide").well();
            }
            assert!(!contains(&wire.heard, EMAIL), "{collation}");
            let found =
                wide(EMAIL).iter().any(|needle| wire.heard.windows(needle.len()).any(|window| window == needle));
            assert!(!found, "{collation}");
        }
    });
}

#[test]
fn the_record_knows_that_values_were_overwritten_and_does_not_keep_them() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        wire.query("SELECT card, ssn, email FROM customers WHERE id = 7").well();
        wire.command(&[1]);
        drop(wire);
        let exported = eventually("the session is recorded", Duration::from_secs(5), || {
            let (_, exported) = masked.place.portcullis(&["export", "latest"]);
            Some(exported).filter(|text| text.contains("session_end"))
        });
        assert!(exported.contains(r#""masked":3"#), "{exported}");
        for file in crate::place::files(masked.place.gateway.data_dir()) {
            let bytes = std::fs::read(&file).expect("a file");
            for secret in [EMAIL, &masked.card, &masked.ssn] {
                assert!(!contains(&bytes, secret), "{secret} in {}", file.display());
            }
        }
    });
}

/// Runs a prepared statement, with a cursor or without, and takes whatever comes.
fn heard_of(wire: &mut Wire, sql: &str, cursor: u8) -> bool {
    let prepared = wire.prepare(sql).unwrap_or_else(|report| panic!("{sql}: {report:?}"));
    wire.command(&execution(prepared.id, cursor, &[]));
    wire.ends_within(Duration::from_millis(1500))
}

/// MariaDB describes the columns of the statement that it analyses, and sends other rows.
#[test]
fn rows_that_were_not_described_so_do_not_leave() {
    each_masked(|masked| {
        if !masked.place.server.flavour().is_mariadb() {
            return;
        }
        let sql = "ANALYZE FORMAT=JSON SELECT b.id FROM customers a JOIN customers b \
                   WHERE a.id = 7 AND b.card > a.card AND b.email > a.email";
        for flags in BOTH_FORMS {
            for cursor in [0, 1] {
                let mut wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
                heard_of(&mut wire, sql, cursor);
                assert!(masked.leaked(&wire).is_empty(), "cursor {cursor}: {:?}", masked.leaked(&wire));
            }
        }
    });
}

/// MySQL leaves descriptions out where it is told to, whatever became of the columns since.
#[test]
fn values_of_columns_that_are_not_described_again_are_covered() {
    each_masked(|masked| {
        if masked.place.server.flavour().is_mariadb() {
            return;
        }
        let flags = flag::USUAL | flag::OPTIONAL_METADATA;
        let mut wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
        // As long as the address and its length, and of two numbers and a text.
        for (before, column) in [("v int", "email"), ("v bigint", "LEFT(email, 7)"), ("v bigint", "card")] {
            wire.query(&format!("CREATE TEMPORARY TABLE changing ({before})")).well();
            let prepared = wire.prepare("SELECT v FROM changing").expect("prepared");
            wire.query("DROP TEMPORARY TABLE changing").well();
            wire.query(&format!("CREATE TEMPORARY TABLE changing AS SELECT {column} AS v FROM customers WHERE id = 7"))
                .well();
            wire.query("SET resultset_metadata = NONE").well();
            wire.command(&execution(prepared.id, 0, &[]));
            wire.ends_within(Duration::from_millis(1500));
            assert!(masked.leaked(&wire).is_empty(), "{before}, {column}: {:?}", masked.leaked(&wire));
            wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
        }
        wire.query("SET resultset_metadata = NONE").well();
        wire.command(&[b"\x03", &b"SELECT email FROM customers WHERE id = 7"[..]].concat());
        assert!(!wire.ends_within(Duration::from_millis(1500)), "a text is read without a description");
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn rows_of_a_procedure_that_has_a_cursor_are_overwritten() {
    each_masked(|masked| {
        for (name, value) in [("plain", "card"), ("flagged", "concat('hxxx ', card, ' ', email)")] {
            masked.place.server.sql(&format!(
                "DELIMITER //\nCREATE PROCEDURE {name}() BEGIN DECLARE v int; DECLARE c CURSOR FOR SELECT 1; OPEN c; \
                 FETCH c INTO v; SELECT {value} AS a FROM customers WHERE id = 7 UNION ALL SELECT REPEAT('y', 20000); \
                 CLOSE c; END //\nDELIMITER ;"
            ));
        }
        for flags in BOTH_FORMS {
            for name in ["plain", "flagged"] {
                for cursor in [0, 1] {
                    let mut wire = masked.place.session_with(&["staff"], |how| SignIn { flags, ..how });
                    let ended = heard_of(&mut wire, &format!("CALL {name}()"), cursor);
                    assert!(!ended && contains(&wire.heard, "yyyy"), "{name}, {cursor}: the session ended");
                    assert!(masked.leaked(&wire).is_empty(), "{name}, {cursor}: {:?}", masked.leaked(&wire));
                }
            }
        }
    });
}

#[test]
fn bytes_of_shapes_and_names_of_tables_are_searched() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        let shape = "SELECT ST_GeomFromWKB(CAST(CONCAT(x'0101000000', card) AS BINARY)) FROM customers WHERE id = 7";
        for answer in in_both_forms(&mut wire, shape) {
            assert_eq!(answer.well().rows.len(), 1);
        }
        for text in [
            format!("SELECT x FROM (SELECT 1 AS x) AS `{EMAIL}`"),
            format!("SELECT `{EMAIL}` AS y FROM (SELECT 1 AS `{EMAIL}`) AS d"),
        ] {
            for answer in in_both_forms(&mut wire, &text) {
                assert_eq!(answer.well().rows.len(), 1, "{text}");
            }
        }
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}
