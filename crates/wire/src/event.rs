//! What frames mean to the core: requests of a client, answers of an upstream, refusals, in no protocol's own words.
//!
//! A codec turns frames into these; the inspector judges these and nothing else. Bytes are borrowed from the frame, so
//! an event can never outlive, or reach outside, the frame it was read from.

use std::borrow::Cow;

/// Which way bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the protected database.
    ToUpstream,
    /// From the protected database to the client.
    ToClient,
}

/// Names one statement inside its session: the sequence number of its entry in the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// How a value is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The type's text form.
    Text,
    /// The type's binary form.
    Binary,
}

/// One value bound to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter<'f> {
    /// How `value` is written.
    pub format: Format,
    /// The protocol's own type code; 0 where the client left it to the server.
    pub type_code: u32,
    /// The bytes, or `None` for NULL. Of what came ahead of its request, only the start is kept.
    pub value: Option<Cow<'f, [u8]>>,
}

/// Formats a client asks for its result columns in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formats {
    /// One for all columns.
    All(Format),
    /// One for each column, in order.
    Each(Box<[Format]>),
}

impl Formats {
    /// The format of column `index`; text where the client named none.
    pub fn of(&self, index: usize) -> Format {
        match self {
            Self::All(format) => *format,
            Self::Each(formats) => formats.get(index).copied().unwrap_or(Format::Text),
        }
    }
}

/// A prepared statement or a portal (an executable instance of one, a cursor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

/// What one client frame asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'f> {
    /// Text that runs as soon as it arrives; it may hold several statements.
    Run {
        /// The text.
        text: &'f [u8],
    },
    /// Text to be kept under a name and run later.
    Prepare {
        /// The statement's name; empty for the unnamed one.
        name: &'f [u8],
        /// The text.
        text: &'f [u8],
        /// Types the client declares for parameters; 0 leaves one to the server.
        types: Vec<u32>,
    },
    /// A prepared statement is given its values. It may already execute functions.
    Bind {
        /// The portal's name; empty for the unnamed one.
        portal: &'f [u8],
        /// The statement's name.
        statement: &'f [u8],
        /// The values.
        parameters: Vec<Parameter<'f>>,
        /// How the results are to be written.
        results: Formats,
    },
    /// A portal runs, or runs on.
    Execute {
        /// The portal's name.
        portal: Cow<'f, [u8]>,
    },
    /// A prepared statement is given its values and runs at once.
    RunPrepared {
        /// The statement's name.
        statement: Cow<'f, [u8]>,
        /// The values.
        parameters: Vec<Parameter<'f>>,
        /// Its rows stay with the server, in a portal of the statement's name, until they are asked for.
        portal: bool,
    },
    /// A function is called by its object id, without text.
    Call {
        /// The function's object id.
        function: u32,
        /// The values.
        arguments: Vec<Parameter<'f>>,
    },
    /// What a statement or portal looks like is asked for.
    Describe {
        /// Which of the two.
        kind: Named,
        /// Its name.
        name: &'f [u8],
    },
    /// A statement or portal is dropped.
    Close {
        /// Which of the two.
        kind: Named,
        /// Its name.
        name: &'f [u8],
    },
    /// A statement or portal is dropped, and nobody answers.
    Forget {
        /// Which of the two.
        kind: Named,
        /// Its name.
        name: Cow<'f, [u8]>,
    },
    /// Unqualified names are looked up in this schema from now on.
    UseSchema {
        /// The schema.
        schema: &'f [u8],
    },
    /// The columns of a relation are asked for, with their defaults.
    ListColumns {
        /// The relation, without a schema.
        relation: &'f [u8],
    },
    /// The session's state goes back to what it was at the sign-in.
    Reset,
    /// A session is to be ended, or what it runs.
    Kill {
        /// Its number, as the client knows it.
        session: u64,
        /// The session itself lives on.
        statement_only: bool,
    },
    /// The client signs in anew on its connection, perhaps as somebody else: this session ends with it.
    SignIn,
    /// Something that the protocol knows and that is not carried; the session lives on.
    Unsupported {
        /// Its name.
        what: &'static str,
    },
    /// Carries on with what was judged before (a synchronisation point, bulk data for a statement that runs).
    Continue,
    /// The client leaves.
    Quit,
}

