//! Cuts payloads out of a stream of packets: three bytes of length, one of sequence id, the body.
//!
//! Framing is where a firewall and a server must not disagree. A body of exactly 2^24-1 bytes says that the payload goes
//! on in the next packet, so what is judged is always the joined payload, and a payload of just that size ends with an
//! empty packet. Sequence ids are checked, because a packet that one peer takes for the continuation and the other for a
//! new command is an evasion. Limits count the joined payload and are checked as soon as a length is claimed; no memory
//! is ever reserved for a claim. Spec: "MySQL Packets". Compressed packets are absent: the capability is never offered.

use bytes::{BufMut, Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, limits};

use crate::command::Tag;

/// The length and the sequence id together.
pub const HEADER: usize = 4;

/// The longest body of one packet. One of exactly this length is continued by the next packet.
pub const MAX: usize = 0xff_ffff;

/// What COM_QUERY may hold beside its text: query attributes, which carry trace ids and tags.
pub const ATTRIBUTES: usize = 64 << 10;

/// The first four bytes of a packet, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How long the body is, in bytes.
    pub len: usize,
    /// Where the packet stands in its exchange.
    pub sequence: u8,
}

/// Reads the header at the start of `buf`; `None` while fewer than four bytes are there.
#[inline]
pub fn header(buf: &[u8]) -> Option<Header> {
    let ([a, b, c, sequence], _) = buf.split_first_chunk::<HEADER>()?;
    // Three bytes fit any usize that this program runs on.
    let len = usize::try_from(u32::from_le_bytes([*a, *b, *c, 0])).ok()?;
    Some(Header { len, sequence: *sequence })
}

/// One whole payload, joined from as many packets as it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The sequence id of its first packet.
    pub sequence: u8,
    /// The header of the first packet, then the whole payload. It keeps the buffer it was cut from alive.
    pub bytes: Bytes,
}

impl Frame {
    /// The payload.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The sequence id that the answer, or the next packet of the same peer, must have.
    pub fn next_sequence(&self) -> u8 {
        after(self.sequence, self.body().len())
    }

    /// Writes the packets it came in, byte for byte.
    pub fn encode(&self, out: &mut BytesMut) {
        if self.body().len() < MAX {
            out.put_slice(&self.bytes);
        } else {
            put(out, self.sequence, self.body());
        }
    }
}

/// The sequence id that follows a payload of `len` bytes which began with `sequence`. Ids wrap.
fn after(sequence: u8, len: usize) -> u8 {
    let packets = (len / MAX).wrapping_add(1) % 256;
    sequence.wrapping_add(u8::try_from(packets).unwrap_or_default())
}

/// The longest payload of a command allowed, by what it carries, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandLimits {
    /// COM_QUERY and COM_STMT_PREPARE: the statement's text and [`ATTRIBUTES`].
    pub statement: usize,
    /// COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE and COM_STMT_SEND_LONG_DATA.
    pub parameters: usize,
    /// COM_CHANGE_USER, which is a sign-in.
    pub credential: usize,
    /// Everything else, known or not.
    pub control: usize,
}

impl CommandLimits {
    /// Limits for a session whose statements may be `statement` bytes long.
    pub fn new(statement: usize) -> Self {
        Self {
            statement: statement.saturating_add(ATTRIBUTES),
            parameters: limits::PARAMETERS,
            credential: BEFORE_SIGN_IN,
            control: limits::CREDENTIAL,
        }
    }

    /// The limit for a payload that begins with `tag`.
    pub fn of(&self, tag: u8) -> usize {
        match Tag::try_from(tag) {
            Ok(Tag::Query | Tag::StmtPrepare) => self.statement,
            Ok(Tag::StmtExecute | Tag::StmtBulkExecute | Tag::StmtSendLongData) => self.parameters,
            Ok(Tag::ChangeUser) => self.credential,
            _ => self.control,
        }
    }
}

impl Default for CommandLimits {
    fn default() -> Self {
        Self::new(limits::STATEMENT)
    }
}

/// The longest payload until the client is known, in bytes: a token, and the 64 KiB of connection attributes that servers
/// accept.
pub const BEFORE_SIGN_IN: usize = limits::CREDENTIAL << 1;

