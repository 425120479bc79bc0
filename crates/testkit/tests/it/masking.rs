//! What detectors find is overwritten wherever a value can come out, and nowhere else.
//!
//! The judge is the bytes themselves: everything that came over the wire is searched for the values that must not be in it.

use std::sync::Arc;

use portcullis_testkit::{Server, Setup, Version, tools};

use crate::place::{DETECT, Place, each, eventually};
use crate::wire::{Answer, Wire, bind, describe, execute, extended, parse, sync};

/// Everything is permitted but to see secrets; `privacy` sees them too.
const POLICY: &str = r#"
permit (principal, action, resource) unless { action == Action::"reveal" };
permit (principal in Group::"privacy", action == Action::"reveal", resource);
"#;

const EMAIL: &str = "customer7@example.com";

struct Masked {
    place: Place,
    card: String,
    ssn: String,
}

impl Masked {
    fn on(version: Version) -> Self {
        let place = Place::with(version, &Setup { policy: POLICY.into(), extra: DETECT.into(), ..Setup::default() });
        let card = place.server.psql("SELECT card FROM customers WHERE id = 7");
        let ssn = place.server.psql("SELECT ssn FROM customers WHERE id = 7");
        assert_eq!((card.len(), ssn.len()), (16, 11));
        Self { place, card, ssn }
    }

    /// Which secrets stand in what a session heard.
    fn leaked(&self, wire: &Wire) -> Vec<&str> {
        let secrets = [EMAIL, &self.card, &self.ssn];
        secrets.into_iter().filter(|secret| contains(&wire.heard, secret.as_bytes())).collect()
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    // Whatever is no text becomes another letter; a needle of ASCII stays where it is. Much faster than windows.
    String::from_utf8_lossy(hay).contains(std::str::from_utf8(needle).expect("ASCII"))
}

fn each_masked(test: impl Fn(&Masked)) {
    for version in Version::available() {
        test(&Masked::on(version));
    }
}

fn in_both_formats(wire: &mut Wire, sql: &str) -> [Answer; 3] {
    let steps =
        |format| [parse("", sql), bind("", "", &[], format), describe('P', ""), execute("", 0), sync()].concat();
    [wire.query(sql), wire.say(&[steps(0)]), wire.say(&[steps(1)])]
}

#[test]
fn values_are_overwritten_in_text_and_in_binary_and_keep_their_length() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        let mut privileged = masked.place.session(&["privacy"]);
        for sql in [
            "SELECT card, ssn, email FROM customers WHERE id = 7".to_owned(),
            "SELECT 'before ' || email || ', ' || card || ' after' FROM customers WHERE id = 7".to_owned(),
            "SELECT c FROM customers c WHERE id = 7".to_owned(),
            "SELECT row(email, card) FROM customers WHERE id = 7".to_owned(),
            "SELECT array_agg(email ORDER BY id) FROM customers WHERE id < 9".to_owned(),
            "SELECT profile FROM customers WHERE id = 7".to_owned(),
            "SELECT profile->>'contact' FROM customers WHERE id = 7".to_owned(),
            "SELECT row_to_json(c), to_jsonb(c) FROM customers c WHERE id = 7".to_owned(),
            format!("SELECT '{{\"a\": \"{}\"}}'::json", EMAIL.replace('@', "\\u0040")),
            "SELECT repeat('x', 300000) || ' ' || email || ' ' || repeat('y', 300000) FROM customers WHERE id = 7"
                .to_owned(),
            "SELECT email::varchar(100), card::char(20), email::name, email::text FROM customers WHERE id = 7"
                .to_owned(),
            "UPDATE customers SET name = name WHERE id = 7 RETURNING email, card, ssn".to_owned(),
            "EXPLAIN SELECT * FROM customers WHERE email = 'customer7@example.com'".to_owned(),
        ] {
            let seen = in_both_formats(&mut wire, &sql);
            let known = in_both_formats(&mut privileged, &sql);
            for (seen, known) in seen.iter().zip(&known) {
                assert!(seen.errors.is_empty(), "{sql}: {seen:?}");
                assert_ne!(seen.rows, known.rows, "{sql}: nothing was masked");
                let lengths = |answer: &Answer| -> Vec<Vec<Option<usize>>> {
                    answer.rows.iter().map(|row| row.iter().map(|c| c.as_ref().map(Vec::len)).collect()).collect()
                };
                assert_eq!(lengths(seen), lengths(known), "{sql}");
            }
            assert!(masked.leaked(&wire).is_empty(), "{sql}: {:?}", masked.leaked(&wire));
        }
        assert!(!contains(&wire.heard, br"customer7\u0040example.com"), "escaped");
        assert_eq!(masked.leaked(&privileged).len(), 3, "the values are there for whom may see them");
    });
}

