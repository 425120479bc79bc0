//! Results from recorded frames: the seam for protocols, and what every protocol gives.

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

/// Decodes the frames of one protocol. Tolerant: what it cannot read it leaves out, and a cut frame ends it.
pub trait ResultDecoder {
    /// What the frames hold.
    fn decode(&self, frames: &[u8]) -> Vec<Decoded>;
}

/// The decoders by protocol name.
pub struct Decoders(Vec<(String, Box<dyn ResultDecoder>)>);

impl Default for Decoders {
    fn default() -> Self {
        Self(vec![("postgres".to_owned(), Box::new(PostgresDecoder))])
    }
}

impl Decoders {
    /// Adds the decoder of another protocol.
    #[must_use]
    pub fn with(mut self, protocol: &str, decoder: Box<dyn ResultDecoder>) -> Self {
        self.0.push((protocol.to_owned(), decoder));
        self
    }

    pub(crate) fn decode(&self, protocol: &str, frames: &[u8]) -> Vec<Decoded> {
        let found = self.0.iter().find(|(name, _)| name == protocol);
        found.map(|(_, decoder)| decoder.decode(frames)).unwrap_or_default()
    }
}
