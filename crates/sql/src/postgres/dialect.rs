//! PostgreSQL as a [`Dialect`]: its settings, its codes, its question for the search path.
//!
//! Settings are judged by an allow-list: what is not known to be harmless is a `set` for policy to decide. Source of the
//! names: PostgreSQL "Server Configuration"; of the codes: its appendix "Error Codes".

use super::shape::Shaper;
use super::{SqlMode, analyse, builtins};
use crate::catalog::SearchPath;
use crate::dialect::{Absences, Codes, Dialect, Mode, SettingClass};
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::session::SettingValue;
use crate::statement::{Name, Statement};

/// PostgreSQL 15 to 18.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postgres;

const PLAIN_BACKSLASH: u32 = 1;
const NO_BACKSLASH_QUOTE: u32 = 2;

/// Settings that change nothing a policy could mind: formats, limits on oneself, the planner, names for the log.
const HARMLESS: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_min_messages",
    "commit_delay",
    "cursor_tuple_fraction",
    "datestyle",
    "deadlock_timeout",
    "default_statistics_target",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "enable_async_append",
    "enable_bitmapscan",
    "enable_gathermerge",
    "enable_hashagg",
    "enable_hashjoin",
    "enable_incremental_sort",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_memoize",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_parallel_append",
    "enable_parallel_hash",
    "enable_partition_pruning",
    "enable_partitionwise_aggregate",
    "enable_partitionwise_join",
    "enable_seqscan",
    "enable_sort",
    "enable_tidscan",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "join_collapse_limit",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "max_parallel_workers_per_gather",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "random_page_cost",
    "seed",
    "seq_page_cost",
    "session_characteristics",
    "statement_timeout",
    "synchronous_commit",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "timezone_abbreviations",
    "transaction",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "work_mem",
    "xmlbinary",
    "xmloption",
];

/// Client encodings in which every byte below 0x80 is ASCII wherever it stands.
///
/// EVASION: in SJIS, BIG5, GBK and the like the second byte of a character may be a backslash or a quote
/// (test `an_encoding_that_hides_quotes_is_unreadable`).
const PLAIN_ENCODINGS: &[&str] = &[
    "utf8", "unicode", "sqlascii", "latin1", "latin2", "latin3", "latin4", "latin5", "latin6", "latin7", "latin8",
    "latin9", "latin10", "iso88595", "iso88596", "iso88597", "iso88598", "win866", "win874", "win1250", "win1251",
    "win1252", "win1253", "win1254", "win1255", "win1256", "win1257", "win1258", "koi8", "koi8r", "koi8u",
];

static CODES: Codes = Codes {
    denied: *b"42501",
    syntax: *b"42601",
    too_complex: *b"54001",
    unknown_relation: *b"42P01",
    unknown_function: *b"42883",
    unknown_statement: *b"26000",
    unknown_portal: *b"34000",
    unknown_schema: *b"3F000",
    unrecorded: *b"53100",
    absent: Absences {
        relation: |name| format!("relation \"{name}\" does not exist"),
        function: |name| format!("function {name} does not exist"),
        statement: |name| format!("prepared statement \"{name}\" does not exist"),
        portal: |name| format!("portal \"{name}\" does not exist"),
        schema: "no schema has been selected to create in",
    },
};

impl Dialect for Postgres {
    fn analyse(&self, text: &[u8], mode: Mode, limits: &Limits) -> Result<Vec<Statement>, NotAnalysed> {
        analyse(text, &sql_mode(mode), limits).map(|analysis| analysis.statements)
    }

    fn key(&self, text: &[u8], mode: Mode, key: &mut Vec<u8>) {
        let mut shaper = Shaper::reusing(std::mem::take(key));
        shaper.shape(text, &sql_mode(mode));
        *key = shaper.into_buffer();
    }

    fn setting(&self, name: &str, value: &SettingValue, mode: Mode) -> SettingClass {
        let word = match value {
            SettingValue::Literal(words) => words.first().map(|word| word.to_ascii_lowercase()),
            SettingValue::Default | SettingValue::Opaque => None,
        };
        match name {
            "search_path" => SettingClass::Path,
            "role" | "session_authorization" => SettingClass::Role,
            "standard_conforming_strings" => flag(word.as_deref(), mode, PLAIN_BACKSLASH, value, true),
            "backslash_quote" => flag(word.as_deref(), mode, NO_BACKSLASH_QUOTE, value, true),
            "client_encoding" | "names" => encoding(word.as_deref(), value),
            _ if HARMLESS.binary_search(&name).is_ok() => SettingClass::Harmless,
            _ => SettingClass::Other,
        }
    }

