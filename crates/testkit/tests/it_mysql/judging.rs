//! What is refused never reaches the server; what is allowed does, byte for byte.

use portcullis_testkit::Setup;
use portcullis_testkit::mysql::{Flavour, Options, as_logged};

use crate::answer::Answer;
use crate::place::{BOTH_FORMS, Place, each, each_with, eventually, usual};
use crate::wire::{IN_TRANSACTION, Wire, flag, query};

pub const SUPPORT: &[&str] = &["support"];

/// What is wrong with the refusal of `sql`, run and prepared; nothing if it is refused as it should be.
pub fn let_through(place: &Place, wire: &mut Wire, sql: &str) -> Vec<String> {
    let before = place.ran(wire.id);
    let mut found = Vec::new();
    let answer = wire.query(sql);
    if !answer.is_refused() {
        found.push(format!("{:?}: run: {sql}: {answer:?}", place.server.flavour()));
    }
    match wire.prepare(sql) {
        Err(report) if report.is_refusal() => {}
        other => found.push(format!("{:?}: prepared: {sql}: {other:?}", place.server.flavour())),
    }
    let after = place.ran(wire.id);
    if after != before {
        found.push(format!("{sql}: the server ran {:?}", &after[before.len().min(after.len())..]));
    }
    found
}

/// Refused with policy's own code, and not a byte of it on the server.
pub fn refuses(place: &Place, wire: &mut Wire, sql: &str) {
    let found = let_through(place, wire, sql);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_allowed_arrives_byte_for_byte_in_every_way_of_sending_it() {
    each(|place| {
        for flags in BOTH_FORMS {
            let mut wire = place.session_with(SUPPORT, |how| crate::wire::SignIn { flags, ..how });
            let texts = [
                "SELECT 1",
                "  select\t/* a comment */ 'ü', \"double\" -- tail",
                "SELECT `id` FROM `customers`\r\nWHERE id = 1 ;",
                "SELECT count(*) FROM orders o JOIN products p ON p.id = o.product_id WHERE o.region <> 'EMEA' # tail",
                "SELECT 1; SELECT 'two;'; ",
                "SELECT 'it''s', '\\'', \"a\"\"b\", x'41', 0x41, N'n', _utf8mb4'u'",
            ];
            for text in texts {
                assert!(wire.query(text).errors.is_empty(), "{text}");
            }
            let logged = texts.map(|text| String::from_utf8_lossy(as_logged(text.as_bytes())).into_owned());
            assert_eq!(place.ran(wire.id), logged);
            let prepared = wire.prepare("SELECT name FROM customers WHERE id = ? -- ü").expect("prepared");
            assert_eq!((prepared.parameters, prepared.columns.len()), (1, 1));
            for id in ["8", "9"] {
                assert_eq!(wire.execute(prepared.id, &[Some(id)]).value(), format!("Customer {id}"));
            }
            wire.close(prepared.id);
            assert_eq!(wire.execute(prepared.id, &[Some("8")]).errors.len(), 1, "it is closed");
            let ran = place.ran(wire.id);
            let ran = &ran[texts.len()..];
            assert_eq!(ran.len(), 3, "{ran:?}");
            assert_eq!(ran[0], "SELECT name FROM customers WHERE id = ? -- ü");
            assert!(ran[2].contains("id = '9'"), "{ran:?}");
        }
    });
}

#[test]
fn what_is_refused_never_reaches_the_server() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let common = [
            "SELECT salary FROM hr.employees",
            "SELECT 1 FROM dual WHERE EXISTS (SELECT 1 FROM hr.employees)",
            "WITH s AS (SELECT * FROM hr.employees) SELECT count(*) FROM s",
            "SELECT * FROM `hr`.`employees`",
            "SELECT * FROM hr . employees",
            "SELECT * FROM hr/**/./**/employees",
            "(SELECT * FROM hr.employees) UNION (SELECT 1, 2, 3, 4)",
            "SELECT (SELECT max(salary) FROM hr.employees)",
            "SELECT * FROM customers c JOIN (SELECT * FROM hr.employees) e ON e.id = c.id",
            "SELECT * FROM customers WHERE id IN (SELECT id FROM hr.employees)",
            "SELECT * FROM customers ORDER BY (SELECT salary FROM hr.employees LIMIT 1)",
            "SELECT * FROM { OJ customers c LEFT OUTER JOIN hr.employees e ON e.id = c.id }",
            "EXPLAIN SELECT * FROM hr.employees",
            "UPDATE products SET weight = 1",
            "UPDATE products SET weight = 1 WHERE true",
            "UPDATE products SET weight = 1 WHERE id = id",
            "UPDATE products p JOIN hr.employees e ON e.id = p.id SET p.weight = e.salary WHERE p.id = 1",
            "DELETE FROM orders",
            "DELETE FROM orders LIMIT 10",
            "DELETE o FROM orders o JOIN customers c ON c.id = o.customer_id",
            "DELETE FROM orders WHERE region = 'EMEA' OR 1 = 1",
            "INSERT INTO audit_notes (note) SELECT salary FROM hr.employees",
            "INSERT INTO audit_notes (note) VALUES ((SELECT max(salary) FROM hr.employees))",
            "INSERT INTO hr.employees VALUES (99, 'x', 1, NULL)",
            "REPLACE INTO hr.employees VALUES (99, 'x', 1, NULL)",
            "CREATE TABLE mine (a int)",
            "CREATE TABLE stolen AS SELECT * FROM hr.employees",
            "CREATE TABLE stolen LIKE hr.employees",
            "CREATE TEMPORARY TABLE stolen AS SELECT * FROM hr.employees",
            "DROP TABLE orders",
            "RENAME TABLE orders TO gone",
            "ALTER TABLE orders ADD x int",
            "GRANT ALL ON shop.* TO app",
            "CREATE USER x IDENTIFIED BY 'y'",
            "SET PASSWORD = 'x'",
            "SET GLOBAL general_log = 0",
            "SELECT * FROM customers INTO OUTFILE '/tmp/portcullis-x'",
            "SELECT 1 INTO DUMPFILE '/tmp/portcullis-y'",
            "LOAD DATA INFILE '/etc/passwd' INTO TABLE audit_notes (note)",
            "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE hr.employees",
            "TRUNCATE hr.employees",
            "SELECT sleep(1)",
            "SELECT get_lock('x', 1)",
            "SELECT load_file('/etc/passwd')",
            "SELECT customer_ssn(1)",
            "SELECT note_access('me')",
            "SELECT shop.note_access('me')",
            "SELECT `note_access`('me')",
            "CALL all_salaries()",
            "CALL restock(1)",
            "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1",
            "CREATE VIEW v AS SELECT * FROM hr.employees",
            "CREATE TRIGGER t BEFORE INSERT ON audit_notes FOR EACH ROW DELETE FROM orders",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders",
            "HANDLER hr.employees OPEN AS h",
            "LOCK TABLES hr.employees READ",
            "LOCK TABLES customers WRITE",
            "KILL 1",
            "KILL CONNECTION_ID()",
            "KILL QUERY 1 + 1",
            "FLUSH TABLES",
            "SHUTDOWN",
            "INSTALL PLUGIN x SONAME 'x.so'",
            "CHECKSUM TABLE hr.employees",
            "ANALYZE TABLE hr.employees",
            "DO (SELECT sleep(0) FROM hr.employees)",
            "SET @x = (SELECT max(salary) FROM hr.employees)",
            "SELECT salary INTO @x FROM hr.employees LIMIT 1",
            "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ * FROM hr.employees",
        ];
        let own: &[&str] = match place.server.flavour() {
            Flavour::MySql9 => &[
                "TABLE hr.employees",
                "SELECT * FROM customers c, LATERAL (SELECT * FROM hr.employees e WHERE e.id = c.id) x",
            ],
            _ => &[
                "EXECUTE IMMEDIATE 'SELECT * FROM hr.employees'",
                "ANALYZE SELECT * FROM hr.employees",
                "BEGIN NOT ATOMIC SELECT * FROM hr.employees; END",
                "SET STATEMENT max_statement_time = 1 FOR SELECT * FROM hr.employees",
                "DELETE FROM orders WHERE id > 0 RETURNING id",
                "VALUES ((SELECT max(salary) FROM hr.employees))",
            ],
        };
        let found: Vec<String> = common.iter().chain(own).flat_map(|sql| let_through(place, &mut wire, sql)).collect();
        assert!(found.is_empty(), "{found:#?}");
        assert!(place.ran(wire.id).is_empty());
        assert_eq!(wire.query("SELECT 'alive'").value(), "alive");
    });
}

