//! What `sql_mode` and character sets make of a text and of its results: they are followed through all that changes them,
//! asked for where only the server knows, and refused where nothing could be read or masked any more.

use portcullis_testkit::mysql::Options;

use crate::judging::{SUPPORT, refuses};
use crate::place::{Place, each, each_with, usual};
use crate::session::kept_from;
use crate::wire::{SignIn, Wire};

/// Texts that are harmless in one mode and read salaries in another.
const TWO_FACED: [&str; 4] = [
    "SELECT \"1\" FROM \"hr\".\"employees\"",
    "SELECT '\\' , (SELECT max(salary) FROM hr.employees) -- '",
    "SELECT '\\'', (SELECT max(salary) FROM hr.employees), '' -- '",
    "SELECT \"'\" , (SELECT max(salary) FROM hr.employees) -- \"'",
];

/// Whatever the mode, no salary comes out.
pub fn no_salary(place: &Place, wire: &mut Wire, mode: &str) {
    for sql in TWO_FACED {
        let answer = wire.query(sql);
        let prepared = wire.prepare(sql).map(|prepared| wire.execute(prepared.id, &[]));
        for answer in [answer, prepared.unwrap_or_default()] {
            let shown = answer.text().join("\n");
            assert!(!shown.contains("65010"), "{:?} in {mode}: {sql}: {shown}", place.server.flavour());
        }
        let heard = String::from_utf8_lossy(&wire.heard).into_owned();
        assert!(!heard.contains("65010"), "{mode}: {sql}");
    }
}

#[test]
fn the_servers_default_mode_decides_what_quotes_mean() {
    for mode in ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI,NO_BACKSLASH_ESCAPES", "ANSI", ""] {
        let options = Options { settings: vec![format!("--sql-mode={mode}")], ..Options::default() };
        each_with(&options, &usual(), |place| {
            let mut wire = place.session(SUPPORT);
            no_salary(&place, &mut wire, mode);
            let quoted = wire.query("SELECT \"region\" FROM customers WHERE id = 1");
            let expected = if mode.contains("ANSI") { "AMER" } else { "region" };
            assert_eq!(quoted.value(), expected, "{mode}");
            let escaped = wire.query("SELECT '\\\\'").value();
            assert_eq!(escaped.len(), if mode.contains("BACKSLASH") { 2 } else { 1 }, "{mode}");
            refuses(&place, &mut wire, "SELECT * FROM hr.employees");
        });
    }
}

#[test]
fn a_mode_that_the_session_sets_is_followed_or_refused() {
    each(|place| {
        for set in [
            "SET sql_mode = 'ANSI_QUOTES'",
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
            "SET @@sql_mode = 'ANSI'",
            "SET @@session.sql_mode = concat('ANSI', '_QUOTES')",
            "SET sql_mode = 4",
            "SET @m = 'ANSI_QUOTES', sql_mode = @m",
            "SET sql_mode = (SELECT 'ANSI_QUOTES')",
        ] {
            let mut wire = place.session(SUPPORT);
            wire.query(set);
            no_salary(place, &mut wire, set);
            wire.query("SET sql_mode = DEFAULT");
            no_salary(place, &mut wire, "the default again");
            let mut wire = place.session(SUPPORT);
            let answer = wire.query(&format!("{set}; {}", TWO_FACED[0]));
            assert!(answer.rows.is_empty(), "{set}: {answer:?}");
            let answer = wire.query(&format!("{set}; {}", TWO_FACED[1]));
            assert!(!answer.text().join(" ").contains("65010"), "{set}: {answer:?}");
        }
        let mut all = place.session(&["all"]);
        all.query("SET sql_mode = 'ANSI_QUOTES'").well();
        assert_eq!(all.query("SELECT \"region\" FROM customers WHERE id = 1").value(), "AMER");
        all.query("SET sql_mode = ''").well();
        assert_eq!(all.query("SELECT \"region\"").value(), "region");
        if place.server.flavour().is_mariadb() {
            let mut wire = place.session(SUPPORT);
            let answer = wire.query("SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT * FROM \"hr\".\"employees\"");
            kept_from(place, &wire, &answer, "SET STATEMENT");
            assert!(wire.query("SET sql_mode = 'ORACLE'").is_refused());
        }
        let mut wire = place.session(SUPPORT);
        let answer = wire.query("SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ 1 FROM \"hr\".\"employees\"");
        assert!(answer.rows.is_empty(), "{answer:?}");
    });
}

