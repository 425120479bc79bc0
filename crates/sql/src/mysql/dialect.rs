//! MySQL and MariaDB as a [`Dialect`]: their settings, codes, and question for what text means now.
//!
//! Settings are judged by an allow-list: what is not known to be harmless is a `set` for policy to decide. Source of the names: MySQL
//! "Server System Variables", MariaDB "System Variables"; of the codes: MySQL "Server Error Message Reference".

use super::mode::{self, Flavour, Syntax};
use super::{analyse, functions, outcome, shape};
use crate::catalog::SearchPath;
use crate::dialect::{Absences, Codes, Dialect, Mode, SettingClass};
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::session::SettingValue;
use crate::statement::{Name, Statement};

/// One server's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MySql {
    /// The server's kind.
    pub flavour: Flavour,
    /// The server's version, such as 90700 or 101116.
    pub version: u32,
    /// Names of databases and tables are the same in both cases of letters (`lower_case_table_names` is 1 or 2).
    pub lower_case_tables: bool,
}

/// Settings that change nothing a policy could mind: limits on oneself, the optimizer, formats, time.
const HARMLESS: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "big_tables",
    "bulk_insert_buffer_size",
    "cte_max_recursion_depth",
    "default_week_format",
    "div_precision_increment",
    "eq_range_index_dive_limit",
    "group_concat_max_len",
    "idle_readonly_transaction_timeout",
    "idle_transaction_timeout",
    "idle_write_transaction_timeout",
    "innodb_lock_wait_timeout",
    "interactive_timeout",
    "join_buffer_size",
    "lc_messages",
    "lc_time_names",
    "lock_wait_timeout",
    "long_query_time",
    "max_allowed_packet",
    "max_execution_time",
    "max_join_size",
    "max_length_for_sort_data",
    "max_recursive_iterations",
    "max_seeks_for_key",
    "max_sort_length",
    "max_statement_time",
    "net_buffer_length",
    "net_read_timeout",
    "net_retry_count",
    "net_write_timeout",
    "optimizer_prune_level",
    "optimizer_search_depth",
    "optimizer_switch",
    "profiling",
    "query_cache_type",
    "range_optimizer_max_mem_size",
    "read_buffer_size",
    "read_rnd_buffer_size",
    "sort_buffer_size",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_buffer_result",
    "sql_notes",
    "sql_quote_show_create",
    "sql_safe_updates",
    "sql_select_limit",
    "sql_warnings",
    "time_zone",
    "tmp_table_size",
    "transaction",
    "transaction_isolation",
    "transaction_read_only",
    "tx_isolation",
    "tx_read_only",
    "wait_timeout",
    "windowing_use_high_precision",
];

/// The standard's classes: the wire codec gives each the number and SQLSTATE that these servers have for it.
static CODES: Codes = Codes {
    denied: *b"42501",
    syntax: *b"42601",
    too_complex: *b"54001",
    unknown_relation: *b"42P01",
    unknown_function: *b"42883",
    unknown_statement: *b"26000",
    unknown_portal: *b"34000",
    unknown_schema: *b"3D000",
    unrecorded: *b"58030",
    absent: Absences {
        relation: |name| format!("Table '{name}' doesn't exist"),
        function: |name| format!("FUNCTION {name} does not exist"),
        statement: |name| unknown_handler(name, "EXECUTE"),
        portal: |name| unknown_handler(name, "FETCH"),
        schema: "No database selected",
    },
};

/// Statements that the server numbers have a name that begins with a NUL.
fn unknown_handler(name: &str, given_to: &str) -> String {
    format!("Unknown prepared statement handler ({}) given to {given_to}", name.trim_start_matches('\0'))
}

impl MySql {
    /// How this server reads text in a session of this mode.
    pub fn syntax(&self, mode: Mode) -> Syntax {
        Syntax::new(self.flavour, self.version, self.lower_case_tables, mode)
    }
}

impl Dialect for MySql {
    fn analyse(&self, text: &[u8], mode: Mode, limits: &Limits) -> Result<Vec<Statement>, NotAnalysed> {
        analyse(text, &self.syntax(mode), limits)
    }

    fn key(&self, text: &[u8], mode: Mode, key: &mut Vec<u8>) {
        shape::shape(text, &self.syntax(mode), key);
    }