/// Cuts the next whole command of a client off `buf`, or leaves `buf` untouched while it is not all there.
///
/// # Errors
/// A sequence id other than 0, 1, 2 …, or a length above the limit of that command. The buffer is then in no useful state.
pub fn split_command(buf: &mut BytesMut, limits: &CommandLimits) -> Result<Option<Frame>, Fault> {
    split(buf, 0, limit_of(buf, limits))
}

/// Cuts the next whole command off `buf` as the relay wants it: its bytes as they came, its payload joined to be read.
///
/// # Errors
/// As for [`split_command`].
pub fn cut_command(buf: &mut BytesMut, limits: &CommandLimits) -> Result<Option<portcullis_wire::Frame>, Fault> {
    let Some(Extent { end, total }) = extent(buf, 0, limit_of(buf, limits))? else { return Ok(None) };
    let bytes = buf.split_to(end).freeze();
    if total < MAX {
        return Ok(Some(portcullis_wire::Frame::new(bytes)));
    }
    let content = joined(BytesMut::from(&bytes[..])).freeze();
    Ok(Some(portcullis_wire::Frame::joined(bytes, content)))
}

/// The sequence id that the answer to a command must have.
pub fn answer_sequence(command: &portcullis_wire::Frame) -> u8 {
    after(0, command.content().len().saturating_sub(HEADER))
}

/// The limit depends on the first byte of the payload; an empty payload has none and cannot be over any limit.
fn limit_of(buf: &[u8], limits: &CommandLimits) -> usize {
    buf.get(HEADER).map_or(limits.parameters.max(limits.statement), |tag| limits.of(*tag))
}

/// Cuts the next whole payload off `buf`, or leaves `buf` untouched while it is not all there.
///
/// # Errors
/// A sequence id other than `sequence` and those that follow it, or a joined length above `limit`.
pub fn split(buf: &mut BytesMut, sequence: u8, limit: usize) -> Result<Option<Frame>, Fault> {
    let Some(Extent { end, total }) = extent(buf, sequence, limit)? else { return Ok(None) };
    let whole = buf.split_to(end);
    let bytes = if total < MAX { whole } else { joined(whole) };
    Ok(Some(Frame { sequence, bytes: bytes.freeze() }))
}

/// How far a payload reaches.
struct Extent {
    /// Its bytes, headers included.
    end: usize,
    /// The bytes of the payload alone.
    total: usize,
}

/// The extent of the payload at the front of `buf`, once it is all there.
fn extent(buf: &[u8], sequence: u8, limit: usize) -> Result<Option<Extent>, Fault> {
    let (mut end, mut total, mut expected) = (0_usize, 0_usize, sequence);
    loop {
        let Some(header) = header(buf.get(end..).unwrap_or_default()) else { return Ok(None) };
        in_order(header, expected)?;
        total = total.saturating_add(header.len);
        within(total, limit)?;
        end = end.saturating_add(HEADER).saturating_add(header.len);
        expected = expected.wrapping_add(1);
        if header.len < MAX {
            break;
        }
    }
    Ok((buf.len() >= end).then_some(Extent { end, total }))
}

fn in_order(header: Header, expected: u8) -> Result<(), Fault> {
    if header.sequence != expected {
        return Err(Malformed::Invalid("sequence id").into());
    }
    Ok(())
}

fn within(length: usize, limit: usize) -> Result<(), Fault> {
    if length > limit {
        return Err(Fault::OverLimit { length: length as u64, limit: limit as u64 });
    }
    Ok(())
}

/// Moves the bodies of whole packets together, in place; the first header stays.
fn joined(mut whole: BytesMut) -> BytesMut {
    let mut to = HEADER.saturating_add(MAX);
    let mut from = to;
    while let Some(header) = header(whole.get(from..).unwrap_or_default()) {
        let start = from.saturating_add(HEADER);
        // INVARIANT: `split` has seen every one of these packets whole, and `to` lies before `start`.
        from = start.saturating_add(header.len).min(whole.len());
        whole.copy_within(start..from, to);
        to = to.saturating_add(header.len);
    }
    whole.truncate(to);
    whole
}

