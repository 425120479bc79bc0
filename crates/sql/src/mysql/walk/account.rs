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

    /// `SET PASSWORD [FOR u] = 'x'`
    pub(super) fn set_password(&mut self) -> Parsed {
        self.out.kind = Verb("SET PASSWORD");
        let first = self.at;
        self.account()?;
        // Every literal but the account's own name may be the password.
        for at in first..self.at {
            let Some(token) = self.tokens.list.get(at) else { continue };
            let before = at.checked_sub(1).and_then(|at| self.tokens.list.get(at));
            let word = before.and_then(|token| self.text.get(token.start..token.end)).unwrap_or("");
            if token.kind == Kind::Text && !word.eq_ignore_ascii_case("FOR") {
                self.out.secrets.push(token.start..token.end);
            }
        }
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
