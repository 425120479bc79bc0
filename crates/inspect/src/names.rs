//! What the names of prepared statements and portals stand for, as of the requests forwarded so far.
//!
//! A client may use a name before the server said that it exists, so entries are made when a request is forwarded and
//! taken back if it fails or is skipped. EVASION: a Parse over an existing name fails, and the old statement stays
//! (test `a_failed_prepare_leaves_the_old_statement`).

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use portcullis_sql::dialect::Mode;
use portcullis_sql::statement::Statement;
use portcullis_wire::event::{Named, Parameter, Ticket};
use portcullis_wire::{ByName, limits};

use crate::judge::Judged;
use crate::path_of::PathOf;

/// LIMIT: bytes of text that a session's prepared statements have together: all the names that it may have, with seven
/// kilobytes each, which is more than drivers and mappers prepare.
const TEXTS: usize = 64 << 20;

/// A text that counts towards [`TEXTS`] for as long as anything keeps it: a name, a portal, or what may be taken back.
#[derive(Debug)]
pub(crate) struct Kept {
    text: Bytes,
    weight: usize,
    all: Arc<AtomicUsize>,
}

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.all.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) text: Kept,
    pub(crate) types: Vec<u32>,
    /// The mode in which the server read it.
    pub(crate) mode: Mode,
    /// The path that the server looks its names up in.
    pub(crate) path: PathOf,
    /// What was decided then; for one made by SQL's PREPARE nothing that could be used again.
    pub(crate) judged: Option<Arc<Judged>>,
    /// For one made by SQL's PREPARE: what it does (its text is a part of another statement's).
    pub(crate) body: Option<Arc<Statement>>,
}

impl Prepared {
    /// The values of a Bind with the types that the client declared when it prepared the statement.
    pub(crate) fn typed<'f>(&self, values: &'f [Parameter<'f>]) -> impl Iterator<Item = Parameter<'f>> {
        let types = self.types.iter().copied().chain(std::iter::repeat(0));
        values.iter().zip(types).map(|(value, type_code)| Parameter {
            format: value.format,
            type_code,
            value: value.value.as_deref().map(Cow::Borrowed),
        })
    }
}

/// A portal.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) prepared: Arc<Prepared>,
    /// The entry of its Bind (or of the statement that declared it) in the recording.
    pub(crate) sequence: u64,
    /// It outlives its transaction.
    pub(crate) held: bool,
}

#[derive(Debug)]
enum Undo {
    Statement(Box<[u8]>, Option<Arc<Prepared>>),
    Portal(Box<[u8]>, Option<Arc<Bound>>),
}

impl Undo {
    fn name(&self) -> &[u8] {
        match self {
            Self::Statement(name, _) | Self::Portal(name, _) => name,
        }
    }
}

/// Names, and how to take back what the server has not confirmed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    statements: ByName<Arc<Prepared>>,
    portals: ByName<Arc<Bound>>,
    /// Whether some portal with a name ends with its transaction. Held ones, of which a session may have thousands, are not
    /// looked at whenever one ends.
    transient: bool,
    /// What the texts that are kept weigh.
    texts: Arc<AtomicUsize>,
    undo: VecDeque<(Ticket, Undo)>,
}

impl Names {
    pub(crate) fn statement(&self, name: &[u8]) -> Option<&Arc<Prepared>> {
        self.statements.get(name)
    }

    pub(crate) fn portal(&self, name: &[u8]) -> Option<&Arc<Bound>> {
        self.portals.get(name)
    }

    /// Whether one more name would be too many.
    pub(crate) fn is_full(&self) -> bool {
        self.statements.len() >= limits::NAMES || self.portals.len() >= limits::NAMES
    }

    /// Keeps a text that stands for `weight` bytes; `None` if there is no room for it.
    pub(crate) fn keep(&self, text: Bytes, weight: usize) -> Option<Kept> {
        let all = self.texts.load(Ordering::Relaxed).saturating_add(weight);
        if all > TEXTS {
            return None;
        }
        self.texts.store(all, Ordering::Relaxed);
        Some(Kept { text, weight, all: self.texts.clone() })
    }

    pub(crate) fn prepare(&mut self, ticket: Ticket, name: &[u8], prepared: Arc<Prepared>) {
        let old = self.statements.insert(name, prepared);
        self.undo.push_back((ticket, Undo::Statement(name.into(), old)));
    }

    pub(crate) fn bind(&mut self, ticket: Ticket, name: &[u8], bound: Arc<Bound>) {
        let old = self.insert_portal(name, bound);
        self.undo.push_back((ticket, Undo::Portal(name.into(), old)));
    }

    fn insert_portal(&mut self, name: &[u8], bound: Arc<Bound>) -> Option<Arc<Bound>> {
        self.transient |= !bound.held && !name.is_empty();
        self.portals.insert(name, bound)
    }

    pub(crate) fn close(&mut self, ticket: Ticket, kind: Named, name: &[u8]) {
        let undo = match kind {
            Named::Statement => Undo::Statement(name.into(), self.statements.remove(name)),
            Named::Portal => Undo::Portal(name.into(), self.portals.remove(name)),
        };
        self.undo.push_back((ticket, undo));
    }

