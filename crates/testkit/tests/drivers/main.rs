//! Every driver sees the same through the gateway, under a permit-all policy, as it sees directly.
//!
//! Each runs its script directly and then through the gateway, on the same server, as the same role of it; whatever it
//! saw, errors with all their fields included, must be equal (DESIGN, section 1, promise 7). The scripts of drivers in
//! other languages are in `tests/drivers`.

mod mysql;
mod mysql_async;
mod mysql_ways;
mod sqlx;
mod sqlx_mysql;
mod tap;
mod tokio_postgres;
mod transcript;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portcullis_testkit::{Gateway, Server, Version, tools};
use tokio::runtime::Runtime;

/// Runs `script` directly and through the gateway on every version, and compares line by line.
fn sees_the_same(script: impl Fn(Version, &str) -> String) {
    for version in Version::available() {
        let server = Server::usual(version);
        let gateway = Gateway::permit_all(&server);
        let direct = script(version, &server.url());
        let through = script(version, &gateway.url("ana", &["staff"]));
        compare(&format!("{version:?}"), &direct, &through, &gateway);
    }
}

/// Line by line, so that the first difference is what is shown.
fn compare(place: &str, direct: &str, through: &str, gateway: &Gateway) {
    assert!(direct.lines().count() > 5, "{place}: the script did not run:\n{direct}");
    for (direct, through) in direct.lines().zip(through.lines()) {
        assert_eq!(direct, through, "{place}; the gateway said:\n{}", gateway.log());
    }
    assert_eq!(direct.lines().count(), through.lines().count(), "{place}");
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/drivers")
}

/// A script that is still not done has hung: drivers and the gateway can wait for each other for ever.
const ENDS_WITHIN: Duration = Duration::from_secs(240);

/// A command that is killed when it does not end.
fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(ENDS_WITHIN.as_secs().to_string()).arg(program);
    command
}

fn finish(script: impl Future<Output = String>) -> String {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(ENDS_WITHIN, script).await.expect("the script ends in time") })
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("the driver's script starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} (124: it did not end in time)\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("a transcript is text")
}

fn python(driver: &str, version: Version, url: &str) -> String {
    let mut command = bounded(tools::python());
    command.arg(scripts().join("run.py")).args([driver, url, "--client"]).arg(version.bin().join("psql"));
    output(command.env("PYTHONDONTWRITEBYTECODE", "1"))
}

#[test]
fn psql_sees_the_same() {
    sees_the_same(|version, url| python("psql", version, url));
}

#[test]
fn psycopg_sees_the_same() {
    sees_the_same(|version, url| python("psycopg", version, url));
}

#[test]
fn asyncpg_sees_the_same() {
    sees_the_same(|version, url| python("asyncpg", version, url));
}

#[test]
fn sqlalchemy_sees_the_same() {
    sees_the_same(|version, url| python("sqlalchemy", version, url));
}

#[test]
fn node_postgres_sees_the_same() {
    sees_the_same(|_, url| {
        let mut command = bounded("node");
        output(
            command
                .arg(scripts().join("run.cjs"))
                .arg(url)
                .env("NODE_PATH", tools::node_modules())
                .env("NODE_NO_WARNINGS", "1"),
        )
    });
}

#[test]
fn tokio_postgres_sees_the_same() {
    sees_the_same(|_, url| finish(tokio_postgres::run(url)));
}

#[test]
fn sqlx_sees_the_same() {
    sees_the_same(|_, url| finish(sqlx::run(url)));
}
