//! Clients signing in: scripted ones for each plugin, wrong proofs, and packets that do not belong there.

use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::handshake::{Reply, SslRequest};
use crate::response::OkPacket;
use crate::{Pairs, packet};

const SECRET: &[u8] = b"s3cret";
const WANTED: Capabilities = crate::capabilities::HONOURED;

fn server(flavour: Flavour, channel: Channel) -> Server<'static> {
    Server {
        version: b"9.7.0-portcullis",
        flavour,
        connection: 42,
        capabilities: WANTED,
        collation: 255,
        random: *b"\0$\x80\xa4abcdefghijklmnop",
        channel,
    }
}

/// A client that follows a script, and checks sequence ids.
struct Script {
    machine: SignIn,
    out: BytesMut,
    sequence: u8,
    nonce: [u8; NONCE],
    capabilities: Capabilities,
    attributes: &'static [u8],
}

const LINUX: &[u8] = b"\x03_os\x05Linux";
const LIBMYSQL: &[u8] = b"\x03_os\x05Linux\x0c_client_name\x08libmysql";

impl Script {
    fn greeted(flavour: Flavour, channel: Channel) -> Self {
        let mut out = BytesMut::new();
        let machine = SignIn::greet(&server(flavour, channel), &mut out);
        let mut script = Self {
            machine,
            out,
            sequence: 0,
            nonce: [0; NONCE],
            capabilities: Capabilities::default(),
            attributes: LINUX,
        };
        let body = script.packet();
        let greeting = Greeting::decode(&body).unwrap();
        assert_eq!(greeting.plugin, b"caching_sha2_password");
        (script.nonce, script.capabilities) = (greeting.nonce, greeting.capabilities.without(Capabilities::SSL));
        script
    }

    fn on(channel: Channel) -> Self {
        Self::greeted(Flavour::MySql, channel)
    }

    /// The next packet that the server wrote.
    fn packet(&mut self) -> Vec<u8> {
        let frame = packet::split(&mut self.out, self.sequence, 1 << 20).unwrap().expect("a packet");
        self.sequence = frame.next_sequence();
        frame.body().to_vec()
    }

    fn send(&mut self, body: &[u8]) -> Result<Outcome, Fault> {
        let mut buf = BytesMut::new();
        self.sequence = packet::put(&mut buf, self.sequence, body);
        self.machine.handle(&mut buf, &mut self.out)
    }

    fn sign_in(&mut self, user: &[u8], plugin: &str, proof: &[u8]) -> Outcome {
        let mut body = BytesMut::new();
        self.response(user, plugin, proof).encode(&mut body);
        self.send(&body).unwrap()
    }

    fn response<'a>(&self, user: &'a [u8], plugin: &'a str, proof: &'a [u8]) -> HandshakeResponse<'a> {
        HandshakeResponse {
            head: SslRequest { capabilities: self.capabilities, max_packet: 1 << 24, collation: 45 },
            user,
            proof: Credential(proof),
            database: Some(b"shop"),
            plugin: plugin.as_bytes(),
            attributes: Some(Pairs::decode(self.attributes, "attribute").unwrap()),
        }
    }

    /// The scramble of [`SECRET`] by the nonce of the greeting.
    fn scramble(&self) -> Vec<u8> {
        scramble_sha256(&self.nonce, SECRET).unwrap().to_vec()
    }

    /// The plugin that the server switches to, and its nonce.
    fn switched(&mut self) -> (String, [u8; NONCE]) {
        let body = self.packet();
        let request = AuthSwitchRequest::decode(&body).unwrap();
        (String::from_utf8(request.plugin.to_vec()).unwrap(), request.nonce().try_into().unwrap())
    }

    /// The code of the error that the server wrote last.
    fn error(&mut self) -> (u16, [u8; 5]) {
        let body = self.packet();
        let error = ErrPacket::decode(&body).unwrap();
        assert!(self.out.is_empty());
        assert_eq!(self.machine.accept(&ok(), &mut BytesMut::new()), Err(Unexpected("OK")));
        (error.code, error.state.unwrap())
    }

    fn verified(&mut self, verifiers: Option<&Verifiers>) -> Outcome {
        self.machine.verify(verifiers, &mut self.out).unwrap()
    }

    fn is_let_in(&mut self) {
        self.machine.accept(&ok(), &mut self.out).unwrap();
        let body = self.packet();
        assert!(matches!(Reply::decode(&body, WANTED), Ok(Reply::Ok(_))), "{body:?}");
        assert!(self.out.is_empty());
    }
}

