//! The session machine under random operations: whatever clients and servers send, in whatever order and pieces, nothing
//! panics, and every byte is accounted for: it leaves once, is dropped, or waits (STYLE, section 9).
#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use portcullis_postgres::session::Session;
use portcullis_wire::Frame;
use portcullis_wire::event::{Answer, Gate, Refusal, Request, Ticket};
use portcullis_wire::protocol::{Front, Protocol};

/// Frames and messages that random bytes would seldom make, by the low bits of an operation.
const CLIENT: [&[u8]; 16] = [
    b"Q\0\0\0\x0dSELECT 1\0",
    b"P\0\0\0\x11s\0SELECT 1\0\0\0",
    b"P\0\0\0\x10\0SELECT 1\0\0\0",
    b"B\0\0\0\x0e\0s\0\0\0\0\0\0\0",
    b"B\0\0\0\x0dp\0\0\0\0\0\0\0\0",
    b"D\0\0\0\x06P\0",
    b"D\0\0\0\x07Ss\0",
    b"E\0\0\0\x09\0\0\0\0\0",
    b"E\0\0\0\x0ap\0\0\0\0\x02",
    b"C\0\0\0\x07Ss\0",
    b"S\0\0\0\x04",
    b"H\0\0\0\x04",
    b"d\0\0\0\x05x",
    b"c\0\0\0\x04",
    b"f\0\0\0\x05\0",
    b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0",
];
const SERVER: [&[u8]; 16] = [
    b"1\0\0\0\x04",
    b"2\0\0\0\x04",
    b"3\0\0\0\x04",
    b"T\0\0\0\x1b\0\x01x\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
    b"n\0\0\0\x04",
    b"t\0\0\0\x06\0\0",
    b"D\0\0\0\x0b\0\x01\0\0\0\x01x",
    b"C\0\0\0\x0dSELECT 1\0",
    b"s\0\0\0\x04",
    b"I\0\0\0\x04",
    b"E\0\0\0\x12SERROR\0C42000\0\0",
    b"Z\0\0\0\x05I",
    b"Z\0\0\0\x05T",
    b"G\0\0\0\x07\0\0\0",
    b"d\0\0\0\x05x",
    b"V\0\0\0\x09\0\0\0\x01x",
];

fuzz_target!(|operations: Vec<(u8, u8, &[u8])>| {
    let mut world = World::default();
    for (operation, choice, bytes) in operations {
        if world.perform(operation, choice, bytes).is_none() {
            return;
        }
    }
});

struct World {
    session: Session,
    client: BytesMut,
    upstream: BytesMut,
    /// A frame whose turn has not come.
    held: Option<Frame>,
    /// Statements are refused while this is set.
    refusing: bool,
    fed: usize,
    left: usize,
    ticket: u64,
}

impl Default for World {
    fn default() -> Self {
        let session = Session::new(1 << 16, 7);
        let (client, upstream) = (BytesMut::new(), BytesMut::new());
        Self { session, client, upstream, held: None, refusing: false, fed: 0, left: 0, ticket: 0 }
    }
}

impl World {
    /// One operation; `None` once the session is to be closed.
    fn perform(&mut self, operation: u8, choice: u8, bytes: &[u8]) -> Option<()> {
        let choice = usize::from(choice % 16);
        match operation % 8 {
            0 | 1 => self.client.extend_from_slice(CLIENT[choice]),
            2 => self.client.extend_from_slice(bytes),
            3 | 4 => self.upstream.extend_from_slice(SERVER[choice]),
            5 => self.upstream.extend_from_slice(bytes),
            6 => self.long_message(choice, bytes),
            _ => self.refusing = choice % 2 == 0,
        }
        self.fed += match operation % 8 {
            0 | 1 => CLIENT[choice].len(),
            2 => bytes.len(),
            _ => 0,
        };
        self.back(choice)?;
        self.toward()?;
        let held = self.held.as_ref().map_or(0, |frame| frame.bytes().len());
        assert_eq!(self.fed, self.left + self.client.len() + held, "bytes of the client are lost or doubled");
        Some(())
    }

