//! What fails around the gateway, and what fails of the gateway itself: sockets, disks, processes.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_testkit::disk::SmallDisk;
use portcullis_testkit::gateway::recorded_text;
use portcullis_testkit::mysql::{Flavour, Options};
use portcullis_testkit::process::rss;
use portcullis_testkit::{Gateway, Setup, tools};

use crate::place::{Place, each, each_with, eventually, usual};
use crate::wire::{SignIn, Wire, query};

/// A result of so many rows of 1,000 bytes.
fn large(flavour: Flavour, rows: u64) -> String {
    if flavour.is_mariadb() {
        format!("SELECT repeat('x', 1000) FROM seq_1_to_{rows}")
    } else {
        format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) \
             SELECT repeat('x', 1000) FROM n a, n b LIMIT {rows}"
        )
    }
}

#[test]
fn an_upstream_that_dies_ends_the_session_with_an_error() {
    each_with(&Options::default(), &usual(), |mut place| {
        let mut idle = place.session(&["all"]);
        let mut busy = place.session(&["all"]);
        busy.command(&query(&large(place.server.flavour(), 500_000)));
        for _ in 0..10 {
            busy.payload().expect("columns and rows");
        }
        place.server.crash();
        let start = Instant::now();
        // A good end must never be claimed: the rows that came are not all.
        let mut last = Vec::new();
        while let Some(body) = busy.payload() {
            last = body;
        }
        assert_eq!(last.first(), Some(&0xff), "{:?}", String::from_utf8_lossy(&last));
        assert!(idle.ends_within(Duration::from_secs(5)));
        assert!(start.elapsed() < Duration::from_secs(20));
        place.server.restart();
        assert_eq!(place.session(&["all"]).query("SELECT 1").value(), "1");
    });
}

#[test]
fn a_session_that_the_server_kills_ends() {
    each(|place| {
        let mut wire = place.session(&["all"]);
        place.server.sql(&format!("KILL {}", wire.id));
        assert!(wire.ends_within(Duration::from_secs(5)));
        // While a statement runs.
        let mut wire = place.session(&["all"]);
        wire.command(&query("SELECT sleep(60)"));
        let running = format!(
            "SELECT count(*) FROM information_schema.processlist WHERE id = {} AND info LIKE '%sleep%'",
            wire.id
        );
        eventually("it runs", Duration::from_secs(10), || Some(()).filter(|()| place.server.sql(&running) == "1"));
        place.server.sql(&format!("KILL {}", wire.id));
        assert!(wire.ends_within(Duration::from_secs(5)));
    });
}

#[test]
fn a_client_that_dies_ends_the_upstreams_connection() {
    each(|place| {
        let here = |id: u64| format!("SELECT count(*) FROM information_schema.processlist WHERE id = {id}");
        let gone = |id: u64| {
            eventually("the connection ends", Duration::from_secs(10), || {
                Some(()).filter(|()| place.server.sql(&here(id)) == "0")
            });
        };
        let mut wire = place.session(&["all"]);
        let id = wire.id;
        wire.command(&query(&large(place.server.flavour(), 300_000)));
        wire.payload().expect("columns");
        assert_eq!(place.server.sql(&here(id)), "1");
        wire.vanish();
        gone(id);
        // In a transaction: rolled back, its locks are gone.
        let mut wire = place.session(&["all"]);
        let id = wire.id;
        wire.query("BEGIN").well();
        wire.query("UPDATE products SET weight = 77 WHERE id = 3").well();
        wire.vanish();
        gone(id);
        assert_ne!(place.server.sql("SELECT coalesce(weight, 0) FROM products WHERE id = 3"), "77");
        place.server.sql("SET innodb_lock_wait_timeout = 2; UPDATE products SET weight = weight WHERE id = 3");
    });
}

#[test]
fn a_slow_reader_of_a_large_result_slows_only_itself() {
    // Without detectors: this is about queues, and searching a gigabyte takes long in an unoptimised build.
    each_with(&Options::default(), &Setup { extra: String::new(), ..usual() }, |place| {
        let pid = place.gateway.pid();
        let mut wire = place.session(&["all"]);
        let rows = 1_000_000_u64;
        wire.command(&query(&large(place.server.flavour(), rows)));
        // The server is stopped by backpressure: it waits for its client, which is the gateway.
        let state = format!("SELECT state FROM information_schema.processlist WHERE id = {}", wire.id);
        eventually("the server waits", Duration::from_secs(30), || {
            let state = place.server.sql(&state);
            Some(()).filter(|()| matches!(&*state, "Writing to net" | "Sending to client" | "executing"))
        });
        std::thread::sleep(Duration::from_millis(500));
        let stopped = rss(&pid);
        assert!(stopped < 120 << 20, "{stopped} with a reader that does not read");
        assert_eq!(place.session(&["all"]).query("SELECT 'quick'").value(), "quick");
        let mut socket = wire.into_socket();
        let (mut most, mut total, mut piece) = (stopped, 0_u64, vec![0; 1 << 20]);
        while total < rows * 1000 {
            let n = socket.read(&mut piece).expect("data");
            assert!(n > 0, "the connection ended");
            total += n as u64;
            if total % 7 == 0 {
                most = most.max(rss(&pid));
            }
        }
        assert!(most < 120 << 20, "{most}");
    });
}

