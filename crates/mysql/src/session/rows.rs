//! Runs of rows, and where values and free text stand in what the upstream sends. The hot path of every result.

use std::ops::Range;

use portcullis_wire::error::{Fault, Malformed};

use super::columns::Columns;
use super::exchange::RowForm;
use crate::Capabilities;
use crate::collation::keeps_ascii;
use crate::packet::{HEADER, MAX, Walk, header};
use crate::response::{
    Cell, ColumnDefault, ColumnDefinition, ErrPacket, OkPacket, OkTail, ProgressReport, StateChange, binary_cells,
    text_cells,
};

/// Consecutive rows at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// How many bytes they have.
    pub(super) length: usize,
    /// How many they are.
    pub(super) count: u64,
    /// The same, as sequence ids count.
    pub(super) packets: u8,
}

/// The whole rows at the front of `buffer`, up to the first packet that is none or is longer than `most`.
pub(super) fn run(buffer: &[u8], sequence: u8, most: usize, agreed: Capabilities) -> Result<Run, Fault> {
    let longest_end = if agreed.has(Capabilities::DEPRECATE_EOF) { MAX } else { 9 };
    let mut walk = Walk::new(buffer, sequence);
    let mut count = 0u64;
    loop {
        if let Some(next) = header(walk.rest()) {
            let first = walk.rest().get(HEADER).copied();
            let ends = match first {
                Some(0xff) => true,
                Some(0xfe) => next.len < longest_end,
                Some(_) => false,
                // An empty row cannot be; what follows is not here yet.
                None => true,
            };
            if ends || next.len > most {
                break;
            }
        }
        if walk.next_packet()?.is_none() {
            break;
        }
        count = count.saturating_add(1);
    }
    let packets = walk.sequence().wrapping_sub(sequence);
    Ok(Run { length: walk.consumed(), count, packets })
}

/// Visits the values of whole rows.
///
/// EVASION: MariaDB sends other rows than it described, and a row that was not understood was not searched
/// (test `what_a_server_did_not_describe_ends_the_session`).
pub(super) fn cells(
    rows: &[u8],
    columns: &Columns,
    worth: &mut dyn FnMut(Range<usize>) -> bool,
    visit: &mut dyn FnMut(usize, Range<usize>),
) -> Result<(), Malformed> {
    let mut start = 0usize;
    while let Some(next) = header(rows.get(start..).unwrap_or_default()) {
        let body = start.saturating_add(HEADER);
        let end = body.saturating_add(next.len);
        let row = rows.get(body..end).ok_or(Malformed::Truncated("row"))?;
        if worth(body..end) {
            let each = |(column, cell): (usize, Result<Cell, Malformed>)| {
                if let Some(place) = cell? {
                    visit(column, body.saturating_add(place.start as usize)..body.saturating_add(place.end as usize));
                }
                Ok(())
            };
            match columns.form {
                RowForm::Text => {
                    let count = u16::try_from(columns.types.len()).unwrap_or(u16::MAX);
                    text_cells(row, count).enumerate().try_for_each(each)?;
                }
                RowForm::Binary => {
                    binary_cells(row, &columns.types)?.enumerate().try_for_each(each)?;
                }
            }
        }
        start = end;
    }
    Ok(())
}

/// The first value of whole rows, as text.
pub(super) fn first_value(rows: &[u8], columns: &Columns) -> Option<Box<str>> {
    let mut first = None;
    cells(rows, columns, &mut |_| true, &mut |_, place| first = first.take().or(rows.get(place))).ok()?;
    first.and_then(|value| std::str::from_utf8(value).ok()).map(Box::from)
}

/// The first byte of a column's definition: the length of its catalog's name, `def`.
const DEFINITION: u8 = 3;

