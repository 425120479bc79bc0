//! SET, RESET, SHOW, set_config, transactions, and the literals of each.

use pg_query::protobuf::{FuncCall, TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt, a_const};
use pg_query::{Node, NodeEnum};

use super::{Walk, names};
use crate::session::{SessionChange, SettingValue};
use crate::statement::{Action, Barrier, Target};

impl<'t> Walk<'t> {
    pub(super) fn set(&mut self, set: &'t VariableSetStmt) {
        self.kind("SET");
        self.list(&set.args);
        let name = set.name.to_ascii_lowercase();
        match VariableSetKind::try_from(set.kind) {
            Ok(VariableSetKind::VarSetValue) => self.set_to(&name, literals(&set.args), set.is_local),
            Ok(VariableSetKind::VarSetDefault) => self.set_to(&name, SettingValue::Default, set.is_local),
            Ok(VariableSetKind::VarReset) => {
                self.out.kind = crate::statement::Kind("RESET");
                self.set_to(&name, SettingValue::Default, false);
            }
            Ok(VariableSetKind::VarResetAll) => {
                self.out.kind = crate::statement::Kind("RESET");
                self.out.session.push(SessionChange::ResetAll);
                self.out.barrier |= Barrier::SETTINGS;
                self.effect(Action::Set, Target::Session);
            }
            // SET TRANSACTION and SET SESSION CHARACTERISTICS: how transactions run, never what text means.
            Ok(VariableSetKind::VarSetMulti) => {
                self.set_to(&name.replace(' ', "_"), SettingValue::Opaque, set.is_local)
            }
            _ => {
                self.set_to(&name, SettingValue::Opaque, set.is_local);
                self.unknown();
            }
        }
    }

    /// A setting gets a value.
    pub(super) fn set_to(&mut self, name: &str, value: SettingValue, local: bool) {
        self.effect(Action::Set, Target::Setting(name.into()));
        self.out.barrier |= Barrier::SETTINGS;
        let change = match (name, value) {
            ("search_path", SettingValue::Literal(schemas)) => {
                SessionChange::SetSearchPath { schemas: Some(schemas), local }
            }
            ("search_path", SettingValue::Default) => SessionChange::SetSearchPath { schemas: None, local },
            (_, value) => SessionChange::Set { name: name.into(), value, local },
        };
        self.out.session.push(change);
    }

    /// Calls that the analysis knows more about than their name.
    pub(super) fn known_call(&mut self, words: &[&str], call: &'t FuncCall) {
        if let ["set_config"] | ["pg_catalog", "set_config"] = words {
            self.set_config(call);
        }
    }

    /// `set_config(name, value, local)`. Its value is known only where it is sure to run once: alone in a plain SELECT.
    fn set_config(&mut self, call: &'t FuncCall) {
        let arguments: Vec<&NodeEnum> = names::nodes(&call.args).collect();
        let texts: Vec<Option<&str>> = arguments.iter().map(|node| names::constant_text(node)).collect();
        let Some(name) = texts.first().copied().flatten().map(str::to_ascii_lowercase) else {
            self.effect(Action::Set, Target::Session);
            self.out.barrier |= Barrier::SETTINGS | Barrier::UNKNOWN;
            return;
        };
        let local = arguments.get(2).and_then(|node| boolean(node));
        let value = texts.get(1).copied().flatten().filter(|_| self.runs_once && local.is_some());
        let value = match value {
            Some(text) if name == "search_path" => {
                identifiers(text).map_or(SettingValue::Opaque, SettingValue::Literal)
            }
            Some(text) => SettingValue::Literal(vec![text.into()]),
            None => SettingValue::Opaque,
        };
        self.set_to(&name, value, local.unwrap_or(false));
    }