#[test]
fn a_definition_reaches_nothing_but_its_own_table() {
    let policy = format!(
        "{}\n@id(\"makers\") permit (principal in Group::\"makers\", action == Action::\"ddl\", resource in Schema::\"shop.shop\");\n\
         @id(\"closed\") forbid (principal in Group::\"makers\", action == Action::\"select\", resource in Table::\"shop.shop.products\");",
        crate::place::POLICY
    );
    each_with(&Options::default(), &Setup { policy, ..usual() }, |place| {
        let mut wire = place.session(&["support", "makers"]);
        wire.query("CREATE TABLE plain (a int DEFAULT (1 + 1)) ENGINE := MyISAM COMMENT := 'x'").well();
        for sql in [
            "CREATE TABLE m (a int) ENGINE = MRG_MyISAM UNION := (hr.employees)",
            "CREATE TABLE m (a int) ENGINE := MRG_MyISAM UNION (.products)",
            "CREATE TABLE m (a int) DATA DIRECTORY := '/tmp'",
            "CREATE TABLE m (a int) ENGINE := FEDERATED CONNECTION := 'mysql://u@h/d/t'",
            "CREATE TABLE m (a text DEFAULT (load_file('/etc/passwd')))",
            "CREATE TABLE m AS VALUES (shop.note_access('me'))",
            "ALTER TABLE plain EXCHANGE PARTITION p0 WITH TABLE .products",
            "ALTER TABLE plain IMPORT PARTITION p0 TABLESPACE",
        ] {
            refuses(&place, &mut wire, sql);
        }
        if place.server.flavour().is_mariadb() {
            place.server.sql("CREATE SEQUENCE hr.numbers");
            refuses(&place, &mut wire, "CREATE TABLE m (a int DEFAULT NEXT VALUE FOR hr.numbers)");
            refuses(&place, &mut wire, "ALTER TABLE plain ALTER a SET DEFAULT (nextval(hr.numbers))");
        }
    });
}

