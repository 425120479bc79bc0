//! The session's state that gives text and names their meaning, followed through transactions.
//!
//! `SET` inside a transaction is undone by its rollback, `SET LOCAL` also by its commit, and a savepoint keeps what was.
//! Changes are applied when the server says that their statement ended well, never before. What cannot be followed makes
//! the path unknown, and then the upstream is asked. EVASION: a rollback that silently restores another path
//! (test `a_rollback_restores_the_path`).

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_sql::catalog::SearchPath;
use portcullis_sql::dialect::{Dialect, Mode, SettingClass};
use portcullis_sql::session::{Discarded, SessionChange, SettingValue};
use portcullis_sql::statement::Name;
use portcullis_wire::event::Transaction;

use crate::facts::temporary_key;
use crate::path_of::PathOf;

/// What gives names and text their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meaning {
    /// `None`: not known.
    path: Option<Arc<SearchPath>>,
    mode: Mode,
    readable: bool,
    /// Whether the mode is what the upstream has; where it is not, it is asked for.
    known: bool,
    /// Whether `$user` still stands for the role that the session began as.
    own_role: bool,
    temporary: Arc<BTreeSet<Box<str>>>,
    /// Names of temporary relations that may be gone, so that nothing is known of what they mean.
    lost: Arc<BTreeSet<Box<str>>>,
    /// Relations that this transaction made and that no catalog snapshot shows yet.
    uncommitted: bool,
}

/// Settings as the upstream has them now, and what they would fall back to.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    initial: Meaning,
    now: Meaning,
    /// Without what is set for the transaction only.
    lasting: Meaning,
    /// As the last transaction ended.
    before: Meaning,
    savepoints: Vec<(Box<str>, Meaning, Meaning)>,
    failed: bool,
    /// A transaction is open, as far as its statements and the upstream said.
    open: bool,
    user: Box<str>,
    /// Whether a rollback takes back what was set since its transaction began.
    transactional: bool,
    /// Whether the upstream can be asked for the mode.
    asks: bool,
    signature: Arc<str>,
}

impl Settings {
    /// As the upstream reported them at its sign-in. `path` is `None` where it is not known.
    pub(crate) fn new(path: Option<SearchPath>, user: &str) -> Self {
        let initial = Meaning {
            path: path.map(Arc::new),
            mode: Mode::default(),
            readable: true,
            known: true,
            own_role: true,
            temporary: Arc::default(),
            lost: Arc::default(),
            uncommitted: false,
        };
        let mut settings = Self {
            now: initial.clone(),
            lasting: initial.clone(),
            before: initial.clone(),
            initial,
            savepoints: Vec::new(),
            failed: false,
            open: false,
            user: user.into(),
            transactional: true,
            asks: false,
            signature: "".into(),
        };
        settings.sign();
        settings
    }

    /// Takes up what the upstream reported at its sign-in, as what the session falls back to.
    ///
    /// EVASION: string syntax set by a startup option, or for the role (test `what_was_reported_at_sign_in_lasts`).
    pub(crate) fn reported(
        mut self,
        reported: &[(Box<str>, Box<str>)],
        told: Option<&str>,
        dialect: &dyn Dialect,
    ) -> Self {
        self.transactional = dialect.settings_follow_transactions();
        for (name, value) in reported {
            self.report(name, value, dialect);
        }
        self.asks = dialect.tells_mode();
        self.learn_mode(told.and_then(|told| dialect.read_mode(told)));
        self.initial = self.now.clone();
        self.lasting = self.now.clone();
        self.before = self.now.clone();
        self
    }