fn ok() -> OkPacket<'static> {
    OkPacket::new(WANTED, Status::AUTOCOMMIT)
}

fn token(text: &[u8]) -> Outcome {
    Outcome::Token(Secret::new(text))
}

#[test]
fn a_greeting_offers_what_is_allowed_and_what_every_client_needs() {
    for (flavour, extended) in [(Flavour::MySql, 0), (Flavour::MariaDb, 0x1d)] {
        let mut out = BytesMut::new();
        let nothing = Server { capabilities: Capabilities::default(), ..server(flavour, Channel::Clear) };
        SignIn::greet(&nothing, &mut out);
        let needed = Greeting::decode(&out[4..]).unwrap().capabilities;
        assert!(needed.has(REQUIRED | Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA | Capabilities::CONNECT_ATTRS));
        assert!(!needed.has_any(Capabilities::SSL | Capabilities::LOCAL_FILES | Capabilities::MULTI_STATEMENTS));
        let mut out = BytesMut::new();
        SignIn::greet(&server(flavour, Channel::Clear), &mut out);
        let all = Greeting::decode(&out[4..]).unwrap().capabilities;
        assert_eq!((all.has(Capabilities::MYSQL), all.extended()), (flavour == Flavour::MySql, extended));
        assert!(WANTED.has(all));
    }
}

#[test]
fn a_nonce_is_text_without_ends() {
    let script = Script::on(Channel::Clear);
    assert_eq!(&script.nonce, b"\x01%\x01%abcdefghijklmnop");
    for byte in 0..=255 {
        assert!(nonce([byte; NONCE]).iter().all(|&letter| letter != 0 && letter != b'$' && letter < 0x80));
    }
}

#[test]
fn what_is_agreed_was_offered_and_wanted() {
    let mut script = Script::on(Channel::Tls);
    script.capabilities = Capabilities::from_parts(u32::MAX, 0)
        .without(Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION_ALGORITHM | Capabilities::SSL);
    script.sign_in(b"ann", "mysql_clear_password", b"jwt\0");
    let client = script.machine.client().unwrap();
    assert!(WANTED.has(client.capabilities));
    assert_eq!((&client.user[..], client.database.as_deref()), (&b"ann"[..], Some(&b"shop"[..])));
    assert_eq!((client.max_packet, client.collation), (1 << 24, 45));
    assert_eq!(client.attributes().iter().collect::<Vec<_>>(), [(&b"_os"[..], &b"Linux"[..])]);
}

#[test]
fn extended_capabilities_are_agreed_with_mariadb_only() {
    for (flavour, agreed) in [(Flavour::MySql, false), (Flavour::MariaDb, true)] {
        let mut script = Script::greeted(flavour, Channel::Tls);
        script.capabilities = REQUIRED | Capabilities::PROGRESS;
        script.sign_in(b"ann", "mysql_clear_password", b"jwt\0");
        let client = script.machine.client().unwrap();
        assert_eq!(client.capabilities.has(Capabilities::PROGRESS), agreed);
    }
}

#[test]
fn a_minted_secret_is_proven_at_once() {
    for channel in [Channel::Clear, Channel::Loopback, Channel::Socket, Channel::Tls] {
        let mut script = Script::on(channel);
        let scramble = script.scramble();
        assert_eq!(script.sign_in(b"pc_1", "caching_sha2_password", &scramble), Outcome::Verify);
        assert_eq!(script.machine.client().unwrap().user, b"pc_1");
        assert_eq!(script.verified(Some(&Verifiers::of(SECRET))), Outcome::Proven);
        script.machine.accept(&ok(), &mut script.out).unwrap();
        assert_eq!(&script.out[..], b"\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0");
    }
}

