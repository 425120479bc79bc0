//! The same text means other things in other sessions: the default schema, temporary tables, comments that some servers
//! run. It is judged as this server reads it in this session. Modes and character sets are in `modes`.

use portcullis_testkit::Setup;
use portcullis_testkit::mysql::Options;

use crate::answer::Answer;
use crate::judging::{SUPPORT, let_through, refuses};
use crate::modes::no_salary;
use crate::place::{Place, each, each_with, eventually, usual};
use crate::wire::{SignIn, Wire};

/// No row of `hr.employees`, and the server never ran a text with this word.
pub fn kept_from(place: &Place, wire: &Wire, answer: &Answer, word: &str) {
    assert!(answer.rows.is_empty() && !answer.errors.is_empty(), "{word}: {answer:?}");
    let ran = place.ran(wire.id);
    assert!(!ran.iter().any(|text| text.contains(word)), "{ran:?}");
}

/// The usual policy, but that one may be in a schema of which nothing may be read.
fn closed_to_reading() -> String {
    let closed = "forbid (principal in Group::\"support\", action, resource in Schema::\"shop.hr\")";
    let policy = crate::place::POLICY.replace(closed, &closed.replace("action,", "action in Action::\"read\","));
    assert_ne!(policy, crate::place::POLICY);
    policy
}

#[test]
fn the_default_schema_decides_what_a_name_means() {
    each(|place| {
        let sql = "SELECT * FROM employees";
        let mut wire = place.session(SUPPORT);
        assert_eq!(wire.query(sql).codes(), [1146]);
        for how in ["USE hr", "use `hr`", "COM_INIT_DB"] {
            let mut wire = place.session(SUPPORT);
            let answer = if how == "COM_INIT_DB" { wire.init_db("hr") } else { wire.query(how) };
            if answer.errors.is_empty() {
                assert_eq!(wire.query("SELECT database()").value(), "hr", "{how}");
            }
            let before = place.ran(wire.id);
            let answer = wire.query(sql);
            assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{how}: {answer:?}");
            let prepared = wire.prepare(sql);
            assert!(prepared.is_err(), "{how}: {prepared:?}");
            assert_eq!(place.ran(wire.id), before, "{how}");
            wire.init_db("shop").well();
            assert_eq!(wire.query("SELECT count(*) FROM customers").value(), "200", "{how}");
        }
        // The command is judged as the statement is.
        let mut wire = place.session(SUPPORT);
        refuses(place, &mut wire, "USE hr");
        assert!(wire.init_db("hr").is_refused());
        assert_eq!(wire.query("SELECT database()").value(), "shop");
        // In one text, so that the judgement cannot lag behind.
        let answer = wire.query("USE hr; SELECT * FROM employees");
        kept_from(place, &wire, &answer, "employees");
        // What was prepared before keeps the schema of its preparation.
        let mut all = place.session(&["all"]);
        let prepared = all.prepare("SELECT count(*) FROM customers").expect("prepared");
        all.init_db("hr").well();
        assert_eq!(all.execute(prepared.id, &[]).well().rows.len(), 1);
        assert_eq!(all.query("SELECT count(*) FROM employees").value(), "20");
        assert_eq!(all.init_db("nosuch").errors.len(), 1);
        assert_eq!(all.query("SELECT count(*) FROM employees").value(), "20", "a failed change changes nothing");
        assert_eq!(all.query("USE nosuch").errors.len(), 1);
        assert_eq!(all.query("SELECT count(*) FROM employees").value(), "20");
    });
}

/// One may make tables, and read anything but the products.
const NO_PRODUCTS: &str = r#"
permit (principal, action in [Action::"connect", Action::"read", Action::"write", Action::"set", Action::"ddl"], resource in Upstream::"shop");
@id("closed") forbid (principal, action == Action::"select", resource in Table::"shop.shop.products");
"#;

