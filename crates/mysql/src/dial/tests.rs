//! The way in to a server: every plugin against a scripted server, known answers, and servers that lie.

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA512};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::capabilities::SHAPING;
use crate::handshake::FirstReply;
use crate::packet;

const PASSWORD: &[u8] = b"G!ider27";
const NONCE_OF_TESTS: [u8; NONCE] = *b"NR3HP:qIYa_9=db?Sd{`";
const LONG_NONCE: [u8; 32] = [0; 32];

/// The proofs of password and nonce, from the tests of Go's and Rust's drivers.
const SHA256_PROOF: [u8; 32] = [
    0x4f, 0x97, 0xbb, 0xfd, 0x20, 0x24, 0x01, 0xc4, 0x2a, 0x69, 0xde, 0xaa, 0xe5, 0x3b, 0xda, 0x07, 0x7e, 0xd7, 0x57,
    0x85, 0x63, 0xc1, 0xa8, 0x0e, 0xb8, 0x16, 0xc8, 0x21, 0x19, 0xb6, 0x8d, 0x2e,
];
const SHA1_PROOF: [u8; 20] = [
    0x09, 0xcf, 0xf8, 0x85, 0x5e, 0x9e, 0x70, 0x53, 0x40, 0xff, 0x22, 0x70, 0xd8, 0xfb, 0x9f, 0xad, 0xba, 0x90, 0x6b,
    0x70,
];

fn login(channel: Channel) -> Login {
    Login {
        user: b"app".to_vec(),
        password: Secret::new(PASSWORD),
        database: Some(b"shop".to_vec()),
        collation: 255,
        max_packet: 1 << 30,
        attributes: vec![(b"program_name".to_vec(), b"psql".to_vec())],
        capabilities: HONOURED,
        required: Capabilities::default(),
        channel,
        clear_password: ClearPassword::Never,
    }
}

fn greeting(plugin: &str) -> Greeting<'_> {
    Greeting {
        version: b"9.7.0",
        connection: 7,
        nonce: NONCE_OF_TESTS,
        capabilities: Capabilities::from_parts(u32::MAX, 0),
        collation: 255,
        status: Status::AUTOCOMMIT,
        plugin: plugin.as_bytes(),
    }
}

fn mariadb(plugin: &str) -> Greeting<'_> {
    let capabilities = Capabilities::from_parts(u32::MAX - 1, 0x1d);
    Greeting { version: b"5.5.5-10.11.6-MariaDB", capabilities, ..greeting(plugin) }
}

/// A server that follows a script, and checks sequence ids.
struct Script {
    machine: Dial,
    buf: BytesMut,
    out: BytesMut,
    sequence: u8,
}

impl Script {
    fn greet(login: Login, greeting: &Greeting<'_>) -> (Self, Result<Progress, DialError>) {
        let mut script = Self { machine: Dial::new(login), buf: BytesMut::new(), out: BytesMut::new(), sequence: 0 };
        let progress = script.send(|out| greeting.encode(out));
        (script, progress)
    }

    fn send(&mut self, body: impl FnOnce(&mut BytesMut)) -> Result<Progress, DialError> {
        self.sequence = packet::write(&mut self.buf, self.sequence, body);
        let progress = self.machine.handle(&mut self.buf, &mut self.out);
        if progress.is_err() {
            self.is_closed();
        }
        progress
    }

    fn raw(&mut self, body: &[u8]) -> Result<Progress, DialError> {
        self.send(|out| out.extend_from_slice(body))
    }

    fn switch(&mut self, plugin: &str, data: &[u8]) -> Result<Progress, DialError> {
        self.send(|out| AuthSwitchRequest { plugin: plugin.as_bytes(), data }.encode(out))
    }

    fn is_closed(&mut self) {
        let mut ok = BytesMut::from(&b"\x07\0\0\0\0\0\0\x02\0\0\0"[..]);
        assert!(self.machine.handle(&mut ok, &mut self.out).is_err());
        assert!(self.machine.secured(&mut self.out).is_err());
    }

    /// The next packet that the machine wrote.
    fn packet(&mut self) -> Vec<u8> {
        let frame = packet::split(&mut self.out, self.sequence, 1 << 20).unwrap().expect("a packet");
        self.sequence = frame.next_sequence();
        assert!(self.out.is_empty());
        frame.body().to_vec()
    }

