//! `dial` against real servers: every way to sign in that a server may ask for, and what is done when it says no.
//!
//! The servers are testkit's; one that is missing fails the test with the name of the command that installs it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use portcullis_postgres::backend::{Message, TransactionStatus};
use portcullis_postgres::dial::{Channel, Dial, DialError, Login, Ready};
use portcullis_postgres::frame::split_backend;
use portcullis_postgres::frontend::Query;
use portcullis_postgres::{Secret, options};
use portcullis_testkit::postgres::{APP_PASSWORD, Auth, Options, Server, Version};

fn login(password: &str, channel: Channel, protocol_minor: u16) -> Login {
    Login {
        protocol_minor,
        user: b"app".to_vec(),
        database: b"shop".to_vec(),
        password: Some(Secret::new(password.as_bytes())),
        parameters: vec![(b"application_name".to_vec(), b"dial test".to_vec())],
        channel,
    }
}

fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address()).expect("the server listens");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    socket
}

fn read(socket: &mut impl Read, buf: &mut BytesMut) {
    let mut piece = [0; 4096];
    let count = socket.read(&mut piece).expect("bytes from the server");
    assert_ne!(count, 0, "the server closed the connection");
    buf.extend_from_slice(&piece[..count]);
}

fn dial(socket: &mut (impl Read + Write), login: Login) -> Result<Ready, DialError> {
    let (mut out, mut buf) = (BytesMut::new(), BytesMut::new());
    let mut machine = Dial::start(login, &mut out);
    loop {
        socket.write_all(&out.split()).expect("the server reads");
        read(socket, &mut buf);
        if let Some(ready) = machine.handle(&mut buf, &mut out)? {
            assert!(buf.is_empty(), "bytes after ReadyForQuery");
            return Ok(ready);
        }
    }
}

fn sign_in(server: &Server, login: Login) -> Result<Ready, DialError> {
    dial(&mut connect(server), login)
}

fn server(version: Version, auth: Auth) -> Server {
    Server::start(version, &Options { auth, ..Options::default() })
}

fn parameter<'r>(ready: &'r Ready, name: &str) -> &'r [u8] {
    let found = ready.parameters.iter().find(|(each, _)| each == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn every_method_signs_in_and_brings_parameters_and_a_key() {
    for version in Version::available() {
        for auth in [Auth::Trust, Auth::Cleartext, Auth::Md5, Auth::Scram] {
            let server = server(version, auth);
            let ready = sign_in(&server, login(APP_PASSWORD, Channel::Loopback, 0)).expect("a session");
            assert_eq!(ready.status, TransactionStatus::Idle, "{version:?} {auth:?}");
            assert_eq!(parameter(&ready, "application_name"), b"dial test");
            assert_eq!((ready.process != 0, ready.secret.expose().len()), (true, 4));
        }
    }
}

#[test]
fn options_mean_to_the_server_what_they_mean_here() {
    let settings = options::read(br"-c Application-name=a\ \\b --work-mem=5MB -cTimeZone=UTC").expect("settings");
    let name = &settings[0];
    assert_eq!((&name.name[..], &name.value[..]), (&b"application_name"[..], &br"a \b"[..]));
    for version in Version::available() {
        let server = server(version, Auth::Scram);
        let mut login = login(APP_PASSWORD, Channel::Loopback, 0);
        login.parameters = vec![(b"options".to_vec(), options::write(&settings))];
        let ready = sign_in(&server, login).expect("a session");
        assert_eq!(parameter(&ready, "application_name"), br"a \b");
        assert_eq!(parameter(&ready, "TimeZone"), b"UTC");
    }
}

#[test]
fn a_wrong_password_is_the_servers_28p01() {
    for auth in [Auth::Cleartext, Auth::Md5, Auth::Scram] {
        let server = server(Version::V15, auth);
        let error = sign_in(&server, login("wrong", Channel::Loopback, 0)).expect_err("no session");
        let DialError::Refused(error) = error else { panic!("{error:?}") };
        assert_eq!(error.report().expect("fields").code(), Some(&b"28P01"[..]), "{auth:?}");
    }
}

#[test]
fn a_password_is_not_sent_in_clear_over_a_network() {
    let server = server(Version::V15, Auth::Cleartext);
    let error = sign_in(&server, login(APP_PASSWORD, Channel::Clear, 0)).expect_err("no session");
    assert!(matches!(error, DialError::Downgrade(_)), "{error:?}");
}

#[test]
fn an_old_server_answers_3_2_with_3_0_and_a_new_one_with_a_long_key() {
    for version in Version::available() {
        let server = server(version, Auth::Scram);
        let mut login = login(APP_PASSWORD, Channel::Loopback, 2);
        login.parameters.push((b"_pq_.nobody_knows_this".to_vec(), b"1".to_vec()));
        let ready = sign_in(&server, login).expect("a session");
        assert_eq!(ready.unknown_options, ["_pq_.nobody_knows_this"]);
        match version {
            Version::V15 => assert_eq!((ready.protocol_minor, ready.secret.expose().len()), (0, 4)),
            Version::V18 => assert_eq!((ready.protocol_minor, ready.secret.expose().len()), (2, 32)),
        }
    }
}

mod tls {
    use std::sync::Arc;

    use portcullis_postgres::startup::FirstPacket;
    use portcullis_testkit::tls::Certs;
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use sha2::{Digest, Sha256};

    use super::*;

    /// A server with TLS, a stream to it, and its end point (ECDSA with SHA-256: the certificate's SHA-256).
    fn connected() -> (Server, StreamOwned<ClientConnection, TcpStream>, Vec<u8>) {
        let certs = Certs::localhost();
        let options = Options { tls: Some(certs.clone()), ..Options::default() };
        let server = Server::start(Version::V15, &options);
        let mut socket = connect(&server);
        let mut request = BytesMut::new();
        FirstPacket::SslRequest.encode(&mut request);
        socket.write_all(&request).expect("the server reads");
        let mut answer = [0];
        socket.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"S");
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(der(&certs.ca)).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        (server, StreamOwned::new(connection, socket), Sha256::digest(der(&certs.cert)).to_vec())
    }

    #[test]
    fn the_password_is_bound_to_the_servers_certificate() {
        let (_server, mut stream, hash) = connected();
        let channel = Channel::Tls { end_point: Some(hash) };
        assert!(dial(&mut stream, login(APP_PASSWORD, channel, 0)).is_ok());
    }

    #[test]
    fn another_certificate_than_the_servers_is_found_out() {
        let (_server, mut stream, mut hash) = connected();
        hash[0] ^= 1;
        let channel = Channel::Tls { end_point: Some(hash) };
        let error = dial(&mut stream, login(APP_PASSWORD, channel, 0)).expect_err("no session");
        let DialError::Refused(error) = error else { panic!("{error:?}") };
        assert_eq!(error.report().expect("fields").field(b'M'), Some(&b"SCRAM channel binding check failed"[..]));
    }

    #[test]
    fn without_an_end_point_it_is_plain_scram() {
        let (_server, mut stream, _) = connected();
        assert!(dial(&mut stream, login(APP_PASSWORD, Channel::Tls { end_point: None }, 0)).is_ok());
    }
}

