//! Where every live session's chain stands while the segments are read, held against what checkpoints say.

use std::collections::BTreeMap;

use super::report::{FindingKind, Place, Report};
use crate::checkpoint::{Checkpoint, CheckpointKind, Head};
use crate::entry::{CHAIN_START, Digest, Kind, chain};
use crate::segment::RawEntry;

struct State {
    /// Sequence of the last entry.
    sequence: u64,
    chain: Digest,
    ended: bool,
    /// Entries since the last checkpoint.
    moved: u64,
}

/// The chains of all sessions that are live at this position.
#[derive(Default)]
pub(super) struct Sessions {
    states: BTreeMap<u128, State>,
    /// Framing was lost or a segment is gone: until the next full checkpoint, chains are taken as they come.
    lost: bool,
}

impl Sessions {
    /// Checks an entry against its session's chain and moves it on.
    pub(super) fn entry(&mut self, segment: u64, entry: &RawEntry<'_>, report: &mut Report) {
        let header = &entry.header;
        let place = Place::at(segment, entry.offset).entry(header.session, header.sequence);
        let (expected, previous) = match self.states.get(&header.session) {
            Some(state) => (state.sequence.saturating_add(1), state.chain),
            None => (0, CHAIN_START),
        };
        let links = chain(&previous, &[entry.head, entry.payload]) == entry.chain;
        let known = self.states.contains_key(&header.session);
        if self.states.get(&header.session).is_some_and(|state| state.ended) {
            report.find(FindingKind::Changed, place, "an entry after the session's end");
        } else if !links && !self.lost {
            let (kind, detail) = explain(known, expected, header.sequence);
            report.find(kind, place, detail);
        } else if header.sequence != expected && !self.lost {
            report.find(FindingKind::Changed, place, "the entry's sequence does not continue its session");
        }
        if header.kind == Kind::SessionStart {
            report.sessions = report.sessions.saturating_add(1);
        }
        let ended = header.kind == Kind::SessionEnd;
        let state =
            self.states.entry(header.session).or_insert(State { sequence: 0, chain: CHAIN_START, ended, moved: 0 });
        state.sequence = header.sequence;
        state.chain = entry.chain;
        state.ended = ended;
        state.moved = state.moved.saturating_add(1);
    }

    /// Holds a checkpoint against the chains at its position.
    pub(super) fn check(&mut self, checkpoint: &Checkpoint, report: &mut Report) {
        if checkpoint.kind == CheckpointKind::Open {
            return self.opened(checkpoint, report);
        }
        for head in &checkpoint.heads {
            self.check_head(checkpoint.number, head, report);
        }
        if !self.lost {
            self.check_unlisted(checkpoint, report);
        }
        self.settle(checkpoint);
        let live = self.states.len() as u64;
        if live != checkpoint.live && !self.lost {
            let detail = format!("{live} sessions are live here, the checkpoint counted {}", checkpoint.live);
            report.find(FindingKind::RemovedSession, Place::checkpoint(checkpoint.number), detail);
        }
    }

    fn opened(&mut self, checkpoint: &Checkpoint, report: &mut Report) {
        let unended = self.states.values().filter(|state| !state.ended).count();
        if unended > 0 {
            let detail = format!("{unended} sessions have no end: the process before this one died");
            report.find(FindingKind::Unended, Place::checkpoint(checkpoint.number), detail);
        }
        self.states.clear();
        self.lost = false;
    }

    fn check_head(&mut self, number: u64, head: &Head, report: &mut Report) {
        let place = Place::checkpoint(number).entry(head.session, head.sequence);
        let problem = match self.states.get(&head.session) {
            None => Some((FindingKind::RemovedSession, "the session is not in the segments")),
            Some(state) if state.sequence < head.sequence => {
                Some((FindingKind::Cut, "the session's last entries are not in the segments"))
            }
            Some(state) if state.chain != head.chain || state.sequence != head.sequence => {
                Some((FindingKind::Changed, "the session's chain is not what was signed"))
            }
            Some(state) if state.ended != head.ended => Some((FindingKind::Changed, "the session's end differs")),
            Some(_) => None,
        };
        if let Some((kind, detail)) = problem.filter(|_| !self.lost) {
            report.find(kind, place, detail);
        }
        let state = State { sequence: head.sequence, chain: head.chain, ended: head.ended, moved: 0 };
        self.states.insert(head.session, state);
    }

    /// An entry that moved a chain which the checkpoint does not list was put in by someone else.
    fn check_unlisted(&self, checkpoint: &Checkpoint, report: &mut Report) {
        for (session, state) in self.states.iter().filter(|(_, state)| state.moved > 0) {
            let place = Place::checkpoint(checkpoint.number).entry(*session, state.sequence);
            report.find(FindingKind::Changed, place, "the segments hold entries that the checkpoint does not know");
        }
    }

    fn settle(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.kind.is_full() {
            let listed: Vec<u128> = checkpoint.heads.iter().map(|head| head.session).collect();
            self.states.retain(|session, _| listed.binary_search(session).is_ok());
            self.lost = false;
        }
        self.states.retain(|_, state| !state.ended);
        for state in self.states.values_mut() {
            state.moved = 0;
        }
    }

    /// Takes a checkpoint's word where the segments are not there to be read.
    pub(super) fn adopt(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.kind == CheckpointKind::Open {
            self.states.clear();
        }
        for head in &checkpoint.heads {
            let state = State { sequence: head.sequence, chain: head.chain, ended: head.ended, moved: 0 };
            self.states.insert(head.session, state);
        }
        self.settle(checkpoint);
    }

    /// Chains can no longer be followed.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Chains can be followed again, because a checkpoint at this very position was taken over.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Entries after the last checkpoint.
    pub(super) fn unsigned(&self) -> u64 {
        self.states.values().fold(0, |sum, state| sum.saturating_add(state.moved))
    }
}

fn explain(known: bool, expected: u64, found: u64) -> (FindingKind, String) {
    match (known, found) {
        (false, 1..) => {
            (FindingKind::Changed, format!("a session begins with entry {found}: changed, or its start is gone"))
        }
        (_, found) if found > expected => (
            FindingKind::Cut,
            format!("entry {found} follows entry {}: those between are gone", expected.saturating_sub(1)),
        ),
        _ => (FindingKind::Changed, "the entry's bytes are not those that were chained".to_owned()),
    }
}
