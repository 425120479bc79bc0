//! The recorder: one per session, on that session's own task; queues entries and writes them as one batch.
//!
//! `intend` only queues. [`Recorder::commit`] hands everything queued to the [`Sink`] in one write, and only its success
//! makes the [`Receipt`]s without which nothing is forwarded. When the write fails nothing of the batch stays: the chain
//! is where it was, the intentions are gone (their statements must be refused), and what already happened (outcomes, the
//! session's start and end) stays queued until space returns. Result bytes give way first, then refusals; a note says how
//! much was lost.
//!
//! Entries are laid out in the queue as they will stand in the file, and sealed and chained there in place, so a batch
//! costs no copy and, once the buffers have grown, no allocation. Absent: time, files, threads.

mod queue;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;

use smallvec::SmallVec;

use crate::body::{Decision, Intention, Made, Note, Outcome, Refusal, SessionEnd, SessionStart, Verdict, encode_blob};
use crate::codec::Put;
use crate::entry::{CHAIN_START, Digest, Kind};
use crate::error::{SinkError, StartError};
use crate::limits::{IDLE_BUFFER, MAX_BLOB, MAX_CHUNK, MAX_PENDING};
use crate::seal::RecordingKeys;
use queue::{Queue, Role, Tip};

/// Where batches go. The edge's files, or a test's memory.
pub trait Sink {
    /// Takes the whole batch or nothing of it: after an error no byte of it may ever be read back.
    fn write(&self, batch: &Batch<'_>) -> io::Result<()>;
}

/// Everything one session has to write at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Whole entries, ready for the file.
    pub bytes: &'a [u8],
    /// Entries in `bytes`.
    pub entries: u64,
    /// The session.
    pub session: u128,
    /// Sequence of the last entry.
    pub sequence: u64,
    /// The session's chain after it.
    pub chain: Digest,
    /// Time of the last entry.
    pub time: u64,
    /// The session's last entry is in this batch.
    pub ends: bool,
    /// Some entry is an intention. Without one the batch only tells what already happened, and may use reserved space.
    pub intends: bool,
}

/// Proof that the intention to forward these bytes was written. Made only by [`Recorder::commit`]; consumed by `forward`.
///
/// It cannot be copied, and nothing outside this crate can make one:
/// ```compile_fail
/// let receipt = portcullis_recording::Receipt { session: 1, sequence: 1, digest: [0; 32] };
/// ```
/// ```compile_fail
/// fn twice(receipt: &portcullis_recording::Receipt) -> portcullis_recording::Receipt { receipt.clone() }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a receipt is consumed by forwarding the statement it names"]
pub struct Receipt {
    session: u128,
    sequence: u64,
    digest: Digest,
}

impl Receipt {
    /// The session.
    pub fn session(&self) -> u128 {
        self.session
    }

    /// The statement's number in its session, as the intention gave it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Digest of the very bytes that may be forwarded.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// The receipts of a batch, in the order of its intentions.
pub type Receipts = SmallVec<[Receipt; 2]>;

/// How much of results is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// All of it.
    Full,
    /// The first bytes of each statement's result.
    Head(usize),
    /// Nothing but the outcome.
    None,
}

/// What a recorder keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderOptions {
    /// How much of results is kept.
    pub results: Results,
    /// Bytes that may wait for a sink that fails.
    pub pending_limit: usize,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self { results: Results::Head(64 << 10), pending_limit: MAX_PENDING }
    }
}

/// Writes one session.
pub struct Recorder {
    options: RecorderOptions,
    queue: Queue,
    tip: Tip,
    intended: SmallVec<[(u64, Digest); 2]>,
    forwarded: u64,
    result: CurrentResult,
    lost: Losses,
    last_time: u64,
    exhausted: bool,
}

/// Which statement's result is being kept, and how much of it is.
#[derive(Default)]
struct CurrentResult {
    statement: Option<u64>,
    recorded: usize,
}

/// What had to be given up while the sink failed.
#[derive(Default)]
struct Losses {
    intentions: u64,
    refusals: u64,
    result_bytes: u64,
    /// What the queued note already tells, until it is written.
    told: Option<(u64, u64, u64)>,
}

impl Recorder {
    /// Begins a session: makes its key where payloads are encrypted, and queues the start.
    pub fn start(
        session: u128,
        start: &SessionStart,
        keys: &RecordingKeys,
        options: RecorderOptions,
        now: u64,
    ) -> Result<Self, StartError> {
        let (key, wrapped) = keys.session_key()?.unzip();
        let tip = Tip { session, sequence: 0, chain: CHAIN_START, attempt: 0, key };
        let mut recorder = Self {
            options,
            queue: Queue::default(),
            tip,
            intended: SmallVec::new(),
            forwarded: 0,
            result: CurrentResult::default(),
            lost: Losses::default(),
            last_time: now,
            exhausted: false,
        };
        let sealed = recorder.tip.key.is_some();
        recorder.queue.push_keyed(Kind::SessionStart, now, sealed, wrapped.as_deref(), |out| start.encode(out));
        Ok(recorder)
    }

