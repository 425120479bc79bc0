//! What a statement leaves behind (warnings, errors, counts of rows) reads through the gateway as it does without, also
//! where the gateway has to ask the server something of its own; and nothing is judged by what held before the answer.

use portcullis_testkit::Setup;
use portcullis_testkit::mysql::Options;

use crate::answer::Answer;
use crate::place::{BOTH_FORMS, POLICY, Place, each_with, usual};
use crate::wire::{SignIn, Wire, packets, query};

const CALLERS: &[&str] = &["support", "callers"];

/// As [`usual`], with a group that may call procedures of `shop`.
fn setup() -> Setup {
    let callers = r#"@id("callers")
        permit (principal in Group::"callers", action == Action::"call", resource in Schema::"shop.shop");"#;
    Setup { policy: format!("{POLICY}\n{callers}"), ..usual() }
}

/// Procedures and functions that leave something behind. Whatever they change, nobody is told.
fn make(place: &Place) {
    let use_hr = match place.server.flavour().is_mariadb() {
        true => "PREPARE s FROM 'USE hr'; EXECUTE s",
        // MySQL prepares no USE.
        false => "DO 0",
    };
    place.server.sql(&format!(
        "CREATE TABLE made (id int AUTO_INCREMENT PRIMARY KEY, a tinyint);
         CREATE TABLE hr.customers SELECT salary AS name, id FROM hr.employees;
         GRANT ALL ON spare.* TO app@'%';
         DELIMITER //
         CREATE PROCEDURE warns() SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'careful' //
         CREATE PROCEDURE finds() BEGIN SELECT 1 AS a UNION SELECT 2 UNION SELECT 3;
             SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'careful'; END //
         CREATE PROCEDURE inserts() INSERT INTO made (a) VALUES (1), (2) //
         CREATE PROCEDURE fails() BEGIN INSERT INTO made (a) VALUES (1);
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END //
         CREATE FUNCTION seven() RETURNS int DETERMINISTIC RETURN 7 //
         CREATE PROCEDURE moves() BEGIN {use_hr}; SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'careful'; END //
         CREATE PROCEDURE moves_and_fails() BEGIN {use_hr}; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END //
         CREATE PROCEDURE widens() BEGIN SET character_set_results = utf16;
             SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'careful'; END //
         DELIMITER ;"
    ));
}

/// A session of `app` without the gateway.
fn direct(place: &Place, flags: u32) -> Wire {
    let plugin = if place.server.flavour().is_mariadb() { "mysql_native_password" } else { "caching_sha2_password" };
    let password = portcullis_testkit::mysql::APP_PASSWORD;
    let how = SignIn { plugin, flags, ..SignIn::clear("app", password) };
    Wire::try_sign_in(place.server.address(), &how).unwrap_or_else(|report| panic!("{report:?}"))
}

/// A session without the gateway, and one through it.
fn pair(place: &Place, flags: u32) -> [Wire; 2] {
    // First, because MySQL knows a password without TLS only if it has seen it lately.
    let through = place.session_with(&["all"], |how| SignIn { flags, ..how });
    [direct(place, flags), through]
}

/// What a client sees of an answer.
fn seen(answer: Answer) -> impl PartialEq + std::fmt::Debug + use<> {
    (answer.text(), answer.names, answer.done, answer.errors, answer.results, answer.ended)
}