    /// The plugin and the proof of the sign-in that the machine wrote.
    fn signed_in(&mut self) -> (String, Vec<u8>) {
        let body = self.packet();
        let response = HandshakeResponse::decode(&body).unwrap();
        (String::from_utf8(response.plugin.to_vec()).unwrap(), response.proof.0.to_vec())
    }

    fn is_let_in(&mut self) -> Ready {
        assert!(self.out.is_empty());
        match self.raw(b"\0\0\0\x02\0\0\0").unwrap() {
            Progress::Ready(ready) => *ready,
            other => panic!("{other:?}"),
        }
    }
}

/// A machine that was switched to a plugin, and its first answer.
fn switched(login: Login, plugin: &str, data: &[u8]) -> (Script, Vec<u8>) {
    let (mut script, progress) = Script::greet(login, &mariadb("mysql_native_password"));
    if progress == Ok(Progress::StartTls) {
        script.packet();
        script.machine.secured(&mut script.out).unwrap();
    }
    script.signed_in();
    assert_eq!(script.switch(plugin, data), Ok(Progress::Pending));
    let answer = script.packet();
    (script, answer)
}

/// What the machine says to a switch that it does not follow.
fn not_switched(login: Login, plugin: &str, data: &[u8]) -> DialError {
    let (mut script, progress) = Script::greet(login, &mariadb("mysql_native_password"));
    if progress == Ok(Progress::StartTls) {
        script.packet();
        script.machine.secured(&mut script.out).unwrap();
    }
    script.signed_in();
    let error = script.switch(plugin, data).unwrap_err();
    assert!(script.out.is_empty());
    error
}

fn with_nul(nonce: &[u8]) -> Vec<u8> {
    [nonce, &[0]].concat()
}

#[test]
fn the_sign_in_says_who_and_what() {
    let (mut script, progress) = Script::greet(login(Channel::Clear), &greeting("caching_sha2_password"));
    assert_eq!(progress, Ok(Progress::Pending));
    let body = script.packet();
    let FirstReply::HandshakeResponse(response) = FirstReply::decode(&body).unwrap() else { panic!("a sign-in") };
    assert_eq!((response.user, response.database), (&b"app"[..], Some(&b"shop"[..])));
    assert_eq!((response.head.collation, response.head.max_packet), (255, 1 << 30));
    let attributes: Vec<_> = response.attributes.unwrap().iter().collect();
    assert_eq!(attributes, [(&b"program_name"[..], &b"psql"[..])]);
    let ready = script.sign_in_fast();
    assert_eq!((&ready.version[..], ready.connection, ready.collation), (&b"9.7.0"[..], 7, 255));
    assert_eq!(ready.server.flavour, Flavour::MySql);
    assert_eq!(ready.capabilities, response.head.capabilities);
    assert_eq!(ready.ok().status, Status::AUTOCOMMIT);
}

impl Script {
    fn sign_in_fast(&mut self) -> Ready {
        assert_eq!(self.raw(b"\x01\x03"), Ok(Progress::Pending));
        self.is_let_in()
    }
}

#[test]
fn what_is_agreed_is_what_both_have() {
    let cases = [
        (greeting("caching_sha2_password"), HONOURED, Capabilities::QUERY_ATTRIBUTES, true),
        (greeting("caching_sha2_password"), HONOURED, Capabilities::MYSQL, true),
        (greeting("caching_sha2_password"), HONOURED, Capabilities::PROGRESS, false),
        (greeting("caching_sha2_password"), HONOURED.without(SHAPING), Capabilities::DEPRECATE_EOF, false),
        (greeting("caching_sha2_password"), HONOURED, Capabilities::COMPRESS, false),
        (mariadb("mysql_native_password"), HONOURED, Capabilities::CACHE_METADATA, true),
        (mariadb("mysql_native_password"), HONOURED, Capabilities::MYSQL, false),
        (mariadb("mysql_native_password"), Capabilities::default(), Capabilities::PLUGIN_AUTH, true),
        (mariadb("mysql_native_password"), Capabilities::default(), Capabilities::LOCAL_FILES, false),
    ];
    for (greeting, capabilities, asked, agreed) in cases {
        let (mut script, _) = Script::greet(Login { capabilities, ..login(Channel::Clear) }, &greeting);
        let body = script.packet();
        let response = HandshakeResponse::decode(&body).unwrap();
        assert_eq!(response.head.capabilities.has(asked), agreed);
        assert!(!response.head.capabilities.has(Capabilities::SSL));
        assert!(greeting.capabilities.has(response.head.capabilities));
    }
}

