//! Clients signing in: a real SCRAM client on the other side, wrong secrets, and frames that do not belong there.

use std::num::NonZeroU32;

use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::*;
use crate::BackendTag;
use crate::backend::{Message, Report};
use crate::frame::{FrameLimits, split_backend, split_frontend};
use crate::frontend::Query;

const SALT: [u8; 16] = [7; 16];

fn verifier(secret: &str) -> Verifier {
    let iterations = NonZeroU32::new(MINTED_ITERATIONS).unwrap();
    Verifier::parse(&scram_verifier(secret, &SALT, iterations)).unwrap()
}

fn scram(verifier: Verifier) -> Method {
    Method::Scram { verifier, end_point: None }
}

fn frame(encode: impl FnOnce(&mut BytesMut)) -> Frame<FrontendTag> {
    let mut buf = BytesMut::new();
    encode(&mut buf);
    split_frontend(&mut buf, &FrameLimits::before_sign_in()).unwrap().unwrap()
}

fn initial(mechanism: &[u8], data: &[u8]) -> Frame<FrontendTag> {
    frame(|out| SaslInitialResponse { mechanism, data: Some(data) }.encode(out))
}

fn response(data: &[u8]) -> Frame<FrontendTag> {
    frame(|out| SaslResponse { data }.encode(out))
}

/// The data of the SASL message that the server wrote, or the SQLSTATE of its error.
fn answer(out: &mut BytesMut) -> Result<Vec<u8>, Vec<u8>> {
    let frame = split_backend(out, 1 << 16).unwrap().unwrap();
    match Message::decode(frame.tag, frame.body()).unwrap() {
        Message::Authentication(Authentication::SaslContinue { data } | Authentication::SaslFinal { data }) => {
            Ok(data.to_vec())
        }
        Message::ErrorResponse(report) => Err(report.code().unwrap().to_vec()),
        other => panic!("{other:?}"),
    }
}

/// Runs a whole exchange with rust-postgres' client. Also gives what the client thought of our signature.
fn exchange(method: Method, mechanism: &[u8], mut client: ScramSha256) -> (Outcome, bool, SignIn, BytesMut) {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(method, &mut out);
    out.clear();
    assert_eq!(machine.handle(&initial(mechanism, client.message()), &mut out), Ok(Outcome::Pending));
    client.update(&answer(&mut out).unwrap()).unwrap();
    let outcome = machine.handle(&response(client.message()), &mut out).unwrap();
    let signed = answer(&mut out).is_ok_and(|data| client.finish(&data).is_ok());
    (outcome, signed, machine, out)
}

fn client(secret: &str) -> ScramSha256 {
    ScramSha256::new(secret.as_bytes(), ChannelBinding::unsupported())
}

#[test]
fn a_minted_secret_is_proven_and_we_prove_ourselves() {
    let (outcome, signed, mut machine, mut out) =
        exchange(scram(verifier("s3cret")), b"SCRAM-SHA-256", client("s3cret"));
    assert_eq!((outcome, signed), (Outcome::Proven, true));
    machine.accept(&mut out).unwrap();
    assert_eq!(&out[..], b"R\0\0\0\x08\0\0\0\0");
}

#[test]
fn a_wrong_secret_and_an_unknown_name_look_alike() {
    let (wrong, _, mut machine, _) = exchange(scram(verifier("s3cret")), b"SCRAM-SHA-256", client("other"));
    assert_eq!(wrong, Outcome::Refused);
    assert!(machine.accept(&mut BytesMut::new()).is_err());
    let mock = Verifier::mock(&[1; 32], b"pc_nobody");
    let (unknown, ..) = exchange(scram(mock), b"SCRAM-SHA-256", client("other"));
    assert_eq!(unknown, Outcome::Refused);
}

/// The server's first message without its nonce, whose server part must be random.
fn challenge(verifier: Verifier) -> (usize, String) {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(scram(verifier), &mut out);
    out.clear();
    machine.handle(&initial(b"SCRAM-SHA-256", b"n,,n=,r=abc"), &mut out).unwrap();
    let text = String::from_utf8(answer(&mut out).unwrap()).unwrap();
    (text.len(), text.split_once(",s=").unwrap().1.to_owned())
}

#[test]
fn a_mock_challenge_has_the_shape_of_a_real_one_and_stays_the_same() {
    let mock = || challenge(Verifier::mock(&[1; 32], b"pc_nobody"));
    assert_eq!(mock(), mock());
    assert_eq!(mock().0, challenge(verifier("s3cret")).0);
    assert_ne!(mock().1, challenge(Verifier::mock(&[1; 32], b"pc_other")).1);
    assert_ne!(mock().1, challenge(Verifier::mock(&[2; 32], b"pc_nobody")).1);
}

