//! The laws of masking: cutting does not matter, lengths stay, UTF-8 stays UTF-8, JSON stays JSON, nothing panics.

use portcullis_mask::{Detectors, DictionaryOptions, Escapes, HOLD_BACK, Hits, Pattern, Rows, Stream, ValueKind};
use proptest::prelude::*;
use std::ops::Range;

fn detectors() -> Detectors {
    let mut builder = Detectors::builder();
    for pattern in Pattern::ALL {
        builder = builder.pattern(pattern, "secret");
    }
    builder
        .dictionary("names", ["Falcon", "alcon", "Größe", "on-45", "€€"], "terms")
        .dictionary_with(
            "words",
            ["it", "a"],
            "terms",
            DictionaryOptions { ignore_ascii_case: true, whole_words: true },
        )
        .regex("order", r"\bORD-[0-9]{2,8}\b", "terms")
        .regex("odd", r"(?:x[^y]{0,9}y|^start|end$)", "terms")
        .numbers(true)
        .build()
        .unwrap()
}

/// Pieces that are secrets, halves of secrets, and what stands between them.
const PIECES: [&str; 44] = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "41",
    "11 ",
    "123-45-6789",
    "123456789",
    "-45-",
    "bob@example.com",
    "@",
    "a.b+c@sub.exämple.org",
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "+14155552671",
    "+1 (415) 555-2671",
    "+",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
    "eyJ",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAKIAIOSFODNN7EXAMPL",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "xoxb-123456789012-abcdefABCDEF",
    "xoxb-",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END PRIVATE KEY-----",
    "-----",
    "Falcon",
    "Größe",
    "€€",
    "€",
    "ORD-1234",
    "ORD-",
    "x€y",
    "start",
    "end",
    " ",
    "\n",
    ".",
    "-",
    "the quick brown fox ",
    "2024-03-01 12:34:56.123456+00 ",
    "0b9ce9a4-3f0e-4a57-9d0a-6a1c2f7a4a55",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "\\PC{0,4}",
        1 => (1usize..700).prop_map(|n| "eyJhbGciOi".repeat(n / 10 + 1)),
        1 => (1usize..900).prop_map(|n| "lorem ipsum dolor ".repeat(n / 18 + 1)),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// JSON around a text: every way to write a character occurs.
fn json() -> impl Strategy<Value = String> {
    (text(), text(), any::<u64>(), 0usize..4).prop_map(|(a, b, seed, form)| {
        let (a, b) = (json_string(&a, seed), json_string(&b, !seed));
        match form {
            0 => a,
            1 => format!("{{\"k\": {a}, {b}: 4111111111111111}}"),
            2 => format!("[{a},\n -4111111111111111.5e3, true, null, {b}]"),
            _ => format!("{{{a}:[123456789,{b}]}}"),
        }
    })
}

fn json_string(text: &str, seed: u64) -> String {
    let mut out = String::from('"');
    for (place, c) in text.chars().enumerate() {
        if (seed >> (place % 61)) & 3 == 3 {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            match c {
                '"' => out += "\\\"",
                '\\' => out += "\\\\",
                '\n' => out += "\\n",
                '/' if seed & 1 == 1 => out += "\\/",
                c if c < ' ' => out += &format!("\\u{:04x}", u32::from(c)),
                c => out.push(c),
            }
        }
    }
    out + "\""
}

fn copy_text() -> impl Strategy<Value = String> {
    (text(), text(), any::<u64>()).prop_map(|(a, b, seed)| {
        let field = |text: &str| {
            let escape = |(place, c): (usize, char)| match c {
                '\n' => "\\n".to_owned(),
                '\\' => "\\\\".to_owned(),
                c if c.is_ascii() && (seed >> (place % 61)) & 7 == 7 => format!("\\x{:02x}", c as u8),
                c if c.is_ascii() && (seed >> (place % 61)) & 7 == 6 => format!("\\{:03o}", c as u8),
                c => c.to_string(),
            };
            text.chars().enumerate().map(escape).collect::<String>()
        };
        format!("{}\t\\N\t{}\n", field(&a), field(&b))
    })
}

