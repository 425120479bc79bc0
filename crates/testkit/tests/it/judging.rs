//! What is refused never reaches the server; what is allowed does, byte for byte.

use portcullis_testkit::{Setup, Version};

use crate::place::{Place, each, eventually, usual};
use crate::wire::{Wire, bind, call, describe, execute, extended, flush, parse, query, sync};

const SUPPORT: &[&str] = &["support"];

/// Refused with policy's own code, and not a byte of it on the server.
fn refuses(place: &Place, wire: &mut Wire, sql: &str) {
    let found = let_through(place, wire, sql);
    assert!(found.is_empty(), "{found:#?}");
}

/// What is wrong with the refusal of `sql`; nothing if it is refused as it should be.
fn let_through(place: &Place, wire: &mut Wire, sql: &str) -> Vec<String> {
    let before = place.ran(wire.pid);
    let mut found = Vec::new();
    for (how, answer) in [("simple", wire.query(sql)), ("extended", wire.say(&[extended(sql, &[])]))] {
        let silent = answer.rows.is_empty() && answer.copied.is_empty();
        if answer.codes() != ["42501"] || answer.status != 'I' || !silent {
            found.push(format!("{how}: {sql}: {answer:?}"));
        }
    }
    let after = place.ran(wire.pid);
    if after != before {
        found.push(format!("{sql}: the server ran {:?}", &after[before.len()..]));
    }
    found
}

#[test]
fn what_is_allowed_arrives_byte_for_byte_in_every_way_of_sending_it() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let texts = [
            "SELECT 1",
            "  select\t/* a comment /* nested */ */ 'ü', $$dollar$$ -- tail",
            "SELECT \"id\" FROM \"customers\"\r\nWHERE id = 1 ;",
            "SELECT count(*) FROM orders o JOIN products p ON p.id = o.product_id WHERE o.region <> 'EMEA'",
        ];
        for text in texts {
            assert!(wire.query(text).errors.is_empty(), "{text}");
        }
        assert_eq!(place.ran(wire.pid), texts);
        let prepared = "SELECT name FROM customers WHERE id = $1::int -- ü";
        assert_eq!(wire.say(&[extended(prepared, &["7"])]).value(), "Customer 7");
        wire.say(&[parse("s", prepared), sync()]);
        for id in ["8", "9"] {
            let answer = wire.say(&[bind("", "s", &[id], 0), execute("", 0), sync()]);
            assert_eq!(answer.text(), [format!("Customer {id}")]);
        }
        assert_eq!(place.ran(wire.pid)[texts.len()..], [prepared, prepared, prepared]);
        let values = place.logged(wire.pid);
        assert_eq!(values.last().and_then(|l| l.parameters.clone()).as_deref(), Some("$1 = '9'"));
    });
}

