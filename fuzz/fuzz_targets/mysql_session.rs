//! The MySQL session: no bytes of either peer make it panic or hang; what it says of a buffer lies inside it; a rewind
//! leaves nothing behind.
#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use portcullis_mysql::session::Session;
use portcullis_mysql::{Capabilities, Flavour, packet};
use portcullis_wire::event::{Answer, Gate, Refusal, Request, Ticket};
use portcullis_wire::protocol::{Front, Protocol};

fuzz_target!(|data: (u64, Vec<(u8, Vec<u8>)>)| {
    let (agreed, operations) = data;
    let flavour = if agreed & 1 == 0 { Flavour::MariaDb } else { Flavour::MySql };
    let session = Session::new(Capabilities::from_bits(agreed) | Capabilities::PROTOCOL_41, 1 << 16);
    let mut peers = Peers {
        session: session.for_server(flavour),
        client: BytesMut::new(),
        upstream: BytesMut::new(),
        sequence: 0,
        ticket: 0,
    };
    for (choice, bytes) in operations.iter().take(64) {
        if peers.step(*choice, bytes).is_none() {
            break;
        }
    }
});

struct Peers {
    session: Session,
    client: BytesMut,
    upstream: BytesMut,
    /// The sequence id of the upstream's next packet.
    sequence: u8,
    ticket: u64,
}

impl Peers {
    fn step(&mut self, choice: u8, bytes: &[u8]) -> Option<()> {
        match choice % 8 {
            0..=2 => {
                packet::put(&mut self.client, 0, bytes);
                self.toward(choice)?;
            }
            3 => {
                self.client.extend_from_slice(bytes);
                self.toward(choice)?;
            }
            4 => self.upstream.extend_from_slice(bytes),
            // A packet in order, of what bytes there are or of something that is often expected.
            5 => self.sequence = packet::put(&mut self.upstream, self.sequence, bytes),
            _ => {
                let bodies: [&[u8]; 6] = [
                    b"\0\0\0\x02\0\0\0",
                    b"\xfe\0\0\x02\0",
                    b"\x01",
                    b"\x03def\x04shop\x01t\x01t\x01x\x01x\x0c\x2d\0\x64\0\0\0\xfd\0\0\0\0\0",
                    b"\xff\x7a\x04#42S02no",
                    b"\0\x07\0\0\0\x01\0\x01\0\0\0\0",
                ];
                let body = bodies[bytes.len() % bodies.len()];
                self.sequence = packet::put(&mut self.upstream, self.sequence, body);
            }
        }
        self.back()
    }

    fn toward(&mut self, choice: u8) -> Option<()> {
        while let Some(frame) = self.session.split(&mut self.client).ok()? {
            let request = self.session.read(&frame).ok()?;
            match self.session.gate(&request, &frame) {
                Gate::Drop => continue,
                gate => assert_eq!(gate, Gate::Open, "a frame was cut before its turn"),
            }
            if request == Request::Quit {
                return None;
            }
            if choice & 0x80 != 0 && self.session.is_drained() {
                let refusal =
                    Refusal { sqlstate: *b"42501", message: "no".into(), detail: None, hint: None, position: None };
                let (mut to_upstream, mut to_client) = (BytesMut::new(), BytesMut::new());
                self.session.refuse(&request, &frame, &refusal, &mut to_upstream, &mut to_client);
                assert!(to_upstream.is_empty() && !to_client.is_empty(), "a refusal is told to the client alone");
                continue;
            }
            self.ticket += 1;
            let (mark, drained) = (self.session.mark(), self.session.is_drained());
            if self.ticket % 3 == 0 && drained {
                self.session.forward(&request, &frame, Some(Ticket(self.ticket)), &mut BytesMut::new());
                self.session.rewind(mark);
                assert!(self.session.is_drained(), "a rewind leaves something behind");
            }
            self.session.forward(&request, &frame, Some(Ticket(self.ticket)), &mut BytesMut::new());
            self.sequence = packet::answer_sequence(&frame);
        }
        Some(())
    }

    fn back(&mut self) -> Option<()> {
        let mut idle = 0;
        while !self.upstream.is_empty() {
            match self.session.answer(&self.upstream).ok()? {
                Front::Short(more) => {
                    assert!(more > 0, "nothing more is needed, and nothing is said");
                    return Some(());
                }
                Front::Whole(reply) => {
                    assert!(reply.length <= self.upstream.len(), "a reply is not in the buffer");
                    idle = if reply.length == 0 { idle + 1 } else { 0 };
                    assert!(idle < 1_000, "no end of meanings");
                    let message = &self.upstream[..reply.length];
                    let inside =
                        |place: std::ops::Range<usize>| assert!(message.get(place).is_some(), "a place leaves");
                    match reply.answer {
                        Answer::Rows(_) => {
                            let _ = self.session.cells(message, &mut |_| true, &mut |_, place| inside(place));
                        }
                        _ => self.session.remarks(message, &mut |place| inside(place)),
                    }
                    self.upstream.advance(reply.length);
                }
                Front::Piece(piece) => {
                    assert!((1..=self.upstream.len()).contains(&piece.length), "a piece is not in the buffer");
                    let gap = piece.gap.unwrap_or(0..0);
                    assert!(gap.end <= piece.length, "a gap leaves its piece");
                    let leaving = self.upstream.split_to(piece.length);
                    self.session.consume(&leaving).ok()?;
                }
            }
        }
        Some(())
    }
}
