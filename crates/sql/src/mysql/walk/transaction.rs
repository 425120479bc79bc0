//! Transactions, also distributed ones, and table locks.

use super::names::folded;
use super::{Parsed, Walk};
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Target};

impl Walk<'_> {
    pub(super) fn transaction(&mut self) -> Parsed {
        if self.accept("XA") {
            return self.distributed();
        }
        if self.accept_all(&["START", "TRANSACTION"]) {
            self.kind("START TRANSACTION");
            self.begins();
            return self.transaction_words(&["WITH", "CONSISTENT", "SNAPSHOT", "READ", "WRITE", "ONLY"]);
        }
        if self.accept("BEGIN") {
            // EVASION: a compound statement is a program (test `what_cannot_be_known_is_unknown`).
            if !self.accept("WORK") && !self.at_end() {
                self.unknown();
                self.skip_text();
                return Ok(());
            }
            self.kind("BEGIN");
            self.begins();
            return Ok(());
        }
        if self.accept("SAVEPOINT") {
            self.kind("SAVEPOINT");
            let name = self.folded_name()?;
            self.out.session.push(SessionChange::Savepoint(name));
            return Ok(());
        }
        if self.accept_all(&["RELEASE", "SAVEPOINT"]) {
            self.kind("RELEASE");
            let name = self.folded_name()?;
            self.out.session.push(SessionChange::Release(name));
            return Ok(());
        }
        self.end_of_transaction()
    }

    /// The one before ends with it.
    fn begins(&mut self) {
        self.commits();
        self.out.session.push(SessionChange::Begin);
    }

    fn transaction_words(&mut self, words: &[&str]) -> Parsed {
        while !self.at_end() {
            if !self.accept_any(words) && !self.accept_mark(",") {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    fn end_of_transaction(&mut self) -> Parsed {
        let commit = self.accept("COMMIT");
        if !commit && !self.accept("ROLLBACK") {
            // START REPLICA and the like.
            return self.administration_or_unknown();
        }
        self.accept("WORK");
        if !commit && self.accept("TO") {
            self.kind("ROLLBACK TO");
            self.accept("SAVEPOINT");
            let name = self.folded_name()?;
            self.out.session.push(SessionChange::RollbackTo(name));
            self.out.barrier |= Barrier::TRANSACTION;
            return Ok(());
        }
        self.kind(if commit { "COMMIT" } else { "ROLLBACK" });
        let mut chain = false;
        if self.accept("AND") {
            chain = !self.accept("NO");
            self.expect("CHAIN")?;
        }
        // The session ends with RELEASE, or by a setting it does; the server says so itself.
        self.accept("NO");
        self.accept("RELEASE");
        self.out.session.push(if commit { SessionChange::Commit { chain } } else { SessionChange::Rollback { chain } });
        self.out.barrier |= Barrier::TRANSACTION;
        Ok(())
    }

    /// XA: what is put aside may be ended by any session.
    fn distributed(&mut self) -> Parsed {
        self.kind("XA");
        let verb = folded(self.written(0));
        match &*verb {
            "start" | "begin" => self.begins(),
            "end" => {}
            "prepare" => self.out.session.push(SessionChange::PrepareTransaction),
            "commit" | "rollback" => {
                let commit = &*verb == "commit";
                self.out.session.push(SessionChange::FinishPrepared { commit });
                self.out.session.push(if commit {
                    SessionChange::Commit { chain: false }
                } else {
                    SessionChange::Rollback { chain: false }
                });
            }
            "recover" => {}
            _ => return Err(self.syntax_error()),
        }
        self.admin();
        self.out.barrier |= Barrier::TRANSACTION | Barrier::CATALOG;
        // Ids are literals, and a few words follow them.
        while !self.at_end() {
            if self.is_mark(0, "(") {
                return Err(self.syntax_error());
            }
            self.skip();
        }
        Ok(())
    }

    /// LOCK TABLES and UNLOCK TABLES; also `LOCK INSTANCE FOR BACKUP`.
    pub(super) fn lock_tables(&mut self) -> Parsed {
        let locks = self.accept("LOCK");
        if !locks {
            self.skip();
        }
        if self.accept_any(&["INSTANCE", "BINLOG"]) {
            self.kind(if locks { "LOCK INSTANCE" } else { "UNLOCK INSTANCE" });
            self.admin();
            self.skip_statement();
            return Ok(());
        }
        if !self.accept_any(&["TABLE", "TABLES"]) {
            return Err(self.syntax_error());
        }
        self.kind(if locks { "LOCK TABLES" } else { "UNLOCK TABLES" });
        self.commits();
        if !locks {
            return Ok(());
        }
        self.list(Self::locked_table)?;
        if self.accept("WAIT") {
            self.arithmetic()?;
        } else {
            self.accept("NOWAIT");
        }
        Ok(())
    }

    fn locked_table(&mut self) -> Parsed {
        let name = self.relation_name()?;
        self.table_alias()?;
        self.effect(Action::Lock, Target::Relation(name));
        if self.accept("READ") {
            self.accept("LOCAL");
            return Ok(());
        }
        self.accept("LOW_PRIORITY");
        self.expect("WRITE")?;
        self.accept("CONCURRENT");
        Ok(())
    }
}
