//! PREPARE, EXECUTE, DEALLOCATE, EXECUTE IMMEDIATE: SQL inside of SQL.
//!
//! Where the text is a literal it is analysed here, and what it does is known; where it is computed, nothing is.

use super::{Parsed, Walk};
use crate::error::NotAnalysed;
use crate::mysql::analyse;
use crate::session::SessionChange;
use crate::statement::{Barrier, Statement};

impl Walk<'_> {
    pub(super) fn prepared(&mut self) -> Parsed {
        if self.accept("PREPARE") {
            self.kind("PREPARE");
            return self.prepare();
        }
        if self.accept("EXECUTE") {
            self.kind("EXECUTE");
            return self.execute();
        }
        self.skip();
        self.accept("PREPARE");
        self.kind("DEALLOCATE");
        let name = self.plain_name()?;
        self.out.session.push(SessionChange::DeallocateSql { name: Some(name) });
        self.out.barrier |= Barrier::PREPARED;
        Ok(())
    }

    fn prepare(&mut self) -> Parsed {
        let name = self.plain_name()?;
        self.expect("FROM")?;
        self.out.barrier |= Barrier::PREPARED;
        match self.inner()? {
            Some(statement) => {
                self.out.session.push(SessionChange::PrepareSql { name, statement: Box::new(statement) });
            }
            None => {
                // The name stands for something unknown from now on.
                self.out.session.push(SessionChange::DeallocateSql { name: Some(name) });
                self.unknown();
            }
        }
        Ok(())
    }

    fn execute(&mut self) -> Parsed {
        if self.accept("IMMEDIATE") {
            match self.inner()? {
                Some(inner) => {
                    let outer =
                        std::mem::replace(&mut self.out, Statement::new(crate::statement::Kind("EXECUTE"), 0..0));
                    self.out = outer.expanded(&inner);
                }
                None => self.unknown(),
            }
        } else {
            let name = self.plain_name()?;
            self.out.session.push(SessionChange::ExecuteSql { name });
            self.unknown();
        }
        if self.accept("USING") {
            self.in_block(|walk| walk.expressions())?;
        }
        Ok(())
    }

    /// The statement that a literal holds; `None` where it is computed.
    fn inner(&mut self) -> Parsed<Option<Statement>> {
        let first = self.token(0);
        let start = self.at;
        let whole = |walk: &Self| walk.at_end() || walk.is_word(0, "USING");
        // EVASION: what the server keeps of the literal may be another text, see `Syntax::lossy_literals`.
        let text = self.accept_text().filter(|_| whole(self) && !self.syntax.lossy_literals);
        let Some(text) = text else {
            self.at = start;
            self.in_block(|walk| walk.expression().map(drop))?;
            return Ok(None);
        };
        let statements = self.enter(|walk| analyse::statements(&text, &walk.syntax, walk.budget).map_err(inside))?;
        let [mut statement] = <[Statement; 1]>::try_from(statements).map_err(|_| self.syntax_error())?;
        let end = self.at.checked_sub(1).and_then(|last| self.tokens.list.get(last));
        if let (false, Some(first), Some(end)) = (statement.secrets.is_empty(), first, end) {
            self.out.secrets.push(first.start..end.end);
        }
        statement.secrets.clear();
        Ok(Some(statement))
    }
}

/// A place in the inner text is none in the outer.
fn inside(error: NotAnalysed) -> NotAnalysed {
    match error {
        NotAnalysed::Syntax { message, .. } => NotAnalysed::Syntax { message, position: None },
        other => other,
    }
}