#[test]
fn a_server_that_lacks_what_must_be_agreed_is_refused() {
    let bare = Greeting { capabilities: REQUIRED | Capabilities::MYSQL, ..greeting("caching_sha2_password") };
    let required = Login { required: Capabilities::DEPRECATE_EOF, database: None, ..login(Channel::Clear) };
    assert_eq!(Script::greet(required, &bare).1, Err(DialError::Lacks("DEPRECATE_EOF")));
    assert_eq!(Script::greet(login(Channel::Clear), &bare).1, Err(DialError::Lacks("CONNECT_WITH_DB")));
    let tls = Login { database: None, ..login(Channel::Tls) };
    assert_eq!(Script::greet(tls, &bare).1, Err(DialError::Lacks("SSL")));
    let old = Greeting { capabilities: Capabilities::PROTOCOL_41, ..bare };
    assert!(matches!(Script::greet(login(Channel::Clear), &old).1, Err(DialError::Fault(Fault::Unsupported(_)))));
}

#[test]
fn a_server_may_say_no_instead_of_a_greeting() {
    let mut machine = Dial::new(login(Channel::Tls));
    let mut buf = BytesMut::new();
    packet::put(&mut buf, 0, b"\xff\x10\x04Too many connections");
    let Err(DialError::Refused(error)) = machine.handle(&mut buf, &mut BytesMut::new()) else { panic!("a refusal") };
    assert_eq!((error.packet().unwrap().code, error.packet().unwrap().state), (1040, None));
    assert_eq!(format!("{machine:?}"), "Dial(closed)");
}

#[test]
fn an_error_shows_its_code_only() {
    let (mut script, _) = Script::greet(login(Channel::Clear), &greeting("caching_sha2_password"));
    script.packet();
    let error = script.raw(b"\xff\x15\x04#28000Access denied for user 'app'@'10.0.0.1'").unwrap_err();
    assert_eq!(error.to_string(), "the server refused the session: Some(ErrPacket(1045 28000))");
}

#[test]
fn tls_is_asked_for_before_anything_is_said() {
    let (mut script, progress) = Script::greet(login(Channel::Tls), &greeting("caching_sha2_password"));
    assert_eq!(progress, Ok(Progress::StartTls));
    let body = script.packet();
    let FirstReply::SslRequest(request) = FirstReply::decode(&body).unwrap() else { panic!("an SSLRequest") };
    assert!(request.capabilities.has(Capabilities::SSL));
    script.machine.secured(&mut script.out).unwrap();
    assert_eq!(script.signed_in(), ("caching_sha2_password".into(), SHA256_PROOF.to_vec()));
    assert!(script.sign_in_fast().capabilities.has(Capabilities::SSL));
}

#[test]
fn what_a_server_says_before_tls_is_refused() {
    let mut machine = Dial::new(login(Channel::Tls));
    let mut buf = BytesMut::new();
    packet::write(&mut buf, 0, |out| greeting("caching_sha2_password").encode(out));
    packet::put(&mut buf, 2, b"\0\0\0\x02\0\0\0");
    let mut out = BytesMut::new();
    assert!(matches!(machine.handle(&mut buf, &mut out), Err(DialError::Downgrade(_))));
    assert!(out.is_empty() && machine.secured(&mut out).is_err());
    let (mut script, _) = Script::greet(login(Channel::Tls), &greeting("caching_sha2_password"));
    script.packet();
    assert!(script.raw(b"\0\0\0\x02\0\0\0").is_err());
}

#[test]
fn scrambles_are_the_known_answers() {
    for (plugin, proof) in [("caching_sha2_password", &SHA256_PROOF[..]), ("mysql_native_password", &SHA1_PROOF)] {
        let (mut script, _) = Script::greet(login(Channel::Clear), &greeting(plugin));
        assert_eq!(script.signed_in(), (plugin.into(), proof.to_vec()));
        let (mut script, answer) = switched(login(Channel::Clear), plugin, &with_nul(&NONCE_OF_TESTS));
        assert_eq!(answer, proof);
        script.is_let_in();
    }
}