#[test]
fn what_is_refused_never_reaches_the_server() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let found: Vec<String> = [
            "SELECT salary FROM hr.employees",
            "SELECT 1 WHERE EXISTS (SELECT FROM hr.employees)",
            "WITH s AS (SELECT * FROM hr.employees) SELECT count(*) FROM s",
            "TABLE hr.employees",
            "SELECT * FROM \"hr\".\"employees\"",
            "SELECT * FROM shop.hr.employees",
            "SELECT c.id FROM customers c, LATERAL (SELECT e.salary FROM hr.employees e WHERE e.id = c.id) s",
            "COPY hr.employees TO STDOUT",
            "COPY (SELECT salary FROM hr.employees) TO STDOUT",
            "EXPLAIN ANALYZE SELECT * FROM hr.employees",
            "UPDATE products SET weight = 1",
            "UPDATE products SET weight = 1 WHERE true",
            "DELETE FROM orders",
            "WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone",
            "EXPLAIN ANALYZE DELETE FROM orders",
            "MERGE INTO products p USING hr.employees e ON p.id = e.id WHEN MATCHED THEN DO NOTHING",
            "INSERT INTO audit_notes (note) SELECT salary::text FROM hr.employees",
            "CREATE TABLE public.mine (a int)",
            "CREATE TABLE public.stolen AS SELECT * FROM hr.employees",
            "SELECT * INTO stolen FROM hr.employees",
            "DROP TABLE orders",
            "GRANT ALL ON orders TO PUBLIC",
            "DO $$ BEGIN DELETE FROM orders; END $$",
            "COPY orders TO PROGRAM 'cat > /tmp/x'",
            "COPY orders FROM PROGRAM 'echo 1'",
            "COPY orders TO '/tmp/orders'",
            "SELECT customer_ssn(1)",
            "SELECT note_access('me')",
            "SELECT * FROM all_salaries()",
            "CALL restock(1)",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_import('/etc/passwd')",
            "SELECT query_to_xml('SELECT * FROM hr.employees', true, true, '')",
            "SELECT pg_catalog.table_to_xml('hr.employees', true, true, '')",
            "SELECT pg_catalog.pg_ls_dir('/')",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE VIEW v AS SELECT * FROM hr.employees",
            "ALTER ROLE app SUPERUSER",
            "ALTER SYSTEM SET log_statement = 'none'",
            "LOAD 'auto_explain'",
        ]
        .into_iter()
        .flat_map(|sql| let_through(place, &mut wire, sql))
        .collect();
        assert!(found.is_empty(), "{found:#?}");
        assert!(place.ran(wire.pid).is_empty());
    });
}

#[test]
fn a_refusal_names_the_rule_and_the_hint() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let said = format!("{:?}", wire.query("SELECT * FROM hr.employees").errors);
        assert!(said.contains("no-hr") && said.contains("salaries are for hr"), "{said}");
    });
}

#[test]
fn one_refused_statement_of_several_keeps_all_from_the_server() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for text in [
            "SELECT 1; DELETE FROM orders",
            "DELETE FROM orders; SELECT 1",
            "INSERT INTO audit_notes (note) VALUES ('never'); SELECT * FROM hr.employees; SELECT 2",
            "BEGIN; INSERT INTO audit_notes (note) VALUES ('never'); DROP TABLE orders; COMMIT",
        ] {
            let answer = wire.query(text);
            assert_eq!(answer.codes(), ["42501"], "{text}: {answer:?}");
            assert_eq!(answer.status, 'I', "{text}");
        }
        assert!(place.ran(wire.pid).is_empty(), "{:?}", place.ran(wire.pid));
        assert_eq!(wire.query("SELECT 1; SELECT 2").text(), ["1", "2"]);
    });
}

#[test]
fn a_refusal_leaves_the_transaction_failed_on_the_server_too() {
    each(|place| {
        let refused = "DELETE FROM orders";
        for how in [query(refused), extended(refused, &[])] {
            let mut wire = place.session(SUPPORT);
            let note = format!("note of {}", wire.pid);
            assert_eq!(wire.query("BEGIN").status, 'T');
            wire.query(&format!("INSERT INTO audit_notes (note) VALUES ('{note}')"));
            let answer = wire.say(&[how]);
            assert_eq!((answer.codes(), answer.status), (vec!["42501"], 'E'), "{answer:?}");
            assert_eq!(wire.query("SELECT 1").codes(), ["25P02"]);
            let state = format!("SELECT state FROM pg_stat_activity WHERE pid = {}", wire.pid);
            assert_eq!(place.server.psql(&state), "idle in transaction (aborted)");
            assert_eq!(wire.query("COMMIT").done, ["ROLLBACK"]);
            let kept = format!("SELECT count(*) FROM audit_notes WHERE note = '{note}'");
            assert_eq!(place.server.psql(&kept), "0");
            assert!(!place.ran(wire.pid).iter().any(|text| text.contains(refused)));
        }
    });
}

