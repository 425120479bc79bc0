//! From the client to the upstream: frames are cut, judged, recorded, and only then forwarded.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use portcullis_inspect::{Job, Sealed, Standing, Verdict};
use portcullis_policy::Permit;
use portcullis_wire::event::{Gate, Refusal, Request};
use portcullis_wire::{Frame, Protocol};
use smallvec::SmallVec;

use super::{Done, End, Relay};
use crate::forward::forward;

/// A frame that was judged and waits for the recording's write.
struct Leaving {
    /// Frames of the gateway's own that go first.
    before: Bytes,
    what: What,
}

enum What {
    Statement(Sealed, Permit),
    /// It carries on with what was judged before.
    Rest(Frame),
}

/// What one turn forwards; as much of it as is usual needs no allocation.
type Batch = SmallVec<[Leaving; 6]>;

/// What became of one frame.
enum Step {
    /// It leaves, or is done with.
    On,
    /// It is held, and with it all that follows.
    Held,
    /// The client says goodbye with it.
    Quit,
}

impl<P: Protocol> Relay<P> {
    /// Handles what the client sent, as far as its turn has come. Says whether it should be called again at once.
    pub(super) fn pump_toward(&mut self) -> Result<bool, End> {
        if self.quitting || self.job.is_some() || (self.held.is_empty() && self.from_client.is_empty()) {
            return Ok(false);
        }
        let (began, now) = (Instant::now(), self.backstage.now());
        if self.backstage.epoch() != self.inspector.world().epoch {
            self.inspector.handle_world(self.backstage.world());
        }
        let mut mark = self.codec.mark();
        let mut first = self.inspector.next_ticket();
        let mut batch = Batch::new();
        let step = loop {
            if self.to_upstream.is_full() {
                break Step::Held;
            }
            let Some(frame) = self.next_frame()? else { break Step::On };
            if batch.is_empty() {
                // A refusal has left already, and is not to be gone back behind.
                mark = self.codec.mark();
                first = self.inspector.next_ticket();
            }
            match self.step(frame, &mut batch, now)? {
                Step::On => {}
                other => break other,
            }
        };
        let left = !batch.is_empty();
        let statements = batch.iter().filter(|leaving| matches!(leaving.what, What::Statement(..))).count();
        if statements > 0 && !self.record(&mut batch, mark, first)? {
            return Ok(!self.waits_for_upstream);
        }
        self.send(batch)?;
        if statements > 0 {
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.backstage.took(statements, took);
        }
        match step {
            // What it sent before is answered first, as the server would.
            Step::Quit if !self.codec.is_drained() => {
                self.quitting = true;
                Ok(false)
            }
            Step::Quit => Err(End::Quit),
            Step::Held => {
                self.flush_if_waiting();
                // What left may be answered by nothing (a Flush): then there is nothing to wait for.
                Ok(left && self.waits_for_upstream && self.codec.is_drained())
            }
            Step::On => Ok(false),
        }
    }

