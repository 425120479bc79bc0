//! Cancelling: the statement that runs, and never another one.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_testkit::Version;

use crate::place::{Place, each, eventually, shared};
use crate::wire::{Wire, cancel, query};

/// As libpq does: a connection of its own, on which nothing is answered.
fn send_cancel(place: &Place, pid: u32, secret: &[u8]) {
    let mut wire = Wire::open(place.gateway.address());
    wire.send(&cancel(pid, secret));
    assert_eq!(wire.answer().seen, "", "a cancel is never answered");
}

fn runs(place: &Place, pid: u32) {
    let sql = format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}");
    eventually("the statement runs", Duration::from_secs(10), || {
        Some(()).filter(|()| place.server.psql(&sql) == "active")
    });
}

#[test]
fn a_cancel_ends_the_running_statement_and_the_next_one_runs() {
    each(|place| {
        for minor in [0, 2] {
            let token = place.gateway.token("ana", &["all"]);
            let parameters = [("user", "ana"), ("database", "shop")];
            let mut wire = Wire::open(place.gateway.address()).signed_in(&parameters, minor, &token).expect("in");
            assert_eq!(wire.secret.len(), if minor == 0 { 4 } else { 32 }, "the key is as long as the protocol says");
            assert_eq!(wire.query("SELECT pg_backend_pid()").value(), wire.pid.to_string());
            wire.send(&query("SELECT pg_sleep(60)"));
            runs(place, wire.pid);
            let start = Instant::now();
            send_cancel(place, wire.pid, &wire.secret.clone());
            assert_eq!(wire.answer().codes(), ["57014"]);
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
            assert_eq!(wire.query("SELECT 'next'").value(), "next");
        }
    });
}

#[test]
fn a_late_cancel_never_hits_the_next_statement() {
    let place = shared(Version::V18);
    let mut wire = place.session(&["all"]);
    let (pid, secret) = (wire.pid, wire.secret.clone());
    let mut hit = 0;
    for round in 0..60 {
        wire.send(&query(&format!("SELECT pg_sleep(0.00{})", round % 10)));
        let address = place.gateway.address();
        let secret = secret.clone();
        let canceller = std::thread::spawn(move || {
            let mut wire = Wire::open(address);
            wire.send(&cancel(pid, &secret));
            wire.answer();
        });
        let first = wire.answer();
        hit += first.errors.len();
        if round % 2 == 0 {
            canceller.join().expect("sent");
            // The cancel was handed in before this statement was sent, so it must not be for it.
            let next = wire.query("SELECT pg_sleep(0.02)");
            assert!(next.errors.is_empty(), "round {round}: {next:?}");
        } else {
            canceller.join().expect("sent");
            wire.query("SELECT 1");
        }
    }
    assert!(hit < 60, "some statements were faster than their cancel");
}

#[test]
fn a_wrong_key_does_nothing() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        let mut other = place.session(&["all"]);
        wire.send(&query("SELECT pg_sleep(0.6), 'slept'"));
        runs(place, wire.pid);
        let mut near = wire.secret.clone();
        near[3] ^= 1;
        for (pid, secret) in
            [(wire.pid, near), (wire.pid + 1, wire.secret.clone()), (wire.pid, other.secret.clone()), (0, vec![0; 4])]
        {
            send_cancel(place, pid, &secret);
        }
        // The upstream's own key is not known to clients; asking it directly with the gateway's key does nothing either.
        let mut direct = Wire::open(place.server.address());
        direct.send(&cancel(wire.pid, &wire.secret.clone()));
        direct.answer();
        assert_eq!(wire.answer().text(), ["|slept"]);
        assert_eq!(other.query("SELECT 1").value(), "1");
    });
}

#[test]
fn psql_cancels_by_its_own_means_in_either_protocol() {
    let place = shared(Version::V18);
    for protocol in ["3.0", "3.2"] {
        let url = format!("{}?max_protocol_version={protocol}", place.gateway.url("ana", &["all"]));
        let mut psql = Command::new(Version::V18.bin().join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-w",
            &url,
            "-c",
            &format!("SELECT pg_sleep(60) /* {protocol} */"),
            "-c",
            "SELECT 'next'",
        ]);
        let child = psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psql starts");
        let running = format!(
            "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%/* {protocol} */' AND pid <> pg_backend_pid()"
        );
        eventually("the statement runs", Duration::from_secs(10), || {
            Some(()).filter(|()| !place.server.psql(&running).is_empty())
        });
        let start = Instant::now();
        let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill starts");
        assert!(done.success());
        let output = child.wait_with_output().expect("psql ends");
        let said = crate::place::text(&output);
        assert!(said.contains("canceling statement due to user request"), "{protocol}: {said}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(place.server.psql(&running).is_empty());
    }
}
