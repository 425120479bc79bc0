//! A second reader: sqlparser, fed with our own tokens, looks for relations that the walk did not see.
//!
//! The walk is ours alone, and a relation that it misses would be read without a decision. sqlparser knows less of the grammar and nothing
//! of the session, so its silence (it fails on a good part of everyday statements) says nothing; but where it understands the text, every
//! relation in its tree must be among the effects, or stand for something the text itself made. Otherwise the statement is unknown. It
//! never lexes: which bytes are code was decided before, by the very server's rules.

mod patience;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::{self, ObjectName, visit_relations};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token as Theirs, TokenWithSpan, Word};

use super::lex::{Kind, Token};
use super::walk::{folded, unquoted};
use crate::statement::{Statement, Target};
use patience::Patience;

/// LIMIT: tokens of a statement that is read again. Its tree may lean by one level for each two of them, and the stack must bear that.
const MOST: usize = 8_192;

/// Verbs of which the second reader knows enough.
const VERBS: &[&str] = &["SELECT", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE", "TABLE", "VALUES", "CREATE", "("];

/// Whether the second reader finds no relation that is neither among the effects nor said to be none. `tokens` are the statement's.
pub(super) fn agrees(text: &str, tokens: &[Token], statement: &Statement, said: &[Box<str>]) -> bool {
    let verb = tokens.first().and_then(|token| text.get(token.start..token.end)).unwrap_or("");
    if tokens.len() > MOST || !VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known)) || statement.is_opaque() {
        return true;
    }
    let Some(tree) = parse(text, tokens) else { return true };
    let known: HashSet<Box<str>> = statement
        .effects
        .iter()
        .filter_map(|effect| match &effect.target {
            Target::Relation(name) | Target::Function(name) => Some(folded(&name.name)),
            _ => None,
        })
        .chain(said.iter().cloned())
        .chain(["dual".into()])
        .collect();
    let missed = visit_relations(&tree, |relation| match last_part(relation) {
        Some(name) if !known.contains(&name) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    missed.is_continue()
}

fn last_part(relation: &ObjectName) -> Option<Box<str>> {
    relation.0.last().and_then(|part| part.as_ident()).map(|ident| folded(&ident.value))
}

/// The tree of what it understands. A panic of the parser is its own fault, and no opinion; nor is what it takes too many steps for.
fn parse(text: &str, tokens: &[Token]) -> Option<ast::Statement> {
    let theirs = translated(text, tokens)?;
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let dialect = Patience::new();
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(theirs);
        let tree = parser.parse_statement().ok()?;
        (parser.peek_token().token == Theirs::EOF).then_some(tree)
    }));
    parsed.ok().flatten()
}

fn translated(text: &str, tokens: &[Token]) -> Option<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut system = false;
    for token in tokens {
        let written = text.get(token.start..token.end)?;
        if token.kind == Kind::System {
            system = true;
            continue;
        }
        let theirs =
            if std::mem::take(&mut system) { name(&format!("@@{written}")) } else { one(token.kind, written)? };
        // Two literals in a row are one; sqlparser would take the second for a name.
        let literal = matches!(theirs, Theirs::SingleQuotedString(_));
        let last = out.last().map(|last: &TokenWithSpan| &last.token);
        if !(literal && matches!(last, Some(Theirs::SingleQuotedString(_)))) {
            out.push(TokenWithSpan { token: theirs, span: Span::empty() });
        }
    }
    Some(out)
}

fn name(value: &str) -> Theirs {
    Theirs::Word(Word { value: value.to_owned(), quote_style: None, keyword: Keyword::NoKeyword })
}