    /// Nothing begins between a cancel and the end of what it cancels, so that it cannot hit the next statement.
    ///
    /// What carries on with the running statement still goes: a server that reads COPY data acts on a cancel only when
    /// more of it comes, and one that was not asked to synchronise may keep its answers.
    fn is_cancelling(&mut self) -> bool {
        self.settling &= !self.codec.is_drained();
        self.cancelling.is_some() || self.settling
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, End> {
        match self.held.pop_front() {
            Some(frame) => Ok(Some(frame)),
            None => self.codec.split(&mut self.from_client).map_err(End::ClientFault),
        }
    }

    fn step(&mut self, frame: Frame, batch: &mut Batch, now: u64) -> Result<Step, End> {
        let request = self.codec.read(&frame).map_err(End::ClientFault)?;
        self.waits_for_upstream = false;
        match self.codec.gate(&request, &frame) {
            Gate::Drop => return Ok(Step::On),
            Gate::Wait => return Ok(self.hold_for_upstream(frame.clone())),
            Gate::Interrupt => {
                let mut out = BytesMut::new();
                self.codec.interrupt(&mut out);
                batch.push(Leaving { before: Bytes::new(), what: What::Rest(Frame::new(out.freeze())) });
                return Ok(Step::On);
            }
            Gate::Open => {}
        }
        if self.is_cancelling() && !matches!(request, Request::Continue | Request::Quit) {
            return Ok(self.hold_for_upstream(frame.clone()));
        }
        if request == Request::SignIn {
            self.signs_in = Some(frame.clone());
            return Err(End::SignsIn);
        }
        let standing = Standing {
            drained: self.codec.is_drained() && batch.is_empty(),
            may_ask: self.codec.may_ask() && batch.is_empty(),
        };
        let mut verdict = self.inspector.handle_request(&request, &frame, standing, now);
        if let Verdict::Whose(session) = verdict {
            self.inspector.handle_whose(self.backstage.owns(session));
            verdict = self.inspector.handle_request(&request, &frame, standing, now);
        }
        match verdict {
            Verdict::Forward(passage) => {
                let what = What::Statement(passage.frame, passage.permit);
                self.leave(&request, &frame, Some(passage.ticket), what, batch);
            }
            Verdict::Continue(ticket) => {
                self.leave(&request, &frame, ticket, What::Rest(frame.clone()), batch);
                if request == Request::Quit {
                    return Ok(Step::Quit);
                }
            }
            Verdict::Refuse(refusal) => self.refuse(&request, &frame, &refusal),
            Verdict::End { session, statement_only } => self.end(&request, &frame, session, statement_only),
            // Asked and answered above.
            Verdict::Whose(_) => return Ok(self.hold_for_upstream(frame.clone())),
            Verdict::Drain => return Ok(self.hold_for_upstream(frame.clone())),
            Verdict::Find(job) => return Ok(self.find(job, frame.clone())),
        }
        self.flushed = false;
        Ok(Step::On)
    }

    /// Ends a session of the same principal, once that is recorded.
    fn end(&mut self, request: &Request<'_>, frame: &Frame, session: u64, statement_only: bool) {
        if let Err(error) = self.inspector.commit(self.backstage.sink()) {
            tracing::warn!(%error, "a statement could not be recorded and is refused");
            let refusal = self.inspector.unrecorded();
            return self.refuse(request, frame, &refusal);
        }
        self.backstage.end(session, statement_only);
        let mut out = BytesMut::new();
        self.codec.acknowledge(frame, &mut out);
        self.to_client.push(out.freeze());
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
        frame: &Frame,
        ticket: Option<portcullis_wire::event::Ticket>,
        what: What,
        batch: &mut Batch,
    ) {
        let mut before = BytesMut::new();
        self.codec.forward(request, frame, ticket, &mut before);
        batch.push(Leaving { before: before.freeze(), what });
    }

    fn refuse(&mut self, request: &Request<'_>, frame: &Frame, refusal: &Refusal) {
        let (mut to_upstream, mut to_client) = (BytesMut::new(), BytesMut::new());
        self.codec.refuse(request, frame, refusal, &mut to_upstream, &mut to_client);
        self.to_upstream.push(to_upstream.freeze());
        self.to_client.push(to_client.freeze());
    }

    fn hold_for_upstream(&mut self, frame: Frame) -> Step {
        self.held.push_front(frame);
        self.waits_for_upstream = true;
        Step::Held
    }

    /// Makes the upstream answer what the held frame waits for, once.
    fn flush_if_waiting(&mut self) {
        if self.waits_for_upstream && !std::mem::replace(&mut self.flushed, true) {
            let mut flush = BytesMut::new();
            self.codec.flush(&mut flush);
            self.to_upstream.push(flush.freeze());
        }
    }

    fn find(&mut self, job: Job, frame: Frame) -> Step {
        self.held.push_front(frame);
        match job {
            Job::Analyse { text, mode } => {
                let analysis = self.backstage.analyse(text.clone(), mode);
                self.job = Some(Box::pin(async move { Done::Analysis(text, analysis.await) }));
            }
            Job::RefreshCatalog { stale } => {
                let refresh = self.backstage.refresh(stale);
                self.job = Some(Box::pin(async move {
                    refresh.await;
                    Done::Refreshed
                }));
            }
            Job::Ask(question) => {
                let mut out = BytesMut::new();
                self.codec.ask(&question, &mut out);
                self.to_upstream.push(out.freeze());
                self.waits_for_upstream = true;
            }
        }
        Step::Held
    }

    /// Writes the recording. If that fails nothing of the batch leaves: its first statement is refused, the rest is held.
    fn record(&mut self, batch: &mut Batch, mark: P::Mark, first: portcullis_wire::event::Ticket) -> Result<bool, End> {
        match self.inspector.commit(self.backstage.sink()) {
            Ok(receipts) => {
                self.receipts.extend(receipts);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(%error, "a statement could not be recorded and is refused");
                self.codec.rewind(mark);
                self.inspector.abandon(first);
                self.waits_for_upstream = false;
                for leaving in batch.drain(..).rev() {
                    self.held.push_front(match leaving.what {
                        What::Statement(sealed, _) => sealed.into_frame(),
                        What::Rest(frame) => frame,
                    });
                }
                self.refuse_unrecorded()?;
                Ok(false)
            }
        }
    }

    /// Refuses the first statement that could not be recorded, in its place.
    fn refuse_unrecorded(&mut self) -> Result<(), End> {
        let refusal = self.inspector.unrecorded();
        while let Some(frame) = self.held.pop_front() {
            let request = self.codec.read(&frame).map_err(End::ClientFault)?;
            let statement = !matches!(
                request,
                Request::Continue
                    | Request::Quit
                    | Request::Close { .. }
                    | Request::Forget { .. }
                    | Request::Describe { .. }
            );
            if !statement {
                let mut one = Batch::new();
                self.leave(&request, &frame, None, What::Rest(frame.clone()), &mut one);
                self.send(one)?;
                continue;
            }
            if self.codec.is_drained() {
                self.refuse(&request, &frame, &refusal);
            } else {
                self.held.push_front(frame.clone());
                self.waits_for_upstream = true;
                self.flush_if_waiting();
            }
            return Ok(());
        }
        Ok(())
    }

    /// Forwards a batch: statements with their permit and receipt, the rest as what carries them on.
    fn send(&mut self, batch: Batch) -> Result<(), End> {
        for Leaving { before, what } in batch {
            self.to_upstream.push(before);
            match what {
                What::Rest(frame) => self.to_upstream.push(frame.into_bytes()),
                What::Statement(frame, permit) => {
                    let receipt = self.receipt_of(&permit).ok_or(crate::forward::Mismatch)?;
                    forward(permit, receipt, frame, &mut self.to_upstream)?;
                }
            }
        }
        self.receipts.clear();
        Ok(())
    }

    /// The receipt of a statement. A text of several statements has one for each; the first stands for the frame.
    fn receipt_of(&mut self, permit: &Permit) -> Option<portcullis_recording::Receipt> {
        while let Some(receipt) = self.receipts.pop_front() {
            if receipt.sequence() == permit.sequence() {
                return Some(receipt);
            }
        }
        None
    }
}
