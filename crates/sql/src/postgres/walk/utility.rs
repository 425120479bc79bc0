//! Statements that run something, or change the session, and define nothing.

use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, CreateTableAsStmt, DiscardMode, ExplainStmt, Node, PrepareStmt, VacuumStmt};

use super::{Walk, names};
use crate::session::{Discarded, SessionChange};
use crate::statement::{Action, Barrier, Columns, CopyDirection, Effect, Name, Target};

impl<'t> Walk<'t> {
    /// Long because it is a flat table of kinds.
    pub(super) fn utility(&mut self, node: &'t NodeEnum) -> bool {
        match node {
            NodeEnum::ExplainStmt(explain) => self.explain(explain),
            NodeEnum::PrepareStmt(prepare) => self.prepare(prepare),
            NodeEnum::ExecuteStmt(execute) => {
                self.kind("EXECUTE");
                self.list(&execute.params);
                self.unknown();
                self.out.session.push(SessionChange::ExecuteSql { name: execute.name.as_str().into() });
            }
            NodeEnum::DeallocateStmt(deallocate) => {
                self.kind("DEALLOCATE");
                let name = (!deallocate.isall).then(|| deallocate.name.as_str().into());
                self.session(SessionChange::DeallocateSql { name }, Barrier::PREPARED);
            }
            NodeEnum::DeclareCursorStmt(cursor) => {
                self.kind("DECLARE CURSOR");
                self.optional(&cursor.query);
                let hold = cursor.options & CURSOR_HOLD != 0;
                let name = cursor.portalname.as_str().into();
                self.session(SessionChange::DeclareCursor { name, hold }, Barrier::PREPARED);
            }
            NodeEnum::FetchStmt(fetch) => {
                self.kind(if fetch.ismove { "MOVE" } else { "FETCH" });
                let cursor = fetch.portalname.as_str().into();
                self.session(SessionChange::Fetch { cursor, moves: fetch.ismove }, Barrier::NONE);
            }
            NodeEnum::ClosePortalStmt(close) => {
                self.kind("CLOSE CURSOR");
                let name = (!close.portalname.is_empty()).then(|| close.portalname.as_str().into());
                self.session(SessionChange::CloseCursor { name }, Barrier::PREPARED);
            }
            NodeEnum::CopyStmt(copy) => self.copy(copy),
            NodeEnum::CreateTableAsStmt(create) => self.create_table_as(create),
            NodeEnum::CallStmt(call) => {
                self.kind("CALL");
                let Some(call) = &call.funccall else { return false };
                if let Some(name) = names::of_list(&call.funcname) {
                    self.effect(Action::Call, Target::Function(name.clone()));
                    self.out.functions.push(name);
                }
                self.list(&call.args);
                self.list(&call.agg_order);
                self.optional(&call.agg_filter);
                self.out.barrier |= Barrier::UNKNOWN;
            }
            NodeEnum::DoStmt(_) => {
                self.kind("DO");
                self.unknown();
            }
            NodeEnum::LockStmt(lock) => {
                self.kind("LOCK TABLE");
                self.mention(Action::Lock, |walk| walk.list(&lock.relations));
            }
            NodeEnum::TruncateStmt(truncate) => {
                self.kind("TRUNCATE TABLE");
                self.mention(Action::Truncate, |walk| walk.list(&truncate.relations));
            }
            NodeEnum::VariableSetStmt(set) => self.set(set),
            NodeEnum::VariableShowStmt(show) => {
                self.kind("SHOW");
                self.effect(Action::Select, Target::Setting(show.name.to_ascii_lowercase().into()));
            }
            NodeEnum::TransactionStmt(statement) => self.transaction(statement),
            NodeEnum::ConstraintsSetStmt(_) => {
                self.kind("SET CONSTRAINTS");
                self.effect(Action::Set, Target::Setting("constraints".into()));
            }
            NodeEnum::DiscardStmt(discard) => self.discard(discard.target),
            NodeEnum::ListenStmt(listen) => {
                self.kind("LISTEN");
                self.listen(SessionChange::Listen(listen.conditionname.as_str().into()));
            }
            NodeEnum::UnlistenStmt(unlisten) => {
                self.kind("UNLISTEN");
                let name = &unlisten.conditionname;
                self.listen(SessionChange::Unlisten((!name.is_empty()).then(|| name.as_str().into())));
            }
            NodeEnum::NotifyStmt(notify) => {
                self.kind("NOTIFY");
                self.listen(SessionChange::Notify(notify.conditionname.as_str().into()));
            }
            NodeEnum::VacuumStmt(vacuum) => self.vacuum(vacuum),
            NodeEnum::CheckPointStmt(_) => {
                self.kind("CHECKPOINT");
                self.effect(Action::Admin, Target::Session);
            }
            NodeEnum::LoadStmt(_) => {
                self.kind("LOAD");
                self.effect(Action::Admin, Target::Session);
                self.unknown();
            }
            _ => return false,
        }
        true
    }