#[test]
fn a_savepoint_survives_a_refusal() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let note = format!("kept of {}", wire.pid);
        wire.query("BEGIN");
        wire.query(&format!("INSERT INTO audit_notes (note) VALUES ('{note}')"));
        wire.query("SAVEPOINT s");
        assert_eq!(wire.query("DROP TABLE orders").status, 'E');
        assert_eq!(wire.query("ROLLBACK TO s").status, 'T');
        assert_eq!(wire.query("COMMIT").done, ["COMMIT"]);
        assert_eq!(place.server.psql(&format!("SELECT count(*) FROM audit_notes WHERE note = '{note}'")), "1");
    });
}

#[test]
fn a_refusal_in_a_pipeline_undoes_what_went_before_and_skips_to_sync() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let note = format!("piped by {}", wire.pid);
        let insert = format!("INSERT INTO audit_notes (note) VALUES ('{note}')");
        let step = |sql: &str| [parse("", sql), bind("", "", &[], 0), execute("", 0)].concat();
        let whole = [step(&insert), step("DELETE FROM orders"), step("SELECT 'skipped'"), sync()];
        let answer = wire.say(&whole);
        assert_eq!(answer.codes(), ["42501"], "{answer:?}");
        assert_eq!((answer.status, answer.done.len(), answer.rows.len()), ('I', 1, 0), "{answer:?}");
        assert_eq!(place.server.psql(&format!("SELECT count(*) FROM audit_notes WHERE note = '{note}'")), "0");
        // The next one after Sync is whole again, also when both come in one write.
        let twice = [step("DELETE FROM orders"), sync(), step("SELECT 'after'"), sync()];
        let answer = wire.say(&twice);
        assert_eq!(answer.codes(), ["42501"]);
        assert_eq!(wire.answer().text(), ["after"]);
        let ran = place.ran(wire.pid);
        assert!(!ran.iter().any(|text| text.contains("DELETE") || text.contains("skipped")), "{ran:?}");
    });
}

#[test]
fn a_refused_parse_is_refused_again_when_it_is_bound() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        assert_eq!(wire.say(&[parse("s", "SELECT * FROM hr.employees"), sync()]).codes(), ["42501"]);
        let answer = wire.say(&[bind("", "s", &[], 0), execute("", 0), sync()]);
        assert_eq!(answer.codes(), ["26000"], "the statement does not exist: {answer:?}");
        // A refused Parse keeps its neighbours of another name.
        wire.say(&[parse("t", "SELECT 3"), sync()]);
        assert_eq!(wire.say(&[bind("", "t", &[], 0), execute("", 0), sync()]).text(), ["3"]);
        assert!(!place.server.log().contains("parse s: SELECT * FROM hr"));
    });
}

#[test]
fn errors_of_the_server_keep_their_codes() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for (sql, code) in [
            ("SELEC 1", "42601"),
            ("SELECT * FROM nosuch", "42P01"),
            ("SELECT * FROM nosuch.nosuch", "42P01"),
            ("SELECT nosuch FROM customers", "42703"),
            ("SELECT 1/0", "22012"),
        ] {
            for (how, answer) in [("simple", wire.query(sql)), ("extended", wire.say(&[extended(sql, &[])]))] {
                assert_eq!(answer.codes(), [code], "{how}: {sql}: {answer:?}");
            }
        }
        let ran = place.ran(wire.pid);
        assert!(!ran.iter().any(|text| text.contains("SELEC 1") || text.contains("nosuch.nosuch")), "{ran:?}");
        // Where all is permitted, the server itself answers: with its own words, position and source.
        let mut all = place.session(&["all"]);
        let mut direct = Wire::open(place.server.address());
        direct = direct_session(direct, place);
        for sql in ["SELEC 1", "SELECT * FROM nosuch", "SELECT 1/0", "SELECT pg_nosuch()"] {
            assert_eq!(all.query(sql).errors, direct.query(sql).errors, "{sql}");
        }
    });
}