#[test]
fn a_minted_secret_is_proven_by_the_old_plugin_too() {
    let mut script = Script::greeted(Flavour::MariaDb, Channel::Clear);
    // It may come with a proof, which was made with who knows what nonce.
    assert_eq!(script.sign_in(b"pc_1", "mysql_native_password", &[7; 20]), Outcome::Pending);
    let (plugin, nonce) = script.switched();
    assert_eq!((plugin.as_str(), nonce), ("mysql_native_password", script.nonce));
    let proof = scramble_native(&nonce, SECRET).unwrap();
    assert_eq!(script.send(&proof), Ok(Outcome::Verify));
    assert_eq!(script.verified(Some(&Verifiers::of(SECRET))), Outcome::Proven);
    script.is_let_in();
}

#[test]
fn a_minted_client_with_another_plugin_is_switched() {
    for plugin in ["", "mysql_clear_password", "sha256_password", "dummy_fallback_auth"] {
        let mut script = Script::on(Channel::Tls);
        assert_eq!(script.sign_in(b"pc_1", plugin, b"s3cret\0"), Outcome::Pending);
        assert_eq!(script.switched().0, "caching_sha2_password");
        let scramble = script.scramble();
        assert_eq!(script.send(&scramble), Ok(Outcome::Verify));
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_name_look_alike() {
    for plugin in ["caching_sha2_password", "mysql_native_password"] {
        let answers = [Some(Verifiers::of(b"other")), None].map(|verifiers| {
            let mut script = Script::on(Channel::Clear);
            let mut scramble = script.scramble();
            let mut said = Vec::new();
            if script.sign_in(b"pc_1", plugin, &scramble) == Outcome::Pending {
                said = script.packet();
                scramble = scramble_native(&script.nonce, SECRET).unwrap().to_vec();
                assert_eq!(script.send(&scramble), Ok(Outcome::Verify));
            }
            assert_eq!(script.verified(verifiers.as_ref()), Outcome::Refused);
            said.extend_from_slice(&script.out);
            assert_eq!(script.error(), (1045, *b"28000"));
            said
        });
        assert_eq!(answers[0], answers[1]);
    }
}

#[test]
fn the_secret_of_nobody_opens_nothing() {
    // Double hashes of zeros stand for a name that does not exist: even who knew what they are of is refused.
    let mut script = Script::on(Channel::Clear);
    let scramble = script.scramble();
    script.sign_in(b"pc_1", "caching_sha2_password", &scramble);
    assert_eq!(script.verified(None), Outcome::Refused);
    assert!(script.machine.verify(Some(&Verifiers::of(SECRET)), &mut script.out).is_err());
}

#[test]
fn a_scramble_of_another_length_is_refused() {
    for length in [0, 1, 20, 31, 33, 64] {
        let mut script = Script::on(Channel::Clear);
        assert_eq!(script.sign_in(b"pc_1", "caching_sha2_password", &vec![0; length]), Outcome::Refused);
        assert_eq!(script.error(), (1045, *b"28000"));
    }
}

#[test]
fn a_token_travels_as_a_password_over_tls() {
    for channel in [Channel::Tls, Channel::Socket] {
        let mut script = Script::on(channel);
        assert_eq!(script.sign_in(b"ann", "caching_sha2_password", &[7; 32]), Outcome::Pending);
        assert_eq!(script.packet(), b"\x01\x04");
        let long = [&[b'x'; 60_000][..], &[0]].concat();
        assert_eq!(script.send(&long), Ok(token(&[b'x'; 60_000])));
        script.is_let_in();
    }
}

#[test]
fn on_loopback_a_token_needs_the_clear_plugin() {
    for plugin in ["caching_sha2_password", "mysql_native_password", "", "dialog"] {
        let mut script = Script::on(Channel::Loopback);
        assert_eq!(script.sign_in(b"ann", plugin, &[7; 32]), Outcome::Pending);
        assert_eq!(script.switched().0, "mysql_clear_password");
        assert_eq!(script.send(b"jwt\0"), Ok(token(b"jwt")));
        script.is_let_in();
    }
}

#[test]
fn a_token_may_come_at_once() {
    for channel in [Channel::Loopback, Channel::Tls] {
        let mut script = Script::on(channel);
        assert_eq!(script.sign_in(b"ann", "mysql_clear_password", b"jwt\0"), token(b"jwt"));
        script.is_let_in();
        let mut script = Script::on(channel);
        let plugin = "authentication_openid_connect_client";
        assert_eq!(script.sign_in(b"ann", plugin, b"\x01\x03jwt"), token(b"jwt"));
        script.is_let_in();
    }
}

#[test]
fn a_client_of_mysql_s_without_a_password_is_asked_for_its_identity_token() {
    let plugin = "authentication_openid_connect_client";
    for (named, proof) in [("caching_sha2_password", &b""[..]), ("caching_sha2_password", b"\0"), (plugin, b"")] {
        for (answer, outcome) in [(&b"\x01\x03jwt"[..], token(b"jwt")), (b"", Outcome::Refused)] {
            let mut script = Script::on(Channel::Tls);
            script.attributes = LIBMYSQL;
            assert_eq!(script.sign_in(b"ann", named, proof), Outcome::Pending);
            assert_eq!(script.switched().0, plugin);
            assert_eq!(script.send(answer), Ok(outcome));
        }
    }
}

#[test]
fn a_client_without_a_password_that_has_no_identity_token_is_refused() {
    for (channel, attributes) in [(Channel::Tls, LINUX), (Channel::Loopback, LINUX), (Channel::Loopback, LIBMYSQL)] {
        for proof in [&b""[..], b"\0"] {
            let mut script = Script::on(channel);
            script.attributes = attributes;
            assert_eq!(script.sign_in(b"ann", "caching_sha2_password", proof), Outcome::Refused);
            assert_eq!(script.error(), (1045, *b"28000"));
        }
    }
}

#[test]
fn no_token_is_refused() {
    let plugin = "authentication_openid_connect_client";
    for (named, proof) in [("mysql_clear_password", &b"\0"[..]), (plugin, b"\x01\x00")] {
        let mut script = Script::on(Channel::Tls);
        assert_eq!(script.sign_in(b"ann", named, proof), Outcome::Refused);
        assert_eq!(script.error(), (1045, *b"28000"));
    }
    let mut script = Script::on(Channel::Tls);
    script.sign_in(b"ann", "caching_sha2_password", &[7; 32]);
    script.packet();
    assert_eq!(script.send(b"\0"), Ok(Outcome::Refused));
    assert_eq!(script.error(), (1045, *b"28000"));
}

#[test]
fn an_identity_token_of_another_form_is_refused() {
    for proof in [&b"\x02\x03jwt"[..], b"\x01\x04jwt", b"\x01\x02jwt", b"jwt"] {
        let mut script = Script::on(Channel::Tls);
        let mut body = BytesMut::new();
        script.response(b"ann", "authentication_openid_connect_client", proof).encode(&mut body);
        assert!(script.send(&body).is_err());
        assert!(script.send(&body).is_err());
    }
}

#[test]
fn a_token_is_never_asked_for_in_clear() {
    for plugin in Plugin::ALL {
        let mut script = Script::on(Channel::Clear);
        assert_eq!(script.sign_in(b"ann", plugin.name(), b"\x01\x03jwt"), Outcome::Refused);
        assert_eq!(script.error(), (3159, *b"HY000"));
    }
}

#[test]
fn a_refused_token_looks_like_a_wrong_secret() {
    let mut script = Script::on(Channel::Tls);
    script.sign_in(b"ann", "mysql_clear_password", b"jwt\0");
    assert_eq!(script.machine.refuse(&mut script.out), Outcome::Refused);
    assert_eq!(script.error(), (1045, *b"28000"));
}

#[test]
fn tls_begins_the_sign_in_anew() {
    let mut script = Script::on(Channel::Clear);
    let head = script.response(b"", "", b"").head;
    let mut request = BytesMut::new();
    SslRequest { capabilities: script.capabilities | Capabilities::SSL, ..head }.encode(&mut request);
    let mut buf = BytesMut::new();
    script.sequence = packet::put(&mut buf, 1, &request);
    buf.extend_from_slice(b"\x16\x03\x01");
    let outcome = script.machine.handle(&mut buf, &mut script.out);
    assert_eq!(outcome, Ok(Outcome::StartTls { early: Bytes::from_static(b"\x16\x03\x01") }));
    assert!(buf.is_empty() && script.machine.client().is_none());
    script.machine.secured().unwrap();
    script.capabilities = script.capabilities | Capabilities::SSL;
    assert_eq!(script.sign_in(b"ann", "mysql_clear_password", b"jwt\0"), token(b"jwt"));
    script.is_let_in();
}

#[test]
fn what_follows_an_ssl_request_is_tls_or_refused() {
    let mut script = Script::on(Channel::Clear);
    let head = script.response(b"", "", b"").head;
    let mut request = BytesMut::new();
    SslRequest { capabilities: script.capabilities | Capabilities::SSL, ..head }.encode(&mut request);
    let mut buf = BytesMut::new();
    packet::put(&mut buf, 1, &request);
    let mut sign_in = BytesMut::new();
    script.response(b"ann", "mysql_clear_password", b"jwt\0").encode(&mut sign_in);
    packet::put(&mut buf, 2, &sign_in);
    let fault = script.machine.handle(&mut buf, &mut script.out);
    assert_eq!(fault, Err(Malformed::Invalid("bytes after SSLRequest").into()));
    assert!(script.machine.secured().is_err());
}

#[test]
fn tls_that_was_not_offered_or_asked_for_is_refused() {
    let mut out = BytesMut::new();
    let plain = Server { capabilities: REQUIRED, ..server(Flavour::MySql, Channel::Clear) };
    let mut machine = SignIn::greet(&plain, &mut out);
    assert_eq!(machine.secured(), Err(Unexpected("TLS")));
    let mut machine = SignIn::greet(&plain, &mut out);
    let mut buf = BytesMut::new();
    let request = SslRequest { capabilities: REQUIRED | Capabilities::SSL, max_packet: 0, collation: 8 };
    packet::write(&mut buf, 1, |out| request.encode(out));
    assert_eq!(machine.handle(&mut buf, &mut out), Err(Unexpected("SSLRequest").into()));
}

#[test]
fn nothing_is_read_between_an_ssl_request_and_tls() {
    let mut script = Script::on(Channel::Clear);
    let head = script.response(b"", "", b"").head;
    let mut request = BytesMut::new();
    SslRequest { capabilities: script.capabilities | Capabilities::SSL, ..head }.encode(&mut request);
    script.send(&request).unwrap();
    let mut sign_in = BytesMut::new();
    script.response(b"ann", "mysql_clear_password", b"jwt\0").encode(&mut sign_in);
    assert!(script.send(&sign_in).is_err());
    assert!(script.machine.secured().is_err());
}

#[test]
fn a_packet_may_come_in_any_pieces() {
    let mut script = Script::on(Channel::Tls);
    let mut body = BytesMut::new();
    script.response(b"ann", "mysql_clear_password", b"jwt\0").encode(&mut body);
    let (mut stream, mut buf) = (BytesMut::new(), BytesMut::new());
    packet::put(&mut stream, 1, &body);
    let (last, first) = stream.split_last().unwrap();
    for byte in first {
        buf.extend_from_slice(&[*byte]);
        assert_eq!(script.machine.handle(&mut buf, &mut script.out), Ok(Outcome::Pending));
    }
    buf.extend_from_slice(&[*last]);
    assert_eq!(script.machine.handle(&mut buf, &mut script.out), Ok(token(b"jwt")));
}

#[test]
fn a_sequence_id_out_of_order_and_a_long_packet_are_refused() {
    let mut script = Script::on(Channel::Tls);
    let mut buf = BytesMut::from(&b"\x01\0\0\x02x"[..]);
    assert_eq!(script.machine.handle(&mut buf, &mut script.out), Err(Malformed::Invalid("sequence id").into()));
    let mut script = Script::on(Channel::Tls);
    let mut buf = BytesMut::from(&b"\x01\0\x02\x01"[..]);
    let over = Fault::OverLimit { length: 0x2_0001, limit: 0x2_0000 };
    assert_eq!(script.machine.handle(&mut buf, &mut script.out), Err(over));
}

#[test]
fn nothing_is_read_while_the_caller_judges() {
    let mut script = Script::on(Channel::Tls);
    script.sign_in(b"ann", "mysql_clear_password", b"jwt\0");
    assert!(script.send(b"\x03select 1").is_err());
    assert!(script.machine.accept(&ok(), &mut script.out).is_err());
}

#[test]
fn an_error_of_the_callers_has_the_next_sequence_id() {
    let mut script = Script::on(Channel::Tls);
    assert!(script.send(b"nonsense").is_err());
    script.machine.fail(&ErrPacket::new(1043, *b"08S01", "Bad handshake"), &mut script.out);
    assert_eq!(script.error(), (1043, *b"08S01"));
}

fn client(capabilities: Capabilities) -> Client {
    let mut script = Script::on(Channel::Tls);
    script.capabilities = capabilities;
    script.sign_in(b"pc_1", "caching_sha2_password", &[7; 32]);
    script.machine.client().unwrap().clone()
}

fn change<'f>(user: &'f [u8], plugin: &'f str, proof: &'f [u8]) -> ChangeUser<'f> {
    let tail = crate::command::Tail { collation: 300, plugin: plugin.as_bytes(), attributes: None };
    ChangeUser { user, proof: Credential(proof), database: b"", tail: Some(tail) }
}

