//! `portcullis connect` over loopback. A real PostgreSQL that asks for the password in clear stands in for the gateway:
//! it asks for the token in the same way.

use std::{path::Path, process::Command, time::Duration};

use portcullis_testkit::{Auth, Certs, Options, Server, Version};
use tokio::io::AsyncWriteExt;
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::support::{Bridge, portcullis, tell};

const TOKEN: &str = "aaaa.bbbb.cccc";

fn gateway(tls: Option<Certs>) -> Server {
    let server = Server::start(Version::V15, &Options { auth: Auth::Cleartext, tls, ..Options::default() });
    server.psql(&format!("ALTER ROLE app PASSWORD '{TOKEN}'"));
    server
}

fn command(home: &Path, host: &str, server: &Server, token: &str) -> Command {
    let target = format!("{host}:{}", server.port());
    portcullis(home, &["connect", "shop", "--postgres", &target, "--token", token])
}

fn bridge(command: Command) -> Bridge {
    Bridge::start(command, "postgres://", "/shop?sslmode=disable")
}

/// A client that knows neither token nor database.
async fn client(bridge: &Bridge) -> Result<Client, tokio_postgres::Error> {
    let url = format!("postgres://app@{}/whatever?application_name=tool", bridge.address);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_tool_without_a_token_is_signed_in() {
    let (home, server) = (tempfile::tempdir().unwrap(), gateway(None));
    let bridge = bridge(command(home.path(), "127.0.0.1", &server, TOKEN));
    let client = client(&bridge).await.unwrap();
    assert_eq!(text(&client, "SELECT current_database()::text").await, "shop");
    assert_eq!(text(&client, "SELECT current_setting('application_name')").await, "tool");
    let long = text(&client, "SELECT repeat('x', 3000000)").await;
    assert_eq!(long.len(), 3_000_000);
}

#[tokio::test]
async fn a_cancel_reaches_the_running_statement() {
    let (home, server) = (tempfile::tempdir().unwrap(), gateway(None));
    let bridge = bridge(command(home.path(), "127.0.0.1", &server, TOKEN));
    let client = client(&bridge).await.unwrap();
    let cancel = client.cancel_token();
    let running = client.simple_query("SELECT pg_sleep(60)");
    let stop = async {
        // Asked again until it hits: nothing tells when the statement has begun.
        loop {
            cancel.cancel_query(NoTls).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let error = tokio::select! { ended = running => ended.unwrap_err(), () = stop => unreachable!() };
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
}

#[tokio::test]
async fn a_refused_token_is_told_to_the_tool() {
    let (home, server) = (tempfile::tempdir().unwrap(), gateway(None));
    let bridge = bridge(command(home.path(), "127.0.0.1", &server, "x.y.z"));
    let error = client(&bridge).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn the_way_to_the_gateway_is_tls_that_is_checked() {
    let (home, certs) = (tempfile::tempdir().unwrap(), Certs::for_names(&["localhost"]));
    std::fs::write(home.path().join("ca.pem"), &certs.ca).unwrap();
    let server = gateway(Some(certs));
    let with_ca = |host: &str| {
        let mut command = command(home.path(), host, &server, TOKEN);
        command.args(["--ca", "ca.pem"]);
        bridge(command)
    };
    let named = with_ca("localhost");
    let session = client(&named).await.unwrap();
    assert_eq!(text(&session, "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await, "true");
    let misnamed = with_ca("127.0.0.1");
    let error = client(&misnamed).await.err().unwrap();
    assert!(error.as_db_error().unwrap().message().contains("TLS to `127.0.0.1` failed"), "{error:?}");
}

#[tokio::test]
async fn a_gateway_that_must_have_a_certificate_is_not_spoken_to_in_clear() {
    let (home, server) = (tempfile::tempdir().unwrap(), gateway(None));
    std::fs::write(home.path().join("ca.pem"), Certs::localhost().ca).unwrap();
    let mut command = command(home.path(), "127.0.0.1", &server, TOKEN);
    command.args(["--ca", "ca.pem"]);
    let bridge = bridge(command);
    let error = client(&bridge).await.err().unwrap();
    assert!(error.as_db_error().unwrap().message().contains("does not speak TLS"), "{error:?}");
}

#[test]
fn nobody_logged_in_is_told_at_once() {
    let home = tempfile::tempdir().unwrap();
    let args = ["connect", "shop", "--postgres", "127.0.0.1:1", "--issuer", "https://idp", "--client-id", "x"];
    let shown = tell(&portcullis(home.path(), &args).output().unwrap());
    assert_eq!(shown, "exit code 1\n--- notes\nerror: nobody is logged in\n  help: run `portcullis login`\n");
}

#[tokio::test]
async fn a_mysql_listener_is_named_for_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let bridge = bridge(portcullis(home.path(), &["connect", "shop", "--postgres", &target, "--token", TOKEN]));
    let (client, gateway) = tokio::join!(client(&bridge), async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"\x4a\0\0\0\x0a11.4.2-MariaDB\0").await.unwrap();
        socket
    });
    drop(gateway);
    let error = client.err().unwrap();
    let message = error.as_db_error().unwrap().message();
    assert!(message.contains("it speaks MySQL: give its address by --protocol mysql"), "{message}");
}
