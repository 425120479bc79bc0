//! From the upstream to the client: answers are matched, searched, counted, recorded, and go on as the bytes they are.

use bytes::{Buf, Bytes};
use portcullis_wire::Protocol;
use portcullis_wire::event::Answer;
use portcullis_wire::protocol::{Delivery, Front, Piece, Reply};

use super::{End, Relay};

impl<P: Protocol> Relay<P> {
    /// Handles what the upstream sent, as far as it is whole and the client's queue has room.
    pub(super) fn pump_back(&mut self) -> Result<(), End> {
        let now = if self.from_upstream.is_empty() { 0 } else { self.backstage.now() };
        // Bytes at the front that may leave; they leave together.
        let mut ready = 0usize;
        while !self.to_client.is_full() {
            let rest = self.from_upstream.get(ready..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match self.codec.answer(rest).map_err(End::UpstreamFault)? {
                Front::Short(_) => break,
                Front::Whole(reply) => self.whole(&reply, &mut ready, now)?,
                Front::Piece(piece) => {
                    if !self.piece(&piece, &mut ready, now)? {
                        break;
                    }
                }
            }
        }
        self.release(ready);
        Ok(())
    }

    fn whole(&mut self, reply: &Reply, ready: &mut usize, now: u64) -> Result<(), End> {
        let end = ready.saturating_add(reply.length);
        if let Some(bytes) = self.from_upstream.get_mut(*ready..end) {
            let handled = self.inspector.handle_reply(&self.codec, reply, bytes, now);
            handled.map_err(End::UpstreamFault)?;
        }
        self.copying_out = reply.answer == Answer::Data;
        match &reply.delivery {
            Delivery::Deliver => *ready = end,
            Delivery::Swallow => self.replace(ready, reply.length, Bytes::new()),
            Delivery::Replace(bytes) => self.replace(ready, reply.length, bytes.clone()),
        }
        Ok(())
    }

    /// Sends what is ready, then `bytes` in the place of the next `length`.
    fn replace(&mut self, ready: &mut usize, length: usize, bytes: Bytes) {
        self.release(std::mem::take(ready));
        self.from_upstream.advance(length.min(self.from_upstream.len()));
        self.to_client.push(bytes);
    }

    /// A piece of a long value. Says whether anything of it could leave.
    fn piece(&mut self, piece: &Piece, ready: &mut usize, now: u64) -> Result<bool, End> {
        let columns = self.codec.columns();
        let end = ready.saturating_add(piece.length);
        let Some(bytes) = self.from_upstream.get_mut(*ready..end) else { return Ok(false) };
        let done = self.inspector.handle_piece(piece, bytes, columns.as_deref(), self.copying_out, now);
        if done == 0 {
            return Ok(false);
        }
        let sent = ready.saturating_add(done);
        let leaving = self.from_upstream.get(*ready..sent).unwrap_or_default();
        if self.codec.consume(leaving).map_err(End::UpstreamFault)? && !self.copying_out {
            self.inspector.handle_long_row(piece.ticket, now);
        }
        *ready = sent;
        Ok(true)
    }

    /// Queues the first `ready` bytes for the client: the very bytes that came in.
    fn release(&mut self, ready: usize) {
        self.to_client.take(&mut self.from_upstream, ready);
    }
}
