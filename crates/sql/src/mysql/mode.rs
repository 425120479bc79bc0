//! What changes the way a text is read: the server's kind and version, the session's `sql_mode` and character sets.
//!
//! A [`Mode`] carries only what the session can change. What a dialect of ours does not read (Oracle's grammar of MariaDB) has no bit: it
//! makes the session unreadable. Spec: MySQL "Server SQL Modes", MariaDB "SQL_MODE"; MySQL "Connection Character Sets and Collations".

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
    /// Literals lose characters on their way into the connection's character set, so a statement in one is not what it seems.
    pub lossy_literals: bool,
}

const ANSI_QUOTES: u32 = 1;
const NO_BACKSLASH_ESCAPES: u32 = 2;
const PIPES_AS_CONCAT: u32 = 4;
const IGNORE_SPACE: u32 = 8;
const HIGH_NOT_PRECEDENCE: u32 = 16;
const SINGLE_BYTE: u32 = 32;
/// Results come in the character set that each column has, which its definition tells.
const AS_STORED: u32 = 64;
/// Results come in a character set that detectors do not read, or with none told.
const HIDDEN: u32 = 128;
const LOSSY_LITERALS: u32 = 256;
/// What is no part of `sql_mode`.
const CHARSETS: u32 = SINGLE_BYTE | AS_STORED | HIDDEN | LOSSY_LITERALS;

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
            lossy_literals: has(LOSSY_LITERALS),
        }
    }

    /// Whether the server is MariaDB.
    pub fn is_maria(&self) -> bool {
        self.flavour == Flavour::MariaDb
    }
}

/// What `sql_mode` set to these words makes of a mode. The words are those of the setting's text, or the digits of its number.
pub(super) fn sql_mode(text: &str, mode: Mode) -> SettingClass {
    let mut bits = mode.0 & CHARSETS;
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

/// What `SET NAMES` makes of a mode: all three character sets become this one.
pub(super) fn names(name: &str, mode: Mode) -> SettingClass {
    match client_charset(name, mode) {
        SettingClass::Mode(mode) => SettingClass::Mode(Mode(results(name, mode).0 & !LOSSY_LITERALS)),
        other => other,
    }
}

/// What `SET CHARACTER SET` makes of a mode: the connection's character set becomes the database's, which only the server knows.
pub(super) fn character_set(name: &str, mode: Mode) -> SettingClass {
    match names(name, mode) {
        SettingClass::Mode(mode) if !hides_results(mode) => SettingClass::Asked,
        other => other,
    }
}

/// What the character set of results makes of a mode.
///
/// EVASION: in UTF-16 no detector finds an address, and under `binary` values come as they are stored while their columns say
/// that they are bytes (test `results_in_a_wide_character_set_are_refused`). Under NULL the columns say what they are.
pub(super) fn results(name: &str, mode: Mode) -> Mode {
    let rest = mode.0 & !(AS_STORED | HIDDEN);
    Mode(match charset(name) {
        _ if name.is_empty() || name.eq_ignore_ascii_case("null") => rest | AS_STORED,
        Some(_) if !name.eq_ignore_ascii_case("binary") => rest,
        _ => rest | HIDDEN,
    })
}

/// Whether results in this mode are closed to detectors.
pub(super) fn hides_results(mode: Mode) -> bool {
    mode.0 & HIDDEN != 0
}

/// What the connection's character set, set by itself, makes of a mode.
///
/// EVASION: a literal's characters that the set lacks become `?`; in `swe7` that is the backslash before a quote of a statement to be
/// prepared (test `a_prepared_text_is_not_another_in_the_connections_character_set`).
pub(super) fn connection(name: &str, mode: Mode) -> Mode {
    match charset(name) {
        Some(Charset::Utf8) => Mode(mode.0 & !LOSSY_LITERALS),
        _ => Mode(mode.0 | LOSSY_LITERALS),
    }
}

/// What all that the server tells makes of a mode.
pub(super) fn told(sql_mode: &str, client: &str, results: &str, connection: &str) -> SettingClass {
    let read = self::sql_mode(sql_mode, Mode::default());
    let SettingClass::Mode(mode) = read else { return read };
    let read = client_charset(client, mode);
    let SettingClass::Mode(mode) = read else { return read };
    let mode = self::results(results, mode);
    SettingClass::Mode(match client == connection {
        true => Mode(mode.0 & !LOSSY_LITERALS),
        false => self::connection(connection, mode),
    })
}

/// What the client's character set makes of a mode.
///
/// EVASION: in GBK, SJIS, BIG5 and the like the second byte of a character may be a backslash or a quote, and in UCS-2 no byte is what it
/// seems (test `an_encoding_that_hides_quotes_is_unreadable`).
pub(super) fn client_charset(name: &str, mode: Mode) -> SettingClass {
    match charset(name) {
        // What the connection's is, compared with it, is not known when this one is set by itself.
        Some(Charset::Utf8) if mode.0 & SINGLE_BYTE == 0 => SettingClass::Mode(mode),
        Some(Charset::Utf8) => SettingClass::Mode(Mode((mode.0 & !SINGLE_BYTE) | LOSSY_LITERALS)),
        Some(Charset::SingleByte) => SettingClass::Mode(Mode(mode.0 | SINGLE_BYTE | LOSSY_LITERALS)),
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
