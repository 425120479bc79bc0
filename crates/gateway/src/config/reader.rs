//! A cursor over parsed TOML that notes each mistake and goes on, so that one run shows them all.
//!
//! [`Table`] knows which keys were asked for and reports the rest as unknown; [`Value`] knows its own path and place.
//! Readers return nothing after noting a mistake: a section that holds one is not built, and neither is the `Config`.

use std::{cell::RefCell, ops::Range, ops::RangeInclusive, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    source::{Remark, Source},
    units,
};

/// A table, and which of its keys are known.
pub(super) struct Table<'d> {
    path: String,
    /// Its header; none for the file as a whole and for a section that is not there.
    span: Option<Range<usize>>,
    entries: &'d DeTable<'d>,
    known: RefCell<Vec<&'static str>>,
    source: &'d Source<'d>,
}

/// One value with its place in the file.
#[derive(Clone)]
pub(super) struct Value<'d> {
    path: String,
    span: Range<usize>,
    value: &'d DeValue<'d>,
    source: &'d Source<'d>,
}

impl<'d> Table<'d> {
    pub(super) fn root(entries: &'d DeTable<'d>, source: &'d Source<'d>) -> Self {
        Self { path: String::new(), span: None, entries, known: RefCell::default(), source }
    }

    /// The value of `key`, if it is there.
    pub(super) fn value(&self, key: &'static str) -> Option<Value<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.raw(key)
    }

    /// Reads `key` if it is there.
    pub(super) fn optional<T>(&self, key: &'static str, read: impl FnOnce(Value<'d>) -> Option<T>) -> Option<T> {
        self.value(key).and_then(read)
    }

    /// Reads `key`; its absence is a mistake.
    pub(super) fn required<T>(&self, key: &'static str, read: impl FnOnce(Value<'d>) -> Option<T>) -> Option<T> {
        let value = self.value(key);
        if value.is_none() {
            self.fail(format!("missing key `{key}`"));
        }
        value.and_then(read)
    }

    /// Reads each table of `[[key]]`; those that hold mistakes are left out.
    pub(super) fn tables<T>(&self, key: &'static str, mut read: impl FnMut(&Table<'d>) -> Option<T>) -> Vec<T> {
        let list = self.value(key).map(|value| value.items(&format!("an array of tables (`[[{key}]]`)")));
        let tables = list.into_iter().flatten().filter_map(Value::table);
        tables.filter_map(|table| table.read(&mut read)).collect()
    }

    /// Reads the table `[key]`; an absent one reads as empty, so that every setting has its default.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Table<'d>) -> Option<T>) -> Option<T> {
        static EMPTY: std::sync::LazyLock<DeTable<'static>> = std::sync::LazyLock::new(DeTable::new);
        match self.value(key) {
            Some(value) => value.table()?.read(read),
            None => Table {
                path: key.to_owned(),
                span: None,
                entries: &EMPTY,
                known: RefCell::default(),
                source: self.source,
            }
            .read(read),
        }
    }

    /// Reads what `read` asks for and reports every key that it did not.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Table<'d>) -> Option<T>) -> Option<T> {
        let result = read(self);
        self.report_unknown();
        result
    }

    /// Notes a mistake of the table as a whole.
    pub(super) fn fail(&self, message: impl Into<String>) {
        self.source.error(self.span.clone(), Remark { key: self.path.clone(), message: message.into(), help: None });
    }

    /// The field of the table `[section]`, for checks across sections; never reports anything.
    pub(super) fn field(&self, section: &str, field: &str) -> Option<Value<'d>> {
        self.raw(section)?.field(field)
    }

    /// The field of each table of `[[section]]`, for checks across sections; never reports anything.
    pub(super) fn fields(&self, section: &str, field: &str) -> impl Iterator<Item = Value<'d>> {
        let list = self.raw(section).filter(Value::is_array).map(|list| list.items("an array"));
        list.into_iter().flatten().filter_map(move |table| table.field(field))
    }

    /// Every key with its value, for tables whose keys are the user's own.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        self.entries.iter().map(|(key, value)| {
            let name: &'d str = key.get_ref();
            (name, self.child(name, value))
        })
    }

    fn raw(&self, key: &str) -> Option<Value<'d>> {
        self.entries.get(key).map(|value| self.child(key, value))
    }

    fn child(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Value<'d> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Value { path, span: value.span(), value: value.get_ref(), source: self.source }
    }

    fn report_unknown(&self) {
        let known = self.known.borrow();
        for (key, value) in self.entries.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let name: &str = key.get_ref();
            let help = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are {}", names(&known)),
            };
            let remark =
                Remark { key: self.child(name, value).path, message: "unknown key".to_owned(), help: Some(help) };
            self.source.error(Some(key.span()), remark);
        }
    }
}

impl<'d> Value<'d> {
    /// Notes a mistake at this value.
    pub(super) fn fail(&self, message: impl Into<String>) {
        self.remark(message, None);
    }

