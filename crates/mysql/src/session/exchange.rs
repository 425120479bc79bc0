//! One command and how far its answer is.

use portcullis_wire::event::{Answer, Ticket};

use crate::response::Status;

/// What the next packet of the upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The first of an answer to a statement: OK, ERR, a column count or a request for a file.
    Answer,
    /// So many column definitions.
    Definitions(u16),
    /// The EOF behind them, where DEPRECATE_EOF was not agreed.
    DefinitionsEnd,
    /// A row, or what ends rows.
    Rows,
    /// Nothing: the client sends its file.
    File,
    /// The OK of COM_STMT_PREPARE.
    Prepared,
    /// So many definitions of a prepared statement, parameters and columns alike, each list with its EOF.
    Described {
        /// Definitions of the list at hand that have not come.
        left: u16,
        /// The list of columns follows, of so many.
        then: Option<u16>,
    },
    /// A column of COM_FIELD_LIST, or the EOF behind the last.
    Listed,
    /// The line of COM_STATISTICS.
    Line,
    /// One OK, EOF or ERR.
    End,
    /// The last packet once more: it means this too.
    Again(Box<Again>),
}

/// Further meanings of a packet that is still at the front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Again {
    /// How many bytes it has.
    pub(super) length: usize,
    /// Its meanings, the last of which takes it away.
    pub(super) meanings: std::collections::VecDeque<Answer>,
    /// What follows it.
    pub(super) next: Option<Stage>,
}

/// Which form rows have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// Of COM_QUERY.
    Text,
    /// Of COM_STMT_EXECUTE.
    Binary,
}

/// Whose command it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// The client's; the statement that it is, where it is one.
    Client(Option<Ticket>),
    /// The gateway's own question, and the first value of its answer.
    Ours(Option<Box<str>>),
}

/// A command that was forwarded and is not answered.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) whose: Whose,
    pub(super) stage: Stage,
    /// The sequence id of the upstream's next packet.
    pub(super) sequence: u8,
    pub(super) form: RowForm,
    /// The prepared statement that runs.
    pub(super) statement: Option<u32>,
    /// The client asked for a cursor, or for rows of one.
    pub(super) cursor: bool,
    /// Whether a result set has begun since the last statement ended.
    pub(super) has_columns: bool,
    /// The statement that was prepared, while it is described.
    pub(super) preparing: Option<u32>,
    /// The definitions that come are of its columns, not of its parameters.
    pub(super) describes_columns: bool,
    /// The types that came with the values, for the next execution that leaves them out.
    pub(super) types: Option<Vec<crate::types::ValueType>>,
    /// The statement whose values sent ahead are dropped when it is answered well.
    pub(super) forgets: Option<u32>,
    /// The session's state goes back to the start when it is answered.
    pub(super) resets: bool,
    /// Columns as their definitions come.
    pub(super) defined: super::columns::Defined,
}

impl Exchange {
    pub(super) fn new(stage: Stage, ticket: Option<Ticket>, sequence: u8) -> Self {
        Self {
            whose: Whose::Client(ticket),
            stage,
            sequence,
            form: RowForm::Text,
            statement: None,
            cursor: false,
            has_columns: false,
            preparing: None,
            describes_columns: false,
            types: None,
            forgets: None,
            resets: false,
            defined: super::columns::Defined::default(),
        }
    }

    /// A question of the gateway's own.
    pub(super) fn asked() -> Self {
        Self { whose: Whose::Ours(None), ..Self::new(Stage::Answer, None, 1) }
    }

    /// Whether rows stay at the server. The status alone does not say so: a procedure that has a cursor for itself leaves
    /// its flag in what comes behind, and MariaDB in its last answer too. Nothing follows a result that stays.
    ///
    /// EVASION: a row of such a procedure, read as the end of its result (test
    /// `rows_of_a_procedure_with_a_cursor_of_its_own_are_rows`).
    pub(super) fn leaves_rows(&self, status: Status) -> bool {
        self.cursor && status.has(Status::CURSOR_EXISTS) && !status.has(Status::MORE_RESULTS)
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self.whose {
            Whose::Client(ticket) => ticket,
            Whose::Ours(_) => None,
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self.whose, Whose::Ours(_))
    }
}
