//! The PostgreSQL fixture.

use std::net::TcpStream;
use std::process::Command;

use portcullis_testkit::postgres::How;
use portcullis_testkit::{Auth, Certs, Options, Server, Version};

fn psql(server: &Server, extra: &[&str], input: &str) -> std::process::Output {
    let mut psql = Command::new(server.version().bin().join("psql"));
    psql.args(["-X", "-q", "-A", "-t"]).args(extra).arg(server.url()).args(["-c", input]);
    psql.output().expect("psql runs")
}

#[test]
fn both_versions_hold_the_same_rows_and_log_every_statement() {
    let digest = "SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customers c";
    let mut digests = Vec::new();
    for version in Version::available() {
        let server = Server::usual(version);
        digests.push(psql(&server, &[], digest).stdout);
        assert_eq!(server.texts(), [digest]);
        assert_eq!(server.statements()[0].how, How::Simple);
        assert_eq!(server.psql("SELECT count(*) FROM orders"), "1000");
        // Below 16384 are the system's own objects: a sample table there would be taken for one.
        assert_eq!(server.psql("SELECT 'customers'::regclass::oid >= 16384"), "t");
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
    assert_eq!(digests[0].len(), 33);
}

#[test]
fn every_authentication_method_takes_the_right_password_only() {
    for auth in [Auth::Cleartext, Auth::Md5, Auth::Scram] {
        let server = Server::start(Version::V18, &Options { auth, ..Options::default() });
        assert!(psql(&server, &[], "SELECT 1").status.success(), "{auth:?}");
        let wrong = Command::new(Version::V18.bin().join("psql"))
            .arg(format!("postgres://app:wrong@127.0.0.1:{}/shop", server.port()))
            .args(["-w", "-c", "SELECT 1"])
            .output()
            .unwrap();
        assert!(!wrong.status.success(), "{auth:?}");
    }
}

#[test]
fn tls_is_verified_against_the_authority() {
    for version in Version::available().into_iter().filter(|version| version.has_tls()) {
        let server = Server::start(version, &Options { tls: Some(Certs::localhost()), ..Options::default() });
        let ca = server.certs().unwrap().ca.display().to_string();
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let url = format!("{}?sslmode=verify-full&sslrootcert={ca}", server.url());
        let output =
            Command::new(version.bin().join("psql")).args(["-X", "-A", "-t", &url, "-c", sql]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "t\n", "{output:?}");
    }
}

#[test]
fn a_crashed_server_comes_back_on_its_port_and_ends_with_its_owner() {
    let mut server = Server::usual(Version::V18);
    let address = server.address();
    server.crash();
    assert!(TcpStream::connect(address).is_err());
    server.restart();
    assert_eq!(server.psql("SELECT 1"), "1");
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}