#[test]
fn what_stands_behind_a_role_or_a_password_is_judged_too() {
    each(|place| {
        // To MySQL these are no lists.
        if !place.server.flavour().is_mariadb() {
            return;
        }
        let mut wire = place.session(SUPPORT);
        let hidden = r"; SELECT '\'; SELECT salary FROM hr.employees LIMIT 1; -- '";
        for set in
            ["ROLE NONE, sql_mode = 'NO_BACKSLASH_ESCAPES'", "ROLE NONE, sql_mode = CONCAT('NO_BACKSLASH', '_ESCAPES')"]
        {
            let answer = wire.query(&format!("SET {set}{hidden}"));
            assert!(answer.is_refused(), "{set}: {answer:?}");
            assert!(place.ran(wire.id).is_empty(), "{set}");
        }
        for sql in [
            "SET ROLE NONE, GLOBAL long_query_time = 12",
            "SET DEFAULT ROLE NONE, GLOBAL long_query_time = 12",
            "SET @a = 1, PASSWORD = ''",
            "SET PASSWORD = '', @a = (SELECT max(salary) FROM hr.employees)",
            "SET ROLE NONE, @a = (SELECT max(salary) FROM hr.employees)",
        ] {
            refuses(place, &mut wire, sql);
        }
        let mut all = place.session(&["all"]);
        all.query("SET ROLE NONE, sql_mode = 'ANSI_QUOTES'").well();
        assert_eq!(all.query("SELECT \"region\" FROM customers WHERE id = 1").value(), "AMER");
        all.query("SET @a = 1, DEFAULT ROLE NONE, sql_mode = ''").well();
        assert_eq!(all.query("SELECT \"region\"").value(), "region");
    });
}

#[test]
fn a_mode_that_the_server_computes_is_asked_for() {
    each(|place| {
        for set in [
            "SET sql_mode = 'ANSI_QUOTES'",
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
            "SET @m = 'ANSI_QUOTES'; SET @@session.sql_mode = @m",
            "SET sql_mode = (SELECT CONCAT(@@sql_mode, ',', 'ANSI')), time_zone = '+00:00'",
            "SET @@sql_mode = x'414E53495F51554F544553'",
        ] {
            let mut wire = place.session(SUPPORT);
            wire.query(set).well();
            // What is a name now is judged as one.
            assert_eq!(wire.query("SELECT \"region\" FROM \"customers\" WHERE \"id\" = 1").value(), "AMER", "{set}");
            refuses(place, &mut wire, "SELECT \"salary\" FROM \"hr\".\"employees\"");
            no_salary(place, &mut wire, set);
            let prepared = wire.prepare("SELECT \"region\" FROM customers WHERE id = 1").expect("prepared");
            assert_eq!(wire.execute(prepared.id, &[]).value(), "AMER", "{set}");
            // Back, in one text with what it changes: that was read in the mode before.
            let answer = wire.query("SET sql_mode = ''; SELECT \"region\"");
            assert!(answer.is_refused(), "{set}: {answer:?}");
            wire.query("SET sql_mode = DEFAULT;").well();
            assert_eq!(wire.query("SELECT \"region\"").value(), "region", "{set}");
        }
        let mut wire = place.session(SUPPORT);
        wire.query("SET sql_mode = CONCAT('NO_BACKSLASH', '_ESCAPES')").well();
        assert_eq!(wire.query(r"SELECT '\\'").value(), r"\\");
        no_salary(place, &mut wire, "NO_BACKSLASH_ESCAPES");
        // What changes nothing for the text may be followed by more of it.
        let answer = wire.query("SET sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'; SELECT 'on'").well();
        assert_eq!(answer.text(), ["on"]);
        let answer = wire.query("SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'); SELECT 'on'");
        assert!(answer.is_refused(), "{answer:?}");
        // A mode that cannot be read, once it is there, reads nothing; a reset ends it.
        if place.server.flavour().is_mariadb() {
            wire.query("SET sql_mode = CONCAT('ORA', 'CLE')").well();
            assert!(wire.query("SELECT 1").is_refused());
            wire.reset().well();
            assert_eq!(wire.query("SELECT 'on'").value(), "on");
        }
    });
}

