//! Shared by the tests: a deep stack, and analyses as text.

use portcullis_sql::postgres::{SqlMode, analyse};
use portcullis_sql::{Limits, NotAnalysed, STACK, Statement};

/// Runs `test` where hostile text may be analysed.
pub fn on_deep_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

pub fn statements(text: &str) -> Result<Vec<Statement>, NotAnalysed> {
    analyse(text.as_bytes(), &SqlMode::default(), &Limits::default()).map(|analysis| analysis.statements)
}

/// An analysis as lines of text.
pub fn describe(text: &str) -> String {
    match statements(text) {
        Ok(statements) => statements.iter().map(|statement| describe_one(text, statement)).collect(),
        Err(error) => format!("error: {error}\n"),
    }
}

fn describe_one(text: &str, statement: &Statement) -> String {
    let mut out = format!("{}:\n", statement.kind);
    for effect in &statement.effects {
        out.push_str(&format!("  {effect}\n"));
    }
    line(&mut out, "functions", statement.functions.iter().map(ToString::to_string).collect());
    line(&mut out, "attributes", statement.attributes.iter().map(ToString::to_string).collect());
    line(&mut out, "operators", statement.operators.iter().map(ToString::to_string).collect());
    line(&mut out, "types", statement.types.iter().map(ToString::to_string).collect());
    if statement.parameters > 0 {
        out.push_str(&format!("  parameters: {}\n", statement.parameters));
    }
    if !statement.barrier.is_none() {
        out.push_str(&format!("  barrier: {}\n", statement.barrier));
    }
    for change in &statement.session {
        let change = format!("{change:?}");
        out.push_str(&format!("  session: {}\n", change.split(", statement:").next().unwrap()));
    }
    line(&mut out, "secrets", statement.secrets.iter().map(|range| text[range.clone()].to_owned()).collect());
    line(&mut out, "tags", statement.tags.iter().map(|(key, value)| format!("{key}={value}")).collect());
    if let Some(copy) = statement.copy {
        out.push_str(&format!("  copy: {copy:?}\n"));
    }
    out
}

fn line(out: &mut String, name: &str, items: Vec<String>) {
    if !items.is_empty() {
        out.push_str(&format!("  {name}: {}\n", items.join(" ")));
    }
}
