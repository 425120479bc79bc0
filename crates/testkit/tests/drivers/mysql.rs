//! The drivers of MySQL and MariaDB, on both servers.
//!
//! A client brings its token as a password in clear where its driver does that on a loopback address; the other drivers
//! come with a minted credential, by a scramble.

use std::path::PathBuf;

use portcullis_testkit::mysql::{APP_PASSWORD, Flavour, Options, Server};
use portcullis_testkit::{Certs, Gateway, Setup, tools};
use serde_json::Value;

use crate::{bounded, compare, finish, mysql_async, output, scripts, sqlx_mysql};

/// Takes values of 20 MB, and files of the client's.
pub(crate) fn server(flavour: Flavour) -> Server {
    let settings = ["--max-allowed-packet=64M", "--local-infile=1"].map(String::from).to_vec();
    let server = Server::start(flavour, &Options { settings, ..Options::default() }).expect("an available flavour");
    // From its first sign-in on the server remembers the password, and no driver needs a key to encrypt it with.
    let key = if flavour.is_mariadb() { "--skip-ssl" } else { "--get-server-public-key" };
    let mut client = bounded(flavour.client());
    client.args(["--no-defaults", "--host=127.0.0.1", "--user=app", key, "--execute=SELECT 1"]);
    output(client.arg(format!("--password={APP_PASSWORD}")).arg(format!("--port={}", server.port())));
    server
}

/// Judges what the server takes.
pub(crate) fn gateway(server: &Server, tls: Option<Certs>) -> Gateway {
    Gateway::start(server, &Setup { extra: "[session]\nstatement_limit = \"64MiB\"\n".into(), tls, ..Setup::default() })
}

/// How a driver proves who it is.
#[derive(Clone, Copy)]
enum By {
    /// The token itself, in clear.
    Token,
    /// A credential minted for the token.
    Credential,
}

impl By {
    fn url(self, gateway: &Gateway) -> String {
        match self {
            Self::Token => gateway.url("ana", &["staff"]),
            Self::Credential => minted(gateway),
        }
    }
}

fn minted(gateway: &Gateway) -> String {
    let token = gateway.token("ana", &["staff"]);
    let (status, body) = gateway.ask("POST", "/v1/credentials", Some(&token), r#"{"upstream": "shop"}"#);
    assert_eq!(status, 201, "{body}");
    let minted: Value = serde_json::from_str(&body).expect("JSON");
    minted["url"].as_str().expect("a url").to_owned()
}

/// Runs `script` directly and through the gateway on both servers, and compares line by line.
fn sees_the_same(by: By, script: impl Fn(&str) -> String) {
    for flavour in Flavour::available() {
        let server = server(flavour);
        let gateway = gateway(&server, None);
        let direct = script(&server.url());
        // A step that breaks off directly as well compares nothing.
        let broken = direct.lines().find(|line| line.starts_with("{\"error\""));
        assert_eq!(broken, None, "{flavour:?}");
        let through = script(&by.url(&gateway));
        compare(&format!("{flavour:?}"), &direct, &through, &gateway);
    }
}

/// All steps where none are named.
pub(crate) fn python(driver: &str, client: Option<PathBuf>, url: &str, steps: &[&str]) -> String {
    let mut command = bounded(tools::python());
    command.arg(scripts().join("run.py")).args([driver, url]).env("PYTHONDONTWRITEBYTECODE", "1");
    if !steps.is_empty() {
        command.args(["--steps", &steps.join(",")]);
    }
    if let Some(client) = client {
        command.arg("--client").arg(client);
    }
    output(&mut command)
}

pub(crate) fn mysql2(url: &str, steps: &[&str]) -> String {
    let mut command = bounded("node");
    command.arg(scripts().join("run_mysql.cjs")).arg(url).args(steps);
    output(command.env("NODE_PATH", tools::node_modules()).env("NODE_NO_WARNINGS", "1"))
}

#[test]
fn command_line_clients_see_the_same() {
    for client in Flavour::available() {
        sees_the_same(By::Token, |url| python("mysql-cli", Some(client.client()), url, &[]));
    }
}

#[test]
fn pymysql_sees_the_same() {
    sees_the_same(By::Token, |url| python("pymysql", None, url, &[]));
}

#[test]
fn mysqlclient_sees_the_same() {
    sees_the_same(By::Token, |url| python("mysqlclient", None, url, &[]));
}

#[test]
fn connector_python_sees_the_same() {
    sees_the_same(By::Credential, |url| python("connector-pure", None, url, &[]));
}

#[test]
fn connector_python_in_c_sees_the_same() {
    sees_the_same(By::Credential, |url| python("connector-c", None, url, &[]));
}

#[test]
fn sqlalchemy_sees_the_same() {
    sees_the_same(By::Token, |url| python("sqlalchemy", None, url, &[]));
}

#[test]
fn mysql2_sees_the_same() {
    sees_the_same(By::Token, |url| mysql2(url, &[]));
}

#[test]
fn mysql_async_sees_the_same() {
    sees_the_same(By::Token, |url| finish(mysql_async::run(url)));
}

#[test]
fn sqlx_sees_the_same() {
    sees_the_same(By::Token, |url| finish(sqlx_mysql::run(url)));
}