#[test]
fn copies_are_overwritten_in_every_format() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        for sql in [
            "COPY customers TO STDOUT",
            "COPY customers TO STDOUT (FORMAT csv, HEADER)",
            "COPY customers TO STDOUT (FORMAT binary)",
            "COPY (SELECT email, card, ssn FROM customers ORDER BY id) TO STDOUT",
        ] {
            let answer = wire.query(sql);
            assert!(answer.errors.is_empty() && answer.copied.len() > 5_000, "{sql}: {answer:?}");
            assert!(masked.leaked(&wire).is_empty(), "{sql}: {:?}", masked.leaked(&wire));
            assert!(!contains(&wire.heard, b"@example.com"), "{sql}");
        }
    });
}

#[test]
fn errors_notices_and_notifications_are_overwritten() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        wire.query("CREATE TEMP TABLE wallets (card text UNIQUE, email text)");
        let insert = format!("INSERT INTO wallets VALUES ('{}', '{EMAIL}')", masked.card);
        assert!(wire.query(&insert).errors.is_empty());
        for answer in [wire.query(&insert), wire.say(&[extended(&insert, &[])])] {
            assert_eq!(answer.codes(), ["23505"], "{answer:?}");
            let detail = answer.errors[0].0.get(&'D').cloned().unwrap_or_default();
            assert!(detail.contains("Key (card)"), "the rest of the words stays: {detail}");
        }
        for sql in [
            "SELECT email::int FROM customers WHERE id = 7".to_owned(),
            "SELECT card::point FROM customers WHERE id = 7".to_owned(),
            format!("DO $$ BEGIN RAISE NOTICE 'of %', '{EMAIL}'; END $$"),
            format!("DO $$ BEGIN RAISE EXCEPTION 'of %', '{}' USING HINT = '{EMAIL}'; END $$", masked.card),
        ] {
            let answer = wire.query(&sql);
            assert!(answer.errors.len() + answer.notices.len() == 1, "{sql}: {answer:?}");
        }
        wire.query("LISTEN told");
        let answer = wire.query(&format!("NOTIFY told, 'from {EMAIL}'"));
        let told = if answer.told.is_empty() { wire.query("SELECT 1").told } else { answer.told };
        assert_eq!(told.len(), 1);
        assert!(told[0].1.starts_with("from "), "{told:?}");
        assert!(masked.leaked(&wire).is_empty(), "{:?}", masked.leaked(&wire));
    });
}

#[test]
fn a_notification_of_another_session_is_overwritten_while_the_client_idles() {
    each_masked(|masked| {
        let mut wire = masked.place.session(&["staff"]);
        wire.query("LISTEN told");
        masked.place.server.psql(&format!("NOTIFY told, '{EMAIL}'"));
        let (tag, _) = wire.message().expect("a notification");
        assert_eq!(tag, 'A');
        assert!(masked.leaked(&wire).is_empty());
    });
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    each(|place| {
        let mut wire = place.session(&["support"]);
        let mut all = place.session(&["all"]);
        for sql in [
            "SELECT id, name, tags, avatar, created FROM customers ORDER BY id",
            "SELECT * FROM products ORDER BY id",
            "SELECT '4111111111111112', 'not@', '@example.com', '999-99-999'",
        ] {
            assert_eq!(wire.query(sql).rows, all.query(sql).rows, "{sql}");
        }
    });
}

#[test]
fn the_record_knows_that_values_were_overwritten_and_does_not_keep_them() {
    let masked = Masked::on(Version::V18);
    let mut wire = masked.place.session(&["staff"]);
    wire.query("SELECT card, ssn, email FROM customers WHERE id = 7");
    drop(wire);
    let exported = eventually("the session is recorded", std::time::Duration::from_secs(5), || {
        let (_, exported) = masked.place.portcullis(&["export", "latest"]);
        Some(exported).filter(|text| text.contains("session_end"))
    });
    assert!(exported.contains(r#""masked":3"#), "{exported}");
    for file in crate::place::files(masked.place.gateway.data_dir()) {
        let bytes = std::fs::read(&file).expect("a file");
        for secret in [EMAIL, &masked.card, &masked.ssn] {
            assert!(!contains(&bytes, secret.as_bytes()), "{secret} in {}", file.display());
        }
    }
}

#[test]
fn psql_shows_masked_values_as_a_table() {
    let server = Arc::new(Server::usual(Version::V18));
    let setup = Setup { policy: POLICY.into(), extra: DETECT.into(), ..Setup::default() };
    let gateway = portcullis_testkit::Gateway::start(&*server, &setup);
    assert!(tools::dir().exists());
    let output = crate::place::psql(
        Version::V18,
        &gateway.url("ana", &["staff"]),
        &["SELECT email FROM customers WHERE id = 7"],
    );
    let shown = crate::place::text(&output);
    assert_eq!(shown.trim_end().chars().count(), EMAIL.len(), "{shown}");
    assert!(!shown.contains("customer7"), "{shown}");
}