#[test]
fn without_a_password_there_is_no_scramble() {
    for (plugin, proof) in [("caching_sha2_password", &b"\0"[..]), ("mysql_native_password", b"")] {
        let login = Login { password: Secret::new(b""), ..login(Channel::Clear) };
        let (mut script, _) = Script::greet(login, &greeting(plugin));
        assert_eq!(script.signed_in(), (plugin.into(), proof.to_vec()));
        script.is_let_in();
    }
}

#[test]
fn a_plugin_that_shows_the_password_waits_until_it_is_asked_for() {
    for plugin in ["sha256_password", "mysql_clear_password", "client_ed25519", "auth_gssapi_client", ""] {
        let (mut script, _) = Script::greet(login(Channel::Clear), &greeting(plugin));
        assert_eq!(script.signed_in(), ("caching_sha2_password".into(), vec![]));
        let (mut script, _) = Script::greet(login(Channel::Clear), &mariadb(plugin));
        assert_eq!(script.signed_in(), ("mysql_native_password".into(), vec![]));
    }
}

#[test]
fn the_password_itself_goes_over_tls_and_unix_sockets() {
    for channel in [Channel::Tls, Channel::Socket] {
        let (mut script, _) = switched(login(channel), "caching_sha2_password", &with_nul(&NONCE_OF_TESTS));
        assert_eq!(script.raw(b"\x01\x04"), Ok(Progress::Pending));
        assert_eq!(script.packet(), with_nul(PASSWORD));
        script.is_let_in();
    }
    let (mut script, answer) = switched(login(Channel::Tls), "sha256_password", &with_nul(&NONCE_OF_TESTS));
    assert_eq!(answer, with_nul(PASSWORD));
    script.is_let_in();
}

#[test]
fn a_public_key_is_asked_for_on_loopback() {
    let (mut script, _) = switched(login(Channel::Loopback), "caching_sha2_password", &with_nul(&NONCE_OF_TESTS));
    assert_eq!(script.raw(b"\x01\x04"), Ok(Progress::Pending));
    assert_eq!(script.packet(), b"\x02");
    assert_eq!(script.raw(b"\x01no key"), Err(DialError::PublicKey));
    for channel in [Channel::Loopback, Channel::Socket] {
        let (mut script, answer) = switched(login(channel), "sha256_password", &with_nul(&NONCE_OF_TESTS));
        assert_eq!(answer, b"\x01");
        let key = [&b"\x01"[..], rsa::tests::PUBLIC_KEY.as_bytes()].concat();
        assert_eq!(script.raw(&key), Ok(Progress::Pending));
        assert_eq!(script.packet().len(), 256);
        script.is_let_in();
    }
}

#[test]
fn a_password_never_leaves_in_clear() {
    let (mut script, _) = switched(login(Channel::Clear), "caching_sha2_password", &with_nul(&NONCE_OF_TESTS));
    assert!(matches!(script.raw(b"\x01\x04"), Err(DialError::Downgrade(_))));
    let error = not_switched(login(Channel::Clear), "sha256_password", &with_nul(&NONCE_OF_TESTS));
    assert!(matches!(error, DialError::Downgrade(_)));
    for channel in [Channel::Clear, Channel::Loopback, Channel::Socket] {
        let login = Login { clear_password: ClearPassword::OverTls, ..login(channel) };
        assert!(matches!(not_switched(login, "mysql_clear_password", b""), DialError::Downgrade(_)));
    }
}

#[test]
fn the_clear_plugin_needs_leave() {
    let error = not_switched(login(Channel::Tls), "mysql_clear_password", b"");
    assert!(matches!(error, DialError::Downgrade(_)));
    let login = Login { clear_password: ClearPassword::OverTls, ..login(Channel::Tls) };
    let (mut script, answer) = switched(login, "mysql_clear_password", b"");
    assert_eq!(answer, with_nul(PASSWORD));
    script.is_let_in();
}

