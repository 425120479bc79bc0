//! The timeline: one session's entries as text, in blocks that belong to one moment each.
//!
//! A block is written when its entry comes, except that result bytes wait for the outcome of their statement, so that a
//! table cut into many entries is one table. Only heads of results wait, and no more than [`MAX_HELD`] of them.

use std::collections::BTreeMap;

use portcullis_recording::Entry;
use portcullis_recording::body::{
    Body, Note, Origin, OutcomeRecord, OutcomeState, SessionStart, Statement, Text, Value, Verdict,
};

use crate::decode::{Decoded, Decoders, Parameter, Recorded, ResultDecoder, hex};
use crate::safe::{safe, safe_lines};
use crate::table::Table;
use crate::time::{duration, iso, offset};

/// LIMIT: result bytes held for one session; the rest is counted.
const MAX_HELD: usize = 8 << 20;

/// LIMIT: statements of which it is remembered how they were run.
const MAX_VIAS: usize = 1024;

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// Renders one session.
pub struct Timeline {
    style: Style,
    decoders: Decoders,
    decoder: Option<Box<dyn ResultDecoder>>,
    began: Option<u64>,
    /// How statements were run; more results of one may come after its outcome, as when a cursor is fetched from.
    vias: BTreeMap<u64, String>,
    results: BTreeMap<u64, Vec<u8>>,
    held: usize,
    dropped: u64,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

impl Timeline {
    /// A timeline in this style.
    pub fn new(style: Style, decoders: Decoders) -> Self {
        let (results, vias) = (BTreeMap::new(), BTreeMap::new());
        Self { style, decoders, decoder: None, began: None, vias, results, held: 0, dropped: 0 }
    }

    /// The text of the next entry: whole lines, or nothing where the entry waits for another.
    pub fn entry(&mut self, entry: &Entry) -> String {
        let time = entry.header.time;
        let began = *self.began.get_or_insert(time);
        let at = offset(time.saturating_sub(began));
        let lines = match &entry.body {
            Body::SessionStart(start) => self.start(entry.header.session, time, start),
            Body::SessionEnd(end) => {
                vec![format!("{at}  session ended: {} ({} statements)", safe(end.reason.as_bytes()), end.statements)]
            }
            Body::Statement(statement) => self.statement(&at, statement),
            Body::Outcome(outcome) => self.outcome(&at, outcome),
            Body::Result(chunk) => {
                self.hold(chunk.statement, &chunk.frames);
                Vec::new()
            }
            Body::Note(note) => self.note(&at, note),
            Body::Blob(blob) => {
                vec![format!("{at}  kept {}, {} bytes", safe(blob.label.as_bytes()), blob.content.len())]
            }
            Body::Unknown(code) => vec![format!("{at}  an entry of kind {code}, which this version does not know")],
            Body::Sealed => {
                vec![format!("{at}  {:?}: encrypted, and no identity opens it", entry.header.kind)]
            }
        };
        joined(lines)
    }

    /// What is left when the entries are over: results whose outcome never came.
    pub fn finish(&mut self) -> String {
        let mut lines = Vec::new();
        for statement in std::mem::take(&mut self.results).into_keys() {
            lines.push(self.ink(Ink::Yellow, &format!("#{statement} has no outcome: the recording stops here")));
        }
        if self.dropped > 0 {
            lines.push(format!("{} result bytes were too many to show", self.dropped));
        }
        joined(lines)
    }

    fn start(&mut self, session: u128, time: u64, start: &SessionStart) -> Vec<String> {
        self.decoder = self.decoders.of(start);
        let mut lines = vec![self.ink(Ink::Bold, &format!("session {session:032x}"))];
        let mut line = |label: &str, value: String| {
            if !value.is_empty() {
                lines.push(format!("  {label:<9} {value}"));
            }
        };
        line("began", iso(time));
        if start.origin == Origin::Gateway {
            line("of", "the gateway itself".to_owned());
        }
        line("who", who(start));
        line("user", safe(start.user.as_bytes()));
        line("groups", start.groups.iter().map(|group| safe(group.as_bytes())).collect::<Vec<_>>().join(", "));
        line("to", place(start));
        line("from", from(start));
        for (key, value) in &start.facts {
            line(&safe(key.as_bytes()), safe(value.as_bytes()));
        }
        lines.push(String::new());
        lines
    }