    /// The session.
    pub fn session(&self) -> u128 {
        self.tip.session
    }

    /// Queues a statement that is about to be forwarded; `digest` is over the very bytes that will be.
    pub fn intend(&mut self, intention: &Intention<'_>, digest: Digest, now: u64) {
        let decision = Decision {
            verdict: Verdict::Allow,
            refusal: Refusal { rule: intention.rule, ..Refusal::default() },
            digest: Some(&digest),
        };
        self.push(Kind::Statement, Role::Intention, now, |out| Made(intention, decision).encode(out));
        self.intended.push((intention.statement, digest));
    }

    /// Queues a statement that policy refused.
    pub fn refused(&mut self, intention: &Intention<'_>, refusal: &Refusal<'_>, now: u64) {
        self.decided(intention, Verdict::Refuse, *refusal, now);
    }

    /// Queues a statement that waits for an approver. If it is let go, `intend` follows with the same number.
    pub fn held(&mut self, intention: &Intention<'_>, refusal: &Refusal<'_>, now: u64) {
        self.decided(intention, Verdict::Hold, *refusal, now);
    }

    fn decided(&mut self, intention: &Intention<'_>, verdict: Verdict, refusal: Refusal<'_>, now: u64) {
        if self.queue.length() > self.options.pending_limit {
            self.lost.refusals = self.lost.refusals.saturating_add(1);
            return;
        }
        let decision = Decision { verdict, refusal, digest: None };
        self.push(Kind::Statement, Role::Refusal, now, |out| Made(intention, decision).encode(out));
    }

    /// Queues what came of a statement.
    pub fn outcome(&mut self, statement: u64, outcome: &Outcome<'_>, now: u64) {
        let current = self.result.statement == Some(statement);
        let recorded = if current { self.result.recorded as u64 } else { 0 };
        self.push(Kind::Outcome, Role::Fact, now, |out| outcome.encode(out, statement, recorded));
    }

    /// Queues bytes of a result as the client sees them, as far as the options keep them.
    pub fn result(&mut self, statement: u64, frames: &[u8], now: u64) {
        if self.result.statement != Some(statement) {
            self.result = CurrentResult { statement: Some(statement), recorded: 0 };
        }
        let room = match self.options.results {
            Results::Full => frames.len(),
            Results::Head(head) => head.saturating_sub(self.result.recorded).min(frames.len()),
            Results::None => 0,
        };
        let kept = frames.get(..room).unwrap_or_default();
        if kept.is_empty() {
            return;
        }
        if self.queue.length().saturating_add(kept.len()) > self.options.pending_limit.max(MAX_CHUNK) {
            self.lost.result_bytes = self.lost.result_bytes.saturating_add(kept.len() as u64);
            return;
        }
        self.result.recorded = self.result.recorded.saturating_add(kept.len());
        self.queue_result(statement, kept, now);
    }

    fn queue_result(&mut self, statement: u64, frames: &[u8], now: u64) {
        for part in frames.chunks(MAX_CHUNK) {
            if self.queue.extend_result(statement, part) {
                continue;
            }
            self.push(Kind::Result, Role::Result(statement), now, |out| {
                out.number(statement);
                out.fixed(part);
            });
        }
    }

    /// Queues a note.
    pub fn note(&mut self, code: &str, message: &str, facts: &[(&str, &str)], now: u64) {
        self.push(Kind::Note, Role::Fact, now, |out| Note::encode(out, code, message, facts));
    }

    /// Queues a content-addressed text (policy, catalog) and returns its digest. Longer than [`MAX_BLOB`] is cut to
    /// nothing: only the digest is kept.
    pub fn blob(&mut self, label: &str, content: &[u8], now: u64) -> Digest {
        let digest = *blake3::hash(content).as_bytes();
        if content.len() <= MAX_BLOB {
            self.push(Kind::Blob, Role::Fact, now, |out| encode_blob(out, &digest, label, content));
        }
        digest
    }

    /// Queues the session's end.
    pub fn end(&mut self, reason: &str, now: u64) {
        let statements = self.forwarded;
        self.push(Kind::SessionEnd, Role::End, now, |out| SessionEnd::encode(out, reason, statements));
    }

