//! SET in all its forms.
//!
//! A value is known where it is a literal or a single word. GLOBAL and PERSIST change the server itself, which is its management; what the
//! words after them mean for the next assignment without one differs between versions, so that is taken for both.

use super::names::folded;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::session::{SessionChange, SettingValue};
use crate::statement::{Action, Barrier, Target};

/// Whose setting it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Session,
    Global,
    /// The session's, or the server's.
    Either,
}

impl Walk<'_> {
    pub(super) fn set(&mut self) -> Parsed {
        self.kind("SET");
        self.skip();
        if !self.syntax.is_maria() && self.begins_role() {
            return self.set_roles();
        }
        if self.accept("STATEMENT") {
            return self.set_statement();
        }
        if self.accept_all(&["RESOURCE", "GROUP"]) {
            self.admin();
            self.skip_statement();
            return Ok(());
        }
        self.open_block();
        let mut global = false;
        self.list(|walk| walk.set_one(&mut global))?;
        self.close_block(false);
        Ok(())
    }

    /// One assignment. `global`: the word stood before an earlier one.
    fn set_one(&mut self, global: &mut bool) -> Parsed {
        // EVASION: to MariaDB these are assignments like others, with more of them behind (test `what_heads_a_list_of_assignments_hides_none`).
        if self.is_word(0, "PASSWORD") {
            return self.set_password();
        }
        if self.syntax.is_maria() && self.begins_role() {
            return self.set_role();
        }
        if let Some(variable) = self.accept_kind(Kind::Variable) {
            let name = folded(variable);
            self.expect_assignment()?;
            let value = self.setting_value()?;
            self.assigns_variable(&name, value);
            return Ok(());
        }
        if self.accept("NAMES") {
            let value = self.charset_value()?;
            if self.accept("COLLATE") {
                self.setting_value()?;
            }
            self.sets("names", value, Scope::Session);
            return Ok(());
        }
        if self.accept_all(&["CHARACTER", "SET"]) || self.accept("CHARSET") {
            let value = self.charset_value()?;
            self.sets("character_set", value, Scope::Session);
            return Ok(());
        }
        let at = self.accept_kind(Kind::System).is_some();
        let scope = self.scope(at, global);
        if !at && self.accept("TRANSACTION") {
            return self.set_transaction(scope);
        }
        let name = self.setting_name()?;
        self.expect_assignment()?;
        let value = self.setting_value()?;
        self.sets(&name, value, scope);
        Ok(())
    }

    fn scope(&mut self, at: bool, global: &mut bool) -> Scope {
        let dotted = !at || self.is_mark(1, ".");
        let word = folded(self.written(0));
        let said = match &*word {
            "global" | "persist" | "persist_only" => Some(Scope::Global),
            "session" | "local" => Some(Scope::Session),
            _ => None,
        };
        match said {
            Some(scope) if dotted && !self.is_mark(1, "=") => {
                self.skip();
                if at {
                    self.accept_mark(".");
                } else {
                    *global = scope == Scope::Global;
                }
                scope
            }
            _ if *global && !at => Scope::Either,
            _ => Scope::Session,
        }
    }

    pub(super) fn expect_assignment(&mut self) -> Parsed {
        if self.accept_mark("=") { Ok(()) } else { self.expect_mark(":=") }
    }

    /// The name of a system variable, perhaps of a named instance (`hot.key_buffer_size`).
    fn setting_name(&mut self) -> Parsed<Box<str>> {
        if !matches!(self.kind_at(0), Some(Kind::Word | Kind::Name | Kind::Quoted)) {
            return Err(self.syntax_error());
        }
        if !self.written(0).is_ascii() {
            return Err(self.syntax_error());
        }
        let mut name = folded(&self.any_name()).into_string();
        while self.accept_mark(".") {
            if !self.written(0).is_ascii() {
                return Err(self.syntax_error());
            }
            name.push('.');
            name.push_str(&folded(&self.any_name()));
        }
        Ok(name.into())
    }

    fn charset_value(&mut self) -> Parsed<SettingValue> {
        let _ = self.accept_mark("=");
        if self.accept("DEFAULT") {
            return Ok(SettingValue::Default);
        }
        let word: Box<str> = match self.accept_text() {
            Some(text) => text.into(),
            None if self.accept("BINARY") => "binary".into(),
            None => self.name()?,
        };
        Ok(SettingValue::Literal(vec![word]))
    }

    /// A value: a word or literal by itself, or an expression, of which nothing is known.
    fn setting_value(&mut self) -> Parsed<SettingValue> {
        if let Some(text) = self.text_alone() {
            return Ok(SettingValue::Literal(vec![text.into()]));
        }
        let sign = usize::from(self.is_mark(0, "-"));
        let next = sign.saturating_add(1);
        let alone = self.token(next).is_none()
            || self.is_mark(next, ",")
            || self.is_mark(next, ";")
            || self.is_word(next, "FOR")
            || self.is_word(next, "COLLATE");
        let literal = match self.kind_at(sign) {
            Some(Kind::Word | Kind::Name | Kind::Quoted) => sign == 0,
            Some(Kind::Integer | Kind::Number) => true,
            _ => false,
        };
        if !alone || !literal {
            self.expression()?;
            return Ok(SettingValue::Opaque);
        }
        if self.accept("DEFAULT") {
            return Ok(SettingValue::Default);
        }
        let mut word = if sign == 1 { "-".to_owned() } else { String::new() };
        if sign == 1 {
            self.skip();
        }
        word.push_str(&self.any_name());
        Ok(SettingValue::Literal(vec![word.into()]))
    }

    /// A literal text that is the whole value.
    fn text_alone(&mut self) -> Option<String> {
        let start = self.at;
        let text = self.accept_text()?;
        if self.at_end() || self.is_mark(0, ",") || self.is_any(0, &["FOR", "COLLATE"]) {
            return Some(text);
        }
        self.at = start;
        None
    }

    /// A setting gets a value.
    fn sets(&mut self, name: &str, value: SettingValue, scope: Scope) {
        self.out.barrier |= Barrier::SETTINGS;
        let target = || Target::Setting(name.into());
        if scope != Scope::Session {
            self.effect(Action::Admin, target());
        }
        if scope == Scope::Global {
            return;
        }
        self.effect(Action::Set, target());
        if name == "autocommit" {
            self.commits();
        }
        let value = if scope == Scope::Either { SettingValue::Opaque } else { value };
        self.out.session.push(SessionChange::Set { name: name.into(), value, local: false });
    }

    /// How transactions run, never what text means.
    fn set_transaction(&mut self, scope: Scope) -> Parsed {
        self.sets("transaction", SettingValue::Opaque, scope);
        while !self.at_end() {
            let words = ["ISOLATION", "LEVEL", "READ", "WRITE", "ONLY", "COMMITTED", "UNCOMMITTED"];
            if !self.accept_any(&words) && !self.accept_any(&["REPEATABLE", "SERIALIZABLE"]) && !self.accept_mark(",") {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    /// `ROLE` and `DEFAULT ROLE`, but not a setting of that name.
    fn begins_role(&self) -> bool {
        let role = self.is_word(0, "ROLE") && !self.is_any_mark(1, &["=", ":=", "."]);
        role || self.is_at(&["DEFAULT", "ROLE"])
    }

    /// MariaDB's `ROLE r` and `DEFAULT ROLE r FOR u`.
    fn set_role(&mut self) -> Parsed {
        self.changes_role();
        if self.accept("DEFAULT") {
            self.expect("ROLE")?;
            self.account_name()?;
            if self.accept("FOR") {
                self.account_name()?;
            }
            return Ok(());
        }
        self.expect("ROLE")?;
        self.account_name()
    }

    /// MySQL's `SET ROLE a, b` and `SET DEFAULT ROLE a, b TO u, v`: names to the end, also of the form 'a'@'b', and nothing else.
    fn set_roles(&mut self) -> Parsed {
        self.changes_role();
        while !self.at_end() {
            let name =
                matches!(self.kind_at(0), Some(Kind::Word | Kind::Name | Kind::Quoted | Kind::Text | Kind::Variable));
            if !name && !self.is_mark(0, ",") {
                return Err(self.syntax_error());
            }
            self.skip();
        }
        Ok(())
    }

    fn changes_role(&mut self) {
        self.out.kind = crate::statement::Kind("SET ROLE");
        self.effect(Action::Set, Target::Session);
        self.out.barrier |= Barrier::SETTINGS;
        self.out.session.push(SessionChange::Set { name: "role".into(), value: SettingValue::Opaque, local: false });
    }

    /// MariaDB's `SET STATEMENT a = 1 FOR …`: for one statement.
    fn set_statement(&mut self) -> Parsed {
        self.open_block();
        self.list(|walk| {
            let name = walk.setting_name()?;
            walk.expect_assignment()?;
            let value = walk.setting_value()?;
            if name.contains("sql_mode") || name.contains("char") || name.contains("collation") {
                walk.unknown();
            }
            walk.effect(Action::Set, Target::Setting(name.clone()));
            walk.out.session.push(SessionChange::Set { name, value, local: true });
            Ok(())
        })?;
        self.close_block(false);
        self.expect("FOR")?;
        self.out.barrier |= Barrier::SETTINGS;
        self.out.kind = crate::statement::Kind("UNKNOWN");
        self.enter(Self::statement)
    }
}
