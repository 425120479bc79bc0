//! Tags that client libraries put into a comment: `/*key='value',…*/` at the end or the start of a text.
//!
//! Spec: sqlcommenter. What does not follow it is no tag; nothing here decides what a statement does. The comments are found by the
//! dialect's own lexer.

/// LIMIT: tags of one text; libraries send under ten.
const MOST: usize = 32;

/// The tags of the last of these comments that has any.
pub(crate) fn of_comments<'t>(comments: impl DoubleEndedIterator<Item = &'t str>) -> Vec<(String, String)> {
    comments.rev().find_map(tags).unwrap_or_default()
}

fn tags(comment: &str) -> Option<Vec<(String, String)>> {
    let inside = comment.strip_prefix("/*")?.strip_suffix("*/")?.trim();
    let pairs: Option<Vec<_>> = inside.split(',').map(pair).collect();
    pairs.filter(|pairs| pairs.len() <= MOST)
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.trim().split_once('=')?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let key = decoded(key)?;
    (!key.is_empty()).then_some(())?;
    Some((key, decoded(&value.replace("\\'", "'"))?))
}

/// Percent-decoding; what decodes to no text is no tag.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
