//! What is sensitive: `[[detect]]`, and the two kinds of rule that this version refuses, `[[classify]]` and
//! `[[row_filter]]`.
//!
//! Both need masking at the source, which is not built yet. They are read and checked like every other section and then
//! refused: a rule that is accepted and not enforced would show what its author believes to be hidden.

use super::{
    files::Surroundings,
    reader::{Table, Value},
};

/// The detectors that need no more than their name.
pub(super) const PATTERNS: [&str; 10] =
    ["credit_card", "us_ssn", "email", "iban", "phone", "jwt", "aws_key", "github_token", "slack_token", "private_key"];

/// One `[[detect]]`: what to overwrite in the values that pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detector {
    /// Where it looks.
    pub scope: Scope,
    /// Names of built-in detectors.
    pub patterns: Vec<String>,
    /// What a policy's `reveal` names.
    pub class: String,
    /// Literal terms, in the order of their file.
    pub dictionary: Vec<String>,
    /// Detectors of the user's own.
    pub regexes: Vec<NamedRegex>,
    /// Whether numbers are looked at too; a hit is overwritten with nines.
    pub numbers: bool,
}

/// Which upstreams a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every upstream (`"*"`).
    All,
    /// The named one.
    Upstream(String),
}

/// A regular expression and what its hits are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRegex {
    /// What a hit is called in the record.
    pub name: String,
    /// The expression.
    pub pattern: String,
}

impl Scope {
    /// Whether the rule is for this upstream.
    pub fn covers(&self, upstream: &str) -> bool {
        match self {
            Self::All => true,
            Self::Upstream(name) => name == upstream,
        }
    }
}

impl Detector {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>, upstreams: &[String]) -> Option<Self> {
        let scope = table.required("upstream", |v| read_scope(v, upstreams));
        let patterns = table.optional("patterns", |v| v.list("a list of detector names", read_pattern));
        let class = table.required("class", Value::name);
        let dictionary = table.optional("dictionary", |v| read_dictionary(v, around));
        let regexes = table.optional("regexes", |v| v.list("a list of `{ name, pattern }`", NamedRegex::read));
        let numbers = table.optional("numbers", Value::boolean).unwrap_or(false);
        if ["patterns", "dictionary", "regexes"].iter().all(|key| table.value(key).is_none()) {
            table.fail("finds nothing: give it `patterns`, a `dictionary` or `regexes`");
        }
        Some(Self {
            scope: scope?,
            patterns: patterns.unwrap_or_default(),
            class: class?,
            dictionary: dictionary.unwrap_or_default(),
            regexes: regexes.unwrap_or_default(),
            numbers,
        })
    }
}

impl NamedRegex {
    fn read(value: Value<'_>) -> Option<Self> {
        value.table()?.read(|t| {
            let name = t.required("name", Value::name);
            let pattern = t.required("pattern", Value::string);
            Some(Self { name: name?, pattern: pattern?.to_owned() })
        })
    }
}

fn read_pattern(value: Value<'_>) -> Option<String> {
    value.choice(&PATTERNS.map(|name| (name, name))).map(str::to_owned)
}

fn read_scope(value: Value<'_>, upstreams: &[String]) -> Option<Scope> {
    let name = value.clone().string()?;
    if name == "*" {
        return Some(Scope::All);
    }
    if upstreams.iter().any(|known| known == name) {
        return Some(Scope::Upstream(name.to_owned()));
    }
    value.fail_with_help(format!("there is no [[upstream]] named `{name}`"), "use \"*\" for every upstream");
    None
}

/// One term a line; empty lines do not count.
fn read_dictionary(value: Value<'_>, around: &Surroundings<'_>) -> Option<Vec<String>> {
    let text = around.text(value.clone())?;
    let terms: Vec<String> = text.lines().map(str::trim).filter(|term| !term.is_empty()).map(str::to_owned).collect();
    if terms.is_empty() {
        value.fail("the dictionary holds no terms");
        return None;
    }
    Some(terms)
}

/// Reads `[[classify]]` as it will be, then refuses it.
pub(super) fn refuse_classify(table: &Table<'_>, upstreams: &[String]) -> Option<()> {
    table.required("upstream", |v| read_scope(v, upstreams));
    table.required("columns", |v| v.list("a list of columns, such as \"public.customers.ssn\"", Value::string));
    table.required("class", Value::name);
    table.optional("mask", |v| v.table()?.read(read_mask));
    table.fail("masking at the source is not available in this version; remove [[classify]]");
    None
}

fn read_mask(table: &Table<'_>) -> Option<()> {
    let strategies = ["redact", "partial", "null", "constant", "hash", "token"].map(|name| (name, ()));
    table.required("strategy", |v| v.choice(&strategies));
    table.optional("keep_first", |v| v.number(0..=1_000));
    table.optional("keep_last", |v| v.number(0..=1_000));
    table.optional("value", Value::string);
    Some(())
}

/// Reads `[[row_filter]]` as it will be, then refuses it.
pub(super) fn refuse_row_filter(table: &Table<'_>, upstreams: &[String]) -> Option<()> {
    table.required("upstream", |v| read_scope(v, upstreams));
    for key in ["table", "group", "predicate"] {
        table.required(key, Value::string);
    }
    table.fail("row filters are not available in this version; remove [[row_filter]]");
    None
}
