//! Reads the server's general log: which connection sent which command, with which text.
//!
//! The log's file alone is of no use to a judge: a text with a line break in it can forge the next entry. So the server
//! also writes its table `mysql.general_log`, whose storage is a file of comma-separated values with line breaks, quotes
//! and backslashes escaped: one line, one entry, whole once its line break is there. Both are read from disk, which asks
//! the server nothing and so adds nothing to the log.
//!
//! MySQL's table holds the bytes. MariaDB's holds text, with what is not text in its character set spelt `\xFF`; there
//! the file has the bytes, and the table says where they end ([`exact`]).
//!
//! The server writes an entry before it runs the command, and drops white space at both ends of a statement and semicolons
//! at its end ([`as_logged`]). Statements inside a stored routine have entries of their own; several statements in one
//! command share one. MySQL prepares again what a text `EXECUTE` runs, and logs that as one more `Prepare`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

/// One command in the server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The server's number of the connection.
    pub connection: u64,
    /// The user, as the client named it.
    pub user: String,
    /// What the server calls the command: `Connect`, `Query`, `Prepare`, `Execute`, `Init DB`, `Close stmt`, `Quit`…
    pub command: String,
    /// Its text, byte by byte; of an `Execute` the statement with its parameters filled in.
    pub bytes: Vec<u8>,
}

impl Logged {
    /// The text. A byte that is not UTF-8 shows as U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether SQL was sent with it or run by it.
    pub fn is_statement(&self) -> bool {
        matches!(self.command.as_str(), "Query" | "Prepare" | "Execute")
    }
}

/// A place in the log: what comes after it is a test's own part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub(super) usize);

/// Commands in the order in which the server took them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log(pub Vec<Logged>);

impl Log {
    /// Reads the table's storage; an entry that is still being written is left out.
    pub fn parse_table(file: &[u8]) -> Self {
        let lines = file.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        Self(lines.filter_map(logged).collect())
    }

    /// Only what one connection sent.
    pub fn session(&self, connection: u64) -> Self {
        self.only(|logged| logged.connection == connection)
    }

    /// Only connections that were opened as one user; inside a stored routine [`Logged::user`] is its definer.
    pub fn opened_by(&self, user: &str) -> Self {
        let opened = |logged: &&Logged| logged.command == "Connect" && logged.user == user;
        let connections: HashSet<u64> = self.0.iter().filter(opened).map(|logged| logged.connection).collect();
        self.only(|logged| connections.contains(&logged.connection))
    }

    /// Without the first entries, as many as a mark has seen.
    pub(super) fn since(mut self, mark: Mark) -> Self {
        self.0.drain(..mark.0.min(self.0.len()));
        self
    }

    /// Only commands of one kind.
    pub fn of_command(&self, command: &str) -> Self {
        self.only(|logged| logged.command == command)
    }

    /// The connections, in the order of their first command.
    pub fn connections(&self) -> Vec<u64> {
        let mut seen = Vec::new();
        for logged in &self.0 {
            if !seen.contains(&logged.connection) {
                seen.push(logged.connection);
            }
        }
        seen
    }

    /// The texts of the statements: queries, preparations and executions.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().filter(|logged| logged.is_statement()).map(|logged| logged.text().into_owned()).collect()
    }

    /// Command and text of everything, for comparing whole sessions.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.0.iter().map(|logged| (logged.command.clone(), logged.text().into_owned())).collect()
    }

    fn only(&self, wanted: impl Fn(&Logged) -> bool) -> Self {
        Self(self.0.iter().filter(|logged| wanted(logged)).cloned().collect())
    }
}

/// The statement as the server logs it, when this was sent.
pub fn as_logged(sql: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = sql.iter().position(|byte| !space(byte)).unwrap_or(sql.len());
    let end = sql.iter().rposition(|byte| !space(byte) && *byte != b';').map_or(start, |last| last + 1);
    &sql[start..end.max(start)]
}

/// The table's entries with the bytes that the log's file has for them, in the file's order.
///
/// Concurrent connections may stand in another order there, those of one connection may not. An entry's text has as many
/// line breaks in the file as in the table, so a text cannot forge where it ends. `None` while the table lacks an entry
/// of the file, which the server writes first.
pub fn exact(table: Log, file: &[u8]) -> Option<Log> {
    let mut waiting: HashMap<u64, VecDeque<Logged>> = HashMap::new();
    table.0.into_iter().for_each(|logged| waiting.entry(logged.connection).or_default().push_back(logged));
    let mut lines = file.split_inclusive(|&byte| byte == b'\n');
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        // Each start of the server writes three lines about itself.
        let Some((connection, first)) = header(line) else { continue };
        let mut logged = waiting.get_mut(&connection)?.pop_front()?;
        let breaks = logged.bytes.iter().filter(|&&byte| byte == b'\n').count();
        let rest = lines.by_ref().take(breaks).flatten();
        logged.bytes = first.iter().chain(rest).copied().collect();
        // The last line break is the log's own; without it the entry is still being written.
        if logged.bytes.pop() == Some(b'\n') {
            found.push(logged);
        }
    }
    Some(Log(found))
}

/// `YYMMDD HH:MM:SS⇥` or `⇥⇥`, then `number Command⇥` and the text's first line.
fn header(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"\t\t").or_else(|| {
        let (time, rest) = line.split_at_checked(16)?;
        (time[..6].iter().all(u8::is_ascii_digit) && time.ends_with(b"\t")).then_some(rest)
    })?;
    let rest = rest.trim_ascii_start();
    let number = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let connection = std::str::from_utf8(&rest[..number]).ok()?.parse().ok()?;
    let text = rest.iter().position(|&byte| byte == b'\t')?;
    Some((connection, &rest[text + 1..]))
}