#[test]
fn another_user_signs_in_anew() {
    let before = client(WANTED.without(Capabilities::SSL));
    let again = Again { client: &before, channel: Channel::Tls, sequence: 1, random: [b'n'; NONCE] };
    for (user, plugin, proof, asked) in [
        (&b"pc_2"[..], "caching_sha2_password", &[7; 32][..], "caching_sha2_password"),
        (b"pc_2", "mysql_native_password", &[7; 20], "mysql_native_password"),
        (b"bob", "caching_sha2_password", &[7; 32], "caching_sha2_password"),
        (b"bob", "mysql_native_password", &[7; 20], "caching_sha2_password"),
        (b"bob", "authentication_openid_connect_client", b"", "authentication_openid_connect_client"),
    ] {
        let mut out = BytesMut::new();
        let (machine, outcome) = SignIn::change_user(&again, &change(user, plugin, proof), &mut out).unwrap();
        assert_eq!(outcome, Outcome::Pending);
        let request = AuthSwitchRequest::decode(&out[4..]).unwrap();
        assert_eq!((out[3], request.plugin, request.nonce()), (1, asked.as_bytes(), &[b'n'; NONCE][..]));
        let client = machine.client().unwrap();
        assert_eq!((&client.user[..], &client.database, client.collation), (user, &None, 300));
        assert_eq!(client.capabilities, before.capabilities);
    }
}