/// Visits the free text of an error, of a progress report and of an OK; of a column's definition its names, which may be any
/// text of a statement's, and its default, where columns are listed.
pub(super) fn remarks(message: &[u8], agreed: Capabilities, visit: &mut dyn FnMut(Range<usize>)) {
    let Some(body) = message.get(HEADER..) else { return };
    let mut found = |text: &[u8]| {
        if let Some(place) = place_of(message, text) {
            visit(place);
        }
    };
    match body.first() {
        Some(0xff) if ProgressReport::is_one(body) => {
            if let Ok(report) = ProgressReport::decode(body) {
                found(report.info);
            }
        }
        Some(0xff) => {
            if let Ok(error) = ErrPacket::decode(body) {
                found(error.message);
            }
        }
        Some(0x00 | 0xfe) => {
            if let Ok(ok) = OkPacket::decode(body, agreed) {
                texts(&ok, &mut found);
            }
        }
        Some(&DEFINITION) => {
            let listed = ColumnDefinition::decode_listed(body, agreed);
            let Ok(column) = listed.or_else(|_| ColumnDefinition::decode(body, agreed)) else { return };
            for text in [column.schema, column.table, column.org_table, column.name, column.org_name] {
                found(text);
            }
            if let Some(ColumnDefault::Text(text)) = column.default {
                found(text);
            }
        }
        _ => {}
    }
}

/// Visits a listed column's default where it comes as the column is stored, in a character set that is not read.
pub(super) fn undecoded(message: &[u8], agreed: Capabilities, visit: &mut dyn FnMut(Range<usize>)) {
    let body = message.get(HEADER..).unwrap_or_default();
    if body.first() != Some(&DEFINITION) {
        return;
    }
    if let Ok(column) = ColumnDefinition::decode_listed(body, agreed)
        && !keeps_ascii(column.collation)
        && let Some(ColumnDefault::Text(text)) = column.default
        && let Some(place) = place_of(message, text)
    {
        visit(place);
    }
}

/// What an OK says, and what a tracker says in it: a variable may hold anything.
fn texts<'f>(ok: &OkPacket<'f>, found: &mut dyn FnMut(&'f [u8])) {
    let state = match ok.tail {
        OkTail::Untracked(text) | OkTail::Info(text) => return found(text),
        OkTail::Nothing => return,
        OkTail::State(text, state) => {
            found(text);
            state
        }
    };
    for change in state.changes() {
        match change {
            StateChange::Variables(pairs) => pairs.iter().for_each(|(_, value)| found(value)),
            StateChange::TransactionCharacteristics(text) => found(text),
            _ => {}
        }
    }
}

/// Where `part`, which was borrowed from `whole`, stands in it.
fn place_of(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len() && !part.is_empty()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::packet;

    /// The texts that are searched in a packet with this payload.
    fn searched(encode: impl FnOnce(&mut BytesMut)) -> Vec<String> {
        let (mut message, mut seen) = (BytesMut::new(), Vec::new());
        packet::write(&mut message, 1, encode);
        remarks(&message, Capabilities::default(), &mut |place| {
            seen.push(String::from_utf8_lossy(&message[place]).into_owned());
        });
        seen
    }

    #[test]
    fn a_columns_name_and_default_are_searched() {
        let column = ColumnDefinition::text(b"'ana@example.com'");
        assert_eq!(searched(|out| column.encode(out)), ["'ana@example.com'"]);
        let named = [b"a@b.c", b"d@e.f", b"g@h.i", b"j@k.l"];
        let [schema, table, org_table, org_name] = named;
        let whole = ColumnDefinition { schema, table, org_table, org_name, ..ColumnDefinition::text(b"m@n.o") };
        assert_eq!(searched(|out| whole.encode(out)), ["a@b.c", "d@e.f", "g@h.i", "m@n.o", "j@k.l"]);
        let listed = ColumnDefinition { default: Some(ColumnDefault::Text(b"4111")), ..column };
        assert_eq!(searched(|out| listed.encode(out)), ["'ana@example.com'", "4111"]);
        let wide = ColumnDefinition { collation: 54, ..listed };
        for (column, covered) in [(listed, &[][..]), (wide, &[b"4111".to_vec()])] {
            let (mut message, mut seen) = (BytesMut::new(), Vec::new());
            packet::write(&mut message, 1, |out| column.encode(out));
            undecoded(&message, Capabilities::default(), &mut |place| seen.push(message[place].to_vec()));
            assert_eq!(seen, covered);
        }
        // The number of columns of a result may be three.
        assert_eq!(searched(|out| out.extend_from_slice(&[3])), [""; 0]);
    }
}