#[test]
fn a_prepared_statement_is_judged_in_the_schema_of_its_preparation() {
    let policy = NO_PRODUCTS.to_owned();
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let sql = "SELECT count(*) FROM products";
        let (make, drop) = ("CREATE TEMPORARY TABLE products (id int)", "DROP TEMPORARY TABLE products");
        let mut found = Vec::new();
        for how in ["COM_STMT", "SQL", "one text", "a text", "all in a text"] {
            let mut wire = place.session(SUPPORT);
            refuses(&place, &mut wire, sql);
            wire.query(make).well();
            let id = match how {
                "COM_STMT" => wire.prepare(sql).expect("prepared").id,
                "all in a text" => 0,
                _ => {
                    wire.query(&format!("PREPARE s FROM '{sql}'")).well();
                    0
                }
            };
            let answer = match how {
                "one text" => wire.query(&format!("{drop}; USE hr; {make}; EXECUTE s")),
                "all in a text" => wire.query(&format!("PREPARE s FROM '{sql}'; {drop}; USE hr; {make}; EXECUTE s")),
                _ => {
                    wire.query(drop).well();
                    wire.init_db("hr").well();
                    wire.query(make).well();
                    match how {
                        "COM_STMT" => wire.execute(id, &[]),
                        "SQL" => wire.query("EXECUTE s"),
                        _ => wire.query("SELECT 1; EXECUTE s"),
                    }
                }
            };
            if !answer.is_refused() || !answer.rows.is_empty() {
                found.push(format!("{:?}: {how}: {answer:?}", place.server.flavour()));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        // What it reads may be read, wherever the session is, and what it makes is made where it was prepared.
        let mut wire = place.session(SUPPORT);
        let prepared = wire.prepare("SELECT concat(count(*)) FROM customers").expect("prepared");
        let making = wire.prepare(make).expect("prepared");
        wire.query("PREPARE s FROM 'SELECT count(*) FROM customers'").well();
        wire.init_db("hr").well();
        assert_eq!(wire.execute(prepared.id, &[]).value(), "200");
        assert_eq!(wire.query("EXECUTE s").value(), "200");
        wire.execute(making.id, &[]).well();
        assert_eq!(wire.query("SELECT count(*) FROM shop.products").value(), "0");
        assert_eq!(wire.query("SELECT count(*) FROM products").codes(), [1146]);
        assert_eq!(wire.query("SELECT database()").value(), "hr");
    });
}

#[test]
fn a_schema_that_the_catalog_does_not_know_yet_is_named_all_the_same() {
    let policy = r#"
permit (principal, action in [Action::"connect", Action::"read", Action::"write", Action::"set", Action::"ddl"], resource in Upstream::"shop");
@id("no-late") forbid (principal, action == Action::"ddl", resource in Schema::"shop.late");
"#;
    let policy = policy.to_owned();
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let mut wire = place.session(SUPPORT);
        wire.query("SELECT 1").well();
        // Somebody else makes it; the catalog is read every few seconds only.
        place.server.sql("CREATE DATABASE late; CREATE TABLE late.t (a int); GRANT ALL ON late.* TO app");
        wire.init_db("late").well();
        let mut found = Vec::new();
        for sql in [
            "DROP TABLE late.t",
            "DROP TABLE t",
            "CREATE TABLE u (a int)",
            "CREATE TEMPORARY TABLE v (a int)",
            "ALTER TABLE t ADD b int",
        ] {
            let answer = wire.query(sql);
            if answer.errors.is_empty() {
                found.push(format!("{:?}: {sql}: {answer:?}", place.server.flavour()));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(
            place
                .server
                .sql("SELECT group_concat(table_name) FROM information_schema.tables WHERE table_schema = 'late'"),
            "t"
        );
        // Nor is anything made in no schema at all.
        let mut wire = place.session(SUPPORT);
        wire.query("CREATE TABLE made_here (a int)").well();
        wire.query("DROP TABLE made_here").well();
    });
}

#[test]
fn an_execution_in_another_schema_leaves_the_session_where_it_was() {
    let policy = closed_to_reading();
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        place.server.sql("CREATE TABLE hr.orders (id int); INSERT INTO hr.orders VALUES (65010)");
        for flags in crate::place::BOTH_FORMS {
            for sql in [
                "DO 1",
                "SELECT 1",
                "INSERT INTO audit_notes (note) VALUES ('reported')",
                "CREATE TEMPORARY TABLE x (a int)",
            ] {
                let mut wire = place.session_with(SUPPORT, |how| SignIn { flags, ..how });
                let Ok(prepared) = wire.prepare(sql) else { continue };
                wire.init_db("hr").well();
                wire.execute(prepared.id, &[]).well();
                let answer = wire.query("SELECT id FROM orders WHERE id > 65000");
                kept_from(&place, &wire, &answer, "65000");
                assert_eq!(wire.query("SELECT database()").value(), "hr", "{sql}");
            }
        }
        if place.server.flavour().is_mariadb() {
            // It can be prepared here, and what it leaves is the server's to say.
            let mut wire = place.session(SUPPORT);
            let prepared = wire.prepare("USE shop").expect("prepared");
            wire.init_db("hr").well();
            wire.execute(prepared.id, &[]).well();
            let answer = wire.query("SELECT id FROM orders WHERE id > 65000");
            let told = wire.query("SELECT database()").value();
            assert_eq!(answer.errors.is_empty(), told == "shop", "{told}: {answer:?}");
        }
    });
}