/// Writes `payload` in as many packets as it takes, and gives the sequence id that follows.
pub fn put(out: &mut BytesMut, sequence: u8, payload: &[u8]) -> u8 {
    let (mut rest, mut sequence) = (payload, sequence);
    loop {
        let (part, left) = rest.split_at_checked(MAX).unwrap_or((rest, &[]));
        put_header(out, part.len(), sequence);
        out.put_slice(part);
        sequence = sequence.wrapping_add(1);
        if part.len() < MAX {
            return sequence;
        }
        rest = left;
    }
}

/// Writes what `body` writes as one payload, and gives the sequence id that follows.
pub fn write(out: &mut BytesMut, sequence: u8, body: impl FnOnce(&mut BytesMut)) -> u8 {
    let start = out.len();
    put_header(out, 0, sequence);
    body(out);
    let length = out.len().saturating_sub(start).saturating_sub(HEADER);
    if length >= MAX {
        let payload = out.split_off(start.saturating_add(HEADER));
        out.truncate(start);
        return put(out, sequence, &payload);
    }
    let [a, b, c, _] = u32::try_from(length).unwrap_or_default().to_le_bytes();
    if let Some(prefix) = out.get_mut(start..start.saturating_add(3)) {
        prefix.copy_from_slice(&[a, b, c]);
    }
    sequence.wrapping_add(1)
}

fn put_header(out: &mut BytesMut, length: usize, sequence: u8) {
    // INVARIANT: no packet is longer than `MAX`, which is three bytes.
    let [a, b, c, _] = u32::try_from(length).unwrap_or_default().to_le_bytes();
    out.put_slice(&[a, b, c, sequence]);
}

/// Walks the whole packets at the start of a buffer without taking them out: one pass per read, for rows that only flow.
#[derive(Debug, Clone)]
pub struct Walk<'b> {
    rest: &'b [u8],
    consumed: usize,
    sequence: u8,
}

impl<'b> Walk<'b> {
    /// Starts at the first byte of `buf`, which must be the first of a packet with this sequence id.
    pub fn new(buf: &'b [u8], sequence: u8) -> Self {
        Self { rest: buf, consumed: 0, sequence }
    }

