//! FROM: tables with their partitions, hints and versions, joins, derived tables, JSON_TABLE.
//!
//! Joins and their conditions are read in one loop: how they nest changes nothing in what is reached.

use super::scope::Item;
use super::{Parsed, Walk};
use crate::error::NotAnalysed;
use crate::mysql::words;
use crate::statement::Name;

impl Walk<'_> {
    /// Everything after FROM, or where tables are named for a write.
    pub(super) fn table_references(&mut self) -> Parsed {
        self.list(Self::table_reference)
    }

    fn table_reference(&mut self) -> Parsed {
        let first = self.item_count();
        self.table_factor()?;
        loop {
            let natural = self.accept("NATURAL");
            if self.join()? {
                self.table_factor()?;
                if natural {
                    self.all_columns(first);
                }
            } else if natural {
                return Err(self.syntax_error());
            } else if !self.is_at(&["ON", "DUPLICATE", "KEY"]) && self.accept("ON") {
                self.expression()?;
            } else if self.accept("USING") {
                self.parenthesised(|walk| {
                    let column = walk.folded_name()?;
                    walk.refers_to_column(&column);
                    Ok(())
                })?;
            } else {
                return Ok(());
            }
        }
    }

    /// Takes the words of a join, if they are next.
    fn join(&mut self) -> Parsed<bool> {
        if self.accept_any(&["JOIN", "STRAIGHT_JOIN"]) {
            return Ok(true);
        }
        if self.accept_any(&["INNER", "CROSS"]) {
            self.expect("JOIN")?;
            return Ok(true);
        }
        if self.is_any(0, &["LEFT", "RIGHT"]) && self.is_any(1, &["JOIN", "OUTER"]) {
            self.skip();
            self.accept("OUTER");
            self.expect("JOIN")?;
            return Ok(true);
        }
        Ok(false)
    }

    fn table_factor(&mut self) -> Parsed {
        if self.item_count() > usize::from(self.budget.limits.joins) {
            return Err(NotAnalysed::TooComplex("joins"));
        }
        self.enter(|walk| {
            if walk.accept_mark("{") {
                walk.name()?;
                walk.table_references()?;
                return walk.expect_mark("}");
            }
            if walk.is_word(0, "LATERAL") && walk.is_mark(1, "(") {
                walk.skip();
                return walk.derived_table(false);
            }
            if walk.is_mark(0, "(") {
                return if walk.is_derived() { walk.derived_table(true) } else { walk.bracketed_tables() };
            }
            if walk.is_word(0, "JSON_TABLE") && walk.is_mark(1, "(") {
                return walk.json_table();
            }
            if walk.is_word(0, "DUAL") && !walk.is_mark(1, ".") {
                walk.skip();
                return Ok(());
            }
            walk.table()
        })
    }

    /// Whether a parenthesis holds a query, not tables: then an alias, or the end, comes after the innermost.
    fn is_derived(&self) -> bool {
        let mut ahead: usize = 0;
        while self.is_mark(ahead, "(") {
            ahead = ahead.saturating_add(1);
        }
        let query = self.is_any(ahead, &["SELECT", "WITH", "TABLE", "VALUES"]);
        if !query || ahead == 1 {
            return query;
        }
        // `((SELECT 1) a, t)` is tables: an alias follows an inner parenthesis.
        let inner = self.at.saturating_add(1);
        let close = self.tokens.closes.get(inner).copied().unwrap_or(0);
        let after = usize::try_from(close).unwrap_or(0).saturating_add(1).saturating_sub(self.at);
        self.is_mark(after, ")")
            || self.is_any(after, &["UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "INTO", "FOR", "LOCK"])
    }

    fn derived_table(&mut self, apart: bool) -> Parsed {
        self.expect_mark("(")?;
        self.query(apart)?;
        self.expect_mark(")")?;
        let alias = self.table_alias()?;
        if self.is_mark(0, "(") {
            self.parenthesised(|walk| walk.name().map(drop))?;
        }
        self.bring(Item::derived(&super::names::folded(alias.as_deref().unwrap_or(""))));
        Ok(())
    }

    /// `(a JOIN b)`, or `((SELECT …) a, t)`.
    fn bracketed_tables(&mut self) -> Parsed {
        self.expect_mark("(")?;
        self.table_references()?;
        self.expect_mark(")")
    }

    fn table(&mut self) -> Parsed {
        let name = self.relation_name()?;
        self.table_of(name)
    }

    /// What may follow a table's name.
    fn table_of(&mut self, name: Name) -> Parsed {
        self.partitions()?;
        self.versions()?;
        let alias = self.table_alias()?;
        self.versions()?;
        self.index_hints()?;
        if self.accept("TABLESAMPLE") {
            self.name()?;
            self.parenthesised(|walk| walk.expression().map(drop))?;
        }
        self.reads_relation(name, alias.as_deref());
        Ok(())
    }

    pub(super) fn table_alias(&mut self) -> Parsed<Option<Box<str>>> {
        let explicit = self.accept("AS");
        let possible = self.is_name(0) && !self.is_any(0, words::AFTER_TABLE);
        if explicit || possible { self.name().map(Some) } else { Ok(None) }
    }

    /// `PARTITION (p0, p1)`
    pub(super) fn partitions(&mut self) -> Parsed {
        if self.is_word(0, "PARTITION") && self.is_mark(1, "(") {
            self.skip();
            self.parenthesised(|walk| walk.name().map(drop))?;
        }
        Ok(())
    }

    /// `FOR SYSTEM_TIME …`, and of a write `FOR PORTION OF p FROM … TO …`.
    pub(super) fn versions(&mut self) -> Parsed {
        if self.accept_all(&["FOR", "PORTION", "OF"]) {
            self.name()?;
        } else if !self.accept_all(&["FOR", "SYSTEM_TIME"]) || self.accept("ALL") {
            return Ok(());
        }
        if self.accept_all(&["AS", "OF"]) {
            return self.moment();
        }
        if self.accept("BETWEEN") {
            self.moment()?;
            self.expect("AND")?;
        } else {
            self.expect("FROM")?;
            self.moment()?;
            self.expect("TO")?;
        }
        self.moment()
    }

    fn moment(&mut self) -> Parsed {
        if !self.accept("TRANSACTION") && self.is_word(0, "TIMESTAMP") && !self.is_mark(1, "(") {
            self.skip();
        }
        self.arithmetic().map(drop)
    }

    fn index_hints(&mut self) -> Parsed {
        while self.is_any(0, &["USE", "FORCE", "IGNORE"]) && self.is_any(1, &["INDEX", "KEY"]) {
            self.skip();
            self.skip();
            if self.accept("FOR") && !self.accept("JOIN") {
                if !self.accept_any(&["ORDER", "GROUP"]) {
                    return Err(self.syntax_error());
                }
                self.expect("BY")?;
            }
            self.expect_mark("(")?;
            if !self.is_mark(0, ")") {
                self.list(|walk| if walk.accept("PRIMARY") { Ok(()) } else { walk.name().map(drop) })?;
            }
            self.expect_mark(")")?;
            self.accept_mark_before_hint();
        }
        Ok(())
    }

    /// Hints may be parted by commas.
    fn accept_mark_before_hint(&mut self) {
        if self.is_mark(0, ",") && self.is_any(1, &["USE", "FORCE", "IGNORE"]) && self.is_any(2, &["INDEX", "KEY"]) {
            self.skip();
        }
    }

    /// `JSON_TABLE(doc, '$' COLUMNS (…)) AS j`
    fn json_table(&mut self) -> Parsed {
        self.skip();
        self.expect_mark("(")?;
        self.expression()?;
        self.expect_mark(",")?;
        self.expression()?;
        self.json_columns()?;
        self.expect_mark(")")?;
        let alias = self.table_alias()?;
        self.bring(Item::derived(&super::names::folded(alias.as_deref().unwrap_or(""))));
        Ok(())
    }

    fn json_columns(&mut self) -> Parsed {
        self.expect("COLUMNS")?;
        self.parenthesised(|walk| walk.enter(Self::json_column))
    }

    fn json_column(&mut self) -> Parsed {
        if self.is_word(0, "NESTED") {
            self.skip();
            self.accept("PATH");
            self.accept_text().ok_or_else(|| self.syntax_error())?;
            return self.json_columns();
        }
        self.name()?;
        if self.accept_all(&["FOR", "ORDINALITY"]) {
            return Ok(());
        }
        self.type_name()?;
        self.accept("EXISTS");
        self.expect("PATH")?;
        self.accept_text().ok_or_else(|| self.syntax_error())?;
        self.handlers()
    }
}