    /// A name is dropped by a request that nobody answers, and with a statement the cursor that it ran with.
    pub(crate) fn forget(&mut self, kind: Named, name: &[u8]) {
        match kind {
            Named::Statement => {
                let gone = self.statements.remove(name);
                let own = |bound: &Arc<Bound>| gone.is_some_and(|gone| Arc::ptr_eq(&gone, &bound.prepared));
                if self.portals.get(name).is_some_and(own) {
                    self.portals.remove(name);
                }
            }
            Named::Portal => drop(self.portals.remove(name)),
        }
    }

    /// The upstream chose this name for the statement that was prepared without one.
    pub(crate) fn named(&mut self, name: &[u8]) {
        if let Some(prepared) = self.statements.remove(b"") {
            self.statements.insert(name, prepared);
        }
    }

    /// Whether one more portal would be too many.
    pub(crate) fn has_no_room_for(&self, portal: &[u8]) -> bool {
        self.portals.len() >= limits::NAMES && !self.portals.contains(portal)
    }

    /// A simple query destroys the unnamed statement and portal.
    pub(crate) fn drop_unnamed(&mut self, ticket: Ticket) {
        if let Some(old) = self.statements.remove(b"") {
            self.undo.push_back((ticket, Undo::Statement(Box::default(), Some(old))));
        }
        if let Some(old) = self.portals.remove(b"") {
            self.undo.push_back((ticket, Undo::Portal(Box::default(), Some(old))));
        }
    }

    /// Portals end with their transaction, unless they are held or were made since. The unnamed one, which every request
    /// makes anew, is left: what is forwarded for it without need only gets the server's own error.
    pub(crate) fn transaction_ended(&mut self) {
        if !self.transient {
            return;
        }
        let since: HashSet<&[u8]> = self
            .undo
            .iter()
            .filter_map(|(_, undo)| match undo {
                Undo::Portal(name, _) => Some(&**name),
                Undo::Statement(..) => None,
            })
            .collect();
        let mut transient = false;
        self.portals.retain_named(|name, bound| {
            transient |= !bound.held && since.contains(name);
            bound.held || since.contains(name)
        });
        self.transient = transient;
    }

    /// SQL's CLOSE; `None` is all.
    pub(crate) fn close_cursor(&mut self, name: Option<&str>) {
        match name {
            Some(name) => drop(self.portals.remove(name.as_bytes())),
            None => self.portals.clear(),
        }
    }

    /// SQL's DEALLOCATE; `None` is all.
    pub(crate) fn deallocate(&mut self, name: Option<&str>) {
        match name {
            Some(name) => drop(self.statements.remove(name.as_bytes())),
            None => self.statements.clear(),
        }
    }

    /// What names mean that SQL's PREPARE may have made is not known any more.
    pub(crate) fn forget_sql(&mut self) {
        self.statements.retain(|name, _| name.first() == Some(&0));
    }

    /// What SQL's PREPARE made, once the server confirmed it.
    pub(crate) fn prepared(&mut self, name: &str, prepared: Arc<Prepared>) {
        // LIMIT: a name beyond it is not known, so nothing of it is allowed.
        if self.statements.len() < limits::NAMES || self.statements.contains(name.as_bytes()) {
            self.statements.insert(name.as_bytes(), prepared);
        }
    }

    /// What SQL's DECLARE made, once the server confirmed it.
    pub(crate) fn declared(&mut self, name: &str, bound: Arc<Bound>) {
        if !self.has_no_room_for(name.as_bytes()) {
            self.insert_portal(name.as_bytes(), bound);
        }
    }

    /// How many changes the server may still fail to make.
    #[cfg(test)]
    pub(crate) fn unconfirmed(&self) -> usize {
        self.undo.len()
    }

    /// The server confirmed everything up to `ticket`.
    pub(crate) fn confirm(&mut self, ticket: Ticket) {
        while self.undo.front().is_some_and(|(of, _)| *of <= ticket) {
            self.undo.pop_front();
        }
    }

    /// What was to run at once failed: it opened no cursor. What has no name it dropped all the same.
    pub(crate) fn fail_run(&mut self, ticket: Ticket) {
        while self.undo.front().is_some_and(|(of, _)| *of <= ticket) {
            match self.undo.pop_front() {
                Some((of, undo)) if of == ticket && !undo.name().is_empty() => self.restore(undo),
                _ => {}
            }
        }
    }

    /// The server did not do what lies between `from` and `to`; newest first.
    pub(crate) fn take_back(&mut self, from: Ticket, to: Ticket) {
        let mut later = Vec::new();
        while let Some((of, undo)) = self.undo.pop_back() {
            if of > to {
                later.push((of, undo));
                continue;
            }
            if of < from {
                self.undo.push_back((of, undo));
                break;
            }
            self.restore(undo);
        }
        self.undo.extend(later.into_iter().rev());
    }

    fn restore(&mut self, undo: Undo) {
        match undo {
            Undo::Statement(name, Some(old)) => drop(self.statements.insert(&name, old)),
            Undo::Statement(name, None) => drop(self.statements.remove(&name)),
            Undo::Portal(name, Some(old)) => drop(self.insert_portal(&name, old)),
            Undo::Portal(name, None) => drop(self.portals.remove(&name)),
        }
    }
}
