//! The queue: entries laid out as they will stand in the file, then closed (sealed, chained) in place.
//!
//! ```text
//! open:    header (zeros) | payload in clear        | room for the tag | room for the chain
//! closed:  header         | payload or ciphertext   | tag              | chain
//! ```
//! A failed write reopens the entries, so that those that stay can be closed again under another sequence and attempt.

use super::Span;
use crate::entry::{CHAIN, Digest, HEADER, Header, KEYED, Kind, SEALED};
use crate::limits::MAX_CHUNK;
use crate::seal::{PayloadKey, TAG};

/// What an entry is to the recorder when space runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Goes when the write fails: its statement is refused.
    Intention,
    /// Goes last.
    Refusal,
    /// Goes first. Holds the statement.
    Result(u64),
    /// The note about losses; made anew.
    Losses,
    /// Already happened, stays.
    Fact,
    /// The session's end, stays.
    End,
}

/// Where the session's chain stands.
pub(super) struct Tip {
    pub(super) session: u128,
    /// Of the next entry.
    pub(super) sequence: u64,
    pub(super) chain: Digest,
    pub(super) attempt: u32,
    pub(super) key: Option<PayloadKey>,
}

/// The chain after a batch.
pub(super) struct After {
    pub(super) sequence: u64,
    pub(super) chain: Digest,
}

struct Item {
    span: Span,
    kind: Kind,
    role: Role,
    flags: u8,
    /// Bytes of payload that stay in clear: the wrapped key.
    clear: usize,
    time: u64,
}

#[derive(Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn entries(&self) -> u64 {
        self.items.len() as u64
    }

    pub(super) fn ends(&self) -> bool {
        self.items.last().is_some_and(|item| item.role == Role::End)
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    pub(super) fn shrink(&mut self, to: usize) {
        self.bytes.shrink_to(to);
        self.items.shrink_to(4);
    }

    pub(super) fn push(&mut self, kind: Kind, role: Role, time: u64, sealed: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        write(&mut self.bytes);
        self.leave_room(sealed);
        let flags = if sealed { SEALED } else { 0 };
        self.items.push(Item { span: start..self.bytes.len(), kind, role, flags, clear: 0, time });
    }

    /// A push whose payload begins with the wrapped key, in clear.
    pub(super) fn push_keyed(
        &mut self,
        kind: Kind,
        time: u64,
        sealed: bool,
        wrapped: Option<&[u8]>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let prefix = wrapped.and_then(|key| Some((u16::try_from(key.len()).ok()?, key)));
        self.push(kind, Role::Fact, time, sealed, |out| {
            if let Some((length, key)) = prefix {
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(key);
            }
            write(out);
        });
        if let (Some((_, key)), Some(item)) = (prefix, self.items.last_mut()) {
            item.clear = key.len().saturating_add(2);
            item.flags |= KEYED;
        }
    }

    /// Appends to the last entry if it is a result of this statement with room left.
    pub(super) fn extend_result(&mut self, statement: u64, frames: &[u8]) -> bool {
        let Some(item) = self.items.last_mut() else { return false };
        if item.role != Role::Result(statement) || item.span.len().saturating_add(frames.len()) > MAX_CHUNK {
            return false;
        }
        let sealed = item.flags & SEALED != 0;
        self.bytes.truncate(item.span.end.saturating_sub(room(sealed)));
        self.bytes.extend_from_slice(frames);
        self.leave_room(sealed);
        if let Some(item) = self.items.last_mut() {
            item.span.end = self.bytes.len();
        }
        true
    }

    fn leave_room(&mut self, sealed: bool) {
        self.bytes.extend_from_slice(if sealed { &[0; CHAIN + TAG] } else { &[0; CHAIN] });
    }

    /// Writes headers, seals and chains. `None` when a payload is too long to be an entry.
    pub(super) fn close(&mut self, tip: &Tip) -> Option<After> {
        let mut after = After { sequence: tip.sequence, chain: tip.chain };
        for item in &self.items {
            let entry = self.bytes.get_mut(item.span.clone())?;
            after.chain = item.close(entry, tip, &after)?;
            after.sequence = after.sequence.checked_add(1)?;
        }
        Some(after)
    }

    /// Undoes the sealing, after a write that failed.
    pub(super) fn reopen(&mut self, tip: &Tip) {
        let Some(key) = &tip.key else { return };
        for item in &self.items {
            let Some(entry) = self.bytes.get_mut(item.span.clone()) else { continue };
            item.reopen(entry, key);
        }
    }

    /// Drops entries; says how many and how many bytes.
    pub(super) fn retain(&mut self, keep: impl Fn(Role) -> bool) -> (u64, u64) {
        let (mut count, mut dropped) = (0u64, 0u64);
        let mut kept = Vec::new();
        let mut items = Vec::new();
        for mut item in self.items.drain(..) {
            let entry = self.bytes.get(item.span.clone()).unwrap_or_default();
            if keep(item.role) {
                let start = kept.len();
                kept.extend_from_slice(entry);
                item.span = start..kept.len();
                items.push(item);
            } else {
                count = count.saturating_add(1);
                dropped = dropped.saturating_add(entry.len() as u64);
            }
        }
        self.bytes = kept;
        self.items = items;
        (count, dropped)
    }
}

fn room(sealed: bool) -> usize {
    if sealed { CHAIN.saturating_add(TAG) } else { CHAIN }
}

impl Item {
    fn close(&self, entry: &mut [u8], tip: &Tip, after: &After) -> Option<Digest> {
        let (body, chain_room) = entry.split_last_chunk_mut::<CHAIN>()?;
        let (header_room, payload) = body.split_first_chunk_mut::<HEADER>()?;
        let header = Header {
            length: u32::try_from(payload.len()).ok()?,
            kind: self.kind,
            flags: self.flags,
            attempt: tip.attempt,
            session: tip.session,
            sequence: after.sequence,
            time: self.time,
        };
        *header_room = header.encode();
        if let Some(key) = &tip.key {
            let (text, tag) = payload.get_mut(self.clear..)?.split_last_chunk_mut::<TAG>()?;
            *tag = key.seal(&header, text)?;
        }
        *chain_room = crate::entry::chain(&after.chain, &[body]);
        Some(*chain_room)
    }

    fn reopen(&self, entry: &mut [u8], key: &PayloadKey) -> Option<()> {
        let (body, _) = entry.split_last_chunk_mut::<CHAIN>()?;
        let (header, payload) = body.split_first_chunk_mut::<HEADER>()?;
        let header = Header::decode(header).ok()?;
        let (text, tag) = payload.get_mut(self.clear..)?.split_last_chunk_mut::<TAG>()?;
        key.open(&header, text, tag)
    }
}