fn one(kind: Kind, written: &str) -> Option<Theirs> {
    Some(match kind {
        Kind::Word => Theirs::make_word(written, None),
        Kind::Name | Kind::Variable => name(written),
        Kind::Quoted => {
            let value = unquoted(written).into_string();
            Theirs::Word(Word { value, quote_style: Some('`'), keyword: Keyword::NoKeyword })
        }
        Kind::Integer | Kind::Number => Theirs::Number(written.to_owned(), false),
        Kind::Bits => Theirs::HexStringLiteral(String::new()),
        Kind::Text => Theirs::SingleQuotedString(unquoted(written).into_string()),
        Kind::National => Theirs::NationalStringLiteral(String::new()),
        Kind::Parameter => Theirs::Placeholder("?".to_owned()),
        Kind::Operator | Kind::Punctuation => return mark(written),
        Kind::System | Kind::Comment | Kind::Hint | Kind::Odd => return None,
    })
}

/// Operators and punctuation. Long because it is a flat table.
fn mark(written: &str) -> Option<Theirs> {
    Some(match written {
        "," => Theirs::Comma,
        "(" => Theirs::LParen,
        ")" => Theirs::RParen,
        "." => Theirs::Period,
        ";" => Theirs::SemiColon,
        "{" => Theirs::LBrace,
        "}" => Theirs::RBrace,
        ":" => Theirs::Colon,
        "=" => Theirs::Eq,
        "<>" | "!=" => Theirs::Neq,
        "<" => Theirs::Lt,
        ">" => Theirs::Gt,
        "<=" => Theirs::LtEq,
        ">=" => Theirs::GtEq,
        "<=>" => Theirs::Spaceship,
        "<<" => Theirs::ShiftLeft,
        ">>" => Theirs::ShiftRight,
        "+" => Theirs::Plus,
        "-" => Theirs::Minus,
        "*" => Theirs::Mul,
        "/" => Theirs::Div,
        "%" => Theirs::Mod,
        "&" => Theirs::Ampersand,
        "|" => Theirs::Pipe,
        "^" => Theirs::Caret,
        "~" => Theirs::Tilde,
        "!" => Theirs::ExclamationMark,
        "||" => Theirs::StringConcat,
        "&&" => Theirs::Overlap,
        ":=" => Theirs::Assignment,
        "->" => Theirs::Arrow,
        "->>" => Theirs::LongArrow,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;
    use crate::dialect::Mode;
    use crate::limits::Limits;
    use crate::mysql::{Flavour, Syntax, prescan};
    use crate::statement::{Effect, Kind as Verb, Name};

    /// Whether the second reader agrees that a text reaches only these relations.
    fn agrees_on(text: &str, relations: &[&str]) -> bool {
        let syntax = Syntax::new(Flavour::MySql, 90_700, false, Mode(0));
        let tokens = prescan::scan(text, &syntax, &Limits::default()).unwrap();
        let mut statement = Statement::new(Verb("SELECT"), 0..text.len());
        let effect = |name: &&str| Effect::new(Action::Select, Target::Relation(Name::bare(name)));
        statement.effects = relations.iter().map(effect).collect();
        agrees(text, &tokens.list, &statement, &[])
    }

    #[test]
    fn a_relation_that_was_missed_is_found() {
        for text in [
            "SELECT a FROM t WHERE b IN (SELECT c FROM secrets)",
            "SELECT a FROM t JOIN `Secrets` s ON s.a = t.a ORDER BY 1 LIMIT 5",
            "INSERT INTO t (a) SELECT b FROM x.secrets ON DUPLICATE KEY UPDATE a = 1",
            "UPDATE t SET a = (SELECT b FROM secrets)",
            "DELETE FROM t WHERE EXISTS (SELECT 1 FROM secrets)",
            "CREATE TABLE t AS SELECT * FROM secrets",
            "SELECT a FROM t WHERE POSITION('x' IN (SELECT b FROM secrets)) > 0",
        ] {
            assert!(!agrees_on(text, &["t"]), "{text}");
            assert!(agrees_on(text, &["t", "secrets"]), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_understand_is_no_opinion() {
        assert!(agrees_on("SELECT a FROM t LOCK IN SHARE MODE", &[]));
        assert!(agrees_on("SHOW TABLES", &[]));
    }
}