fn whole(detectors: &Detectors, value: &[u8], kind: ValueKind) -> (Vec<u8>, Hits) {
    let mut value = value.to_vec();
    let hits = detectors.mask_value(&mut value, kind);
    (value, hits)
}

/// Feeds a value in pieces, as a connection would: what is held back comes again with the next bytes.
fn cut(detectors: &Detectors, value: &[u8], kind: ValueKind, sizes: &[usize]) -> (Vec<u8>, Hits) {
    let mut stream = Stream::new(kind);
    let (mut out, mut held, mut at) = (Vec::new(), Vec::new(), 0);
    let mut sizes = sizes.iter().cycle();
    loop {
        let size = (*sizes.next().unwrap()).min(value.len() - at);
        held.extend_from_slice(&value[at..at + size]);
        at += size;
        let end = at == value.len();
        let done = stream.feed(detectors, &mut held, end);
        out.extend(held.drain(..done));
        assert!(held.len() <= HOLD_BACK, "{} bytes held back", held.len());
        if end {
            assert!(held.is_empty());
            return (out, stream.hits().take());
        }
    }
}

fn same_however_cut(value: &[u8], kind: ValueKind, sizes: &[usize]) {
    let detectors = detectors();
    let (expected, hits) = whole(&detectors, value, kind);
    let (pieces, counted) = cut(&detectors, value, kind, sizes);
    assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&expected));
    assert_eq!(counted, hits);
    assert_eq!(expected.len(), value.len());
    if expected != value {
        assert!(detectors.prefilter(value, if kind == ValueKind::Text { Escapes::None } else { Escapes::Possible }));
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1usize..80, 60usize..3000], 2..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cutting_text_does_not_matter(text in text(), sizes in sizes()) {
        same_however_cut(text.as_bytes(), ValueKind::Text, &sizes);
        let (masked, _) = whole(&detectors(), text.as_bytes(), ValueKind::Text);
        prop_assert!(String::from_utf8(masked).is_ok());
    }

    #[test]
    fn cutting_json_does_not_matter_and_json_stays_json(json in json(), sizes in sizes()) {
        let before: serde_json::Value = serde_json::from_str(&json).unwrap();
        same_however_cut(json.as_bytes(), ValueKind::Json, &sizes);
        let (masked, _) = whole(&detectors(), json.as_bytes(), ValueKind::Json);
        let after: serde_json::Value = serde_json::from_slice(&masked).unwrap();
        prop_assert_eq!(shape(&before), shape(&after));
    }

    #[test]
    fn cutting_copy_text_does_not_matter_and_fields_stay_fields(line in copy_text(), sizes in sizes()) {
        same_however_cut(line.as_bytes(), ValueKind::CopyText, &sizes);
        let (masked, _) = whole(&detectors(), line.as_bytes(), ValueKind::CopyText);
        let masked = String::from_utf8(masked).unwrap();
        prop_assert_eq!(masked.matches('\t').count(), 2);
        prop_assert!(masked.contains("\t\\N\t") && masked.ends_with('\n'));
    }

    #[test]
    fn a_secret_is_masked_the_same_in_json_as_in_text(text in text(), seed in any::<u64>()) {
        let only = Detectors::builder().pattern(Pattern::CreditCard, "s").pattern(Pattern::Email, "s").pattern(Pattern::Iban, "s").build().unwrap();
        let (plain, _) = whole(&only, text.as_bytes(), ValueKind::Text);
        let (json, _) = whole(&only, json_string(&text, seed).as_bytes(), ValueKind::Json);
        let read: String = serde_json::from_slice(&json).unwrap();
        let stars = |text: &str| text.chars().filter(|c| *c != '*').collect::<String>();
        prop_assert_eq!(stars(&read), stars(std::str::from_utf8(&plain).unwrap()));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000), sizes in sizes()) {
        for kind in [ValueKind::Text, ValueKind::Json, ValueKind::CopyText, ValueKind::Number] {
            same_however_cut(&bytes, kind, &sizes);
        }
        let _ = detectors().mask_numeric(&mut bytes.clone());
    }

    #[test]
    fn cells_in_one_buffer_are_masked_like_values_by_themselves(
        cells in proptest::collection::vec((prop_oneof![text(), proptest::sample::select(&PIECES[..]).prop_map(str::to_owned)], 0usize..3), 0..12),
        framing in proptest::sample::select(&[0usize, 1, 4][..]),
    ) {
        let mut builder = Detectors::builder();
        for pattern in Pattern::ALL {
            builder = builder.pattern(pattern, "secret");
        }
        // A key that goes on into the next cell is the one thing that a cell by itself cannot show.
        let detectors = builder.dictionary("names", ["Falcon", "€€"], "t").build().unwrap().without_classes(&["none"]);
        let kinds = [ValueKind::Text, ValueKind::Json, ValueKind::CopyText];
        let (mut buffer, mut ranges): (Vec<u8>, Vec<(Range<usize>, ValueKind)>) = (Vec::new(), Vec::new());
        let mut expected = Vec::new();
        let cells = cells.iter().filter(|(cell, _)| !cell.contains("-----BEGIN"));
        for (cell, kind) in cells {
            let length = u32::try_from(cell.len()).unwrap().to_be_bytes();
            buffer.extend(&length[4 - framing..]);
            expected.extend(&length[4 - framing..]);
            ranges.push((buffer.len()..buffer.len() + cell.len(), kinds[*kind]));
            buffer.extend(cell.as_bytes());
            expected.extend(whole(&detectors, cell.as_bytes(), kinds[*kind]).0);
        }
        let gate = detectors.prefilter(&buffer, Escapes::Possible);
        prop_assert!(gate || buffer == expected);
        let (mut rows, mut row, mut cell, mut asked) = (Rows::new(), 0, 0, buffer.clone());
        if rows.look(&detectors, &asked) {
            // Rows of three cells, those that are not wanted passed over.
            let wanted: Vec<_> = ranges
                .chunks(3)
                .filter(|cells| rows.wants_row(&detectors, &(cells[0].0.start..cells[cells.len() - 1].0.end), &mut row))
                .flatten()
                .filter(|(range, kind)| rows.wants(&detectors, range, *kind, &mut cell))
                .cloned()
                .collect();
            rows.overwrite(&detectors, &mut asked, wanted);
        }
        prop_assert_eq!(String::from_utf8_lossy(&asked), String::from_utf8_lossy(&expected));
        Rows::new().scan(&detectors, &mut buffer, ranges);
        prop_assert_eq!(String::from_utf8_lossy(&buffer), String::from_utf8_lossy(&expected));
    }
}

