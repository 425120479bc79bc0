//! Changes under a live session: of policy, by SIGHUP, and of definitions, by somebody else.

use std::time::Duration;

use portcullis_testkit::{Setup, Version};

use crate::place::{Place, each, eventually, usual};
use crate::wire::{bind, execute, parse, sync};

/// Writes another policy and makes the gateway read it, until it says what became of it.
pub fn policy(place: &Place, text: &str) -> String {
    let before = place.gateway.log().len();
    std::fs::write(place.gateway.policy_file(), text).expect("the policy written");
    hup(place);
    eventually("the gateway reloads", Duration::from_secs(10), || {
        let said = place.gateway.log()[before..].to_owned();
        Some(said.clone()).filter(|said| said.to_lowercase().contains("reload") || said.contains("configuration"))
    })
}

fn hup(place: &Place) {
    let pid = place.gateway.pid();
    let done = std::process::Command::new("kill").args(["-HUP", pid.trim()]).status().expect("kill starts");
    assert!(done.success());
}

#[test]
fn a_new_policy_holds_from_the_next_statement_of_a_live_session() {
    let open = "permit (principal, action, resource);";
    let place = Place::with(Version::V18, &Setup { policy: open.into(), ..usual() });
    let mut wire = place.session(&["any"]);
    let sql = "SELECT count(*) FROM hr.employees";
    assert_eq!(wire.query(sql).value(), "20");
    policy(
        &place,
        "@id(\"closed\") forbid (principal, action, resource in Schema::\"shop.hr\"); permit (principal, action, resource);",
    );
    assert_eq!(wire.query(sql).codes(), ["42501"]);
    assert_eq!(wire.query("SELECT count(*) FROM products").value(), "50");
    // A policy that is wrong is rejected whole, and the log says where.
    for wrong in ["permit (principal, action, resource", "permit (principal, action == Action::\"nosuch\", resource);"]
    {
        let said = policy(&place, wrong);
        assert!(said.contains("test.cedar") || said.contains("nosuch"), "{said}");
        assert_eq!(wire.query(sql).codes(), ["42501"], "the old one stays");
        assert_eq!(wire.query("SELECT count(*) FROM products").value(), "50");
    }
    policy(&place, open);
    assert_eq!(wire.query(sql).value(), "20");
    assert_eq!(place.ran(wire.pid).iter().filter(|text| *text == sql).count(), 2);
}

#[test]
fn a_configuration_that_needs_a_restart_is_rejected_and_the_old_one_stays() {
    let place = Place::with(Version::V18, &usual());
    let mut wire = place.session(&["all"]);
    let file = place.gateway.config_file();
    let before = std::fs::read_to_string(&file).expect("the configuration");
    let length = place.gateway.log().len();
    std::fs::write(&file, before.replace("./data", "./elsewhere")).expect("written");
    hup(&place);
    eventually("it is rejected", Duration::from_secs(10), || {
        Some(()).filter(|()| place.gateway.log()[length..].contains("data_dir"))
    });
    assert_eq!(wire.query("SELECT 1").value(), "1");
    assert_eq!(place.session(&["all"]).query("SELECT 1").value(), "1");
}

#[test]
fn a_view_that_another_session_redefines_is_judged_as_it_is_now() {
    each(|place| {
        let view = format!("drifting_{}", place.server.port());
        place.server.psql(&format!("SET ROLE app; CREATE OR REPLACE VIEW {view} AS SELECT 1 AS id, 'x'::text AS name"));
        let mut wire = place.session(&["support"]);
        let sql = format!("SELECT * FROM {view}");
        let seen = eventually("the view is known", Duration::from_secs(10), || {
            Some(wire.query(&sql)).filter(|answer| answer.errors.is_empty())
        });
        assert_eq!(seen.text(), ["1|x"]);
        assert!(wire.say(&[parse("s", &sql), sync()]).errors.is_empty());
        place.server.psql(&format!("CREATE OR REPLACE VIEW {view} AS SELECT id, name FROM hr.employees"));
        // Definitions of others are noticed within the time between two looks at the catalog.
        eventually("the new definition is refused", Duration::from_secs(10), || {
            Some(()).filter(|()| wire.query(&sql).codes() == ["42501"])
        });
        let answer = wire.say(&[bind("", "s", &[], 0), execute("", 0), sync()]);
        assert_eq!(answer.codes(), ["42501"], "what was prepared before: {answer:?}");
        place.server.psql(&format!("DROP VIEW {view}"));
    });
}

#[test]
fn definitions_of_the_session_itself_are_known_at_once() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        let table = format!("made_{}", wire.pid);
        assert!(wire.query(&format!("CREATE TABLE {table} (a int)")).errors.is_empty());
        let mut other = place.session(&["support"]);
        let answer = other.query(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(answer.value(), "0");
        wire.query(&format!("ALTER TABLE {table} SET SCHEMA hr"));
        let answer = other.query(&format!("SELECT count(*) FROM hr.{table}"));
        assert_eq!(answer.codes(), ["42501"], "{answer:?}");
        wire.query(&format!("DROP TABLE hr.{table}"));
    });
}
