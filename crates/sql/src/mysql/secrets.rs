//! Where a text holds passwords, so that no record keeps them.
//!
//! Two ways: by the walk, for what was understood, and by tokens alone, for what was not. Both mark whole literals, quotes included;
//! marking too much costs a few unreadable characters, marking too little a password.

use std::ops::Range;

use super::lex::{Kind, Lexer, Token};
use super::mode::Syntax;
use crate::secrets::{self, TellingCall};

/// Literals that follow words with one of these endings (lower case) hold a secret, by whatever comes between of `= , (` and a few words.
const ENDINGS: [&str; 8] = ["password", "passwd", "pwd", "passphrase", "passcode", "secret", "api_key", "token"];

/// Functions of which literals are keys.
const CALLS: [&str; 8] =
    ["aes_encrypt", "aes_decrypt", "des_encrypt", "des_decrypt", "encode", "decode", "encrypt", "old_password"];

/// Words that may stand between a telling word and its literal.
const PASSING: [&str; 9] = ["to", "is", "by", "as", "with", "for", "like", "using", "not"];

/// Byte ranges of literals that look like secrets, by tokens alone; for texts that were not analysed. From the first token that the
/// lexer cannot read, everything is marked once a telling word was seen.
pub fn secrets_by_token(text: &[u8], syntax: &Syntax) -> Vec<Range<usize>> {
    let mut found = Finder::default();
    for token in Lexer::new(text, syntax) {
        found.token(text, token);
    }
    found.ranges
}

/// The same ranges within one statement.
pub(super) fn within(text: &str, span: &Range<usize>, syntax: &Syntax) -> Vec<Range<usize>> {
    secrets::within(text, span, |inside| secrets_by_token(inside, syntax))
}

/// Whether a word tells of a secret that follows it.
pub(super) fn is_telling(word: &[u8]) -> bool {
    let ends = |ending: &&str| {
        let from = word.len().checked_sub(ending.len()).and_then(|from| word.get(from..));
        from.is_some_and(|tail| tail.eq_ignore_ascii_case(ending.as_bytes()))
    };
    (3..64).contains(&word.len()) && (word.eq_ignore_ascii_case(b"identified") || ENDINGS.iter().any(ends))
}

/// Whether a literal holds a password within.
pub(super) fn holds_password(bytes: &[u8]) -> bool {
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    bytes.len() > 8 && ((has(b"://") && has(b"@")) || has(b"password") || has(b"identified by"))
}

/// What the tokens so far say about the next literal.
#[derive(Default)]
struct Finder {
    ranges: Vec<Range<usize>>,
    telling: bool,
    /// IDENTIFIED was said: literals after BY and AS are secrets.
    identified: bool,
    /// `PASSWORD FOR` was said: an account comes first.
    account: bool,
    call: TellingCall,
    seen: bool,
}

impl Finder {
    fn token(&mut self, text: &[u8], token: Token) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Text | Kind::National | Kind::Bits => self.literal(bytes, &token),
            // The second half of an account's name, perhaps.
            Kind::Variable if self.telling => {}
            Kind::Word | Kind::Name | Kind::Quoted | Kind::Variable => self.word(bytes),
            Kind::Punctuation => self.punctuation(bytes),
            Kind::Odd if self.seen || holds_telling(bytes) => self.ranges.push(token.start..token.end),
            _ => {}
        }
    }

    fn literal(&mut self, bytes: &[u8], token: &Token) {
        if std::mem::take(&mut self.account) {
            return;
        }
        if self.telling || self.call.is_open() || holds_password(bytes) {
            self.ranges.push(token.start..token.end);
        }
        self.telling = false;
    }

    fn word(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.account) {
            return;
        }
        let word = bytes.strip_prefix(b"@").unwrap_or(bytes);
        let word = word.strip_prefix(b"`").and_then(|rest| rest.strip_suffix(b"`")).unwrap_or(word);
        let is = |known: &&str| word.eq_ignore_ascii_case(known.as_bytes());
        self.identified |= is(&"identified");
        self.account = self.telling && is(&"for");
        let begins = self.identified && (is(&"by") || is(&"as"));
        if !PASSING.iter().any(&is) || begins {
            self.telling = begins || is_telling(word);
        }
        self.seen |= self.telling;
        self.call.word(CALLS.iter().any(is));
    }

    fn punctuation(&mut self, mark: &[u8]) {
        self.call.punctuation(mark);
        if mark == b";" {
            (self.telling, self.identified) = (false, false);
        }
    }
}

fn holds_telling(bytes: &[u8]) -> bool {
    let has = |part: &str| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()));
    ENDINGS.iter().any(|word| has(word)) || has("identified")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Mode;
    use crate::mysql::Flavour;

    fn marked(text: &str) -> Vec<&str> {
        let syntax = Syntax::new(Flavour::MariaDb, 101_116, false, Mode(0));
        secrets_by_token(text.as_bytes(), &syntax).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn passwords_are_marked_by_tokens_alone() {
        for text in [
            "CREATE USER u IDENTIFIED BY 'hunter2' nonsense",
            "CREATE USER u IDENTIFIED WITH 'plugin' BY 'hunter2'",
            "CREATE USER u IDENTIFIED WITH caching_sha2_password AS 'hunter2'",
            "SET PASSWORD FOR x = 'hunter2'",
            "SET PASSWORD = PASSWORD('hunter2')",
            "CHANGE MASTER TO MASTER_PASSWORD = 'hunter2', MASTER_HOST = 'h'",
            "SELECT AES_ENCRYPT(a, 'hunter2')",
            "SELECT * FROM users WHERE `password` = 'hunter2'",
            "SET @api_key = 'hunter2'",
        ] {
            assert!(marked(text).contains(&"'hunter2'"), "{text}: {:?}", marked(text));
        }
        assert_eq!(marked("ALTER USER x IDENTIFIED BY 'hunter2"), ["'hunter2"]);
        assert_eq!(marked("CREATE SERVER s OPTIONS (x 'mysql://u:p@h/d')"), ["'mysql://u:p@h/d'"]);
    }

    #[test]
    fn other_literals_are_not_marked() {
        for text in ["SELECT 'a' FROM t WHERE b = 'c'", "SELECT password FROM t WHERE name = 'x'"] {
            assert_eq!(marked(text), [""; 0], "{text}");
        }
    }
}
