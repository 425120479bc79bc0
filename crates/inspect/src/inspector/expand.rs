//! EXECUTE and FETCH: what the names in a text stand for, in the place of the names.
//!
//! A text may make, drop and use a name in one go, so names are followed through it before they are looked up in the
//! session. EVASION: a name made anew under another path in the very text that runs it
//! (test `a_name_made_anew_in_the_same_text_is_not_the_old_one`).

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_sql::dialect::Dialect;
use portcullis_sql::session::{Discarded, SessionChange};
use portcullis_sql::statement::{Barrier, Statement};

use super::Inspector;
use crate::judge;
use crate::path_of::PathOf;

/// A text with the statements that its names stand for.
pub(super) struct Expanded {
    pub(super) statements: Arc<[Statement]>,
    /// What each has its names looked up in; none where it is the session's path for all.
    pub(super) paths: Box<[PathOf]>,
    /// Whether there was any such name: then the decision rests on more than the text.
    pub(super) by_name: bool,
}

/// What a name stands for.
#[derive(Clone)]
struct Body {
    statement: Arc<Statement>,
    path: PathOf,
}

/// What the statements of a text made of one kind of name so far; `None` for a name that is gone.
#[derive(Default)]
struct Made {
    known: HashMap<Box<str>, Option<Body>>,
    /// All of the session's are gone.
    cleared: bool,
}

impl Made {
    /// `None` where the text says nothing of the name.
    fn of(&self, name: &str) -> Option<Option<Body>> {
        self.known.get(name).cloned().or(self.cleared.then_some(None))
    }

    fn drop(&mut self, name: Option<&str>) {
        match name {
            Some(name) => drop(self.known.insert(name.into(), None)),
            None => *self = Self { known: HashMap::new(), cleared: true },
        }
    }
}

/// Names as a text leaves them, statement by statement.
#[derive(Default)]
struct Overlay {
    statements: Made,
    cursors: Made,
}

impl Overlay {
    /// `path` is what names are looked up in of what is prepared now.
    fn follow(&mut self, whole: &Statement, path: &PathOf, dialect: &dyn Dialect) {
        if whole.barrier.contains(Barrier::UNKNOWN) && dialect.routines_prepare_names() {
            self.statements.drop(None);
        }
        let body = |statement: &Statement| Body { statement: Arc::new(statement.clone()), path: path.clone() };
        for change in &whole.session {
            match change {
                SessionChange::PrepareSql { name, statement } => {
                    self.statements.known.insert(name.clone(), Some(body(statement)));
                }
                SessionChange::DeallocateSql { name } => self.statements.drop(name.as_deref()),
                SessionChange::DeclareCursor { name, .. } => {
                    self.cursors.known.insert(name.clone(), Some(body(whole)));
                }
                SessionChange::CloseCursor { name } => self.cursors.drop(name.as_deref()),
                SessionChange::Discard(Discarded::All) => {
                    self.statements.drop(None);
                    self.cursors.drop(None);
                }
                _ => {}
            }
        }
    }
}

fn is_by_name(change: &SessionChange) -> bool {
    matches!(change, SessionChange::ExecuteSql { .. } | SessionChange::Fetch { .. })
}

impl Inspector {
    /// Puts what names stand for in the place of EXECUTE and FETCH, in a text whose own names are looked up in `path`.
    ///
    /// EVASION: a statement that is prepared in one schema and run in another by the same text
    /// (test `a_prepared_statement_is_judged_in_the_schema_of_its_preparation`).
    pub(super) fn expand(&self, statements: Arc<[Statement]>, path: &PathOf) -> Expanded {
        if !statements.iter().any(|statement| statement.session.iter().any(is_by_name)) {
            let elsewhere = path.other_than(self.settings.path()).is_some();
            let paths = elsewhere.then(|| statements.iter().map(|_| path.clone()).collect());
            return Expanded { statements, paths: paths.unwrap_or_default(), by_name: false };
        }
        let mut overlay = Overlay::default();
        let mut settings = self.settings.clone();
        let (mut whole, mut paths) = (Vec::with_capacity(statements.len()), Vec::with_capacity(statements.len()));
        for statement in statements.iter() {
            let (mut statement, mut own) = (statement.clone(), path.clone());
            if let Some(body) = statement.session.iter().find_map(|change| self.stands_for(change, &overlay)) {
                statement = statement.expanded(&body.statement);
                statement.session.retain(|change| !is_by_name(change));
                own = body.path;
            }
            let dialect = &*self.world.dialect;
            overlay.follow(&statement, &PathOf::prepared_under(&settings, dialect), dialect);
            judge::simulate(&statement, &own, &mut settings, &self.world);
            whole.push(statement);
            paths.push(own);
        }
        Expanded { statements: whole.into(), paths: paths.into(), by_name: true }
    }

    /// The statement that a name stands for.
    fn stands_for(&self, change: &SessionChange, overlay: &Overlay) -> Option<Body> {
        let (made, prepared) = match change {
            SessionChange::ExecuteSql { name } => (overlay.statements.of(name), self.names.statement(name.as_bytes())),
            SessionChange::Fetch { cursor, .. } => {
                (overlay.cursors.of(cursor), self.names.portal(cursor.as_bytes()).map(|bound| &bound.prepared))
            }
            _ => return None,
        };
        match made {
            Some(made) => made,
            None => {
                // EVASION: a server may read the text anew, in the mode of now, or keep what it read then
                // (test `what_was_prepared_in_another_mode_is_not_run`).
                let prepared = prepared.filter(|prepared| prepared.mode == self.settings.mode())?;
                let first = || prepared.judged.as_ref()?.statements.first().cloned().map(Arc::new);
                let statement = prepared.body.clone().or_else(first)?;
                Some(Body { statement, path: prepared.path.clone() })
            }
        }
    }
}
