//! Tags that client libraries put into a comment: `/*key='value',…*/` at the end or the start of a text.
//!
//! Spec: sqlcommenter. What does not follow it is no tag; nothing here decides what a statement does.

use super::analyse::SqlMode;
use super::lex::{Kind, Lexer, Token};

/// LIMIT: tags of one text; libraries send under ten.
const MOST: usize = 32;

/// The tags of a text's last comment that has any.
pub(super) fn of(text: &str, mode: &SqlMode) -> Vec<(String, String)> {
    if !text.contains("/*") {
        return Vec::new();
    }
    let comments: Vec<Token> = Lexer::new(text.as_bytes(), mode).filter(|token| token.kind == Kind::Comment).collect();
    comments.iter().rev().find_map(|comment| tags(text.get(comment.start..comment.end)?)).unwrap_or_default()
}

fn tags(comment: &str) -> Option<Vec<(String, String)>> {
    let inside = comment.strip_prefix("/*")?.strip_suffix("*/")?.trim();
    let pairs: Option<Vec<_>> = inside.split(',').map(pair).collect();
    pairs.filter(|pairs| pairs.len() <= MOST)
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.trim().split_once('=')?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let key = decoded(key)?;
    (!key.is_empty()).then_some(())?;
    Some((key, decoded(&value.replace("\\'", "'"))?))
}

/// Percent-decoding; what decodes to no text is no tag.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Vec<(String, String)> {
        of(text, &SqlMode::default())
    }

    #[test]
    fn a_trailing_comment_has_tags() {
        let tags = of_text("SELECT 1 /*action='%2Fparam*d',traceparent='00-5b-c9-01',note='it\\'s'*/");
        let expected = [("action", "/param*d"), ("traceparent", "00-5b-c9-01"), ("note", "it's")];
        assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn other_comments_and_literals_have_none() {
        for text in [
            "SELECT 1 /* plain */",
            "SELECT '/*a=''b''*/'",
            "SELECT 1 -- a='b'",
            "SELECT 1 /*a=b*/",
            "/*a='%zz'*/ SELECT 1",
        ] {
            assert_eq!(of_text(text), [], "{text}");
        }
    }
}