    fn session(&mut self, change: SessionChange, barrier: Barrier) {
        self.out.session.push(change);
        self.out.barrier |= barrier;
    }

    fn listen(&mut self, change: SessionChange) {
        self.effect(Action::Listen, Target::Session);
        self.session(change, Barrier::NONE);
    }

    /// Walks parts in which a relation's mere mention is an effect of this kind.
    pub(super) fn mention(&mut self, action: Action, inside: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.mentioned, action);
        inside(self);
        self.mentioned = outer;
    }

    /// EXPLAIN shows values by constant folding even where it does not run the statement, so the effects are those of the statement.
    fn explain(&mut self, explain: &'t ExplainStmt) {
        self.kind("EXPLAIN");
        self.list(&explain.options);
        self.optional(&explain.query);
        if self.out.effects.is_empty() {
            self.effect(Action::Select, Target::Session);
        }
    }

    /// PREPARE runs nothing now; what it will do is kept, and judged now as well so that nothing bad is prepared.
    fn prepare(&mut self, prepare: &'t PrepareStmt) {
        self.kind("PREPARE");
        self.list(&prepare.argtypes);
        let mut inner = Walk::new(self.text, self.out.span.clone(), self.mode);
        inner.statement(names::inner(&prepare.query));
        let Ok(statement) = inner.finish() else {
            self.too_deep = true;
            return;
        };
        self.out.effects.extend(statement.effects.iter().cloned());
        self.out.functions.extend(statement.functions.iter().cloned());
        self.out.attributes.extend(statement.attributes.iter().cloned());
        self.out.operators.extend(statement.operators.iter().cloned());
        self.out.builtin_operators.extend(statement.builtin_operators.iter().cloned());
        self.out.types.extend(statement.types.iter().cloned());
        let name = prepare.name.as_str().into();
        self.session(SessionChange::PrepareSql { name, statement: Box::new(statement) }, Barrier::PREPARED);
    }

    fn discard(&mut self, target: i32) {
        self.kind("DISCARD");
        let (what, barrier) = match DiscardMode::try_from(target) {
            Ok(DiscardMode::DiscardPlans) => (Discarded::Plans, Barrier::NONE),
            Ok(DiscardMode::DiscardSequences) => (Discarded::Sequences, Barrier::NONE),
            Ok(DiscardMode::DiscardTemp) => (Discarded::Temporary, Barrier::TEMPORARY),
            _ => (Discarded::All, Barrier::SETTINGS | Barrier::PREPARED | Barrier::TEMPORARY),
        };
        self.effect(Action::Set, Target::Session);
        self.session(SessionChange::Discard(what), barrier);
    }

    /// COPY of the server's files and programs is management of the server; of a table or query, a stream.
    fn copy(&mut self, copy: &'t CopyStmt) {
        self.kind("COPY");
        let direction = if copy.is_from { CopyDirection::In } else { CopyDirection::Out };
        let action = if copy.is_from { Action::CopyIn } else { Action::CopyOut };
        if let Some(range) = &copy.relation {
            let mut effect = Effect::new(action, Target::Relation(names::of_range(range)));
            if !copy.attlist.is_empty() {
                effect.columns = Columns::Named(names::words(&copy.attlist).into_iter().map(Into::into).collect());
            }
            self.out.effects.push(effect);
        }
        if copy.query.is_some() {
            self.effect(action, Target::Session);
        }
        self.optional(&copy.query);
        self.optional(&copy.where_clause);
        self.list(&copy.options);
        if copy.is_program || !copy.filename.is_empty() {
            self.effect(Action::Admin, Target::Session);
            self.unknown();
        } else {
            self.out.copy = Some(direction);
        }
        if copy.is_program {
            self.secret_after_word("program");
        }
    }

    /// CREATE TABLE AS, CREATE MATERIALIZED VIEW, also from EXECUTE.
    fn create_table_as(&mut self, create: &'t CreateTableAsStmt) {
        let view = create.objtype == pg_query::protobuf::ObjectType::ObjectMatview as i32;
        self.kind(if view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" });
        if let Some(into) = &create.into {
            self.into(into);
        }
        self.optional(&create.query);
    }

    fn vacuum(&mut self, vacuum: &'t VacuumStmt) {
        self.kind(if vacuum.is_vacuumcmd { "VACUUM" } else { "ANALYZE" });
        self.list(&vacuum.options);
        if vacuum.rels.is_empty() {
            self.effect(Action::Admin, Target::Session);
        }
        self.mention(Action::Admin, |walk| walk.list(&vacuum.rels));
    }

    /// Functions of a definition's clauses, by dotted names.
    pub(super) fn function_of(&mut self, words: &'t [Node]) -> Option<Name> {
        let name = names::of_list(words)?;
        self.out.functions.push(name.clone());
        Some(name)
    }
}

/// `CURSOR_OPT_HOLD` of the server's parsenodes.h.
const CURSOR_HOLD: i32 = 0x0020;
