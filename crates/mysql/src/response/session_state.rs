//! Session-state changes: what a tracker reports in an OK.
//!
//! This is how a firewall hears of `USE`, `SET sql_mode` and `SET NAMES` done in places that it cannot see, so a kind that
//! is not known is refused rather than skipped. Spec: "OK_Packet", session state information.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::{Pairs, lenenc};

/// Changes, in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionState<'f>(&'f [u8]);

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange<'f> {
    /// System variables with their new values.
    Variables(Pairs<'f>),
    /// The default database, by name.
    Schema(&'f [u8]),
    /// Whether anything changed at all: `1` or `0`.
    Changed(&'f [u8]),
    /// GTIDs: the form of their text, and the text.
    Gtids(&'f [u8]),
    /// The statements that would begin this transaction again.
    TransactionCharacteristics(&'f [u8]),
    /// Eight letters about the transaction.
    TransactionState(&'f [u8]),
}

impl<'f> SessionState<'f> {
    /// Reads all of `raw`.
    ///
    /// # Errors
    /// An unknown kind, a length that reaches outside, leftovers in a change.
    pub fn decode(raw: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(raw);
        while r.remaining() > 0 {
            StateChange::decode(&mut r)?;
        }
        Ok(Self(raw))
    }

    /// Each change in order.
    pub fn changes(&self) -> impl Iterator<Item = StateChange<'f>> + use<'f> {
        let mut r = Reader::new(self.0);
        // INVARIANT: `decode` has walked these very bytes.
        std::iter::from_fn(move || StateChange::decode(&mut r).ok())
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        lenenc::put_bytes(out, self.0);
    }
}

impl<'f> StateChange<'f> {
    fn decode(r: &mut Reader<'f>) -> Result<Self, Malformed> {
        let kind = r.u8("session state kind")?;
        let data = lenenc::bytes(r, "session state")?;
        Ok(match kind {
            0 => Self::Variables(Pairs::decode(data, "session variable")?),
            1 => Self::Schema(one(data)?),
            2 => Self::Changed(one(data)?),
            3 => Self::Gtids(data),
            4 => Self::TransactionCharacteristics(one(data)?),
            5 => Self::TransactionState(one(data)?),
            _ => return Err(Malformed::Invalid("session state kind")),
        })
    }
}

/// The one string in a change.
fn one(data: &[u8]) -> Result<&[u8], Malformed> {
    let mut r = Reader::new(data);
    let text = lenenc::bytes(&mut r, "session state")?;
    r.finish()?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_the_specifications() {
        let raw = b"\x00\x0f\x0aautocommit\x03OFF\x01\x05\x04test\x02\x02\x011\x05\x09\x08I_______";
        let changes: Vec<_> = SessionState::decode(raw).unwrap().changes().collect();
        let StateChange::Variables(variables) = changes[0] else { panic!("variables") };
        assert_eq!(variables.iter().collect::<Vec<_>>(), [(&b"autocommit"[..], &b"OFF"[..])]);
        let rest =
            [StateChange::Schema(b"test"), StateChange::Changed(b"1"), StateChange::TransactionState(b"I_______")];
        assert_eq!(changes[1..], rest);
    }

    #[test]
    fn an_unknown_kind_and_leftovers_are_refused() {
        assert_eq!(SessionState::decode(b"\x09\x00"), Err(Malformed::Invalid("session state kind")));
        assert_eq!(SessionState::decode(b"\x01\x03\x01ab"), Err(Malformed::Trailing(1)));
        assert_eq!(SessionState::decode(b"\x00\x02\x01a"), Err(Malformed::Truncated("session variable")));
        assert_eq!(SessionState::decode(b"\x01"), Err(Malformed::Truncated("session state")));
    }
}
