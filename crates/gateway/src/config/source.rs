//! The text of one file and what was found wrong in it: turns byte spans into lines, columns and snippets.
//!
//! A snippet is printed to a terminal or a log, so a password that was written in clear (itself an error) is blanked
//! out of every line shown, also where the file does not parse.

use std::{
    cell::RefCell,
    ops::Range,
    path::{Path, PathBuf},
};

use super::diagnostic::{ConfigErrors, Diagnostic, Place};

/// The file being read and the diagnostics so far.
pub(super) struct Source<'s> {
    file: PathBuf,
    text: &'s str,
    errors: RefCell<Vec<(usize, Diagnostic)>>,
    warnings: RefCell<Vec<Diagnostic>>,
}

/// One thing to say about a span of the file.
pub(super) struct Remark {
    pub(super) key: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl<'s> Source<'s> {
    pub(super) fn new(file: &Path, text: &'s str) -> Self {
        Self { file: file.to_owned(), text, errors: RefCell::default(), warnings: RefCell::default() }
    }

    /// Notes a mistake at `span`, or in the file as a whole.
    pub(super) fn error(&self, span: Option<Range<usize>>, remark: Remark) {
        let at = span.as_ref().map_or(0, |span| span.start);
        let diagnostic = self.diagnostic(span, remark);
        self.errors.borrow_mut().push((at, diagnostic));
    }

    /// Notes something that works but should be looked at.
    pub(super) fn warning(&self, span: Range<usize>, remark: Remark) {
        let diagnostic = self.diagnostic(Some(span), remark);
        self.warnings.borrow_mut().push(diagnostic);
    }

    /// The warnings when nothing was wrong, else every mistake in the order of the file.
    pub(super) fn finish(self) -> Result<Vec<Diagnostic>, ConfigErrors> {
        let mut errors = self.errors.into_inner();
        if errors.is_empty() {
            return Ok(self.warnings.into_inner());
        }
        errors.sort_by_key(|(at, _)| *at);
        Err(ConfigErrors(errors.into_iter().map(|(_, diagnostic)| diagnostic).collect()))
    }

    fn diagnostic(&self, span: Option<Range<usize>>, remark: Remark) -> Diagnostic {
        let Remark { key, message, help } = remark;
        Diagnostic { file: self.file.clone(), place: span.map(|span| self.place(span)), key, message, help }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let start = floor_char(self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
        let end = floor_char(self.text, span.end.clamp(start, line_end));
        Place {
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            text: without_passwords(self.text[line_start..line_end].trim_end_matches('\r')),
            width: self.text[start..end].chars().count().max(1),
        }
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The line with each quoted value that follows `password =` replaced by stars, one for each character.
fn without_passwords(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(value) = rest.find("password").and_then(|at| quoted_value(rest, at + "password".len())) {
        shown.push_str(&rest[..value.start]);
        shown.extend(rest[value.clone()].chars().map(|_| '*'));
        rest = &rest[value.end..];
    }
    shown + rest
}

/// The inside of the quoted string after `=` at or after `from`, or of what is left of the line if it does not end.
fn quoted_value(line: &str, from: usize) -> Option<Range<usize>> {
    let equals = from + line[from..].find('=')?;
    let open = equals + 1 + line[equals + 1..].find(|c: char| !c.is_whitespace())?;
    let quote = line[open..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = open + 1;
    let mut escaped = false;
    let end = line[inside..].find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped && quote == '"';
        ends
    });
    Some(inside..end.map_or(line.len(), |i| inside + i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_clear_is_not_repeated() {
        assert_eq!(without_passwords(r#"password = "hunter2" # x"#), r#"password = "*******" # x"#);
        assert_eq!(
            without_passwords(r#"{ "password" = 'ab', password="c\"d" }"#),
            r#"{ "password" = '**', password="****" }"#
        );
        assert_eq!(without_passwords(r#"password = "unended"#), r#"password = "*******"#);
    }

    #[test]
    fn a_password_taken_from_elsewhere_is_shown() {
        let line = r#"password = { env = "SHOP" }"#;
        assert_eq!(without_passwords(line), line);
    }

    #[test]
    fn a_span_past_the_end_is_drawn_at_the_end() {
        let place = Source::new(Path::new("f"), "a = 1\né").place(50..60);
        assert_eq!((place.line, place.column, place.width), (2, 2, 1));
    }
}