#[test]
fn the_verifier_is_postgresqls() {
    // Password and salt of the example in RFC 7677, section 3; the form of pg_authid.rolpassword.
    let salt = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, "W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let text = scram_verifier("pencil", &salt, NonZeroU32::new(4096).unwrap());
    assert_eq!(
        text,
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
         wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    );
    assert!(Verifier::parse(&text.replace("$4096:", "$0:")).is_err());
    assert!(Verifier::parse("md5abc").is_err());
    assert_eq!(format!("{:?}", Verifier::parse(&text).unwrap()), "Verifier");
}

#[test]
fn nothing_but_a_credential_is_read_before_sign_in() {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(Method::Cleartext, &mut out);
    assert_eq!(&out[..], b"R\0\0\0\x08\0\0\0\x03");
    let query = frame(|out| Query { query: b"select 1" }.encode(out));
    assert_eq!(machine.handle(&query, &mut out), Err(Unexpected("Query").into()));
    // And it stays closed.
    let password = frame(|out| PasswordMessage { password: b"token" }.encode(out));
    assert!(machine.handle(&password, &mut out).is_err());
    assert!(machine.accept(&mut out).is_err());
}

#[test]
fn a_token_waits_for_the_callers_word() {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(Method::Cleartext, &mut out);
    out.clear();
    let password = frame(|out| PasswordMessage { password: b"ey.J" }.encode(out));
    assert_eq!(machine.handle(&password, &mut out), Ok(Outcome::Token(Secret::new(b"ey.J"))));
    assert!(out.is_empty());
    assert_eq!(machine.refuse(&mut out), Outcome::Refused);
    assert_eq!(answer(&mut out), Err(b"28P01".to_vec()));
}

#[test]
fn a_second_credential_is_refused() {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(Method::Cleartext, &mut out);
    let password = frame(|out| PasswordMessage { password: b"ey.J" }.encode(out));
    machine.handle(&password, &mut out).unwrap();
    assert!(machine.handle(&password, &mut out).is_err());
    assert!(machine.accept(&mut out).is_err());
}

#[test]
fn a_mechanism_that_was_not_offered_is_refused() {
    for mechanism in [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-1", b"OAUTHBEARER", b""] {
        let mut out = BytesMut::new();
        let mut machine = SignIn::start(scram(verifier("s")), &mut out);
        assert!(machine.handle(&initial(mechanism, b"n,,n=,r=abc"), &mut out).is_err());
    }
}

fn discovery() -> Discovery {
    Discovery { openid_configuration: "https://idp/.well-known/openid-configuration".into(), scope: "openid".into() }
}

#[test]
fn a_bearer_that_is_refused_hears_where_to_go_and_then_the_error() {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(Method::OAuthBearer(discovery()), &mut out);
    out.clear();
    let first = initial(b"OAUTHBEARER", b"n,,\x01auth=Bearer abc\x01\x01");
    assert_eq!(machine.handle(&first, &mut out), Ok(Outcome::Token(Secret::new(b"abc"))));
    assert_eq!(machine.refuse(&mut out), Outcome::Pending);
    assert_eq!(answer(&mut out), Ok(discovery().status().into_bytes()));
    assert_eq!(machine.handle(&response(b"\x01"), &mut out), Ok(Outcome::Refused));
    assert_eq!(answer(&mut out), Err(b"28P01".to_vec()));
    assert!(machine.accept(&mut out).is_err());
}

#[test]
fn a_bearer_without_a_token_cannot_be_accepted() {
    let mut out = BytesMut::new();
    let mut machine = SignIn::start(Method::OAuthBearer(discovery()), &mut out);
    assert_eq!(machine.handle(&initial(b"OAUTHBEARER", b"n,,\x01auth=\x01\x01"), &mut out), Ok(Outcome::Pending));
    assert!(machine.accept(&mut out).is_err());
    assert!(machine.handle(&response(b"\x01"), &mut out).is_err());
}

#[test]
fn the_way_to_sign_in_is_read_off_the_startup() {
    let wanted = |pairs: &[(&[u8], &[u8])], options: Option<&[u8]>| {
        let mut out = BytesMut::new();
        Startup::put(&mut out, 0, pairs.iter().copied());
        let crate::startup::FirstPacket::Startup(startup) = crate::startup::FirstPacket::decode(&out).unwrap() else {
            panic!("not a startup");
        };
        Wanted::of(&startup, options).map(|wanted| format!("{wanted:?}"))
    };
    assert_eq!(wanted(&[(b"user", b"pc_1")], None).unwrap(), format!("{:?}", Wanted::Minted(b"pc_1")));
    assert_eq!(wanted(&[(b"user", b"ana")], None).unwrap(), "Token");
    assert_eq!(wanted(&[(b"user", b"ana"), (SIGN_IN_OPTION, b"oauth")], None).unwrap(), "OAuthBearer");
    assert_eq!(wanted(&[(b"user", b"ana")], Some(b"oauth")).unwrap(), "OAuthBearer");
    assert!(wanted(&[(b"user", b"ana")], Some(b"none")).is_err());
    assert!(wanted(&[(b"user", b"pc_1"), (SIGN_IN_OPTION, b"oauth")], None).is_err());
}

