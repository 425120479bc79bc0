//! Statements: text, parameters, what they touch, what was decided and why, with passwords elided.
//!
//! `original` is what the client sent, `forwarded` what the upstream gets where the two differ. Elided ranges are written
//! as `***` whatever their length, and a statement with anything elided carries no digest and no length of the whole text:
//! EVASION: a digest over a text with a short password is a password oracle for whoever reads the recording
//! (`nothing_in_the_entry_depends_on_an_elided_literal`).

use std::ops::Range;

use smallvec::SmallVec;

use super::{Pairs, put_pairs, take_pairs};
use crate::codec::{Malformed, Put, Take};
use crate::entry::Digest;
use crate::limits::{MAX_PARAMETER, MAX_PARAMETERS, MAX_TEXT};

const ELISION: &[u8] = b"***";
const TEXT_ELIDED: u8 = 1;
const TEXT_CUT: u8 = 2;

/// One parameter as bound.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// The type, in the protocol's numbering; 0 where the client left it open.
    pub type_id: u32,
    /// 0 text, 1 binary.
    pub format: u8,
    /// `None` is NULL.
    pub value: Option<&'a [u8]>,
    /// The value is a secret: neither it nor its length is recorded.
    pub elide: bool,
}

/// Something the statement touches, by its resolved name.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// What is done: `select`, `update`, `call`, …
    pub effect: &'a str,
    /// The qualified name.
    pub name: &'a str,
}

/// A statement about to be forwarded, refused or held, as its parts lie in the caller's buffers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Intention<'a> {
    /// The statement's number in its session, given by whoever judges it; the receipt carries it.
    pub statement: u64,
    /// How it came: `query`, `execute`, `function call`, `copy data`, …
    pub via: &'a str,
    /// What the client sent.
    pub original: &'a [u8],
    /// Secrets in `original`.
    pub elided: &'a [Range<usize>],
    /// What the upstream gets, where it differs.
    pub forwarded: Option<&'a [u8]>,
    /// Secrets in `forwarded`.
    pub forwarded_elided: &'a [Range<usize>],
    /// Bound parameters.
    pub parameters: &'a [Parameter<'a>],
    /// What it touches.
    pub objects: &'a [Object<'a>],
    /// The rule that allowed it; empty when no single rule did.
    pub rule: &'a str,
    /// Context facts of the decision, so that another policy can be tried on it.
    pub facts: Pairs<'a>,
    /// Digests of what the decision rests on: `policy`, `catalog`, `settings`.
    pub references: &'a [(&'a str, Digest)],
}

impl Intention<'_> {
    fn elides(&self) -> bool {
        !self.elided.is_empty()
            || !self.forwarded_elided.is_empty()
            || self.parameters.iter().any(|parameter| parameter.elide)
    }
}

/// Why a statement was refused, or what it waits for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Refusal<'a> {
    /// The rule's `@id`.
    pub rule: &'a str,
    /// The rule's `@hint`.
    pub hint: &'a str,
    /// What the client is told, or who must approve.
    pub reason: &'a str,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Its bytes may go to the upstream.
    Allow,
    /// They may not.
    Refuse,
    /// Not before an approver says so; a second entry with the same number follows.
    Hold,
}

/// A decision as the recorder's methods imply it.
pub(crate) struct Decision<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) refusal: Refusal<'a>,
    pub(crate) digest: Option<&'a Digest>,
}

/// A statement and its decision, ready to be encoded.
pub(crate) struct Made<'a>(pub(crate) &'a Intention<'a>, pub(crate) Decision<'a>);

impl Made<'_> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let Self(intention, decision) = self;
        out.number(intention.statement);
        out.byte(match decision.verdict {
            Verdict::Allow => 0,
            Verdict::Refuse => 1,
            Verdict::Hold => 2,
        });
        out.text(intention.via);
        put_text(out, intention.original, intention.elided);
        out.byte(u8::from(intention.forwarded.is_some()));
        if let Some(text) = intention.forwarded {
            put_text(out, text, intention.forwarded_elided);
        }
        put_parameters(out, intention.parameters);
        out.list(
            intention.objects,
            |object| object.effect.len().saturating_add(object.name.len()),
            |out, object| {
                out.text(object.effect);
                out.text(object.name);
            },
        );
        out.text(decision.refusal.rule);
        out.text(decision.refusal.hint);
        out.text(decision.refusal.reason);
        put_pairs(out, intention.facts);
        out.list(
            intention.references,
            |(label, _)| label.len().saturating_add(32),
            |out, (label, digest)| {
                out.text(label);
                out.fixed(digest);
            },
        );
        let digest = decision.digest.filter(|_| !intention.elides());
        out.byte(u8::from(digest.is_some()));
        out.fixed(digest.map_or(&[], |digest| digest.as_slice()));
    }
}

fn put_text(out: &mut Vec<u8>, text: &[u8], elided: &[Range<usize>]) {
    if elided.is_empty() {
        return put_plain_text(out, text);
    }
    let shown = without(text, elided);
    let kept = shown.get(..MAX_TEXT);
    out.byte(if kept.is_some() { TEXT_ELIDED | TEXT_CUT } else { TEXT_ELIDED });
    out.blob(kept.unwrap_or(&shown));
}

fn put_plain_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.get(..MAX_TEXT).filter(|kept| kept.len() < text.len()) {
        None => {
            out.byte(0);
            out.blob(text);
        }
        Some(kept) => {
            out.byte(TEXT_CUT);
            out.blob(kept);
            out.number(text.len() as u64);
            out.fixed(blake3::hash(text).as_bytes());
        }
    }
}