    pub(crate) fn path(&self) -> Option<&SearchPath> {
        self.now.path.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_path(&self) -> Option<&Arc<SearchPath>> {
        self.now.path.as_ref()
    }

    /// Whether nothing that is known here holds until the upstream was asked.
    ///
    /// EVASION: a path that is set or reported behind a procedure does not tell how text is read since
    /// (test `a_path_that_is_set_does_not_end_the_doubt`).
    pub(crate) fn is_doubted(&self) -> bool {
        !self.now.known
    }

    /// Whether a rollback takes back what was set since its transaction began.
    pub(crate) fn is_transactional(&self) -> bool {
        self.transactional
    }

    pub(crate) fn mode(&self) -> Mode {
        self.now.mode
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.was_readable() && self.now.known
    }

    /// Whether text can be read, as far as is known.
    pub(crate) fn was_readable(&self) -> bool {
        self.now.readable
    }

    /// Whether there is something that only the upstream knows, and that it can be asked for.
    pub(crate) fn has_question(&self) -> bool {
        self.now.path.is_none() || !self.now.known
    }

    pub(crate) fn temporary(&self) -> &BTreeSet<Box<str>> {
        &self.now.temporary
    }

    pub(crate) fn lost(&self) -> &BTreeSet<Box<str>> {
        &self.now.lost
    }

    /// Whether the session's role is still the one that signed in.
    pub(crate) fn has_own_role(&self) -> bool {
        self.now.own_role
    }

    pub(crate) fn has_uncommitted(&self) -> bool {
        self.now.uncommitted
    }

    /// Whether the transaction failed, so that its end undoes it.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// All of it in one text, equal only where all of it is equal.
    pub(crate) fn signature(&self) -> &Arc<str> {
        &self.signature
    }

    fn sign(&mut self) {
        self.signature = format!("{:?}", self.now).into();
    }

    /// One change of a statement that ended well. `undone`: the server says that it rolled back instead.
    pub(crate) fn apply(&mut self, change: &SessionChange, undone: bool, dialect: &dyn Dialect) {
        match change {
            SessionChange::SetSearchPath { schemas, local } => {
                let path = match schemas {
                    Some(words) if !self.now.own_role && words.iter().any(|word| &**word == "$user") => None,
                    Some(words) => Some(Arc::new(SearchPath::new(words.iter().map(|word| &**word), &self.user))),
                    None => self.initial.path.clone(),
                };
                self.set(*local, |meaning| meaning.path.clone_from(&path));
            }
            SessionChange::Set { name, value, local } => self.set_other(name, value, *local, dialect),
            SessionChange::ResetAll => self.reset(),
            SessionChange::Discard(Discarded::All) => {
                self.reset();
                self.set(false, |meaning| meaning.temporary = Arc::default());
            }
            SessionChange::Discard(Discarded::Temporary) => {
                self.set(false, |meaning| meaning.temporary = Arc::default());
            }
            SessionChange::CreateTemp(name) => {
                let Some(key) = self.temporary_key(name, dialect) else { return };
                self.set(false, |meaning| {
                    Arc::make_mut(&mut meaning.temporary).insert(key.clone());
                    Arc::make_mut(&mut meaning.lost).remove(&key);
                });
            }
            SessionChange::DropAtCommit(name) => {
                let Some(key) = self.temporary_key(name, dialect) else { return };
                Arc::make_mut(&mut self.lasting.temporary).remove(&key);
            }
            // EVASION: a temporary relation that is believed in after it is gone stands before the real one
            // (test `a_temporary_relation_of_which_it_is_not_known_which_goes_is_believed_in_no_longer`).
            SessionChange::DropRelation(name) => {
                let Some(key) = self.temporary_key(name, dialect) else { return self.lose_temporaries() };
                self.set(false, |meaning| {
                    Arc::make_mut(&mut meaning.temporary).remove(&key);
                });
            }
            SessionChange::RenameRelation { from, to } => {
                let keys = (self.temporary_key(from, dialect), self.temporary_key(to, dialect));
                let (Some(old), Some(new)) = keys else { return self.lose_temporaries() };
                self.set(false, |meaning| {
                    if Arc::make_mut(&mut meaning.temporary).remove(&old) {
                        Arc::make_mut(&mut meaning.temporary).insert(new.clone());
                    }
                });
            }
            SessionChange::LoseTemporaries => self.lose_temporaries(),
            SessionChange::Commit { .. } | SessionChange::PrepareTransaction if !undone => self.settle(),
            SessionChange::Commit { .. } | SessionChange::Rollback { .. } | SessionChange::PrepareTransaction => {
                self.fall_back();
            }
            SessionChange::Savepoint(name) => {
                self.savepoints.push((name.clone(), self.now.clone(), self.lasting.clone()));
            }
            SessionChange::Release(name) => {
                if let Some(at) = self.savepoint(name) {
                    self.savepoints.truncate(at);
                }
            }
            SessionChange::RollbackTo(name) => self.fall_back_to(name),
            SessionChange::Begin => self.open = true,
            _ => {}
        }
        self.sign();
    }

    /// One change of a statement that ended well and had its names looked up in `path`.
    pub(crate) fn apply_in(&mut self, path: &PathOf, change: &SessionChange, undone: bool, dialect: &dyn Dialect) {
        let Some(own) = path.other_than(self.path()) else { return self.apply(change, undone, dialect) };
        let placed = |name: &Name| match (&name.schema, own.and_then(SearchPath::first)) {
            (None, Some(schema)) => Some(Name { schema: Some(schema.into()), ..name.clone() }),
            (None, None) => None,
            (Some(_), _) => Some(name.clone()),
        };
        let placed = match change {
            // The server goes back to the session's own path behind it, or does not.
            SessionChange::SetSearchPath { .. } => return self.forget_path(),
            SessionChange::CreateTemp(name) => placed(name).map(SessionChange::CreateTemp),
            SessionChange::DropAtCommit(name) => placed(name).map(SessionChange::DropAtCommit),
            SessionChange::DropRelation(name) => placed(name).map(SessionChange::DropRelation),
            SessionChange::RenameRelation { from, to } => {
                placed(from).zip(placed(to)).map(|(from, to)| SessionChange::RenameRelation { from, to })
            }
            _ => return self.apply(change, undone, dialect),
        };
        self.apply(&placed.unwrap_or(SessionChange::LoseTemporaries), undone, dialect);
    }

    /// What a temporary relation is known by; `None` where that depends on a path that is not known.
    fn temporary_key(&self, name: &Name, dialect: &dyn Dialect) -> Option<Box<str>> {
        match dialect.temporaries_have_schemas() {
            true => temporary_key(name, self.now.path.as_deref()),
            false => Some(name.name.clone()),
        }
    }

    fn set(&mut self, local: bool, change: impl Fn(&mut Meaning)) {
        change(&mut self.now);
        if !local {
            change(&mut self.lasting);
        }
    }

    /// Nothing is known any more of what the names of temporary relations mean.
    fn lose_temporaries(&mut self) {
        self.set(false, lose_temporaries);
        self.sign();
    }

    fn set_other(&mut self, name: &str, value: &SettingValue, local: bool, dialect: &dyn Dialect) {
        match dialect.setting(name, value, self.now.mode) {
            SettingClass::Mode(mode) => self.set(local, |meaning| meaning.mode = mode),
            SettingClass::Asked => self.set(local, |meaning| meaning.known = false),
            SettingClass::Path => self.set(local, |meaning| meaning.path = None),
            SettingClass::Role => self.set(local, |meaning| {
                meaning.path = None;
                meaning.own_role = false;
            }),
            SettingClass::Unreadable => self.set(local, |meaning| meaning.readable = false),
            SettingClass::Harmless | SettingClass::Other => {}
        }
        // An encoding that can be read again makes the session readable again.
        if dialect.setting(name, &SettingValue::Opaque, self.now.mode) == SettingClass::Unreadable
            && dialect.setting(name, value, self.now.mode) == SettingClass::Harmless
        {
            self.set(local, |meaning| meaning.readable = true);
        }
    }

    fn reset(&mut self) {
        let initial = self.initial.clone();
        self.set(false, |meaning| {
            meaning.path.clone_from(&initial.path);
            meaning.mode = initial.mode;
            meaning.readable = initial.readable;
        });
        // EVASION: the default schema outlives a reset, and the server's defaults may be others by now
        // (test `a_reset_takes_the_session_back_to_its_start`).
        self.doubt();
    }

    fn savepoint(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|(known, ..)| **known == *name)
    }

