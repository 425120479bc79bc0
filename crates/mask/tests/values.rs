//! What masking does to values, one sentence each.

use portcullis_mask::{Detectors, Pattern, Rows, Stream, ValueKind};

fn detectors() -> Detectors {
    let mut builder = Detectors::builder();
    for pattern in Pattern::ALL {
        let class = if pattern == Pattern::Email { "pii" } else { "secret" };
        builder = builder.pattern(pattern, class);
    }
    builder.build().unwrap()
}

fn mask(value: &str, kind: ValueKind) -> String {
    let mut bytes = value.as_bytes().to_vec();
    detectors().mask_value(&mut bytes, kind);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn escapes_hide_nothing_in_json() {
    assert_eq!(mask(r#"{"mail":"bob\u0040example.com"}"#, ValueKind::Json), r#"{"mail":"********************"}"#);
    assert_eq!(mask(r#"["\u0034111111111111111"]"#, ValueKind::Json), format!("[\"{}\"]", "*".repeat(21)));
    assert_eq!(mask(r#"{"bob@example.com":1}"#, ValueKind::Json), r#"{"***************":1}"#);
    let key = r#"{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#;
    assert_eq!(mask(key, ValueKind::Json), format!("{{\"SecretAccessKey\": \"{}\"}}", "*".repeat(40)));
}

#[test]
fn numbers_in_json_stay_unless_configured_and_then_stay_numbers() {
    let json = r#"{"card":4111111111111111}"#;
    assert_eq!(mask(json, ValueKind::Json), json);
    let detectors = Detectors::builder().pattern(Pattern::CreditCard, "s").numbers(true).build().unwrap();
    let mut bytes = json.as_bytes().to_vec();
    detectors.mask_value(&mut bytes, ValueKind::Json);
    assert_eq!(bytes, br#"{"card":9999999999999999}"#);
}

#[test]
fn escapes_hide_nothing_in_copy_text() {
    assert_eq!(mask("7\\tbob\\x40example.com\t\\N\n", ValueKind::CopyText), "7\\t******************\t\\N\n");
    assert_eq!(mask("note\\nAKIAIOSFODNN7EXAMPLE\n", ValueKind::CopyText), format!("note\\n{}\n", "*".repeat(20)));
}

const KEY: [&str; 5] = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
    "abcdefghijklmnopqrstuvwxyz1234567890+/ABCDEFGHIJKLMNOPQRSTUVWXYZ123",
    "Zm9vYg==",
    "-----END RSA PRIVATE KEY-----",
];

#[test]
fn a_private_key_is_masked_over_its_lines_to_its_end() {
    let masked = mask(&format!("before\n{}\nafter", KEY.join("\n")), ValueKind::Text);
    assert!(masked.starts_with("before\n***") && masked.ends_with("***\nafter"), "{masked}");
    assert!(KEY.iter().all(|line| !masked.contains(&line[..8])), "{masked}");
    let json = serde_json::to_string(&KEY.join("\n")).unwrap();
    let masked = mask(&json, ValueKind::Json);
    assert!(
        !masked.contains("MIIE") && serde_json::from_str::<String>(&masked).unwrap().lines().count() == 5,
        "{masked}"
    );
}

#[test]
fn a_private_key_is_masked_over_consecutive_values() {
    let mut rows = Rows::new();
    let detectors = detectors();
    let mut out = Vec::new();
    for line in KEY.iter().chain(&["Alice", "another row"]) {
        let mut cells = format!("name|{line}").into_bytes();
        let end = cells.len();
        rows.scan(&detectors, &mut cells, [(0..4, ValueKind::Text), (5..end, ValueKind::Text)]);
        out.push(String::from_utf8(cells).unwrap());
    }
    for line in &out[..5] {
        assert!(line[5..].chars().all(|c| matches!(c, '*' | ' ')), "{line}");
    }
    assert_eq!(&out[5..], ["name|Alice", "name|another row"]);
}

#[test]
fn a_key_without_an_end_is_given_up_after_its_bound() {
    let masked = mask(&format!("{}\n{}", KEY[0], "word ".repeat(8000)), ValueKind::Text);
    assert!(masked.contains("**** ****") && masked.ends_with("word word "));
}

#[test]
fn revealing_a_class_turns_its_detectors_off() {
    let reveal = detectors().without_classes(&["pii"]);
    let mut value = *b"bob@example.com 4111111111111111";
    reveal.mask_value(&mut value, ValueKind::Text);
    assert_eq!(&value, b"bob@example.com ****************");
    assert!(reveal.without_classes(&["secret"]).is_empty());
    assert!(!reveal.is_empty());
}

#[test]
fn a_pattern_of_two_classes_stays_on_until_both_are_revealed() {
    let twice = Detectors::builder().pattern(Pattern::Email, "a").pattern(Pattern::Email, "b").build().unwrap();
    let mut value = *b"bob@example.com";
    assert_eq!(twice.without_classes(&["a"]).mask_value(&mut value, ValueKind::Text).of(1), 1);
    assert!(twice.without_classes(&["a", "b"]).is_empty());
}

#[test]
fn a_long_token_is_masked_onward_in_constant_memory() {
    let detectors = detectors();
    let mut stream = Stream::new(ValueKind::Text);
    let mut held = b"token: eyJhbGciOiJIUzI1NiJ9.eyJ".to_vec();
    let mut tail = Vec::new();
    for _ in 0..200 {
        held.extend([b'A'; 997]);
        let done = stream.feed(&detectors, &mut held, false);
        tail = held.drain(..done).collect();
    }
    assert!(tail.iter().all(|b| *b == b'*') && !tail.is_empty());
    assert_eq!(stream.hits().total(), 1);
}

#[test]
fn first_mistake_is_reported_by_name() {
    let wrong = Detectors::builder().pattern_named("cards", "c").regex("r", "a+", "c").build().unwrap_err();
    assert_eq!(wrong.to_string(), "detector `cards`: no such pattern");
    let wrong = Detectors::builder().regex("r", "a+", "c").build().unwrap_err();
    assert_eq!(wrong.to_string(), "detector `r`: regex has no greatest length: give every repetition a bound");
}

#[test]
fn detectors_are_shared_by_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(&detectors());
}
