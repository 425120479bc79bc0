//! The comments of a text that may hold tags.

use super::analyse::SqlMode;
use super::lex::{Kind, Lexer, Token};
use crate::tags;

/// The tags of a text's last comment that has any.
pub(super) fn of(text: &str, mode: &SqlMode) -> Vec<(String, String)> {
    if !text.contains("/*") {
        return Vec::new();
    }
    let comments: Vec<Token> = Lexer::new(text.as_bytes(), mode).filter(|token| token.kind == Kind::Comment).collect();
    tags::of_comments(comments.iter().filter_map(|comment| text.get(comment.start..comment.end)))
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
