//! Prepared statements as the server numbers them: what is needed to read an execution, and the rows it returns.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_wire::limits;

use super::columns::Columns;
use crate::Flavour;
use crate::command::LAST_PREPARED;
use crate::types::ValueType;

/// LIMIT: what is kept of the values sent by COM_STMT_SEND_LONG_DATA for one session, in bytes; the rest passes unread.
const LONG_DATA: usize = 1 << 20;

/// LIMIT: what is kept of definitions that the server will leave out of results, for one session, in bytes. Results of what
/// is beyond are recorded without.
const DEFINITIONS: usize = 1 << 20;

/// A prepared statement.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) placeholders: u16,
    /// The types of the last execution that named any.
    pub(super) types: Vec<ValueType>,
    /// Parameters whose value came ahead, in rising order, and the start of each value.
    pub(super) long_data: Vec<(u16, Vec<u8>)>,
    /// Whether the server still has those values cannot be told. Only a reset of the statement ends that.
    pub(super) is_in_doubt: bool,
    pub(super) columns: Option<Arc<Columns>>,
    /// The definitions of its columns as they came last, where the client keeps them too.
    pub(super) definitions: Arc<[Box<[u8]>]>,
}

impl Statement {
    /// What was kept of the value of this parameter.
    pub(super) fn long_value(&self, index: usize) -> Option<&[u8]> {
        self.long_data.iter().find(|(of, _)| usize::from(*of) == index).map(|(_, value)| &value[..])
    }
}

/// All prepared statements of a session.
#[derive(Debug, Default)]
pub(super) struct Statements {
    known: HashMap<u32, Statement>,
    /// Whether clients may say "the last" instead of a number.
    has_last: bool,
    last: Option<u32>,
    kept: usize,
    defined: usize,
}

impl Statements {
    /// Those of a session with such a server.
    pub(super) fn of(flavour: Flavour) -> Self {
        Self { has_last: flavour == Flavour::MariaDb, ..Self::default() }
    }

    /// The server's own number: MariaDB clients may say "the last" instead.
    ///
    /// EVASION: every command with a number, long data too, means the last one to MariaDB, and nothing to MySQL
    /// (`values_sent_ahead_for_the_last_statement_are_recorded`).
    pub(super) fn number(&self, id: u32) -> Option<u32> {
        if id == LAST_PREPARED { self.last } else { Some(id) }
    }

    pub(super) fn get(&self, id: u32) -> Option<&Statement> {
        self.known.get(&id)
    }

    /// The statement that a client means by `id`.
    pub(super) fn get_by(&self, id: u32) -> Option<&Statement> {
        self.number(id).and_then(|id| self.known.get(&id))
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Statement> {
        self.known.get_mut(&id)
    }

    /// A statement was prepared. Beyond the limit it is not known, so nothing of it is allowed.
    pub(super) fn insert(&mut self, id: u32, statement: Statement) {
        self.describe(id, None, Arc::default());
        if self.known.len() < limits::NAMES || self.known.contains_key(&id) {
            self.known.insert(id, statement);
        }
        self.last = Some(id).filter(|_| self.has_last);
    }

    /// A statement is to be prepared: until it is, there is no last one.
    ///
    /// EVASION: to MariaDB a PREPARE that was refused here was none, and the statement before it runs as the last one; behind
    /// one that failed there is none (`behind_a_refused_prepare_no_other_statement_runs`).
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    /// What the rows of a statement look like from now on.
    pub(super) fn describe(&mut self, id: u32, columns: Option<Arc<Columns>>, definitions: Arc<[Box<[u8]>]>) {
        let Some(statement) = self.known.get_mut(&id) else { return };
        let length = |definitions: &[Box<[u8]>]| definitions.iter().map(|body| body.len()).sum::<usize>();
        let others = self.defined.saturating_sub(length(&statement.definitions));
        let with = others.saturating_add(length(&definitions));
        (self.defined, statement.definitions) =
            if with > DEFINITIONS { (others, Arc::default()) } else { (with, definitions) };
        statement.columns = columns;
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.forget_long_data(id);
        self.describe(id, None, Arc::default());
        self.known.remove(&id);
        self.last = self.last.filter(|last| *last != id);
    }

    pub(super) fn clear(&mut self) {
        *self = Self { has_last: self.has_last, ..Self::default() };
    }

    /// A part of a value, ahead of its execution. Servers fail the execution where there is no such placeholder.
    pub(super) fn add_long_data(&mut self, id: u32, parameter: u16, part: &[u8]) {
        let Some(statement) = self.known.get_mut(&id).filter(|known| parameter < known.placeholders) else { return };
        let room = LONG_DATA.saturating_sub(self.kept).min(part.len());
        let part = part.get(..room).unwrap_or_default();
        self.kept = self.kept.saturating_add(part.len());
        match statement.long_data.binary_search_by_key(&parameter, |(index, _)| *index) {
            Ok(at) => {
                if let Some((_, value)) = statement.long_data.get_mut(at) {
                    value.extend_from_slice(part);
                }
            }
            Err(at) => statement.long_data.insert(at, (parameter, part.to_vec())),
        }
    }

    /// Something came of which servers do not say whether it dropped values sent ahead.
    ///
    /// EVASION: a value that the server still has takes the place of the one that an execution brings, and one that it has not
    /// moves all others (`values_sent_ahead_that_the_server_still_has_are_not_forgotten`).
    pub(super) fn doubt_long_data(&mut self, id: u32) {
        if let Some(statement) = self.known.get_mut(&id) {
            statement.is_in_doubt |= !statement.long_data.is_empty();
        }
    }

    /// An execution took the values, or a reset dropped them.
    pub(super) fn forget_long_data(&mut self, id: u32) {
        if let Some(statement) = self.known.get_mut(&id) {
            let kept: usize = statement.long_data.iter().map(|(_, value)| value.len()).sum();
            self.kept = self.kept.saturating_sub(kept);
            statement.long_data = Vec::new();
            statement.is_in_doubt = false;
        }
    }
}

/// The name under which the core knows the statement of this number. No name that SQL gives begins with a NUL.
///
/// EVASION: a statement that SQL's PREPARE named like another one's number (test `a_number_is_no_name_of_sql`).
pub(super) fn name(id: u32) -> Vec<u8> {
    format!("\0{id}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_placeholders_that_are_not_there_take_no_room() {
        let mut statements = Statements::default();
        statements.insert(7, Statement { placeholders: 2, ..Statement::default() });
        for parameter in 0..=u16::MAX {
            statements.add_long_data(7, parameter, b"");
        }
        assert_eq!(statements.get(7).map(|known| known.long_data.len()), Some(2));
    }
}
