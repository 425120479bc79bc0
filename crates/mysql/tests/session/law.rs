//! Laws: no bytes of either peer make the session panic, hang, or say more than it was given.

use bytes::{Buf, BytesMut};
use portcullis_mysql::command::Command;
use portcullis_mysql::packet;
use portcullis_mysql::session::Session;
use portcullis_wire::Protocol;
use portcullis_wire::protocol::Front;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::script::*;

/// Packets of an upstream that are now and then what is expected.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        Just(b"\0\0\0\x02\0\0\0".to_vec()),
        Just(b"\xfe\0\0\x02\0".to_vec()),
        Just(b"\xfe\0\0\x02\0\0\0".to_vec()),
        Just(b"\x01".to_vec()),
        Just(b"\x03def\x04shop\x01t\x01t\x01x\x01x\x0c\x2d\0\x64\0\0\0\xfd\0\0\0\0\0".to_vec()),
        Just(b"\xff\x7a\x04#42S02no".to_vec()),
        Just(b"\0\x07\0\0\0\x01\0\x01\0\0\0\0".to_vec()),
        Just(b"\x03abc".to_vec()),
        vec(any::<u8>(), 0..20),
    ];
    vec(body, 0..12).prop_map(|bodies| {
        let mut out = BytesMut::new();
        bodies.iter().enumerate().for_each(|(at, body)| {
            packet::put(&mut out, u8::try_from(at + 1).unwrap(), body);
        });
        out.to_vec()
    })
}

fn begun(command: u8) -> Session {
    let mut session = Session::new(if command.is_multiple_of(2) { modern() } else { old() }, 4 << 20);
    let agreed = if command.is_multiple_of(2) { modern() } else { old() };
    let frame = match command / 2 % 5 {
        0 => query(agreed, "SELECT 1"),
        1 => frame(&Command::StmtPrepare(b"SELECT 1")),
        2 => frame(&Command::Ping),
        3 => frame(&Command::Statistics),
        _ => frame(&Command::StmtFetch { statement: 1, rows: 1 }),
    };
    forward(&mut session, &frame, Some(1));
    session
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic_or_say_more_than_there_is(command in any::<u8>(), bytes in packets(), pieces in 1_usize..40) {
        let mut session = begun(command);
        let mut buffer = BytesMut::new();
        let mut idle = 0;
        'all: for piece in bytes.chunks(pieces) {
            buffer.extend_from_slice(piece);
            while !buffer.is_empty() {
                match session.answer(&buffer) {
                    Err(_) => break 'all,
                    Ok(Front::Short(more)) => {
                        prop_assert!(more > 0);
                        break;
                    }
                    Ok(Front::Whole(reply)) => {
                        prop_assert!(reply.length <= buffer.len());
                        idle = if reply.length == 0 { idle + 1 } else { 0 };
                        prop_assert!(idle < 100, "no end of meanings");
                        let message = &buffer[..reply.length];
                        session.remarks(message, &mut |place| assert!(message.get(place).is_some()));
                        let _ = session.cells(message, &mut |_| true, &mut |_, place| assert!(message.get(place).is_some()));
                        buffer.advance(reply.length);
                    }
                    Ok(Front::Piece(piece)) => {
                        prop_assert!((1..=buffer.len()).contains(&piece.length));
                        let leaving = buffer.split_to(piece.length);
                        if session.consume(&leaving).is_err() {
                            break 'all;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn cutting_an_answer_changes_nothing(command in any::<u8>(), bytes in packets(), pieces in 1_usize..20) {
        let whole = meanings(&mut begun(command), &bytes, usize::MAX);
        let cut = meanings(&mut begun(command), &bytes, pieces);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn no_command_makes_it_panic(bytes in vec(any::<u8>(), 1..60), agreed in any::<bool>()) {
        let session = Session::new(if agreed { modern() } else { old() }, 4 << 20);
        let mut out = BytesMut::new();
        packet::put(&mut out, 0, &bytes);
        let frame = portcullis_wire::Frame::new(out.freeze());
        let _ = session.read(&frame);
    }
}