/// A session with the server itself, as the superuser's rules allow: SCRAM is not for this small client.
fn direct_session(_: Wire, place: &Place) -> Wire {
    let role = "CREATE ROLE plain LOGIN IN ROLE app PASSWORD 'x'";
    let exists = "SELECT count(*) FROM pg_roles WHERE rolname = 'plain'";
    if place.server.psql(exists) == "0" {
        place.server.psql(role);
        let hba = place.server.data_dir().join("pg_hba.conf");
        let rules = std::fs::read_to_string(&hba).expect("the rules");
        std::fs::write(&hba, format!("host all plain 127.0.0.1/32 trust\n{rules}")).expect("written");
        place.server.psql("SELECT pg_reload_conf()");
    }
    let parameters = [("user", "plain"), ("database", "shop")];
    eventually("the rule is in force", std::time::Duration::from_secs(10), || {
        Wire::open(place.server.address()).signed_in(&parameters, 0, "x").ok()
    })
}

#[test]
fn views_carry_what_they_are_made_of() {
    let version = Version::V18;
    let place = Place::with(version, &usual());
    place.server.psql(
        "SET ROLE app; CREATE VIEW innocent AS SELECT id, name FROM hr.employees; \
         CREATE VIEW outermost AS SELECT count(*) FROM innocent; \
         CREATE MATERIALIZED VIEW stored AS SELECT * FROM hr.employees",
    );
    let mut wire = place.session(SUPPORT);
    for sql in ["SELECT * FROM innocent", "SELECT * FROM outermost", "TABLE public.outermost", "SELECT * FROM stored"] {
        refuses(&place, &mut wire, sql);
    }
    assert_eq!(wire.query("SELECT count(*) FROM customer_contacts").value(), "200");
}

#[test]
fn a_search_path_does_not_hide_a_denied_schema() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        assert_eq!(wire.query("SELECT * FROM employees").codes(), ["42P01"]);
        for set in [
            "SET search_path = hr, public",
            "SET search_path TO 'hr'",
            "SELECT set_config('search_path', 'hr,public', false)",
        ] {
            let mut wire = place.session(SUPPORT);
            wire.query(set);
            let answer = wire.query("SELECT * FROM employees");
            assert!(answer.rows.is_empty(), "{set}: {answer:?}");
            assert_eq!(answer.errors.len(), 1, "{set}: {answer:?}");
            let answer = wire.say(&[extended("SELECT * FROM employees", &[])]);
            assert!(answer.rows.is_empty(), "{set}: {answer:?}");
            assert!(!place.ran(wire.pid).iter().any(|text| text.contains("employees")), "{set}");
        }
        // In one message and in one pipeline, so that the judgement cannot lag behind.
        let answer = wire.query("SET search_path = hr; SELECT * FROM employees");
        assert!(answer.rows.is_empty() && answer.codes() == ["42501"], "{answer:?}");
        let step = |sql: &str| [parse("", sql), bind("", "", &[], 0), execute("", 0)].concat();
        let answer = wire.say(&[step("SET search_path = hr"), step("SELECT * FROM employees"), sync()]);
        assert!(answer.rows.is_empty() && answer.codes() == ["42501"], "{answer:?}");
        // At the start of the session, by its own parameter and by `options`.
        for (name, value) in [("search_path", "hr"), ("options", "-c search_path=hr")] {
            let parameters = [("user", "ana"), ("database", "shop"), (name, value)];
            let token = place.gateway.token("ana", SUPPORT);
            match Wire::open(place.gateway.address()).signed_in(&parameters, 0, &token) {
                Err(report) => assert_eq!(report.code(), "42501"),
                Ok(mut wire) => assert!(wire.query("SELECT * FROM employees").rows.is_empty(), "{name}"),
            }
        }
        // SET LOCAL and ROLLBACK bring the old path back, also for the judge.
        let mut wire = place.session(SUPPORT);
        wire.query("BEGIN");
        wire.query("SET LOCAL search_path = hr");
        assert!(wire.query("SELECT * FROM employees").rows.is_empty());
        wire.query("ROLLBACK");
        assert_eq!(wire.query("SELECT count(*) FROM customers").value(), "200");
        assert!(!place.ran(wire.pid).iter().any(|text| text.contains("employees")));
    });
}