#[test]
fn a_with_query_or_a_parenthesis_hides_no_table_from_the_policy() {
    let policy = r#"
permit (principal, action in [Action::"connect", Action::"read", Action::"write", Action::"set"], resource);
forbid (principal, action, resource == Table::"shop.shop.customers");
forbid (principal, action, resource == Table::"shop.shop.orders") when { context.columns.contains("note") };
"#;
    each_with(&Default::default(), &Setup { policy: policy.into(), ..usual() }, |place| {
        let mut wire = place.session(SUPPORT);
        let own: &[&str] = match place.server.flavour() {
            Flavour::MySql9 => &[
                "WITH customers AS (SELECT 1) (WITH x AS (SELECT 2) SELECT email FROM customers LIMIT 1)",
                "WITH customers AS (SELECT 1) (WITH x AS (SELECT 2) SELECT 3) UNION SELECT email FROM customers",
                "INSERT INTO audit_notes (id, note) WITH customers AS (SELECT 1 x) VALUES ROW(1, (SELECT email FROM customers LIMIT 1))",
            ],
            _ => &[
                "WITH customers AS (SELECT 1 x) SELECT * FROM (WITH a AS (SELECT email FROM customers LIMIT 1) SELECT * FROM a) d",
            ],
        };
        let order =
            ["(SELECT id FROM orders LIMIT 1) ORDER BY (SELECT note)", "(SELECT id FROM orders) ORDER BY @s := note"];
        for sql in own.iter().chain(&order) {
            refuses(&place, &mut wire, sql);
        }
        let nested = "WITH report AS (SELECT count(*) AS n FROM orders) \
            SELECT d.one FROM (WITH x AS (SELECT 1 AS one) SELECT x.one, report.n FROM x, report) d";
        assert_eq!(wire.query(nested).value(), "1");
        assert_eq!(wire.query("WITH customers AS (SELECT 7 AS id) SELECT id FROM customers").value(), "7");
        wire.query("(SELECT id FROM orders) ORDER BY region LIMIT 1").well();
    });
}

