//! Both halves of a sign-in against each other: our server's side and our client's side, packet by packet, in clear and
//! over TLS (which here is only said to have begun).

use bytes::BytesMut;
use portcullis_mysql::capabilities::{HONOURED, SHAPING};
use portcullis_mysql::dial::{ClearPassword, Dial, DialError, Login, Progress, Ready};
use portcullis_mysql::response::{OkPacket, Status};
use portcullis_mysql::sign_in::{Outcome, Server, SignIn, Verifiers};
use portcullis_mysql::{Capabilities, Channel, Flavour, Secret};
use proptest::prelude::*;

const SECRET: &[u8] = b"0123456789abcdef";

fn server(flavour: Flavour, channel: Channel) -> Server<'static> {
    let version: &[u8] = match flavour {
        Flavour::MySql => b"9.7.0",
        Flavour::MariaDb => b"5.5.5-10.11.6-MariaDB",
    };
    // TLS is what the connection turns into: the greeting always goes out in clear.
    let channel = if channel == Channel::Tls { Channel::Clear } else { channel };
    Server { version, flavour, connection: 9, capabilities: HONOURED, collation: 45, random: [0xa5; 20], channel }
}

fn login(user: &[u8], channel: Channel) -> Login {
    Login {
        user: user.to_vec(),
        password: Secret::new(SECRET),
        database: Some(b"shop".to_vec()),
        collation: 255,
        max_packet: 1 << 30,
        attributes: vec![(b"_os".to_vec(), b"Linux".to_vec())],
        capabilities: HONOURED,
        required: Capabilities::default(),
        channel,
        clear_password: ClearPassword::OverTls,
    }
}

/// What came of it: what our server's side learned, and what our client's side got.
struct Met {
    proof: Option<Outcome>,
    machine: SignIn,
    ready: Result<Ready, DialError>,
}

/// Carries bytes between the two, at most `piece` at once, and answers the server's side's questions.
fn meet(server: &Server<'_>, login: Login, verifiers: Option<&Verifiers>, piece: usize) -> Met {
    let (mut to_client, mut to_server) = (BytesMut::new(), BytesMut::new());
    let (mut at_client, mut at_server) = (BytesMut::new(), BytesMut::new());
    let mut sign_in = SignIn::greet(server, &mut to_client);
    let mut dial = Dial::new(login);
    let mut proof = None;
    for _ in 0..10_000 {
        at_client.extend_from_slice(&to_client.split_to(piece.min(to_client.len())));
        match dial.handle(&mut at_client, &mut to_server) {
            Ok(Progress::Pending) => {}
            Ok(Progress::StartTls) => {
                let mut request = to_server.split();
                assert!(matches!(sign_in.handle(&mut request, &mut to_client), Ok(Outcome::StartTls { .. })));
                sign_in.secured().unwrap();
                dial.secured(&mut to_server).unwrap();
            }
            Ok(Progress::Ready(ready)) => return Met { proof, machine: sign_in, ready: Ok(*ready) },
            Err(error) => return Met { proof, machine: sign_in, ready: Err(error) },
        }
        at_server.extend_from_slice(&to_server.split_to(piece.min(to_server.len())));
        let mut outcome = sign_in.handle(&mut at_server, &mut to_client).unwrap();
        if outcome == Outcome::Verify {
            outcome = sign_in.verify(verifiers, &mut to_client).unwrap();
        }
        if matches!(outcome, Outcome::Proven | Outcome::Token(_)) {
            let agreed = sign_in.client().unwrap().capabilities;
            sign_in.accept(&OkPacket::new(agreed, Status::AUTOCOMMIT), &mut to_client).unwrap();
            proof = Some(outcome);
        }
    }
    panic!("the two never came to an end");
}

fn met(flavour: Flavour, user: &[u8], channel: Channel) -> Met {
    meet(&server(flavour, channel), login(user, channel), Some(&Verifiers::of(SECRET)), usize::MAX)
}

const FLAVOURS: [Flavour; 2] = [Flavour::MySql, Flavour::MariaDb];

#[test]
fn a_minted_secret_opens_every_channel() {
    for flavour in FLAVOURS {
        for channel in [Channel::Clear, Channel::Loopback, Channel::Socket, Channel::Tls] {
            let met = met(flavour, b"pc_1", channel);
            assert_eq!(met.proof, Some(Outcome::Proven));
            let ready = met.ready.unwrap();
            assert_eq!((ready.connection, ready.server.flavour), (9, flavour));
            let client = met.machine.client().unwrap();
            assert_eq!((&client.user[..], client.database.as_deref()), (&b"pc_1"[..], Some(&b"shop"[..])));
            assert_eq!(client.attributes().iter().collect::<Vec<_>>(), [(&b"_os"[..], &b"Linux"[..])]);
        }
    }
}

#[test]
fn both_sides_agree_to_the_same() {
    for flavour in FLAVOURS {
        let met = met(flavour, b"pc_1", Channel::Tls);
        let (ours, theirs) = (met.machine.client().unwrap().capabilities, met.ready.unwrap().capabilities);
        assert_eq!(ours, theirs);
        assert!(HONOURED.has(ours) && ours.has_any(SHAPING) && ours.has(Capabilities::SSL));
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_name_are_refused_alike() {
    let [wrong, unknown] = [Some(Verifiers::of(b"other")), None].map(|verifiers| {
        let channel = Channel::Clear;
        meet(&server(Flavour::MySql, channel), login(b"pc_1", channel), verifiers.as_ref(), usize::MAX)
    });
    assert_eq!((&wrong.proof, &unknown.proof), (&None, &None));
    assert!(matches!(wrong.ready, Err(DialError::Refused(_))));
    assert_eq!(wrong.ready, unknown.ready);
}

#[test]
fn a_token_arrives_over_tls_and_unix_sockets() {
    for flavour in FLAVOURS {
        for channel in [Channel::Tls, Channel::Socket] {
            let met = met(flavour, b"ann", channel);
            assert_eq!(met.proof, Some(Outcome::Token(Secret::new(SECRET))));
            assert!(met.ready.is_ok());
        }
    }
}

#[test]
fn a_token_is_not_given_away_in_clear() {
    // On loopback the server's side asks for it by the clear plugin, which the client's side gives over TLS only.
    assert!(matches!(met(Flavour::MySql, b"ann", Channel::Loopback).ready, Err(DialError::Downgrade(_))));
    // Elsewhere the server's side does not even ask.
    let Err(DialError::Refused(error)) = met(Flavour::MySql, b"ann", Channel::Clear).ready else { panic!("refused") };
    assert_eq!(error.packet().unwrap().code, 3159);
}

proptest! {
    #[test]
    fn any_cutting_of_the_streams_comes_to_the_same_end(
        piece in 1..200_usize,
        minted in any::<bool>(),
        channel in proptest::sample::select(&[Channel::Clear, Channel::Socket][..]),
        right in any::<bool>(),
    ) {
        let user: &[u8] = if minted { b"pc_1" } else { b"ann" };
        let secret: &[u8] = if right { SECRET } else { b"wrong" };
        let run = |piece| {
            meet(&server(Flavour::MySql, channel), login(user, channel), Some(&Verifiers::of(secret)), piece)
        };
        let (whole, cut) = (run(usize::MAX), run(piece));
        prop_assert_eq!(whole.proof, cut.proof);
        prop_assert_eq!(whole.ready, cut.ready);
    }
}
