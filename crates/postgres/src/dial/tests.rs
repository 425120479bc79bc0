//! The way in to a server: greetings in any pieces, every method of proving the password, and servers that lie.

use bytes::BytesMut;

use super::*;
use crate::backend::{BackendKeyData, Notice, ReadyForQuery};
use crate::frame::{Frame, FrontendTag};
use crate::sign_in::{MINTED_ITERATIONS, Method, Outcome, SignIn, Verifier, scram_verifier};
use crate::{FrameLimits, frame::split_frontend};

fn login(channel: Channel) -> Login {
    Login {
        protocol_minor: 2,
        user: b"app".to_vec(),
        database: b"shop".to_vec(),
        password: Some(Secret::new(b"s3cret")),
        parameters: vec![(b"client_encoding".to_vec(), b"UTF8".to_vec())],
        channel,
    }
}

/// A machine that has sent its startup, and what it is then sent.
fn dial(channel: Channel, server: impl FnOnce(&mut BytesMut)) -> (Result<Option<Ready>, DialError>, BytesMut) {
    let (mut out, mut buf) = (BytesMut::new(), BytesMut::new());
    let mut machine = Dial::start(login(channel), &mut out);
    out.clear();
    server(&mut buf);
    let result = machine.handle(&mut buf, &mut out);
    if result.is_err() {
        let again = machine.handle(&mut BytesMut::from(&b"R\0\0\0\x08\0\0\0\0"[..]), &mut out);
        assert!(again.is_err(), "the machine is not closed after an error");
    }
    (result, out)
}

fn greeting(out: &mut BytesMut) {
    Authentication::Ok.encode(out);
    ParameterStatus { name: b"server_version", value: b"18.1" }.encode(out);
    BackendKeyData { process: 42, secret: &[5; 32] }.encode(out);
    ReadyForQuery { status: TransactionStatus::Idle }.encode(out);
}

#[test]
fn the_startup_message_says_who_and_what() {
    let mut out = BytesMut::new();
    Dial::start(login(Channel::Clear), &mut out);
    let FirstPacket::Startup(startup) = FirstPacket::decode(&out).unwrap() else { panic!("not a startup") };
    assert_eq!(
        (startup.protocol_minor, startup.user(), startup.database()),
        (2, Some(&b"app"[..]), Some(&b"shop"[..]))
    );
    assert_eq!(startup.parameter(b"client_encoding"), Some(&b"UTF8"[..]));
}

#[test]
fn a_session_begins_with_parameters_and_a_long_key() {
    let (result, _) = dial(Channel::Clear, greeting);
    let ready = result.unwrap().unwrap();
    assert_eq!((ready.protocol_minor, ready.process, ready.secret.expose()), (2, 42, &[5; 32][..]));
    assert_eq!(ready.parameters, [(Bytes::from("server_version"), Bytes::from("18.1"))]);
    let cancel = ready.cancel().unwrap();
    assert_eq!(FirstPacket::decode(&cancel), Ok(FirstPacket::Cancel(Cancel { process: 42, secret: &[5; 32] })));
}

#[test]
fn what_follows_the_greeting_stays_in_the_buffer() {
    let mut out = BytesMut::new();
    let mut machine = Dial::start(login(Channel::Clear), &mut out);
    let mut buf = BytesMut::new();
    greeting(&mut buf);
    buf.extend_from_slice(b"N\0\0");
    assert!(machine.handle(&mut buf, &mut out).unwrap().is_some());
    assert_eq!(&buf[..], b"N\0\0");
}

#[test]
fn a_greeting_may_come_in_any_pieces() {
    let mut all = BytesMut::new();
    greeting(&mut all);
    let (mut out, mut buf) = (BytesMut::new(), BytesMut::new());
    let mut machine = Dial::start(login(Channel::Clear), &mut out);
    let mut ready = None;
    for byte in all {
        buf.extend_from_slice(&[byte]);
        ready = ready.or(machine.handle(&mut buf, &mut out).unwrap());
    }
    assert!(ready.is_some() && buf.is_empty());
}