#[test]
fn a_reset_takes_the_session_back_to_its_start() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        wire.query("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'").well();
        let prepared = wire.prepare("SELECT 1").expect("prepared");
        wire.query("CREATE TEMPORARY TABLE employees (id int)");
        wire.reset().well();
        assert_eq!(wire.execute(prepared.id, &[]).errors.len(), 1, "statements are gone");
        assert_eq!(wire.query("SELECT count(*) FROM customers").value(), "200");
        refuses(place, &mut wire, "SELECT * FROM hr.employees");
        // MySQL keeps the default schema over a reset, MariaDB too; the judge must know whichever it is.
        let mut all = place.session(&["all"]);
        all.init_db("hr").well();
        all.reset().well();
        let told = all.query("SELECT database()").text();
        let answer = all.query("SELECT count(*) FROM employees");
        assert_eq!(answer.errors.is_empty(), told == ["hr"], "{told:?}: {answer:?}");
        let mut wire = place.session(SUPPORT);
        wire.init_db("hr");
        wire.reset().well();
        let answer = wire.query("SELECT * FROM employees");
        kept_from(place, &wire, &answer, "employees");
    });
    let policy = closed_to_reading();
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        // A name that stands in both schemas, and a default that changed since the sign-in.
        let mut wire = place.session(SUPPORT);
        place.server.sql("CREATE TABLE hr.orders (id int); INSERT INTO hr.orders VALUES (65010)");
        let mut late = place.session(&["all"]);
        eventually("the table is known", std::time::Duration::from_secs(20), || {
            Some(()).filter(|()| late.query("SELECT id FROM hr.orders").errors.is_empty())
        });
        wire.init_db("hr").well();
        refuses(&place, &mut wire, "SELECT * FROM orders");
        wire.reset().well();
        refuses(&place, &mut wire, "SELECT * FROM orders");
        wire.init_db("shop").well();
        wire.query("SELECT id FROM orders WHERE id = 1").well();
        place.server.sql("SET GLOBAL sql_mode = 'ANSI_QUOTES'");
        wire.reset().well();
        assert_eq!(wire.query("SELECT \"region\" FROM shop.customers WHERE id = 1").value(), "AMER");
        no_salary(&place, &mut wire, "a new default");
    });
}

#[test]
fn comments_that_the_server_runs_are_judged_as_code() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        let maria = place.server.flavour().is_mariadb();
        let mut refused = vec![
            "SELECT * FROM /*! hr.employees */",
            "SELECT /*!50000 salary FROM hr.employees */",
            "/*!50000 SELECT * FROM hr.employees */",
            "SELECT 1 /*!50000 UNION SELECT salary FROM hr.employees */",
            "DELETE FROM orders WHERE id = 1 /*! OR 1 = 1 */",
            "DELETE FROM orders /*!99999 WHERE id = 1 */",
            "/*! DELETE FROM orders */",
            "SELECT * FROM hr/*!50000.employees*/",
            "SELECT * FROM customers /*! , */ /*!50000 hr.employees */",
        ];
        if maria {
            refused
                .extend(["SELECT 1 /*M! UNION SELECT salary FROM hr.employees */", "/*M!100100 DELETE FROM orders */"]);
        } else {
            // Six digits are a version of MySQL 8 and later.
            refused.extend(["SELECT 1 /*!080000 UNION SELECT salary FROM hr.employees */"]);
        }
        let found: Vec<String> = refused.into_iter().flat_map(|sql| let_through(place, &mut wire, sql)).collect();
        assert!(found.is_empty(), "{found:#?}");
        assert!(place.ran(wire.id).is_empty());
        // What the server takes for a comment is one.
        let passed = [
            ("SELECT 'a' /* FROM hr.employees */", "a"),
            ("SELECT 'b' /*!999999 FROM hr.employees */", "b"),
            ("SELECT 'c' -- FROM hr.employees", "c"),
            ("SELECT 'd' # FROM hr.employees", "d"),
            ("SELECT 'e' /*!50000 FROM customers WHERE id = 1 */", "e"),
            ("SELECT '/*! FROM hr.employees */'", "/*! FROM hr.employees */"),
        ];
        for (sql, value) in passed {
            assert_eq!(wire.query(sql).value(), value, "{sql}");
        }
        assert_eq!(wire.query("SELECT 5--1").value(), "6");
        assert_eq!(place.ran(wire.id).len(), passed.len() + 1);
    });
}

