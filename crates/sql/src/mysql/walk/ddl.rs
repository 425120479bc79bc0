//! Definitions: CREATE, ALTER, DROP, RENAME.
//!
//! Columns, keys, partitions and options hold no names of other tables but after a few words, and no calls of stored functions (the servers
//! refuse those), so their tokens are read one by one with an eye on those words; queries among them are read as queries, defaults as
//! expressions. Bodies of stored programs are unknown, to the end of the text. Every definition but that of a temporary table ends the
//! transaction.

use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::mysql::words;
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Columns, Effect, Name, Target};

/// Engines that keep rows here, and reach no other server or file.
const ENGINES: &[&str] = &[
    "archive",
    "aria",
    "blackhole",
    "columnstore",
    "csv",
    "heap",
    "innodb",
    "memory",
    "mrg_myisam",
    "merge",
    "myisam",
    "myrocks",
    "ndb",
    "ndbcluster",
    "rocksdb",
    "sequence",
    "tokudb",
];

impl Walk<'_> {
    pub(super) fn definition(&mut self) -> Parsed {
        let verb = self.written(0).to_ascii_uppercase();
        self.skip();
        self.out.barrier |= Barrier::CATALOG;
        match verb.as_str() {
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_object(),
            _ => self.rename(),
        }
    }

    fn create(&mut self) -> Parsed {
        self.accept_all(&["OR", "REPLACE"]);
        let temporary = self.accept("TEMPORARY");
        if self.accept("TABLE") {
            return self.create_table(temporary);
        }
        if temporary && !self.is_word(0, "SEQUENCE") {
            return Err(self.syntax_error());
        }
        self.definer()?;
        self.accept_any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
        if self.accept("VIEW") {
            return self.view("CREATE VIEW");
        }
        if self.accept("INDEX") {
            return self.index("CREATE INDEX");
        }
        if self.accept("SEQUENCE") {
            self.kind("CREATE SEQUENCE");
            self.if_exists();
            let name = self.relation_name()?;
            self.creates(name, temporary);
            return self.items();
        }
        self.other_object("CREATE")
    }

    /// Words that may stand before VIEW and programs.
    fn definer(&mut self) -> Parsed {
        loop {
            if self.accept("ALGORITHM") {
                self.expect_mark("=")?;
                self.skip();
            } else if self.accept("DEFINER") {
                self.expect_mark("=")?;
                self.account_name()?;
            } else if self.accept_all(&["SQL", "SECURITY"]) {
                if !self.accept_any(&["DEFINER", "INVOKER"]) {
                    return Err(self.syntax_error());
                }
            } else if !self.accept("AGGREGATE") {
                return Ok(());
            }
        }
    }

    pub(super) fn account_name(&mut self) -> Parsed {
        if self.accept("CURRENT_USER") || self.accept("CURRENT_ROLE") {
            if self.accept_mark("(") {
                self.expect_mark(")")?;
            }
            return Ok(());
        }
        if self.accept_kind(Kind::Text).is_none() {
            self.name()?;
        }
        self.accept_kind(Kind::Variable);
        Ok(())
    }

    fn if_exists(&mut self) {
        let _ = self.accept_all(&["IF", "NOT", "EXISTS"]) || self.accept_all(&["IF", "EXISTS"]);
    }

    fn create_table(&mut self, temporary: bool) -> Parsed {
        self.kind("CREATE TABLE");
        self.if_exists();
        let name = self.relation_name()?;
        self.creates(name, temporary);
        let bracket = self.is_mark(0, "(") && self.is_word(1, "LIKE");
        if bracket {
            self.skip();
        }
        if self.accept("LIKE") {
            let name = self.relation_name()?;
            self.effect(Action::Select, Target::Relation(name));
            if bracket {
                self.expect_mark(")")?;
            }
        }
        self.items()
    }

    /// A relation that is made.
    fn creates(&mut self, name: Name, temporary: bool) {
        if temporary {
            self.out.session.push(SessionChange::CreateTemp(name.clone()));
            self.out.barrier |= Barrier::TEMPORARY;
        } else {
            self.commits();
        }
        self.effect(Action::Ddl, Target::Relation(name));
    }

    /// CREATE VIEW and ALTER VIEW: what it reads, its creator must be allowed to read.
    fn view(&mut self, kind: &'static str) -> Parsed {
        self.kind(kind);
        self.if_exists();
        let name = self.relation_name()?;
        self.creates(name, false);
        if self.is_mark(0, "(") {
            self.parenthesised(|walk| walk.name().map(drop))?;
        }
        self.expect("AS")?;
        self.query(false)?;
        self.items()
    }

    /// CREATE INDEX and DROP INDEX.
    fn index(&mut self, kind: &'static str) -> Parsed {
        self.kind(kind);
        self.if_exists();
        if !self.accept("PRIMARY") {
            self.name()?;
        }
        if self.accept("USING") {
            self.name()?;
        }
        self.expect("ON")?;
        let name = self.relation_name()?;
        self.creates(name, false);
        self.items()
    }

    /// Parts of a definition, up to the end of the statement.
    fn items(&mut self) -> Parsed {
        while !self.at_end() {
            self.item()?;
        }
        Ok(())
    }

    /// One token of a definition, or what a telling word begins. Long because it is a flat table.
    fn item(&mut self) -> Parsed {
        // EVASION: an option takes `:=` for `=` (test `an_option_is_found_however_it_is_written`).
        let assigned = self.is_any_mark(1, &["=", ":="]);
        let given = assigned || self.kind_at(1) == Some(Kind::Text);
        if self.begins_source() {
            return self.query(false);
        }
        if self.accept("REFERENCES") {
            let name = self.relation_name()?;
            self.effect(Action::Ddl, Target::Relation(name));
        } else if self.is_word(0, "DEFAULT") {
            return self.default_value();
        } else if self.is_word(0, "UNION") && (assigned || self.lists_tables(1)) {
            self.skip();
            self.accept_equals();
            return self.merged_tables();
        } else if given && self.accept_any(&["DIRECTORY", "CONNECTION", "SONAME", "URL"]) {
            // Files of the server, and other servers.
            self.admin();
        } else if self.is_any(0, &["ENGINE", "TYPE"]) && (assigned || self.names_engine()) {
            self.skip();
            self.accept_equals();
            return self.engine();
        } else {
            self.skip();
        }
        Ok(())
    }

    fn accept_equals(&mut self) {
        let _ = self.accept_mark("=") || self.accept_mark(":=");
    }

    /// Whether names in parentheses stand there, rather than a query.
    fn lists_tables(&self, ahead: usize) -> bool {
        let first = ahead.saturating_add(1);
        self.is_mark(ahead, "(")
            && !self.is_mark(first, "(")
            && !self.is_any(first, &["SELECT", "WITH", "TABLE", "VALUES"])
    }

    /// DEFAULT and the expression behind it.
    ///
    /// EVASION: MariaDB takes `NEXT VALUE FOR hr.s` there (test `an_option_is_found_however_it_is_written`). A word by itself is no
    /// expression that reaches anything, and may begin the next option: `ROW_FORMAT = DEFAULT ENGINE = …`.
    fn default_value(&mut self) -> Parsed {
        self.skip();
        let expression = match self.kind_at(0) {
            Some(Kind::Word | Kind::Name | Kind::Quoted) => self.begins_computation(),
            Some(Kind::Punctuation) => self.is_any_mark(0, &["(", "{"]),
            Some(_) => true,
            None => false,
        };
        if expression { self.in_block(|walk| walk.arithmetic().map(drop)) } else { Ok(()) }
    }

    /// Whether a word begins more than a literal or the name of a column.
    fn begins_computation(&self) -> bool {
        let word = self.written(0);
        let called = self.is_mark(1, "(") && (!words::is_reserved(word) || words::is_reserved_function(word));
        let sequence = self.is_any(0, &["NEXT", "PREVIOUS"]) && self.is_word(1, "VALUE");
        called || sequence || self.is_mark(1, ".") || self.is_any(0, &["BINARY", "CASE", "INTERVAL", "NOT"])
    }

    /// Whether a name of an engine follows, rather than the type of a column of that name.
    fn names_engine(&self) -> bool {
        self.is_word(0, "ENGINE")
            && matches!(self.kind_at(1), Some(Kind::Word | Kind::Quoted | Kind::Text))
            && !words::begins_type(self.written(1))
    }

    /// Whether the query that fills a table begins here.
    fn begins_source(&self) -> bool {
        let named = self.is_name(1) && (self.is_word(2, "AS") || self.is_mark(2, "("));
        self.is_word(0, "SELECT")
            || (self.is_word(0, "WITH") && (self.is_word(1, "RECURSIVE") || named))
            || (self.is_word(0, "VALUES") && (self.is_word(1, "ROW") || self.is_mark(1, "(")))
            || self.is_word(0, "TABLE")
    }

    /// The tables that a MERGE table is made of: who has it has them.
    fn merged_tables(&mut self) -> Parsed {
        self.expect_mark("(")?;
        if self.accept_mark(")") {
            return Ok(());
        }
        self.list(|walk| {
            let target = Target::Relation(walk.relation_name()?);
            for action in [Action::Select, Action::Insert, Action::Update, Action::Delete] {
                walk.effect(action, target.clone());
            }
            Ok(())
        })?;
        self.expect_mark(")")
    }

    fn engine(&mut self) -> Parsed {
        let name = match self.accept_text() {
            Some(text) => super::names::folded(&text),
            None => super::names::folded(&self.any_name()),
        };
        if !ENGINES.contains(&&*name) {
            self.admin();
        }
        Ok(())
    }

    fn alter(&mut self) -> Parsed {
        self.accept_any(&["ONLINE", "OFFLINE", "IGNORE"]);
        if self.accept("TABLE") {
            return self.alter_table();
        }
        self.definer()?;
        if self.accept("VIEW") {
            return self.view("ALTER VIEW");
        }
        if self.accept("SEQUENCE") {
            self.kind("ALTER SEQUENCE");
            self.if_exists();
            let name = self.relation_name()?;
            self.creates(name, false);
            return self.items();
        }
        self.other_object("ALTER")
    }

    fn alter_table(&mut self) -> Parsed {
        self.kind("ALTER TABLE");
        self.if_exists();
        let name = self.relation_name()?;
        self.creates(name.clone(), false);
        while !self.at_end() {
            self.alteration(&name)?;
        }
        Ok(())
    }

    /// One token of ALTER TABLE, or what a telling word begins.
    fn alteration(&mut self, name: &Name) -> Parsed {
        if self.is_word(0, "RENAME") && !self.is_any(1, &["COLUMN", "INDEX", "KEY", "CONSTRAINT"]) {
            self.skip();
            if !self.accept_any(&["TO", "AS"]) {
                self.accept_mark("=");
            }
            return self.renamed(name.clone());
        }
        if self.accept("TABLE") {
            // EXCHANGE PARTITION p WITH TABLE t, CONVERT TABLE t TO PARTITION p.
            let other = Target::Relation(self.relation_name()?);
            self.effect(Action::Select, other.clone());
            self.effect(Action::Ddl, other);
            return Ok(());
        }
        if self.is_at(&["TRUNCATE", "PARTITION"]) {
            self.effect(Action::Truncate, Target::Relation(name.clone()));
        }
        if self.is_at(&["IMPORT", "TABLESPACE"]) || self.is_at(&["IMPORT", "PARTITION"]) {
            self.admin();
        }
        self.item()
    }

    /// A table gets this name.
    fn renamed(&mut self, from: Name) -> Parsed {
        let to = self.relation_name()?;
        self.effect(Action::Ddl, Target::Relation(to.clone()));
        let is_another = |change: &SessionChange| matches!(change, SessionChange::RenameRelation { from: other, .. } if *other == from);
        // Of two new names the last one counts.
        let change = match self.out.session.iter().any(is_another) {
            true => SessionChange::LoseTemporaries,
            false => SessionChange::RenameRelation { from, to },
        };
        self.out.session.push(change);
        self.out.barrier |= Barrier::TEMPORARY;
        Ok(())
    }

    fn rename(&mut self) -> Parsed {
        if self.accept("USER") {
            self.kind("RENAME USER");
            return self.account();
        }
        if !self.accept_any(&["TABLE", "TABLES"]) {
            return Err(self.syntax_error());
        }
        self.kind("RENAME TABLE");
        self.commits();
        self.if_exists();
        self.list(|walk| {
            let from = walk.relation_name()?;
            walk.effect(Action::Ddl, Target::Relation(from.clone()));
            if walk.accept("WAIT") {
                walk.skip();
            } else {
                walk.accept("NOWAIT");
            }
            walk.expect("TO")?;
            if walk.syntax.is_maria() {
                return walk.renamed(from);
            }
            // Here MySQL passes over temporary tables.
            let to = walk.relation_name()?;
            walk.effect(Action::Ddl, Target::Relation(to));
            Ok(())
        })
    }

    fn drop_object(&mut self) -> Parsed {
        let temporary = self.accept("TEMPORARY");
        let kind = if self.accept_any(&["TABLE", "TABLES"]) {
            "DROP TABLE"
        } else if self.accept("VIEW") {
            "DROP VIEW"
        } else if self.accept("SEQUENCE") {
            "DROP SEQUENCE"
        } else if self.accept("INDEX") {
            return self.index("DROP INDEX");
        } else {
            return self.other_object("DROP");
        };
        self.kind(kind);
        self.if_exists();
        if !temporary {
            self.commits();
        }
        self.list(|walk| {
            let name = walk.relation_name()?;
            walk.effect(Action::Ddl, Target::Relation(name.clone()));
            walk.out.session.push(SessionChange::DropRelation(name));
            Ok(())
        })?;
        self.out.barrier |= Barrier::TEMPORARY;
        if self.accept("WAIT") {
            self.skip();
        } else {
            self.accept_any(&["NOWAIT", "RESTRICT", "CASCADE"]);
        }
        Ok(())
    }

    /// Databases, programs, accounts, and what belongs to the server as a whole.
    fn other_object(&mut self, verb: &'static str) -> Parsed {
        if self.accept_any(&["DATABASE", "SCHEMA"]) {
            self.kind(pick(verb, ["CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE"]));
            return self.database(verb);
        }
        if self.accept_any(&["USER", "ROLE"]) {
            self.kind(pick(verb, ["CREATE USER", "ALTER USER", "DROP USER"]));
            return self.account();
        }
        if self.is_any(0, &["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "LIBRARY"]) {
            return self.program(verb);
        }
        let server = ["SERVER", "TABLESPACE", "LOGFILE", "UNDO", "RESOURCE", "REFERENCE", "INSTANCE"];
        if self.accept_any(&server) {
            self.kind(pick(verb, ["CREATE", "ALTER", "DROP"]));
            self.admin();
            self.commits();
            self.skip_statement();
            return Ok(());
        }
        self.unknown();
        self.skip_text();
        Ok(())
    }

    fn database(&mut self, verb: &str) -> Parsed {
        self.if_exists();
        self.commits();
        // ALTER DATABASE may leave out the name.
        let target = if self.is_name(0) && !self.is_any(0, &["CHARSET", "ENCRYPTION", "COMMENT", "UPGRADE"]) {
            Target::Schema(self.schema_name()?)
        } else {
            Target::Session
        };
        self.effect(Action::Ddl, target);
        if verb == "DROP" {
            self.out.session.push(SessionChange::LoseTemporaries);
            self.out.barrier |= Barrier::TEMPORARY | Barrier::SETTINGS;
            self.out.session.push(SessionChange::Set {
                name: "search_path".into(),
                value: crate::session::SettingValue::Opaque,
                local: false,
            });
        }
        self.items()
    }

    /// Procedures, functions, triggers, events: what their bodies do is not known here.
    fn program(&mut self, verb: &'static str) -> Parsed {
        let relation = self.is_word(0, "TRIGGER");
        self.kind(match self.written(0).to_ascii_uppercase().as_str() {
            "PROCEDURE" => pick(verb, ["CREATE PROCEDURE", "ALTER PROCEDURE", "DROP PROCEDURE"]),
            "FUNCTION" => pick(verb, ["CREATE FUNCTION", "ALTER FUNCTION", "DROP FUNCTION"]),
            "TRIGGER" => pick(verb, ["CREATE TRIGGER", "ALTER TRIGGER", "DROP TRIGGER"]),
            "EVENT" => pick(verb, ["CREATE EVENT", "ALTER EVENT", "DROP EVENT"]),
            _ => pick(verb, ["CREATE PACKAGE", "ALTER PACKAGE", "DROP PACKAGE"]),
        });
        self.skip();
        self.accept("BODY");
        self.if_exists();
        self.commits();
        let name = self.routine_name()?;
        self.effect(Action::Ddl, Target::Function(name));
        if verb == "DROP" {
            return Ok(());
        }
        if relation {
            self.triggered();
        }
        self.unknown();
        self.skip_text();
        Ok(())
    }

    /// The table whose rows run the trigger.
    fn triggered(&mut self) {
        while !self.at_end() && !self.is_word(0, "ON") {
            self.skip();
        }
        self.skip();
        if let Ok(name) = self.relation_name() {
            let effect = Effect::new(Action::Ddl, Target::Relation(name));
            self.out.effects.push(Effect { columns: Columns::All, ..effect });
        }
    }
}

fn pick(verb: &str, of: [&'static str; 3]) -> &'static str {
    let [create, alter, drop] = of;
    match verb {
        "CREATE" => create,
        "ALTER" => alter,
        _ => drop,
    }
}