#[test]
fn ed25519_is_the_signature_of_rfc_8032_where_the_password_is_a_seed() {
    let seed = [b's'; 32];
    let login = Login { password: Secret::new(&seed), ..login(Channel::Clear) };
    let nonce: [u8; 32] = std::array::from_fn(|index| 31 - index as u8);
    let (mut script, answer) = switched(login, "client_ed25519", &nonce);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    assert_eq!(answer, pair.sign(&nonce).as_ref());
    script.is_let_in();
}

#[test]
fn parsec_signs_both_nonces_with_the_derived_key() {
    // MariaDB writes the salt without a byte before it; with one it means the same.
    for before in [&b""[..], b"\x01"] {
        let (mut script, answer) = switched(login(Channel::Clear), "parsec", &LONG_NONCE);
        assert_eq!(answer, b"");
        let salt = *b"eighteen bytes ...";
        assert_eq!(script.raw(&[before, b"P\x01", &salt].concat()), Ok(Progress::Pending));
        let answer = script.packet();
        let (ours, signature) = answer.split_at(32);
        let mut seed = [0; 32];
        pbkdf2::derive(PBKDF2_HMAC_SHA512, 2_048.try_into().unwrap(), &salt, PASSWORD, &mut seed);
        let public = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, public.public_key().as_ref());
        public.verify(&[&LONG_NONCE, ours].concat(), signature).unwrap();
        script.is_let_in();
    }
}

#[test]
fn a_salt_of_another_form_is_refused() {
    for salt in [
        &b"P\x01short"[..],
        b"Q\x01eighteen bytes ...",
        b"P\x04eighteen bytes ...",
        b"P\x01eighteen bytes ....",
        b"\x01",
    ] {
        let (mut script, _) = switched(login(Channel::Clear), "parsec", &LONG_NONCE);
        assert_eq!(script.raw(salt), Err(DialError::Plugin("parsec")), "{salt:?}");
    }
}

#[test]
fn a_nonce_of_another_length_is_refused() {
    for (plugin, data) in [
        ("caching_sha2_password", &b""[..]),
        ("caching_sha2_password", b"too short"),
        ("mysql_native_password", &[7; 21]),
        ("mysql_native_password", &[0; 22]),
        ("client_ed25519", &[7; 20]),
        ("parsec", &[7; 34]),
    ] {
        assert_eq!(not_switched(login(Channel::Clear), plugin, data), DialError::Plugin(plugin));
    }
}

#[test]
fn a_long_nonce_may_end_in_a_nul_of_its_own() {
    let (_, whole) = switched(login(Channel::Clear), "client_ed25519", &LONG_NONCE);
    let (_, ended) = switched(login(Channel::Clear), "client_ed25519", &[0; 33]);
    assert_eq!(whole, ended);
}

#[test]
fn other_plugins_and_second_factors_are_refused() {
    for plugin in ["dialog", "auth_gssapi_client", "mysql_old_password", "", "authentication_webauthn_client"] {
        assert_eq!(not_switched(login(Channel::Tls), plugin, b""), DialError::Plugin("unknown"));
    }
    let openid = "authentication_openid_connect_client";
    assert_eq!(not_switched(login(Channel::Tls), openid, b""), DialError::Plugin(openid));
    for body in [&b"\xfe"[..], b"\x02authentication_ldap\0"] {
        let (mut script, _) = Script::greet(login(Channel::Clear), &greeting("caching_sha2_password"));
        script.packet();
        assert!(matches!(script.raw(body), Err(DialError::Fault(Fault::Unsupported(_)))));
    }
}

#[test]
fn data_that_was_not_asked_for_is_refused() {
    for (plugin, data) in [("mysql_native_password", &b"\x01\x04"[..]), ("caching_sha2_password", b"\x01\x05")] {
        let (mut script, _) = switched(login(Channel::Tls), plugin, &with_nul(&NONCE_OF_TESTS));
        assert!(matches!(script.raw(data), Err(DialError::Plugin(_))));
    }
    let (mut script, _) = switched(login(Channel::Tls), "caching_sha2_password", &with_nul(&NONCE_OF_TESTS));
    assert_eq!(script.raw(b"\x01\x03"), Ok(Progress::Pending));
    assert!(script.raw(b"\x01\x04").is_err());
}