#[test]
fn what_was_prepared_in_another_mode_is_not_run() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        // MySQL reads the text of a statement anew when its tables changed, in the mode of then.
        let sql = "SELECT '\\', (SELECT max(region) FROM customers) AS a, ' -- \\' AS b";
        let prepared = wire.prepare(sql).expect("prepared");
        wire.query("PREPARE p FROM 'SELECT \"region\"'").well();
        assert_eq!(wire.query("EXECUTE p").value(), "region");
        wire.query("SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'").well();
        let before = place.ran(wire.id);
        assert!(wire.execute(prepared.id, &[]).is_refused());
        assert_eq!(wire.query("EXECUTE p").errors.len(), 1);
        assert_eq!(place.ran(wire.id), before);
        wire.query("SET sql_mode = ''").well();
        assert_eq!(wire.execute(prepared.id, &[]).well().rows.len(), 1);
        assert_eq!(wire.query("EXECUTE p").value(), "region");
    });
}

#[test]
fn a_prepared_text_is_not_another_in_the_connections_character_set() {
    each(|place| {
        // In swe7 there is no backslash: MariaDB prepares a question mark in its place.
        let prepare = r"PREPARE p FROM 'SELECT \'\\\', (SELECT max(salary) FROM hr.employees), \' -- \''";
        for set in [
            "collation_connection = swe7_bin",
            "character_set_connection = swe7",
            "@c = 'swe7'; SET character_set_connection = @c",
        ] {
            let mut wire = place.session(SUPPORT);
            wire.query(&format!("SET {set}")).well();
            let before = place.ran(wire.id);
            let answer = wire.query(prepare);
            assert!(answer.is_refused(), "{set}: {answer:?}");
            wire.query("EXECUTE p");
            assert_eq!(place.ran(wire.id), before, "{set}");
            assert!(!String::from_utf8_lossy(&wire.heard).contains("65010"), "{set}");
            wire.query("SET NAMES utf8mb4").well();
            wire.query(prepare).well();
            assert!(!wire.query("EXECUTE p").text().join(" ").contains("65010"));
        }
    });
}

