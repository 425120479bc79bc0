//! Results from recorded frames: the seam for protocols, and what every protocol gives.

use portcullis_recording::body::SessionStart;

use crate::mysql::MySqlDecoder;
use crate::postgres::PostgresDecoder;

/// Something a result holds, in the order in which the client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Column names of the rows that follow.
    Columns(Vec<String>),
    /// One row; `None` is NULL. Values are text, or hex where they are binary.
    Row(Vec<Option<Vec<u8>>>),
    /// The server finished a statement.
    Complete(String),
    /// An error or notice: severity, code, message.
    Message {
        /// `ERROR`, `NOTICE`, …
        severity: String,
        /// The code, in the protocol's own form.
        code: String,
        /// What it says.
        message: String,
    },
    /// Raw data of a COPY or the like.
    Data(Vec<u8>),
}

/// What was recorded of a statement's result.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'r> {
    /// The statement's number. What comes later under the same number goes on where this ends.
    pub statement: u64,
    /// How the statement was run; empty where that is not known.
    pub via: &'r str,
    /// The bytes, perhaps cut.
    pub frames: &'r [u8],
}

/// Decodes the frames of one session. Tolerant: what it cannot read it leaves out, and a cut frame ends it.
pub trait ResultDecoder {
    /// What the frames hold.
    fn decode(&mut self, recorded: &Recorded<'_>) -> Vec<Decoded>;

    /// A binary parameter as text, where the protocol's type says how.
    fn parameter(&self, _type_id: u32, _value: &[u8]) -> Option<Parameter> {
        None
    }
}

/// A parameter that was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// Shown as it is.
    Number(String),
    /// Shown in quotes.
    Text(Vec<u8>),
}

/// Makes the decoder of a session from what is recorded of its start.
pub type MakeDecoder = fn(&SessionStart) -> Box<dyn ResultDecoder>;

/// The decoders by protocol name.
pub struct Decoders(Vec<(String, MakeDecoder)>);

impl Default for Decoders {
    fn default() -> Self {
        Self(Vec::new())
            .with("postgres", |_| Box::new(PostgresDecoder))
            .with("mysql", |start| Box::new(MySqlDecoder::of(start)))
    }
}

impl Decoders {
    /// Adds the decoder of another protocol.
    #[must_use]
    pub fn with(mut self, protocol: &str, make: MakeDecoder) -> Self {
        self.0.push((protocol.to_owned(), make));
        self
    }

    pub(crate) fn of(&self, start: &SessionStart) -> Option<Box<dyn ResultDecoder>> {
        let (_, make) = self.0.iter().find(|(name, _)| *name == start.protocol)?;
        Some(make(start))
    }
}

/// Bytes that are no text: `\x` and two digits for each.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    format!("\\x{}", portcullis_recording::checkpoint::hex(bytes)).into_bytes()
}
