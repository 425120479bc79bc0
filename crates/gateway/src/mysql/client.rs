//! The gateway's own statements to an upstream: text in, rows of text out. For its catalog, its questions and its cancels.

use bytes::{Buf, BytesMut};
use portcullis_mysql::command::{Command, Query};
use portcullis_mysql::response::{Answer, ColumnDefinition, EofPacket, ErrPacket, OkPacket, Status, text_cells};
use portcullis_mysql::{Capabilities, packet};
use portcullis_net::Stream;
use portcullis_wire::{Fault, Malformed, Unexpected};

use super::dial::Dialled;
use crate::catalog::Unread;

/// LIMIT: one row of an answer, in bytes.
const ROW: usize = 16 << 20;

/// A row of text.
pub(super) type Row = Vec<Option<String>>;

/// A connection that only the gateway speaks on.
#[derive(Debug)]
pub(crate) struct Conversation {
    stream: Stream,
    buffer: BytesMut,
    agreed: Capabilities,
    sequence: u8,
}

impl Conversation {
    pub(super) fn begin(dialled: Dialled) -> Self {
        let Dialled { stream, rest, ready } = dialled;
        Self { stream, buffer: rest, agreed: ready.capabilities, sequence: 0 }
    }

    /// Gives the connection back, for the session of a client.
    pub(super) fn end(self) -> (Stream, BytesMut) {
        (self.stream, self.buffer)
    }

    /// Runs one statement and returns its rows.
    pub(super) async fn query(&mut self, text: &str) -> Result<Vec<Row>, Unread> {
        let (mut out, agreed) = (BytesMut::new(), self.agreed);
        packet::write(&mut out, 0, |out| Query::put(out, agreed, &[], text.as_bytes()));
        self.stream.send(out.freeze()).await?;
        self.sequence = 1;
        let columns = loop {
            let body = self.packet().await?;
            match Answer::decode(&body, agreed).map_err(Fault::from)? {
                Answer::Ok(_) => return Ok(Vec::new()),
                Answer::Err(error) => return Err(refused(&error)),
                Answer::Columns(count) => break count.columns,
                Answer::Progress(_) => {}
                Answer::LocalInfile(_) => return Err(Fault::from(Unexpected("LOCAL INFILE")).into()),
            }
        };
        for _ in 0..columns {
            let body = self.packet().await?;
            ColumnDefinition::decode(&body, agreed).map_err(Fault::from)?;
        }
        if !agreed.has(Capabilities::DEPRECATE_EOF) {
            let body = self.packet().await?;
            EofPacket::decode(&body).map_err(Fault::from)?;
        }
        self.rows(columns).await
    }

    async fn rows(&mut self, columns: u16) -> Result<Vec<Row>, Unread> {
        let mut rows = Vec::new();
        loop {
            let body = self.packet().await?;
            match body.first() {
                Some(0xff) => return Err(refused(&ErrPacket::decode(&body).map_err(Fault::from)?)),
                Some(0xfe) if self.ends(&body)? => return Ok(rows),
                _ => rows.push(row(&body, columns)?),
            }
        }
    }

    /// Whether a packet that begins like an end is one, and the last of the answer.
    fn ends(&self, body: &[u8]) -> Result<bool, Unread> {
        let status = match self.agreed.has(Capabilities::DEPRECATE_EOF) {
            true => OkPacket::decode(body, self.agreed).map_err(Fault::from)?.status,
            false if body.len() < 9 => EofPacket::decode(body).map_err(Fault::from)?.status,
            false => return Ok(false),
        };
        if status.has(Status::MORE_RESULTS) {
            return Err(Fault::from(Unexpected("a second result")).into());
        }
        Ok(true)
    }

    /// The next payload.
    async fn packet(&mut self) -> Result<BytesMut, Unread> {
        loop {
            if let Some(frame) = packet::split(&mut self.buffer, self.sequence, ROW)? {
                self.sequence = frame.next_sequence();
                let mut bytes = BytesMut::from(&frame.bytes[..]);
                bytes.advance(packet::HEADER);
                return Ok(bytes);
            }
            if self.stream.fill(&mut self.buffer).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) {
        let mut out = BytesMut::new();
        packet::write(&mut out, 0, |out| Command::Quit.encode(out));
        // The server closes whether or not it hears this.
        let _ = self.stream.send(out.freeze()).await;
        self.stream.shut().await;
    }
}

fn refused(error: &ErrPacket<'_>) -> Unread {
    let state = error.state.unwrap_or(*b"HY000");
    Unread::Refused(format!("{}, error {}", String::from_utf8_lossy(&state), error.code))
}

fn row(body: &[u8], columns: u16) -> Result<Row, Unread> {
    text_cells(body, columns)
        .map(|cell| {
            let Some(place) = cell.map_err(Fault::from)? else { return Ok(None) };
            let bytes = body.get(place.start as usize..place.end as usize);
            let bytes = bytes.ok_or(Fault::from(Malformed::Invalid("cell")))?;
            Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
        })
        .collect()
}
