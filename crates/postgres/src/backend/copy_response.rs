//! CopyInResponse, CopyOutResponse, CopyBothResponse: a COPY stream begins, and how its columns are written.
//!
//! The three bodies are the same; the tag says the direction. CopyBoth happens only in replication, which is refused
//! before it can begin. Spec: "COPY Operations".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::frame::BackendTag;
use crate::list::Formats;
use crate::put;

/// The start of a COPY stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyResponse<'f> {
    /// Which way it goes.
    pub direction: CopyDirection,
    /// 0 text, 1 binary, for the stream as a whole.
    pub format: u8,
    /// One format for each column.
    pub columns: Formats<'f>,
}

/// Which way a COPY stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CopyDirection {
    /// From the client to the server.
    In,
    /// From the server to the client.
    Out,
    /// Both.
    Both,
}

impl CopyDirection {
    /// The tag of the message that begins it.
    pub fn tag(self) -> BackendTag {
        match self {
            Self::In => BackendTag::CopyInResponse,
            Self::Out => BackendTag::CopyOutResponse,
            Self::Both => BackendTag::CopyBothResponse,
        }
    }
}

impl<'f> CopyResponse<'f> {
    /// Reads the body.
    pub fn decode(direction: CopyDirection, body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let format = r.u8("copy format")?;
        if format > 1 {
            return Err(Malformed::Invalid("copy format"));
        }
        let columns = Formats::decode(&mut r, "column format")?;
        r.finish()?;
        Ok(Self { direction, format, columns })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, self.direction.tag().byte(), |out| {
            out.put_u8(self.format);
            self.columns.encode(out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_for_stream_and_columns() {
        let message = CopyResponse::decode(CopyDirection::Out, b"\x01\0\x02\0\x01\0\x01").unwrap();
        assert_eq!((message.format, message.columns.len()), (1, 2));
        assert_eq!(CopyResponse::decode(CopyDirection::In, b"\x02\0\0"), Err(Malformed::Invalid("copy format")));
        assert_eq!(CopyResponse::decode(CopyDirection::In, b"\0\0\0!"), Err(Malformed::Trailing(1)));
    }
}
