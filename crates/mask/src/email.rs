//! Mail addresses, found from their `@` outward.
//!
//! RFC 5321 bounds the two sides (64 and 255 bytes). Accepted is what people have, not all the grammar allows: quoted
//! local parts, address literals and hosts without a dot are deliberately absent. Letters of two UTF-8 bytes count as
//! letters; longer ones end the address, since scripts that use them put no spaces round it.

use crate::text::{Text, alnum, continuation};

const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// The range of the address round an `@`.
pub(crate) fn email(text: Text<'_>, at: usize) -> Option<(usize, usize)> {
    let start = local(text, at)?;
    let end = domain(text, at.saturating_add(1))?;
    Some((start, end))
}

/// Where the local part starts. Quotes and dots around it belong to the sentence, not to the address.
fn local(text: Text<'_>, at: usize) -> Option<usize> {
    let before = text.0.get(at.saturating_sub(LOCAL)..at)?;
    let taken = before.iter().rev().take_while(|b| local_byte(**b) || letter_part(**b)).count();
    let part = before.get(before.len().saturating_sub(taken)..)?;
    let trim = part.iter().take_while(|b| !alnum(**b) && **b != b'_' && !letter_start(**b)).count();
    let last = *part.last()?;
    let ends_well = alnum(last) || matches!(last, b'_' | b'-' | b'+' | b'.') || continuation(last);
    (trim < part.len() && ends_well).then(|| at.saturating_sub(part.len()).saturating_add(trim))
}

fn local_byte(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

/// First byte of a UTF-8 letter of two bytes.
fn letter_start(byte: u8) -> bool {
    (0xC3..=0xDF).contains(&byte)
}

fn letter_part(byte: u8) -> bool {
    letter_start(byte) || continuation(byte)
}

/// Where the domain ends: labels joined by dots, the last one of letters.
fn domain(text: Text<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    let mut end = None;
    loop {
        let room = DOMAIN.saturating_sub(at.saturating_sub(start));
        let length = label(text, at, room);
        let next = at.saturating_add(length);
        if at > start && top_level(text.0.get(at..next).unwrap_or_default()) {
            end = Some(next);
        }
        if length == 0 || length >= room.min(64) || text.at(next) != b'.' {
            break;
        }
        at = next.saturating_add(1);
    }
    end.filter(|end| !image_density(text.0.get(start..*end).unwrap_or_default()))
}

/// The length of a label, without dashes at its end; a letter of two bytes is taken whole.
fn label(text: Text<'_>, at: usize, room: usize) -> usize {
    let mut length = 0usize;
    while length < room.min(64) {
        let byte = text.at(at.saturating_add(length));
        let two = letter_start(byte) && continuation(text.at(at.saturating_add(length).saturating_add(1)));
        match (alnum(byte) || byte == b'-', two) {
            (true, _) => length = length.saturating_add(1),
            (_, true) => length = length.saturating_add(2),
            _ => break,
        }
    }
    let dashes = text.0.get(at..at.saturating_add(length)).unwrap_or_default();
    length.saturating_sub(dashes.iter().rev().take_while(|b| **b == b'-').count())
}

fn top_level(label: &[u8]) -> bool {
    let letters = label.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    label.len() >= 2 && (letters || label.starts_with(b"xn--"))
}

/// `logo@2x.png` is a picture, not a person.
fn image_density(domain: &[u8]) -> bool {
    matches!(domain, [b'1'..=b'9', b'x', b'.', rest @ ..] if !rest.contains(&b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let at = text.find('@').unwrap();
        email(Text(text.as_bytes()), at).map(|(start, end)| &text[start..end])
    }

    #[test]
    fn addresses_are_cut_out_of_their_sentence() {
        assert_eq!(found("mail bob@example.com."), Some("bob@example.com"));
        assert_eq!(found("<first.last+tag@sub.example.co.uk>"), Some("first.last+tag@sub.example.co.uk"));
        assert_eq!(found("'bob@example.com'"), Some("bob@example.com"));
        assert_eq!(found("o'brien@example.ie"), Some("o'brien@example.ie"));
        assert_eq!(found("jürgen@müller.de!"), Some("jürgen@müller.de"));
        assert_eq!(found("联系bob@example.com谢谢"), Some("bob@example.com"));
    }

    #[test]
    fn other_uses_of_the_sign_are_not_addresses() {
        for text in ["react@18.2.0", "@decorator", "user@localhost", "logo@2x.png", "a @ b.com", "x@.com"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_local_part_is_cut_between_characters() {
        let text = format!("{}@example.com", "ü".repeat(50));
        assert!(found(&text).unwrap().starts_with('ü'));
        let text = format!("a{}@example.com", "ü".repeat(50) + "x");
        assert!(found(&text).unwrap().starts_with('ü'));
    }
}
