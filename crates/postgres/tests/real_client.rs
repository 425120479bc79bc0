//! `sign_in` against real clients: psql of every installed version, by SCRAM with and without TLS and by token.
//!
//! The server here is a hundred lines around the machine: it answers every query with one row that says how the client
//! came in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::BytesMut;
use portcullis_postgres::backend::{
    BackendKeyData, CommandComplete, DataRow, Field, NegotiateProtocolVersion, ParameterStatus, ReadyForQuery,
    RowDescription, TransactionStatus,
};
use portcullis_postgres::frame::split_frontend;
use portcullis_postgres::sign_in::{
    EndPoint, MINTED_ITERATIONS, Method, Outcome, SignIn, Verifier, Wanted, scram_verifier,
};
use portcullis_postgres::startup::{self, FirstPacket, Startup};
use portcullis_postgres::{FrameLimits, FrontendTag, Secret};
use portcullis_testkit::postgres::Version;
use portcullis_testkit::tls::Certs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "ey.an-id-token.sig";

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn der(certs: &Certs) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(certs.cert.as_bytes()).expect("a certificate")
}

fn accept_tls(certs: &Certs, socket: TcpStream) -> Box<dyn Stream> {
    let key = PrivateKeyDer::from_pem_slice(certs.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![der(certs)], key).expect("a key for it");
    Box::new(StreamOwned::new(ServerConnection::new(Arc::new(config)).expect("a connection"), socket))
}

struct Peer {
    stream: Box<dyn Stream>,
    buf: BytesMut,
    end_point: Option<EndPoint>,
}

impl Peer {
    fn fill(&mut self) -> bool {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).unwrap_or(0);
        self.buf.extend_from_slice(&piece[..count]);
        count > 0
    }

    fn send(&mut self, out: &mut BytesMut) {
        // A client that was refused may be gone.
        let _ = self.stream.write_all(&out.split()).and_then(|()| self.stream.flush());
    }

    fn method(&self, startup: &Startup<'_>) -> Method {
        match Wanted::of(startup, None).expect("a way to sign in") {
            Wanted::Minted(b"pc_ana") => {
                let text = scram_verifier(SECRET, &[3; 16], NonZeroU32::new(MINTED_ITERATIONS).expect("some"));
                let verifier = Verifier::parse(&text).expect("a verifier");
                Method::Scram { verifier, end_point: self.end_point.clone() }
            }
            Wanted::Minted(name) => {
                Method::Scram { verifier: Verifier::mock(&[9; 32], name), end_point: self.end_point.clone() }
            }
            _ => Method::Cleartext,
        }
    }

    /// Whether the client was let in.
    fn sign_in(&mut self, startup: &Startup<'_>) -> bool {
        let mut out = BytesMut::new();
        if startup.protocol_minor > 2 {
            NegotiateProtocolVersion::put(&mut out, 2, &[]);
        }
        let mut machine = SignIn::start(self.method(startup), &mut out);
        loop {
            self.send(&mut out);
            let Some(frame) = split_frontend(&mut self.buf, &FrameLimits::before_sign_in()).expect("a frame") else {
                if self.fill() {
                    continue;
                }
                return false;
            };
            let mut outcome = machine.handle(&frame, &mut out).expect("an answer");
            if matches!(&outcome, Outcome::Token(token) if *token != Secret::new(TOKEN.as_bytes())) {
                outcome = machine.refuse(&mut out);
            }
            match outcome {
                Outcome::Pending => {}
                Outcome::Refused => {
                    self.send(&mut out);
                    return false;
                }
                Outcome::Token(_) | Outcome::Proven => {
                    machine.accept(&mut out).expect("after a judgement");
                    greet(startup.protocol_minor, &mut out);
                    self.send(&mut out);
                    return true;
                }
            }
        }
    }

    fn answer_queries(&mut self, minor: u16) {
        let mut out = BytesMut::new();
        loop {
            match split_frontend(&mut self.buf, &FrameLimits::default()).expect("a frame") {
                Some(frame) if frame.tag == FrontendTag::Query => answer(minor, &mut out),
                Some(_) => return,
                None if self.fill() => {}
                None => return,
            }
            self.send(&mut out);
        }
    }
}

fn greet(minor: u16, out: &mut BytesMut) {
    ParameterStatus { name: b"server_version", value: b"15.0" }.encode(out);
    ParameterStatus { name: b"client_encoding", value: b"UTF8" }.encode(out);
    let secret = if minor >= 2 { vec![1; 32] } else { vec![1; 4] };
    BackendKeyData { process: 4711, secret: &secret }.encode(out);
    ReadyForQuery { status: TransactionStatus::Idle }.encode(out);
}

