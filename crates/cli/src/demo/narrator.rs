//! What the demo says: headings, statements, tables, errors and what was checked, in colours on a terminal.

use std::{cell::Cell, env, fmt::Display, io::IsTerminal};

use portcullis_replay::safe;

use super::client::{Refusal, Rows};
use crate::output;

/// Tells the tour.
pub(crate) struct Narrator {
    colour: bool,
    step: usize,
    unheard: Cell<bool>,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Cyan = 36,
}

impl Narrator {
    /// Speaks to standard output.
    pub(crate) fn new() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: std::io::stdout().is_terminal() && !unwanted, step: 0, unheard: Cell::new(false) }
    }

    /// The title.
    pub(crate) fn title(&self, text: &str) {
        self.line(self.ink(Ink::Bold, text));
        self.line("");
    }

    /// Something that is there, by name.
    pub(crate) fn fact(&self, name: &str, value: &str) {
        self.line(format_args!("  {name:<18} {value}"));
    }

    /// The next step.
    pub(crate) fn step(&mut self, text: &str) {
        self.step += 1;
        self.line("");
        self.line(self.ink(Ink::Bold, &format!("{}. {text}", self.step)));
    }

    /// A heading outside the steps.
    pub(crate) fn heading(&self, text: &str) {
        self.line("");
        self.line(self.ink(Ink::Bold, text));
    }

    /// A plain line, indented.
    pub(crate) fn say(&self, text: &str) {
        self.line(format_args!("   {text}"));
    }

    /// A block that is shown as it is.
    pub(crate) fn block(&self, text: &str) {
        text.lines().for_each(|line| self.line(format_args!("   {}", self.ink(Ink::Dim, line))));
    }

    /// A statement, as someone types it.
    pub(crate) fn statement(&self, who: &str, statement: &str) {
        self.line(format_args!("   {}", self.ink(Ink::Cyan, &format!("{who}> {statement}"))));
    }

    /// A command of this very program.
    pub(crate) fn command(&self, command: &str) {
        self.line(format_args!("   {}", self.ink(Ink::Cyan, &format!("$ portcullis {command}"))));
    }

    /// What a check found to be true.
    pub(crate) fn checked(&self, text: &str) {
        self.line(format_args!("   {} {text}", self.ink(Ink::Green, "checked:")));
    }

    /// An error, as clients show it.
    pub(crate) fn error(&self, refusal: &Refusal) {
        for line in &refusal.lines {
            self.line(format_args!("   {}", self.ink(Ink::Red, &safe(line.as_bytes()))));
        }
    }

    /// Rows, as psql shows them.
    pub(crate) fn table(&self, rows: &Rows) {
        table(rows).iter().for_each(|line| self.line(format_args!("   {line}")));
    }

    /// Whether nobody reads any more (`portcullis demo | head`): then there is no use in going on for long.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard.get()
    }

    /// The end of the output does not end the program here: servers are running that must be stopped in order.
    fn line(&self, text: impl Display) {
        if output::attempt(text).is_err() {
            self.unheard.set(true);
        }
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{}m{text}\u{1b}[0m", ink as u8) } else { text.to_owned() }
    }
}

fn table(rows: &Rows) -> Vec<String> {
    let shown = |value: &Option<String>| value.as_ref().map_or_else(String::new, |text| safe(text.as_bytes()));
    let cells: Vec<Vec<String>> = rows.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let mut widths: Vec<usize> = rows.columns.iter().map(|name| name.chars().count()).collect();
    for (width, cell) in cells.iter().flat_map(|row| widths_of(row).enumerate()) {
        if let Some(widest) = widths.get_mut(width) {
            *widest = cell.max(*widest);
        }
    }
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} ")).collect();
        padded.join("│").trim_end().to_owned()
    };
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    let mut lines = vec![line(&rows.columns), rule.join("┼")];
    lines.extend(cells.iter().map(|row| line(row)));
    lines.push(match cells.len() {
        1 => "(1 row)".to_owned(),
        count => format!("({count} rows)"),
    });
    lines
}

fn widths_of(row: &[String]) -> impl Iterator<Item = usize> + '_ {
    row.iter().map(|cell| cell.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_widest_cells() {
        let text = |text: &str| Some(text.to_owned());
        let columns = vec!["id".to_owned(), "name".to_owned()];
        let rows = Rows { columns, rows: vec![vec![text("10"), text("Zoë")], vec![text("7"), None]], count: 2 };
        assert_eq!(table(&rows), [" id │ name", "────┼──────", " 10 │ Zoë", " 7  │", "(2 rows)"]);
    }
}
