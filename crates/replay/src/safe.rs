//! Making hostile text harmless in a terminal.
//!
//! EVASION: a value or a statement holding ESC, CR or bidirectional marks could repaint the auditor's screen and hide what
//! ran (`nothing_that_moves_the_cursor_survives`). Spec for what terminals obey: ECMA-48.

/// The text with every control character and every invisible direction mark as an escape. Line feeds too: `⏎` would be
/// ambiguous, `\n` is not. Bytes that are not UTF-8 become `\xNN`.
pub fn safe(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut out, c));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// The same, keeping line ends: for statements, which people write in lines.
pub(crate) fn safe_lines(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| safe(line.strip_suffix(b"\r").unwrap_or(line)).replace("\\t", "    "))
        .collect()
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_unsafe(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

/// Characters that steer a terminal or hide what stands beside them.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Direction marks, zero-width characters, separators, tags and the byte-order mark.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_moves_the_cursor_survives(bytes: Vec<u8>, text: String) {
            for out in [safe(&bytes), safe(text.as_bytes()), safe_lines(&bytes).concat()] {
                prop_assert!(!out.chars().any(is_unsafe));
            }
        }
    }

    #[test]
    fn escapes_read_well() {
        assert_eq!(safe(b"a\x1b[2Jb\r\xff"), "a\\u{1b}[2Jb\\r\\xff");
        assert_eq!(safe("x\u{202e}y".as_bytes()), "x\\u{202e}y");
    }
}
