//! What fails around the gateway, and what fails of the gateway itself: sockets, disks, processes.

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_testkit::disk::SmallDisk;
use portcullis_testkit::gateway::recorded_text;
use portcullis_testkit::process::rss;
use portcullis_testkit::{Gateway, Server, Setup, Version, tools};

use crate::place::{Place, each, eventually, usual};
use crate::wire::{Wire, query};

#[test]
fn an_upstream_that_dies_ends_the_session_with_an_error() {
    for version in Version::available() {
        let mut place = Place::with(version, &usual());
        let mut idle = place.session(&["all"]);
        let mut busy = place.session(&["all"]);
        busy.send(&query("SELECT repeat('x', 1000) FROM generate_series(1, 2000000)"));
        assert_eq!(busy.message().expect("columns").0, 'T');
        assert_eq!(busy.message().expect("a row").0, 'D');
        place.server.crash();
        let start = Instant::now();
        // What the server said last, or that it is gone; but never a good end.
        let answer = busy.answer();
        assert!(answer.done.is_empty() && answer.status == ' ', "{:?} {:?}", answer.done, answer.status);
        assert!(matches!(answer.codes().last(), Some(&("57P01" | "57P02" | "08006"))), "{:?}", answer.codes());
        assert!(matches!(idle.answer().codes().last(), Some(&("57P01" | "57P02" | "08006"))));
        assert!(start.elapsed() < Duration::from_secs(10));
        place.server.restart();
        assert_eq!(place.session(&["all"]).query("SELECT 1").value(), "1");
    }
}

#[test]
fn a_client_that_dies_ends_the_upstreams_connection() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {}", wire.pid);
        wire.send(&query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"));
        wire.message().expect("columns");
        assert_eq!(place.server.psql(&gone), "1");
        wire.vanish();
        eventually("the connection ends", Duration::from_secs(5), || {
            Some(()).filter(|()| place.server.psql(&gone) == "0")
        });
        // In a transaction: rolled back, its locks are gone.
        let mut wire = place.session(&["all"]);
        wire.query("BEGIN");
        wire.query("LOCK TABLE products IN EXCLUSIVE MODE");
        let locked = format!(
            "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND locktype = 'relation' AND pid = {}",
            wire.pid
        );
        assert_eq!(place.server.psql(&locked), "1");
        wire.vanish();
        eventually("the lock goes", Duration::from_secs(5), || Some(()).filter(|()| place.server.psql(&locked) == "0"));
    });
}

#[test]
fn a_slow_reader_of_a_large_result_slows_only_itself() {
    // Without detectors: this is about queues, and searching 300 MB takes long in an unoptimised build.
    let place = Place::with(Version::V18, &Setup { extra: String::new(), ..usual() });
    let pid = place.gateway.pid();
    let mut wire = place.session(&["support"]);
    let backend = wire.pid;
    let rows = 300_000_u64;
    wire.send(&query(&format!("SELECT repeat('x', 1000) FROM generate_series(1, {rows})")));
    // The server is stopped by backpressure: it waits for its client, which is the gateway.
    let waits = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {backend}");
    eventually("the server waits", Duration::from_secs(20), || {
        Some(()).filter(|()| place.server.psql(&waits) == "ClientWrite")
    });
    let stopped = rss(&pid);
    assert!(stopped < 100 << 20, "{stopped} with a reader that does not read");
    assert_eq!(place.session(&["support"]).query("SELECT 'quick'").value(), "quick");
    let mut socket = wire.into_socket();
    let (mut most, mut total, mut piece) = (stopped, 0_u64, vec![0; 1 << 20]);
    let mut tail = Vec::new();
    while !tail.ends_with(b"Z\0\0\0\x05I") {
        let n = socket.read(&mut piece).expect("data");
        assert!(n > 0, "the connection ended");
        total += n as u64;
        tail.extend_from_slice(&piece[..n]);
        tail.drain(..tail.len().saturating_sub(64));
        if total % 7 == 0 {
            most = most.max(rss(&pid));
        }
    }
    assert!(total > rows * 1000, "{total}");
    most = most.max(rss(&pid));
    assert!(most < 100 << 20, "{most}");
}

