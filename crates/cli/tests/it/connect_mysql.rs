//! `portcullis connect --protocol mysql` over loopback. A script of the gateway's own sign-in stands in for it: no server
//! takes tokens.

use std::{net::SocketAddr, sync::Arc};

use bytes::BytesMut;
use portcullis_mysql::{
    Capabilities, Channel, Flavour, Secret,
    command::Command,
    dial::{ClearPassword, Dial, DialError, Login, Progress},
    packet,
    response::{ErrPacket, OkPacket, Status},
    sign_in::{Outcome, Server, SignIn},
};
use portcullis_testkit::Certs;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::support::{Bridge, portcullis};

const TOKEN: &str = "aaaa.bbbb.cccc";

fn bridge(home: &std::path::Path, target: &str, more: &[&str]) -> Bridge {
    let args = ["connect", "shop", "--protocol", "mysql", "--mysql", target, "--token", TOKEN];
    Bridge::start(portcullis(home, &[&args[..], more].concat()), "mysql://", "/shop")
}

/// What the gateway was told at the sign-in.
#[derive(Debug, Default, PartialEq)]
struct Told {
    token: Vec<u8>,
    user: Vec<u8>,
    database: Option<Vec<u8>>,
}

fn server(more: Capabilities) -> Server<'static> {
    Server {
        version: b"10.11.14-MariaDB",
        flavour: Flavour::MariaDb,
        connection: 7,
        capabilities: Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK | Capabilities::PROGRESS | more,
        collation: 45,
        random: [7; 20],
        channel: Channel::Loopback,
    }
}

/// Serves one client: its sign-in with `token`, then an OK for its first command.
async fn gateway(listener: &TcpListener, token: &str, tls: Option<TlsAcceptor>) -> Told {
    let (mut socket, _) = listener.accept().await.unwrap();
    let (mut buffer, mut out) = (BytesMut::new(), BytesMut::new());
    let ssl = if tls.is_some() { Capabilities::SSL } else { Capabilities::default() };
    let mut machine = SignIn::greet(&server(ssl), &mut out);
    let Some(tls) = tls else { return serve(&mut socket, &mut machine, buffer, out, token).await };
    socket.write_all(&out.split()).await.unwrap();
    // The request for TLS and not a byte of what follows it.
    let mut request = [0; 36];
    socket.read_exact(&mut request).await.unwrap();
    buffer.extend_from_slice(&request);
    assert!(matches!(machine.handle(&mut buffer, &mut out), Ok(Outcome::StartTls { .. })));
    machine.secured().unwrap();
    let mut socket = tls.accept(socket).await.unwrap();
    serve(&mut socket, &mut machine, buffer, out, token).await
}

async fn serve(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    machine: &mut SignIn,
    mut buffer: BytesMut,
    mut out: BytesMut,
    token: &str,
) -> Told {
    let found = loop {
        socket.write_all(&out.split()).await.unwrap();
        if socket.read_buf(&mut buffer).await.unwrap() == 0 {
            return Told::default();
        }
        match machine.handle(&mut buffer, &mut out).unwrap() {
            Outcome::Pending => {}
            Outcome::Token(found) => break found,
            other => panic!("{other:?}"),
        }
    };
    let client = machine.client().unwrap().clone();
    if found.expose() == token.as_bytes() {
        machine.accept(&OkPacket::new(client.capabilities, Status::AUTOCOMMIT), &mut out).unwrap();
        socket.write_all(&out.split()).await.unwrap();
        socket.read_buf(&mut buffer).await.unwrap();
        packet::write(&mut out, 1, |out| OkPacket::new(client.capabilities, Status::IN_TRANSACTION).encode(out));
    } else {
        machine.fail(&ErrPacket::new(1045, *b"28000", "Access denied"), &mut out);
    }
    socket.write_all(&out).await.unwrap();
    Told { token: found.expose().to_vec(), user: client.user, database: client.database }
}