    pub(super) fn transaction(&mut self, statement: &'t TransactionStmt) {
        let savepoint = || Box::from(statement.savepoint_name.as_str());
        let chain = statement.chain;
        let (kind, change) = match TransactionStmtKind::try_from(statement.kind) {
            Ok(TransactionStmtKind::TransStmtBegin) => ("BEGIN", SessionChange::Begin),
            Ok(TransactionStmtKind::TransStmtStart) => ("START TRANSACTION", SessionChange::Begin),
            Ok(TransactionStmtKind::TransStmtCommit) => ("COMMIT", SessionChange::Commit { chain }),
            Ok(TransactionStmtKind::TransStmtRollback) => ("ROLLBACK", SessionChange::Rollback { chain }),
            Ok(TransactionStmtKind::TransStmtSavepoint) => ("SAVEPOINT", SessionChange::Savepoint(savepoint())),
            Ok(TransactionStmtKind::TransStmtRelease) => ("RELEASE", SessionChange::Release(savepoint())),
            Ok(TransactionStmtKind::TransStmtRollbackTo) => ("ROLLBACK TO", SessionChange::RollbackTo(savepoint())),
            Ok(TransactionStmtKind::TransStmtPrepare) => ("PREPARE TRANSACTION", SessionChange::PrepareTransaction),
            Ok(TransactionStmtKind::TransStmtCommitPrepared) => {
                ("COMMIT PREPARED", SessionChange::FinishPrepared { commit: true })
            }
            Ok(TransactionStmtKind::TransStmtRollbackPrepared) => {
                ("ROLLBACK PREPARED", SessionChange::FinishPrepared { commit: false })
            }
            _ => return self.unknown(),
        };
        self.kind(kind);
        match change {
            SessionChange::Begin | SessionChange::Savepoint(_) | SessionChange::Release(_) => {}
            SessionChange::PrepareTransaction | SessionChange::FinishPrepared { .. } => {
                self.effect(Action::Admin, Target::Session);
                self.out.barrier |= Barrier::TRANSACTION | Barrier::CATALOG;
            }
            _ => self.out.barrier |= Barrier::TRANSACTION,
        }
        self.out.session.push(change);
        self.list(&statement.options);
    }
}

/// The words of a SET, if all are literals.
fn literals(args: &[Node]) -> SettingValue {
    let words: Option<Vec<Box<str>>> = args.iter().map(|arg| literal(arg.node.as_ref()?)).collect();
    words.map_or(SettingValue::Opaque, SettingValue::Literal)
}

fn literal(node: &NodeEnum) -> Option<Box<str>> {
    let NodeEnum::AConst(constant) = node else { return None };
    match constant.val.as_ref()? {
        a_const::Val::Sval(text) => Some(text.sval.as_str().into()),
        a_const::Val::Ival(number) => Some(number.ival.to_string().into()),
        a_const::Val::Fval(number) => Some(number.fval.as_str().into()),
        a_const::Val::Boolval(value) => Some(if value.boolval { "true" } else { "false" }.into()),
        a_const::Val::Bsval(_) => None,
    }
}

fn boolean(node: &NodeEnum) -> Option<bool> {
    match node {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Boolval(value) => Some(value.boolval),
            _ => None,
        },
        _ => None,
    }
}

/// The elements of a list of identifiers, as the server's `SplitIdentifierString` reads them; `None` if it would refuse.
fn identifiers(text: &str) -> Option<Vec<Box<str>>> {
    if text.trim_matches(is_space).is_empty() {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    loop {
        let (word, after) = identifier(rest)?;
        found.push(truncated(&word).into());
        rest = after.trim_start_matches(is_space);
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start_matches(is_space),
            None if rest.is_empty() => return Some(found),
            None => return None,
        }
    }
}

fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut word = String::new();
        loop {
            let (part, after) = rest.split_once('"')?;
            word.push_str(part);
            match after.strip_prefix('"') {
                Some(next) => {
                    word.push('"');
                    rest = next;
                }
                None => return Some((word, after)),
            }
        }
    }
    let end = text.find(|c: char| c == ',' || is_space(c)).unwrap_or(text.len());
    let (word, after) = text.split_at_checked(end)?;
    (!word.is_empty()).then(|| (word.to_ascii_lowercase(), after))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

/// LIMIT: the server keeps 63 bytes of a name (NAMEDATALEN).
fn truncated(word: &str) -> &str {
    let mut end = word.len().min(63);
    while !word.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    word.get(..end).unwrap_or(word)
}
