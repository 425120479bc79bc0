//! The one door to the upstream.
//!
//! A statement's bytes pass only with policy's [`Permit`] and the recorder's [`Receipt`], both for this session, this
//! statement and exactly these bytes. Neither can be made here, and both are used up: forgetting to judge or to record does
//! not compile, mixing them up does not run.

use portcullis_inspect::Sealed;
use portcullis_policy::Permit;
use portcullis_recording::Receipt;

use crate::outbound::Outbound;

/// A permit and a receipt that do not belong together, or not to these bytes. The session must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a permit, a receipt and the bytes to be forwarded do not belong together")]
pub struct Mismatch;

/// Queues `frame` for the upstream.
///
/// # Errors
/// [`Mismatch`]; nothing is queued then.
pub fn forward(permit: Permit, receipt: Receipt, frame: Sealed, upstream: &mut Outbound) -> Result<(), Mismatch> {
    let same = permit.session() == receipt.session()
        && permit.sequence() == receipt.sequence()
        && permit.digest() == receipt.digest()
        && permit.digest() == frame.digest();
    // Used up whatever comes of it.
    drop((permit, receipt));
    if !same {
        return Err(Mismatch);
    }
    upstream.push(frame.into_frame().into_bytes());
    Ok(())
}
