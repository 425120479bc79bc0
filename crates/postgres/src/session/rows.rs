//! Walks DataRow messages without decoding them: where each value stands.
//!
//! Used only on bytes whose frames were already cut, and total on any bytes: a length that lies ends the walk of its
//! row. Spec: Postgres "DataRow", "ErrorResponse".

use std::ops::Range;

use portcullis_wire::{Malformed, Reader};

/// How many bytes the complete messages of tag `tag` at the front of `buffer` cover, and how many there are.
pub(super) fn run(buffer: &[u8], tag: u8, longest: usize) -> (usize, u64) {
    let (mut length, mut count) = (0usize, 0u64);
    while let Some(next) = buffer.get(length..).and_then(|rest| whole(rest, tag, longest)) {
        length = length.saturating_add(next);
        count = count.saturating_add(1);
    }
    (length, count)
}

/// The length of the message at the front, tag included, if it is whole and of this tag.
fn whole(rest: &[u8], tag: u8, longest: usize) -> Option<usize> {
    let (head, _) = rest.split_first_chunk::<5>()?;
    let [found, a, b, c, d] = *head;
    let claimed = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let length = claimed.checked_add(1)?;
    (found == tag && claimed >= 4 && length <= longest && length <= rest.len()).then_some(length)
}

/// Calls `visit` with the column and the place of each value that is not NULL, over a run of DataRows (or CopyData
/// messages, whose whole payload counts as column 0). Rows that are not `worth` it are passed over.
pub(super) fn cells(
    rows: &[u8],
    worth: &mut dyn FnMut(Range<usize>) -> bool,
    visit: &mut dyn FnMut(usize, Range<usize>),
) -> Result<(), Malformed> {
    let mut start = 0usize;
    while let Some(rest) = rows.get(start..)
        && let Some(&tag) = rest.first()
        && let Some(length) = whole(rest, tag, usize::MAX)
    {
        let body = start.saturating_add(5);
        let end = start.saturating_add(length);
        match tag {
            _ if !worth(body..end) => {}
            b'D' => row(rows.get(body..end).unwrap_or_default(), body, visit)?,
            _ => visit(0, body..end),
        }
        start = end;
    }
    Ok(())
}

/// Visits the values of one DataRow body that stands at `base`.
fn row(body: &[u8], base: usize, visit: &mut dyn FnMut(usize, Range<usize>)) -> Result<(), Malformed> {
    let mut r = Reader::new(body);
    let count = r.u16("column count")?;
    for column in 0..usize::from(count) {
        let value = r.value("value")?;
        if let Some(value) = value {
            let end = base.saturating_add(body.len()).saturating_sub(r.remaining());
            visit(column, end.saturating_sub(value.len())..end);
        }
    }
    r.finish()
}

/// Calls `visit` with the free-text fields of an ErrorResponse or NoticeResponse, the payload of a
/// NotificationResponse, or the value of a ParameterStatus.
pub(super) fn remarks(message: &[u8], visit: &mut dyn FnMut(Range<usize>)) {
    let mut r = Reader::new(message);
    let (Ok(tag), Ok(_)) = (r.u8("tag"), r.u32("length")) else { return };
    let place = |field: &[u8], r: &Reader<'_>| {
        let end = message.len().saturating_sub(r.remaining()).saturating_sub(1);
        end.saturating_sub(field.len())..end
    };
    match tag {
        b'E' | b'N' => {
            while let Ok(field) = r.u8("field type")
                && field != 0
                && let Ok(text) = r.cstr("field")
            {
                // Severity, SQLSTATE, positions, source file and line are the server's own words.
                if !matches!(field, b'S' | b'V' | b'C' | b'P' | b'p' | b'F' | b'L' | b'R') {
                    visit(place(text, &r));
                }
            }
        }
        b'A' => {
            if r.u32("process id").is_ok()
                && r.cstr("channel").is_ok()
                && let Ok(payload) = r.cstr("payload")
            {
                visit(place(payload, &r));
            }
        }
        b'S' => {
            if r.cstr("name").is_ok()
                && let Ok(value) = r.cstr("value")
            {
                visit(place(value, &r));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = b"D\0\0\0\x13\0\x03\0\0\0\x01x\xff\xff\xff\xff\0\0\0\0";

    #[test]
    fn values_of_a_run_are_found() {
        let rows = [ROW, ROW].concat();
        assert_eq!(run(&rows, b'D', 1000), (ROW.len() * 2, 2));
        let mut seen = Vec::new();
        cells(&rows, &mut |_| true, &mut |column, place| seen.push((column, place))).unwrap();
        assert_eq!(seen, [(0, 11..12), (2, 20..20), (0, 31..32), (2, 40..40)]);
        seen.clear();
        cells(&rows, &mut |row| row.start > ROW.len(), &mut |column, place| seen.push((column, place))).unwrap();
        assert_eq!(seen, [(0, 31..32), (2, 40..40)]);
    }

    #[test]
    fn a_value_that_leaves_its_row_ends_the_walk() {
        let mut seen = 0;
        let cut = cells(b"D\0\0\0\x0b\0\x01\0\0\0\x09x", &mut |_| true, &mut |_, _| seen += 1);
        assert!(cut.is_err());
        assert_eq!(seen, 0);
    }

    #[test]
    fn free_text_of_errors_is_found_and_codes_are_not() {
        let mut seen = Vec::new();
        let message = b"E\0\0\0\x1cSERROR\0C42501\0Mhello\0D1\0\0";
        remarks(message, &mut |place| seen.push(message[place].to_vec()));
        assert_eq!(seen, [b"hello".to_vec(), b"1".to_vec()]);
    }
}