/// What drivers and tools say before their users say anything, word by word.
const FIRST_WORDS: &[(&str, &[&str])] = &[
    (
        "Rails",
        &[
            "SELECT VERSION()",
            "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci,  @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'),  @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483",
            "SET  @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'),  @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483",
        ],
    ),
    (
        "Connector/J",
        &[
            "/* mysql-connector-j-9.1.0 (Revision: cf2917ea44ae2e43a4514a33771035aa99de73fb) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout",
            "SET character_set_results = NULL",
            "SET autocommit=1",
            "SET sql_mode='STRICT_TRANS_TABLES'",
            "SET sql_mode='ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION,STRICT_TRANS_TABLES'",
            "set session transaction read write",
        ],
    ),
    (
        "Django",
        &[
            "SELECT VERSION(),\n                       @@sql_mode,\n                       @@default_storage_engine,\n                       @@sql_auto_is_null,\n                       @@lower_case_table_names,\n                       CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
            "SET SQL_AUTO_IS_NULL = 0",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET sql_mode='STRICT_TRANS_TABLES'",
        ],
    ),
    (
        "SQLAlchemy",
        &["SELECT DATABASE()", "SELECT @@sql_mode", "SELECT @@lower_case_table_names", "SET AUTOCOMMIT = 0"],
    ),
    (
        "Laravel",
        &[
            "use `shop`;",
            "set names 'utf8mb4' collate 'utf8mb4_unicode_ci'",
            "set session sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', SESSION sql_mode='NO_ENGINE_SUBSTITUTION';",
        ],
    ),
    (
        "Go",
        &[
            "SELECT @@max_allowed_packet",
            "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
            "SET sql_mode = 'TRADITIONAL', time_zone = '+00:00'",
        ],
    ),
    (
        "sqlx",
        &[
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
        ],
    ),
    ("Drupal", &["SET NAMES utf8mb4", "SET sql_mode = 'ANSI,TRADITIONAL'"]),
    ("Latin-1", &["SET NAMES latin1", "SET CHARACTER SET utf8mb4"]),
    (
        "WordPress",
        &[
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'",
            "SELECT @@SESSION.sql_mode",
            "SET SESSION sql_mode='NO_ZERO_IN_DATE'",
        ],
    ),
    (
        "phpMyAdmin",
        &[
            "SELECT @@version, @@version_comment",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci';",
            "SET collation_connection = 'utf8mb4_unicode_ci';",
            "SET lc_messages = 'en_US';",
            "SET SQL_MODE=(SELECT REPLACE(@@sql_mode,'ONLY_FULL_GROUP_BY',''))",
        ],
    ),
    (
        "mysqldump",
        &[
            "/*!40100 SET @@SQL_MODE='' */",
            "/*!40103 SET TIME_ZONE='+00:00' */",
            "/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */",
            "/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */",
            "/*!50503 SET NAMES utf8mb4 */",
            "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */",
            "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */",
            "/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */",
            "/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */",
        ],
    ),
];

