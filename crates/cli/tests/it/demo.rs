//! The demo as a newcomer meets it: the tour comes to a good end, and nothing is left behind, however it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use portcullis_testkit::{mysql::Flavour, postgres::Version};

use crate::support::{portcullis, tell};

const POSTGRES: [&str; 2] = ["--protocol", "postgres"];
const MYSQL: [&str; 2] = ["--protocol", "mysql"];

/// What the demo can be shown with here; why it cannot be with MariaDB is told by the testkit.
fn protocols() -> Vec<[&'static str; 2]> {
    let mariadb = Flavour::available_of(&[Flavour::MariaDb]);
    [POSTGRES].into_iter().chain(mariadb.iter().map(|_| MYSQL)).collect()
}

/// The demo with its temporary folder in `home`, on the servers that `make setup` installs.
fn demo(home: &Path, protocol: [&str; 2], args: &[&str]) -> Command {
    let mut command = portcullis(home, &[&["demo"], &protocol[..], args].concat());
    command.env("TMPDIR", home).env("PORTCULLIS_PG_BIN", Version::V18.bin());
    command.env("PORTCULLIS_MARIADB", Flavour::MariaDb.root().join("usr"));
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
    for protocol in protocols() {
        let home = home();
        let output = demo(home.path(), protocol, &["--tour-only"]).output().unwrap();
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
}

#[test]
fn the_url_it_prints_works_and_ctrl_c_ends_all() {
    let home = home();
    let mut demo = serving(home.path(), POSTGRES);
    let told = invitation(&mut demo);
    let url = told.iter().find_map(|line| line.trim().strip_prefix("DATABASE_URL=")).expect("a URL is printed");
    assert_eq!(value(url, "SELECT email FROM customers WHERE id = 7"), Ok("*".repeat(21)));
    assert_eq!(value(url, "TRUNCATE orders"), Err("42501".to_owned()));
    assert!(!is_empty(home.path()));
    signal(&demo.0, "INT");
    assert!(demo.0.wait().unwrap().success());
    assert!(is_empty(home.path()));
}

#[test]
fn the_command_it_prints_for_mariadb_works_and_ctrl_c_ends_all() {
    for flavour in Flavour::available_of(&[Flavour::MariaDb]) {
        let home = home();
        let mut demo = serving(home.path(), MYSQL);
        let told = invitation(&mut demo);
        assert!(told.iter().any(|line| line.trim().starts_with("DATABASE_URL=mysql://pc_")), "{told:#?}");
        let line = told.iter().find_map(|line| line.trim().strip_prefix("mariadb ")).expect("a command is printed");
        let ask = |statement: &str| {
            let mut client = Command::new(flavour.client());
            client.args(["--no-defaults", "--batch", "--skip-column-names"]).args(line.split(' '));
            tell(&client.args(["-e", statement]).output().unwrap())
        };
        let shown = ask("SELECT email FROM customers WHERE id = 7");
        assert!(shown.contains(&format!("--- output\n{}\n", "*".repeat(21))), "{shown}");
        let refused = ask("TRUNCATE orders");
        assert!(refused.contains("ERROR 1142 (42000)") && refused.contains("no-schema-changes"), "{refused}");
        signal(&demo.0, "INT");
        assert!(demo.0.wait().unwrap().success());
        assert!(is_empty(home.path()));
    }
}

#[test]
fn a_killed_demo_leaves_no_server_behind() {
    for protocol in protocols() {
        let home = home();
        let mut demo = serving(home.path(), protocol);
        invitation(&mut demo);
        let folder = fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path().join("server");
        let file = if protocol == POSTGRES { "cluster/postmaster.pid" } else { "pid" };
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let process = Path::new("/proc").join(text.lines().next().unwrap());
        assert!(process.exists());
        signal(&demo.0, "KILL");
        demo.0.wait().unwrap();
        let began = Instant::now();
        while process.exists() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!process.exists(), "the server still runs");
    }
}

#[test]
fn without_a_server_it_says_what_to_do() {
    let home = home();
    for (protocol, variable, missing) in
        [(POSTGRES, "PORTCULLIS_PG_BIN", "`initdb`"), (MYSQL, "PORTCULLIS_MARIADB", "`mariadbd`")]
    {
        let output = demo(home.path(), protocol, &["--tour-only"]).env(variable, home.path()).output().unwrap();
        assert!(!output.status.success());
        assert!(tell(&output).contains(&format!("{variable}: no {missing} in")), "{}", tell(&output));
    }
}

/// Ends the process if the test does not.
struct Ended(Child);

fn serving(home: &Path, protocol: [&str; 2]) -> Ended {
    let mut demo = demo(home, protocol, &["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    Ended(demo.stdout(Stdio::piped()).spawn().unwrap())
}

/// What it says until it waits.
fn invitation(demo: &mut Ended) -> Vec<String> {
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.take_while(|line| !line.starts_with("Ctrl-C")).collect()
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
