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

    pub(crate) fn path(&self) -> Option<&Arc<SearchPath>> {
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
            SessionChange::DropRelation(name) => {
                let Some(key) = self.temporary_key(name, dialect) else { return };
                self.set(false, |meaning| {
                    Arc::make_mut(&mut meaning.temporary).remove(&key);
                });
            }
            SessionChange::RenameRelation { from, to } => {
                let new = Name { name: to.clone(), ..from.clone() };
                let keys = (self.temporary_key(from, dialect), self.temporary_key(&new, dialect));
                let (Some(old), Some(new)) = keys else { return };
                self.set(false, |meaning| {
                    if Arc::make_mut(&mut meaning.temporary).remove(&old) {
                        Arc::make_mut(&mut meaning.temporary).insert(new.clone());
                    }
                });
            }
            SessionChange::LoseTemporaries => self.set(false, lose_temporaries),
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
                self.set(false, lose_temporaries);
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
mod tests {
    use portcullis_sql::mysql::{Flavour, MySql};
    use portcullis_sql::postgres::Postgres;

    use super::*;

    fn settings() -> Settings {
        Settings::new(Some(SearchPath::server_default("app")), "app")
    }

    fn path(schema: &str, local: bool) -> SessionChange {
        SessionChange::SetSearchPath { schemas: Some(vec![schema.into()]), local }
    }

    fn apply(settings: &mut Settings, change: &SessionChange) {
        settings.apply(change, false, &Postgres);
    }

    fn at(settings: &Settings) -> String {
        format!("{:?}", settings.path())
    }

    #[test]
    fn a_path_that_is_set_does_not_end_the_doubt() {
        let dialect = MySql { flavour: Flavour::MariaDb, version: 101_116, lower_case_tables: false };
        let told = "\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\napp@%";
        let mut s = settings().reported(&[], Some(told), &dialect);
        assert!(!s.is_doubted());
        s.forget_path();
        assert!(s.is_doubted() && s.has_question());
        s.apply(&path("shop", false), false, &dialect);
        s.report("schema", "shop", &dialect);
        s.ready(Transaction::Idle);
        assert!(s.path().is_some() && s.is_doubted() && s.has_question());
        s.learn_path(None);
        s.learn_mode(None);
        assert!(s.is_doubted());
        s.learn_path(dialect.read_path(told));
        s.learn_mode(dialect.read_mode(told));
        assert!(!s.is_doubted() && !s.has_question());
    }

    #[test]
    fn a_path_that_is_reported_ends_the_doubt_where_all_is_reported() {
        let mut s = settings().reported(&[], None, &Postgres);
        s.forget_path();
        assert!(!s.is_doubted() && s.has_question());
        s.report("search_path", "here", &Postgres);
        assert!(!s.has_question());
    }

    #[test]
    fn a_rollback_restores_the_path() {
        let mut s = settings();
        let first = at(&s);
        apply(&mut s, &SessionChange::Begin);
        apply(&mut s, &path("evil", false));
        assert_ne!(at(&s), first);
        apply(&mut s, &SessionChange::Rollback { chain: false });
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), first);
    }

    #[test]
    fn a_commit_that_the_server_turned_into_a_rollback_restores_the_path() {
        let mut s = settings();
        let first = at(&s);
        apply(&mut s, &path("evil", false));
        s.apply(&SessionChange::Commit { chain: false }, true, &Postgres);
        assert_eq!(at(&s), first);
    }

    #[test]
    fn a_local_path_ends_with_its_transaction() {
        let mut s = settings();
        let first = at(&s);
        apply(&mut s, &path("here", true));
        apply(&mut s, &SessionChange::Commit { chain: false });
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), first);
    }

    #[test]
    fn a_savepoint_keeps_what_was() {
        let mut s = settings();
        apply(&mut s, &path("one", false));
        let one = at(&s);
        apply(&mut s, &SessionChange::Savepoint("s".into()));
        apply(&mut s, &path("two", false));
        s.fail();
        apply(&mut s, &SessionChange::RollbackTo("s".into()));
        s.ready(Transaction::Open);
        assert_eq!(at(&s), one);
        apply(&mut s, &SessionChange::Commit { chain: false });
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), one);
    }

    #[test]
    fn a_failure_in_an_implicit_transaction_undoes_its_settings() {
        let mut s = settings();
        let first = at(&s);
        apply(&mut s, &path("evil", false));
        s.fail();
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), first);
    }

    #[test]
    fn what_was_reported_at_sign_in_lasts() {
        let off = [("standard_conforming_strings".into(), "off".into())];
        let mut s = settings().reported(&off, None, &Postgres);
        assert_ne!(s.mode(), Mode::default());
        s.fail();
        s.ready(Transaction::Idle);
        apply(&mut s, &SessionChange::ResetAll);
        assert_ne!(s.mode(), Mode::default());
    }

    const MARIADB: MySql = MySql { flavour: Flavour::MariaDb, version: 101_119, lower_case_tables: false };

    fn mariadb() -> Settings {
        let told = "ANSI_QUOTES\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\napp@%";
        Settings::new(MARIADB.read_path(told), "app@%").reported(&[], Some(told), &MARIADB)
    }

    #[test]
    fn what_the_server_told_at_the_start_is_the_mode() {
        assert_ne!(mariadb().mode(), Mode::default());
    }

    fn set(name: &str, value: SettingValue) -> SessionChange {
        SessionChange::Set { name: name.into(), value, local: false }
    }

    #[test]
    fn a_value_that_only_the_server_knows_is_asked_for() {
        let mut s = mariadb();
        assert!(!s.has_question() && s.is_readable());
        apply_to(&mut s, &set("sql_mode", SettingValue::Opaque));
        assert!(s.has_question() && !s.is_readable());
        // What is known of a part does not make the rest known.
        apply_to(&mut s, &set("names", SettingValue::Literal(vec!["utf8mb4".into()])));
        assert!(s.has_question() && !s.is_readable());
        s.learn_mode(MARIADB.read_mode("NO_BACKSLASH_ESCAPES\nutf8mb4\nutf8mb4\nutf8mb4\n\napp@%"));
        assert!(!s.has_question() && s.is_readable());
        assert_eq!(s.mode(), Mode(2));
        s.learn_mode(MARIADB.read_mode("ORACLE\nutf8mb4\nutf8mb4\nutf8mb4\n\napp@%"));
        assert!(!s.has_question() && !s.is_readable());
        s.doubt();
        assert!(s.has_question());
        s.learn_mode(None);
        assert!(s.has_question() && !s.is_readable());
    }

    #[test]
    fn after_a_reset_the_server_is_asked_what_it_left() {
        let mut s = mariadb();
        apply_to(&mut s, &path("hr", false));
        apply_to(&mut s, &SessionChange::Discard(Discarded::All));
        assert!(s.path().is_none() && s.has_question());
        let mut s = settings();
        apply(&mut s, &SessionChange::Discard(Discarded::All));
        assert!(!s.has_question());
    }

    #[test]
    fn a_rollback_takes_back_no_setting_of_mysql() {
        let mut s = mariadb();
        apply_to(&mut s, &SessionChange::Begin);
        apply_to(&mut s, &path("hr", false));
        let hr = at(&s);
        apply_to(&mut s, &SessionChange::Rollback { chain: false });
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), hr);
        s.fail();
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), hr);
    }

    #[test]
    fn a_temporary_table_of_another_schema_hides_nothing() {
        let mut s = mariadb();
        apply_to(&mut s, &SessionChange::CreateTemp(Name::qualified("hr", "orders")));
        let key = |schema: &str| {
            let path = SearchPath::new([schema], "");
            temporary_key(&Name::bare("orders"), Some(&path)).is_some_and(|key| s.temporary().contains(&key))
        };
        assert!(!key("shop") && key("hr"));
    }

    fn apply_to(settings: &mut Settings, change: &SessionChange) {
        settings.apply(change, false, &MARIADB);
    }

    #[test]
    fn a_temporary_relation_goes_when_it_is_dropped_and_comes_back_on_rollback() {
        let mut s = settings();
        apply(&mut s, &SessionChange::CreateTemp(portcullis_sql::Name::bare("t")));
        apply(&mut s, &SessionChange::Commit { chain: false });
        apply(&mut s, &SessionChange::DropRelation(portcullis_sql::Name::bare("t")));
        assert!(s.temporary().is_empty());
        apply(&mut s, &SessionChange::Rollback { chain: false });
        assert!(s.temporary().contains("t"));
        apply(&mut s, &SessionChange::LoseTemporaries);
        assert!(s.temporary().is_empty() && s.lost().contains("t"));
    }

    #[test]
    fn a_temporary_relation_that_drops_at_commit_is_gone_then() {
        let mut s = settings();
        apply(&mut s, &SessionChange::CreateTemp(portcullis_sql::Name::bare("t")));
        apply(&mut s, &SessionChange::DropAtCommit(portcullis_sql::Name::bare("t")));
        assert!(s.temporary().contains("t"));
        apply(&mut s, &SessionChange::Commit { chain: false });
        assert!(s.temporary().is_empty());
    }

    #[test]
    fn a_path_learnt_in_a_transaction_ends_with_it() {
        let mut s = settings();
        let first = at(&s);
        apply(&mut s, &SessionChange::Begin);
        s.ready(Transaction::Open);
        apply(&mut s, &path("here", true));
        s.learn_path(Some(SearchPath::new(["here"], "app")));
        assert_ne!(at(&s), first);
        apply(&mut s, &SessionChange::Commit { chain: false });
        s.ready(Transaction::Idle);
        assert_eq!(at(&s), first);
    }

    #[test]
    fn a_path_reported_in_a_transaction_is_not_taken_to_last() {
        let mut s = settings();
        apply(&mut s, &SessionChange::Begin);
        s.ready(Transaction::Open);
        apply(&mut s, &path("here", true));
        s.report("search_path", "here", &Postgres);
        apply(&mut s, &SessionChange::Commit { chain: false });
        assert_eq!(at(&s), at(&settings()));
        apply(&mut s, &SessionChange::Begin);
        s.ready(Transaction::Open);
        s.report("search_path", "elsewhere", &Postgres);
        apply(&mut s, &SessionChange::Commit { chain: false });
        assert!(s.path().is_none());
    }

    #[test]
    fn an_unknown_savepoint_makes_the_path_unknown() {
        let mut s = settings();
        apply(&mut s, &SessionChange::RollbackTo("nope".into()));
        assert!(s.path().is_none());
    }
}
