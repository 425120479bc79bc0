//! A small model of PostgreSQL's answer rules, without sockets: bytes in, bytes out, and a log of what it ran and under
//! which search path.
//!
//! It keeps to "Message Flow": one answer for each request, errors of the extended protocol skip to Sync, simple queries
//! are one implicit transaction, COPY ignores Flush and Sync, settings fall back with their transaction.

use std::collections::{BTreeSet, HashMap, VecDeque};

use bytes::{BufMut, BytesMut};
use portcullis_postgres::backend::{Field, Notice, RowDescription};

/// A failed request: its SQLSTATE.
type Failed = &'static str;

/// One value of a row.
pub type Value = Option<Vec<u8>>;

/// Columns (name and type) and rows that a text answers with.
pub type Table = (Vec<(&'static str, u32)>, Vec<Vec<Value>>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Vars {
    path: String,
    local: Option<String>,
    temporary: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Portal {
    text: String,
    formats: Vec<i16>,
    rows: Option<(Vec<Vec<Value>>, usize)>,
    held: bool,
}

#[derive(Debug)]
struct CopyIn {
    extended: bool,
    rest: VecDeque<String>,
}

enum Ran {
    Tag(String),
    Rows(Table),
    CopyIn,
    CopyOut,
}

/// The server of one session.
#[derive(Debug, Default)]
pub struct Model {
    inbound: BytesMut,
    /// Every frame that came, in a word or two.
    pub log: Vec<String>,
    /// Every statement that ran, as `path|text`.
    pub ran: Vec<String>,
    /// What some texts answer with.
    pub tables: HashMap<String, Table>,
    vars: Vars,
    begun: Option<Vars>,
    savepoints: Vec<(String, Vars)>,
    explicit: bool,
    failed: bool,
    skip: bool,
    copy: Option<CopyIn>,
    statements: HashMap<String, String>,
    portals: HashMap<String, Portal>,
}

impl Model {
    pub fn new(tables: HashMap<String, Table>) -> Self {
        Self { tables, vars: Vars { path: "public".into(), ..Vars::default() }, ..Self::default() }
    }

    /// Takes what came and answers it.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.inbound.extend_from_slice(bytes);
        let mut out = BytesMut::new();
        while let Some((tag, body)) = self.frame() {
            let mut body = Body(&body);
            self.log.push(describe(tag, &mut Body(body.0)));
            if self.copy.is_some() {
                self.copying(tag, &mut body, &mut out);
            } else if !self.skip || tag == b'S' {
                self.request(tag, &mut body, &mut out);
            }
        }
        out.to_vec()
    }

    pub fn is_copying(&self) -> bool {
        self.copy.is_some()
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.inbound.get(..5)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize + 1;
        if self.inbound.len() < length {
            return None;
        }
        let frame = self.inbound.split_to(length);
        Some((frame[0], frame[5..].to_vec()))
    }

    fn request(&mut self, tag: u8, body: &mut Body<'_>, out: &mut BytesMut) {
        match tag {
            b'Q' => {
                let text = body.text();
                self.statements.remove("");
                let rest = text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
                let rest: VecDeque<String> = rest.collect();
                if rest.is_empty() {
                    message(out, b'I', b"");
                }
                self.simple(rest, out);
            }
            b'S' => {
                self.skip = false;
                self.end_implicit();
                self.ready(out);
            }
            b'd' | b'c' | b'f' | b'H' | b'X' => {}
            _ => {
                if let Err(code) = self.extended(tag, body, out) {
                    self.fail(code, out);
                    self.skip = true;
                }
            }
        }
    }

    fn simple(&mut self, mut rest: VecDeque<String>, out: &mut BytesMut) {
        while let Some(text) = rest.pop_front() {
            match self.run(&text) {
                Ok(Ran::CopyIn) => {
                    if self.copy_in(&text, false, rest, out).is_err() {
                        self.ready(out);
                    }
                    return;
                }
                Ok(ran) => self.answer(&text, ran, &[], true, out),
                Err(code) => {
                    self.fail(code, out);
                    break;
                }
            }
        }
        self.end_implicit();
        self.ready(out);
    }

    fn answer(&mut self, text: &str, ran: Ran, formats: &[i16], describe: bool, out: &mut BytesMut) {
        match ran {
            Ran::Tag(tag) => tagged(out, &tag),
            Ran::Rows((columns, rows)) => {
                if describe {
                    describe_columns(&columns, formats, out);
                }
                rows.iter().for_each(|row| put_row(row, out));
                tagged(out, &format!("SELECT {}", rows.len()));
            }
            Ran::CopyOut => {
                message(out, b'H', b"\0\0\x01\0\0");
                let rows = self.tables.get(text).map(|table| table.1.clone()).unwrap_or_default();
                for row in &rows {
                    message(out, b'd', row[0].as_deref().unwrap_or_default());
                }
                message(out, b'c', b"");
                tagged(out, &format!("COPY {}", rows.len()));
            }
            Ran::CopyIn => unreachable!("COPY IN has its own way"),
        }
    }

    fn copy_in(&mut self, text: &str, extended: bool, rest: VecDeque<String>, out: &mut BytesMut) -> Result<(), ()> {
        message(out, b'G', b"\0\0\x01\0\0");
        if text.contains("a_view") {
            self.fail("42809", out);
            self.skip = extended;
            return Err(());
        }
        self.copy = Some(CopyIn { extended, rest });
        Ok(())
    }

    fn copying(&mut self, tag: u8, body: &mut Body<'_>, out: &mut BytesMut) {
        let failed = match tag {
            b'd' if !body.0.windows(3).any(|word| word == b"BAD") => return,
            b'H' | b'S' => return,
            b'd' => Some("22P04"),
            b'c' => None,
            b'f' => Some("57014"),
            _ => Some("08P01"),
        };
        let copy = self.copy.take().expect("copying");
        match failed {
            Some(code) => {
                self.fail(code, out);
                self.skip = copy.extended;
                if !copy.extended {
                    self.end_implicit();
                    self.ready(out);
                }
            }
            None => {
                tagged(out, "COPY 1");
                if !copy.extended {
                    self.simple(copy.rest, out);
                }
            }
        }
    }

    fn extended(&mut self, tag: u8, body: &mut Body<'_>, out: &mut BytesMut) -> Result<(), Failed> {
        match tag {
            b'P' => {
                let (name, text) = (body.text(), body.text());
                if name.is_empty() {
                    self.statements.remove("");
                }
                self.start();
                if text.starts_with("SYNTAX") {
                    return Err("42601");
                }
                self.alive(&text)?;
                if self.statements.contains_key(&name) {
                    return Err("42P05");
                }
                self.statements.insert(name, text);
                message(out, b'1', b"");
            }
            b'B' => {
                let (portal, name) = (body.text(), body.text());
                self.start();
                let text = self.statements.get(&name).cloned().ok_or("26000")?;
                self.alive(&text)?;
                let formats = body.bind_formats();
                self.portals.insert(portal, Portal { text, formats, rows: None, held: false });
                message(out, b'2', b"");
            }
            b'D' => {
                let (kind, name) = (body.byte(), body.text());
                self.start();
                let (text, formats) = if kind == b'S' {
                    let text = self.statements.get(&name).cloned().ok_or("26000")?;
                    message(out, b't', b"\0\0");
                    (text, Vec::new())
                } else {
                    let portal = self.portals.get(&name).ok_or("34000")?;
                    (portal.text.clone(), portal.formats.clone())
                };
                match self.columns(&text) {
                    Some(_) if self.failed => return Err("25P02"),
                    Some(columns) => describe_columns(&columns, &formats, out),
                    None => message(out, b'n', b""),
                }
            }
            b'E' => {
                let (name, limit) = (body.text(), body.number());
                self.start();
                self.execute(&name, limit, out)?;
            }
            b'C' => {
                let (kind, name) = (body.byte(), body.text());
                if kind == b'S' {
                    self.statements.remove(&name);
                } else {
                    self.portals.remove(&name);
                }
                message(out, b'3', b"");
            }
            _ => return Err("08P01"),
        }
        Ok(())
    }

    fn execute(&mut self, name: &str, limit: usize, out: &mut BytesMut) -> Result<(), Failed> {
        let portal = self.portals.get(name).cloned().ok_or("34000")?;
        self.alive(&portal.text)?;
        let (rows, from) = match portal.rows {
            Some(known) => known,
            None => match self.run(&portal.text)? {
                Ran::Rows((_, rows)) => (rows, 0),
                Ran::CopyIn => {
                    let _ = self.copy_in(&portal.text, true, VecDeque::new(), out);
                    return Ok(());
                }
                other => {
                    self.answer(&portal.text, other, &portal.formats, false, out);
                    return Ok(());
                }
            },
        };
        let to = if limit == 0 { rows.len() } else { rows.len().min(from + limit) };
        rows[from..to].iter().for_each(|row| put_row(row, out));
        let stopped = limit > 0 && to == from + limit;
        if stopped {
            message(out, b's', b"");
        } else {
            tagged(out, &format!("SELECT {}", to - from));
        }
        if let Some(portal) = self.portals.get_mut(name) {
            portal.rows = Some((rows, to));
        }
        Ok(())
    }

    /// In a failed transaction only its end is accepted.
    fn alive(&self, text: &str) -> Result<(), Failed> {
        let end = ["COMMIT", "ROLLBACK"].iter().any(|word| text.starts_with(word));
        if self.failed && !end { Err("25P02") } else { Ok(()) }
    }

    fn start(&mut self) {
        self.begun.get_or_insert_with(|| self.vars.clone());
    }

    fn run(&mut self, text: &str) -> Result<Ran, Failed> {
        self.start();
        self.alive(text)?;
        let path = self.vars.local.as_ref().unwrap_or(&self.vars.path).clone();
        if text.contains("/* portcullis */") {
            return Ok(Ran::Rows((vec![("path", 25)], vec![vec![Some(format!("{path}\napp").into_bytes())]])));
        }
        if !text.starts_with("FETCH") && !text.starts_with("EXECUTE") {
            self.ran.push(format!("{path}|{text}"));
        }
        if text.contains("1/0") {
            return Err("22012");
        }
        if let Some(table) = self.tables.get(text).filter(|_| !text.starts_with("COPY")) {
            return Ok(Ran::Rows(table.clone()));
        }
        self.utility(text)
    }

    fn utility(&mut self, text: &str) -> Result<Ran, Failed> {
        let words: Vec<&str> = text.split([' ', '\'', ',', '(', ')', '=']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["BEGIN", ..] => self.explicit = true,
            ["COMMIT", ..] => {
                let undone = self.failed;
                self.end(!undone);
                return Ok(Ran::Tag(if undone { "ROLLBACK" } else { "COMMIT" }.into()));
            }
            ["ROLLBACK", "TO", name] => {
                let at = self.savepoints.iter().rposition(|(known, _)| known == name).ok_or("3B001")?;
                self.vars = self.savepoints[at].1.clone();
                self.savepoints.truncate(at + 1);
                self.failed = false;
            }
            ["ROLLBACK", ..] => self.end(false),
            ["SAVEPOINT", name] => self.savepoints.push(((*name).to_owned(), self.vars.clone())),
            ["SET", "LOCAL", "search_path", path] => self.vars.local = Some((*path).to_owned()),
            ["SET", "search_path", path] => {
                self.vars.path = (*path).to_owned();
                self.vars.local = None;
            }
            ["SELECT", "set_config", "search_path", path, "false"] => {
                self.vars.path = (*path).to_owned();
                return Ok(one_row(path));
            }
            ["DISCARD", "ALL"] => {
                self.vars = Vars { path: "public".into(), ..Vars::default() };
                self.statements.clear();
                self.portals.clear();
            }
            ["CREATE", "TEMP", "TABLE", name, ..] => drop(self.vars.temporary.insert((*name).to_owned())),
            ["DROP", "TABLE", name] => drop(self.vars.temporary.remove(*name)),
            ["PREPARE", name, "AS", ..] => {
                let body = text.split_once(" AS ").expect("a body").1.to_owned();
                if self.statements.insert((*name).to_owned(), body).is_some() {
                    return Err("42P05");
                }
            }
            ["DEALLOCATE", "ALL"] => self.statements.clear(),
            ["DEALLOCATE", name] => drop(self.statements.remove(*name).ok_or("26000")?),
            ["EXECUTE", name] => {
                let body = self.statements.get(*name).cloned().ok_or("26000")?;
                return if by_name(&body) { Err("54001") } else { self.run(&body) };
            }
            ["DECLARE", name, "CURSOR", "FOR", ..] => {
                let body = text.split_once(" FOR ").expect("a body").1.to_owned();
                let portal = Portal { text: body, formats: Vec::new(), rows: None, held: false };
                self.portals.insert((*name).to_owned(), portal);
            }
            ["FETCH", .., name] => {
                let body = self.portals.get(*name).map(|portal| portal.text.clone()).ok_or("34000")?;
                return if by_name(&body) { Err("54001") } else { self.run(&body) };
            }
            ["CLOSE", name] => drop(self.portals.remove(*name).ok_or("34000")?),
            ["COPY", .., "STDIN"] => return Ok(Ran::CopyIn),
            ["COPY", .., "STDOUT"] => return Ok(Ran::CopyOut),
            ["SELECT", ..] => return Ok(one_row("1")),
            _ => {}
        }
        let tag = match words.as_slice() {
            ["CREATE", ..] => "CREATE TABLE",
            ["DROP", ..] => "DROP TABLE",
            ["DECLARE", ..] => "DECLARE CURSOR",
            ["CLOSE", ..] => "CLOSE CURSOR",
            ["DISCARD", ..] => "DISCARD ALL",
            [word, ..] => word,
            [] => "",
        };
        Ok(Ran::Tag(tag.to_owned()))
    }

    fn columns(&self, text: &str) -> Option<Vec<(&'static str, u32)>> {
        if text.starts_with("COPY") {
            return None;
        }
        let words: Vec<&str> = text.split(' ').collect();
        match (self.tables.get(text), words.as_slice()) {
            (Some(table), _) => Some(table.0.clone()),
            (None, ["SELECT", ..]) => Some(vec![("?column?", 25)]),
            (None, ["EXECUTE", name]) => self.columns(self.statements.get(*name).filter(|body| !by_name(body))?),
            (None, ["FETCH", .., name]) => {
                self.columns(&self.portals.get(*name).filter(|portal| !by_name(&portal.text))?.text)
            }
            _ => None,
        }
    }

    fn end(&mut self, well: bool) {
        let before = self.begun.take();
        match before {
            Some(before) if !well => self.vars = before,
            _ => self.vars.local = None,
        }
        self.savepoints.clear();
        (self.explicit, self.failed) = (false, false);
        self.portals.retain(|_, portal| portal.held);
    }

    fn end_implicit(&mut self) {
        if !self.explicit {
            self.end(true);
        }
    }

    fn fail(&mut self, code: &str, out: &mut BytesMut) {
        Notice::error(code, "it failed").encode(out);
        if self.explicit {
            self.failed = true;
        } else {
            self.end(false);
        }
    }

    fn ready(&self, out: &mut BytesMut) {
        let status = match (self.explicit, self.failed) {
            (false, _) => b'I',
            (true, false) => b'T',
            (true, true) => b'E',
        };
        message(out, b'Z', &[status]);
    }
}

/// What stands for another text; one that stands for itself has no end.
fn by_name(text: &str) -> bool {
    text.starts_with("EXECUTE") || text.starts_with("FETCH")
}

fn one_row(value: &str) -> Ran {
    Ran::Rows((vec![("?column?", 25)], vec![vec![Some(value.as_bytes().to_vec())]]))
}

pub fn message(out: &mut BytesMut, tag: u8, body: &[u8]) {
    out.put_u8(tag);
    out.put_u32(body.len() as u32 + 4);
    out.put_slice(body);
}

fn tagged(out: &mut BytesMut, tag: &str) {
    message(out, b'C', format!("{tag}\0").as_bytes());
}

fn put_row(row: &[Value], out: &mut BytesMut) {
    let values: Vec<Option<&[u8]>> = row.iter().map(|value| value.as_deref()).collect();
    portcullis_postgres::backend::DataRow::put(out, &values);
}

fn describe_columns(columns: &[(&'static str, u32)], formats: &[i16], out: &mut BytesMut) {
    let fields: Vec<Field<'_>> = columns
        .iter()
        .enumerate()
        .map(|(index, (name, oid))| Field {
            name: name.as_bytes(),
            table_oid: 0,
            attribute: 0,
            type_oid: *oid,
            type_size: -1,
            type_modifier: -1,
            format: match formats {
                [] => 0,
                [one] => *one,
                each => each.get(index).copied().unwrap_or(0),
            },
        })
        .collect();
    RowDescription::put(out, &fields);
}

/// Reads the fields of a message that is known to be well formed.
struct Body<'b>(&'b [u8]);

impl Body<'_> {
    fn text(&mut self) -> String {
        let end = self.0.iter().position(|&byte| byte == 0).expect("a terminator");
        let text = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[end + 1..];
        text
    }

    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().expect("a byte");
        self.0 = rest;
        *byte
    }

    fn short(&mut self) -> i16 {
        i16::from_be_bytes([self.byte(), self.byte()])
    }

    fn number(&mut self) -> usize {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]) as usize
    }

    /// The result formats of a Bind without parameters.
    fn bind_formats(&mut self) -> Vec<i16> {
        assert_eq!((self.short(), self.short()), (0, 0), "the model binds no parameters");
        (0..self.short()).map(|_| self.short()).collect()
    }
}

fn describe(tag: u8, body: &mut Body<'_>) -> String {
    let letter = char::from(tag);
    match tag {
        b'Q' | b'E' => format!("{letter} {}", body.text()),
        b'P' | b'B' => format!("{letter} {} {}", body.text(), body.text()),
        b'D' | b'C' => format!("{letter} {}{}", char::from(body.byte()), body.text()),
        _ => letter.to_string(),
    }
}