/// The text with every range written as `***`. Unsorted and overlapping ranges hide their union.
fn without(text: &[u8], elided: &[Range<usize>]) -> Vec<u8> {
    let mut ranges: SmallVec<[(usize, usize); 4]> = elided.iter().map(|range| (range.start, range.end)).collect();
    ranges.sort_unstable();
    let mut shown = Vec::with_capacity(text.len());
    let mut place = 0usize;
    for (start, end) in ranges {
        shown.extend_from_slice(text.get(place..start).unwrap_or_default());
        shown.extend_from_slice(ELISION);
        place = place.max(end);
    }
    shown.extend_from_slice(text.get(place..).unwrap_or_default());
    shown
}

fn put_parameters(out: &mut Vec<u8>, parameters: &[Parameter<'_>]) {
    out.number(parameters.len() as u64);
    let mut room = MAX_PARAMETERS;
    for parameter in parameters {
        out.number(u64::from(parameter.type_id));
        out.byte(parameter.format);
        match parameter.value {
            _ if parameter.elide => out.byte(3),
            None => out.byte(0),
            Some(value) if value.len() <= MAX_PARAMETER.min(room) => {
                room = room.saturating_sub(value.len());
                out.byte(1);
                out.blob(value);
            }
            Some(value) => {
                let kept = value.get(..MAX_PARAMETER.min(room)).unwrap_or(value);
                room = room.saturating_sub(kept.len());
                out.byte(2);
                out.blob(kept);
                out.number(value.len() as u64);
                out.fixed(blake3::hash(value).as_bytes());
            }
        }
    }
}

/// A text as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What is kept.
    pub bytes: Vec<u8>,
    /// Some of it reads `***` because it was a secret.
    pub elided: bool,
    /// It was longer than the recording keeps.
    pub cut: bool,
    /// Length and digest of the whole, where it was cut and nothing elided.
    pub whole: Option<(u64, Digest)>,
}

/// A parameter's value as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// The value.
    Bytes(Vec<u8>),
    /// The beginning, then the length and digest of the whole.
    Cut(Vec<u8>, u64, Digest),
    /// A secret.
    Elided,
}

/// A statement entry as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its number in the session.
    pub statement: u64,
    /// What was decided.
    pub verdict: Verdict,
    /// How it came.
    pub via: String,
    /// What the client sent.
    pub original: Text,
    /// What the upstream got, where it differs.
    pub forwarded: Option<Text>,
    /// Type, format and value of each parameter.
    pub parameters: Vec<(u32, u8, Value)>,
    /// Effect and name of each object.
    pub objects: Vec<(String, String)>,
    /// Objects left out for size.
    pub objects_cut: u64,
    /// The deciding rule.
    pub rule: String,
    /// Its hint.
    pub hint: String,
    /// What the client was told.
    pub reason: String,
    /// Context facts.
    pub facts: Vec<(String, String)>,
    /// Digests of what the decision rests on.
    pub references: Vec<(String, Digest)>,
    /// Digest of the forwarded bytes; absent where something was elided or nothing forwarded.
    pub digest: Option<Digest>,
}

impl Statement {
    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Self, Malformed> {
        let statement = take.number("statement")?;
        let verdict = match take.byte("verdict")? {
            0 => Verdict::Allow,
            1 => Verdict::Refuse,
            2 => Verdict::Hold,
            _ => return Err(Malformed::Invalid("verdict")),
        };
        let via = take.text("via")?;
        let original = take_text(take)?;
        let forwarded = if take.flag("forwarded")? { Some(take_text(take)?) } else { None };
        let parameters = take_parameters(take)?;
        let (objects, objects_cut) = take_pairs(take, "objects")?;
        Ok(Self {
            statement,
            verdict,
            via,
            original,
            forwarded,
            parameters,
            objects,
            objects_cut,
            rule: take.text("rule")?,
            hint: take.text("hint")?,
            reason: take.text("reason")?,
            facts: take_pairs(take, "facts")?.0,
            references: take.list("references", |take| Ok((take.text("label")?, take.array("digest")?)))?.0,
            digest: if take.flag("digest")? { Some(take.array("digest")?) } else { None },
        })
    }
}

fn take_text(take: &mut Take<'_>) -> Result<Text, Malformed> {
    let flags = take.byte("text flags")?;
    if flags & !(TEXT_ELIDED | TEXT_CUT) != 0 {
        return Err(Malformed::Invalid("text flags"));
    }
    let bytes = take.blob("text")?.to_vec();
    let whole = if flags == TEXT_CUT { Some((take.number("text length")?, take.array("text digest")?)) } else { None };
    Ok(Text { bytes, elided: flags & TEXT_ELIDED != 0, cut: flags & TEXT_CUT != 0, whole })
}

fn take_parameters(take: &mut Take<'_>) -> Result<Vec<(u32, u8, Value)>, Malformed> {
    let count = take.length("parameters")?;
    let mut parameters = Vec::new();
    for _ in 0..count {
        let type_id =
            u32::try_from(take.number("parameter type")?).map_err(|_| Malformed::Invalid("parameter type"))?;
        let format = take.byte("parameter format")?;
        let value = match take.byte("parameter value")? {
            0 => Value::Null,
            1 => Value::Bytes(take.blob("parameter")?.to_vec()),
            2 => Value::Cut(take.blob("parameter")?.to_vec(), take.number("length")?, take.array("digest")?),
            3 => Value::Elided,
            _ => return Err(Malformed::Invalid("parameter value")),
        };
        parameters.push((type_id, format, value));
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests;