#[test]
fn a_temporary_table_lends_its_name_only_while_it_stands() {
    each(|place| {
        let mut all = place.session(&["all"]);
        all.query("CREATE TEMPORARY TABLE scratch (a int)").well();
        all.query("INSERT INTO scratch VALUES (1), (2)").well();
        assert_eq!(all.query("SELECT sum(a) FROM scratch").value(), "3");
        let mut wire = place.session(SUPPORT);
        assert_eq!(wire.query("SELECT * FROM scratch").codes(), [1146], "another session's name means nothing");
    });
    let policy = format!(
        "{}\n@id(\"makers\") permit (principal in Group::\"makers\", action == Action::\"ddl\", resource in Schema::\"shop.shop\");",
        closed_to_reading()
    );
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let mut wire = place.session(&["support", "makers"]);
        let made = wire.query("CREATE TEMPORARY TABLE employees (id int, salary int)");
        assert!(made.errors.is_empty(), "{made:?}");
        wire.query("INSERT INTO employees VALUES (1, 2)").well();
        assert_eq!(wire.query("SELECT salary FROM employees").value(), "2");
        // EVASION: the temporary table is `shop.employees`; `hr.employees` is still the real one.
        refuses(&place, &mut wire, "SELECT * FROM hr.employees");
        wire.init_db("hr").well();
        let answer = wire.query("SELECT * FROM employees");
        kept_from(&place, &wire, &answer, "SELECT * FROM employees");
        wire.init_db("shop").well();
        wire.query("DROP TEMPORARY TABLE employees").well();
        assert_eq!(wire.query("SELECT * FROM employees").codes(), [1146]);
        refuses(&place, &mut wire, "CREATE TEMPORARY TABLE hr.employees (id int)");
        refuses(&place, &mut wire, "CREATE TEMPORARY TABLE mine AS SELECT * FROM hr.employees");
        refuses(&place, &mut wire, "CREATE TEMPORARY TABLE mine LIKE hr.employees");
        // A temporary table over a real name, and the real one again after a reset.
        wire.query("CREATE TEMPORARY TABLE products (id int)").well();
        assert_eq!(wire.query("SELECT count(*) FROM products").value(), "0");
        wire.reset().well();
        assert_eq!(wire.query("SELECT count(*) FROM products").value(), "50");
    });
}

#[test]
fn a_drop_that_fails_half_way_ends_temporary_tables() {
    let policy = format!(
        "{}\n@id(\"makers\") permit (principal in Group::\"makers\", action == Action::\"ddl\", resource in Schema::\"shop.shop\");\n\
         @id(\"closed\") forbid (principal in Group::\"makers\", action == Action::\"select\", resource in Table::\"shop.shop.products\");",
        crate::place::POLICY
    );
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let mut wire = place.session(&["support", "makers"]);
        refuses(&place, &mut wire, "SELECT count(*) FROM products");
        wire.query("CREATE TEMPORARY TABLE products (id int)").well();
        assert_eq!(wire.query("SELECT count(*) FROM products").value(), "0");
        let failed = wire.query("DROP TEMPORARY TABLE products, nowhere");
        assert_eq!(failed.codes(), [1051], "{failed:?}");
        // Whether the server dropped the first or not, the real one is not read for it.
        let answer = wire.query("SELECT count(*) FROM products");
        assert_ne!(answer.text(), ["50"], "{:?}", place.server.flavour());
        wire.reset().well();
        refuses(&place, &mut wire, "SELECT count(*) FROM products");
    });
}

