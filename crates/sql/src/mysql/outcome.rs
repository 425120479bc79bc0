//! Texts that only read what the last statement left behind: its warnings and errors, how many rows it changed and found.
//!
//! A server keeps these until the next statement, and a question of the gateway's own is one. A text of this kind can be
//! judged before the question is asked, because it means the same whatever the answer: it reaches no relation, and it has
//! no byte that another `sql_mode` or character set reads differently. So this is a short list of whole statements, not an
//! analysis. What could show a value that is not of the last statement (`@name`, `LAST_INSERT_ID()`) is not on it: results
//! may come in a character set that nobody knows yet. Spec: MySQL "The MySQL Diagnostics Area", "Information Functions".

use super::lex::{Kind, Lexer};
use super::mode::Syntax;

/// LIMIT: longer texts are no such reading; a comment before one is short.
const MAX: usize = 1024;

/// Whether `text` is one statement that reads the last one's outcome, and is that in every session of such a server.
pub(super) fn is_read_by(text: &[u8], syntax: &Syntax) -> bool {
    if text.len() > MAX {
        return false;
    }
    let mut words = Vec::new();
    for token in Lexer::new(text, syntax) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Comment if is_inert(bytes) => {}
            _ if bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_@,.;()*=".contains(byte)) => {
                words.push((token.kind, bytes));
            }
            _ => return false,
        }
    }
    while let Some((Kind::Punctuation, b";")) = words.last() {
        words.pop();
    }
    Reading { words: &words }.statement().is_some()
}

/// A comment that is one for every server in every mode.
///
/// EVASION: a comment whose inside some servers run (test `what_reads_the_last_outcome_reads_nothing_else`).
fn is_inert(comment: &[u8]) -> bool {
    let inside = comment.strip_prefix(b"/*").and_then(|rest| rest.strip_suffix(b"*/"));
    inside.is_some_and(|inside| inside.is_ascii() && !inside.starts_with(b"M") && !inside.contains(&b'!'))
}

struct Reading<'w, 't> {
    words: &'w [(Kind, &'t [u8])],
}

impl Reading<'_, '_> {
    fn statement(mut self) -> Option<()> {
        if self.accept("SHOW") {
            self.conditions()?;
        } else if self.accept("GET") {
            self.diagnostics()?;
        } else if self.accept("SELECT") {
            self.counts()?;
        } else {
            self.word("SET")?;
            self.next(Kind::Variable)?;
            self.word("=")?;
            self.count()?;
        }
        self.words.is_empty().then_some(())
    }

    /// `[COUNT(*)] {WARNINGS | ERRORS} [LIMIT …]`
    fn conditions(&mut self) -> Option<()> {
        if self.accept("COUNT") {
            ["(", "*", ")"].iter().try_for_each(|mark| self.word(mark))?;
        }
        self.one_of(&["WARNINGS", "ERRORS"])?;
        if self.accept("LIMIT") {
            self.next(Kind::Integer)?;
            if self.accept(",") || self.accept("OFFSET") {
                self.next(Kind::Integer)?;
            }
        }
        Some(())
    }

    /// `[CURRENT | STACKED] DIAGNOSTICS …`: items of the diagnostics area into variables.
    fn diagnostics(&mut self) -> Option<()> {
        if !self.accept("CURRENT") {
            self.accept("STACKED");
        }
        self.word("DIAGNOSTICS")?;
        let is_item = |&(kind, bytes): &(Kind, &[u8])| {
            matches!(kind, Kind::Word | Kind::Variable | Kind::Integer) || matches!(bytes, b"=" | b",")
        };
        self.words.iter().all(is_item).then(|| self.words = &[])
    }

    fn counts(&mut self) -> Option<()> {
        loop {
            self.count()?;
            if self.accept("AS") {
                self.next(Kind::Word)?;
            }
            if !self.accept(",") {
                return Some(());
            }
        }
    }

    fn count(&mut self) -> Option<()> {
        if self.accept("@@") {
            if self.accept("SESSION") || self.accept("LOCAL") {
                self.word(".")?;
            }
            return self.one_of(&["WARNING_COUNT", "ERROR_COUNT"]);
        }
        self.one_of(&["ROW_COUNT", "FOUND_ROWS"])?;
        self.word("(")?;
        self.word(")")
    }