/// Something that a client does, and its name.
type Way<T> = (&'static str, fn(&mut Wire) -> T);

/// Statements behind which the gateway does not know how text is read, and some others.
const LEAVING: &[&str] = &[
    "CALL warns()",
    "CALL finds()",
    "CALL inserts()",
    "CALL fails()",
    "DO seven()",
    "SELECT seven()",
    "DROP TABLE IF EXISTS nosuch",
    "CREATE SCHEMA IF NOT EXISTS spare; DROP SCHEMA spare",
    "USE nosuch",
    "INSERT INTO made (a) VALUES (5), (6), (7)",
    "SELECT 1 / 0, CAST('x' AS SIGNED)",
];

/// Statements that read what is left.
const READING: &[&str] = &[
    "SHOW WARNINGS",
    "/* ApplicationName=x */ SHOW WARNINGS",
    "SHOW ERRORS",
    "SHOW COUNT(*) WARNINGS",
    "SELECT @@warning_count, @@session.error_count",
    "SELECT ROW_COUNT()",
    "SELECT FOUND_ROWS(), ROW_COUNT() AS n",
    "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
];

/// What both sessions, the direct one first, show of the same steps.
fn both<T>(wires: &mut [Wire; 2], steps: impl Fn(&mut Wire) -> T) -> [T; 2] {
    wires.each_mut().map(|wire| {
        wire.query("SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4").well();
        wire.query("INSERT INTO made (a) VALUES (9)").well();
        steps(wire)
    })
}

#[test]
fn what_a_statement_left_behind_reads_as_without_the_gateway() {
    each_with(&Options::default(), &setup(), |place| {
        make(&place);
        let mut wires = pair(&place, BOTH_FORMS[usize::from(place.server.flavour().is_mariadb())]);
        for leaving in LEAVING {
            for reading in READING {
                let steps = |wire: &mut Wire| [*leaving, *reading, "SELECT @n, @r"].map(|sql| seen(wire.query(sql)));
                let [without, with] = both(&mut wires, steps);
                assert_eq!(with, without, "{:?}: {leaving}: {reading}", place.server.flavour());
            }
        }
    });
}

/// The gateway's question is a statement too, so the one that has to wait for it does not find what was there before.
#[test]
fn behind_another_statement_the_rows_found_are_those_of_the_question() {
    each_with(&Options::default(), &setup(), |place| {
        make(&place);
        let found = both(&mut pair(&place, BOTH_FORMS[0]), |wire| {
            ["CALL finds()", "SET @x = 1", "SELECT FOUND_ROWS()"].map(|sql| wire.query(sql).well().text().concat())
        });
        assert_eq!(found.map(|[_, _, found]| found), ["3", "1"]);
    });
}

#[test]
fn commands_in_between_leave_what_they_leave_without_the_gateway() {
    each_with(&Options::default(), &setup(), |place| {
        make(&place);
        for flags in BOTH_FORMS {
            let mut wires = pair(&place, flags);
            let between: [Way<Answer>; 3] = [
                ("COM_INIT_DB", |wire| wire.init_db("hr")),
                ("COM_PING", |wire| wire.say(&[0x0e])),
                ("SHOW WARNINGS", |wire| wire.query("SHOW WARNINGS")),
            ];
            for (name, between) in between {
                for reading in READING {
                    let steps = |wire: &mut Wire| {
                        wire.init_db("shop").well();
                        let prepared = wire.prepare(reading);
                        wire.query("CALL shop.warns()").well();
                        let said = seen(between(wire));
                        let read = prepared.map(|prepared| seen(wire.execute(prepared.id, &[])));
                        let told = wire.query("SELECT database()").value();
                        wire.init_db("shop").well();
                        (said, read, told)
                    };
                    let [without, with] = both(&mut wires, steps);
                    assert_eq!(with, without, "{:?}: {name}: {reading}", place.server.flavour());
                }
            }
        }
    });
}

/// Ways on from a procedure that changed what text means, none of which may forget it.
const ON: [Way<()>; 6] = [
    ("at once", |_| {}),
    ("its warnings", |wire| drop(wire.query("SHOW WARNINGS"))),
    ("prepared warnings", |wire| {
        let prepared = wire.prepare("SHOW WARNINGS");
        prepared.iter().for_each(|prepared| drop(wire.execute(prepared.id, &[])));
    }),
    ("its counts, and again", |wire| {
        for sql in ["SELECT @@warning_count, ROW_COUNT()", "GET DIAGNOSTICS @n = NUMBER", "SET @n = ROW_COUNT()"] {
            drop(wire.query(sql));
        }
    }),
    ("a command that nobody answers, in one write with the next", |wire| {
        drop(wire.query("SHOW WARNINGS"));
        let close = packets(0, &[0x19, 0, 0, 0, 0]);
        let next = packets(0, &query("SELECT 'behind', email, name FROM customers WHERE id = 7"));
        wire.expect_answer_to(&[0]);
        wire.send(&[close, next].concat());
        nothing_of(&wire.answer());
    }),
    ("a failure", |wire| {
        drop(wire.query("SHOW WARNINGS"));
        drop(wire.query("SHOW WARNINGS LIMIT nonsense"));
    }),
];

fn nothing_of(answer: &Answer) {
    assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{answer:?}");
}

/// A statement that is refused, and never ran, however it is sent.
fn stays_refused(place: &Place, wire: &mut Wire, why: &str) {
    let sql = "SELECT 'behind', email, name FROM customers WHERE id = 7";
    nothing_of(&wire.query(sql));
    assert!(wire.prepare(sql).is_err(), "{why}");
    let ran = place.ran(wire.id);
    assert!(!ran.iter().any(|text| text.contains("behind")), "{why}: {ran:?}");
}

/// EVASION: what a procedure changed is asked for behind a statement that did not have to wait for the answer.
#[test]
fn a_procedures_changes_are_asked_for_behind_its_warnings() {
    each_with(&Options::default(), &setup(), |place| {
        make(&place);
        let maria = place.server.flavour().is_mariadb();
        let moves = ["CALL moves()", "CALL moves_and_fails()"];
        for call in moves.into_iter().filter(|_| maria).chain(["CALL widens()"]) {
            for flags in BOTH_FORMS {
                for (how, on) in ON {
                    let mut wire = place.session_with(CALLERS, |how| SignIn { flags, ..how });
                    let answer = wire.query(call);
                    assert_eq!(answer.codes(), if call.contains("fails") { vec![1644] } else { vec![] }, "{answer:?}");
                    on(&mut wire);
                    stays_refused(&place, &mut wire, &format!("{call}: {how}"));
                }
            }
        }
        // The default schema is known again, how text and results are read is not.
        let mut wire = place.session(CALLERS);
        wire.query("CALL widens()").well();
        wire.init_db("shop").well();
        stays_refused(&place, &mut wire, "COM_INIT_DB");
    });
}