    /// The next whole packet, header included; `None` when the rest is not a whole packet.
    ///
    /// # Errors
    /// A sequence id that does not follow.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<(Header, &'b [u8])>, Fault> {
        let Some(header) = header(self.rest) else { return Ok(None) };
        in_order(header, self.sequence)?;
        let length = header.len.saturating_add(HEADER);
        let Some((packet, rest)) = self.rest.split_at_checked(length) else { return Ok(None) };
        self.rest = rest;
        self.consumed = self.consumed.saturating_add(length);
        self.sequence = self.sequence.wrapping_add(1);
        Ok(Some((header, packet)))
    }

    /// How many bytes the packets returned so far hold.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// The sequence id that the next packet must have.
    pub fn sequence(&self) -> u8 {
        self.sequence
    }

    /// What has not been walked: the start of a packet that is not all there.
    pub fn rest(&self) -> &'b [u8] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_little_endian() {
        assert_eq!(header(b"\x01\x02\x03\x07"), Some(Header { len: 0x03_0201, sequence: 7 }));
        assert_eq!(header(b"\x01\x02\x03"), None);
    }

    #[test]
    fn a_ping_is_five_bytes() {
        let mut buf = BytesMut::from(&b"\x01\0\0\0\x0e\x01"[..]);
        let frame = split_command(&mut buf, &CommandLimits::default()).unwrap().unwrap();
        assert_eq!((frame.body(), frame.sequence, frame.next_sequence()), (&b"\x0e"[..], 0, 1));
        assert_eq!(&buf[..], b"\x01");
    }

    #[test]
    fn an_empty_payload_is_a_frame() {
        let mut buf = BytesMut::from(&b"\0\0\0\0"[..]);
        assert_eq!(split_command(&mut buf, &CommandLimits::default()).unwrap().unwrap().body(), b"");
    }

    #[test]
    fn a_sequence_id_out_of_order_is_refused() {
        let mut buf = BytesMut::from(&b"\x01\0\0\x01\x0e"[..]);
        let fault = split_command(&mut buf, &CommandLimits::default()).unwrap_err();
        assert_eq!(fault, Malformed::Invalid("sequence id").into());
    }

    #[test]
    fn a_continuation_out_of_order_is_refused_before_its_body_comes() {
        let mut stream = BytesMut::new();
        put(&mut stream, 0, &vec![3; MAX]);
        stream[HEADER + MAX + 3] = 2;
        assert_eq!(split(&mut stream, 0, 1 << 30), Err(Malformed::Invalid("sequence id").into()));
    }

    #[test]
    fn sequence_ids_wrap() {
        let mut buf = BytesMut::from(&b"\x01\0\0\xff\x00"[..]);
        assert_eq!(split(&mut buf, 255, 10).unwrap().unwrap().next_sequence(), 0);
        let mut walk = Walk::new(b"\0\0\0\xff\0\0\0\0", 255);
        assert!(walk.next_packet().unwrap().is_some() && walk.next_packet().unwrap().is_some());
        assert_eq!((walk.sequence(), walk.consumed(), walk.rest()), (1, 8, &b""[..]));
    }

    #[test]
    fn a_claim_over_the_limit_is_refused_before_its_body_comes() {
        let mut buf = BytesMut::from(&b"\x01\x00\x01\0\x0e"[..]);
        let fault = split_command(&mut buf, &CommandLimits::default()).unwrap_err();
        assert_eq!(fault, Fault::OverLimit { length: 65_537, limit: 65_536 });
    }

    #[test]
    fn a_joined_payload_over_the_limit_is_refused_at_the_header_that_passes_it() {
        let mut stream = BytesMut::new();
        put(&mut stream, 0, &vec![3; MAX]);
        stream.truncate(HEADER + MAX);
        stream.extend_from_slice(b"\x02\0\0\x01");
        let fault = split(&mut stream, 0, MAX + 1).unwrap_err();
        assert_eq!(fault, Fault::OverLimit { length: MAX as u64 + 2, limit: MAX as u64 + 1 });
    }

    #[test]
    fn a_claim_reserves_nothing() {
        let mut buf = BytesMut::from(&b"\xff\xff\xff\0\x17"[..]);
        let before = buf.capacity();
        assert_eq!(split_command(&mut buf, &CommandLimits::default()), Ok(None));
        assert_eq!(buf.capacity(), before);
    }

    #[test]
    fn before_sign_in_nothing_is_long() {
        assert_eq!(BEFORE_SIGN_IN, 131_072);
        let limits = CommandLimits::default();
        assert_eq!(limits.of(0x11), BEFORE_SIGN_IN);
        assert!((0..=255).all(|tag| limits.of(tag) <= limits::PARAMETERS));
    }

    #[test]
    fn what_is_written_in_place_is_what_is_put() {
        for length in [0, 1, MAX - 1, MAX, MAX + 1] {
            let payload = vec![7; length];
            let (mut put_out, mut written) = (BytesMut::from(&b"x"[..]), BytesMut::from(&b"x"[..]));
            let next = put(&mut put_out, 9, &payload);
            assert_eq!(write(&mut written, 9, |out| out.put_slice(&payload)), next);
            assert!(put_out == written, "{length}");
            assert_eq!(next, after(9, length));
        }
    }

    #[test]
    fn a_walk_stops_at_the_first_packet_that_is_not_whole() {
        let mut walk = Walk::new(b"\x01\0\0\x02a\x02\0\0\x03b", 2);
        assert_eq!(walk.next_packet(), Ok(Some((Header { len: 1, sequence: 2 }, &b"\x01\0\0\x02a"[..]))));
        assert_eq!(walk.next_packet(), Ok(None));
        assert_eq!((walk.consumed(), walk.rest()), (5, &b"\x02\0\0\x03b"[..]));
        assert!(Walk::new(b"\0\0\0\x03", 2).next_packet().is_err());
    }
}