fn answer(minor: u16, out: &mut BytesMut) {
    let name = b"how";
    let field = Field { name, table_oid: 0, attribute: 0, type_oid: 25, type_size: -1, type_modifier: -1, format: 0 };
    RowDescription::put(out, &[field]);
    DataRow::put(out, &[Some(format!("in by 3.{minor}").as_bytes())]);
    CommandComplete { command: b"SELECT 1" }.encode(out);
    ReadyForQuery { status: TransactionStatus::Idle }.encode(out);
}

fn serve(mut socket: TcpStream, certs: Option<Certs>) -> bool {
    let mut buf = BytesMut::new();
    loop {
        let mut piece = [0; 1024];
        let count = socket.read(&mut piece).expect("a first packet");
        buf.extend_from_slice(&piece[..count]);
        let Some(packet) = startup::split(&mut buf).expect("a length") else { continue };
        assert!(buf.is_empty(), "bytes in clear before TLS");
        match FirstPacket::decode(&packet).expect("a first packet") {
            FirstPacket::SslRequest if certs.is_some() => {
                socket.write_all(b"S").expect("the client reads");
                let certs = certs.expect("checked");
                let end_point = EndPoint::of_certificate(&der(&certs)).expect("a binding");
                return session(Peer { stream: accept_tls(&certs, socket), buf, end_point: Some(end_point) }, None);
            }
            FirstPacket::Startup(_) => {
                return session(Peer { stream: Box::new(socket), buf, end_point: None }, Some(&packet));
            }
            _ => socket.write_all(b"N").expect("the client reads"),
        }
    }
}

fn session(mut peer: Peer, packet: Option<&[u8]>) -> bool {
    let packet = packet.map(<[u8]>::to_vec).unwrap_or_else(|| {
        loop {
            if let Some(packet) = startup::split(&mut peer.buf).expect("a length") {
                return packet.to_vec();
            }
            assert!(peer.fill(), "the client is gone");
        }
    });
    let FirstPacket::Startup(startup) = FirstPacket::decode(&packet).expect("a packet") else {
        panic!("not a startup")
    };
    let signed_in = peer.sign_in(&startup);
    if signed_in {
        peer.answer_queries(startup.protocol_minor.min(2));
    }
    signed_in
}

/// A server for one client.
fn server(certs: Option<Certs>) -> (u16, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (port, std::thread::spawn(move || serve(listener.accept().expect("a client").0, certs)))
}

fn psql(version: Version, port: u16, user: &str, password: &str, options: &str) -> Output {
    let target = format!("host=127.0.0.1 port={port} user={user} dbname=shop connect_timeout=20 {options}");
    let mut psql = Command::new(version.bin().join("psql"));
    psql.args(["-X", "-A", "-t", "-w", "-c", "select how", &target]).env("PGPASSWORD", password);
    psql.output().expect("psql runs")
}

/// Signs one psql in; gives what it printed, its complaints, and whether we let it in.
fn run(version: Version, user: &str, password: &str, options: &str, certs: Option<Certs>) -> (String, String, bool) {
    let (port, server) = server(certs);
    let output = psql(version, port, user, password, options);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").trim().to_owned();
    (text(output.stdout), text(output.stderr), server.join().expect("the server did not panic"))
}

#[test]
fn psql_comes_in_by_scram_and_by_token() {
    for version in Version::available() {
        for (user, password) in [("pc_ana", SECRET), ("ana", TOKEN)] {
            let (out, complaints, signed_in) = run(version, user, password, "sslmode=disable", None);
            assert_eq!((out.as_str(), complaints.as_str(), signed_in), ("in by 3.0", "", true), "{version:?} {user}");
        }
    }
}

#[test]
fn psql_18_comes_in_by_protocol_3_2() {
    let options = "sslmode=disable min_protocol_version=3.2 max_protocol_version=3.2";
    let (out, complaints, _) = run(Version::V18, "pc_ana", SECRET, options, None);
    assert_eq!((out.as_str(), complaints.as_str()), ("in by 3.2", ""));
}

#[test]
fn psql_hears_the_same_of_a_wrong_secret_and_an_unknown_name() {
    for version in Version::available() {
        for (user, password) in [("pc_ana", "wrong"), ("pc_nobody", SECRET), ("ana", "wrong")] {
            let (_, complaints, signed_in) = run(version, user, password, "sslmode=disable", None);
            assert!(complaints.ends_with("FATAL:  authentication failed"), "{complaints}");
            assert!(!signed_in);
        }
    }
}

#[test]
fn psql_binds_the_secret_to_our_certificate() {
    let options = "sslmode=require channel_binding=require";
    let (out, complaints, _) = run(Version::V15, "pc_ana", SECRET, options, Some(Certs::localhost()));
    assert_eq!((out.as_str(), complaints.as_str()), ("in by 3.0", ""));
}
