//! Cuts tagged messages out of a stream: one byte of tag, four of length, the body.
//!
//! Framing is where a firewall and a server must not disagree, so it is small and strict: a length below four or above
//! what an `int32` holds is malformed (PostgreSQL reads it signed), one above the limit of its tag ends the session
//! before a byte of the body is waited for, and no memory is ever reserved for what a length merely claims. Spec:
//! "Message Formats". The first packet of a connection has no tag and is cut by [`crate::startup`].

use bytes::{Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, Unsupported, limits};

/// The tag and the length together.
pub const HEADER: usize = 5;

macro_rules! tags {
    ($(#[$doc:meta])* $name:ident { $($(#[$tag_doc:meta])* $tag:ident = $byte:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$tag_doc])* $tag = $byte,)*
        }

        impl $name {
            /// Every tag there is.
            pub const ALL: &'static [Self] = &[$(Self::$tag,)*];

            /// The byte on the wire.
            pub fn byte(self) -> u8 {
                match self {
                    $(Self::$tag => $byte,)*
                }
            }

            /// The name in the specification.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$tag => stringify!($tag),)*
                }
            }
        }

        impl TryFrom<u8> for $name {
            type Error = Unsupported;

            fn try_from(byte: u8) -> Result<Self, Unsupported> {
                match byte {
                    $($byte => Ok(Self::$tag),)*
                    _ => Err(Unsupported("unknown message type")),
                }
            }
        }
    };
}

tags! {
    /// What a client may send after its first packet.
    FrontendTag {
        /// Bind: values for a prepared statement.
        Bind = b'B',
        /// Close of a statement or portal.
        Close = b'C',
        /// A piece of a COPY stream.
        CopyData = b'd',
        /// The end of a COPY stream.
        CopyDone = b'c',
        /// A COPY stream given up.
        CopyFail = b'f',
        /// Describe of a statement or portal.
        Describe = b'D',
        /// Execute of a portal.
        Execute = b'E',
        /// Flush of pending answers.
        Flush = b'H',
        /// A function called by OID.
        FunctionCall = b'F',
        /// Parse of a statement.
        Parse = b'P',
        /// PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share one letter.
        Password = b'p',
        /// A simple query.
        Query = b'Q',
        /// The end of an extended-query batch.
        Sync = b'S',
        /// Goodbye.
        Terminate = b'X',
    }
}

tags! {
    /// What a server may send.
    BackendTag {
        /// Any authentication request, or its success.
        Authentication = b'R',
        /// The key for CancelRequest.
        BackendKeyData = b'K',
        /// Bind succeeded.
        BindComplete = b'2',
        /// Close succeeded.
        CloseComplete = b'3',
        /// A statement ended.
        CommandComplete = b'C',
        /// COPY in both directions began (replication only).
        CopyBothResponse = b'W',
        /// A piece of a COPY stream.
        CopyData = b'd',
        /// The end of a COPY stream.
        CopyDone = b'c',
        /// COPY from the client began.
        CopyInResponse = b'G',
        /// COPY to the client began.
        CopyOutResponse = b'H',
        /// A row.
        DataRow = b'D',
        /// The query text was empty.
        EmptyQueryResponse = b'I',
        /// An error.
        ErrorResponse = b'E',
        /// The result of a FunctionCall.
        FunctionCallResponse = b'V',
        /// The server speaks less than was asked.
        NegotiateProtocolVersion = b'v',
        /// The statement returns no rows.
        NoData = b'n',
        /// A warning or notice.
        NoticeResponse = b'N',
        /// A NOTIFY of some session.
        NotificationResponse = b'A',
        /// The types of a statement's parameters.
        ParameterDescription = b't',
        /// A run-time parameter's value.
        ParameterStatus = b'S',
        /// Parse succeeded.
        ParseComplete = b'1',
        /// The row limit of Execute was reached.
        PortalSuspended = b's',
        /// Ready for the next query.
        ReadyForQuery = b'Z',
        /// The columns of the rows to come.
        RowDescription = b'T',
    }
}

/// The first five bytes of a frame, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The message type, not yet looked up: the same letter means two things.
    pub tag: u8,
    /// The whole frame, tag and length field included, in bytes.
    pub len: usize,
}

