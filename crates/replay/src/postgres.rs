//! Postgres results as recorded: RowDescription, DataRow, CommandComplete, errors, notices, COPY data.
//!
//! Own and small, because it reads what was already sent, perhaps cut in the middle; the gateway's codec refuses what is
//! not exact. Spec: Postgres "Message Formats". Absent: everything that carries no result.

use crate::decode::{Decoded, Recorded, ResultDecoder, hex};

/// Reads backend messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresDecoder;

impl ResultDecoder for PostgresDecoder {
    fn decode(&mut self, recorded: &Recorded<'_>) -> Vec<Decoded> {
        let mut binary = Vec::new();
        let mut found = Vec::new();
        let mut rest = recorded.frames;
        while let Some((tag, body, after)) = split(rest) {
            found.extend(message(tag, body, &mut binary));
            rest = after;
        }
        found
    }
}

fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<5>()?;
    let [tag, length @ ..] = *head;
    let length = (u32::from_be_bytes(length) as usize).checked_sub(4)?;
    let (body, after) = rest.split_at_checked(length)?;
    Some((tag, body, after))
}

fn message(tag: u8, body: &[u8], binary: &mut Vec<bool>) -> Option<Decoded> {
    match tag {
        b'T' => columns(body, binary),
        b'D' => row(body, binary),
        b'C' => Some(Decoded::Complete(text(cstr(&mut { body })?))),
        b'E' | b'N' => fields(body),
        b'd' => Some(Decoded::Data(body.to_vec())),
        _ => None,
    }
}

fn columns(mut body: &[u8], binary: &mut Vec<bool>) -> Option<Decoded> {
    binary.clear();
    let count = number(&mut body)?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(text(cstr(&mut body)?));
        let (fixed, rest) = body.split_first_chunk::<18>()?;
        let [.., format] = *fixed;
        binary.push(format == 1);
        body = rest;
    }
    Some(Decoded::Columns(names))
}

fn row(mut body: &[u8], binary: &[bool]) -> Option<Decoded> {
    let count = number(&mut body)?;
    let mut values = Vec::new();
    for place in 0..usize::from(count) {
        let (length, rest) = body.split_first_chunk::<4>()?;
        body = rest;
        let length = i32::from_be_bytes(*length);
        let Ok(length) = usize::try_from(length) else {
            values.push(None);
            continue;
        };
        let (value, rest) = body.split_at_checked(length)?;
        body = rest;
        let is_binary = binary.get(place).copied().unwrap_or(false);
        values.push(Some(if is_binary { shown_binary(value) } else { value.to_vec() }));
    }
    Some(Decoded::Row(values))
}

/// Binary text reads as text; anything else as hex.
fn shown_binary(value: &[u8]) -> Vec<u8> {
    let readable = std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(char::is_control));
    if readable && !value.is_empty() {
        return value.to_vec();
    }
    hex(value)
}

fn fields(mut body: &[u8]) -> Option<Decoded> {
    let (mut severity, mut code, mut message) = (String::new(), String::new(), String::new());
    while let Some((field, rest)) = body.split_first().filter(|(field, _)| **field != 0) {
        body = rest;
        let value = cstr(&mut body)?;
        match field {
            b'S' => severity = text(value),
            b'C' => code = text(value),
            b'M' => message = text(value),
            _ => {}
        }
    }
    Some(Decoded::Message { severity, code, message })
}

fn number(body: &mut &[u8]) -> Option<u16> {
    let (bytes, rest) = body.split_first_chunk::<2>()?;
    *body = rest;
    Some(u16::from_be_bytes(*bytes))
}

fn cstr<'b>(body: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let value = body.get(..end)?;
    *body = body.get(end.checked_add(1)?..)?;
    Some(value)
}

fn text(bytes: &[u8]) -> String {
    crate::safe(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(frames: &[u8]) -> Vec<Decoded> {
        PostgresDecoder.decode(&Recorded { statement: 1, via: "query", frames })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(frames: Vec<u8>) {
            let _ = decode(&frames);
        }
    }

    #[test]
    fn a_cut_result_gives_what_is_whole() {
        let mut frames = b"T\0\0\0\x1b\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0".to_vec();
        assert_eq!(frames.len(), 0x1b + 1);
        frames.extend_from_slice(b"D\0\0\0\x0b\0\x01\0\0\0\x017");
        frames.extend_from_slice(b"D\0\0\0\x0a\0\x01\xff\xff\xff\xff");
        let whole = decode(&frames);
        let row = |value: Option<&[u8]>| Decoded::Row(vec![value.map(<[u8]>::to_vec)]);
        assert_eq!(whole, [Decoded::Columns(vec!["id".into()]), row(Some(b"7")), row(None)]);
        assert_eq!(decode(&frames[..frames.len() - 1]), whole[..2]);
    }
}
