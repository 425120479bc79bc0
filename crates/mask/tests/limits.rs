//! What detectors do not find, one test for each line of LIMITATIONS.md. A detector that learns one of these fails here.

use portcullis_mask::{Detectors, Pattern, ValueKind};

/// Every value leaves as it came, although all detectors are on.
fn passes(kind: ValueKind, values: &[&str]) {
    let builder = Pattern::ALL.into_iter().fold(Detectors::builder(), |builder, pattern| builder.pattern(pattern, "c"));
    let detectors = builder.build().unwrap();
    for value in values {
        let mut bytes = value.as_bytes().to_vec();
        detectors.mask_value(&mut bytes, kind);
        assert_eq!(String::from_utf8(bytes).unwrap(), *value);
    }
}

#[test]
fn what_is_encoded_reversed_or_spelled_out_passes() {
    passes(
        ValueKind::Text,
        &[
            "Ym9iQGV4YW1wbGUuY29t",
            "34313131313131313131313131313131",
            "moc.elpmaxe@1u",
            "four one one one one one one one",
            "４１１１１１１１１１１１１１１１",
        ],
    );
}

#[test]
fn what_is_split_over_values_passes() {
    passes(ValueKind::Text, &["4111 1111", "1111 1111", "123-45", "-6789"]);
}

#[test]
fn other_forms_of_numbers_pass() {
    passes(ValueKind::Text, &["4111.1111.1111.1111", "4111  1111  1111  1111", "(202) 555-0143", "020 7946 0958"]);
}

#[test]
fn an_aws_secret_without_its_name_passes() {
    passes(ValueKind::Text, &["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]);
}

#[test]
fn a_json_escape_in_a_column_of_text_passes() {
    passes(ValueKind::Text, &[r#"{"mail":"bob\u0040example.com"}"#]);
}

#[test]
fn a_quoted_local_part_is_masked_in_part() {
    let detectors = Detectors::builder().pattern(Pattern::Email, "c").build().unwrap();
    let mut bytes = br#""bob smith"@example.com"#.to_vec();
    detectors.mask_value(&mut bytes, ValueKind::Text);
    assert!(bytes.starts_with(br#""bob smith"#), "{}", String::from_utf8_lossy(&bytes));
}
