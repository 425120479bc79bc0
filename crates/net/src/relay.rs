//! One session's relay: two sockets, one codec, one inspector, one task.
//!
//! ```text
//!            ┌──────────── wait: sockets, jobs, commands, timers ◀───────────┐
//!            ▼                                                               │
//!   client bytes ─ split ─ read ─ gate ─ judge ─ record ─ forward ─▶ upstream │
//!   client ◀─ mask, count, record ─ match ─ upstream bytes ───────────────────┘
//! ```
//!
//! Everything that a wake-up brought is handled before anything is written: one write of the recording, one of each
//! socket. A frame whose turn has not come is held, and while one is held the client is not read, so nothing queues up.
//! INVARIANT: bytes leave for the upstream only in [`toward`], after the recording was written.

mod back;
mod toward;
mod wait;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_inspect::{Inspector, Totals};
use portcullis_sql::NotAnalysed;
use portcullis_sql::statement::Statement;
use portcullis_wire::event::{Refusal, Transaction};
use portcullis_wire::{Fault, Frame, Protocol};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::backstage::{Backstage, Command, Later};
use crate::forward::Mismatch;
use crate::outbound::Outbound;
use crate::stream::{Stream, shrink};

/// How long outcomes may wait for the next statement's write before they are written by themselves.
const SWEEP: Duration = Duration::from_millis(100);

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The client said goodbye.
    #[error("the client left")]
    Quit,
    /// The client signs in anew; see [`Ended::again`].
    #[error("the client signed in anew")]
    SignsIn,
    /// The client's socket ended.
    #[error("the client's connection ended")]
    ClientGone,
    /// The upstream's socket ended.
    #[error("the upstream's connection ended")]
    UpstreamGone,
    /// The client sent something that is not understood.
    #[error("the client broke the protocol: {0}")]
    ClientFault(Fault),
    /// The upstream sent something that is not understood.
    #[error("the upstream broke the protocol: {0}")]
    UpstreamFault(Fault),
    /// An administrator, a revocation or a limit ended it.
    #[error("ended: {0}")]
    Killed(Arc<str>),
    /// It was as old as a session may get.
    #[error("the session reached its greatest age")]
    Aged,
    /// Nothing was heard of the client for too long.
    #[error("the client was idle for too long")]
    Idle,
    /// Nothing was heard of the client for too long while its transaction was open.
    #[error("the client was idle in a transaction for too long")]
    IdleInTransaction,
    /// The gateway stops.
    #[error("the gateway stops")]
    Drained,
    /// What was judged, recorded and forwarded did not agree.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// How long a client may be silent while nothing of it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silence {
    /// Outside a transaction.
    pub idle: Option<Duration>,
    /// Inside one, where it holds locks.
    pub in_transaction: Option<Duration>,
}

/// What became of a session.
#[derive(Debug)]
pub struct Ended {
    /// Why it ended.
    pub end: End,
    /// What it did.
    pub totals: Totals,
    /// The client, where it is to sign in anew.
    pub again: Option<Again>,
}

/// A client that signs in anew.
#[derive(Debug)]
pub struct Again {
    /// Its connection.
    pub client: Stream,
    /// What it sent behind the frame.
    pub buffer: BytesMut,
    /// The frame with which it signs in.
    pub frame: Frame,
}

/// What a finished job brings.
enum Done {
    Analysis(Bytes, Result<Vec<Statement>, NotAnalysed>),
    Refreshed,
}

/// A session between sign-in and the end.
pub struct Relay<P: Protocol> {
    client: Stream,
    upstream: Stream,
    codec: P,
    inspector: Inspector,
    backstage: Arc<dyn Backstage>,
    commands: mpsc::Receiver<Command>,
    /// Who the commands' channel wakes.
    waker: Option<Waker>,
    from_client: BytesMut,
    from_upstream: BytesMut,
    to_client: Outbound,
    to_upstream: Outbound,
    /// Frames that were cut and whose turn has not come, oldest first.
    held: VecDeque<Frame>,
    /// The oldest held frame waits for an answer of the upstream.
    waits_for_upstream: bool,
    /// Receipts of the batch that is leaving.
    receipts: VecDeque<portcullis_recording::Receipt>,
    job: Option<Later<Done>>,
    cancelling: Option<Later<()>>,
    /// The cancel was delivered, and what it cancels has not ended yet.
    settling: bool,
    /// The client said goodbye while answers were outstanding: they still go to it, then the upstream ends the session.
    quitting: bool,
    /// The upstream was asked to answer what the held frame waits for.
    flushed: bool,
    /// The frame with which the client signs in anew.
    signs_in: Option<Frame>,
    /// COPY data streams to the client.
    copying_out: bool,
    aged: Option<Pin<Box<Sleep>>>,
    silence: Silence,
    silent: Option<Pin<Box<Sleep>>>,
    heard: Instant,
    sweep: Pin<Box<Sleep>>,
    sweeping: bool,
    /// End when no transaction is open.
    leaving: Option<End>,
}