/// A tool that knows neither token nor upstream, and sends one command.
async fn tool(address: SocketAddr, password: &str) -> Result<bool, DialError> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut dial = Dial::new(Login {
        user: b"me".to_vec(),
        password: Secret::new(password.as_bytes()),
        database: None,
        collation: 45,
        max_packet: 1 << 24,
        attributes: vec![(b"program_name".to_vec(), b"tool".to_vec())],
        capabilities: portcullis_mysql::capabilities::HONOURED.without(Capabilities::CONNECT_WITH_DB),
        required: Capabilities::DEPRECATE_EOF | Capabilities::PROGRESS,
        channel: Channel::Loopback,
        clear_password: ClearPassword::Never,
    });
    let (mut buffer, mut out) = (BytesMut::new(), BytesMut::new());
    let ready = loop {
        if let Progress::Ready(ready) = dial.handle(&mut buffer, &mut out)? {
            break ready;
        }
        socket.write_all(&out.split()).await.unwrap();
        assert_ne!(socket.read_buf(&mut buffer).await.unwrap(), 0);
    };
    packet::write(&mut out, 0, |out| Command::Ping.encode(out));
    socket.write_all(&out).await.unwrap();
    socket.read_buf(&mut buffer).await.unwrap();
    let answer = packet::split(&mut buffer, 1, 1 << 20).unwrap().expect("a whole answer");
    Ok(OkPacket::decode(answer.body(), ready.capabilities).unwrap().status.has(Status::IN_TRANSACTION))
}

fn told() -> Told {
    Told { token: TOKEN.into(), user: b"me".to_vec(), database: Some(b"shop".to_vec()) }
}

#[tokio::test]
async fn a_tool_without_a_token_is_signed_in() {
    let (home, listener) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let bridge = bridge(home.path(), &listener.local_addr().unwrap().to_string(), &[]);
    // A password that somebody's tool insists on is of no matter.
    for password in ["", "whatever"] {
        let (answered, seen) = tokio::join!(tool(bridge.address, password), gateway(&listener, TOKEN, None));
        assert_eq!((answered, seen), (Ok(true), told()));
    }
}

#[tokio::test]
async fn a_refused_token_is_told_to_the_tool() {
    let (home, listener) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let bridge = bridge(home.path(), &listener.local_addr().unwrap().to_string(), &[]);
    let (answered, _) = tokio::join!(tool(bridge.address, ""), gateway(&listener, "another", None));
    let Err(DialError::Refused(error)) = answered else { panic!("{answered:?}") };
    assert_eq!(error.packet().map(|error| error.code), Some(1045));
}

#[tokio::test]
async fn the_way_to_the_gateway_is_tls_that_is_checked() {
    let (home, certs) = (tempfile::tempdir().unwrap(), Certs::for_names(&["localhost"]));
    std::fs::write(home.path().join("ca.pem"), &certs.ca).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let named = bridge(home.path(), &format!("localhost:{port}"), &["--ca", "ca.pem"]);
    let (answered, seen) = tokio::join!(tool(named.address, ""), gateway(&listener, TOKEN, Some(acceptor(&certs))));
    assert_eq!((answered, seen), (Ok(true), told()));
}

#[tokio::test]
async fn a_gateway_that_must_have_a_certificate_is_not_spoken_to_in_clear() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("ca.pem"), Certs::localhost().ca).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bridge = bridge(home.path(), &listener.local_addr().unwrap().to_string(), &["--ca", "ca.pem"]);
    let (answered, seen) = tokio::join!(tool(bridge.address, ""), gateway(&listener, TOKEN, None));
    assert_eq!(seen, Told::default());
    let Err(DialError::Refused(error)) = answered else { panic!("{answered:?}") };
    let message = String::from_utf8_lossy(error.packet().unwrap().message).into_owned();
    assert!(message.contains("does not speak TLS"), "{message}");
}

#[tokio::test]
async fn what_a_gateway_says_in_clear_before_tls_is_refused() {
    let (home, listener) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let bridge = bridge(home.path(), &listener.local_addr().unwrap().to_string(), &[]);
    let script = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut out = BytesMut::new();
        SignIn::greet(&server(Capabilities::SSL), &mut out);
        packet::write(&mut out, 1, |out| OkPacket::new(Capabilities::default(), Status::AUTOCOMMIT).encode(out));
        socket.write_all(&out).await.unwrap();
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let (answered, sent) = tokio::join!(tool(bridge.address, ""), script);
    let Err(DialError::Refused(error)) = answered else { panic!("{answered:?}") };
    assert!(error.packet().unwrap().message.ends_with(b"went on in clear before TLS"));
    assert!(sent.is_empty());
}

fn acceptor(certs: &Certs) -> TlsAcceptor {
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let chain = CertificateDer::pem_slice_iter(certs.cert.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(certs.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}