    /// Bytes that wait for the next commit.
    pub fn pending_bytes(&self) -> usize {
        self.queue.length()
    }

    /// Whether so much waits that it should be committed now, without waiting for the next statement.
    pub fn wants_commit(&self) -> bool {
        self.queue.length() >= MAX_CHUNK
    }

    /// Writes everything queued and returns a receipt for each intention in it.
    ///
    /// On error there are no receipts, and every statement of the batch must be refused.
    pub fn commit(&mut self, sink: &dyn Sink) -> Result<Receipts, SinkError> {
        self.tell_losses();
        if self.queue.is_empty() {
            return Ok(Receipts::new());
        }
        match self.write(sink) {
            Ok(()) => Ok(self.written()),
            Err(error) => {
                self.give_way();
                if !self.queue.is_empty() && self.write(sink).is_ok() {
                    let _none = self.written();
                }
                Err(error)
            }
        }
    }

    /// Gives buffers back; for a session that has nothing to do.
    pub fn rest(&mut self) {
        self.queue.shrink(IDLE_BUFFER);
    }

    fn push(&mut self, kind: Kind, role: Role, now: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.last_time = now;
        self.queue.push(kind, role, now, self.tip.key.is_some(), write);
    }

    fn write(&mut self, sink: &dyn Sink) -> Result<(), SinkError> {
        if self.exhausted {
            return Err(SinkError::Exhausted);
        }
        let Some(after) = self.queue.close(&self.tip) else {
            self.exhausted = true;
            return Err(SinkError::Exhausted);
        };
        let batch = Batch {
            bytes: self.queue.bytes(),
            entries: self.queue.entries(),
            session: self.tip.session,
            sequence: after.sequence.saturating_sub(1),
            chain: after.chain,
            time: self.last_time,
            ends: self.queue.ends(),
            intends: !self.intended.is_empty(),
        };
        if let Err(error) = sink.write(&batch) {
            self.queue.reopen(&self.tip);
            self.next_attempt();
            return Err(error.into());
        }
        self.tip.sequence = after.sequence;
        self.tip.chain = after.chain;
        Ok(())
    }

    fn next_attempt(&mut self) {
        match self.tip.attempt.checked_add(1) {
            Some(attempt) => self.tip.attempt = attempt,
            None => self.exhausted = true,
        }
    }

    fn written(&mut self) -> Receipts {
        self.queue.clear();
        self.lost.told = None;
        let session = self.tip.session;
        self.forwarded = self.forwarded.saturating_add(self.intended.len() as u64);
        self.intended.drain(..).map(|(sequence, digest)| Receipt { session, sequence, digest }).collect()
    }

    /// After a failed write: intentions go; results and then refusals go where the queue is over its limit.
    fn give_way(&mut self) {
        self.lost.intentions = self.lost.intentions.saturating_add(self.intended.len() as u64);
        self.intended.clear();
        if let Some((intentions, refusals, bytes)) = self.lost.told.take() {
            self.lost.intentions = self.lost.intentions.saturating_add(intentions);
            self.lost.refusals = self.lost.refusals.saturating_add(refusals);
            self.lost.result_bytes = self.lost.result_bytes.saturating_add(bytes);
        }
        self.queue.retain(|role| !matches!(role, Role::Intention | Role::Losses));
        if self.queue.length() > self.options.pending_limit {
            let (_, bytes) = self.queue.retain(|role| !matches!(role, Role::Result(_)));
            self.lost.result_bytes = self.lost.result_bytes.saturating_add(bytes);
        }
        if self.queue.length() > self.options.pending_limit {
            let (count, _) = self.queue.retain(|role| !matches!(role, Role::Refusal));
            self.lost.refusals = self.lost.refusals.saturating_add(count);
        }
    }

    fn tell_losses(&mut self) {
        let Losses { intentions, refusals, result_bytes, .. } = self.lost;
        if intentions == 0 && refusals == 0 && result_bytes == 0 {
            return;
        }
        let numbers = [intentions.to_string(), refusals.to_string(), result_bytes.to_string()];
        let names = ["statements_refused", "refusals_lost", "result_bytes_lost"];
        let facts: SmallVec<[(&str, &str); 3]> =
            names.iter().zip(&numbers).map(|(name, number)| (*name, number.as_str())).collect();
        let now = self.last_time;
        let message = "the recording could not be written for a while";
        self.push(Kind::Note, Role::Losses, now, |out| Note::encode(out, "unrecorded", message, &facts));
        self.lost = Losses { told: Some((intentions, refusals, result_bytes)), ..Losses::default() };
    }
}

/// A place in the queue's buffer.
type Span = Range<usize>;
