//! What an auditor sees of a MySQL session: its statements, their values, their verdicts.

use std::time::Duration;

use portcullis_testkit::mysql::Options;
use serde_json::Value;

use crate::judging::SUPPORT;
use crate::place::{BOTH_FORMS, Place, each_with, eventually, usual};
use crate::wire::{SignIn, flag};

/// The export of the session that ended last.
pub fn exported(place: &Place) -> String {
    eventually("the session is recorded", Duration::from_secs(10), || {
        let (done, text) = place.portcullis(&["export", "latest"]);
        Some(text).filter(|text| done && text.contains("session_end"))
    })
}

#[test]
fn a_session_is_exported_and_replayed_with_its_verdicts() {
    each_with(&Options::default(), &usual(), |place| {
        let mut wire = place.session(SUPPORT);
        wire.query("SELECT 'first', 2").well();
        let prepared = wire.prepare("SELECT name FROM customers WHERE id = ?").expect("prepared");
        wire.execute(prepared.id, &[Some("7")]).well();
        assert!(wire.query("SELECT salary FROM hr.employees WHERE id = 1").is_refused());
        wire.init_db("shop").well();
        wire.query("SELECT 1; SELECT 'two'").well();
        assert_eq!(wire.query("SELECT 1 FROM").codes(), [1064]);
        wire.query("SELECT * FROM products ORDER BY id").well();
        let ran = place.ran(wire.id);
        wire.command(&[1]);
        drop(wire);
        let text = exported(&place);
        let entries: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |verdict: &str| -> Vec<String> {
            let statements = entries.iter().map(|entry| &entry["statement"]).filter(|s| s["verdict"] == verdict);
            statements.filter_map(|s| s["original"]["text"].as_str().map(str::to_owned)).collect()
        };
        let allowed = of("allow");
        // Each statement of a text has an entry of its own.
        let statements = ran.iter().filter(|text| !text.starts_with("Init DB")).flat_map(|text| text.split("; "));
        for statement in statements {
            // An execution stands in the server's log with its values filled in.
            let filled = statement.replace("'7'", "?");
            assert!(
                [statement, &filled].iter().any(|text| allowed.iter().any(|known| known == text)),
                "`{statement}` is not among {allowed:?}"
            );
        }
        let refused = of("deny").into_iter().chain(of("refuse")).collect::<Vec<_>>();
        assert!(refused.iter().any(|text| text.contains("hr.employees")), "{refused:?} in {text}");
        assert!(!ran.iter().any(|text| text.contains("hr.employees")));
        let (done, shown) = place.portcullis(&["replay", "latest", "--instant"]);
        assert!(done, "{shown}");
        for expected in ["'first', 2", "Customer 7", "no-hr", "salary", "Product 50", "two"] {
            assert!(shown.contains(expected), "`{expected}` is not in\n{shown}");
        }
        let (done, listed) = place.portcullis(&["sessions", "--json"]);
        assert!(done && listed.contains(r#""upstream":"shop""#), "{listed}");
        let (passes, said) = place.portcullis(&["verify"]);
        assert!(passes, "{said}");
    });
}

#[test]
fn what_was_masked_is_replayed_masked() {
    each_with(&Options::default(), &usual(), |place| {
        let mut wire = place.session(SUPPORT);
        wire.query("SELECT email FROM customers WHERE id = 7").well();
        let prepared = wire.prepare("SELECT id, email, created FROM customers WHERE id = 8").expect("prepared");
        wire.execute(prepared.id, &[]).well();
        wire.command(&[1]);
        drop(wire);
        exported(&place);
        let (done, shown) = place.portcullis(&["replay", "latest", "--instant"]);
        assert!(done && !shown.contains("customer7@") && !shown.contains("customer8@"), "{shown}");
        assert!(shown.contains("2024-01-03"), "a time in binary is shown as one: {shown}");
    });
}

/// A MariaDB client that keeps the definitions of its prepared statements is not sent them again.
#[test]
fn rows_of_columns_that_the_client_knows_are_replayed_as_others() {
    for flags in BOTH_FORMS.map(|flags| flags & !flag::MYSQL) {
        each_with(&Options::default(), &usual(), |place| {
            if !place.server.flavour().is_mariadb() {
                return;
            }
            let mut wire = place.session_with(SUPPORT, |how| SignIn { flags, extended: flag::CACHE_METADATA, ..how });
            let sql = "SELECT id, name, created AS since, 'a@b.example' FROM customers WHERE id = ?";
            let prepared = wire.prepare(sql).expect("prepared");
            for id in ["7", "8"] {
                let answer = wire.execute_known(&prepared, &[Some(id)]).well();
                assert_eq!((answer.rows.len(), answer.names.len()), (1, 0), "the definitions came: {answer:?}");
            }
            let opened = wire.open_cursor(prepared.id, &[Some("9")]).well();
            assert!(opened.rows.is_empty(), "{opened:?}");
            assert_eq!(wire.fetch(&prepared, 5).well().rows.len(), 1);
            wire.command(&[1]);
            drop(wire);
            exported(&place);
            let (done, shown) = place.portcullis(&["replay", "latest", "--instant"]);
            assert!(done && !shown.contains(r"\x"), "{shown}");
            for expected in ["Customer 7", "Customer 8", "Customer 9", "2024-01-03", "since"] {
                assert!(shown.contains(expected), "`{expected}` is not in\n{shown}");
            }
            let mut named = shown.lines().filter(|line| line.contains("a@b.example"));
            assert!(named.all(|line| line.contains("SELECT")), "the name of a column is a value: {shown}");
        });
    }
}

#[test]
fn passwords_in_statements_are_not_kept() {
    each_with(&Options::default(), &usual(), |place| {
        let mut wire = place.session(&["all"]);
        for sql in [
            "CREATE USER pat IDENTIFIED BY 'hunter2-one'",
            "ALTER USER pat IDENTIFIED BY 'hunter2-two'",
            "SET PASSWORD FOR pat = 'hunter2-three'",
            "CREATE USER /*!50000 sam IDENTIFIED BY 'hunter2-four' */",
        ] {
            // `app` may not do it; that is the server's to say.
            assert_eq!(wire.query(sql).errors.len(), 1, "{sql}");
            let _ = wire.prepare(sql);
        }
        wire.command(&[1]);
        drop(wire);
        let text = exported(&place);
        assert!(text.contains("CREATE USER pat"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        for file in crate::place::files(place.gateway.data_dir()) {
            let bytes = String::from_utf8_lossy(&std::fs::read(&file).expect("a file")).into_owned();
            assert!(!bytes.contains("hunter2"), "{}", file.display());
        }
    });
}
