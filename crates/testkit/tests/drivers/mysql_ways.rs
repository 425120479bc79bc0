//! The drivers of MySQL and MariaDB again, by the other ways in: over TLS, and through `portcullis connect`.
//!
//! Over TLS each brings its token in the way that it has for passwords there, and checks the gateway's certificate.
//! Through `connect` it brings nothing: that signs in for it, over TLS. Both see what is seen directly. Of the longer
//! scripts these are the steps that fill many records, send files, or depend on how a session began.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portcullis_testkit::mysql::{Flavour, Server};
use portcullis_testkit::{Certs, Gateway, tools};

use crate::mysql::{gateway, mysql2, python, server};
use crate::tap::Tap;
use crate::{compare, finish, mysql_async, sqlx_mysql};

/// Of the drivers in Python that share their steps.
const STEPS: &[&str] =
    &["session", "parameters", "multiple", "files", "unbuffered", "streamed", "prepared", "commands", "still_whole"];

/// A server and a gateway with TLS, for all tests; the last to let go ends them.
struct Place {
    // First, so that it ends before its upstream does.
    gateway: Gateway,
    server: Server,
}

static SHARED: Mutex<[Weak<Place>; 2]> = Mutex::new([Weak::new(), Weak::new()]);

fn shared(flavour: Flavour) -> Arc<Place> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut shared[usize::from(flavour.is_mariadb())];
    if let Some(place) = slot.upgrade() {
        return place;
    }
    let server = server(flavour);
    let place = Arc::new(Place { gateway: gateway(&server, Some(Certs::localhost())), server });
    *slot = Arc::downgrade(&place);
    place
}

impl Place {
    fn authority(&self) -> PathBuf {
        self.gateway.certs().expect("TLS is on").ca.clone()
    }

    /// For a client of the gateway that listens at this port in its place.
    fn url(&self, port: u16) -> String {
        let url = self.gateway.url("ana", &["staff"]);
        let here = format!(":{}/", self.gateway.address().port());
        let there = url.replace(&here, &format!(":{port}/"));
        format!("{there}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", self.authority().display())
    }
}

/// A running `portcullis connect`; it ends with this value.
struct Bridge {
    child: Child,
    url: String,
}

impl Bridge {
    /// To a gateway at this port, with what else the command is told.
    fn to(gateway: &Gateway, port: u16, more: &[String]) -> Self {
        let mut command = Command::new(tools::portcullis());
        command.args(["connect", "shop", "--protocol", "mysql", "--mysql", &format!("127.0.0.1:{port}")]).args(more);
        command.env("PORTCULLIS_TOKEN", gateway.token("ana", &["staff"])).env("HOME", gateway.dir());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
        Self { child, url: line.trim().to_owned() }
    }

    /// As it says itself, for somebody. It does not matter who that is, or with which password.
    fn url(&self, who: &str) -> String {
        self.url.replace("mysql://", &format!("mysql://{who}@"))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `script` directly and by both ways on both servers, and compares line by line.
fn sees_the_same(script: impl Fn(&str) -> String) {
    for flavour in Flavour::available() {
        let place = shared(flavour);
        let direct = script(&place.server.url());

        let tap = Tap::before(place.gateway.address());
        let through = script(&place.url(tap.port()));
        compare(&format!("{flavour:?} over TLS"), &direct, &through, &place.gateway);
        assert_encrypted(&tap);

        let tap = Tap::before(place.gateway.address());
        let authority = place.authority().display().to_string();
        let bridge = Bridge::to(&place.gateway, tap.port(), &["--ca".into(), authority]);
        let through = script(&bridge.url("me"));
        compare(&format!("{flavour:?} through connect"), &direct, &through, &place.gateway);
        assert_encrypted(&tap);
    }
}

fn assert_encrypted(tap: &Tap) {
    let encrypted = tap.encrypted();
    assert!(!encrypted.is_empty() && encrypted.iter().all(|yes| *yes), "{encrypted:?}");
}

#[test]
fn command_line_clients_see_the_same_by_every_way() {
    for client in Flavour::available() {
        let steps = ["simple", "rehash and again", "a reset session", "files", "show", "xml", "stops at an error"];
        sees_the_same(|url| python("mysql-cli", Some(client.client()), url, &steps));
    }
}

#[test]
fn pymysql_sees_the_same_by_every_way() {
    sees_the_same(|url| python("pymysql", None, url, STEPS));
}

#[test]
fn mysqlclient_sees_the_same_by_every_way() {
    sees_the_same(|url| python("mysqlclient", None, url, STEPS));
}

#[test]
fn connector_python_sees_the_same_by_every_way() {
    sees_the_same(|url| python("connector-pure", None, url, STEPS));
}

#[test]
fn connector_python_in_c_sees_the_same_by_every_way() {
    sees_the_same(|url| python("connector-c", None, url, STEPS));
}

#[test]
fn sqlalchemy_sees_the_same_by_every_way() {
    sees_the_same(|url| python("sqlalchemy", None, url, &[]));
}

#[test]
fn mysql2_sees_the_same_by_every_way() {
    sees_the_same(|url| {
        mysql2(url, &["simple", "parameters", "prepared", "file of the client's", "commands", "streamed", "pooled"])
    });
}

#[test]
fn mysql_async_sees_the_same_by_every_way() {
    sees_the_same(|url| finish(mysql_async::run(url)));
}

#[test]
fn sqlx_sees_the_same_by_every_way() {
    sees_the_same(|url| finish(sqlx_mysql::run(url)));
}

/// Without a certificate a gateway on this machine is spoken to in clear.
#[test]
fn through_connect_in_clear_clients_come_in_with_or_without_a_password() {
    for flavour in Flavour::available() {
        let server = server(flavour);
        let gateway = gateway(&server, None);
        let tap = Tap::before(gateway.address());
        let bridge = Bridge::to(&gateway, tap.port(), &[]);
        let steps = ["simple", "warnings", "transactions", "a reset session", "show", "xml"];
        for client in Flavour::available() {
            let script = |url: &str| python("mysql-cli", Some(client.client()), url, &steps);
            let direct = script(&server.url());
            for who in ["me", "me:whatever"] {
                compare(&format!("{flavour:?}, {client:?}"), &direct, &script(&bridge.url(who)), &gateway);
            }
        }
        let encrypted = tap.encrypted();
        assert!(!encrypted.is_empty() && !encrypted.contains(&true), "{encrypted:?}");
    }
}
