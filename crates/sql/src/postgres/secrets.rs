//! Where a text holds passwords, so that no record keeps them.
//!
//! Two ways: by the tree, for what was understood, and by tokens alone, for what was not parsed. Both mark whole literals, quotes
//! included; marking too much costs a few unreadable characters, marking too little a password.

use std::ops::Range;

use super::analyse::SqlMode;
use super::lex::{Kind, Lexer, Token};
use crate::secrets::{self, TellingCall};

/// Literals that follow these words (lower case) hold a secret, by whatever comes between of `= , ( ) TO` and other literals.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "connection",
    "passcode",
    "api_key",
    "token",
    "sslpassword",
    "passphrase_command",
];

/// Functions whose literals are connection strings or keys.
const CALLS: [&str; 14] = [
    "dblink",
    "dblink_connect",
    "dblink_connect_u",
    "dblink_exec",
    "dblink_open",
    "dblink_send_query",
    "pgp_sym_encrypt",
    "pgp_sym_decrypt",
    "pgp_sym_encrypt_bytea",
    "pgp_sym_decrypt_bytea",
    "pgp_pub_decrypt",
    "pgp_pub_decrypt_bytea",
    "crypt",
    "hmac",
];

/// Byte ranges of literals that look like secrets, by tokens alone; for texts that were not analysed. From the first token that the
/// lexer cannot read, everything is marked once a telling word was seen.
pub fn secrets_by_token(text: &[u8], mode: &SqlMode) -> Vec<Range<usize>> {
    let mut found = Finder::default();
    for token in Lexer::new(text, mode) {
        found.token(text, token);
    }
    found.ranges
}

/// Ranges within one statement, of the literal after `word`.
pub(super) fn after_word(text: &str, span: &Range<usize>, word: &str, mode: &SqlMode) -> Option<Range<usize>> {
    let inside = text.as_bytes().get(span.clone())?;
    let mut tokens = Lexer::new(inside, mode).skip_while(|token| !is_word(inside, token, word));
    let literal = tokens.find(is_literal)?;
    Some(literal.start.saturating_add(span.start)..literal.end.saturating_add(span.start))
}

/// All ranges within one statement that [`secrets_by_token`] would mark.
pub(super) fn within(text: &str, span: &Range<usize>, mode: &SqlMode) -> Vec<Range<usize>> {
    secrets::within(text, span, |inside| secrets_by_token(inside, mode))
}

fn is_word(text: &[u8], token: &Token, word: &str) -> bool {
    token.kind == Kind::Word
        && text.get(token.start..token.end).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_literal(token: &Token) -> bool {
    matches!(token.kind, Kind::Text | Kind::OtherText)
}

/// What the tokens so far say about the next literal.
#[derive(Default)]
struct Finder {
    ranges: Vec<Range<usize>>,
    telling: bool,
    call: TellingCall,
    seen: bool,
}

impl Finder {
    fn token(&mut self, text: &[u8], token: Token) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Text | Kind::OtherText => self.literal(bytes, &token),
            Kind::Word | Kind::Quoted => self.word(bytes),
            Kind::Punctuation => self.punctuation(bytes),
            Kind::Odd if self.seen => self.ranges.push(token.start..token.end),
            Kind::Odd if holds_telling(bytes) => self.ranges.push(token.start..token.end),
            _ => {}
        }
    }

    fn literal(&mut self, bytes: &[u8], token: &Token) {
        let assigns = is_telling(unquoted(bytes));
        if self.telling || self.call.is_open() || holds_password(bytes) {
            self.ranges.push(token.start..token.end);
        }
        // `set_config('app.password', 'x')`: the name of the setting tells of the next literal.
        self.telling = assigns;
        self.seen |= assigns;
    }

    fn word(&mut self, bytes: &[u8]) {
        let word = unquoted(bytes);
        let passing = [&b"to"[..], b"is", b"encrypted", b"valid"].iter().any(|pass| word.eq_ignore_ascii_case(pass));
        if !passing {
            self.telling = is_telling(word);
        }
        self.seen |= self.telling;
        self.call.word(CALLS.iter().any(|call| word.eq_ignore_ascii_case(call.as_bytes())));
    }

    fn punctuation(&mut self, mark: &[u8]) {
        self.call.punctuation(mark);
        if mark == b";" {
            self.telling = false;
        }
    }
}

fn unquoted(bytes: &[u8]) -> &[u8] {
    let inside = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inside.or_else(|| bytes.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"))).unwrap_or(bytes)
}

fn is_telling(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    WORDS.iter().any(|telling| lower == telling.as_bytes() || (lower.len() < 64 && lower.ends_with(telling.as_bytes())))
}

/// A body with a literal near a password, `host=… password=…` and `postgres://user:password@…` inside a literal.
fn holds_password(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let body = lower.starts_with(b"$") && contains(&lower, b"password") && contains(&lower, b"'");
    body || contains(&lower, b"password=")
        || contains(&lower, b"password =")
        || (contains(&lower, b"://") && contains(&lower, b"@"))
}

fn holds_telling(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    WORDS.iter().any(|word| contains(&lower, word.as_bytes()))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> Vec<&str> {
        secrets_by_token(text.as_bytes(), &SqlMode::default()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn passwords_are_marked_by_tokens_alone() {
        for (text, expected) in [
            ("ALTER ROLE x PASSWORD 'hunter2'", "'hunter2'"),
            ("ALTER ROLE x ENCRYPTED password /* c */ E'hunter2' nonsense", "E'hunter2'"),
            ("CREATE USER MAPPING FOR b SERVER s OPTIONS (user 'x', \"password\" 'hunter2')", "'hunter2'"),
            ("SELECT set_config('app.password', 'hunter2', true)", "'hunter2'"),
            ("SET app.api_key TO 'hunter2'", "'hunter2'"),
            ("SELECT dblink_connect('c', 'hunter2')", "'hunter2'"),
            ("CREATE SUBSCRIPTION s CONNECTION 'hunter2' PUBLICATION p", "'hunter2'"),
            ("ALTER SYSTEM SET primary_conninfo = 'host=x password=hunter2'", "'host=x password=hunter2'"),
            ("SELECT f('postgres://u:hunter2@h/d')", "'postgres://u:hunter2@h/d'"),
            ("DO $$ ALTER ROLE x PASSWORD 'hunter2' $$", "$$ ALTER ROLE x PASSWORD 'hunter2' $$"),
            ("SELECT * FROM users WHERE password = 'hunter2'", "'hunter2'"),
            ("ALTER ROLE x PASSWORD 'hunter2", "'hunter2"),
        ] {
            assert!(marked(text).contains(&expected), "{text}: {:?}", marked(text));
        }
    }

    #[test]
    fn other_literals_are_not_marked() {
        for text in
            ["SELECT 'a' FROM t WHERE b = 'c'", "SELECT password FROM t WHERE name = 'x'", "COMMENT ON ROLE r IS 'x'"]
        {
            assert_eq!(marked(text), [""; 0], "{text}");
        }
    }
}
