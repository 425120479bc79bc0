//! From text to statements: checks the text, scans for limits, parses, and walks the tree of each statement.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pg_query::{Error, NodeEnum, ParserOptions};

use super::walk::Walk;
use super::{prescan, tags};
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::statement::Statement;

/// Settings of the session that change how its text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlMode {
    /// `standard_conforming_strings`: a backslash in '…' is itself.
    pub standard_conforming_strings: bool,
    /// `backslash_quote`: `\'` stands for a quote in E'…' (off refuses it; `safe_encoding` is on for UTF-8).
    pub backslash_quote: bool,
}

impl Default for SqlMode {
    fn default() -> Self {
        Self { standard_conforming_strings: true, backslash_quote: true }
    }
}

impl SqlMode {
    fn options(self) -> ParserOptions {
        let mut options = ParserOptions::DISABLE_ESCAPE_STRING_WARNING;
        if !self.standard_conforming_strings {
            options |= ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS;
        }
        if !self.backslash_quote {
            options |= ParserOptions::DISABLE_BACKSLASH_QUOTE;
        }
        options
    }
}

/// What a text does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Its statements in order; none when it is empty or only comments.
    pub statements: Vec<Statement>,
}

/// Analyses every statement of `text`.
///
/// Must be called on a thread with [`crate::STACK`] bytes of stack, never on a runtime's worker: the limits bound the depth of the tree,
/// the stack must bear it.
pub fn analyse(text: &[u8], mode: &SqlMode, limits: &Limits) -> Result<Analysis, NotAnalysed> {
    if text.len() > limits.bytes {
        return Err(NotAnalysed::TooLong(text.len()));
    }
    let text = std::str::from_utf8(text).map_err(|_| NotAnalysed::NotText)?;
    if text.contains('\0') {
        return Err(NotAnalysed::NotText);
    }
    prescan::check(text, mode, limits)?;
    let tree = parse(text, *mode)?;
    let tags = tags::of(text, mode);
    let mut statements = Vec::with_capacity(tree.stmts.len());
    for raw in &tree.stmts {
        let span = span(raw.stmt_location, raw.stmt_len, text);
        let node = raw.stmt.as_ref().and_then(|node| node.node.as_ref());
        statements.push(statement(node, text, span, mode)?.bounded(limits)?);
    }
    for statement in &mut statements {
        statement.tags.clone_from(&tags);
    }
    Ok(Analysis { statements })
}

fn statement(
    node: Option<&NodeEnum>,
    text: &str,
    span: Range<usize>,
    mode: &SqlMode,
) -> Result<Statement, NotAnalysed> {
    let mut walk = Walk::new(text, span, *mode);
    walk.statement(node);
    walk.finish()
}

/// The tree, or why there is none. A panic of the parser's binding is its fault, not the session's end.
fn parse(text: &str, mode: SqlMode) -> Result<pg_query::protobuf::ParseResult, NotAnalysed> {
    let parsed =
        catch_unwind(AssertUnwindSafe(|| pg_query::parse(text, mode.options()))).map_err(|_| NotAnalysed::Parser)?;
    match parsed {
        Ok(result) => Ok(result.protobuf),
        Err(Error::Parse(message)) if is_depth(&message) => Err(NotAnalysed::TooDeep),
        Err(Error::Parse(message)) => {
            let position = position(&message, text);
            Err(NotAnalysed::Syntax { message: shortened(&message).into(), position })
        }
        Err(Error::Conversion(_)) => Err(NotAnalysed::NotText),
        Err(_) => Err(NotAnalysed::Parser),
    }
}

/// LIMIT: bytes of the parser's message, which may quote the whole text.
fn shortened(message: &str) -> &str {
    let end = (0..=message.len().min(200)).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    message.get(..end).unwrap_or_default()
}

fn is_depth(message: &str) -> bool {
    message.contains("stack depth") || message.contains("nested too deeply") || message.contains("memory exhausted")
}

/// Where `at or near "x"` is, if `x` stands in the text once only; the binding does not hand out the parser's own position.
fn position(message: &str, text: &str) -> Option<usize> {
    if message.ends_with("at end of input") {
        return Some(text.len());
    }
    let near = message.rsplit_once("at or near \"")?.1.strip_suffix('"')?;
    let mut found = text.match_indices(near);
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at)
}

fn span(location: i32, length: i32, text: &str) -> Range<usize> {
    let start = usize::try_from(location).unwrap_or(0).min(text.len());
    let end = match usize::try_from(length) {
        Ok(length) if length > 0 => start.saturating_add(length).min(text.len()),
        _ => text.len(),
    };
    let blank = text.get(start..end).map_or(0, |part| part.len().saturating_sub(part.trim_start().len()));
    start.saturating_add(blank)..end
}