/// EVASION: a value whose length, read as a character, is a digit: the number behind it looks like part of a longer one.
#[test]
fn framing_that_looks_like_digits_hides_no_number() {
    let detectors = detectors();
    for number in ["4111111111111111", "123-45-6789"] {
        for (length, framing) in (number.len()..130).flat_map(|length| [(length, 0), (length, 1), (length, 4)]) {
            let cell = format!("{number}{}", " x".repeat(65)).as_bytes()[..length].to_vec();
            let expected = whole(&detectors, &cell, ValueKind::Text).0;
            let size = u32::try_from(length).unwrap().to_be_bytes();
            let mut buffer = [b"12345", &size[4 - framing..], &cell].concat();
            let start = 5 + framing;
            let (mut rows, mut row, mut at) = (Rows::new(), 0, 0);
            assert!(rows.look(&detectors, &buffer), "{number} {length} {framing}");
            assert!(rows.wants_row(&detectors, &(2..start + length), &mut row));
            assert!(rows.wants(&detectors, &(start..start + length), ValueKind::Text, &mut at));
            rows.overwrite(&detectors, &mut buffer, [(start..start + length, ValueKind::Text)]);
            assert_eq!(buffer[start..].escape_ascii().to_string(), expected.escape_ascii().to_string());
            assert!(!buffer.ends_with(&cell));
        }
    }
}

/// The structure of a JSON value, without what strings and numbers say.
fn shape(value: &serde_json::Value) -> String {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String as Text};
    match value {
        Null | Bool(_) => value.to_string(),
        Number(_) => "0".into(),
        Text(_) => "s".into(),
        Array(all) => format!("[{}]", all.iter().map(shape).collect::<Vec<_>>().join(",")),
        // Two masked keys may become the same key.
        Object(all) => format!("{{{}}}", all.len().min(1)),
    }
}
