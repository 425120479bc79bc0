//! What the walk over one text may cost, where the cost is not that of the text's length.
//!
//! A name may belong to every relation of its query, so names and relations multiply; locks and the targets of writes add effects on what
//! was named before. A text inside a text (PREPARE) draws on the same budget, or it would hold as many as it has room for.

use std::cell::Cell;

use super::Parsed;
use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::statement::Statement;

/// LIMIT: names times relations, summed over the queries of a text; beyond it every column of each relation counts as named, and none as
/// compared with a constant (test `beyond_the_pairs_of_a_text_every_column_is_named_and_none_compared`).
const MOST_PAIRS: usize = 1_000_000;

/// LIMIT: effects that are gathered for each that a statement may have: those on the same target are joined only at its end.
const REPEATS: usize = 10;

/// The limits of one text, and what is left of its pairs.
pub(in crate::mysql) struct Budget<'l> {
    pub(in crate::mysql) limits: &'l Limits,
    pairs: Cell<usize>,
}

impl<'l> Budget<'l> {
    pub(in crate::mysql) fn new(limits: &'l Limits) -> Self {
        Self { limits, pairs: Cell::new(MOST_PAIRS) }
    }

    /// Takes that many names for that many relations, unless it is more than is left.
    pub(super) fn affords(&self, names: usize, relations: usize) -> bool {
        let left = self.pairs.get().checked_sub(names.saturating_mul(relations));
        if let Some(left) = left {
            self.pairs.set(left);
        }
        left.is_some()
    }

    /// Refuses a statement that has gathered too much.
    pub(super) fn bears(&self, statement: &Statement) -> Parsed {
        let most = usize::from(self.limits.effects).saturating_mul(REPEATS);
        if statement.effects.len() > most { Err(NotAnalysed::TooComplex("effects")) } else { Ok(()) }
    }
}
