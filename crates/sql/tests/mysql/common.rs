//! Shared by the tests: servers, a deep stack, and analyses as one line of text.

use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::mysql::{Flavour, MySql};
use portcullis_sql::{Limits, NotAnalysed, STACK, SessionChange, Statement};

pub const MYSQL: MySql = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };
pub const MARIADB: MySql = MySql { flavour: Flavour::MariaDb, version: 101_116, lower_case_tables: false };

pub const ANSI_QUOTES: Mode = Mode(1);
pub const NO_BACKSLASH_ESCAPES: Mode = Mode(2);

/// Runs `test` where hostile text may be analysed.
pub fn on_deep_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

pub fn read(server: &MySql, mode: Mode, text: &str) -> Result<Vec<Statement>, NotAnalysed> {
    server.analyse(text.as_bytes(), mode, &Limits::default())
}

pub fn statements(text: &str) -> Result<Vec<Statement>, NotAnalysed> {
    read(&MYSQL, Mode(0), text)
}

/// An analysis on one line.
pub fn describe(text: &str, analysis: &Result<Vec<Statement>, NotAnalysed>) -> String {
    match analysis {
        Ok(statements) => statements.iter().map(|one| describe_one(text, one)).collect::<Vec<_>>().join(" ;; "),
        Err(error) => format!("error: {error}"),
    }
}

fn describe_one(text: &str, statement: &Statement) -> String {
    let mut out = format!("{}:", statement.kind);
    list(&mut out, " ", statement.effects.iter().map(ToString::to_string).collect());
    list(&mut out, " | calls ", statement.functions.iter().map(ToString::to_string).collect());
    list(&mut out, " | session ", statement.session.iter().map(change).collect());
    list(&mut out, " | secrets ", statement.secrets.iter().map(|range| text[range.clone()].to_owned()).collect());
    list(&mut out, " | tags ", statement.tags.iter().map(|(key, value)| format!("{key}={value}")).collect());
    if !statement.barrier.is_none() {
        out.push_str(&format!(" | barrier {}", statement.barrier));
    }
    if statement.copy.is_some() {
        out.push_str(" | copy in");
    }
    out
}

fn change(change: &SessionChange) -> String {
    match change {
        SessionChange::Set { name, value, local } => format!("Set {name}={value:?} {local}"),
        SessionChange::PrepareSql { name, statement } => format!("Prepare {name} <{}>", describe_one("", statement)),
        other => format!("{other:?}"),
    }
}

fn list(out: &mut String, name: &str, items: Vec<String>) {
    if !items.is_empty() {
        out.push_str(name);
        out.push_str(&items.join("; "));
    }
}