    fn setting(&self, name: &str, value: &SettingValue, mode: Mode) -> SettingClass {
        let word = match value {
            SettingValue::Literal(words) => words.first().map(|word| &**word),
            SettingValue::Default | SettingValue::Opaque => None,
        };
        match name {
            // A user variable: it becomes text only by PREPARE, of which nothing is known then.
            _ if name.starts_with('@') => SettingClass::Harmless,
            "search_path" => SettingClass::Path,
            "role" => SettingClass::Role,
            "sql_mode" => word.map_or(SettingClass::Asked, |word| mode::sql_mode(word, mode)),
            "names" => word.map_or(SettingClass::Asked, |word| mode::names(word, mode)),
            "character_set" => word.map_or(SettingClass::Asked, |word| mode::character_set(word, mode)),
            "character_set_client" => word.map_or(SettingClass::Asked, |word| mode::client_charset(word, mode)),
            "character_set_results" => {
                word.map_or(SettingClass::Asked, |word| SettingClass::Mode(mode::results(word, mode)))
            }
            "character_set_connection" | "collation_connection" => {
                word.map_or(SettingClass::Asked, |word| SettingClass::Mode(mode::connection(word, mode)))
            }
            _ if HARMLESS.binary_search(&name).is_ok() => SettingClass::Harmless,
            _ => SettingClass::Other,
        }
    }

    fn report(&self, name: &str, value: &str, mode: Mode) -> Option<SettingClass> {
        let reported = SettingValue::Literal(vec![value.into()]);
        match name.to_ascii_lowercase().as_str() {
            // What comes for each of the character sets of one SET is put together when its statement has ended.
            name @ ("sql_mode" | "character_set_results") => Some(self.setting(name, &reported, mode)),
            "character_set_client" => match self.setting("character_set_client", &reported, mode) {
                SettingClass::Unreadable => Some(SettingClass::Unreadable),
                _ => None,
            },
            "schema" => Some(SettingClass::Path),
            _ => None,
        }
    }

    fn path_question(&self) -> &'static str {
        // Bytes come as they are, whatever the character set of results.
        "SELECT CAST(CONVERT(CONCAT_WS(CHAR(10 USING utf8mb4), @@session.sql_mode, @@session.character_set_client, \
         IFNULL(@@session.character_set_results, ''), @@session.character_set_connection, \
         IFNULL(HEX(DATABASE()), ''), CURRENT_USER()) USING utf8mb4) AS BINARY) /* portcullis */"
    }

    fn read_path(&self, answer: &str) -> Option<SearchPath> {
        let mut lines = answer.splitn(6, '\n').skip(4);
        let schema = from_hex(lines.next()?)?;
        let user = lines.next()?;
        self.read_reported_path(&schema, user)
    }

    fn read_reported_path(&self, value: &str, _user: &str) -> Option<SearchPath> {
        let lower = super::lowered(value);
        let schema = if self.lower_case_tables || &*lower == "information_schema" { &lower } else { value };
        // No word stands for the role here: a database of that name is itself.
        Some(SearchPath::new([schema], "$user"))
    }

    fn read_mode(&self, answer: &str) -> Option<SettingClass> {
        let mut lines = answer.splitn(6, '\n');
        Some(mode::told(lines.next()?, lines.next()?, lines.next()?, lines.next()?))
    }

    fn tells_mode(&self) -> bool {
        true
    }

    fn reads(&self, _mode: Mode) -> bool {
        true
    }

    fn hides_results(&self, mode: Mode) -> bool {
        mode::hides_results(mode)
    }

    fn reads_last_outcome(&self, text: &[u8]) -> bool {
        outcome::is_read_by(text, &self.syntax(Mode::default()))
    }

    fn routines_prepare_names(&self) -> bool {
        true
    }

    fn temporaries_have_schemas(&self) -> bool {
        true
    }

    fn has_one_default_schema(&self) -> bool {
        true
    }

    fn prepared_keep_path(&self) -> bool {
        // `Prepared_statement::execute` changes to the database of the preparation, and back when the statement has ended.
        true
    }

    fn settings_follow_transactions(&self) -> bool {
        false
    }

    fn is_pure_builtin(&self, name: &Name) -> bool {
        // The walk lists a call only where it is not harmless, or not the server's own.
        let syntax = self.syntax(Mode::default());
        name.schema.is_none()
            && !functions::needs_adjacency(&name.name, &syntax)
            && functions::is_pure(&name.name, &syntax)
    }

    fn codes(&self) -> &'static Codes {
        &CODES
    }
}