    fn fall_back_to(&mut self, name: &str) {
        match self.savepoint(name) {
            Some(at) => {
                self.savepoints.truncate(at.saturating_add(1));
                if let (Some((_, now, lasting)), true) = (self.savepoints.last(), self.transactional) {
                    self.now = now.clone();
                    self.lasting = lasting.clone();
                }
            }
            None => {
                self.lose_temporaries();
                self.forget_path();
            }
        }
    }

    /// A transaction ended well.
    fn settle(&mut self) {
        self.lasting.uncommitted = false;
        self.now = self.lasting.clone();
        self.before = self.lasting.clone();
        self.savepoints.clear();
        (self.failed, self.open) = (false, false);
    }

    /// A transaction was undone.
    fn fall_back(&mut self) {
        if !self.transactional {
            return self.settle();
        }
        self.now = self.before.clone();
        self.lasting = self.before.clone();
        self.savepoints.clear();
        (self.failed, self.open) = (false, false);
    }

    /// Something ran that may have changed anything.
    pub(crate) fn forget_path(&mut self) {
        let asks = self.asks;
        self.set(false, |meaning| {
            meaning.path = None;
            meaning.known &= !asks;
        });
        self.sign();
    }

    /// What the last statement made of the session is not known, where no rollback took it back: it may have failed half-way.
    pub(crate) fn doubt(&mut self) {
        if self.asks {
            self.forget_path();
        }
    }

