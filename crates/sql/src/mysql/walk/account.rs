//! Accounts and rights: CREATE, ALTER, RENAME and DROP USER or ROLE, GRANT, REVOKE, SET PASSWORD.
//!
//! None of them reads a table, so beyond what the right is on they are words, names and literals; the literals that are passwords are
//! marked. They all end the transaction.

use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::statement::{Action, Barrier, Kind as Verb, Name, Target};

impl Walk<'_> {
    /// The rest of a statement about accounts.
    pub(super) fn account(&mut self) -> Parsed {
        self.effect(Action::Grant, Target::Session);
        self.out.barrier |= Barrier::CATALOG;
        self.commits();
        self.account_words()
    }

    /// Marks passwords up to the end of the statement.
    fn account_words(&mut self) -> Parsed {
        while !self.at_end() {
            if self.is_any(0, &["SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE"]) && self.is_mark(1, "(") {
                return Err(self.syntax_error());
            }
            let telling = self.is_any(0, &["BY", "AS", "REPLACE", "PASSWORD", "USING", "OLD_PASSWORD"]);
            self.skip();
            if telling {
                let _ =
                    self.accept_mark("(") || self.accept_mark("=") || self.accept("PASSWORD") && self.accept_mark("(");
                if let (Some(Kind::Text | Kind::Bits), Some(token)) = (self.kind_at(0), self.token(0)) {
                    self.out.secrets.push(token.start..token.end);
                }
            }
        }
        Ok(())
    }

    /// `PASSWORD [FOR u] = 'x'`, one of the assignments of a SET.
    pub(super) fn set_password(&mut self) -> Parsed {
        self.out.kind = Verb("SET PASSWORD");
        self.skip();
        self.effect(Action::Grant, Target::Session);
        self.out.barrier |= Barrier::CATALOG;
        self.commits();
        if self.accept("FOR") {
            self.account_name()?;
        }
        if !self.accept_all(&["TO", "RANDOM"]) {
            self.expect_assignment()?;
            self.new_password()?;
        }
        if self.accept("REPLACE") {
            self.password()?;
        }
        self.accept_all(&["RETAIN", "CURRENT", "PASSWORD"]);
        Ok(())
    }

    /// A password, or a call that hashes one.
    fn new_password(&mut self) -> Parsed {
        if !self.accept_any(&["PASSWORD", "OLD_PASSWORD"]) {
            return self.password();
        }
        self.expect_mark("(")?;
        self.password()?;
        self.expect_mark(")")
    }

    fn password(&mut self) -> Parsed {
        let token = self.token(0).filter(|token| token.kind == Kind::Text).ok_or_else(|| self.syntax_error())?;
        self.out.secrets.push(token.start..token.end);
        self.skip();
        Ok(())
    }

    pub(super) fn grant(&mut self) -> Parsed {
        let grants = self.is_word(0, "GRANT");
        self.kind(if grants { "GRANT" } else { "REVOKE" });
        self.skip();
        self.out.barrier |= Barrier::CATALOG;
        self.commits();
        while !self.at_end() && !self.is_any(0, &["ON", "TO", "FROM"]) {
            self.skip();
        }
        match self.accept("ON") {
            true => self.granted_on()?,
            false => self.effect(Action::Grant, Target::Session),
        }
        self.account_words()
    }

    /// What the right is on.
    fn granted_on(&mut self) -> Parsed {
        if self.accept_any(&["FUNCTION", "PROCEDURE", "PACKAGE"]) {
            self.accept("BODY");
            let name = self.routine_name()?;
            self.effect(Action::Grant, Target::Function(name));
            return Ok(());
        }
        self.accept("TABLE");
        let target = if self.accept_mark("*") {
            if self.accept_mark(".") {
                self.expect_mark("*")?;
            }
            Target::Session
        } else if matches!(self.kind_at(0), Some(Kind::Text)) {
            // A proxy right is on an account.
            self.skip();
            Target::Session
        } else {
            self.granted_name()?
        };
        self.effect(Action::Grant, target);
        Ok(())
    }

    fn granted_name(&mut self) -> Parsed<Target> {
        let first = self.name()?;
        if !self.accept_mark(".") {
            return Ok(Target::Relation(self.relation(None, &first)));
        }
        if self.accept_mark("*") {
            return Ok(Target::Schema(self.folded_schema(&first)));
        }
        let name: Name = {
            let second = self.name()?;
            self.relation(Some(&first), &second)
        };
        Ok(Target::Relation(name))
    }
}
