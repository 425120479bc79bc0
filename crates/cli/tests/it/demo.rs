//! The demo as a newcomer meets it: the tour comes to a good end, and nothing is left behind, however it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use portcullis_testkit::postgres::Version;

use crate::support::{portcullis, tell};

/// The demo with its temporary folder in `home`, on the server that `make setup` installs.
fn demo(home: &Path, args: &[&str]) -> Command {
    let mut command = portcullis(home, &[&["demo"], args].concat());
    command.env("TMPDIR", home).env("PORTCULLIS_PG_BIN", Version::V18.bin());
    command
}

/// The server runs as another user where the tests run as root, and must get to its folder.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn the_tour_tells_the_truth_and_cleans_up() {
    let home = home();
    let output = demo(home.path(), &["--tour-only"]).output().unwrap();
    let told = tell(&output);
    assert!(output.status.success(), "{told}");
    for part in [
        "refused by rule \"no-schema-changes\"",
        "refused by rule \"no-blind-writes\"",
        "checked: it names entry",
        "every claim in it was checked",
    ] {
        assert!(told.contains(part), "`{part}` is missing:\n{told}");
    }
    assert!(!told.contains("--- notes"), "something was logged:\n{told}");
    assert!(is_empty(home.path()));
}

#[test]
fn the_url_it_prints_works_and_ctrl_c_ends_all() {
    let home = home();
    let mut demo = serving(home.path());
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let url = told.iter().find_map(|line| line.trim().strip_prefix("DATABASE_URL=")).expect("a URL is printed");
    assert_eq!(value(url, "SELECT email FROM customers WHERE id = 7"), Ok("*".repeat(21)));
    assert_eq!(value(url, "TRUNCATE orders"), Err("42501".to_owned()));
    assert!(!is_empty(home.path()));
    signal(&demo.0, "INT");
    assert!(demo.0.wait().unwrap().success());
    assert!(is_empty(home.path()));
}

#[test]
fn a_killed_demo_leaves_no_server_behind() {
    let home = home();
    let mut demo = serving(home.path());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("Ctrl-C")));
    signal(&demo.0, "KILL");
    demo.0.wait().unwrap();
    let folder = fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path();
    let pid_file = folder.join("postgres/cluster/postmaster.pid");
    let began = Instant::now();
    while pid_file.exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!pid_file.exists(), "the server still runs");
}

#[test]
fn without_a_server_it_says_what_to_do() {
    let home = home();
    let output =
        portcullis(home.path(), &["demo", "--tour-only"]).env("PORTCULLIS_PG_BIN", home.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(tell(&output).contains("PORTCULLIS_PG_BIN: no `initdb` in"), "{}", tell(&output));
}

/// Ends the process if the test does not.
struct Ended(Child);

fn serving(home: &Path) -> Ended {
    let mut demo = demo(home, &["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    Ended(demo.stdout(Stdio::piped()).spawn().unwrap())
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(process: &Child, name: &str) {
    let done = Command::new("kill").arg(format!("-{name}")).arg(process.id().to_string()).status();
    assert!(done.unwrap().success());
}

/// The first value, or the SQLSTATE.
fn value(url: &str, statement: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let answer = client.query(statement, &[]).await;
        answer.map(|rows| rows[0].get(0)).map_err(|error| error.code().expect("a SQLSTATE").code().to_owned())
    })
}