#[test]
fn an_older_server_is_followed_and_a_newer_one_is_not() {
    let offer = |minor| {
        move |out: &mut BytesMut| {
            NegotiateProtocolVersion::put(out, minor, &[b"_pq_.x"]);
            greeting(out);
        }
    };
    let ready = dial(Channel::Clear, offer(0)).0.unwrap().unwrap();
    assert_eq!((ready.protocol_minor, ready.unknown_options), (0, vec![Bytes::from("_pq_.x")]));
    assert!(dial(Channel::Clear, offer(3)).0.is_err());
}

#[test]
fn a_password_goes_in_clear_only_where_nobody_reads_along() {
    let ask = |out: &mut BytesMut| Authentication::CleartextPassword.encode(out);
    let (result, out) = dial(Channel::Clear, ask);
    assert!(matches!(result, Err(DialError::Downgrade(_))));
    assert!(out.is_empty(), "something was sent");
    for channel in [Channel::Loopback, Channel::Tls { end_point: None }] {
        assert_eq!(&dial(channel, ask).1[..], b"p\0\0\0\x0bs3cret\0");
    }
}

#[test]
fn md5_is_the_servers_recipe() {
    let (result, out) = dial(Channel::Clear, |out| Authentication::Md5Password { salt: *b"salt" }.encode(out));
    assert_eq!(result, Ok(None));
    assert_eq!(&out[5..], format!("{}\0", md5_hash(b"app", b"s3cret", *b"salt")).as_bytes());
}

#[test]
fn a_server_that_skips_its_proof_is_not_believed() {
    let (result, _) = dial(Channel::Clear, |out| {
        Authentication::put_sasl(out, &["SCRAM-SHA-256"]);
        greeting(out);
    });
    assert!(matches!(result, Err(DialError::Downgrade(_))));
    let (result, _) = dial(Channel::Clear, |out| {
        Authentication::put_sasl(out, &["SCRAM-SHA-256"]);
        Authentication::CleartextPassword.encode(out);
    });
    assert!(matches!(result, Err(DialError::Downgrade(_))));
}

#[test]
fn a_server_cannot_ask_twice() {
    let (result, _) = dial(Channel::Loopback, |out| {
        Authentication::CleartextPassword.encode(out);
        Authentication::Md5Password { salt: [0; 4] }.encode(out);
    });
    assert_eq!(result, Err(DialError::Fault(Unexpected("Authentication").into())));
}

#[test]
fn a_refusal_is_kept_and_its_text_is_not_printed() {
    let (result, _) = dial(Channel::Clear, |out| Notice::fatal("28P01", "no such \"app\"").encode(out));
    let Err(DialError::Refused(error)) = result else { panic!("{result:?}") };
    assert_eq!(error.report().unwrap().field(b'M'), Some(&b"no such \"app\""[..]));
    assert!(!format!("{error:?}").contains("app"));
}

#[test]
fn notices_of_the_greeting_are_kept_for_the_client() {
    let notice = Notice { severity: crate::backend::Severity::Warning, ..Notice::error("01000", "collation") };
    let (result, _) = dial(Channel::Clear, |out| {
        notice.encode(out);
        greeting(out);
    });
    let mut expected = BytesMut::new();
    notice.encode(&mut expected);
    assert_eq!(result.unwrap().unwrap().notices, [expected.freeze()]);
}

#[test]
fn a_greeting_without_end_is_refused() {
    let (result, _) = dial(Channel::Clear, |out| {
        Authentication::Ok.encode(out);
        for _ in 0..=GREETING {
            ParameterStatus { name: b"a", value: b"b" }.encode(out);
        }
    });
    assert!(result.is_err());
}

#[test]
fn gssapi_is_not_spoken_and_rows_do_not_come_before_sign_in() {
    let gss = |out: &mut BytesMut| out.extend_from_slice(b"R\0\0\0\x08\0\0\0\x07");
    assert!(matches!(dial(Channel::Clear, gss).0, Err(DialError::Fault(Fault::Unsupported(_)))));
    let row = |out: &mut BytesMut| crate::backend::DataRow::put(out, &[]);
    assert_eq!(dial(Channel::Clear, row).0, Err(DialError::Fault(Unexpected("DataRow").into())));
}

