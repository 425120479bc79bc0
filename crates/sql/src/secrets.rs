//! What the two searches for passwords by tokens alone have in common.

use std::ops::Range;

/// Follows the parentheses of calls of functions that are given secrets.
#[derive(Default)]
pub(crate) struct TellingCall {
    /// The outermost call that is open was opened at this depth.
    opened: Option<usize>,
    /// The last token named such a function.
    named: bool,
    depth: usize,
}

impl TellingCall {
    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// A word, which may be the name of such a function.
    pub(crate) fn word(&mut self, names_one: bool) {
        self.named = names_one;
    }

    pub(crate) fn punctuation(&mut self, mark: &[u8]) {
        match mark {
            b"(" => {
                self.depth = self.depth.saturating_add(1);
                if self.named && self.opened.is_none() {
                    self.opened = Some(self.depth);
                }
            }
            b")" => {
                if self.opened == Some(self.depth) {
                    self.opened = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.named = false;
    }
}

/// What `search` finds in a part of a text, as ranges of the whole text.
pub(crate) fn within(
    text: &str,
    part: &Range<usize>,
    search: impl FnOnce(&[u8]) -> Vec<Range<usize>>,
) -> Vec<Range<usize>> {
    let inside = text.as_bytes().get(part.clone()).unwrap_or_default();
    let shift = |range: Range<usize>| range.start.saturating_add(part.start)..range.end.saturating_add(part.start);
    search(inside).into_iter().map(shift).collect()
}
