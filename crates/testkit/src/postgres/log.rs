//! Reads the server's own log: which statements it ran, in which process, with which parameters.
//!
//! With `log_statement = all` the server writes a line before it runs a statement. It puts a tab after each line break
//! inside a message, so a line that does not begin with a tab begins an entry: a statement's text cannot forge one.
//! Errors are read too; what a server refuses to parse appears only there.

/// The prefix that the fixture sets: process, session, user, database.
pub const LINE_PREFIX: &str = "%p|%c|%u|%d|";

/// How a statement came to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A simple Query message; one entry for the whole message.
    Simple,
    /// Execute of a portal; the name is that of the statement, `<unnamed>` for the unnamed one, with `/portal` if named.
    Execute(String),
    /// A fast-path function call.
    FunctionCall,
}

/// One statement in the server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The server process that ran it.
    pub pid: u32,
    /// The server's identifier of the session.
    pub session: String,
    /// The role it ran as.
    pub user: String,
    /// In which way it was sent.
    pub how: How,
    /// Its text, exactly.
    pub text: String,
    /// The parameters as the server prints them: `$1 = '…', $2 = NULL`.
    pub parameters: Option<String>,
}

/// An entry of any severity.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    pid: u32,
    session: String,
    user: String,
    severity: String,
    message: String,
}

/// All statements in a log, in order.
pub fn statements(log: &str) -> Vec<Logged> {
    let mut found: Vec<Logged> = Vec::new();
    for entry in entries(log) {
        match entry.severity.as_str() {
            "LOG" => found.extend(statement(entry)),
            "DETAIL" => attach_parameters(&mut found, &entry),
            _ => {}
        }
    }
    found
}

/// All errors in a log, in order: the messages of `ERROR` and `FATAL`.
pub fn errors(log: &str) -> Vec<String> {
    let grave = |e: &Entry| e.severity == "ERROR" || e.severity == "FATAL";
    entries(log).filter(grave).map(|e| e.message).collect()
}

fn entries(log: &str) -> impl Iterator<Item = Entry> {
    let mut whole: Vec<String> = Vec::new();
    for line in log.split_inclusive('\n') {
        match (line.strip_prefix('\t'), whole.last_mut()) {
            (Some(rest), Some(entry)) => entry.push_str(rest),
            _ => whole.push(line.to_owned()),
        }
    }
    whole.into_iter().filter_map(|text| entry(text.strip_suffix('\n').unwrap_or(&text)))
}

fn entry(text: &str) -> Option<Entry> {
    let mut fields = text.splitn(5, '|');
    let (pid, session, user) = (fields.next()?, fields.next()?, fields.next()?);
    let (severity, message) = fields.nth(1)?.split_once(":  ")?;
    Some(Entry {
        pid: pid.parse().ok()?,
        session: session.to_owned(),
        user: user.to_owned(),
        severity: severity.to_owned(),
        message: message.to_owned(),
    })
}

fn statement(entry: Entry) -> Option<Logged> {
    let (how, text) = how(&entry.message)?;
    let text = text.to_owned();
    Some(Logged { pid: entry.pid, session: entry.session, user: entry.user, how, text, parameters: None })
}

fn how(message: &str) -> Option<(How, &str)> {
    if let Some(text) = message.strip_prefix("statement: ") {
        return Some((How::Simple, text));
    }
    if let Some(text) = message.strip_prefix("fastpath function call: ") {
        return Some((How::FunctionCall, text));
    }
    let rest = message.strip_prefix("execute fetch from ").or_else(|| message.strip_prefix("execute "))?;
    let (name, text) = rest.split_once(": ")?;
    Some((How::Execute(name.to_owned()), text))
}

/// `DETAIL:  parameters: …` (`Parameters:` since PostgreSQL 16) belongs to the statement before it in the same process.
fn attach_parameters(found: &mut [Logged], entry: &Entry) {
    let Some((label, parameters)) = entry.message.split_once(": ") else { return };
    if !label.eq_ignore_ascii_case("parameters") {
        return;
    }
    if let Some(last) = found.iter_mut().rev().find(|logged| logged.pid == entry.pid) {
        last.parameters = Some(parameters.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026 some line of the postmaster\n\
        12|5f.c|app|shop|LOG:  statement: SELECT 1;\n\t13|5f.c|app|shop|LOG:  statement: forged\n\
        14|60.e|app|shop|LOG:  execute s1/p1: SELECT $1\n\
        12|5f.c|app|shop|ERROR:  syntax error at or near \"x\" at character 1\n\
        14|60.e|app|shop|DETAIL:  parameters: $1 = 'a\n\tb'\n\
        14|60.e|app|shop|LOG:  fastpath function call: \"pg_catalog.now\" (OID 1299)\n";

    #[test]
    fn continuation_lines_cannot_forge_an_entry() {
        let all = statements(LOG);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].text, "SELECT 1;\n13|5f.c|app|shop|LOG:  statement: forged");
    }

    #[test]
    fn parameters_go_to_the_statement_of_their_process() {
        let all = statements(LOG);
        assert_eq!(all[1].how, How::Execute("s1/p1".into()));
        assert_eq!(all[1].parameters.as_deref(), Some("$1 = 'a\nb'"));
        assert_eq!(all[0].parameters, None);
        assert_eq!(all[2].how, How::FunctionCall);
    }

    #[test]
    fn errors_are_told_apart_from_statements() {
        assert_eq!(errors(LOG), ["syntax error at or near \"x\" at character 1"]);
    }
}