#[test]
fn views_carry_what_they_are_made_of() {
    each_with(&Options::default(), &usual(), |place| {
        place.server.sql(
            "CREATE VIEW innocent AS SELECT id, name FROM hr.employees; \
             CREATE VIEW outermost AS SELECT count(*) FROM innocent; \
             CREATE VIEW hr.outside AS SELECT id FROM shop.customers",
        );
        // Made by another session: noticed within the time between two looks at the catalog.
        let mut wire = place.session(SUPPORT);
        eventually("the views are known", std::time::Duration::from_secs(20), || {
            Some(()).filter(|()| wire.query("SELECT * FROM outermost").is_refused())
        });
        for sql in [
            "SELECT * FROM innocent",
            "SELECT * FROM outermost",
            "SELECT 1 FROM `innocent`",
            "SELECT * FROM hr.outside",
        ] {
            refuses(&place, &mut wire, sql);
        }
        assert_eq!(wire.query("SELECT count(*) FROM customer_contacts").value(), "200");
        assert_eq!(wire.query("SELECT count(*) FROM emea_contacts").errors, []);
    });
}

/// Servers keep a view's text in one form, whatever the mode of who made it and of who reads it: names in backticks, texts
/// with backslashes before quotes. That is the form in which the catalog has it read.
#[test]
fn a_views_text_is_the_same_in_every_mode() {
    let modes = ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI,NO_BACKSLASH_ESCAPES"];
    for server in ["", "ANSI,NO_BACKSLASH_ESCAPES"] {
        let options = Options { settings: vec![format!("--sql-mode={server}")], ..Options::default() };
        each_with(&options, &usual(), |place| {
            // Each hides the salaries from who reads its text, as it was written, in the mode without words.
            place.server.sql(
                "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; \
                 CREATE VIEW v1 AS SELECT '\\', (SELECT max(salary) FROM hr.employees) AS b, ' -- \\' AS c; \
                 SET sql_mode = 'ANSI_QUOTES'; \
                 CREATE VIEW v2 AS SELECT 1 AS \"'\", \"salary\" AS \"b'\" FROM \"hr\".\"employees\"; \
                 SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'; \
                 CREATE VIEW v3 AS SELECT '\\' || \"salary\" AS \"a`\" FROM \"hr\".\"employees\" WHERE '\"' <> ' -- \\'; \
                 SET sql_mode = '', sql_quote_show_create = 0; \
                 CREATE VIEW v4 AS SELECT 'it''s \\\\' AS a, salary FROM hr.employees WHERE \"\\\"\" <> '/*'; \
                 SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'; \
                 CREATE VIEW harmless AS SELECT '\\' || \"name\" AS \"it's\" FROM \"customers\" WHERE \"id\" = 3 AND \"name\" <> 'it''s'",
            );
            let definitions = "SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS \
                               WHERE TABLE_SCHEMA = 'shop' ORDER BY TABLE_NAME";
            let told = modes.map(|mode| place.server.sql(&format!("SET sql_mode = '{mode}'; {definitions}")));
            assert!(told.iter().all(|text| *text == told[0]), "{told:#?}");
            for (line, kept) in [("v1", r"' -- \\\\'"), ("v2", "AS `b'`"), ("v3", "AS `a```"), ("v4", r"'it\\'s \\\\'")]
            {
                let line = told[0].lines().find(|text| text.starts_with(line)).expect("the view");
                assert!(line.contains(kept) && !line.contains("\"salary"), "{line}");
            }
            let mut wire = place.session(SUPPORT);
            eventually("the views are known", std::time::Duration::from_secs(20), || {
                Some(()).filter(|()| wire.query("SELECT * FROM harmless").errors.is_empty())
            });
            assert_eq!(wire.query("SELECT * FROM harmless").value(), r"\Customer 3");
            for view in ["v1", "v2", "v3", "v4"] {
                refuses(&place, &mut wire, &format!("SELECT * FROM {view}"));
            }
        });
    }
}