#[test]
fn roles_settings_and_string_syntax_cannot_be_moved_under_the_judge() {
    each(|place| {
        for sql in [
            "SET ROLE postgres",
            "SET SESSION AUTHORIZATION postgres",
            "SELECT set_config('role', 'postgres', false)",
            "SET standard_conforming_strings = off; SELECT '\\'; SELECT * FROM hr.employees; --'",
            "SET session_replication_role = replica",
            "UPDATE pg_settings SET setting = 'hr' WHERE name = 'search_path'",
        ] {
            let mut wire = place.session(SUPPORT);
            let before = wire.query("SELECT current_user || session_user").value();
            let answer = wire.query(sql);
            assert!(!answer.errors.is_empty(), "{sql}: {answer:?}");
            assert_eq!(wire.query("SELECT current_user || session_user").value(), before, "{sql}");
        }
        // The same backslash, judged as the server reads it.
        let mut wire = place.session(SUPPORT);
        wire.query("SET standard_conforming_strings = off");
        let answer = wire.query("SELECT 'x\\'; SELECT name FROM hr.employees; --'");
        assert!(!answer.text().iter().any(|row| row.contains("Employee")), "{answer:?}");
        let mut wire = place.session(SUPPORT);
        wire.query("SET backslash_quote = on");
        let answer = wire.query("SELECT E'\\''; SELECT name FROM hr.employees --'");
        assert!(!answer.text().iter().any(|row| row.contains("Employee")), "{answer:?}");
        // Another encoding, in which a backslash may be the second byte of a letter.
        wire.query("SET client_encoding = 'SJIS'");
        let answer = wire.query("SELECT 'ok' FROM hr.employees");
        assert!(answer.rows.is_empty(), "{answer:?}");
    });
}

#[test]
fn sql_level_prepare_is_judged_and_execute_runs_what_was_judged() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        refuses(place, &mut wire, "PREPARE p AS SELECT * FROM hr.employees");
        assert!(wire.query("PREPARE p (int) AS SELECT name FROM customers WHERE id = $1").errors.is_empty());
        assert_eq!(wire.query("EXECUTE p (3)").value(), "Customer 3");
        let answer = wire.query("EXECUTE nosuch");
        assert_eq!(answer.errors.len(), 1, "{answer:?}");
        assert!(wire.query("DEALLOCATE p").errors.is_empty());
        // Under a wire-level name, executed at SQL level.
        assert_eq!(wire.say(&[parse("w", "SELECT 4"), sync()]).codes(), [""; 0]);
        let answer = wire.query("EXECUTE w");
        assert!(answer.text() == ["4"] || answer.codes() == ["42501"], "{answer:?}");
    });
}

#[test]
fn cursors_portals_and_temporary_tables_work_for_what_is_allowed() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        wire.query("BEGIN");
        assert!(wire.query("DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY id").errors.is_empty());
        assert_eq!(wire.query("FETCH 2 FROM c").text(), ["1", "2"]);
        assert_eq!(wire.query("CLOSE c").errors, []);
        assert_eq!(wire.query("COMMIT").done, ["COMMIT"]);
        refuses(place, &mut wire, "DECLARE d CURSOR WITH HOLD FOR SELECT * FROM hr.employees");
        let portal =
            [parse("", "SELECT id FROM customers ORDER BY id"), bind("p", "", &[], 0), execute("p", 2)].concat();
        let answer = wire.say(&[portal, execute("p", 1), sync()]);
        assert_eq!(answer.text(), ["1", "2", "3"], "{answer:?}");
        let mut all = place.session(&["all"]);
        assert_eq!(all.query("CREATE TEMP TABLE scratch (a int)").errors, []);
        assert_eq!(all.query("INSERT INTO scratch VALUES (1), (2)").done, ["INSERT 0 2"]);
        assert_eq!(all.query("SELECT sum(a) FROM scratch").value(), "3");
        // Temporary tables are the maker's own: the name means nothing to another session.
        assert_eq!(wire.query("SELECT * FROM scratch").codes(), ["42P01"]);
    });
}