/// `"time","user_host",thread_id,server_id,"command_type","argument"`.
fn logged(line: &[u8]) -> Option<Logged> {
    let [_, user_host, thread, _, command, argument] = fields(line).try_into().ok()?;
    Some(Logged {
        connection: String::from_utf8(thread).ok()?.parse().ok()?,
        user: user(&String::from_utf8_lossy(&user_host)),
        command: String::from_utf8(command).ok()?,
        bytes: argument,
    })
}

/// `app[app] @ localhost [127.0.0.1]`: the account that was matched, and in brackets the name that was given.
fn user(user_host: &str) -> String {
    let account = user_host.rsplit_once(" @ ").map_or(user_host, |(account, _)| account);
    let given = account.split_once('[').and_then(|(_, given)| given.strip_suffix(']'));
    given.unwrap_or(account).to_owned()
}

fn fields(line: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let (mut quoted, mut bytes) = (false, line.iter().copied());
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' && quoted { bytes.next() } else { None };
        match (byte, escaped) {
            (_, Some(letter)) => push(&mut fields, unescaped(letter)),
            (b'"', _) => quoted = !quoted,
            (b',', _) if !quoted => fields.push(Vec::new()),
            _ => push(&mut fields, byte),
        }
    }
    fields
}

fn push(fields: &mut [Vec<u8>], byte: u8) {
    if let Some(field) = fields.last_mut() {
        field.push(byte);
    }
}

fn unescaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(
        r#""2026-11-23 14:00:00.000001","[app] @ localhost [127.0.0.1]",7,1,"Connect","app@127.0.0.1 on shop""#,
        "\n",
        r#""2026-11-23 14:00:00.000002","app[app] @ localhost [127.0.0.1]",7,1,"Query","SELECT \"a,b\",\n'c\\\\n'\r\n""#,
        "\n",
        r#""2026-11-23 14:00:00.000003","root[root] @ localhost []",8,1,"Query","SELECT 1""#,
        "\n",
        r#""2026-11-23 14:00:00.000004","app[app] @ localhost [127.0.0.1]",7,1,"Quit","""#,
        "\n",
        r#""2026-11-23 14:00:00.000005","app[app] @ localhost [127.0.0.1]",9,1,"Query","SELECT half"#,
    );

    #[test]
    fn texts_keep_their_quotes_commas_and_line_breaks() {
        let log = Log::parse_table(FILE.as_bytes());
        assert_eq!(log.0.len(), 4);
        assert_eq!(log.0[1].text(), "SELECT \"a,b\",\n'c\\\\n'\r\n");
    }

    #[test]
    fn sessions_and_users_are_told_apart() {
        let log = Log::parse_table(FILE.as_bytes());
        assert_eq!(log.connections(), [7, 8]);
        assert_eq!(log.session(8).texts(), ["SELECT 1"]);
        assert_eq!(log.opened_by("app").0.len(), 3);
        assert_eq!(log.opened_by("root").0.len(), 0);
        assert_eq!(log.of_command("Quit").pairs(), [("Quit".to_owned(), String::new())]);
    }

    #[test]
    fn a_text_that_looks_like_an_entry_stays_a_text() {
        let forged =
            r#""t","app[app] @ h []",7,1,"Query","SELECT 1\n\"t\",\"root[root] @ h []\",8,1,\"Query\",\"DROP\"""#;
        let log = Log::parse_table(format!("{forged}\n").as_bytes());
        assert_eq!(log.connections(), [7]);
        assert!(log.0[0].text().contains("DROP"));
    }

    #[test]
    fn the_file_gives_the_bytes_and_the_table_their_end() {
        let table = Log::parse_table(
            concat!(
                r#""t","[app] @ h []",7,1,"Query","SELECT '\\xFF'\n\t\t     8 Query\tDROP""#,
                "\n",
                r#""t","[app] @ h []",9,1,"Query","SELECT 9""#,
                "\n",
                r#""t","[app] @ h []",7,1,"Quit","""#,
                "\n",
            )
            .as_bytes(),
        );
        let file = b"mariadbd, Version: 10\nTcp port: 1\nTime\t\t    Id Command\tArgument\n\
            261123 14:15:47\t     9 Query\tSELECT 9\n\
            \t\t     7 Query\tSELECT '\xff'\n\t\t     8 Query\tDROP\n\t\t     7 Quit\t\n";
        let later = [file.as_slice(), b"\t\t     9 Query\tnot in the table yet\n"].concat();
        assert_eq!(exact(table.clone(), &later), None);
        let log = exact(table, file).unwrap();
        assert_eq!(log.connections(), [9, 7]);
        assert_eq!(log.0[1].bytes, b"SELECT '\xff'\n\t\t     8 Query\tDROP");
        assert_eq!(log.0[2].command, "Quit");
        assert_eq!(log.0.len(), 3);
    }

    #[test]
    fn the_servers_own_trimming_is_known() {
        assert_eq!(as_logged(b" \n\x0bSELECT 1; SELECT ' ;' ; ;\n"), b"SELECT 1; SELECT ' ;'");
        assert_eq!(as_logged(b" ; "), b"");
        assert_eq!(as_logged(b" \n"), b"");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let line = [br#""t","app[app] @ h []",7,1,"Query",""#.as_slice(), b"SELECT '\xff'\"\n"].concat();
        assert_eq!(Log::parse_table(&line).0[0].bytes, b"SELECT '\xff'");
    }
}