impl<P: Protocol> Relay<P> {
    /// A relay between two peers that are signed in. Bytes that either sent behind its sign-in are in the buffers.
    pub fn new(
        client: (Stream, BytesMut),
        upstream: (Stream, BytesMut),
        codec: P,
        inspector: Inspector,
        backstage: Arc<dyn Backstage>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            client: client.0,
            upstream: upstream.0,
            codec,
            inspector,
            backstage,
            commands,
            waker: None,
            from_client: client.1,
            from_upstream: upstream.1,
            to_client: Outbound::default(),
            to_upstream: Outbound::default(),
            held: VecDeque::new(),
            waits_for_upstream: false,
            receipts: VecDeque::new(),
            job: None,
            cancelling: None,
            settling: false,
            quitting: false,
            flushed: false,
            signs_in: None,
            copying_out: false,
            aged: None,
            silence: Silence::default(),
            silent: None,
            heard: Instant::now(),
            sweep: Box::pin(tokio::time::sleep(SWEEP)),
            sweeping: false,
            leaving: None,
        }
    }

    /// The session ends at `deadline`, as soon as no transaction is open.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.aged = Some(Box::pin(tokio::time::sleep_until(deadline)));
        self
    }

    /// The session ends when its client is silent for too long.
    #[must_use]
    pub fn silent_for(mut self, silence: Silence) -> Self {
        let first = silence.idle.into_iter().chain(silence.in_transaction).min();
        self.silence = silence;
        self.silent = first.map(|first| Box::pin(tokio::time::sleep(first)));
        self
    }

    /// Queues bytes for the client that go before anything of the upstream.
    pub fn greet(&mut self, bytes: Bytes) {
        self.to_client.push(bytes);
    }

    /// Relays until the session ends.
    pub async fn run(mut self) -> Ended {
        let end = loop {
            match self.turn() {
                Ok(()) => {}
                Err(end) => break end,
            }
            if let Err(end) = std::future::poll_fn(|cx| self.poll_wait(cx)).await {
                break end;
            }
        };
        self.finish(&end).await;
        let totals = *self.inspector.totals();
        let again = self.signs_in.map(|frame| Again { client: self.client, buffer: self.from_client, frame });
        Ended { end, totals, again }
    }

    /// Handles everything that is in the buffers.
    fn turn(&mut self) -> Result<(), End> {
        self.pump_back()?;
        while self.pump_toward()? {}
        self.leave_if_idle()?;
        self.arm_sweep();
        self.rest();
        Ok(())
    }

    /// Ends a session that is to end, between transactions.
    fn leave_if_idle(&mut self) -> Result<(), End> {
        let idle = self.codec.is_drained() && self.codec.transaction() == Transaction::Idle && self.held.is_empty();
        match self.leaving.take_if(|_| idle) {
            Some(end) => Err(end),
            None => Ok(()),
        }
    }

    fn arm_sweep(&mut self) {
        if self.inspector.recorder().wants_commit() {
            self.sweep_now();
        } else if !self.sweeping && self.inspector.recorder().pending_bytes() > 0 {
            self.sweep.as_mut().reset(Instant::now() + SWEEP);
            self.sweeping = true;
        }
    }

    /// Writes outcomes that wait. A failure is not lost: they stay queued, and the next statement is refused.
    fn sweep_now(&mut self) {
        self.sweeping = false;
        self.backstage.progress(self.inspector.totals());
        if let Err(error) = self.inspector.commit(self.backstage.sink()) {
            tracing::warn!(%error, "the recording cannot be written");
        }
    }

    /// Gives back what a busy moment took.
    fn rest(&mut self) {
        if self.codec.is_drained() && self.held.is_empty() {
            shrink(&mut self.from_client);
            shrink(&mut self.from_upstream);
            self.inspector.recorder().rest();
        }
    }

    /// The last words to both peers and to the recording.
    async fn finish(&mut self, end: &End) {
        self.backstage.progress(self.inspector.totals());
        self.inspector.handle_end(&end.to_string(), self.backstage.now());
        if let Err(error) = self.inspector.commit(self.backstage.sink()) {
            tracing::error!(%error, "the end of a session could not be recorded");
        }
        if let Some(refusal) = farewell(end) {
            let mut out = BytesMut::new();
            self.codec.farewell(&refusal, &mut out);
            self.to_client.push(out.freeze());
        }
        if matches!(end, End::Killed(_)) && !self.codec.is_drained() {
            // Closing the socket alone would let the statement run on.
            tokio::spawn(self.backstage.cancel());
        }
        let last = async {
            let (client, to_client) = (&mut self.client, &mut self.to_client);
            let _ = std::future::poll_fn(|cx| client.poll_drain(cx, to_client)).await;
            let (upstream, to_upstream) = (&mut self.upstream, &mut self.to_upstream);
            let _ = std::future::poll_fn(|cx| upstream.poll_drain(cx, to_upstream)).await;
            if self.signs_in.is_none() {
                self.client.shut().await;
            }
            self.upstream.shut().await;
        };
        let _ = tokio::time::timeout(FAREWELL, last).await;
    }
}

/// What the client is told of an end that it did not ask for.
fn farewell(end: &End) -> Option<Refusal> {
    let (sqlstate, message) = match end {
        End::Quit | End::ClientGone | End::SignsIn => return None,
        End::UpstreamGone => (*b"08006", "the database closed the connection".to_owned()),
        End::ClientFault(Fault::OverLimit { limit, .. }) => {
            (*b"54000", format!("a message is longer than the firewall's limit of {limit} bytes"))
        }
        End::ClientFault(fault) => (*b"08P01", format!("the firewall does not understand a message: {fault}")),
        End::UpstreamFault(_) | End::Mismatch(_) => {
            (*b"58000", "the firewall closed the session because an answer was not understood".to_owned())
        }
        End::Killed(why) => (*b"57P01", format!("terminating connection: {why}")),
        End::Aged => (*b"57P01", "terminating connection: the session reached its greatest age".to_owned()),
        End::Idle => (*b"57P05", "terminating connection: idle for too long".to_owned()),
        End::IdleInTransaction => (*b"25P03", "terminating connection: idle in a transaction for too long".to_owned()),
        End::Drained => (*b"57P01", "terminating connection: the firewall is stopping".to_owned()),
    };
    Some(Refusal { sqlstate, message, detail: None, hint: None, position: None })
}
