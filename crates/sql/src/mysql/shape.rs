//! A statement's shape: the key under which its analysis and decision are kept.
//!
//! The shape is the text itself, byte for byte, except that plain numbers and plain '…' strings where they name nothing are holes. Equal
//! shapes have equal analyses up to the positions of those literals; that is a law under test. Anything unusual (comments, hints, other
//! verbs than the four of queries and writes, words that tell of passwords, arguments of calls that are not harmless) stays exact.

use super::functions;
use super::lex::{Kind, Lexer, Token};
use super::mode::Syntax;
use super::secrets;

/// NUL cannot be in a statement, so these cannot be taken for its text.
const INTEGER_HOLE: [u8; 2] = [0, b'i'];
const NUMBER_HOLE: [u8; 2] = [0, b'n'];
const TEXT_HOLE: [u8; 2] = [0, b't'];
/// First byte of a key: with holes, or the exact text.
const WITH_HOLES: u8 = b'h';
const EXACT: u8 = b'=';

/// Writes the key of `text` into `key`, in the place of what it held. Returns how many literals are left out; 0 means that the key stands
/// for this very text only.
pub fn shape(text: &[u8], syntax: &Syntax, key: &mut Vec<u8>) -> u16 {
    key.clear();
    key.push(WITH_HOLES);
    let mut scan = Scan { text, syntax, out: key, copied: 0, depth: 0, named_from: 0, holes: 0 };
    match scan.run() {
        Some(holes) if holes > 0 => holes,
        _ => {
            key.clear();
            key.push(EXACT);
            key.extend_from_slice(text);
            0
        }
    }
}

struct Scan<'t, 'b> {
    text: &'t [u8],
    syntax: &'t Syntax,
    out: &'b mut Vec<u8>,
    copied: usize,
    depth: u32,
    /// The depth from which on literals name something; 0 for none.
    named_from: u32,
    holes: u16,
}

/// What stood before a token, as far as it decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Start,
    Word(usize, usize),
    /// A name that is no word of the grammar.
    Name,
    /// An operator, a comma or an opening parenthesis.
    Mark,
    Other,
}

impl Scan<'_, '_> {
    /// How many holes there are; `None` where the text must stay exact.
    fn run(&mut self) -> Option<u16> {
        let mut before = Before::Start;
        for token in Lexer::new(self.text, self.syntax) {
            before = self.token(token, before)?;
        }
        let rest = self.text.get(self.copied..)?;
        self.out.extend_from_slice(rest);
        Some(self.holes)
    }

    #[inline(always)]
    fn token(&mut self, token: Token, before: Before) -> Option<Before> {
        let bytes = self.text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Word => {
                let begins = before != Before::Start || begins_query(bytes);
                let plain = !secrets::is_telling(bytes) && !is_unusual(bytes);
                return (begins && plain).then_some(Before::Word(token.start, token.end));
            }
            Kind::Name | Kind::Quoted => {
                let name = bytes.strip_prefix(b"`").and_then(|rest| rest.strip_suffix(b"`")).unwrap_or(bytes);
                return (before != Before::Start && !secrets::is_telling(name)).then_some(Before::Name);
            }
            Kind::Operator if before != Before::Start => return Some(Before::Mark),
            Kind::Parameter | Kind::Bits if before != Before::Start => {}
            Kind::Punctuation => return self.punctuation(bytes, &token, before),
            Kind::Integer => self.literal(&token, before, INTEGER_HOLE)?,
            Kind::Number => self.literal(&token, before, NUMBER_HOLE)?,
            Kind::Text => {
                if !secrets::holds_password(bytes) {
                    self.literal(&token, before, TEXT_HOLE)?;
                }
            }
            _ => return None,
        }
        (before != Before::Start).then_some(Before::Other)
    }

    fn punctuation(&mut self, bytes: &[u8], token: &Token, before: Before) -> Option<Before> {
        match bytes {
            b"(" => {
                self.depth = self.depth.saturating_add(1);
                let named = match before {
                    Before::Start => return Some(Before::Start),
                    Before::Word(start, end) => !self.is_harmless(start, end, end == token.start),
                    Before::Name => true,
                    Before::Mark | Before::Other => false,
                };
                if named && self.named_from == 0 {
                    self.named_from = self.depth;
                }
            }
            b")" => {
                if self.named_from == self.depth {
                    self.named_from = 0;
                }
                self.depth = self.depth.checked_sub(1)?;
                return Some(Before::Other);
            }
            b";" => {
                self.depth = 0;
                self.named_from = 0;
                return Some(Before::Start);
            }
            b"," if before != Before::Start => {}
            b"." if before != Before::Start => return Some(Before::Name),
            _ => return None,
        }
        Some(Before::Mark)
    }

    /// Whether what stands in parentheses after this word names nothing: the word is part of the grammar, or a harmless function.
    fn is_harmless(&self, start: usize, end: usize, adjacent: bool) -> bool {
        let word = self.text.get(start..end).unwrap_or_default();
        let mut lower = [0; 32];
        let Some(folded) = lower.get_mut(..word.len()) else { return false };
        for (to, from) in folded.iter_mut().zip(word) {
            *to = from.to_ascii_lowercase();
        }
        if opens_a_list(folded) {
            return true;
        }
        let Ok(name) = std::str::from_utf8(folded) else { return false };
        let own = adjacent || self.syntax.ignore_space || !functions::needs_adjacency(name, self.syntax);
        own && functions::is_pure(name, self.syntax)
    }

    fn literal(&mut self, token: &Token, before: Before, mark: [u8; 2]) -> Option<()> {
        let value = match before {
            Before::Mark => true,
            Before::Word(start, end) => precedes_a_value(self.text.get(start..end).unwrap_or_default()),
            Before::Start | Before::Name | Before::Other => false,
        };
        if self.named_from != 0 || !value {
            return Some(());
        }
        let kept = self.text.get(self.copied..token.start)?;
        self.out.extend_from_slice(kept);
        self.out.extend_from_slice(&mark);
        self.copied = token.end;
        self.holes = self.holes.checked_add(1)?;
        Some(())
    }
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Statements whose literals may be holes.
fn begins_query(word: &[u8]) -> bool {
    is_one_of(word, &["select", "insert", "update", "delete", "replace", "with"])
}

