//! What a session waits for, in one place: sockets, jobs, commands and timers.

use std::io;
use std::task::{Context, Poll};

use portcullis_wire::Protocol;
use portcullis_wire::event::Transaction;
use tokio::time::Instant;

use super::{Done, End, Relay};
use crate::backstage::Command;
use crate::stream::{MIDDLE, SMALL};

impl<P: Protocol> Relay<P> {
    /// Ready when something happened that a turn can work on.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let mut happened = false;
        happened |= self.poll_commands(cx)?;
        happened |= self.poll_jobs(cx);
        happened |= self.poll_timers(cx);
        self.poll_silence(cx)?;
        happened |= self.poll_writes(cx)?;
        happened |= self.poll_reads(cx)?;
        if happened { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut happened = false;
        // Once its waker is known the channel need not be polled to be heard of: one look at it is cheaper.
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if known && self.commands.is_empty() {
            return Ok(false);
        }
        self.waker = Some(cx.waker().clone());
        while let Poll::Ready(Some(command)) = self.commands.poll_recv(cx) {
            happened = true;
            match command {
                Command::Kill(why) => return Err(End::Killed(why)),
                Command::Drain => self.leaving = Some(End::Drained),
                // A cancel that comes when nothing runs is late, and must not hit the next statement.
                Command::Cancel if self.codec.is_drained() || self.cancelling.is_some() => {}
                Command::Cancel => self.cancelling = Some(self.backstage.cancel()),
            }
        }
        Ok(happened)
    }

    fn poll_jobs(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = false;
        if let Some(job) = &mut self.job
            && let Poll::Ready(done) = job.as_mut().poll(cx)
        {
            self.job = None;
            happened = true;
            match done {
                Done::Analysis(text, analysis) => self.inspector.handle_analysis(text, analysis),
                Done::Refreshed => {
                    self.inspector.handle_world(self.backstage.world());
                    self.inspector.handle_refreshed();
                }
            }
        }
        if let Some(cancelling) = &mut self.cancelling
            && cancelling.as_mut().poll(cx).is_ready()
        {
            self.cancelling = None;
            happened = true;
            self.settling = !self.codec.is_drained();
        }
        happened
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut happened = false;
        if self.sweeping && self.sweep.as_mut().poll(cx).is_ready() {
            self.sweep_now();
        }
        if let Some(aged) = &mut self.aged
            && aged.as_mut().poll(cx).is_ready()
        {
            self.aged = None;
            self.leaving = Some(End::Aged);
            happened = true;
        }
        happened
    }

    /// Ends a session whose client is silent for longer than it may. The timer is set again only when it fires.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        while let Some(silent) = &mut self.silent
            && silent.as_mut().poll(cx).is_ready()
        {
            let first = self.silence.idle.into_iter().chain(self.silence.in_transaction).min();
            let (limit, end) = match self.codec.transaction() {
                Transaction::Idle => (self.silence.idle, End::Idle),
                Transaction::Open | Transaction::Failed => (self.silence.in_transaction, End::IdleInTransaction),
            };
            if !self.codec.is_drained() {
                self.heard = Instant::now();
            }
            if limit.is_some_and(|limit| self.heard.elapsed() >= limit) {
                return Err(end);
            }
            let next = limit.or(first).unwrap_or_default();
            let from = if limit.is_some() { self.heard } else { Instant::now() };
            silent.as_mut().reset(from + next);
        }
        Ok(())
    }

    /// Writes what is queued. Progress counts once a queue that was full has room again.
    fn poll_writes(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut happened = false;
        if !self.to_upstream.is_empty() {
            let full = self.to_upstream.is_full();
            if let Poll::Ready(Err(_)) = self.upstream.poll_drain(cx, &mut self.to_upstream) {
                return Err(End::UpstreamGone);
            }
            happened |= full && !self.to_upstream.is_full();
        }
        if !self.to_client.is_empty() {
            let full = self.to_client.is_full();
            if let Poll::Ready(Err(_)) = self.client.poll_drain(cx, &mut self.to_client) {
                return Err(End::ClientGone);
            }
            happened |= full && !self.to_client.is_full();
        }
        Ok(happened)
    }

    /// Reads where there is room for what may come.
    fn poll_reads(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut happened = false;
        if !self.to_client.is_full() {
            match self.upstream.poll_fill(cx, &mut self.from_upstream, MIDDLE) {
                Poll::Ready(Ok(0)) if self.quitting => return Err(End::Quit),
                Poll::Ready(Ok(0)) => return Err(End::UpstreamGone),
                Poll::Ready(Ok(_)) => happened = true,
                Poll::Ready(Err(error)) => return Err(gone(&error, End::UpstreamGone)),
                Poll::Pending => {}
            }
        }
        let reads = self.held.is_empty() && self.job.is_none() && self.codec.has_room();
        if reads && !self.to_upstream.is_full() {
            match self.client.poll_fill(cx, &mut self.from_client, SMALL) {
                Poll::Ready(Ok(0)) => return Err(End::ClientGone),
                Poll::Ready(Ok(_)) => {
                    happened = true;
                    if self.silent.is_some() {
                        self.heard = Instant::now();
                    }
                }
                Poll::Ready(Err(error)) => return Err(gone(&error, End::ClientGone)),
                Poll::Pending => {}
            }
        }
        Ok(happened)
    }
}

fn gone(error: &io::Error, end: End) -> End {
    tracing::debug!(%error, "a connection failed");
    end
}
