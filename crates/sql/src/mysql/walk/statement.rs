//! Which statement it is. What is none of those known here is an unknown effect, to the end of the text.

use super::{Parsed, Walk};
use crate::session::{SessionChange, SettingValue};
use crate::statement::{Action, Barrier, Columns, Effect, Target};

impl Walk<'_> {
    /// One statement. Long because it is a flat table of verbs.
    pub(super) fn statement(&mut self) -> Parsed {
        let verb = self.written(0).to_ascii_uppercase();
        match verb.as_str() {
            "SELECT" | "TABLE" | "VALUES" | "(" | "WITH" => self.rows_or_writes(),
            "INSERT" | "REPLACE" | "UPDATE" | "DELETE" => self.write(),
            "TRUNCATE" => self.truncate(),
            "CALL" => self.call_statement(),
            "DO" => self.do_statement(),
            "SET" => self.set(),
            "SHOW" => self.show(),
            "USE" => self.use_statement(),
            "EXPLAIN" | "DESCRIBE" | "DESC" => self.explain(),
            "ANALYZE" if !self.is_any(1, TABLE_WORDS) => self.explain(),
            "START" | "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "XA" => self.transaction(),
            "LOCK" | "UNLOCK" => self.lock_tables(),
            "PREPARE" | "EXECUTE" | "DEALLOCATE" => self.prepared(),
            "DROP" if self.is_word(1, "PREPARE") => self.prepared(),
            "HANDLER" => self.handler(),
            "CREATE" | "ALTER" | "DROP" | "RENAME" => self.definition(),
            "GRANT" | "REVOKE" => self.grant(),
            "LOAD" if self.is_any(1, &["DATA", "XML"]) => self.load(),
            "KILL" => self.kill(),
            "SIGNAL" | "RESIGNAL" | "GET" | "HELP" => self.harmless(),
            _ => {
                if !self.administration()? {
                    self.unknown();
                    self.skip_text();
                }
                Ok(())
            }
        }
    }

    /// Queries, and writes after WITH.
    fn rows_or_writes(&mut self) -> Parsed {
        if self.accept("WITH") {
            self.open_block();
            self.with()?;
            if self.is_any(0, &["UPDATE", "DELETE", "INSERT", "REPLACE"]) {
                self.write()?;
            } else {
                self.kind("SELECT");
                self.query_body(false)?;
            }
            self.close_block(false);
            return Ok(());
        }
        let kind = match self.written(0).to_ascii_uppercase().as_str() {
            "TABLE" => "TABLE",
            "VALUES" => "VALUES",
            _ => "SELECT",
        };
        self.kind(kind);
        self.query(false)
    }

    fn write(&mut self) -> Parsed {
        if self.accept("INSERT") {
            self.kind("INSERT");
            self.insert(false)
        } else if self.accept("REPLACE") {
            self.kind("REPLACE");
            self.insert(true)
        } else if self.accept("UPDATE") {
            self.kind("UPDATE");
            self.update()
        } else {
            self.expect("DELETE")?;
            self.kind("DELETE");
            self.delete()
        }
    }

    fn truncate(&mut self) -> Parsed {
        self.kind("TRUNCATE TABLE");
        self.skip();
        self.accept("TABLE");
        let name = self.relation_name()?;
        self.effect(Action::Truncate, Target::Relation(name));
        if !self.accept("WAIT") {
            self.accept("NOWAIT");
        } else {
            self.arithmetic()?;
        }
        self.commits();
        Ok(())
    }

    fn call_statement(&mut self) -> Parsed {
        self.kind("CALL");
        self.skip();
        let name = self.routine_name()?;
        self.called(name);
        self.out.barrier |= Barrier::UNKNOWN;
        if self.is_mark(0, "(") { self.in_block(|walk| walk.arguments().map(drop)) } else { Ok(()) }
    }

    fn do_statement(&mut self) -> Parsed {
        self.kind("DO");
        self.skip();
        self.in_block(Self::select_list)
    }

    /// Reads something that no query around it gives columns to.
    pub(super) fn in_block(&mut self, inside: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.open_block();
        inside(self)?;
        self.close_block(false);
        Ok(())
    }

    /// SIGNAL, GET DIAGNOSTICS, HELP: nothing is reached, variables may get values.
    fn harmless(&mut self) -> Parsed {
        let kind = match self.written(0).to_ascii_uppercase().as_str() {
            "SIGNAL" => "SIGNAL",
            "RESIGNAL" => "RESIGNAL",
            "HELP" => "HELP",
            _ => "GET DIAGNOSTICS",
        };
        self.kind(kind);
        self.skip();
        while !self.at_end() {
            if self.kind_at(0) == Some(crate::mysql::lex::Kind::Variable) && self.is_mark(1, "=") {
                let name = super::names::folded(self.written(0));
                self.assigns_variable(&name, SettingValue::Opaque);
            }
            // A value may be an expression only in parentheses, which none of these takes.
            if self.is_mark(0, "(") {
                return Err(self.syntax_error());
            }
            self.skip();
        }
        Ok(())
    }

    fn use_statement(&mut self) -> Parsed {
        self.kind("USE");
        self.skip();
        let schema = self.schema_name()?;
        self.effect(Action::Set, Target::Schema(schema.clone()));
        self.out.barrier |= Barrier::SETTINGS;
        // A database of this name would be taken for the role's.
        let change = if &*schema == "$user" {
            SessionChange::Set { name: "search_path".into(), value: SettingValue::Opaque, local: false }
        } else {
            SessionChange::SetSearchPath { schemas: Some(vec![schema]), local: false }
        };
        self.out.session.push(change);
        Ok(())
    }

    /// EXPLAIN and DESCRIBE of a statement or a table; ANALYZE runs the statement.
    fn explain(&mut self) -> Parsed {
        let mut runs = self.is_word(0, "ANALYZE");
        self.skip();
        runs |= self.accept("ANALYZE");
        if !self.accept_any(&["EXTENDED", "PARTITIONS"]) {
            self.explain_format()?;
        }
        self.into()?;
        if self.accept_all(&["FOR", "CONNECTION"]) {
            self.kind("EXPLAIN");
            self.admin();
            self.skip();
            return Ok(());
        }
        if self.accept_all(&["FOR", "SCHEMA"]) || self.accept_all(&["FOR", "DATABASE"]) {
            // Names mean what they mean there.
            self.schema_name()?;
            self.unknown();
        }
        if self.is_any(0, EXPLAINED) || self.is_mark(0, "(") { self.explained(runs) } else { self.describe() }
    }

    /// The statement that is explained; `runs`: and run.
    fn explained(&mut self, runs: bool) -> Parsed {
        self.kind(if runs { "EXPLAIN ANALYZE" } else { "EXPLAIN" });
        let first = self.out.effects.len();
        if self.is_any(0, &["SELECT", "TABLE", "VALUES", "WITH"]) || self.is_mark(0, "(") {
            self.rows_or_writes()?;
        } else {
            self.write()?;
        }
        if !runs {
            self.only_reads(first);
        }
        Ok(())
    }

    fn explain_format(&mut self) -> Parsed {
        if !self.is_word(0, "FORMAT") || !self.is_mark(1, "=") {
            return Ok(());
        }
        self.skip();
        self.skip();
        if self.accept_text().is_none() {
            self.name()?;
        }
        Ok(())
    }

    /// What would be written is only looked at.
    fn only_reads(&mut self, first: usize) {
        for effect in self.out.effects.iter_mut().skip(first) {
            if matches!(effect.action, Action::Insert | Action::Update | Action::Delete | Action::Lock) {
                effect.action = Action::Select;
            }
        }
    }

    /// `DESC t`, `DESC t c`, `DESC t 'c%'`: what the catalog says of the table.
    fn describe(&mut self) -> Parsed {
        self.kind("DESCRIBE");
        self.relation_name()?;
        if self.accept_text().is_none() && self.is_name(0) {
            self.name()?;
        }
        self.reads_catalog("columns");
        Ok(())
    }

    /// A table of the server's own catalog is read.
    pub(super) fn reads_catalog(&mut self, table: &str) {
        let name = crate::statement::Name::qualified("information_schema", table);
        let effect = Effect::new(Action::Select, Target::Relation(name));
        self.out.effects.push(Effect { columns: Columns::All, ..effect });
    }

    /// The transaction that is open ends well before this statement.
    pub(super) fn commits(&mut self) {
        self.out.session.push(SessionChange::Commit { chain: false });
        self.out.barrier |= Barrier::TRANSACTION;
    }
}

/// What may follow ANALYZE where it is about tables.
pub(super) const TABLE_WORDS: &[&str] = &["TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"];

const EXPLAINED: &[&str] = &["SELECT", "TABLE", "VALUES", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE"];
