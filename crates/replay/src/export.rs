//! The export: one JSON object per entry, for programs. Fields are documented in `docs/recording-format.md`, "JSON lines".
//!
//! Bytes that are UTF-8 are text; others are `{"base64": …}`, so that nothing is lost and nothing is ambiguous.
//! The line is safe to print: characters that steer a terminal, C1 controls and direction marks included, are `\u` escapes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_recording::Entry;
use portcullis_recording::body::{Body, Origin, OutcomeState, Text, Value as Bound, Verdict};
use portcullis_recording::checkpoint::hex;
use serde_json::{Map, Value, json};

use crate::safe::is_unsafe;
use crate::time::iso;

/// The entry as one line of JSON, without the line end.
pub fn export_line(entry: &Entry) -> String {
    let header = &entry.header;
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("session", json!(format!("{:032x}", header.session)));
    put("sequence", json!(header.sequence));
    put("time", json!(iso(header.time)));
    put("segment", json!(entry.segment));
    put("offset", json!(entry.offset));
    let (kind, body) = body(&entry.body);
    put("kind", json!(kind));
    put(kind, body);
    printable(&Value::Object(object).to_string())
}

/// Outside ASCII, characters stand only inside JSON strings, so an escape there never changes the meaning.
fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if is_unsafe(c) {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

fn body(body: &Body) -> (&'static str, Value) {
    match body {
        Body::SessionStart(start) => (
            "session_start",
            json!({
                "origin": match start.origin { Origin::Client => "client", Origin::Gateway => "gateway" },
                "provider": start.provider, "subject": start.subject, "groups": start.groups, "actor": start.actor,
                "user": start.user, "upstream": start.upstream, "database": start.database,
                "client_address": start.client_address, "protocol": start.protocol,
                "protocol_version": start.protocol_version, "application_name": start.application_name,
                "policy": hex(&start.policy), "facts": pairs(&start.facts),
            }),
        ),
        Body::SessionEnd(end) => ("session_end", json!({ "reason": end.reason, "statements": end.statements })),
        Body::Statement(statement) => (
            "statement",
            json!({
                "statement": statement.statement, "verdict": verdict(statement.verdict), "via": statement.via,
                "original": text(&statement.original), "forwarded": statement.forwarded.as_ref().map(text),
                "parameters": statement.parameters.iter().map(parameter).collect::<Vec<_>>(),
                "objects": statement.objects.iter().map(|(effect, name)| json!({ "effect": effect, "name": name })).collect::<Vec<_>>(),
                "objects_cut": statement.objects_cut, "rule": statement.rule, "hint": statement.hint,
                "reason": statement.reason, "facts": pairs(&statement.facts),
                "references": statement.references.iter().map(|(label, digest)| (label.clone(), json!(hex(digest)))).collect::<Map<_, _>>(),
                "digest": statement.digest.map(|digest| hex(&digest)),
            }),
        ),
        Body::Outcome(outcome) => (
            "outcome",
            json!({
                "statement": outcome.statement, "state": state(outcome.state), "rows": outcome.rows,
                "bytes": outcome.bytes, "duration_us": outcome.duration, "masked": outcome.masked,
                "recorded": outcome.recorded, "sqlstate": outcome.sqlstate, "command_tag": outcome.command_tag,
                "note": outcome.note,
            }),
        ),
        Body::Result(chunk) => {
            ("result", json!({ "statement": chunk.statement, "frames": { "base64": STANDARD.encode(&chunk.frames) } }))
        }
        Body::Note(note) => {
            ("note", json!({ "code": note.code, "message": note.message, "facts": pairs(&note.facts) }))
        }
        Body::Blob(blob) => {
            ("blob", json!({ "digest": hex(&blob.digest), "label": blob.label, "content": bytes(&blob.content) }))
        }
        Body::Unknown(code) => ("unknown", json!({ "code": code })),
        Body::Sealed => ("sealed", json!({})),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Refuse => "refuse",
        Verdict::Hold => "hold",
    }
}

fn state(state: OutcomeState) -> &'static str {
    match state {
        OutcomeState::Completed => "completed",
        OutcomeState::Failed => "failed",
        OutcomeState::Aborted => "aborted",
        OutcomeState::Unknown => "unknown",
        OutcomeState::NotForwarded => "not_forwarded",
    }
}

/// A list, not an object: a key may come twice.
fn pairs(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(key, value)| json!([key, value])).collect()
}

fn bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!({ "base64": STANDARD.encode(bytes) }), |text| json!(text))
}

fn text(text: &Text) -> Value {
    json!({
        "text": bytes(&text.bytes), "elided": text.elided, "cut": text.cut,
        "whole": text.whole.map(|(length, digest)| json!({ "length": length, "blake3": hex(&digest) })),
    })
}

fn parameter((type_id, format, value): &(u32, u8, Bound)) -> Value {
    let mut object = json!({ "type": type_id, "format": if *format == 0 { "text" } else { "binary" } });
    let (key, value) = match value {
        Bound::Null => ("value", Value::Null),
        Bound::Bytes(value) if *format != 0 => ("value", json!({ "base64": STANDARD.encode(value) })),
        Bound::Bytes(value) => ("value", bytes(value)),
        Bound::Cut(value, length, digest) => {
            ("cut", json!({ "value": bytes(value), "length": length, "blake3": hex(digest) }))
        }
        Bound::Elided => ("elided", json!(true)),
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_steers_no_terminal_and_means_the_same() {
        let text = "a\u{9b}2Jb\u{202e}c\u{7f}\u{e0041}\u{1b}";
        let line = printable(&json!({ "x": text }).to_string());
        assert!(line.is_ascii());
        assert!(!line.chars().any(char::is_control));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["x"], text);
    }
}