    fn accept(&mut self, word: &str) -> bool {
        self.word(word).is_some()
    }

    fn one_of(&mut self, words: &[&str]) -> Option<()> {
        words.iter().any(|word| self.accept(word)).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let ((_, first), rest) = self.words.split_first()?;
        first.eq_ignore_ascii_case(word.as_bytes()).then(|| self.words = rest)
    }

    fn next(&mut self, wanted: Kind) -> Option<()> {
        let ((kind, _), rest) = self.words.split_first()?;
        (*kind == wanted).then(|| self.words = rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Mode;
    use crate::mysql::Flavour;

    fn reads(text: &str) -> bool {
        let of = |flavour, version| Syntax::new(flavour, version, false, Mode(0));
        let both = [of(Flavour::MySql, 90_700), of(Flavour::MariaDb, 101_116)];
        let found = both.map(|syntax| is_read_by(text.as_bytes(), &syntax));
        assert_eq!(found[0], found[1], "{text}");
        found[0]
    }

    #[test]
    fn readings_of_the_last_outcome_are_known() {
        for text in [
            "SHOW WARNINGS",
            "show warnings;",
            "/* ApplicationName=x y */ SHOW WARNINGS LIMIT 5",
            "SHOW WARNINGS LIMIT 1, 2",
            "SHOW ERRORS LIMIT 2 OFFSET 1",
            "SHOW COUNT(*) WARNINGS",
            "SHOW COUNT (*) ERRORS",
            "SELECT @@warning_count",
            "SELECT @@session.error_count, @@local.warning_count AS n",
            "SELECT ROW_COUNT()",
            "SELECT FOUND_ROWS() AS found, row_count()",
            "SET @n = ROW_COUNT()",
            "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
            "GET CURRENT DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @m = MESSAGE_TEXT",
            "GET DIAGNOSTICS CONDITION @i @m = MESSAGE_TEXT",
        ] {
            assert!(reads(text), "{text}");
        }
    }

    #[test]
    fn what_reads_the_last_outcome_reads_nothing_else() {
        for text in [
            "",
            "SHOW WARNINGS; SELECT 1",
            "SHOW WARNINGS WHERE (SELECT 1)",
            "SHOW WARNINGS LIKE 'a'",
            "SHOW TABLES",
            "SELECT ROW_COUNT() FROM t",
            "SELECT ROW_COUNT(), a",
            "SELECT (SELECT ROW_COUNT())",
            "SELECT s.ROW_COUNT()",
            "SELECT ROW_COUNT() AS `a`",
            "SELECT ROW_COUNT() a",
            "SELECT ROW_COUNT() INTO @a",
            "SELECT @n",
            "SELECT LAST_INSERT_ID()",
            "SELECT @@sql_mode",
            "SELECT @@global.warning_count",
            "SELECT \"ROW_COUNT\"",
            "SELECT ROW_COUNT() -- x",
            "SELECT ROW_COUNT() # x",
            "SELECT ROW_COUNT() /*! , 1 */",
            "SELECT ROW_COUNT() /*M! , 1 */",
            "SELECT ROW_COUNT() /* a /*! b */",
            "SELECT /*+ SET_VAR(sql_mode = ANSI) */ ROW_COUNT()",
            "SELECT ROW_COUNT() /*",
            "SET @n = 1",
            "SET @n = ROW_COUNT(), sql_mode = ANSI",
            "SET n = ROW_COUNT()",
            "SET @n := ROW_COUNT()",
            "GET DIAGNOSTICS @n = (NUMBER)",
            "GET DIAGNOSTICS @n = NUMBER; SELECT 1",
            "SELECT ROW_COUNT() AS \u{e9}",
            "SHOW\u{a0}WARNINGS",
            "CALL p()",
        ] {
            assert!(!reads(text), "{text}");
        }
        assert!(!reads(&format!("/*{}*/ SHOW WARNINGS", "x".repeat(MAX))));
    }
}