#[test]
fn a_server_switches_only_so_often() {
    let (mut script, _) = Script::greet(login(Channel::Clear), &greeting("caching_sha2_password"));
    script.packet();
    for _ in 0..SWITCHES {
        assert_eq!(script.switch("mysql_native_password", &with_nul(&NONCE_OF_TESTS)), Ok(Progress::Pending));
        script.packet();
    }
    assert!(script.switch("mysql_native_password", &with_nul(&NONCE_OF_TESTS)).is_err());
}

#[test]
fn the_session_s_state_comes_with_the_ok() {
    let (mut script, _) = Script::greet(login(Channel::Clear), &greeting("caching_sha2_password"));
    script.packet();
    let progress = script.raw(b"\0\0\0\x02\x40\0\0\0\x07\x01\x05\x04shop");
    let Ok(Progress::Ready(ready)) = progress else { panic!("{progress:?}") };
    let changes: Vec<_> = ready.ok().state().changes().collect();
    assert_eq!(changes, [crate::response::StateChange::Schema(b"shop")]);
}

#[test]
fn the_text_of_the_ok_is_left_out() {
    for (capabilities, state) in
        [(HONOURED, &b"\x07\x01\x05\x04shop"[..]), (HONOURED, b""), (Capabilities::default(), b"")]
    {
        let login = Login { capabilities, ..login(Channel::Clear) };
        let (mut script, _) = Script::greet(login, &greeting("caching_sha2_password"));
        script.packet();
        let status = if state.is_empty() { 0 } else { 0x40 };
        let progress = script.raw(&[b"\0\0\0\x02", &[status][..], b"\0\0\x03\x01AB", state].concat());
        let Ok(Progress::Ready(ready)) = progress else { panic!("{progress:?}") };
        let mut out = BytesMut::new();
        ready.ok().encode(&mut out);
        let text: &[u8] = if state.is_empty() { b"" } else { b"\0" };
        assert_eq!(out[7..], [text, state].concat());
    }
}

#[test]
fn what_follows_the_ok_stays_in_the_buffer() {
    let (mut script, _) = Script::greet(login(Channel::Clear), &greeting("mysql_native_password"));
    script.packet();
    script.buf.extend_from_slice(b"\x07\0\0\x02\0\0\0\x02\0\0\0next");
    assert!(matches!(script.machine.handle(&mut script.buf, &mut script.out), Ok(Progress::Ready(_))));
    assert_eq!(&script.buf[..], b"next");
}

#[test]
fn a_greeting_may_come_in_any_pieces() {
    let mut stream = BytesMut::new();
    packet::write(&mut stream, 0, |out| greeting("mysql_native_password").encode(out));
    let (mut machine, mut buf, mut out) = (Dial::new(login(Channel::Clear)), BytesMut::new(), BytesMut::new());
    for byte in stream {
        assert!(out.is_empty());
        buf.extend_from_slice(&[byte]);
        assert_eq!(machine.handle(&mut buf, &mut out), Ok(Progress::Pending));
    }
    assert!(!out.is_empty());
}

proptest! {
    #[test]
    fn hostile_servers_never_panic(
        plugin in 0..Plugin::ALL.len(),
        channel in 0..4_usize,
        long in any::<bool>(),
        noise in vec(any::<u8>(), 0..300),
        more in vec(any::<u8>(), 0..60),
    ) {
        let channel = [Channel::Clear, Channel::Loopback, Channel::Socket, Channel::Tls][channel];
        let mut raw = BytesMut::from(&noise[..]);
        let _ = Dial::new(login(channel)).handle(&mut raw, &mut BytesMut::new());
        let mut framed = BytesMut::new();
        packet::put(&mut framed, 0, &noise);
        let _ = Dial::new(login(channel)).handle(&mut framed, &mut BytesMut::new());
        let (mut script, progress) = Script::greet(login(channel), &greeting("caching_sha2_password"));
        if progress == Ok(Progress::StartTls) {
            script.packet();
            script.machine.secured(&mut script.out).unwrap();
        }
        script.packet();
        let nonce = if long { &LONG_NONCE[..] } else { &NONCE_OF_TESTS };
        if script.switch(Plugin::ALL[plugin].name(), nonce).is_ok() {
            script.packet();
            if script.raw(&[&b"\x01"[..], &more].concat()).is_ok() {
                let _ = script.raw(&noise);
            }
        }
    }
}