    fn statement(&mut self, at: &str, statement: &Statement) -> Vec<String> {
        if statement.verdict == Verdict::Allow {
            self.vias.insert(statement.statement, statement.via.clone());
            if self.vias.len() > MAX_VIAS {
                self.vias.pop_first();
            }
        }
        let (ink, word) = match statement.verdict {
            Verdict::Allow => (Ink::Green, "allowed"),
            Verdict::Refuse => (Ink::Red, "REFUSED"),
            Verdict::Hold => (Ink::Yellow, "HELD"),
        };
        let rule =
            if statement.rule.is_empty() { String::new() } else { format!(" by {}", safe(statement.rule.as_bytes())) };
        let mut lines = vec![format!(
            "{at}  #{} {}{rule}  {}",
            statement.statement,
            self.ink(ink, word),
            self.ink(Ink::Dim, &safe(statement.via.as_bytes()))
        )];
        lines.extend(text_lines(&statement.original, "    "));
        if let Some(forwarded) = &statement.forwarded {
            lines.push("  forwarded as".to_owned());
            lines.extend(text_lines(forwarded, "    "));
        }
        for (place, parameter) in statement.parameters.iter().enumerate() {
            lines.push(format!("  ${} = {}", place.saturating_add(1), self.value(parameter)));
        }
        for (label, text) in [("told", &statement.reason), ("hint", &statement.hint)] {
            if !text.is_empty() {
                lines.push(format!("  {label}: {}", safe(text.as_bytes())));
            }
        }
        lines
    }

    fn value(&self, (type_id, format, value): &(u32, u8, Value)) -> String {
        let kind = if *type_id == 0 { String::new() } else { format!(" (type {type_id})") };
        match value {
            Value::Null => format!("NULL{kind}"),
            Value::Elided => format!("***{kind}"),
            Value::Bytes(bytes) => format!("{}{kind}", self.shown(*type_id, *format, bytes)),
            Value::Cut(bytes, length, _) => {
                format!("{}… {length} bytes in all{kind}", self.shown(*type_id, *format, bytes))
            }
        }
    }

    fn shown(&self, type_id: u32, format: u8, bytes: &[u8]) -> String {
        let quoted = |text: &[u8]| format!("'{}'", safe(text));
        let decoded = || self.decoder.as_ref().and_then(|decoder| decoder.parameter(type_id, bytes));
        shortened(match format {
            0 => quoted(bytes),
            _ => match decoded() {
                Some(Parameter::Number(number)) => safe(number.as_bytes()),
                Some(Parameter::Text(text)) => quoted(&text),
                None => safe(&hex(bytes.get(..MOST).unwrap_or(bytes))),
            },
        })
    }

    fn outcome(&mut self, at: &str, outcome: &OutcomeRecord) -> Vec<String> {
        let frames = self.results.remove(&outcome.statement).unwrap_or_default();
        self.held = self.held.saturating_sub(frames.len());
        let via = self.vias.get(&outcome.statement).cloned().unwrap_or_default();
        let mut lines = self.result_lines(&Recorded { statement: outcome.statement, via: &via, frames: &frames });
        if !frames.is_empty() && outcome.recorded < outcome.bytes {
            lines.push(format!("    … {} of {} bytes recorded", outcome.recorded, outcome.bytes));
        }
        let (ink, word) = match outcome.state {
            OutcomeState::Completed => (Ink::Green, "completed"),
            OutcomeState::Failed => (Ink::Red, "failed"),
            OutcomeState::Aborted => (Ink::Red, "aborted"),
            OutcomeState::Unknown => (Ink::Yellow, "forwarded, answer unknown"),
            OutcomeState::NotForwarded => (Ink::Yellow, "not forwarded"),
        };
        let mut parts = vec![self.ink(ink, word)];
        parts.extend(outcome.sqlstate.as_deref().map(|code| safe(code.as_bytes())));
        parts.extend(Some(safe(outcome.command_tag.as_bytes())).filter(|tag| !tag.is_empty()));
        parts.push(format!("{} rows, {} bytes, {}", outcome.rows, outcome.bytes, duration(outcome.duration)));
        parts.extend((outcome.masked > 0).then(|| format!("{} values masked", outcome.masked)));
        parts.extend(Some(safe(outcome.note.as_bytes())).filter(|note| !note.is_empty()));
        lines.push(format!("{at}  #{} {}", outcome.statement, parts.join(", ")));
        lines
    }

