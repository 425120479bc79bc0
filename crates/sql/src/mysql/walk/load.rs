//! LOAD DATA and LOAD XML, and the format of files that SELECT INTO OUTFILE shares with them.

use super::scope::Item;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::session::SettingValue;
use crate::statement::{Action, Columns, CopyDirection, Effect, Target};

impl Walk<'_> {
    pub(super) fn load(&mut self) -> Parsed {
        self.skip();
        let xml = self.accept("XML");
        if !xml {
            self.skip();
        }
        self.kind(if xml { "LOAD XML" } else { "LOAD DATA" });
        self.accept_any(&["LOW_PRIORITY", "CONCURRENT"]);
        let local = self.accept("LOCAL");
        if !self.accept("INFILE") && !self.accept("FROM") {
            return Err(self.syntax_error());
        }
        self.accept_any(&["INFILE", "URL", "S3"]);
        self.accept_text().ok_or_else(|| self.syntax_error())?;
        let replaces = self.accept("REPLACE");
        if !replaces {
            self.accept("IGNORE");
        }
        self.expect("INTO")?;
        self.expect("TABLE")?;
        let name = self.relation_name()?;
        if local {
            self.out.copy = Some(CopyDirection::In);
        } else {
            // A file of the server's own.
            self.admin();
        }
        self.partitions()?;
        self.file_format()?;
        self.loaded_rows(name, replaces)
    }

    fn loaded_rows(&mut self, name: crate::statement::Name, replaces: bool) -> Parsed {
        self.open_block();
        self.bring(Item::derived(&super::names::folded(&name.name)));
        let mut columns = Columns::All;
        if self.is_mark(0, "(") {
            columns = Columns::none();
            self.parenthesised(|walk| walk.loaded_column(&mut columns))?;
        }
        if self.accept("SET") {
            self.list(|walk| {
                walk.loaded_column(&mut columns)?;
                walk.expect_mark("=")?;
                walk.expression().map(drop)
            })?;
        }
        if self.accept("PARALLEL") {
            self.accept_mark("=");
            self.arithmetic()?;
        }
        self.close_block(false);
        let target = Target::Relation(name);
        if replaces {
            self.out.effects.push(Effect { has_where: true, ..Effect::new(Action::Delete, target.clone()) });
        }
        self.out.effects.push(Effect { columns, ..Effect::new(Action::CopyIn, target) });
        Ok(())
    }

    /// A column that a field goes to, or a variable.
    fn loaded_column(&mut self, columns: &mut Columns) -> Parsed {
        if let Some(variable) = self.accept_kind(Kind::Variable) {
            self.assigns_variable(&super::names::folded(variable), SettingValue::Opaque);
            return Ok(());
        }
        let reference = self.reference()?;
        columns.add(reference.column.as_deref().unwrap_or(""));
        Ok(())
    }

    /// CHARACTER SET, FIELDS, LINES, IGNORE n LINES, ROWS IDENTIFIED BY: words and literals.
    pub(super) fn file_format(&mut self) -> Parsed {
        let charset = self.accept_all(&["CHARACTER", "SET"]) || self.accept("CHARSET");
        if charset && self.accept_text().is_none() && !self.accept("BINARY") {
            self.name()?;
        }
        if self.accept_all(&["ROWS", "IDENTIFIED", "BY"]) {
            self.accept_text().ok_or_else(|| self.syntax_error())?;
        }
        loop {
            let word = self.accept_any(&["FIELDS", "COLUMNS", "LINES", "TERMINATED", "ENCLOSED", "ESCAPED"])
                || self.accept_any(&["STARTING", "OPTIONALLY"]);
            if word {
                continue;
            }
            if self.accept("BY") {
                if self.accept_text().is_none() && self.accept_kind(Kind::Bits).is_none() {
                    return Err(self.syntax_error());
                }
            } else if self.is_word(0, "IGNORE") && self.kind_at(1) == Some(Kind::Integer) {
                self.skip();
                self.skip();
                if !self.accept_any(&["LINES", "ROWS"]) {
                    return Err(self.syntax_error());
                }
            } else {
                return Ok(());
            }
        }
    }
}
