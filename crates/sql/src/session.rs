//! Changes of a session's state that later statements must be judged by.
//!
//! They say what the text asks for; whether it happened is the server's answer, and a rollback takes it back. Nothing is applied here.

use crate::statement::{Name, Statement};

/// The value a setting is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// These words, one for each element of a list.
    Literal(Vec<Box<str>>),
    /// Back to the session's default.
    Default,
    /// Computed, so not known.
    Opaque,
}

/// How much DISCARD throws away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    /// Everything of the session.
    All,
    /// Cached plans.
    Plans,
    /// Cached state of sequences.
    Sequences,
    /// Temporary tables.
    Temporary,
}

/// One change of the session's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// `search_path` is set; `None` is back to the default.
    SetSearchPath {
        /// The schemas in order, as written.
        schemas: Option<Vec<Box<str>>>,
        /// Until the transaction ends only.
        local: bool,
    },
    /// Another setting is set (or `search_path` to a value that is not known).
    Set {
        /// Its name, folded.
        name: Box<str>,
        /// Its value.
        value: SettingValue,
        /// Until the transaction ends only.
        local: bool,
    },
    /// All settings go back to their defaults.
    ResetAll,
    /// A transaction begins.
    Begin,
    /// A transaction ends; `chain` begins the next.
    Commit {
        /// AND CHAIN.
        chain: bool,
    },
    /// A transaction is undone; `chain` begins the next.
    Rollback {
        /// AND CHAIN.
        chain: bool,
    },
    /// A savepoint is set.
    Savepoint(Box<str>),
    /// A savepoint is given up.
    Release(Box<str>),
    /// What came after a savepoint is undone.
    RollbackTo(Box<str>),
    /// The transaction is put aside for two-phase commit.
    PrepareTransaction,
    /// A transaction put aside, of any session, ends.
    FinishPrepared {
        /// COMMIT PREPARED rather than ROLLBACK PREPARED.
        commit: bool,
    },
    /// State is thrown away.
    Discard(Discarded),
    /// A temporary relation is made.
    CreateTemp(Name),
    /// The temporary relation just made goes when the transaction ends (ON COMMIT DROP).
    DropAtCommit(Name),
    /// A relation is dropped, perhaps a temporary one.
    DropRelation(Name),
    /// A relation, perhaps a temporary one, has another name from now on.
    RenameRelation {
        /// As it was.
        from: Name,
        /// Its new name. Where it has no schema of its own, it goes to the first of the path.
        to: Name,
    },
    /// Any temporary relation may be gone: CASCADE, DROP SCHEMA, DROP OWNED.
    LoseTemporaries,
    /// PREPARE: the name now stands for this statement.
    PrepareSql {
        /// The name, shared with the protocol's prepared statements.
        name: Box<str>,
        /// What it will do.
        statement: Box<Statement>,
    },
    /// EXECUTE: what the name stands for is run now. The statement has an unknown effect; see [`Statement::expanded`].
    ExecuteSql {
        /// The name, shared with the protocol's prepared statements.
        name: Box<str>,
    },
    /// DEALLOCATE; `None` is ALL.
    DeallocateSql {
        /// The name.
        name: Option<Box<str>>,
    },
    /// A cursor is declared; its query's effects are those of the statement.
    DeclareCursor {
        /// The name, shared with the protocol's portals.
        name: Box<str>,
        /// Survives the transaction.
        hold: bool,
    },
    /// Rows are fetched, or passed over, from a cursor or portal.
    Fetch {
        /// The name, shared with the protocol's portals.
        cursor: Box<str>,
        /// MOVE: no rows come back.
        moves: bool,
    },
    /// A cursor is closed; `None` is ALL.
    CloseCursor {
        /// The name.
        name: Option<Box<str>>,
    },
    /// Notifications of this channel come from now on.
    Listen(Box<str>),
    /// They stop; `None` is all channels.
    Unlisten(Option<Box<str>>),
    /// A notification is sent.
    Notify(Box<str>),
    /// Another session of the upstream, or this one, is ended, or its running statement.
    Kill {
        /// Its number; `None` where it is computed, or more than one.
        session: Option<u64>,
        /// The session itself lives on.
        statement_only: bool,
    },
}
