//! MySQL and MariaDB results as recorded: column counts, column definitions, rows, errors.
//!
//! The packets were read by the gateway's codec before they were recorded, so the same codec reads them here; only the end
//! may be missing. How they look depends on what the client agreed to, which the start of the session says. EOF and OK
//! are not recorded: where one stood shows as a gap in the packets' numbers, and so a second result is told from a row.
//! Rows that nothing in the recording describes are shown as they lie.

mod value;

use std::borrow::Cow;
use std::collections::VecDeque;

use portcullis_mysql::packet::{HEADER, MAX, header};
use portcullis_mysql::response::{ColumnCount, ColumnDefinition, ErrPacket, Metadata, binary_cells, text_cells};
use portcullis_mysql::types::{ColumnType, ValueType};
use portcullis_mysql::{Capabilities, response};
use portcullis_recording::body::SessionStart;

use crate::decode::{Decoded, Parameter, Recorded, ResultDecoder, hex};

/// LIMIT: results whose rows may go on to come, as a cursor's do when they are fetched.
const MAX_OPEN: usize = 64;

/// Reads the packets of one session.
#[derive(Debug, Default)]
pub struct MySqlDecoder {
    agreed: Capabilities,
    open: VecDeque<(u64, Columns)>,
}

/// What rows are read by.
#[derive(Debug, Default)]
struct Columns {
    names: Vec<String>,
    types: Vec<ColumnType>,
    looks: Vec<value::Look>,
    /// How many there are, described or not.
    count: u16,
    binary: bool,
}

impl MySqlDecoder {
    /// The decoder of a session that began so.
    pub fn of(start: &SessionStart) -> Self {
        let fact = start.facts.iter().find(|(key, _)| key == "capabilities");
        let bits = fact.and_then(|(_, value)| u64::from_str_radix(value, 16).ok()).unwrap_or_default();
        Self { agreed: Capabilities::from_bits(bits), open: VecDeque::new() }
    }

    fn take_open(&mut self, statement: u64) -> Option<Columns> {
        let place = self.open.iter().position(|(of, _)| *of == statement)?;
        self.open.remove(place).map(|(_, columns)| columns)
    }

    fn keep_open(&mut self, statement: u64, columns: Columns) {
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((statement, columns));
    }
}

impl ResultDecoder for MySqlDecoder {
    fn decode(&mut self, recorded: &Recorded<'_>) -> Vec<Decoded> {
        let mut walk = Walk::new(self.agreed, recorded.via == "execute");
        let open = self.take_open(recorded.statement);
        // Rows that are fetched begin an exchange, a further result of a procedure goes on in one.
        let fetched = header(recorded.frames).is_some_and(|first| first.sequence == 1);
        if let Some(columns) = open.filter(|_| fetched) {
            walk.found.push(Decoded::Columns(columns.names.clone()));
            walk.expect = Expect::Rows(columns);
        }
        let mut rest = recorded.frames;
        while let Some((packet, after)) = split(rest) {
            walk.packet(&packet);
            rest = after;
        }
        if let Expect::Rows(columns) = walk.expect
            && columns.binary
        {
            self.keep_open(recorded.statement, columns);
        }
        walk.found
    }

    fn parameter(&self, type_id: u32, content: &[u8]) -> Option<Parameter> {
        let [kind, sign @ (0 | 1), 0, 0] = type_id.to_le_bytes() else { return None };
        let of = ValueType { kind: ColumnType::decode(kind).ok()?, unsigned: sign != 0 };
        value::parameter(of, content)
    }
}

/// A payload, and the numbers of its first packet and of the one that comes next.
struct Packet<'f> {
    first: u8,
    next: u8,
    body: Cow<'f, [u8]>,
}

/// The first payload, joined where it was too long for one packet, and what is behind it.
fn split(frames: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (number, body, mut rest) = split_one(frames)?;
    let mut packet = Packet { first: number, next: number.wrapping_add(1), body: Cow::Borrowed(body) };
    let mut length = body.len();
    while length == MAX {
        let (number, body, after) = split_one(rest)?;
        packet.body.to_mut().extend_from_slice(body);
        packet.next = number.wrapping_add(1);
        (length, rest) = (body.len(), after);
    }
    Some((packet, rest))
}