#[test]
fn the_cancel_packet_cancels() {
    for version in Version::available() {
        let server = server(version, Auth::Scram);
        let mut socket = connect(&server);
        let ready = dial(&mut socket, login(APP_PASSWORD, Channel::Loopback, 2)).expect("a session");
        let mut out = BytesMut::new();
        Query { query: b"select pg_sleep(15)" }.encode(&mut out);
        socket.write_all(&out).expect("the server reads");
        while server.psql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") != "1" {}
        connect(&server).write_all(&ready.cancel().expect("a key")).expect("the server reads");
        assert_eq!(error_code(&mut socket), b"57014", "{version:?}");
    }
}

fn error_code(socket: &mut TcpStream) -> Vec<u8> {
    let mut buf = BytesMut::new();
    loop {
        read(socket, &mut buf);
        while let Some(frame) = split_backend(&mut buf, 1 << 20).expect("a frame") {
            if let Message::ErrorResponse(report) = Message::decode(frame.tag, frame.body()).expect("a message") {
                return report.code().expect("an SQLSTATE").to_vec();
            }
        }
    }
}

#[test]
fn every_message_of_a_real_session_decodes_and_encodes_to_itself() {
    let sql = b"select * from pg_class limit 50; select 1/0 as \"x\"; ";
    let more =
        b"begin; notify a, 'b'; commit; do $$begin raise notice 'n'; end$$; copy pg_am to stdout; listen a; notify a";
    for version in Version::available() {
        let server = server(version, Auth::Scram);
        let mut socket = connect(&server);
        dial(&mut socket, login(APP_PASSWORD, Channel::Loopback, 0)).expect("a session");
        for query in [&sql[..], &more[..], b""] {
            let mut out = BytesMut::new();
            Query { query }.encode(&mut out);
            socket.write_all(&out).expect("the server reads");
            assert!(same_until_ready(&mut socket) > 1);
        }
    }
}

fn same_until_ready(socket: &mut TcpStream) -> usize {
    let (mut buf, mut again, mut count) = (BytesMut::new(), BytesMut::new(), 0);
    loop {
        read(socket, &mut buf);
        while let Some(frame) = split_backend(&mut buf, 1 << 20).expect("a frame") {
            let message = Message::decode(frame.tag, frame.body()).expect("a message");
            again.clear();
            message.encode(&mut again);
            assert_eq!(again, frame.bytes, "{message:?}");
            count += 1;
            if matches!(message, Message::ReadyForQuery(_)) {
                return count;
            }
        }
    }
}
