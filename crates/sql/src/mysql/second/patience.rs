//! sqlparser's own MySQL dialect, which ends the reading when it takes too many steps.
//!
//! sqlparser tries some forms in one way and, where that fails at their end, reads them anew in another (`POSITION`, `IN`, parentheses in
//! FROM). Where such forms nest, each doubles the time. Its parser has no bound on steps, only on depth, and no way to be interrupted; but it
//! asks its dialect on every path, so the dialect counts. It changes nothing that is read.

use std::any::TypeId;
use std::cell::Cell;
use std::panic::resume_unwind;

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::{Dialect, MySqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

/// LIMIT: tokens that the parser steps over, forwards or back: honest text is gone through once or twice, and the most tokens that are read
/// at all fifty times. A step costs about a microsecond.
const MOST_STEPS: usize = 400_000;

/// The dialect of one reading.
#[derive(Debug)]
pub(super) struct Patience {
    theirs: MySqlDialect,
    /// Where the parser stood when it last asked.
    at: Cell<usize>,
    left: Cell<usize>,
}

/// What unwinds the parser: it is no panic, and no hook hears of it.
struct Exhausted;

impl Patience {
    pub(super) fn new() -> Self {
        Self { theirs: MySqlDialect {}, at: Cell::new(0), left: Cell::new(MOST_STEPS) }
    }

    /// Counts the way that the parser went since it last asked.
    ///
    /// EVASION: `position(position(…(id)…))` kept the reader busy for years (test `what_the_second_reader_tries_twice_costs_no_time`).
    fn walked(&self, parser: &Parser<'_>) {
        let here = parser.get_current_index();
        self.spend(here.abs_diff(self.at.replace(here)).saturating_add(1));
    }

    fn spend(&self, steps: usize) {
        match self.left.get().checked_sub(steps) {
            Some(left) => self.left.set(left),
            // An error would not end it: the parser takes errors for a reason to try something else.
            None => resume_unwind(Box::new(Exhausted)),
        }
    }
}

/// What is answered as sqlparser's own dialect answers.
macro_rules! as_theirs {
    ($($question:ident),* $(,)?) => {
        $(fn $question(&self) -> bool {
            self.theirs.$question()
        })*
    };
}

impl Dialect for Patience {
    fn dialect(&self) -> TypeId {
        self.theirs.dialect()
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        self.walked(parser);
        self.theirs.parse_statement(parser)
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.walked(parser);
        self.theirs.parse_prefix(parser)
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        self.walked(parser);
        self.theirs.parse_infix(parser, left, precedence)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        self.walked(parser);
        self.theirs.get_next_precedence(parser)
    }

    fn is_table_factor_alias(&self, explicit: bool, word: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.walked(parser);
        self.theirs.is_table_factor_alias(explicit, word, parser)
    }

    /// It is asked for at the beginning of every query.
    fn prec_unknown(&self) -> u8 {
        self.spend(1);
        self.theirs.prec_unknown()
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        self.theirs.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        self.theirs.is_identifier_part(letter)
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        self.theirs.is_delimited_identifier_start(letter)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.theirs.identifier_quote_style(identifier)
    }

    as_theirs!(
        supports_string_literal_backslash_escape,
        supports_string_literal_concatenation,
        ignores_wildcard_escapes,
        supports_numeric_prefix,
        supports_bitwise_shift_operators,
        supports_multiline_comment_hints,
        require_interval_qualifier,
        supports_limit_comma,
        supports_create_table_select,
        supports_insert_set,
        supports_user_host_grantee,
        supports_table_hints,
        requires_single_line_comment_whitespace,
        supports_match_against,
        supports_select_modifiers,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_update_order_by,
        supports_data_type_signed_suffix,
        supports_cross_join_constraint,
        supports_double_ampersand_operator,
        supports_binary_kw_as_cast,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_sqlparsers_own_dialect_does() {
        let corpus = include_str!("../../../tests/mysql/corpus.txt");
        for text in corpus.lines().filter_map(|line| line.strip_prefix("> ")) {
            let patience = Patience::new();
            let ours = Parser::parse_sql(&patience, text);
            assert_eq!(ours, Parser::parse_sql(&MySqlDialect {}, text), "{text}");
        }
    }

    #[test]
    fn honest_text_is_far_from_the_limit() {
        let values = vec!["(-1, 'x', POSITION('a' IN b), (SELECT max(c) FROM d))"; 200].join(", ");
        let conditions = vec!["(a IN (1, 2) AND b IN (SELECT c FROM (e JOIN f ON e.a = f.a)))"; 150].join(" OR ");
        for text in [format!("INSERT INTO t VALUES {values}"), format!("SELECT a FROM t WHERE {conditions}")] {
            let patience = Patience::new();
            Parser::parse_sql(&patience, &text).unwrap();
            assert!(patience.left.get() > MOST_STEPS / 2, "{text:.60}: {} left", patience.left.get());
        }
    }
}
