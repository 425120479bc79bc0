//! The server's management: KILL, FLUSH, replication, plugins, checks of tables, HANDLER.

use super::statement::TABLE_WORDS;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Target};

/// Statements of which every form manages the server.
const MANAGEMENT: &[(&[&str], &str)] = &[
    (&["INSTALL"], "INSTALL"),
    (&["UNINSTALL"], "UNINSTALL"),
    (&["FLUSH"], "FLUSH"),
    (&["RESET"], "RESET"),
    (&["PURGE"], "PURGE"),
    (&["CHANGE", "MASTER"], "CHANGE MASTER"),
    (&["CHANGE", "REPLICATION"], "CHANGE REPLICATION"),
    (&["START", "SLAVE"], "START REPLICA"),
    (&["START", "ALL"], "START REPLICA"),
    (&["START", "REPLICA"], "START REPLICA"),
    (&["START", "GROUP_REPLICATION"], "START GROUP_REPLICATION"),
    (&["STOP"], "STOP REPLICA"),
    (&["SHUTDOWN"], "SHUTDOWN"),
    (&["RESTART"], "RESTART"),
    (&["CLONE"], "CLONE"),
    (&["BINLOG"], "BINLOG"),
    (&["CACHE"], "CACHE INDEX"),
    (&["BACKUP"], "BACKUP"),
    (&["LOAD", "INDEX"], "LOAD INDEX"),
    (&["IMPORT"], "IMPORT TABLE"),
];

impl Walk<'_> {
    /// Whether it is management of the server; if so it is read to its end.
    pub(super) fn administration(&mut self) -> Parsed<bool> {
        if self.is_any(0, &["ANALYZE", "CHECK", "OPTIMIZE", "REPAIR", "CHECKSUM"]) && self.is_any(1, TABLE_WORDS) {
            self.maintenance()?;
            return Ok(true);
        }
        for (words, kind) in MANAGEMENT {
            if self.is_at(words) {
                self.kind(kind);
                self.admin();
                self.commits();
                self.out.barrier |= Barrier::CATALOG;
                // EVASION: BINLOG runs events of the replication's own form (test `what_cannot_be_known_is_unknown`).
                if *kind == "BINLOG" {
                    self.unknown();
                }
                self.skip_statement();
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn administration_or_unknown(&mut self) -> Parsed {
        if !self.administration()? {
            self.unknown();
            self.skip_text();
        }
        Ok(())
    }

    /// ANALYZE TABLE and its like: the tables are managed, not read by the client.
    fn maintenance(&mut self) -> Parsed {
        self.kind("TABLE MAINTENANCE");
        self.skip();
        self.accept_any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
        if !self.accept_any(&["TABLE", "TABLES"]) {
            return Err(self.syntax_error());
        }
        self.commits();
        self.list(|walk| {
            let name = walk.relation_name()?;
            walk.effect(Action::Admin, Target::Relation(name));
            Ok(())
        })?;
        // Options are words, names of columns and literals; a histogram's data is one.
        while !self.at_end() {
            if self.is_any(0, &["SELECT", "INTO"]) {
                return Err(self.syntax_error());
            }
            self.skip();
        }
        Ok(())
    }

    /// KILL of a session, or of its statement; which is known only where a number says so.
    pub(super) fn kill(&mut self) -> Parsed {
        self.kind("KILL");
        self.skip();
        self.accept_any(&["HARD", "SOFT"]);
        let statement_only = self.accept("QUERY");
        if !statement_only {
            self.accept("CONNECTION");
        }
        self.admin();
        let id = match self.kind_at(0) {
            Some(Kind::Integer) if self.token(1).is_none() || self.is_mark(1, ";") => {
                let id = self.written(0).parse().ok();
                self.skip();
                id
            }
            _ => {
                self.killed()?;
                None
            }
        };
        self.out.session.push(SessionChange::Kill { session: id, statement_only });
        Ok(())
    }

    /// A computed id, one of a query (MariaDB), or all of a user.
    fn killed(&mut self) -> Parsed {
        if self.accept("USER") {
            self.skip_statement();
            return Ok(());
        }
        if self.is_word(0, "ID") && !self.at_end() {
            self.skip();
        }
        self.in_block(|walk| walk.expression().map(drop))
    }

    /// HANDLER: a cursor below SQL. Its name may be an alias that an earlier statement gave, so what it reads is not known.
    pub(super) fn handler(&mut self) -> Parsed {
        self.kind("HANDLER");
        self.skip();
        let name = self.relation_name()?;
        if self.accept("CLOSE") {
            return Ok(());
        }
        self.effect(Action::Select, Target::Relation(name));
        if self.accept("OPEN") {
            self.table_alias()?;
            return Ok(());
        }
        self.expect("READ")?;
        self.unknown();
        self.skip_statement();
        Ok(())
    }
}
