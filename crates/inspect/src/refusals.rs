//! Words for clients: which rule refused a statement, and how to ask.
//!
//! A refusal names the rule's `@id`, its `@reason` and its `@hint`. Where the server itself would have refused (the text
//! does not parse, a relation does not exist), it gets the server's own code and words instead, so that tools which look
//! for them go on working. Nothing of values, keys, hosts or the policy's text is said.

use portcullis_policy::Denial;
use portcullis_sql::NotAnalysed;
use portcullis_sql::dialect::Codes;
use portcullis_wire::event::Refusal;

use crate::facts::Absent;

/// Adds where to turn to a refusal of policy's. The session's number lets the one who is asked find the statement; it is
/// added when the refusal is given, because decisions are shared between sessions.
pub(crate) fn with_how_to_ask(refusal: Refusal, session: u128) -> Refusal {
    let ask = format!("to ask for it, tell your administrator the rule and the session {session:032x}");
    let hint = match &refusal.hint {
        Some(hint) => format!("{hint}; {ask}"),
        None => ask,
    };
    Refusal { hint: Some(hint), ..refusal }
}

/// The words for a denial, under the code that the protocol has for it.
pub fn refusal(denial: &Denial, sqlstate: [u8; 5], session: u128) -> Refusal {
    with_how_to_ask(denied(denial, sqlstate), session)
}

/// Policy says no.
pub(crate) fn denied(denial: &Denial, sqlstate: [u8; 5]) -> Refusal {
    let rule = denial.rule.as_deref();
    let message = match (rule, &denial.reason) {
        (Some(rule), Some(reason)) => format!("refused by rule \"{rule}\": {reason}"),
        (Some(rule), None) => format!("refused by rule \"{rule}\""),
        (None, _) if denial.error => "refused: a policy could not be evaluated".to_owned(),
        (None, _) => "refused: no rule allows it".to_owned(),
    };
    let detail = format!("{} on {} is not allowed", denial.action.name(), denial.resource);
    Refusal { sqlstate, message, detail: Some(detail), hint: denial.hint.clone(), position: None }
}

/// The server would say that something does not exist, and so do we.
pub(crate) fn absent(absent: &Absent, codes: &Codes) -> Refusal {
    let (sqlstate, message) = match absent {
        Absent::Relation(name) => (codes.unknown_relation, (codes.absent.relation)(name)),
        Absent::Function(name) => (codes.unknown_function, (codes.absent.function)(name)),
        Absent::Statement(name) => (codes.unknown_statement, (codes.absent.statement)(name)),
        Absent::Portal(name) => (codes.unknown_portal, (codes.absent.portal)(name)),
        Absent::Schema => (codes.unknown_schema, codes.absent.schema.to_owned()),
    };
    plain(sqlstate, message)
}

/// The text was not understood.
pub(crate) fn not_analysed(why: &NotAnalysed, text: &[u8], codes: &Codes) -> Refusal {
    match why {
        NotAnalysed::Syntax { message, position } => Refusal {
            position: position.and_then(|at| character(text, at)),
            ..plain(codes.syntax, message.to_string())
        },
        NotAnalysed::TooLong(_) | NotAnalysed::TooDeep | NotAnalysed::TooComplex(_) => {
            plain(codes.too_complex, format!("refused: {why}"))
        }
        NotAnalysed::NotText | NotAnalysed::Parser => plain(codes.syntax, format!("refused: {why}")),
    }
}

/// Text under settings that hide what it means.
pub(crate) fn unreadable(codes: &Codes) -> Refusal {
    plain(codes.denied, "refused: the session's settings make its text unreadable to the firewall".to_owned())
}

/// A statement that was prepared when text meant something else.
pub(crate) fn prepared_otherwise(codes: &Codes) -> Refusal {
    let hint = "prepare the statement anew";
    let message = "refused: the session reads text or writes results otherwise than when this was prepared".to_owned();
    Refusal { hint: Some(hint.to_owned()), ..plain(codes.denied, message) }
}

/// Results in which nothing could be masked.
pub(crate) fn closes_results(codes: &Codes) -> Refusal {
    let hint = "keep text and results in UTF-8";
    let message = "refused: under such settings nothing could be masked".to_owned();
    Refusal { hint: Some(hint.to_owned()), ..plain(codes.denied, message) }
}

/// It could not be recorded, and what is not recorded does not run.
pub(crate) fn unrecorded(codes: &Codes) -> Refusal {
    let hint = "the firewall's recording cannot be written; it will be tried again with the next statement";
    Refusal {
        hint: Some(hint.to_owned()),
        ..plain(codes.unrecorded, "refused: the statement could not be recorded".to_owned())
    }
}

/// A function called by number has no text to judge.
pub(crate) fn call(codes: &Codes) -> Refusal {
    let hint = "call the function by its name, in a statement";
    Refusal { hint: Some(hint.to_owned()), ..plain(codes.denied, "refused: function call by object id".to_owned()) }
}

/// The protocol knows it, and it is not carried.
pub(crate) fn unsupported(what: &str, codes: &Codes) -> Refusal {
    plain(codes.denied, format!("refused: the firewall does not carry {what}"))
}

/// More names than a session may hold.
pub(crate) fn too_many_names(codes: &Codes) -> Refusal {
    let hint = "close prepared statements that are no longer used";
    let message = "refused: the session holds too many prepared statements".to_owned();
    Refusal { hint: Some(hint.to_owned()), ..plain(codes.too_complex, message) }
}

/// Longer statements than a session may hold.
pub(crate) fn too_long_names(codes: &Codes) -> Refusal {
    let hint = "close prepared statements that are no longer used";
    let message = "refused: the session's prepared statements are too long together".to_owned();
    Refusal { hint: Some(hint.to_owned()), ..plain(codes.too_complex, message) }
}

fn plain(sqlstate: [u8; 5], message: String) -> Refusal {
    Refusal { sqlstate, message, detail: None, hint: None, position: None }
}

/// The place of a byte, in characters from 1.
fn character(text: &[u8], at: usize) -> Option<u32> {
    let before = std::str::from_utf8(text.get(..at)?).ok()?;
    u32::try_from(before.chars().count().saturating_add(1)).ok()
}