    fn report(&self, name: &str, value: &str, mode: Mode) -> Option<SettingClass> {
        let reported = SettingValue::Literal(vec![value.into()]);
        match name.to_ascii_lowercase().as_str() {
            name @ ("standard_conforming_strings" | "client_encoding") => Some(self.setting(name, &reported, mode)),
            "search_path" => Some(SettingClass::Path),
            "session_authorization" => Some(SettingClass::Role),
            _ => None,
        }
    }

    fn path_question(&self) -> &'static str {
        "SELECT pg_catalog.current_setting('search_path') || E'\\n' || current_user /* portcullis */"
    }

    fn read_path(&self, answer: &str) -> Option<SearchPath> {
        let (path, user) = answer.rsplit_once('\n')?;
        self.read_reported_path(path, user)
    }

    fn read_reported_path(&self, value: &str, user: &str) -> Option<SearchPath> {
        let words = words(value)?;
        Some(SearchPath::new(words.iter().map(String::as_str), user))
    }

    fn prepared_keep_path(&self) -> bool {
        // A plan made under another `search_path` is no longer valid: the statement is analysed anew (`RevalidateCachedQuery`).
        false
    }

    fn is_pure_builtin(&self, name: &Name) -> bool {
        name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog") && builtins::is_pure(&name.name)
    }

    fn codes(&self) -> &'static Codes {
        &CODES
    }
}

fn sql_mode(mode: Mode) -> SqlMode {
    SqlMode {
        standard_conforming_strings: mode.0 & PLAIN_BACKSLASH == 0,
        backslash_quote: mode.0 & NO_BACKSLASH_QUOTE == 0,
    }
}

/// A truth-valued setting that is part of the mode; its bit stands for the value that is not the default.
fn flag(word: Option<&str>, mode: Mode, bit: u32, value: &SettingValue, default: bool) -> SettingClass {
    let on = match (word, value) {
        (Some("on" | "true" | "yes" | "1" | "t" | "y" | "safe_encoding"), _) => true,
        (Some("off" | "false" | "no" | "0" | "f" | "n"), _) => false,
        (None, SettingValue::Default) => default,
        _ => return SettingClass::Unreadable,
    };
    SettingClass::Mode(Mode(if on { mode.0 & !bit } else { mode.0 | bit }))
}

fn encoding(word: Option<&str>, value: &SettingValue) -> SettingClass {
    let folded: Option<String> = word.map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect());
    match (folded.as_deref(), value) {
        (Some(name), _) if PLAIN_ENCODINGS.contains(&name) => SettingClass::Harmless,
        _ => SettingClass::Unreadable,
    }
}

/// The words of a list setting as the server prints it: `"$user", public`.
fn words(value: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest.get(..end)?.trim().to_lowercase(), rest.get(end..)?)
            }
        };
        words.push(word);
        rest = match after.trim_start().strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.trim().is_empty() => "",
            None => return None,
        };
    }
    Some(words)
}

/// The word up to its closing quote, and what follows.
fn quoted_word(quoted: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (character, characters.peek()) {
            ('"', Some((_, '"'))) => {
                word.push('"');
                characters.next();
            }
            ('"', _) => return Some((word, quoted.get(at.saturating_add(1)..)?)),
            _ => word.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(word: &str) -> SettingValue {
        SettingValue::Literal(vec![word.into()])
    }

    #[test]
    fn the_list_is_sorted_for_its_search() {
        assert!(HARMLESS.is_sorted_by(|a, b| a < b), "not sorted");
    }

    #[test]
    fn an_encoding_that_hides_quotes_is_unreadable() {
        let class = |name: &str| Postgres.setting("client_encoding", &literal(name), Mode(0));
        assert_eq!(class("UTF-8"), SettingClass::Harmless);
        assert_eq!(class("SJIS"), SettingClass::Unreadable);
        assert_eq!(Postgres.setting("client_encoding", &SettingValue::Opaque, Mode(0)), SettingClass::Unreadable);
    }

    #[test]
    fn string_syntax_is_tracked() {
        let off = Postgres.setting("standard_conforming_strings", &literal("off"), Mode(0));
        assert_eq!(off, SettingClass::Mode(Mode(1)));
        assert_eq!(
            Postgres.setting("standard_conforming_strings", &SettingValue::Default, Mode(1)),
            SettingClass::Mode(Mode(0))
        );
    }

    #[test]
    fn a_reported_path_is_read_as_the_server_prints_it() {
        let path = Postgres.read_path("\"$user\", public, \"We\"\"ird\"\napp");
        assert_eq!(path, Some(SearchPath::new(["app", "public", "We\"ird"], "app")));
        assert_eq!(Postgres.read_path("no user"), None);
        assert_eq!(Postgres.read_reported_path("\"open", "u"), None);
    }
}