/// Reads the header at the start of `buf`; `None` while fewer than five bytes are there.
///
/// # Errors
/// A length below four, or above what a signed 32-bit integer holds.
#[inline]
pub fn header(buf: &[u8]) -> Result<Option<Header>, Fault> {
    let Some(([tag, length @ ..], _)) = buf.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    // Counted in 64 bits: in 32, a length of 2^32-1 plus the tag would wrap to nothing (CVE-2024-27304 is of this kind).
    let claimed = u64::from(u32::from_be_bytes(*length));
    if !(4..=0x7fff_ffff).contains(&claimed) {
        return Err(Malformed::Invalid("message length").into());
    }
    let len = usize::try_from(claimed.saturating_add(1)).map_err(|_| Malformed::Invalid("message length"))?;
    Ok(Some(Header { tag: *tag, len }))
}

/// One whole message, as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<T> {
    /// What it is.
    pub tag: T,
    /// Every byte of it, header included. It keeps the buffer it was cut from alive.
    pub bytes: Bytes,
}

impl<T> Frame<T> {
    /// What follows the header.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}

/// The longest frame allowed, by what it carries, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Query and Parse: the statement's text and [`NAMES_SLACK`].
    pub statement: usize,
    /// Bind and FunctionCall.
    pub parameters: usize,
    /// Answers to authentication requests.
    pub credential: usize,
    /// One CopyData.
    pub copy: usize,
    /// Everything else.
    pub control: usize,
}

/// What Parse may hold beside the text: 65,535 type OIDs, the statement's name, and the fields' own bytes.
pub const NAMES_SLACK: usize = 320 << 10;

/// The longest CopyData that is held whole, in bytes: as long as the longest Bind, since either carries one row's values.
pub const COPY_DATA: usize = limits::PARAMETERS;

impl FrameLimits {
    /// Limits for a session whose statements may be `statement` bytes long.
    pub fn new(statement: usize) -> Self {
        Self {
            statement: statement.saturating_add(NAMES_SLACK),
            parameters: limits::PARAMETERS,
            credential: limits::CREDENTIAL,
            copy: COPY_DATA,
            control: limits::CONTROL,
        }
    }

    /// Limits until the client is known: nobody makes us hold more than a credential before that.
    pub fn before_sign_in() -> Self {
        let all = limits::CREDENTIAL;
        Self { statement: all, parameters: all, credential: all, copy: all, control: all }
    }

    /// The limit for one tag, in bytes of the whole frame.
    pub fn of(&self, tag: FrontendTag) -> usize {
        match tag {
            FrontendTag::Query | FrontendTag::Parse => self.statement,
            FrontendTag::Bind | FrontendTag::FunctionCall => self.parameters,
            FrontendTag::Password => self.credential,
            FrontendTag::CopyData => self.copy,
            _ => self.control,
        }
    }
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self::new(limits::STATEMENT)
    }
}

/// Cuts the next whole message of a client off `buf`, or leaves `buf` untouched while it is not all there.
///
/// # Errors
/// An unknown tag, an impossible length, or a length above the limit of that tag. The buffer is then in no useful state.
pub fn split_frontend(buf: &mut BytesMut, limits: &FrameLimits) -> Result<Option<Frame<FrontendTag>>, Fault> {
    split(buf, |tag| limits.of(tag))
}

/// Cuts the next whole message of a server off `buf`, if it is no longer than `limit`.
///
/// For the phases in which whole messages are wanted; rows on their way to a client are walked with [`header`] instead.
///
/// # Errors
/// As for [`split_frontend`].
pub fn split_backend(buf: &mut BytesMut, limit: usize) -> Result<Option<Frame<BackendTag>>, Fault> {
    split(buf, |_| limit)
}

fn split<T>(buf: &mut BytesMut, limit: impl FnOnce(T) -> usize) -> Result<Option<Frame<T>>, Fault>
where
    T: TryFrom<u8, Error = Unsupported> + Copy,
{
    // A wrong tag is refused on its first byte, before a length is waited for.
    let Some(first) = buf.first() else { return Ok(None) };
    let tag = T::try_from(*first)?;
    let Some(header) = header(buf)? else { return Ok(None) };
    within(header.len, limit(tag))?;
    if buf.len() < header.len {
        return Ok(None);
    }
    Ok(Some(Frame { tag, bytes: buf.split_to(header.len).freeze() }))
}