/// Words after which literals are more than values: files, procedures, tables of functions.
fn is_unusual(word: &[u8]) -> bool {
    matches!(word.len(), 7..=10)
        && is_one_of(word, &["outfile", "dumpfile", "procedure", "json_table", "separator", "nextval", "setval"])
}

/// Words of the grammar after which a parenthesis holds expressions, rows or columns; lower case. None can be a function's name.
fn opens_a_list(word: &[u8]) -> bool {
    matches!(
        word,
        b"values"
            | b"in"
            | b"and"
            | b"or"
            | b"not"
            | b"where"
            | b"select"
            | b"on"
            | b"using"
            | b"having"
            | b"from"
            | b"exists"
            | b"then"
            | b"else"
            | b"when"
            | b"case"
            | b"between"
            | b"union"
            | b"all"
            | b"distinct"
            | b"as"
            | b"xor"
            | b"div"
    )
}

/// Words of the grammar after which a literal is a value.
fn precedes_a_value(word: &[u8]) -> bool {
    const WORDS: [&str; 19] = [
        "and", "or", "where", "like", "then", "else", "when", "between", "in", "select", "not", "on", "having",
        "limit", "offset", "case", "distinct", "interval", "set",
    ];
    is_one_of(word, &WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Mode;
    use crate::mysql::Flavour;

    fn key(text: &str) -> (Vec<u8>, u16) {
        let syntax = Syntax::new(Flavour::MySql, 90_700, false, Mode(0));
        let mut key = Vec::new();
        let holes = shape(text.as_bytes(), &syntax, &mut key);
        (key, holes)
    }

    #[test]
    fn values_are_holes() {
        for (one, other) in [
            ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 2345"),
            ("SELECT a FROM t WHERE b = 'x' LIMIT 5", "SELECT a FROM t WHERE b = 'it''s' LIMIT 7"),
            ("INSERT INTO t VALUES (1, 'a', 1.5)", "INSERT INTO t VALUES (22, \"b\", 2e5)"),
            ("UPDATE t SET a = lower('X') WHERE id IN (1, 2)", "UPDATE t SET a = lower('Y') WHERE id IN (3, 4)"),
        ] {
            assert!(key(one).1 > 0, "{one}");
            assert_eq!(key(one), key(other), "{one}");
        }
    }

    #[test]
    fn what_names_something_stays() {
        for text in [
            "SET NAMES 'utf8mb4'",
            "SELECT f('x')",
            "SELECT count ('x')",
            "SELECT `lower`('x')",
            "SELECT s.lower('x')",
            "SELECT GET_LOCK('x', 1)",
            "SELECT a 'x' FROM t",
            "SELECT _utf8'x'",
            "SELECT 1 INTO OUTFILE '/x'",
            "SELECT 1 /* c */",
            "SELECT 1 # c",
            "SELECT /*!50000 1 */",
            "SELECT 1 FROM t WHERE password = 'x'",
            "PREPARE p FROM 'x'",
            "SELECT 'x",
            "HANDLER t READ a = (1)",
        ] {
            assert_eq!(key(text).1, 0, "{text}");
        }
    }
}
