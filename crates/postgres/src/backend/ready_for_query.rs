//! ReadyForQuery: the server is idle again, and where its transaction stands.
//!
//! Spec: "Message Formats", ReadyForQuery.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The end of a query or batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyForQuery {
    /// Where the transaction stands.
    pub status: TransactionStatus,
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// There is none.
    Idle,
    /// Inside one.
    InTransaction,
    /// Inside one that failed: all but its end is refused.
    Failed,
}

impl ReadyForQuery {
    /// Reads the body.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let status = match r.u8("transaction status")? {
            b'I' => TransactionStatus::Idle,
            b'T' => TransactionStatus::InTransaction,
            b'E' => TransactionStatus::Failed,
            _ => return Err(Malformed::Invalid("transaction status")),
        };
        r.finish()?;
        Ok(Self { status })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'Z', |out| {
            out.put_u8(match self.status {
                TransactionStatus::Idle => b'I',
                TransactionStatus::InTransaction => b'T',
                TransactionStatus::Failed => b'E',
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_states_are_read() {
        assert_eq!(ReadyForQuery::decode(b"T"), Ok(ReadyForQuery { status: TransactionStatus::InTransaction }));
        assert_eq!(ReadyForQuery::decode(b"X"), Err(Malformed::Invalid("transaction status")));
        assert_eq!(ReadyForQuery::decode(b"II"), Err(Malformed::Trailing(1)));
    }
}
