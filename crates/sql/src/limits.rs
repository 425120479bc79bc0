//! Bounds on a statement's text, checked by a linear scan before any parser sees it.
//!
//! Parsers recurse: 2.8 KB of bare JOINs overflow some, and a deep tree costs stack in decoding, walking and dropping alike. The scan that
//! enforces these is in the dialect's module; the figures are here, each with its reason.

/// LIMIT: the stack of the thread that analyses. The limits below were tried with it; on a smaller stack a hostile text may abort the process.
pub const STACK: usize = 64 << 20;

/// What a text may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// LIMIT: bytes of text; long enough for a multi-row INSERT, short enough to parse within a second.
    pub bytes: usize,
    /// LIMIT: parentheses, brackets, CASE and subselects within each other; people write under 20, generators under 60.
    pub depth: u16,
    /// LIMIT: operators in one expression between commas, AND, OR and parentheses: each is a level of the tree.
    pub operators: u16,
    /// LIMIT: JOINs and FROM items linked by them in a message: the tree leans left by one level each.
    pub joins: u16,
    /// LIMIT: UNION, INTERSECT and EXCEPT in a message: likewise.
    pub set_operations: u16,
    /// LIMIT: statements in a message.
    pub statements: u16,
    /// LIMIT: effects, functions and operators of one statement, each once: policy decides on every one. Generated statements stay under 1,000.
    pub effects: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            depth: 100,
            operators: 1_000,
            joins: 1_000,
            set_operations: 1_000,
            statements: 10_000,
            effects: 10_000,
        }
    }
}