#[test]
fn a_client_that_never_named_the_default_plugin_is_not_switched_to_it() {
    let mut script = Script::on(Channel::Tls);
    script.sign_in(b"ann", "mysql_native_password", b"");
    let before = script.machine.client().unwrap().clone();
    let again = Again { client: &before, channel: Channel::Tls, sequence: 1, random: [b'n'; NONCE] };
    let mut out = BytesMut::new();
    let change = change(b"bob", "mysql_native_password", &[7; 20]);
    let (_, outcome) = SignIn::change_user(&again, &change, &mut out).unwrap();
    assert_eq!(outcome, Outcome::Pending);
    assert_eq!(AuthSwitchRequest::decode(&out[4..]).unwrap().plugin, b"mysql_clear_password");
}

#[test]
fn another_user_s_token_is_read_to_the_end() {
    let before = client(WANTED.without(Capabilities::SSL));
    let again = Again { client: &before, channel: Channel::Tls, sequence: 1, random: [b'n'; NONCE] };
    let mut out = BytesMut::new();
    let change = change(b"bob", "caching_sha2_password", &[7; 32]);
    let (mut machine, _) = SignIn::change_user(&again, &change, &mut out).unwrap();
    let mut buf = BytesMut::new();
    packet::put(&mut buf, 2, &[8; 32]);
    out.clear();
    assert_eq!(machine.handle(&mut buf, &mut out), Ok(Outcome::Pending));
    assert_eq!(&out[..], b"\x02\0\0\x03\x01\x04");
    packet::put(&mut buf, 4, b"jwt\0");
    assert_eq!(machine.handle(&mut buf, &mut out), Ok(token(b"jwt")));
    out.clear();
    machine.accept(&ok(), &mut out).unwrap();
    assert_eq!(out[3], 5);
}