/// Statements with a text of their own each, on several sessions, until the gateway is gone.
fn load(gateway: &Gateway, sessions: usize, until: usize) -> Vec<std::thread::JoinHandle<()>> {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    let (address, token) = (gateway.address(), gateway.token("ana", &["all"]));
    let of = |session: usize| {
        let token = token.clone();
        std::thread::spawn(move || {
            let mut wire = Wire::try_sign_in(address, "ana", &token).expect("in");
            for n in 0.. {
                let sql = format!("SELECT {n} AS n /* load {session}/{n} */");
                let answer = if n % 2 == 0 { wire.query(&sql) } else { wire.say(&[crate::wire::extended(&sql, &[])]) };
                if answer.status == ' ' {
                    return;
                }
                SENT.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let threads = (0..sessions).map(of).collect();
    eventually("the load runs", Duration::from_secs(20), || Some(()).filter(|()| SENT.load(Ordering::Relaxed) > until));
    threads
}

#[test]
fn after_a_kill_every_statement_of_the_server_is_in_the_recording() {
    let mut place = Place::with(Version::V18, &usual());
    let threads = load(&place.gateway, 4, 600);
    place.gateway.kill();
    threads.into_iter().for_each(|thread| thread.join().expect("a session's end"));
    let marked = |text: &String| text.contains("/* load ");
    let ran: Vec<String> = eventually("the server is quiet", Duration::from_secs(5), || {
        let before = place.server.texts().len();
        std::thread::sleep(Duration::from_millis(100));
        let texts = place.server.texts();
        Some(texts.iter().filter(|t| marked(t)).cloned().collect()).filter(|_| texts.len() == before)
    });
    assert!(ran.len() > 600);
    let (passes, said) = place.portcullis(&["verify"]);
    assert!(passes, "{said}");
    assert!(said.contains("not closed") || said.contains("cut off"), "{said}");
    let (_, exported) = place.portcullis(&["export"]);
    let recorded: HashSet<String> = exported.lines().filter_map(recorded_text).collect();
    let missing: Vec<&String> = ran.iter().filter(|text| !recorded.contains(*text)).collect();
    assert!(missing.is_empty(), "{} of {} are missing: {missing:?}", missing.len(), ran.len());
    // It comes back on the same folder and goes on recording, and what was there stays whole.
    place.gateway.restart();
    assert_eq!(place.session(&["all"]).query("SELECT 'again'").value(), "again");
    let (passes, said) = place.portcullis(&["verify"]);
    assert!(passes, "{said}");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be seen in the run's output")]
fn a_full_disk_refuses_statements_and_heals() {
    if !tools::running_as_root() {
        return eprintln!("skipped: only root can mount a small file system to fill");
    }
    let mut place = Place::with(Version::V18, &usual());
    place.gateway.kill();
    let Some(disk) = SmallDisk::over(place.gateway.data_dir()) else {
        return eprintln!("skipped: no file system may be mounted here");
    };
    place.gateway.restart();
    let mut wire = place.session(&["all"]);
    assert_eq!(wire.query("SELECT 'room'").value(), "room");
    let ballast = disk.fill();
    let filler = "x".repeat(20_000);
    let mut refused = None;
    for n in 0..500 {
        let answer = wire.query(&format!("SELECT {n} /* full {filler} */"));
        if !answer.errors.is_empty() {
            refused = Some((n, answer));
            break;
        }
    }
    let (n, answer) = refused.expect("a full disk refuses");
    assert_eq!((answer.codes(), answer.status), (vec!["53100"], 'I'), "{answer:?}");
    assert!(!place.ran(wire.pid).iter().any(|text| text.starts_with(&format!("SELECT {n} "))), "it ran unrecorded");
    let answer = wire.say(&[crate::wire::extended(&format!("SELECT 'unrecorded' /* {filler} */"), &[])]);
    assert_eq!(answer.codes(), ["53100"], "{answer:?}");
    std::fs::remove_file(&ballast).expect("room again");
    eventually("it heals", Duration::from_secs(10), || {
        Some(()).filter(|()| wire.query("SELECT 'healed'").text() == ["healed"])
    });
    let ran: Vec<String> = place.ran(wire.pid);
    let (_, exported) = place.portcullis(&["export"]);
    let recorded: HashSet<String> = exported.lines().filter_map(recorded_text).collect();
    assert!(ran.iter().all(|text| recorded.contains(text)), "what ran is recorded");
    assert!(!ran.iter().any(|text| text.contains("unrecorded")));
    drop((wire, place, disk));
}

#[test]
fn a_stop_ends_idle_sessions_and_lets_a_transaction_finish() {
    let server = Server::usual(Version::V18);
    let mut gateway = Gateway::start(&server, &usual());
    let sign_in =
        |gateway: &Gateway| Wire::try_sign_in(gateway.address(), "ana", &gateway.token("ana", &["all"])).expect("in");
    let mut idle = sign_in(&gateway);
    let mut busy = sign_in(&gateway);
    busy.query("BEGIN");
    busy.query("INSERT INTO audit_notes (note) VALUES ('drained')");
    gateway.process().signal("TERM");
    let last = idle.answer();
    assert_eq!((last.codes(), last.status), (vec!["57P01"], ' '), "{last:?}");
    // New ones are not taken any more.
    assert!(
        TcpStream::connect(gateway.address()).map_or(true, |_| {
            Wire::try_sign_in(gateway.address(), "ana", &gateway.token("ana", &["all"])).is_err()
        })
    );
    assert_eq!(busy.query("SELECT 'still'").value(), "still");
    assert_eq!(busy.query("COMMIT").done, ["COMMIT"]);
    let last = busy.answer();
    assert_eq!((last.codes(), last.status), (vec!["57P01"], ' '), "{last:?}");
    assert_eq!(server.psql("SELECT count(*) FROM audit_notes WHERE note = 'drained'"), "1");
    assert_eq!(gateway.process().wait(Duration::from_secs(10)), Some(0), "{}", gateway.log());
}

#[test]
fn a_stop_ends_what_does_not_finish_by_its_deadline() {
    let extra = format!("{}\n[limits]\ndrain_deadline = \"1s\"\n", crate::place::DETECT);
    let server = Server::usual(Version::V18);
    let mut gateway = Gateway::start(&server, &Setup { extra, ..usual() });
    let mut busy = Wire::try_sign_in(gateway.address(), "ana", &gateway.token("ana", &["all"])).expect("in");
    busy.send(&query("SELECT pg_sleep(60) /* drained */"));
    eventually("it runs", Duration::from_secs(10), || Some(()).filter(|()| server.log().contains("/* drained */")));
    let start = Instant::now();
    gateway.process().signal("TERM");
    let last = busy.answer();
    assert_eq!((last.codes().last().copied(), last.status), (Some("57P01"), ' '), "{last:?}");
    assert_eq!(gateway.process().wait(Duration::from_secs(10)), Some(0), "{}", gateway.log());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%drained%' AND pid <> pg_backend_pid() AND state = 'active'";
    eventually("the statement is cancelled", Duration::from_secs(2), || {
        Some(()).filter(|()| server.psql(running) == "0")
    });
}