    fn result_lines(&mut self, recorded: &Recorded<'_>) -> Vec<String> {
        let room = self.style.width.saturating_sub(4);
        let (mut lines, mut table) = (Vec::new(), Table::default());
        let decoded = self.decoder.as_mut().map(|decoder| decoder.decode(recorded)).unwrap_or_default();
        for item in decoded {
            match item {
                Decoded::Columns(columns) => {
                    lines.append(&mut indented(&table, room));
                    table = Table::new(columns);
                }
                Decoded::Row(row) => table.add(&row),
                Decoded::Complete(_) => {
                    lines.append(&mut indented(&table, room));
                    table = Table::default();
                }
                Decoded::Message { severity, code, message } => {
                    lines.push(self.ink(Ink::Red, &format!("    {severity} {code}: {message}")));
                }
                Decoded::Data(data) => lines.push(format!("    {}", safe(data.strip_suffix(b"\n").unwrap_or(&data)))),
            }
        }
        lines.append(&mut indented(&table, room));
        lines
    }

    fn note(&self, at: &str, note: &Note) -> Vec<String> {
        let facts: String = note
            .facts
            .iter()
            .map(|(key, value)| format!(" {}={}", safe(key.as_bytes()), safe(value.as_bytes())))
            .collect();
        let code = self.ink(Ink::Yellow, &safe(note.code.as_bytes()));
        vec![format!("{at}  {code}: {}{facts}", safe(note.message.as_bytes()))]
    }

    fn hold(&mut self, statement: u64, frames: &[u8]) {
        if self.held.saturating_add(frames.len()) > MAX_HELD {
            self.dropped = self.dropped.saturating_add(frames.len() as u64);
            return;
        }
        self.held = self.held.saturating_add(frames.len());
        self.results.entry(statement).or_default().extend_from_slice(frames);
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.style.colour {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
            Ink::Yellow => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

fn joined(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn indented(table: &Table, room: usize) -> Vec<String> {
    if table.is_empty() {
        return Vec::new();
    }
    table.lines(room).into_iter().map(|line| format!("    {line}")).collect()
}

fn who(start: &SessionStart) -> String {
    let subject = safe(start.subject.as_bytes());
    let provider =
        if start.provider.is_empty() { String::new() } else { format!(" ({})", safe(start.provider.as_bytes())) };
    let actor = start.actor.as_ref().map(|actor| format!(", through {}", safe(actor.as_bytes()))).unwrap_or_default();
    format!("{subject}{provider}{actor}")
}

fn place(start: &SessionStart) -> String {
    let version = [&start.protocol, &start.protocol_version].map(|part| safe(part.as_bytes())).join(" ");
    format!("{}/{}, {}", safe(start.upstream.as_bytes()), safe(start.database.as_bytes()), version.trim_end())
}

fn from(start: &SessionStart) -> String {
    let parts = [&start.client_address, &start.application_name];
    let shown: Vec<String> =
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| safe(part.as_bytes())).collect();
    shown.join(", ")
}

fn text_lines(text: &Text, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = safe_lines(&text.bytes).into_iter().map(|line| format!("{indent}{line}")).collect();
    if let Some((length, _)) = text.whole {
        lines.push(format!("{indent}… {length} bytes in all"));
    }
    lines
}

/// LIMIT: characters of one parameter; the export has all.
const MOST: usize = 500;

fn shortened(text: String) -> String {
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain(['…']).collect() }
}