mod bound {
    use super::*;

    fn certificate() -> Vec<u8> {
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.der().to_vec()
    }

    fn method(certificate: &[u8]) -> Method {
        Method::Scram { verifier: verifier("s"), end_point: Some(EndPoint::of_certificate(certificate).unwrap()) }
    }

    fn client(hash: &[u8]) -> ScramSha256 {
        ScramSha256::new(b"s", ChannelBinding::tls_server_end_point(hash.to_vec()))
    }

    // rcgen signs with ECDSA and SHA-256, so the end point is the certificate's SHA-256.
    fn hash(certificate: &[u8]) -> Vec<u8> {
        use sha2::Digest;
        sha2::Sha256::digest(certificate).to_vec()
    }

    #[test]
    fn a_client_that_saw_our_certificate_is_let_in() {
        let certificate = certificate();
        let (outcome, signed, ..) = exchange(method(&certificate), b"SCRAM-SHA-256-PLUS", client(&hash(&certificate)));
        assert_eq!((outcome, signed), (Outcome::Proven, true));
    }

    #[test]
    fn a_client_that_saw_another_certificate_is_refused() {
        let other = hash(&certificate());
        let (outcome, ..) = exchange(method(&certificate()), b"SCRAM-SHA-256-PLUS", client(&other));
        assert_eq!(outcome, Outcome::Refused);
    }

    #[test]
    fn a_plus_without_a_binding_is_refused() {
        let mut out = BytesMut::new();
        let mut machine = SignIn::start(method(&certificate()), &mut out);
        assert!(machine.handle(&initial(b"SCRAM-SHA-256-PLUS", b"n,,n=,r=abc"), &mut out).is_err());
    }

    #[test]
    fn a_downgrade_is_refused() {
        // `y`: the client can bind and was told that we cannot, though we offered it.
        let mut out = BytesMut::new();
        let mut machine = SignIn::start(method(&certificate()), &mut out);
        out.clear();
        assert_eq!(machine.handle(&initial(b"SCRAM-SHA-256", b"y,,n=,r=abc"), &mut out), Ok(Outcome::Refused));
    }
}

#[test]
fn a_refusal_says_nothing_of_the_reason() {
    let mut out = BytesMut::new();
    refused(&mut out);
    let frame = split_backend(&mut out, 1 << 10).unwrap().unwrap();
    assert_eq!(frame.tag, BackendTag::ErrorResponse);
    assert_eq!(Report::decode(frame.body()).unwrap().field(b'M'), Some(&b"authentication failed"[..]));
}

/// Pieces of SASL messages, right and wrong, in any order.
fn hostile() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    const PIECES: &[&str] = &[
        "n,,",
        "y,,",
        "p=tls-server-end-point,,",
        "p=,",
        "n=",
        "n=a,",
        "r=",
        "r=abc",
        ",",
        "c=biws",
        ",p=",
        "p=AAAA",
        "m=x,",
        "\u{1}",
        "auth=",
        "auth=Bearer ",
        "=",
        "é",
        "\0",
    ];
    let piece = prop_oneof![
        proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    #[test]
    fn hostile_credentials_never_panic_and_never_come_in(
        first in hostile(),
        rest in proptest::collection::vec(hostile(), 0..4),
        bound in proptest::bool::ANY,
    ) {
        let mechanism: &[u8] = if bound { b"OAUTHBEARER" } else { b"SCRAM-SHA-256" };
        let method = || if bound { Method::OAuthBearer(discovery()) } else { scram(Verifier::mock(&[0; 32], b"pc_x")) };
        let mut out = BytesMut::new();
        let mut machine = SignIn::start(method(), &mut out);
        let mut results = vec![machine.handle(&initial(mechanism, &first), &mut out)];
        results.extend(rest.iter().map(|data| machine.handle(&response(data), &mut out)));
        let proven = results.iter().any(|result| matches!(result, Ok(Outcome::Proven)));
        let token = matches!(results.last(), Some(Ok(Outcome::Token(_))));
        proptest::prop_assert!(!proven);
        proptest::prop_assert_eq!(machine.accept(&mut out).is_ok(), token);
    }
}