#[test]
fn drivers_begin_a_session_of_somebody_who_may_only_read() {
    let policy = format!(
        "{}\n@id(\"readers\") permit (principal in Group::\"readers\", action in [Action::\"connect\", Action::\"read\"], resource in Upstream::\"shop\");
         @id(\"not-hr\") forbid (principal in Group::\"readers\", action, resource in Schema::\"shop.hr\");",
        crate::place::POLICY
    );
    each_with(&Options::default(), &portcullis_testkit::Setup { policy, ..usual() }, |place| {
        let mut failed = Vec::new();
        for (driver, words) in FIRST_WORDS {
            let mut wire = place.session(&["readers"]);
            for text in *words {
                let answer = wire.query(text);
                if !answer.errors.is_empty() {
                    failed.push(format!("{driver}: {text}: {answer:?}"));
                }
            }
            let answer = wire.query("SELECT region FROM customers WHERE id = 1");
            if answer.text() != ["AMER"] {
                failed.push(format!("{driver}: {answer:?}"));
            }
            refuses(&place, &mut wire, "SELECT * FROM hr.employees");
            no_salary(&place, &mut wire, driver);
        }
        assert!(failed.is_empty(), "{failed:#?}");
    });
}

#[test]
fn character_sets_that_hide_quotes_are_refused() {
    each(|place| {
        for charset in ["gbk", "sjis", "big5", "cp932", "euckr", "gb2312", "ujis"] {
            for set in [
                format!("SET NAMES {charset}"),
                format!("SET NAMES '{charset}'"),
                format!("SET CHARACTER SET {charset}"),
                format!("SET character_set_client = {charset}"),
                format!("SET @@session.character_set_client = '{charset}'"),
                format!("set names {charset} collate {charset}_bin"),
            ] {
                let mut wire = place.session(SUPPORT);
                let answer = wire.query(&set);
                assert!(answer.is_refused(), "{set}: {answer:?}");
                assert!(place.ran(wire.id).is_empty(), "{set}");
                // The classic: the backslash is the second byte of a letter, or it is not.
                let answer = wire.query_bytes(b"SELECT '\xbf\\', (SELECT max(salary) FROM hr.employees) -- '");
                assert!(answer.rows.is_empty() || !answer.text().join(" ").contains("65010"), "{answer:?}");
            }
        }
        for allowed in ["SET NAMES utf8mb4", "SET NAMES 'utf8'", "SET character_set_results = utf8mb4"] {
            let mut wire = place.session(SUPPORT);
            let answer = wire.query(allowed);
            assert!(answer.errors.is_empty(), "{allowed}: {answer:?}");
            assert_eq!(wire.query("SELECT 'on'").value(), "on");
            refuses(place, &mut wire, "SELECT * FROM hr.employees");
        }
    });
}

#[test]
fn results_in_a_wide_character_set_are_refused() {
    each(|place| {
        for set in ["character_set_results = ", "@@session.character_set_results := ", "NAMES ", "CHARACTER SET "] {
            for charset in ["utf16", "'ucs2'", "utf32", "utf16le", "gbk", "swe7", "binary"] {
                let mut wire = place.session(SUPPORT);
                let answer = wire.query(&format!("SET {set}{charset}"));
                assert!(answer.is_refused(), "{set}{charset}: {answer:?}");
                assert!(place.ran(wire.id).is_empty(), "{set}{charset}");
                assert_eq!(wire.query("SELECT 'on'").value(), "on");
            }
        }
        // What is computed is seen when it is there.
        let mut wire = place.session(SUPPORT);
        wire.query("SET @cs = 'utf16'").well();
        wire.query("SET character_set_results = @cs").well();
        assert!(wire.query("SELECT email FROM customers WHERE id = 7").is_refused());
        assert!(wire.query("SELECT 'on'").is_refused());
        wire.query("SET character_set_results = utf8mb4").well();
        assert_eq!(wire.query("SELECT 'on'").value(), "on");
        // Who sees everything may have it in any form.
        let mut wire = place.session(&["support", "privacy"]);
        wire.query("SET character_set_results = utf16").well();
        assert_eq!(wire.query("SELECT 'on'").well().rows[0][0].as_deref(), Some(&b"\0o\0n"[..]));
        wire.query("SET character_set_results = @@character_set_client").well();
        assert_eq!(wire.query("SELECT 'on'").value(), "on");
        refuses(place, &mut wire, "SELECT * FROM hr.employees");
    });
}

#[test]
fn a_sign_in_with_a_hiding_character_set_reads_nothing() {
    each(|place| {
        // Collations: gbk_chinese_ci, sjis_japanese_ci, big5_chinese_ci, cp932, utf16, ucs2, utf32.
        for collation in [28, 13, 1, 95, 54, 35, 60] {
            let token = place.gateway.token("ana", SUPPORT);
            let how = SignIn { collation, ..SignIn::clear("ana", &token) };
            let Ok(mut wire) = Wire::try_sign_in(place.gateway.address(), &how) else { continue };
            let answer = wire.query_bytes(b"SELECT '\xbf\\', (SELECT max(salary) FROM hr.employees) -- '");
            assert!(!String::from_utf8_lossy(&wire.heard).contains("65010"), "{collation}: {answer:?}");
            let answer = wire.query("SELECT 1");
            let utf8 = answer.rows.is_empty() || [54, 35, 60].contains(&collation);
            assert!(utf8, "{collation}: text in a hiding character set is not read: {answer:?}");
        }
    });
}

#[test]
fn text_is_read_again_once_the_server_says_how() {
    each(|place| {
        // May do what is not understood, and yet not this: as long as text is read.
        let mut wire = place.session(&["all", "support"]);
        let sql = "SELECT max(salary) FROM hr.employees";
        for set in
            ["SET sql_mode = DEFAULT", "SET @@session.sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')", "SET @a = 1"]
        {
            wire.query(set).well();
            assert!(wire.query(sql).is_refused(), "{set}");
        }
        assert_eq!(wire.query("SELECT \"region\" FROM customers WHERE id = 1").value(), "AMER");
        wire.query("SET NAMES gbk");
        wire.query("SET NAMES utf8mb4").well();
        assert!(wire.query(sql).is_refused(), "it can be read again");
    });
}