#[test]
fn a_refusal_names_the_rule_and_the_hint_and_the_session_lives_on() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let answer = wire.query("SELECT * FROM hr.employees");
        assert!(answer.is_refused(), "{answer:?}");
        let said = &answer.errors[0].text;
        assert!(said.contains("no-hr") && said.contains("salaries are for hr"), "{said}");
        let said = wire.query("DELETE FROM orders").errors.remove(0).text;
        assert!(said.contains("no-blind-writes") && said.contains("name the rows by their key"), "{said}");
        assert_eq!(wire.query("SELECT 1").value(), "1");
    });
}

#[test]
fn a_row_named_by_its_key_may_be_deleted() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        wire.query("INSERT INTO audit_notes (id, note) VALUES (777, 'keyed')").well();
        assert_eq!(wire.query("UPDATE audit_notes SET note = 'x' WHERE id = 777").well().done, [1]);
        let prepared = wire.prepare("DELETE FROM audit_notes WHERE id = ?").expect("prepared");
        assert_eq!(wire.execute(prepared.id, &[Some("777")]).well().done, [1]);
        assert_eq!(wire.query("DELETE FROM orders WHERE id IN (900001, 900002)").well().done, [0]);
    });
}

#[test]
fn a_key_of_text_is_not_named_by_a_number_or_null() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for sql in [
            "DELETE FROM customers WHERE email = 0",
            "DELETE FROM customers WHERE email IN ('nobody', FALSE)",
            "UPDATE customers SET region = 'x' WHERE email <=> NULL",
            "DELETE FROM customers WHERE id <=> NULL",
        ] {
            refuses(place, &mut wire, sql);
        }
        let update = "UPDATE customers SET region = 'x' WHERE email = ";
        assert_eq!(wire.query(&format!("{update}'nobody'")).well().done, [0]);
        let prepared = wire.prepare(&format!("{update}?")).expect("prepared");
        assert_eq!(wire.execute(prepared.id, &[Some("nobody")]).well().done, [0]);
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
            "SELECT 1;;; SELECT * FROM hr.employees;",
        ] {
            let answer = wire.query(text);
            assert!(answer.is_refused(), "{text}: {answer:?}");
        }
        assert!(place.ran(wire.id).is_empty(), "{:?}", place.ran(wire.id));
        assert_eq!(wire.query("SELECT 1; SELECT 2").text(), ["1", "2"]);
        // A client that did not ask for several statements gets the server's own error for the second.
        let mut wire = place
            .session_with(SUPPORT, |how| crate::wire::SignIn { flags: flag::USUAL & !flag::MULTI_STATEMENTS, ..how });
        let answer = wire.query("SELECT 1; SELECT 2");
        assert_eq!(answer.codes(), [1064], "{answer:?}");
    });
}

#[test]
fn a_refusal_leaves_the_transaction_as_it_was() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let note = format!("note of {}", wire.id);
        let kept = format!("SELECT count(*) FROM audit_notes WHERE note = '{note}'");
        assert_eq!(wire.query("BEGIN").well().status & IN_TRANSACTION, IN_TRANSACTION);
        wire.query(&format!("INSERT INTO audit_notes (note) VALUES ('{note}')")).well();
        refuses(place, &mut wire, "DELETE FROM orders");
        let own = wire.query(&kept).well();
        assert_eq!((own.value().as_str(), own.status & IN_TRANSACTION), ("1", IN_TRANSACTION));
        assert_eq!(place.server.sql(&kept), "0", "not committed");
        wire.query("ROLLBACK").well();
        assert_eq!(place.server.sql(&kept), "0");
        wire.query("START TRANSACTION").well();
        wire.query(&format!("INSERT INTO audit_notes (note) VALUES ('{note}')")).well();
        refuses(place, &mut wire, "DROP TABLE orders");
        wire.query("COMMIT").well();
        assert_eq!(place.server.sql(&kept), "1");
    });
}