/// Which of the scripted beginnings a hostile client goes on from.
fn begun(state: u8) -> Script {
    let channel = [Channel::Clear, Channel::Loopback, Channel::Tls][usize::from(state % 3)];
    let mut script = Script::on(channel);
    let scramble = script.scramble();
    match state {
        0..6 => {}
        6..9 => drop(script.sign_in(b"pc_1", "mysql_native_password", b"")),
        9..12 => drop(script.sign_in(b"ann", "caching_sha2_password", &scramble)),
        _ => drop(script.sign_in(b"ann", "authentication_openid_connect_client", b"")),
    }
    script.out.clear();
    script.sequence = if state < 6 { 1 } else { 3 };
    script
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic_and_never_prove(
        state in 0..15_u8,
        noise in vec(any::<u8>(), 0..80),
        framed in any::<bool>(),
    ) {
        let mut script = begun(state);
        let mut buf = BytesMut::new();
        if framed {
            packet::put(&mut buf, script.sequence, &noise);
        } else {
            buf.extend_from_slice(&noise);
        }
        let outcome = script.machine.handle(&mut buf, &mut script.out);
        if let Ok(Outcome::Verify) = outcome {
            let outcome = script.machine.verify(Some(&Verifiers::of(SECRET)), &mut script.out);
            prop_assert_eq!(outcome, Ok(Outcome::Refused));
        } else if outcome.is_err() {
            prop_assert!(script.machine.accept(&ok(), &mut script.out).is_err());
            prop_assert!(script.machine.secured().is_err());
        }
    }

    /// A real sign-in with some bytes changed.
    #[test]
    fn a_near_miss_never_proves(
        flips in vec((0..120_usize, any::<u8>()), 1..4),
    ) {
        let mut script = Script::on(Channel::Clear);
        let (mut body, scramble) = (BytesMut::new(), script.scramble());
        script.response(b"pc_1", "caching_sha2_password", &scramble).encode(&mut body);
        let before = body.clone();
        for (at, byte) in flips {
            let at = at % body.len();
            body[at] = byte;
        }
        // Byte 37 is the proof's length; the proof follows.
        let same_proof = before[37..70] == body[37..70];
        if let Ok(Outcome::Verify) = script.send(&body) {
            let outcome = script.machine.verify(Some(&Verifiers::of(SECRET)), &mut script.out).unwrap();
            prop_assert_eq!(outcome == Outcome::Proven, same_proof);
        }
    }
}
