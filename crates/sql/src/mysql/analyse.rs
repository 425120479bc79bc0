//! From text to statements: checks the text, scans for limits, walks each statement, and has it read a second time.

use super::mode::Syntax;
use super::walk::{Budget, Walk};
use super::{prescan, second};
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::statement::{Action, Barrier, Effect, Statement, Target};
use crate::tags;

/// Analyses every statement of `text`; none when it is empty or only comments.
///
/// Must be called on a thread with [`crate::STACK`] bytes of stack, never on a runtime's worker: the limits bound the depth of the walk,
/// the stack must bear it.
///
/// # Errors
/// Why its effects are not known; each is a denial.
pub fn analyse(text: &[u8], syntax: &Syntax, limits: &Limits) -> Result<Vec<Statement>, NotAnalysed> {
    if text.len() > limits.bytes {
        return Err(NotAnalysed::TooLong(text.len()));
    }
    let text = std::str::from_utf8(text).map_err(|_| NotAnalysed::NotText)?;
    if text.contains('\0') {
        return Err(NotAnalysed::NotText);
    }
    statements(text, syntax, &Budget::new(limits))
}

/// The same for text that is known to be text. A NUL in it, which only a literal can have made, ends in a refusal.
pub(super) fn statements(text: &str, syntax: &Syntax, budget: &Budget<'_>) -> Result<Vec<Statement>, NotAnalysed> {
    if text.contains('\0') {
        return Err(NotAnalysed::NotText);
    }
    let tokens = prescan::scan(text, syntax, budget.limits)?;
    let comments = tokens.comments.iter().filter_map(|comment| text.get(comment.start..comment.end));
    let tags = tags::of_comments(comments);
    let mut walk = Walk::new(text, *syntax, budget, &tokens);
    let mut found = Vec::new();
    while let Some((statement, read)) = walk.next_statement()? {
        let mut statement = statement.bounded(budget.limits)?;
        let own = tokens.list.get(read).unwrap_or_default();
        if !second::agrees(text, own, &statement, walk.said()) {
            statement.effects.push(Effect::new(Action::Unknown, Target::Session));
            statement.barrier |= Barrier::UNKNOWN;
        }
        statement.tags.clone_from(&tags);
        found.push(statement);
    }
    Ok(found)
}
