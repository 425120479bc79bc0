//! Statement entries: they come back as written, hide their literals, and stay within their bounds.

use super::*;

fn encoded(intention: &Intention<'_>, digest: &Digest) -> Vec<u8> {
    let mut out = Vec::new();
    let decision = Decision { verdict: Verdict::Allow, refusal: Refusal::default(), digest: Some(digest) };
    Made(intention, decision).encode(&mut out);
    out
}

fn read(bytes: &[u8]) -> Statement {
    let mut take = Take::new(bytes);
    let statement = Statement::decode(&mut take).unwrap();
    assert_eq!(take.finish(), Ok(()));
    statement
}

#[test]
fn a_statement_comes_back() {
    let parameters = [
        Parameter { type_id: 23, format: 1, value: Some(&[0, 0, 0, 7]), elide: false },
        Parameter { type_id: 25, format: 0, value: None, elide: false },
        Parameter { type_id: 25, format: 0, value: Some(b"secret"), elide: true },
    ];
    let intention = Intention {
        statement: 4,
        via: "execute",
        original: b"SELECT * FROM t WHERE id = $1",
        forwarded: Some(b"SELECT * FROM t"),
        parameters: &parameters,
        objects: &[Object { effect: "select", name: "public.t" }],
        facts: &[("readonly", "true")],
        references: &[("policy", [3; 32])],
        ..Intention::default()
    };
    let back = read(&encoded(&intention, &[1; 32]));
    assert_eq!(back.original.bytes, intention.original);
    assert_eq!(back.forwarded.unwrap().bytes, b"SELECT * FROM t");
    assert_eq!(back.parameters[0], (23, 1, Value::Bytes(vec![0, 0, 0, 7])));
    assert_eq!(back.parameters[1].2, Value::Null);
    assert_eq!(back.parameters[2].2, Value::Elided);
    assert_eq!(back.objects, [("select".to_owned(), "public.t".to_owned())]);
    assert_eq!(back.references, [("policy".to_owned(), [3; 32])]);
    assert_eq!(back.digest, None, "an elided parameter leaves no digest");
}

#[test]
fn nothing_in_the_entry_depends_on_an_elided_literal() {
    let entry = |password: &str, digest: u8| {
        let text = format!("ALTER ROLE a PASSWORD '{password}' VALID UNTIL 'x'");
        let start = 23;
        let ranges = [Range { start, end: start + password.len() }];
        let intention = Intention {
            original: text.as_bytes(),
            elided: &ranges,
            forwarded: Some(text.as_bytes()),
            forwarded_elided: &ranges,
            ..Intention::default()
        };
        encoded(&intention, &[digest; 32])
    };
    assert_eq!(entry("short", 1), entry("a very much longer one", 2));
    let back = read(&entry("hunter2", 1));
    assert_eq!(back.original.bytes, b"ALTER ROLE a PASSWORD '***' VALID UNTIL 'x'");
    assert!(back.original.elided);
}

#[test]
fn unsorted_and_overlapping_ranges_hide_their_union() {
    let text = b"aaSECRETbbTOPcc";
    let ranges = [
        Range { start: 10, end: 13 },
        Range { start: 4, end: 8 },
        Range { start: 2, end: 6 },
        Range { start: 14, end: 99 },
    ];
    let shown = without(text, &ranges);
    assert_eq!(String::from_utf8(shown).unwrap(), "aa******bb***c***");
}

#[test]
fn long_texts_and_values_are_cut_and_say_so() {
    let text = vec![b'x'; MAX_TEXT + 1];
    let value = vec![b'y'; MAX_PARAMETER + 1];
    let parameters = [Parameter { type_id: 17, format: 1, value: Some(&value), elide: false }];
    let intention = Intention { original: &text, parameters: &parameters, ..Intention::default() };
    let back = read(&encoded(&intention, &[0; 32]));
    assert_eq!(back.original.whole, Some((text.len() as u64, *blake3::hash(&text).as_bytes())));
    assert_eq!(back.original.bytes.len(), MAX_TEXT);
    let Value::Cut(kept, length, digest) = &back.parameters[0].2 else { panic!("not cut") };
    assert_eq!((kept.len(), *length), (MAX_PARAMETER, value.len() as u64));
    assert_eq!(digest, blake3::hash(&value).as_bytes());
}

#[test]
fn many_parameters_stay_within_their_budget() {
    let value = vec![b'z'; MAX_PARAMETER];
    let parameters = vec![Parameter { type_id: 17, format: 1, value: Some(&value), elide: false }; 1000];
    let intention = Intention { parameters: &parameters, ..Intention::default() };
    let bytes = encoded(&intention, &[0; 32]);
    assert!(bytes.len() < MAX_PARAMETERS + 1000 * 64);
    assert_eq!(read(&bytes).parameters.len(), 1000);
}