    /// The path as the upstream told it. Inside a transaction it may be there for that one only.
    ///
    /// EVASION: a local path that lasts because it was asked for (test `a_path_learnt_in_a_transaction_ends_with_it`).
    pub(crate) fn learn_path(&mut self, path: Option<SearchPath>) {
        let path = path.map(Arc::new);
        self.set(self.open, |meaning| meaning.path.clone_from(&path));
        self.sign();
    }

    /// How text is read, as the upstream told it, where it is one to be asked.
    pub(crate) fn learn_mode(&mut self, told: Option<SettingClass>) {
        if !self.asks {
            return;
        }
        self.set(false, |meaning| {
            meaning.known = matches!(told, Some(SettingClass::Mode(_) | SettingClass::Unreadable));
            meaning.readable = told != Some(SettingClass::Unreadable);
            if let Some(SettingClass::Mode(mode)) = told {
                meaning.mode = mode;
            }
        });
        self.sign();
    }

    /// Definitions were changed that other sessions cannot see before the transaction ends.
    pub(crate) fn note_uncommitted(&mut self) {
        self.set(false, |meaning| meaning.uncommitted = true);
        self.sign();
    }

    /// A statement failed.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// A group of requests ended. Returns whether a transaction ended with it.
    pub(crate) fn ready(&mut self, transaction: Transaction) {
        match transaction {
            Transaction::Idle if self.failed => self.fall_back(),
            Transaction::Idle if !self.open && self.now == self.lasting && self.lasting == self.before => return,
            Transaction::Idle => self.settle(),
            Transaction::Open => {
                (self.failed, self.open) = (false, true);
                return;
            }
            Transaction::Failed => {
                self.open = true;
                return;
            }
        }
        self.sign();
    }

    /// The upstream reports a setting by itself, in the answer to a statement that has its names looked up in `path`.
    ///
    /// EVASION: what is reported from within may be the schema of the preparation, which the server leaves behind the statement
    /// (test `a_path_reported_within_a_prepared_statement_is_not_taken_for_the_sessions`).
    pub(crate) fn report_in(&mut self, path: &PathOf, name: &str, value: &str, dialect: &dyn Dialect) {
        let is_path = dialect.report(name, value, self.now.mode) == Some(SettingClass::Path);
        if path.other_than(self.path()).is_none() || !is_path {
            return self.report(name, value, dialect);
        }
        if dialect.read_reported_path(value, &self.user).as_ref() != self.path() {
            self.forget_path();
        }
    }

    /// The upstream reports a setting by itself.
    pub(crate) fn report(&mut self, name: &str, value: &str, dialect: &dyn Dialect) {
        match dialect.report(name, value, self.now.mode) {
            Some(SettingClass::Mode(mode)) if mode != self.now.mode => self.set(false, |meaning| meaning.mode = mode),
            Some(SettingClass::Unreadable) => self.set(false, |meaning| meaning.readable = false),
            Some(SettingClass::Path) => {
                let own = self.now.own_role || !value.contains("$user");
                let path = dialect.read_reported_path(value, &self.user).filter(|_| own).map(Arc::new);
                if path.is_some() && path == self.now.path {
                    return;
                }
                // Inside a transaction nobody says whether it will last: then it is asked for afterwards.
                if self.open {
                    self.lasting.path = None;
                }
                self.set(self.open, |meaning| meaning.path.clone_from(&path));
            }
            _ => return,
        }
        self.sign();
    }
}

/// Nothing is known of what the names of temporary relations mean.
fn lose_temporaries(meaning: &mut Meaning) {
    let temporary = std::mem::take(&mut meaning.temporary);
    if !temporary.is_empty() {
        Arc::make_mut(&mut meaning.lost).extend(temporary.iter().cloned());
    }
}

#[cfg(test)]
mod tests;