#[test]
fn a_refused_prepare_makes_no_statement() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let first = wire.prepare("SELECT 3").expect("prepared");
        let refused = wire.prepare("SELECT * FROM hr.employees").expect_err("refused");
        assert!(refused.is_refusal(), "{refused:?}");
        for id in [first.id + 1, 0, u32::MAX - 1] {
            let answer = wire.execute(id, &[]);
            assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{id}: {answer:?}");
        }
        // MariaDB's id of the last statement that was prepared: behind a PREPARE that made none, it is nobody's.
        let last = wire.execute(u32::MAX, &[]);
        assert!(last.rows.is_empty() && last.codes() == [1243], "{last:?}");
        let answer = wire.execute(first.id, &[]);
        assert_eq!(answer.rows.len(), 1, "{answer:?}");
        assert!(!place.ran(wire.id).iter().any(|text| text.contains("employees")));
    });
}

#[test]
fn what_was_prepared_is_judged_again_when_policy_moves() {
    let open = "permit (principal, action, resource);";
    each_with(&Default::default(), &Setup { policy: open.into(), ..usual() }, |place| {
        let mut wire = place.session(&["any"]);
        let prepared = wire.prepare("SELECT count(*) FROM hr.employees").expect("prepared");
        assert_eq!(wire.execute(prepared.id, &[]).rows.len(), 1);
        wire.query("PREPARE p FROM 'SELECT count(*) FROM hr.employees'").well();
        assert_eq!(wire.query("EXECUTE p").value(), "20");
        let ran = place.ran(wire.id).len();
        new_policy(&place, "permit (principal, action, resource) unless { resource in Schema::\"shop.hr\" };");
        let answer = wire.execute(prepared.id, &[]);
        assert!(answer.is_refused(), "{answer:?}");
        let answer = wire.query("EXECUTE p");
        assert!(answer.is_refused(), "{answer:?}");
        assert_eq!(place.ran(wire.id).len(), ran);
    });
}

/// Writes another policy and makes the gateway read it.
pub fn new_policy(place: &Place, text: &str) {
    let before = place.gateway.log().len();
    std::fs::write(place.gateway.policy_file(), text).expect("the policy written");
    let pid = place.gateway.pid();
    let done = std::process::Command::new("kill").args(["-HUP", pid.trim()]).status().expect("kill starts");
    assert!(done.success());
    eventually("the gateway reloads", std::time::Duration::from_secs(10), || {
        let said = place.gateway.log()[before..].to_lowercase();
        Some(()).filter(|()| said.contains("reload") || said.contains("configuration"))
    });
}

#[test]
fn errors_of_the_server_keep_their_codes() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for (sql, code, state) in [
            ("SELECT 1 FROM", 1064, "42000"),
            ("SELECT * FROM nosuch", 1146, "42S02"),
            ("SELECT * FROM nosuch.nosuch", 1146, "42S02"),
            ("SELECT nosuch FROM customers", 1054, "42S22"),
            ("INSERT INTO products (id, sku, title, price) VALUES (1, 'x', 'y', 1)", 1062, "23000"),
        ] {
            let answer = wire.query(sql);
            assert_eq!((answer.codes(), answer.errors[0].state.as_str()), (vec![code], state), "{sql}: {answer:?}");
            if code != 1062 {
                assert_eq!(wire.prepare(sql).expect_err(sql).code, code, "{sql}");
            }
        }
        let ran = place.ran(wire.id);
        assert!(!ran.iter().any(|text| text.contains("SELECT 1 FROM") || text.contains("nosuch.nosuch")), "{ran:?}");
    });
}

/// Where all is permitted, the server itself answers, to the last byte of its words.
#[test]
fn who_may_do_anything_hears_the_servers_own_words() {
    each(|place| {
        let mut all = place.session(&["all"]);
        for sql in
            ["SELEC 1", "SELECT * FROM nosuch", "SELECT nosuch()", "BEGIN NOT ATOMIC", "HANDLER nosuch READ FIRST"]
        {
            let answer = all.query(sql);
            assert_eq!(answer.errors.len(), 1, "{sql}");
            assert!(place.ran(all.id).contains(&sql.to_owned()), "{sql}");
            assert!(!answer.errors[0].text.contains("refused"), "{answer:?}");
        }
        assert_eq!(all.query("SELECT max(salary) FROM hr.employees").value(), "65010.00");
    });
}