    /// A row or a piece of COPY data that is longer than what is held.
    fn long_message(&mut self, choice: usize, bytes: &[u8]) {
        let value = 70_000 + choice;
        if choice % 2 == 0 {
            self.upstream.extend_from_slice(b"D");
            self.upstream.extend_from_slice(&(u32::try_from(value).unwrap() + 10).to_be_bytes());
            self.upstream.extend_from_slice(b"\0\x01");
            self.upstream.extend_from_slice(&u32::try_from(value).unwrap().to_be_bytes());
        } else {
            self.upstream.extend_from_slice(b"d");
            self.upstream.extend_from_slice(&(u32::try_from(value).unwrap() + 4).to_be_bytes());
        }
        let lie = bytes.len() % 3 == 2;
        self.upstream.extend(std::iter::repeat_n(b'x', if lie { value / 2 } else { value }));
    }

    fn toward(&mut self) -> Option<()> {
        loop {
            let next = match self.held.take() {
                Some(frame) => Some(frame),
                None => self.session.split(&mut self.client).ok()?,
            };
            let Some(frame) = next else { return Some(()) };
            let request = self.session.read(&frame).ok()?;
            match self.session.gate(&request, &frame) {
                Gate::Drop => self.left += frame.bytes().len(),
                Gate::Interrupt => {
                    let mut instead = BytesMut::new();
                    self.session.interrupt(&mut instead);
                    assert!(!instead.is_empty(), "nothing ends what the client was sending");
                    self.left += frame.bytes().len();
                }
                Gate::Wait => {
                    self.held = Some(frame.clone());
                    self.session.flush(&mut BytesMut::new());
                    return Some(());
                }
                Gate::Open if request == Request::Quit => return None,
                Gate::Open if self.refusing && request != Request::Continue => {
                    if !self.session.is_drained() {
                        self.held = Some(frame.clone());
                        return Some(());
                    }
                    self.refuse(&request, &frame);
                    self.left += frame.bytes().len();
                }
                Gate::Open => {
                    self.forward(&request, &frame);
                    self.left += frame.bytes().len();
                }
            }
        }
    }

    fn refuse(&mut self, request: &Request<'_>, frame: &Frame) {
        let refusal = Refusal { sqlstate: *b"42501", message: "no".into(), detail: None, hint: None, position: None };
        let (mut to_upstream, mut to_client) = (BytesMut::new(), BytesMut::new());
        self.session.refuse(request, frame, &refusal, &mut to_upstream, &mut to_client);
        assert!(!to_upstream.is_empty() || !to_client.is_empty(), "a refusal says nothing to anyone");
    }

    /// Forwards a frame, sometimes after taking a first attempt back.
    fn forward(&mut self, request: &Request<'_>, frame: &Frame) {
        self.ticket += 1;
        let mark = self.session.mark();
        let drained = self.session.is_drained();
        let mut before = BytesMut::new();
        if self.ticket % 3 == 0 {
            self.session.forward(request, frame, Some(Ticket(self.ticket)), &mut before);
            self.session.rewind(mark);
            assert_eq!(self.session.is_drained(), drained, "a rewind leaves something behind");
            before.clear();
        }
        self.session.forward(request, frame, Some(Ticket(self.ticket)), &mut before);
        let own = portcullis_postgres::frame::split_frontend(&mut before, &Default::default());
        assert!(before.is_empty() && own.is_ok(), "the gateway's own frames are not frames");
    }

    fn back(&mut self, step: usize) -> Option<()> {
        loop {
            match self.session.answer(&self.upstream).ok()? {
                Front::Short(_) => return Some(()),
                Front::Whole(reply) => {
                    assert!((1..=self.upstream.len()).contains(&reply.length), "a reply is not in the buffer");
                    let message = &self.upstream[..reply.length];
                    let inside =
                        |place: std::ops::Range<usize>| assert!(message.get(place).is_some(), "a place leaves");
                    match reply.answer {
                        Answer::Rows(_) | Answer::Data => {
                            let mut worth = |row: std::ops::Range<usize>| {
                                inside(row);
                                true
                            };
                            let _ = self.session.cells(message, &mut worth, &mut |_, place| inside(place));
                        }
                        _ => self.session.remarks(message, &mut |place| inside(place)),
                    }
                    let _ = self.session.columns();
                    self.upstream.advance(reply.length);
                }
                Front::Piece(piece) => {
                    assert!((1..=self.upstream.len()).contains(&piece.length), "a piece is not in the buffer");
                    // Structure leaves whole; of a value, as much as the detectors let go.
                    let some = piece.column.map_or(piece.length, |_| (step * 4096 + 1).min(piece.length));
                    self.session.consume(&self.upstream[..some]).ok()?;
                    self.upstream.advance(some);
                }
            }
        }
    }
}
