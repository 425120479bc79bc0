//! Names and literals as the server reads them.
//!
//! Names of columns, functions and aliases are the same in both cases of letters, those of databases and tables only where the server says
//! so; here each is folded as the server compares it. Spec: MySQL "Identifier Case Sensitivity".

use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::mysql::words;
use crate::statement::Name;

/// A name as servers compare those of columns, functions and aliases: small letters of capitals, one for each character.
///
/// EVASION: to MariaDB 11 `ſsn` and `ıd` are `ssn` and `id`, to MySQL 9 `İd` is (test `columns_are_found_without_case`). What any of them
/// takes for the same is the same here.
pub(in crate::mysql) fn folded(name: &str) -> Box<str> {
    mapped(name, |c| lower(one(c, c.to_uppercase())))
}

/// A name in small letters, as servers keep those of databases and tables where these have no case.
pub(in crate::mysql) fn lowered(name: &str) -> Box<str> {
    mapped(name, lower)
}

fn mapped(name: &str, map: impl Fn(char) -> char) -> Box<str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return name.into();
    }
    name.chars().map(map).collect::<String>().into()
}

fn lower(c: char) -> char {
    if c == '\u{130}' { 'i' } else { one(c, c.to_lowercase()) }
}

/// What a character becomes, if that is one character.
fn one(c: char, mut to: impl Iterator<Item = char>) -> char {
    match (to.next(), to.next()) {
        (Some(to), None) => to,
        _ => c,
    }
}

impl Walk<'_> {
    /// Whether a token can be a name.
    pub(super) fn is_name(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            Some(Kind::Name | Kind::Quoted) => true,
            Some(Kind::Word) => !words::is_reserved(self.written(ahead)),
            _ => false,
        }
    }

    /// A name, as written but for its quotes.
    pub(super) fn name(&mut self) -> Parsed<Box<str>> {
        if !self.is_name(0) {
            return Err(self.syntax_error());
        }
        Ok(self.any_name())
    }

    /// The next token as a name, whatever word it is.
    pub(super) fn any_name(&mut self) -> Box<str> {
        let written = self.written(0);
        let name = match self.kind_at(0) {
            Some(Kind::Quoted) => unquoted(written),
            _ => written.into(),
        };
        self.skip();
        name
    }

    /// Takes a name that compares without case.
    pub(super) fn folded_name(&mut self) -> Parsed<Box<str>> {
        self.name().map(|name| folded(&name))
    }

    /// The name of a table or view: `t`, `db.t`, `.t`.
    pub(super) fn relation_name(&mut self) -> Parsed<Name> {
        let dotted = self.accept_mark(".");
        let first = self.name()?;
        if dotted || !self.is_mark(0, ".") {
            return Ok(self.relation(None, &first));
        }
        self.skip();
        let second = self.name()?;
        Ok(self.relation(Some(&first), &second))
    }

    /// A relation's name, folded as this server compares it.
    pub(super) fn relation(&self, schema: Option<&str>, name: &str) -> Name {
        let own = schema.map(folded).filter(|schema| &**schema == "information_schema");
        let fold = |word: &str| match (own.is_some(), self.syntax.lower_case_tables) {
            (true, _) => folded(word),
            (false, true) => lowered(word),
            (false, false) => word.into(),
        };
        Name { catalog: None, schema: schema.map(fold), name: fold(name) }
    }

    /// The name of a database.
    pub(super) fn schema_name(&mut self) -> Parsed<Box<str>> {
        let name = self.name()?;
        Ok(self.folded_schema(&name))
    }

    pub(super) fn folded_schema(&self, name: &str) -> Box<str> {
        match &*folded(name) {
            "information_schema" => "information_schema".into(),
            _ if self.syntax.lower_case_tables => lowered(name),
            _ => name.into(),
        }
    }

    /// The name of a function, procedure, trigger or event: `f`, `db.f`.
    pub(super) fn routine_name(&mut self) -> Parsed<Name> {
        let first = self.name()?;
        if !self.accept_mark(".") {
            return Ok(Name::bare(&folded(&first)));
        }
        let second = self.folded_name()?;
        Ok(Name { catalog: None, schema: Some(self.folded_schema(&first)), name: second })
    }

    /// The name of a prepared statement or a setting.
    ///
    /// EVASION: some servers take `ſql_mode` and `śql_mode` for `sql_mode` (test `names_that_servers_take_for_others_are_refused`).
    pub(super) fn plain_name(&mut self) -> Parsed<Box<str>> {
        if !self.written(0).is_ascii() {
            return Err(self.syntax_error());
        }
        self.folded_name()
    }

    /// A literal text, of one or more pieces; `None` where there is none here.
    pub(super) fn accept_text(&mut self) -> Option<String> {
        let mut text = None::<String>;
        while let Some(piece) = self.accept_kind(Kind::Text) {
            text.get_or_insert_with(String::new).push_str(&self.decoded(piece));
        }
        text
    }

    /// What a literal text stands for.
    fn decoded(&self, literal: &str) -> String {
        let mut characters = literal.chars();
        let quote = characters.next().unwrap_or('\'');
        let inside = characters.as_str().strip_suffix(quote).unwrap_or_default();
        let mut out = String::with_capacity(inside.len());
        let mut rest = inside.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' if !self.syntax.no_backslash_escapes => match rest.next() {
                    // EVASION: servers keep the backslash before a wildcard: `a\_b` is no `a_b` (test `a_backslash_before_a_wildcard_stays`).
                    Some(wildcard @ ('_' | '%')) => out.extend([c, wildcard]),
                    other => out.extend(other.map(escaped)),
                },
                c if c == quote => {
                    rest.next();
                    out.push(c);
                }
                c => out.push(c),
            }
        }
        out
    }
}

fn escaped(c: char) -> char {
    match c {
        '0' => '\0',
        'b' => '\u{8}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'Z' => '\u{1a}',
        c => c,
    }
}

/// A quoted name without its quotes.
pub(in crate::mysql) fn unquoted(written: &str) -> Box<str> {
    let mut characters = written.chars();
    let quote = characters.next().unwrap_or('`');
    let inside = characters.as_str().strip_suffix(quote).unwrap_or_default();
    let doubled: String = [quote, quote].iter().collect();
    inside.replace(&doubled, quote.encode_utf8(&mut [0; 4])).into()
}