#[test]
fn commands_without_a_text_are_answered_by_the_server() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        assert_eq!(wire.say(&[0x0e]).done, [0], "COM_PING");
        wire.command(&[9]);
        let line = String::from_utf8(wire.payload().expect("a line")).expect("text");
        assert!(line.starts_with("Uptime: "), "{line}");
        assert!(wire.query("SELECT 'on'").well().status > 0);
        let (names, answer) = wire.field_list("customers");
        assert!(
            answer.errors.is_empty() && (names.is_empty() || names.contains(&"card".to_owned())),
            "{names:?} {answer:?}"
        );
        let (names, answer) = wire.field_list("employees");
        assert!(names.is_empty() && answer.errors.len() == 1, "{names:?}, {answer:?}");
        wire.command(&[0x1b, 1, 0]);
        assert_eq!(wire.payload().expect("COM_SET_OPTION is answered")[0], 0xfe);
        assert_eq!(wire.query("SELECT 'on'").value(), "on");
    });
}

#[test]
fn commands_that_are_not_carried_are_refused_and_the_session_lives_on() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        let before = place.ran(wire.id);
        // Shutdown, process info, connect, kill, debug, time, delayed insert, binlog dump, table dump,
        // connect out, register slave, daemon, GTID dump, clone, and numbers that nobody has.
        for number in [8, 10, 11, 12, 13, 15, 16, 18, 19, 20, 21, 29, 30, 32, 33, 0x40, 0x80, 0xfe, 0xff] {
            wire.command(&[&[number][..], &1_u32.to_le_bytes()].concat());
            let body = wire.payload().unwrap_or_else(|| panic!("{number} ended the session"));
            assert_eq!(body[0], 0xff, "{number}: {body:?}");
        }
        assert_eq!(place.ran(wire.id), before);
        assert_eq!(wire.query("SELECT 'alive'").value(), "alive");
    });
}

#[test]
fn several_results_of_one_call_arrive_whole() {
    each(|place| {
        place.server.sql(
            "DELIMITER //\nCREATE PROCEDURE IF NOT EXISTS two_results() BEGIN SELECT 1; SELECT 'b', 2; END //\nDELIMITER ;",
        );
        for flags in BOTH_FORMS {
            let mut wire = place.session_with(&["all"], |how| crate::wire::SignIn { flags, ..how });
            let answer = wire.query("CALL two_results()").well();
            assert_eq!((answer.text(), answer.results), (vec!["1".to_owned(), "b|2".to_owned()], 2), "{answer:?}");
            let prepared = wire.prepare("CALL two_results()").expect("prepared");
            let answer: Answer = wire.execute(prepared.id, &[]).well();
            assert_eq!((answer.rows.len(), answer.results), (2, 2), "{answer:?}");
            assert_eq!(wire.query("SELECT 3").value(), "3");
        }
    });
}

#[test]
fn rows_come_by_a_cursor_too() {
    each(|place| {
        for flags in BOTH_FORMS {
            let mut wire = place.session_with(SUPPORT, |how| crate::wire::SignIn { flags, ..how });
            let prepared = wire.prepare("SELECT name FROM customers WHERE id < ? ORDER BY id").expect("prepared");
            let opened = wire.open_cursor(prepared.id, &[Some("6")]).well();
            assert!(opened.rows.is_empty(), "{opened:?}");
            assert_eq!(wire.fetch(&prepared, 2).text(), ["Customer 1", "Customer 2"]);
            assert_eq!(wire.fetch(&prepared, 10).text(), ["Customer 3", "Customer 4", "Customer 5"]);
            wire.say(&[&[0x1a][..], &prepared.id.to_le_bytes()].concat());
            assert_eq!(wire.fetch(&prepared, 1).errors.len(), 1, "the cursor is closed");
            let answer = wire.say(&query("SELECT 'on'"));
            assert_eq!(answer.value(), "on");
        }
    });
}