fn from_hex(text: &str) -> Option<String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: MySql = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };

    fn class(name: &str, word: &str) -> SettingClass {
        MYSQL.setting(name, &SettingValue::Literal(vec![word.into()]), Mode(0))
    }

    #[test]
    fn the_list_is_sorted_for_its_search() {
        assert!(HARMLESS.is_sorted_by(|a, b| a < b), "not sorted");
    }

    #[test]
    fn an_encoding_that_hides_quotes_is_unreadable() {
        assert_eq!(class("names", "utf8mb4"), SettingClass::Mode(Mode(0)));
        assert_eq!(class("names", "latin1"), SettingClass::Mode(Mode(32)));
        for name in ["gbk", "sjis", "big5", "cp932", "gb18030", "ucs2", "utf16", "utf32", "default"] {
            assert_eq!(class("names", name), SettingClass::Unreadable, "{name}");
            assert_eq!(class("character_set", name), SettingClass::Unreadable, "{name}");
        }
        assert_eq!(MYSQL.setting("character_set_client", &SettingValue::Opaque, Mode(0)), SettingClass::Asked);
    }

    #[test]
    fn an_encoding_of_results_that_hides_them_is_known() {
        let hides = |name: &str, word: &str| match class(name, word) {
            SettingClass::Mode(mode) => Some(MYSQL.hides_results(mode)),
            _ => None,
        };
        for word in ["utf16", "ucs2", "utf32", "utf16le", "gbk", "sjis", "swe7", "binary", "BINARY", "54"] {
            assert_eq!(hides("character_set_results", word), Some(true), "{word}");
        }
        for word in ["utf8", "utf8mb4", "latin1", "ascii", "NULL", "null", ""] {
            assert_eq!(hides("character_set_results", word), Some(false), "{word}");
        }
        // NULL is a mode of its own: what was described before it is described otherwise since.
        assert_ne!(class("character_set_results", "NULL"), SettingClass::Mode(Mode(0)));
        for (name, hidden) in [("binary", true), ("utf8mb4", false), ("latin1", false)] {
            assert_eq!(hides("names", name), Some(hidden), "{name}");
        }
        assert_eq!(hides("character_set", "binary"), Some(true));
        assert_eq!(class("character_set", "utf8mb4"), SettingClass::Asked);
    }

    #[test]
    fn what_a_literal_loses_on_its_way_is_known() {
        let lossy = |name: &str, word: &str| match class(name, word) {
            SettingClass::Mode(mode) => MYSQL.syntax(mode).lossy_literals,
            other => panic!("{other:?}"),
        };
        for word in ["swe7", "swe7_bin", "utf16_general_ci", "gbk", "latin1", "ascii", "45"] {
            assert!(lossy("collation_connection", word) && lossy("character_set_connection", word), "{word}");
        }
        assert!(!lossy("collation_connection", "utf8mb4_bin") && !lossy("character_set_connection", "utf8"));
        assert!(!lossy("names", "latin1") && !lossy("names", "utf8mb4"));
        assert!(lossy("character_set_client", "latin1"));
        let told = |client: &str, connection: &str| match mode::told("", client, "utf8mb4", connection) {
            SettingClass::Mode(mode) => MYSQL.syntax(mode).lossy_literals,
            other => panic!("{other:?}"),
        };
        assert!(!told("latin1", "latin1") && !told("utf8mb3", "utf8mb4") && !told("latin1", "utf8mb4"));
        assert!(told("utf8mb4", "latin1") && told("utf8mb4", "swe7"));
    }

    #[test]
    fn the_answer_tells_the_database_and_the_mode() {
        let answer = "ANSI_QUOTES,STRICT_TRANS_TABLES\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\nana@%";
        assert_eq!(MYSQL.read_path(answer), Some(SearchPath::new(["shop"], "ana")));
        assert_eq!(MYSQL.read_mode(answer), Some(SettingClass::Mode(Mode(1))));
        assert_eq!(MYSQL.read_path("\nutf8mb4\n\nutf8mb4\n\nana@%"), Some(SearchPath::new([], "ana")));
        assert_eq!(MYSQL.read_mode("\ngbk\nutf8mb4\ngbk\n\nana"), Some(SettingClass::Unreadable));
        assert_eq!(MYSQL.read_mode("ORACLE\nutf8mb4\nutf8mb4\nutf8mb4\n\nana"), Some(SettingClass::Unreadable));
        assert_eq!(MYSQL.read_mode("\nutf8mb4"), None);
        assert_eq!(MYSQL.read_path("nothing"), None);
    }
}
