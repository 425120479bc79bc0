//! What changes the way a text is read: the server's kind and version, and the session's `sql_mode`.
//!
//! A [`Mode`] carries only what the session can change. What a dialect of ours does not read (Oracle's grammar of MariaDB) has no bit: it
//! makes the session unreadable. Spec: MySQL "Server SQL Modes", MariaDB "SQL_MODE".

use crate::dialect::{Mode, SettingClass};

/// Which of the two families of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// MySQL 8.0 and later.
    MySql,
    /// MariaDB 10.6 and later.
    MariaDb,
}

/// How text is read by one server in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syntax {
    /// The server's kind.
    pub flavour: Flavour,
    /// The server's version, such as 90700 or 101116.
    pub version: u32,
    /// Names of databases and tables are the same in both cases of letters.
    pub lower_case_tables: bool,
    /// `"…"` is a name.
    pub ansi_quotes: bool,
    /// A backslash in '…' is itself.
    pub no_backslash_escapes: bool,
    /// White space may stand between the name of a built-in function and its parenthesis.
    pub ignore_space: bool,
    /// The client's character set has one byte for each character, so letters outside ASCII are not what they seem.
    pub single_byte: bool,
}

const ANSI_QUOTES: u32 = 1;
const NO_BACKSLASH_ESCAPES: u32 = 2;
const PIPES_AS_CONCAT: u32 = 4;
const IGNORE_SPACE: u32 = 8;
const HIGH_NOT_PRECEDENCE: u32 = 16;
const SINGLE_BYTE: u32 = 32;

impl Syntax {
    /// The syntax of a server whose session has this mode.
    pub fn new(flavour: Flavour, version: u32, lower_case_tables: bool, mode: Mode) -> Self {
        let has = |bit: u32| mode.0 & bit != 0;
        Self {
            flavour,
            version,
            lower_case_tables,
            ansi_quotes: has(ANSI_QUOTES),
            no_backslash_escapes: has(NO_BACKSLASH_ESCAPES),
            ignore_space: has(IGNORE_SPACE),
            single_byte: has(SINGLE_BYTE),
        }
    }

    /// Whether the server is MariaDB.
    pub fn is_maria(&self) -> bool {
        self.flavour == Flavour::MariaDb
    }
}

/// What `sql_mode` set to these words makes of a mode. The words are those of the setting's text, or the digits of its number.
pub(super) fn sql_mode(text: &str, mode: Mode) -> SettingClass {
    let mut bits = mode.0 & SINGLE_BYTE;
    for word in text.split(',') {
        // The server compares without case and takes no blanks but those at the end.
        match bits_of(&word.trim().to_ascii_uppercase()) {
            Some(more) => bits |= more,
            None => return SettingClass::Unreadable,
        }
    }
    SettingClass::Mode(Mode(bits))
}

/// The bits of one word; `None` where the text would be read in a way that is not known here. Numbers are among those: they differ
/// between servers.
fn bits_of(word: &str) -> Option<u32> {
    Some(match word {
        "ANSI" => ANSI_QUOTES | PIPES_AS_CONCAT | IGNORE_SPACE,
        "ANSI_QUOTES" => ANSI_QUOTES,
        "NO_BACKSLASH_ESCAPES" => NO_BACKSLASH_ESCAPES,
        "PIPES_AS_CONCAT" => PIPES_AS_CONCAT,
        "IGNORE_SPACE" => IGNORE_SPACE,
        "HIGH_NOT_PRECEDENCE" => HIGH_NOT_PRECEDENCE,
        "DB2" | "MAXDB" | "MSSQL" | "POSTGRESQL" => ANSI_QUOTES | PIPES_AS_CONCAT | IGNORE_SPACE,
        "MYSQL323" | "MYSQL40" => HIGH_NOT_PRECEDENCE,
        ""
        | "0"
        | "DEFAULT"
        | "ALLOW_INVALID_DATES"
        | "EMPTY_STRING_IS_NULL"
        | "ERROR_FOR_DIVISION_BY_ZERO"
        | "NO_AUTO_CREATE_USER"
        | "NO_AUTO_VALUE_ON_ZERO"
        | "NO_DIR_IN_CREATE"
        | "NO_ENGINE_SUBSTITUTION"
        | "NO_FIELD_OPTIONS"
        | "NO_KEY_OPTIONS"
        | "NO_TABLE_OPTIONS"
        | "NO_UNSIGNED_SUBTRACTION"
        | "NO_ZERO_DATE"
        | "NO_ZERO_IN_DATE"
        | "ONLY_FULL_GROUP_BY"
        | "PAD_CHAR_TO_FULL_LENGTH"
        | "REAL_AS_FLOAT"
        | "SIMULTANEOUS_ASSIGNMENT"
        | "STRICT_ALL_TABLES"
        | "STRICT_TRANS_TABLES"
        | "TIME_ROUND_FRACTIONAL"
        | "TIME_TRUNCATE_FRACTIONAL"
        | "TRADITIONAL" => 0,
        _ => return None,
    })
}

/// What the client's character set makes of a mode.
///
/// EVASION: in GBK, SJIS, BIG5 and the like the second byte of a character may be a backslash or a quote, and in UCS-2 no byte is what it
/// seems (test `an_encoding_that_hides_quotes_is_unreadable`).
pub(super) fn client_charset(name: &str, mode: Mode) -> SettingClass {
    match charset(name) {
        Some(Charset::Utf8) => SettingClass::Mode(Mode(mode.0 & !SINGLE_BYTE)),
        Some(Charset::SingleByte) => SettingClass::Mode(Mode(mode.0 | SINGLE_BYTE)),
        None => SettingClass::Unreadable,
    }
}

/// Character sets of which every byte below 0x80 is ASCII wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// As this text itself.
    Utf8,
    /// One byte for each character.
    SingleByte,
}

/// The character set of this name, or of a collation of this name.
pub(super) fn charset(name: &str) -> Option<Charset> {
    let lower = name.to_ascii_lowercase();
    match lower.split('_').next()? {
        "utf8" | "utf8mb3" | "utf8mb4" => Some(Charset::Utf8),
        "ascii" | "latin1" | "binary" => Some(Charset::SingleByte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_mode_are_read() {
        let class = |text: &str| sql_mode(text, Mode(SINGLE_BYTE));
        assert_eq!(class("ansi_quotes,STRICT_TRANS_TABLES"), SettingClass::Mode(Mode(SINGLE_BYTE | ANSI_QUOTES)));
        assert_eq!(class("ANSI"), SettingClass::Mode(Mode(SINGLE_BYTE | 13)));
        assert_eq!(class(""), SettingClass::Mode(Mode(SINGLE_BYTE)));
        for unreadable in ["ORACLE", "4", "ANSI_QUOTES,oracle", "NO_SUCH_MODE"] {
            assert_eq!(class(unreadable), SettingClass::Unreadable, "{unreadable}");
        }
    }
}