/// What a codec's session state says of a request before anyone judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Judge it now.
    Open,
    /// Its turn has not come: an earlier outcome decides what it means. Ask again after the upstream answered.
    Wait,
    /// The protocol says that it is ignored here (it follows an error, and the client has not synchronised yet).
    Drop,
    /// The server would take it for the end of what the client is sending, and lose it: see
    /// [`crate::Protocol::interrupt`].
    Interrupt,
}

/// Where the upstream's transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// None is open.
    Idle,
    /// One is open.
    Open,
    /// One is open and has failed; only its end is accepted.
    Failed,
}

/// How cells of a column are to be read by content detectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// Nothing in it can be text (a date, a truth value, geometry in binary form…).
    Opaque,
    /// Text, or the text form of a type that can hold text.
    Text,
    /// Text in an encoding in which detectors find nothing.
    Undecoded,
    /// JSON text.
    Json,
    /// JSON text after one version byte (Postgres jsonb in binary form).
    VersionedJson,
    /// A number in decimal text.
    Number,
    /// A big-endian signed integer of eight bytes.
    Int8,
    /// Any other binary number that detectors do not read.
    BinaryNumber,
    /// A little-endian integer of four or eight bytes.
    LittleEndian,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name as the client will see it.
    pub name: Box<[u8]>,
    /// The object id of the table it comes from, 0 where it is computed.
    pub table: u32,
    /// Its number inside that table, 0 where it is computed.
    pub attribute: u16,
    /// The protocol's own type code.
    pub type_code: u32,
    /// How its cells are read by detectors.
    pub kind: CellKind,
}

/// What one upstream message (or a run of like ones) means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A statement was prepared, under this name where the upstream chooses names.
    Prepared(Option<Box<[u8]>>),
    /// A portal was made.
    Bound,
    /// A statement or portal was dropped.
    Closed,
    /// A part of what describes the columns of the rows that follow, which come when all parts have.
    Describing,
    /// A part of what describes the columns of the rows that follow, as a message that the upstream left out because the
    /// client has it from before. It is for the record, not for the client.
    Described(bytes::Bytes),
    /// The columns of the rows that follow, or of what was described. `None`: it returns no rows.
    Columns(Option<std::sync::Arc<[Column]>>),
    /// Complete rows, one after the other.
    Rows(u64),
    /// Bulk data of a COPY.
    Data,
    /// One statement ended well.
    Complete {
        /// Rows that it says it touched or returned.
        rows: Option<u64>,
        /// The end of the tag's first words, for the record (`INSERT 0 1`).
        tag: Box<str>,
    },
    /// A result ended and another follows: the statement ended with it, unless it is one that may give several.
    Result,
    /// The portal stopped at the client's row limit and can run on.
    Suspended,
    /// The request failed.
    Failed {
        /// The SQLSTATE.
        sqlstate: [u8; 5],
        /// Whether the session ends with it.
        fatal: bool,
        /// The last of the later requests that the upstream skips because of it.
        skipped: Option<Ticket>,
    },
    /// The upstream reports the value of a session setting.
    Setting {
        /// Its name.
        name: Box<str>,
        /// Its value.
        value: Box<str>,
    },
    /// Free text of the server (notices, notifications) with no bearing on requests.
    Remark,
    /// A group of requests is done, and the transaction stands so.
    Ready(Transaction),
    /// The upstream waits for bulk data of the client.
    WantsData,
    /// The answer to a question of the gateway's own: the first value, if it could be had.
    Told(Option<Box<str>>),
    /// Anything else that only has to reach the client.
    Other,
}

/// Why a statement does not run, in words for the client.
///
/// It names the rule and how to ask. It never holds values, keys, hosts or policy internals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error class that the client's driver sees.
    pub sqlstate: [u8; 5],
    /// The sentence.
    pub message: String,
    /// The rule, where one decided.
    pub detail: Option<String>,
    /// How to ask, or what to write instead.
    pub hint: Option<String>,
    /// Where in the text the error lies, in characters from 1.
    pub position: Option<u32>,
}
