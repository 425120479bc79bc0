//! The seam between the core and one SQL dialect: how text is read, and what settings mean.
//!
//! The core tracks state and asks; it never knows which dialect answers. Nothing here is called for each row, so the
//! calls are dynamic. A dialect holds no state of a session: what changes the meaning of text is a [`Mode`].

use crate::catalog::SearchPath;
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::session::SettingValue;
use crate::statement::{Name, Statement};

/// Settings of a session that change how its text is read, in the dialect's own encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mode(pub u32);

/// What a setting is to judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingClass {
    /// It changes nothing that a policy could mind: formats, time-outs, names for the log.
    Harmless,
    /// It is the search path; tracked.
    Path,
    /// It changes how text is read, in this way; tracked where the value is known.
    Mode(Mode),
    /// What it makes of the mode is known only to the server (a value that is computed, a default): it is asked afterwards.
    Asked,
    /// It would make text unreadable to us, so what follows is not known.
    Unreadable,
    /// It changes who the server takes the session for.
    Role,
    /// Anything else.
    Other,
}

/// Words for refusals that mirror the server's own errors.
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    /// Policy says no.
    pub denied: [u8; 5],
    /// The text does not parse.
    pub syntax: [u8; 5],
    /// The text is over a limit.
    pub too_complex: [u8; 5],
    /// No such relation.
    pub unknown_relation: [u8; 5],
    /// No such function.
    pub unknown_function: [u8; 5],
    /// No such prepared statement.
    pub unknown_statement: [u8; 5],
    /// No such portal.
    pub unknown_portal: [u8; 5],
    /// No schema to which something unqualified would go.
    pub unknown_schema: [u8; 5],
    /// It cannot be recorded.
    pub unrecorded: [u8; 5],
    /// The server's own words for what does not exist.
    pub absent: Absences,
}

/// A server's own words for what does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Absences {
    /// No such relation.
    pub relation: fn(&Name) -> String,
    /// No such function.
    pub function: fn(&Name) -> String,
    /// No such prepared statement.
    pub statement: fn(&str) -> String,
    /// No such portal.
    pub portal: fn(&str) -> String,
    /// No schema to which something unqualified would go.
    pub schema: &'static str,
}

/// One SQL dialect.
pub trait Dialect: std::fmt::Debug + Send + Sync + 'static {
    /// What every statement of `text` does. Needs a stack of [`crate::STACK`] bytes.
    ///
    /// # Errors
    /// Why its effects are not known; each is a denial.
    fn analyse(&self, text: &[u8], mode: Mode, limits: &Limits) -> Result<Vec<Statement>, NotAnalysed>;

    /// Writes into `key`, in the place of what it held, the key under which what is known of `text` may be used again: its shape, or its exact bytes.
    fn key(&self, text: &[u8], mode: Mode, key: &mut Vec<u8>);

    /// What a setting is, given the value it gets and the mode before.
    fn setting(&self, name: &str, value: &SettingValue, mode: Mode) -> SettingClass;

    /// What the server's own report of a setting says of the mode, if anything.
    fn report(&self, name: &str, value: &str, mode: Mode) -> Option<SettingClass>;

    /// A statement whose single value tells the search path and the role.
    fn path_question(&self) -> &'static str;

    /// Reads the answer to [`Dialect::path_question`].
    fn read_path(&self, answer: &str) -> Option<SearchPath>;

    /// The path that the server reports by itself, with the role it was last known to have.
    fn read_reported_path(&self, value: &str, user: &str) -> Option<SearchPath>;

    /// What the answer to [`Dialect::path_question`] says of the mode, where it says anything.
    fn read_mode(&self, _answer: &str) -> Option<SettingClass> {
        None
    }

    /// Whether the answer to [`Dialect::path_question`] tells the mode, so that one that is not known can be asked for.
    fn tells_mode(&self) -> bool {
        false
    }

    /// Whether text in a session of this mode is read just as the server reads it, so that anybody may have the mode.
    fn reads(&self, mode: Mode) -> bool {
        mode == Mode::default()
    }

    /// Whether a session of this mode has results in a form that no detector reads and that nothing beside them tells.
    fn hides_results(&self, _mode: Mode) -> bool {
        false
    }

    /// Whether `text` means the same in every session and only reads what the last statement left behind, which a question
    /// of the gateway's own would overwrite.
    fn reads_last_outcome(&self, _text: &[u8]) -> bool {
        false
    }

    /// Whether a rollback takes back what was set since its transaction began.
    fn settings_follow_transactions(&self) -> bool {
        true
    }

    /// Whether routines may give another meaning to the names that SQL's EXECUTE runs, which no request of the protocol's has:
    /// those begin with a NUL.
    fn routines_prepare_names(&self) -> bool {
        false
    }

    /// Whether a temporary relation stands only in the schema that it was made in, rather than before all others.
    fn temporaries_have_schemas(&self) -> bool {
        false
    }

    /// Whether the path is one default schema, where all that is unqualified lies, even if a catalog does not know it yet.
    fn has_one_default_schema(&self) -> bool {
        false
    }

    /// Whether a prepared statement runs in the path of its preparation, wherever the session is by then. Otherwise its names are
    /// looked up in the session's path each time it runs.
    fn prepared_keep_path(&self) -> bool {
        false
    }

    /// Whether a call of this name, where no function of the session's own has it, can only be a harmless one of the server's own.
    fn is_pure_builtin(&self, name: &Name) -> bool;

    /// The codes of refusals.
    fn codes(&self) -> &'static Codes;
}