fn split_one(frames: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let head = header(frames)?;
    let (body, rest) = frames.get(HEADER..)?.split_at_checked(head.len)?;
    Some((head.sequence, body, rest))
}

/// What comes next.
enum Expect {
    /// A column count, or an error.
    Answer,
    /// So many definitions.
    Definitions(u16, Columns),
    /// Rows.
    Rows(Columns),
}

/// Goes over the packets of a statement.
struct Walk {
    agreed: Capabilities,
    binary: bool,
    expect: Expect,
    /// The number of the next row, unless the result has ended.
    next: Option<u8>,
    found: Vec<Decoded>,
}

impl Walk {
    fn new(agreed: Capabilities, binary: bool) -> Self {
        Self { agreed, binary, expect: Expect::Answer, next: None, found: Vec::new() }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let goes_on = self.next.is_none_or(|next| next == packet.first);
        self.next = None;
        let expect = std::mem::replace(&mut self.expect, Expect::Answer);
        if packet.body.first() == Some(&0xff) {
            self.found.extend(error(&packet.body));
            return;
        }
        self.expect = match expect {
            Expect::Definitions(left, columns) => self.definition(packet, left, columns),
            Expect::Rows(columns) if goes_on => {
                self.found.extend(columns.row(&packet.body).map(Decoded::Row));
                self.next = Some(packet.next);
                Expect::Rows(columns)
            }
            Expect::Answer | Expect::Rows(_) => self.answer(packet),
        };
    }

    fn answer(&mut self, packet: &Packet<'_>) -> Expect {
        let Ok(count) = ColumnCount::decode(&packet.body, self.agreed) else { return Expect::Answer };
        let columns = Columns { count: count.columns, binary: self.binary, ..Columns::default() };
        match count.metadata {
            Metadata::Always | Metadata::Follows => Expect::Definitions(count.columns, columns),
            Metadata::Absent => self.rows(packet, columns),
        }
    }

    fn definition(&mut self, packet: &Packet<'_>, left: u16, mut columns: Columns) -> Expect {
        let Ok(definition) = ColumnDefinition::decode(&packet.body, self.agreed) else { return Expect::Answer };
        columns.push(&definition);
        match left.saturating_sub(1) {
            0 => self.rows(packet, columns),
            left => Expect::Definitions(left, columns),
        }
    }

    /// Rows follow, behind an EOF where there are EOFs.
    fn rows(&mut self, last: &Packet<'_>, columns: Columns) -> Expect {
        let eof = !self.agreed.has(Capabilities::DEPRECATE_EOF);
        self.next = Some(if eof { last.next.wrapping_add(1) } else { last.next });
        self.found.push(Decoded::Columns(columns.names.clone()));
        Expect::Rows(columns)
    }
}

impl Columns {
    fn push(&mut self, definition: &ColumnDefinition<'_>) {
        self.names.push(crate::safe(definition.name));
        self.types.push(definition.kind);
        self.looks.push(value::Look::of(definition));
    }

    /// The values of a row, if it is one.
    fn row(&self, body: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
        if !self.binary {
            return self.values(body, text_cells(body, self.count));
        }
        if self.types.is_empty() {
            return Some(vec![Some(hex(body))]);
        }
        self.values(body, binary_cells(body, &self.types).ok()?)
    }

    fn values<E>(
        &self,
        body: &[u8],
        cells: impl Iterator<Item = Result<response::Cell, E>>,
    ) -> Option<Vec<Option<Vec<u8>>>> {
        let mut looks = self.looks.iter();
        let shown = |cell: Result<response::Cell, E>| {
            let look = looks.next().copied().unwrap_or_default();
            let Some(place) = cell.ok()? else { return Some(None) };
            let content = body.get(usize::try_from(place.start).ok()?..usize::try_from(place.end).ok()?)?;
            Some(Some(if self.binary { look.binary(content) } else { look.text(content) }))
        };
        cells.map(shown).collect()
    }
}

fn error(body: &[u8]) -> Option<Decoded> {
    let error = ErrPacket::decode(body).ok()?;
    let state = error.state.map(|state| format!(" ({})", crate::safe(&state))).unwrap_or_default();
    let (severity, code) = ("ERROR".to_owned(), format!("{}{state}", error.code));
    Some(Decoded::Message { severity, code, message: crate::safe(error.message) })
}

#[cfg(test)]
mod tests;