/// Statements with a text of their own each, on several sessions, until the gateway is gone.
fn load(gateway: &Gateway, sessions: usize, until: usize) -> Vec<std::thread::JoinHandle<()>> {
    let sent = std::sync::Arc::new(AtomicUsize::new(0));
    let (address, token) = (gateway.address(), gateway.token("ana", &["all"]));
    let of = |session: usize| {
        let (token, sent) = (token.clone(), sent.clone());
        std::thread::spawn(move || {
            let mut wire = Wire::try_sign_in(address, &SignIn::clear("ana", &token)).expect("in");
            for n in 0.. {
                let sql = format!("SELECT {n} AS n /* load {session}/{n} */");
                let ended = if n % 2 == 0 {
                    wire.query(&sql).ended
                } else {
                    match wire.prepare(&sql) {
                        Ok(prepared) => {
                            let ended = wire.execute(prepared.id, &[]).ended;
                            wire.close(prepared.id);
                            ended
                        }
                        Err(_) => true,
                    }
                };
                if ended {
                    return;
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let threads = (0..sessions).map(of).collect();
    eventually("the load runs", Duration::from_secs(60), || Some(()).filter(|()| sent.load(Ordering::Relaxed) > until));
    threads
}

#[test]
fn after_a_kill_every_statement_of_the_server_is_in_the_recording() {
    each_with(&Options::default(), &usual(), |mut place| {
        let threads = load(&place.gateway, 4, 400);
        place.gateway.kill();
        threads.into_iter().for_each(|thread| thread.join().expect("a session's end"));
        place.server.log_when_all_left();
        let ran: Vec<String> =
            place.server.log().texts().into_iter().filter(|text| text.contains("/* load ")).collect();
        assert!(ran.len() > 400);
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
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be seen in the run's output")]
fn a_full_disk_refuses_statements_and_heals() {
    if !tools::running_as_root() {
        return eprintln!("skipped: only root can mount a small file system to fill");
    }
    each_with(&Options::default(), &usual(), |mut place: Place| {
        place.gateway.kill();
        let Some(disk) = SmallDisk::over(place.gateway.data_dir()) else {
            return eprintln!("skipped: no file system may be mounted here");
        };
        place.gateway.restart();
        let mut wire = place.session(&["all"]);
        assert_eq!(wire.query("SELECT 'room'").value(), "room");
        let known = wire.prepare("SELECT 'unrecorded'").expect("prepared");
        let before = place.ran(wire.id);
        let ballast = disk.fill();
        let filler = "x".repeat(20_000);
        let refused = (0..500).find_map(|n| {
            let answer = wire.query(&format!("SELECT {n} /* full {filler} */"));
            (!answer.errors.is_empty()).then_some((n, answer))
        });
        let (n, answer) = refused.expect("a full disk refuses");
        assert!(answer.errors[0].text.contains("could not be recorded"), "{answer:?}");
        assert!(!place.ran(wire.id).iter().any(|text| text.starts_with(&format!("SELECT {n} "))), "it ran unrecorded");
        assert!(wire.prepare(&format!("SELECT 'unrecorded' /* {filler} */")).is_err());
        let filled = format!("{}{filler}", "y");
        assert!(!wire.query(&format!("SELECT 'unrecorded', '{filled}'")).errors.is_empty());
        assert!(place.ran(wire.id).len() >= before.len());
        std::fs::remove_file(&ballast).expect("room again");
        eventually("it heals", Duration::from_secs(10), || {
            Some(()).filter(|()| wire.query("SELECT 'healed'").text() == ["healed"])
        });
        assert_eq!(wire.execute(known.id, &[]).well().rows.len(), 1);
        let ran = place.ran(wire.id);
        let (_, exported) = place.portcullis(&["export"]);
        let recorded: HashSet<String> = exported.lines().filter_map(recorded_text).collect();
        assert!(ran.iter().all(|text| recorded.contains(text)), "what ran is recorded");
        drop((wire, place, disk));
    });
}

#[test]
fn a_stop_ends_idle_sessions_and_lets_a_transaction_finish() {
    each_with(&Options::default(), &usual(), |mut place| {
        let mut idle = place.session(&["all"]);
        let mut busy = place.session(&["all"]);
        busy.query("BEGIN").well();
        busy.query("INSERT INTO audit_notes (note) VALUES ('drained')").well();
        place.gateway.process().signal("TERM");
        assert!(idle.ends_within(Duration::from_secs(5)));
        let heard = String::from_utf8_lossy(&idle.heard).into_owned();
        assert!(heard.contains("stopping") || heard.contains("08S01"), "{heard}");
        assert_eq!(busy.query("SELECT 'still'").value(), "still");
        busy.query("COMMIT").well();
        assert!(busy.ends_within(Duration::from_secs(5)));
        assert_eq!(place.server.sql("SELECT count(*) FROM audit_notes WHERE note = 'drained'"), "1");
        assert_eq!(place.gateway.process().wait(Duration::from_secs(10)), Some(0), "{}", place.gateway.log());
    });
}
