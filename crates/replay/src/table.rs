//! Result tables: aligned columns that fit the width, long values cut with an ellipsis, many rows with a count.
//!
//! Width is counted in characters; wide scripts may look uneven, which is better than carrying a table of Unicode.

use crate::safe;

/// LIMIT: rows shown of one result; the export has all of them.
const MAX_ROWS: usize = 100;
const MIN_COLUMN: usize = 4;

/// One result being gathered.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    more: u64,
}

impl Table {
    pub(crate) fn new(columns: Vec<String>) -> Self {
        Self { columns, ..Self::default() }
    }

    pub(crate) fn add(&mut self, row: &[Option<Vec<u8>>]) {
        if self.rows.len() >= MAX_ROWS {
            self.more = self.more.saturating_add(1);
            return;
        }
        let shown = row.iter().map(|value| value.as_deref().map_or_else(|| "NULL".to_owned(), safe));
        self.rows.push(shown.collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.rows.is_empty()
    }

    /// The table's lines, none wider than `width` where that can be.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let widths = self.widths(width);
        let mut lines = Vec::new();
        if !self.columns.is_empty() {
            lines.push(row_line(&self.columns, &widths));
            lines.push(widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("─┼─"));
        }
        lines.extend(self.rows.iter().map(|row| row_line(row, &widths)));
        if self.more > 0 {
            lines.push(format!("… and {} more rows recorded", self.more));
        }
        lines
    }

    /// Each column as wide as its widest value; then the widest are narrowed until the line fits.
    fn widths(&self, width: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).chain([self.columns.len()]).max().unwrap_or(0);
        let mut widths = vec![1usize; count];
        for line in self.rows.iter().chain([&self.columns]) {
            for (width, value) in widths.iter_mut().zip(line) {
                *width = (*width).max(value.chars().count());
            }
        }
        let room =
            width.saturating_sub(count.saturating_sub(1).saturating_mul(3)).max(count.saturating_mul(MIN_COLUMN));
        shrink(&mut widths, room);
        widths
    }
}

/// Narrows every column to the greatest width at which the sum fits: a level found by halving, not step by step.
fn shrink(widths: &mut [usize], room: usize) {
    let sum = |level: usize| widths.iter().fold(0usize, |sum, width| sum.saturating_add((*width).min(level)));
    let (mut low, mut high) = (MIN_COLUMN, widths.iter().copied().max().unwrap_or(0).max(MIN_COLUMN));
    while low < high {
        let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
        if sum(middle) <= room { low = middle } else { high = middle.saturating_sub(1) }
    }
    for width in widths {
        *width = (*width).min(low);
    }
}

fn row_line(values: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = values.iter().zip(widths).map(|(value, width)| cell(value, *width)).collect();
    cells.join(" │ ").trim_end().to_owned()
}

fn cell(value: &str, width: usize) -> String {
    let length = value.chars().count();
    if length <= width {
        return format!("{value}{}", " ".repeat(width.saturating_sub(length)));
    }
    let kept: String = value.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_fits_its_width(rows in proptest::collection::vec(
            proptest::collection::vec("[a-z]{0,40}", 3), 0..5), width in 20usize..120
        ) {
            let mut table = Table::new(vec!["one".into(), "two".into(), "three".into()]);
            for row in rows {
                table.add(&row.into_iter().map(|v| Some(v.into_bytes())).collect::<Vec<_>>());
            }
            for line in table.lines(width) {
                prop_assert!(line.chars().count() <= width.max(18), "{line}");
            }
        }
    }
}