#[test]
fn a_temporary_table_does_not_lend_its_name_to_a_denied_one() {
    each(|place| {
        let policy_of_writers = ["support", "makers"];
        let mut wire = place.session(&policy_of_writers);
        wire.query("CREATE TEMP TABLE employees (id int, salary numeric)");
        wire.query("DROP TABLE employees");
        for sql in ["SELECT * FROM hr.employees", "SET search_path = hr; SELECT * FROM employees"] {
            assert!(wire.query(sql).rows.is_empty(), "{sql}");
        }
    });
}

#[test]
fn a_function_call_by_the_fast_path_is_judged() {
    each(|place| {
        let function =
            |name: &str| place.server.psql(&format!("SELECT '{name}'::regproc::oid")).parse().expect("an oid");
        let note: u32 = function("note_access");
        let mut wire = place.session(SUPPORT);
        let answer = wire.say(&[call(note, &["me"])]);
        assert_eq!((answer.codes(), answer.status), (vec!["42501"], 'I'), "{answer:?}");
        assert_eq!(place.server.psql("SELECT count(*) FROM audit_notes WHERE who = 'me'"), "0");
        let mut all = place.session(&["all"]);
        let answer = all.say(&[call(function("pg_catalog.quote_ident"), &["me"])]);
        assert!(answer.errors.is_empty() && answer.seen.contains('V'), "{answer:?}");
        assert_eq!(all.query("SELECT 1").value(), "1");
    });
}

#[test]
fn copy_in_is_judged_and_its_data_arrives() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        let copy = format!("COPY audit_notes (who, note) FROM STDIN /* {} */", wire.pid);
        wire.send(&query(&copy));
        assert_eq!(wire.message().expect("an answer").0, 'G');
        let who = format!("copier{}", wire.pid);
        let data = crate::wire::message(b'd', format!("{who}\tone\n{who}\ttwo\n").as_bytes());
        let answer = wire.say(&[data, crate::wire::message(b'c', b"")]);
        assert_eq!(answer.done, ["COPY 2"], "{answer:?}");
        assert_eq!(place.server.psql(&format!("SELECT count(*) FROM audit_notes WHERE who = '{who}'")), "2");
        let mut support = place.session(SUPPORT);
        refuses(place, &mut support, "COPY hr.employees FROM STDIN");
    });
}

#[test]
fn what_a_session_prepared_is_judged_again_when_policy_moves() {
    let place = Place::with(Version::V18, &Setup { policy: "permit (principal, action, resource);".into(), ..usual() });
    let mut wire = place.session(&["any"]);
    let sql = "SELECT count(*) FROM hr.employees";
    assert_eq!(wire.say(&[parse("s", sql), describe('S', "s"), flush(), sync()]).status, 'I');
    assert_eq!(wire.say(&[bind("", "s", &[], 0), execute("", 0), sync()]).text(), ["20"]);
    crate::reload::policy(&place, "permit (principal, action, resource) unless { resource in Schema::\"shop.hr\" };");
    let answer = wire.say(&[bind("", "s", &[], 0), execute("", 0), sync()]);
    assert_eq!(answer.codes(), ["42501"], "{answer:?}");
    assert_eq!(place.ran(wire.pid).len(), 1);
}