fn next(buf: &mut BytesMut) -> Frame<FrontendTag> {
    split_frontend(buf, &FrameLimits::before_sign_in()).unwrap().unwrap()
}

/// Signs our dialling half in to our serving half.
fn meet(secret: &str, tamper: impl FnOnce(&mut BytesMut)) -> Result<Option<Ready>, DialError> {
    let iterations = std::num::NonZeroU32::new(MINTED_ITERATIONS).unwrap();
    let verifier = Verifier::parse(&scram_verifier(secret, &[1; 16], iterations)).unwrap();
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let mut client = Dial::start(login(Channel::Clear), &mut up);
    up.clear();
    let mut server = SignIn::start(Method::Scram { verifier, end_point: None }, &mut down);
    client.handle(&mut down, &mut up)?;
    server.handle(&next(&mut up), &mut down).unwrap();
    client.handle(&mut down, &mut up)?;
    if server.handle(&next(&mut up), &mut down).unwrap() == Outcome::Proven {
        tamper(&mut down);
        server.accept(&mut down).unwrap();
    }
    ReadyForQuery { status: TransactionStatus::Idle }.encode(&mut down);
    client.handle(&mut down, &mut up)
}

#[test]
fn both_halves_of_scram_meet() {
    assert!(meet("s3cret", |_| ()).unwrap().is_some());
    assert!(matches!(meet("other", |_| ()), Err(DialError::Refused(_))));
}

#[test]
fn a_wrong_proof_of_the_server_is_refused() {
    let tampered = meet("s3cret", |down| {
        // The first character of the signature, behind tag, length, type and `v=`.
        let first = &mut down[11];
        *first = if *first == b'A' { b'B' } else { b'A' };
    });
    assert_eq!(tampered, Err(DialError::Scram));
}

#[test]
fn debug_shows_no_password() {
    let mut out = BytesMut::new();
    let machine = Dial::start(login(Channel::Clear), &mut out);
    assert!(!format!("{machine:?} {:?}", login(Channel::Clear)).contains("s3cret"));
}

/// Messages that a false server might send, in any order.
fn hostile() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut out = BytesMut::new();
        write(&mut out);
        out.to_vec()
    }
    let data = |data: Vec<u8>| {
        prop_oneof![
            Just(written(|out| Authentication::SaslContinue { data: &data }.encode(out))),
            Just(written(|out| Authentication::SaslFinal { data: &data }.encode(out))),
        ]
    };
    prop_oneof![
        Just(written(|out| Authentication::Ok.encode(out))),
        Just(written(|out| Authentication::CleartextPassword.encode(out))),
        Just(written(|out| Authentication::put_sasl(out, &["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]))),
        Just(written(|out| NegotiateProtocolVersion::put(out, 1, &[]))),
        Just(written(|out| BackendKeyData { process: 1, secret: &[0; 4] }.encode(out))),
        "(r=|s=|i=|v=|e=|,|=|AAAA|1|é){0,8}".prop_map(String::into_bytes).prop_flat_map(data),
        proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest::proptest! {
    #[test]
    fn a_hostile_server_causes_no_panic_and_gets_no_password(
        messages in proptest::collection::vec(hostile(), 0..8),
        bind in proptest::bool::ANY,
    ) {
        let channel = if bind { Channel::Tls { end_point: Some(vec![1; 32]) } } else { Channel::Clear };
        let mut out = BytesMut::new();
        let mut machine = Dial::start(login(channel.clone()), &mut out);
        for message in messages {
            let _ = machine.handle(&mut BytesMut::from(&message[..]), &mut out);
        }
        let sent = out.windows(6).any(|window| window == b"s3cret");
        proptest::prop_assert!(!sent || channel != Channel::Clear);
    }
}
