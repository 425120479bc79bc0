//! A policy file: its policies in order, each with its place, and Cedar's complaints turned into lines and columns.
//!
//! Cedar gives a policy's own text but not where it stood, so it is looked for again, from where the last one ended, in
//! a copy of the file whose comments are blanked out: a commented-out twin is never taken for the policy. Cedar
//! sees the text only after its depth was bounded.

use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet};
use miette::Diagnostic;

use crate::bounds;
use crate::error::{Complaint, PolicyError};

/// A named text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A policy as parsed, with its place.
pub(crate) struct Draft {
    pub(crate) policy: Policy,
    pub(crate) source: Arc<Source>,
    pub(crate) offset: usize,
    pub(crate) index: usize,
}

impl Source {
    /// The policies of the file, in order.
    pub(crate) fn parse(self: &Arc<Self>) -> Result<Vec<Draft>, Vec<PolicyError>> {
        bounds::check(&self.blanked()).map_err(|(offset, complaint)| vec![self.error(offset, None, complaint)])?;
        let set = PolicySet::from_str(&self.text).map_err(|errors| self.parse_errors(&errors))?;
        if set.templates().next().is_some() {
            let slot = self.blanked().find('?').unwrap_or(0);
            let complaint = Complaint::new("a policy file cannot hold a template")
                .help("name the principal and resource; grants are what fill in slots");
            return Err(vec![self.error(slot, None, complaint)]);
        }
        let mut policies: Vec<Policy> = set.policies().cloned().collect();
        policies.sort_by_key(ordinal);
        Ok(self.locate(policies))
    }

    /// An error at this offset.
    pub(crate) fn error(&self, offset: usize, policy_id: Option<String>, complaint: Complaint) -> PolicyError {
        let (line, column) = self.place(offset);
        let Complaint { message, help, .. } = complaint;
        PolicyError { file: self.name.clone(), line, column, policy_id, message, help }
    }

    /// A complaint of Cedar's, at its own place or else at `otherwise`.
    pub(crate) fn diagnostic(&self, found: &dyn Diagnostic, otherwise: usize, id: Option<String>) -> PolicyError {
        let label = found.labels().and_then(|mut labels| labels.next());
        let offset = label.as_ref().map_or(otherwise, |label| label.offset());
        let detail = label.as_ref().and_then(|label| label.label()).map(|text| format!(": {text}")).unwrap_or_default();
        let complaint = Complaint::new(format!("{found}{detail}"));
        let help = found.help().map(|help| help.to_string());
        PolicyError { help, ..self.error(offset, id, complaint) }
    }

    /// Line and column, from 1, of an offset in bytes.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        (line, before.get(start..).map_or(0, |s| s.chars().count()).saturating_add(1))
    }

    fn parse_errors(&self, errors: &cedar_policy::ParseErrors) -> Vec<PolicyError> {
        errors.iter().map(|error| self.diagnostic(error, 0, None)).collect()
    }

    fn locate(self: &Arc<Self>, policies: Vec<Policy>) -> Vec<Draft> {
        let (blanked, mut from) = (self.blanked(), 0usize);
        let drafts = policies.into_iter().enumerate().map(|(index, policy)| {
            let text = blank_comments(&policy.to_cedar().unwrap_or_default());
            let found = blanked.get(from..).and_then(|rest| rest.find(&text)).unwrap_or(0);
            let offset = from.saturating_add(found);
            from = offset.saturating_add(text.len());
            Draft { policy, source: Arc::clone(self), offset, index }
        });
        drafts.collect()
    }

    fn blanked(&self) -> String {
        blank_comments(&self.text)
    }
}

/// The number that Cedar gave the policy: `policy12` is 12.
fn ordinal(policy: &Policy) -> usize {
    let id: &str = policy.id().as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// The same text, byte for byte as long, with comments as spaces.
fn blank_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (kept, blank, after) = if from.starts_with("//") {
            let end = from.find(['\n', '\r']).unwrap_or(from.len());
            ("", end, from.get(end..).unwrap_or_default())
        } else {
            let end = if from.starts_with('"') { string_end(from) } else { 1 };
            let (kept, after) = from.split_at(end);
            (kept, 0, after)
        };
        out.push_str(kept);
        out.extend(std::iter::repeat_n(' ', blank));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the string literal that `text` begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at.saturating_add(1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "a.cedar".into(), text: text.into() })
    }

    #[test]
    fn policies_are_found_where_they_stand_and_not_in_comments() {
        let text = "// permit (principal, action, resource);\n@doc(\"// é\")\npermit (principal, action, resource); permit (principal, action, resource);\n";
        let drafts = source(text).parse().unwrap_or_else(|e| panic!("{e:?}"));
        let places: Vec<_> = drafts.iter().map(|d| d.source.place(d.offset)).collect();
        assert_eq!(places, [(2, 1), (3, 39)]);
    }

    #[test]
    fn more_than_ten_policies_stay_in_order() {
        let text: String = (0..25).map(|i| format!("@doc(\"{i}\") permit (principal, action, resource);\n")).collect();
        let drafts = source(&text).parse().unwrap_or_else(|e| panic!("{e:?}"));
        for (i, draft) in drafts.iter().enumerate() {
            assert_eq!(draft.policy.annotation("doc"), Some(i.to_string().as_str()));
            assert_eq!(draft.source.place(draft.offset), (i + 1, 1));
        }
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(source("é x\nü y").place("é x\nü ".len()), (2, 3));
        assert_eq!(source("é").place(1), (1, 2));
    }

    #[test]
    fn blanking_keeps_every_offset() {
        for text in ["a // é\n\"//\" b", "\"\\\"//\"//x", "/ // /", "\"unended // x", "//", "a/b\r\n//c\r\nd"] {
            assert_eq!(blank_comments(text).len(), text.len(), "{text}");
        }
        assert_eq!(blank_comments("a // b\nc"), "a     \nc");
        assert_eq!(blank_comments("\"a // b\" // c"), "\"a // b\"     ");
    }
}
