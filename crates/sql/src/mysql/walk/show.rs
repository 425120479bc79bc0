//! SHOW: what of the server it tells.
//!
//! What describes tables reads the server's catalog; what tells settings and counters reads a setting; what tells of others, or of the
//! server's files, is its management. LIKE and WHERE may follow most of them, and WHERE takes any expression.

use super::{Parsed, Walk};
use crate::statement::{Action, Target};

/// What follows SHOW, and the table of the catalog that tells the same.
const CATALOG: &[(&[&str], &str, &str)] = &[
    (&["TABLES"], "SHOW TABLES", "tables"),
    (&["OPEN", "TABLES"], "SHOW TABLES", "tables"),
    (&["TABLE", "STATUS"], "SHOW TABLES", "tables"),
    (&["CREATE", "TABLE"], "SHOW CREATE TABLE", "tables"),
    (&["CREATE", "VIEW"], "SHOW CREATE VIEW", "views"),
    (&["CREATE", "DATABASE"], "SHOW CREATE DATABASE", "schemata"),
    (&["CREATE", "SCHEMA"], "SHOW CREATE DATABASE", "schemata"),
    (&["CREATE", "TRIGGER"], "SHOW CREATE TRIGGER", "triggers"),
    (&["CREATE", "EVENT"], "SHOW CREATE EVENT", "events"),
    (&["CREATE", "PROCEDURE"], "SHOW CREATE PROCEDURE", "routines"),
    (&["CREATE", "FUNCTION"], "SHOW CREATE FUNCTION", "routines"),
    (&["CREATE", "PACKAGE"], "SHOW CREATE PACKAGE", "routines"),
    (&["CREATE", "SEQUENCE"], "SHOW CREATE SEQUENCE", "tables"),
    (&["COLUMNS"], "SHOW COLUMNS", "columns"),
    (&["FIELDS"], "SHOW COLUMNS", "columns"),
    (&["INDEX"], "SHOW INDEX", "statistics"),
    (&["INDEXES"], "SHOW INDEX", "statistics"),
    (&["KEYS"], "SHOW INDEX", "statistics"),
    (&["DATABASES"], "SHOW DATABASES", "schemata"),
    (&["SCHEMAS"], "SHOW DATABASES", "schemata"),
    (&["TRIGGERS"], "SHOW TRIGGERS", "triggers"),
    (&["EVENTS"], "SHOW EVENTS", "events"),
    (&["PROCEDURE", "STATUS"], "SHOW PROCEDURE STATUS", "routines"),
    (&["FUNCTION", "STATUS"], "SHOW FUNCTION STATUS", "routines"),
    (&["PACKAGE"], "SHOW PACKAGE STATUS", "routines"),
    (&["LIBRARY", "STATUS"], "SHOW LIBRARY STATUS", "routines"),
];

/// What tells of the session and of settings.
const SETTINGS: &[(&[&str], &str, &str)] = &[
    (&["VARIABLES"], "SHOW VARIABLES", "variables"),
    (&["STATUS"], "SHOW STATUS", "status"),
    (&["WARNINGS"], "SHOW WARNINGS", "warnings"),
    (&["ERRORS"], "SHOW ERRORS", "warnings"),
    (&["COUNT"], "SHOW WARNINGS", "warnings"),
    (&["CHARACTER", "SET"], "SHOW CHARACTER SET", "character_sets"),
    (&["CHARSET"], "SHOW CHARACTER SET", "character_sets"),
    (&["COLLATION"], "SHOW COLLATION", "collations"),
    (&["ENGINES"], "SHOW ENGINES", "engines"),
    (&["STORAGE", "ENGINES"], "SHOW ENGINES", "engines"),
    (&["PLUGINS"], "SHOW PLUGINS", "plugins"),
    (&["PRIVILEGES"], "SHOW PRIVILEGES", "privileges"),
    (&["PROFILES"], "SHOW PROFILES", "profiles"),
    (&["PROFILE"], "SHOW PROFILES", "profiles"),
];

impl Walk<'_> {
    pub(super) fn show(&mut self) -> Parsed {
        self.skip();
        while self.accept_any(&["FULL", "EXTENDED", "GLOBAL", "SESSION", "LOCAL"]) {}
        for (words, kind, table) in CATALOG {
            if self.accept_all(words) {
                self.kind(kind);
                self.reads_catalog(table);
                return self.in_block(Self::shown);
            }
        }
        for (words, kind, setting) in SETTINGS {
            if self.accept_all(words) {
                self.kind(kind);
                self.effect(Action::Select, Target::Setting((*setting).into()));
                return self.in_block(Self::shown);
            }
        }
        if self.own_grants() {
            self.kind("SHOW GRANTS");
            self.effect(Action::Select, Target::Setting("grants".into()));
            return Ok(());
        }
        // GRANTS of others, PROCESSLIST, BINLOG EVENTS, REPLICA STATUS, ENGINE … STATUS, and whatever else there may be.
        self.kind("SHOW");
        self.admin();
        self.in_block(Self::shown)
    }

    /// Takes GRANTS, if they are those of the session's own account.
    fn own_grants(&mut self) -> bool {
        let start = self.at;
        // To MySQL `CURRENT_ROLE` is an account of that name.
        let own =
            |walk: &mut Self| walk.accept("CURRENT_USER") || (walk.syntax.is_maria() && walk.accept("CURRENT_ROLE"));
        let whose = self.accept("GRANTS") && (!self.accept("FOR") || own(self));
        let _ = self.is_mark(1, ")") && self.accept_mark("(") && self.accept_mark(")");
        let whole = whose && self.at_end();
        if !whole {
            self.at = start;
        }
        whole
    }

    /// Names, literals and words up to LIKE, WHERE or LIMIT.
    fn shown(&mut self) -> Parsed {
        while !self.at_end() {
            if self.accept("WHERE") {
                self.expression()?;
                self.order()?;
                self.limit()?;
                return if self.at_end() { Ok(()) } else { Err(self.syntax_error()) };
            }
            // `COUNT(*) WARNINGS` is all that has parentheses.
            let count = self.is_mark(0, "(") && self.is_mark(1, "*") && self.is_mark(2, ")");
            if self.is_mark(0, "(") && !count || self.is_any(0, &["SELECT", "INTO", "OUTFILE", "DUMPFILE"]) {
                return Err(self.syntax_error());
            }
            self.skip();
        }
        Ok(())
    }
}