#[test]
fn what_is_prepared_in_sql_is_judged_as_what_it_runs() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        refuses(place, &mut wire, "PREPARE p FROM 'SELECT * FROM hr.employees'");
        wire.query("PREPARE p FROM 'SELECT name FROM customers WHERE id = ?'").well();
        wire.query("SET @id = 3").well();
        assert_eq!(wire.query("EXECUTE p USING @id").value(), "Customer 3");
        wire.query("DEALLOCATE PREPARE p").well();
        assert_eq!(wire.query("EXECUTE p USING @id").errors.len(), 1);
        // Computed text is nothing that could be judged.
        wire.query("SET @sql = 'SELECT * FROM hr.employees'").well();
        let before = place.ran(wire.id);
        let answer = wire.query("PREPARE q FROM @sql");
        assert!(answer.is_refused(), "{answer:?}");
        let answer = wire.query("EXECUTE q");
        assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{answer:?}");
        let answer = wire.query("PREPARE r FROM 'SELECT 1'; EXECUTE r");
        assert!(answer.rows.is_empty() || answer.value() == "1", "{answer:?}");
        if place.server.flavour().is_mariadb() {
            for sql in ["EXECUTE IMMEDIATE @sql", "EXECUTE IMMEDIATE concat('SELECT * FROM ', 'hr.employees')"] {
                assert!(wire.query(sql).is_refused(), "{sql}");
            }
            assert_eq!(wire.query("EXECUTE IMMEDIATE 'SELECT 7'").value(), "7");
        }
        let ran = place.ran(wire.id);
        assert!(!ran[before.len()..].iter().any(|text| text.contains("employees") || text.contains("@sql")), "{ran:?}");
        // A second PREPARE of the name that fails takes the first one away.
        wire.query("PREPARE s FROM 'SELECT 1'").well();
        assert_eq!(wire.query("PREPARE s FROM 'SELECT nosuch FROM customers'").errors.len(), 1);
        assert_eq!(wire.query("EXECUTE s").errors.len(), 1);
    });
}

#[test]
fn a_handler_reads_nothing_that_a_select_could_not() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for sql in ["HANDLER hr.employees OPEN", "HANDLER hr.employees OPEN AS h"] {
            refuses(place, &mut wire, sql);
        }
        let answer = wire.query("HANDLER h READ FIRST");
        kept_from(place, &wire, &answer, "HANDLER");
        let mut all = place.session(&["all"]);
        all.query("HANDLER hr.employees OPEN AS h").well();
        assert_eq!(all.query("HANDLER h READ FIRST").well().rows.len(), 1);
        all.query("HANDLER h CLOSE").well();
    });
}

#[test]
fn stored_programs_are_calls_for_policy() {
    let policy = format!(
        "{}\n@id(\"callers\") permit (principal in Group::\"callers\", action == Action::\"call\", resource == Function::\"shop.shop.restock\");",
        crate::place::POLICY
    );
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let mut wire = place.session(&["support", "callers"]);
        assert_eq!(wire.query("CALL restock(25)").well().rows.len(), 0);
        assert_eq!(wire.query("CALL shop.restock(25)").well().rows.len(), 0);
        for sql in
            ["CALL all_salaries()", "CALL shop.all_salaries", "SELECT customer_ssn(7)", "SELECT note_access('x')"]
        {
            refuses(&place, &mut wire, sql);
        }
        // EVASION: a built-in name with a space before its parenthesis is a stored function's.
        let answer = wire.query("SELECT count (*) FROM customers");
        assert!(answer.rows.is_empty() && answer.errors.len() == 1, "{answer:?}");
    });
}

#[test]
fn a_file_of_the_client_is_loaded_where_policy_allows_it() {
    let options = Options { settings: vec!["--local-infile=ON".into()], ..Options::default() };
    each_with(&options, &usual(), |place| {
        for flags in crate::place::BOTH_FORMS {
            let flags = flags | crate::wire::flag::LOCAL_FILES;
            let mut wire = place.session_with(SUPPORT, |how| SignIn { flags, ..how });
            refuses(&place, &mut wire, "LOAD DATA LOCAL INFILE 'x' INTO TABLE hr.employees");
            let load = "LOAD DATA LOCAL INFILE '/tmp/notes' INTO TABLE audit_notes (who, note)";
            let answer = wire.query(load);
            assert_eq!(answer.files, ["/tmp/notes"], "{answer:?}");
            // What a client sends now is its file, whatever it looks like.
            wire.reply(b"me\tone\nme\t");
            wire.reply(b"\x03SELECT * FROM hr.employees\n");
            wire.reply(b"");
            let answer = wire.answer().well();
            assert_eq!(answer.done, [2], "{answer:?}");
            assert_eq!(
                wire.query("SELECT note FROM audit_notes WHERE note LIKE '%employees%' LIMIT 1").well().rows.len(),
                1
            );
            // An empty file.
            assert_eq!(wire.query(load).files.len(), 1);
            wire.reply(b"");
            assert_eq!(wire.answer().well().done, [0]);
            assert_eq!(wire.query("SELECT 'on'").value(), "on");
        }
    });
}