    /// Notes a mistake and what to do about it.
    pub(super) fn fail_with_help(&self, message: impl Into<String>, help: impl Into<String>) {
        self.remark(message, Some(help.into()));
    }

    /// Notes something that works but should be looked at.
    pub(super) fn warn(&self, message: impl Into<String>, help: impl Into<String>) {
        let remark = Remark { key: self.path.clone(), message: message.into(), help: Some(help.into()) };
        self.source.warning(self.span.clone(), remark);
    }

    fn remark(&self, message: impl Into<String>, help: Option<String>) {
        self.source.error(Some(self.span.clone()), Remark { key: self.path.clone(), message: message.into(), help });
    }

    /// Notes that something else was expected, and says what stands here without repeating a secret.
    pub(super) fn expected<T>(&self, what: &str) -> Option<T> {
        let found = match self.value {
            DeValue::String(text) if !self.path.ends_with("password") => format!("`{}`", text.escape_debug()),
            DeValue::Integer(number) => format!("`{number}`"),
            DeValue::Boolean(on) => format!("`{on}`"),
            DeValue::Array(_) => "an array".to_owned(),
            other => format!("a {}", other.type_str()),
        };
        self.fail(format!("expected {what}, found {found}"));
        None
    }

    /// Whether a string stands here.
    pub(super) fn is_string(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Whether an array stands here.
    pub(super) fn is_array(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// The text, if a string stands here; never reports anything.
    pub(super) fn text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    fn field(&self, key: &str) -> Option<Value<'d>> {
        let value = self.value.as_table()?.get(key)?;
        let path = format!("{}.{key}", self.path);
        Some(Value { path, span: value.span(), value: value.get_ref(), source: self.source })
    }

    /// A string that is not empty.
    pub(super) fn string(self) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) if !text.trim().is_empty() => Some(text),
            DeValue::String(_) => self.expected("text that is not empty"),
            _ => self.expected("a string"),
        }
    }

    /// A string that `parse` understands.
    pub(super) fn parsed<T>(self, what: &str, parse: impl FnOnce(&'d str) -> Option<T>) -> Option<T> {
        match self.value {
            DeValue::String(text) => parse(text).or_else(|| self.expected(what)),
            _ => self.expected(what),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.expected("`true` or `false`"))
    }

    /// A whole number within `range`.
    pub(super) fn number(self, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.value.as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        let within = number.filter(|n| range.contains(n));
        within.or_else(|| self.expected(&format!("a whole number from {} to {}", range.start(), range.end())))
    }

    /// A duration within `range`.
    pub(super) fn duration(self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let [low, high] = [range.start(), range.end()].map(|d| units::show_duration(*d));
        let what = format!("a duration from \"{low}\" to \"{high}\", such as \"15s\", \"30m\" or \"8h\"");
        self.parsed(&what, |text| units::duration(text).filter(|d| range.contains(d)))
    }

    /// A size in bytes within `range`.
    pub(super) fn size(self, range: RangeInclusive<u64>) -> Option<u64> {
        let [low, high] = [range.start(), range.end()].map(|s| units::show_size(*s));
        let what = format!("a size from \"{low}\" to \"{high}\", such as \"64 KiB\" or \"4 MiB\"");
        self.parsed(&what, |text| units::size(text).filter(|s| range.contains(s)))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(self, words: &[(&'static str, T)]) -> Option<T> {
        let all: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let what = format!("one of {}", all.join(", "));
        self.parsed(&what, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
    }

    /// The items of an array; none, after noting the mistake, if this is not one.
    pub(super) fn items(self, what: &str) -> Vec<Value<'d>> {
        let DeValue::Array(items) = self.value else {
            return self.expected(what).unwrap_or_default();
        };
        let at = |(i, item): (usize, &'d Spanned<DeValue<'d>>)| Value {
            path: format!("{}[{i}]", self.path),
            span: item.span(),
            value: item.get_ref(),
            source: self.source,
        };
        items.iter().enumerate().map(at).collect()
    }

    /// An array read item by item; a mistake in one leaves it out.
    pub(super) fn list<T>(self, what: &str, read: impl FnMut(Value<'d>) -> Option<T>) -> Option<Vec<T>> {
        Some(self.items(what).into_iter().filter_map(read).collect())
    }

    /// A table.
    pub(super) fn table(self) -> Option<Table<'d>> {
        match self.value {
            DeValue::Table(entries) => Some(Table {
                path: self.path,
                span: Some(self.span),
                entries,
                known: RefCell::default(),
                source: self.source,
            }),
            _ => self.expected("a table"),
        }
    }
}

fn names(known: &[&str]) -> String {
    known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The known key that a slip of the finger may have missed.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let closest = known.iter().map(|key| (distance(name, key), *key)).min()?;
    (closest.0 <= 2 && closest.0 < name.len()).then_some(closest.1)
}

/// Edits between two short words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key() {
        assert_eq!(nearest("adress", &["name", "address"]), Some("address"));
        assert_eq!(nearest("tsl", &["tls"]), Some("tls"));
        assert_eq!(nearest("colour", &["name", "address"]), None);
    }
}