/// Refuses a frame of `length` bytes where `limit` is allowed.
pub(crate) fn within(length: usize, limit: usize) -> Result<(), Fault> {
    if length > limit {
        return Err(Fault::OverLimit { length: length as u64, limit: limit as u64 });
    }
    Ok(())
}

/// Walks the whole frames at the start of a buffer without taking them out: one pass per read, no count per row.
#[derive(Debug, Clone)]
pub struct Walk<'b> {
    rest: &'b [u8],
    consumed: usize,
}

impl<'b> Walk<'b> {
    /// Starts at the first byte of `buf`, which must be the first of a frame.
    pub fn new(buf: &'b [u8]) -> Self {
        Self { rest: buf, consumed: 0 }
    }

    /// The next whole frame with its header; `None` when the rest is not a whole frame.
    ///
    /// # Errors
    /// An impossible length.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<(Header, &'b [u8])>, Fault> {
        let Some(header) = header(self.rest)? else { return Ok(None) };
        let Some((frame, rest)) = self.rest.split_at_checked(header.len) else { return Ok(None) };
        self.rest = rest;
        self.consumed = self.consumed.saturating_add(header.len);
        Ok(Some((header, frame)))
    }

    /// How many bytes the frames returned so far hold.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// What has not been walked: the start of a frame that is not all there.
    pub fn rest(&self) -> &'b [u8] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_below_its_own_size_is_refused() {
        for length in 0..4_u8 {
            assert_eq!(header(&[b'Q', 0, 0, 0, length]), Err(Malformed::Invalid("message length").into()));
        }
        assert_eq!(header(b"S\0\0\0\x04"), Ok(Some(Header { tag: b'S', len: 5 })));
    }

    #[test]
    fn a_length_that_would_wrap_is_refused() {
        assert!(header(b"Q\xff\xff\xff\xff").is_err());
        assert!(header(b"Q\x80\0\0\0").is_err());
        assert_eq!(header(b"Q\x7f\xff\xff\xff"), Ok(Some(Header { tag: b'Q', len: 1 << 31 })));
    }

    #[test]
    fn a_claim_over_the_limit_is_refused_before_its_body_comes() {
        let mut buf = BytesMut::from(&b"p\0\x01\0\0"[..]);
        let fault = split_frontend(&mut buf, &FrameLimits::default()).unwrap_err();
        assert_eq!(fault, Fault::OverLimit { length: 65_537, limit: 65_536 });
    }

    #[test]
    fn a_claim_reserves_nothing() {
        let mut buf = BytesMut::from(&b"B\x03\0\0\0"[..]);
        let before = buf.capacity();
        assert_eq!(split_frontend(&mut buf, &FrameLimits::default()), Ok(None));
        assert_eq!(buf.capacity(), before);
    }

    #[test]
    fn an_unknown_tag_is_refused_at_once() {
        let mut buf = BytesMut::from(&b"\x16"[..]);
        assert!(split_frontend(&mut buf, &FrameLimits::default()).is_err());
    }

    #[test]
    fn before_sign_in_nothing_is_long() {
        for &tag in FrontendTag::ALL {
            assert_eq!(FrameLimits::before_sign_in().of(tag), limits::CREDENTIAL);
        }
    }

    #[test]
    fn a_walk_stops_at_the_first_frame_that_is_not_whole() {
        let buf = b"Z\0\0\0\x05IS\0\0\0\x04C\0\0";
        let mut walk = Walk::new(buf);
        assert_eq!(walk.next_frame().unwrap().unwrap().1, &buf[..6]);
        assert_eq!(walk.next_frame().unwrap().unwrap().0, Header { tag: b'S', len: 5 });
        assert_eq!(walk.next_frame(), Ok(None));
        assert_eq!((walk.consumed(), walk.rest()), (11, &b"C\0\0"[..]));
    }

    #[test]
    fn tags_and_bytes_agree() {
        for &tag in FrontendTag::ALL {
            assert_eq!(FrontendTag::try_from(tag.byte()), Ok(tag));
        }
        for &tag in BackendTag::ALL {
            assert_eq!(BackendTag::try_from(tag.byte()), Ok(tag));
        }
    }
}