/// What a temporary table, or a schema of one's own, must not stand before: the salaries of the schema that is closed to
/// reading.
#[test]
fn nothing_of_ones_own_stands_before_a_table_that_is_closed() {
    let setup = Setup { policy: closed_to_reading() + DEFINES, ..usual() };
    each_with(&Options::default(), &setup, |place| {
        let sql = "SELECT * FROM employees";
        let ways: &[&[&str]] = &[
            &["CREATE TEMPORARY TABLE made (a INT)", "ALTER TABLE made RENAME TO shop.employees"],
            &["CREATE TEMPORARY TABLE shop.made (a INT)", "ALTER TABLE shop.made RENAME TO shop.employees"],
            &["CREATE TEMPORARY TABLE made (a INT)", "ALTER TABLE made RENAME TO employees, RENAME TO aside"],
            &["CREATE TEMPORARY TABLE employees (a INT)", "SET ROLE NONE; DROP TEMPORARY TABLE employees"],
            &["CREATE DATABASE pg_catalog", "CREATE TABLE pg_catalog.employees (a INT)"],
        ];
        for way in ways {
            let mut wire = place.session(SUPPORT);
            wire.query("USE hr").well();
            for step in *way {
                let answer = wire.query(step);
                assert!(!answer.is_refused(), "{step}: {answer:?}");
            }
            let answer = wire.query(sql);
            assert!(answer.rows.is_empty(), "{way:?}: {answer:?}");
            // What one made oneself may be read, where it is still there.
            let own = answer.names == ["a"];
            assert!(own || !place.ran(wire.id).iter().any(|text| text == sql), "{way:?}: {answer:?}");
        }
    });
}

#[test]
fn a_name_that_a_procedure_prepared_anew_is_not_the_old_one() {
    let calls = r#"permit (principal in Group::"support", action == Action::"call", resource);"#;
    let setup = Setup { policy: format!("{}\n{calls}", crate::place::POLICY), ..usual() };
    each_with(&Options::default(), &setup, |place| {
        place.server.sql(
            "DELIMITER //\nCREATE PROCEDURE anew() BEGIN PREPARE st FROM 'SELECT name FROM hr.employees'; END //\n\
             CREATE PROCEDURE anew_and_fail() BEGIN PREPARE st FROM 'SELECT name FROM hr.employees'; SELECT nosuch(); END //\n\
             DELIMITER ;",
        );
        let mut wire = place.session(SUPPORT);
        eventually("the procedures are known", std::time::Duration::from_secs(20), || {
            Some(()).filter(|()| wire.query("CALL anew()").errors.is_empty())
        });
        for steps in [
            &["PREPARE st FROM 'SELECT 1'", "CALL anew()", "EXECUTE st"][..],
            &["PREPARE st FROM 'SELECT 1'", "CALL anew_and_fail()", "EXECUTE st"],
            &["PREPARE st FROM 'SELECT 1'; CALL anew(); EXECUTE st"],
        ] {
            let mut wire = place.session(SUPPORT);
            let answers: Vec<Answer> = steps.iter().map(|step| wire.query(step)).collect();
            let last = answers.last().unwrap();
            assert!(last.rows.is_empty() && last.codes() == [1243], "{steps:?}: {answers:?}");
            assert!(!place.ran(wire.id).iter().any(|text| text.contains("EXECUTE st")), "{steps:?}");
        }
        // A statement of the protocol's keeps its meaning.
        let prepared = wire.prepare("SELECT 1").expect("prepared");
        wire.query("CALL anew()").well();
        assert_eq!(wire.execute(prepared.id, &[]).well().rows.len(), 1);
    });
}

const DEFINES: &str = r#"
@id("defines")
permit (principal in Group::"support", action == Action::"ddl", resource);
"#;
