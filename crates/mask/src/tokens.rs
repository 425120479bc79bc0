//! Secrets that announce themselves by a prefix: JWT, AWS, GitHub, Slack, PEM private keys.
//!
//! One search for all prefixes finds the places; the checks here decide within [`REACH`] bytes. What can be longer than
//! that is masked onward from its prefix, see [`Onward`].

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

use crate::Pattern;
use crate::text::{Text, alnum, base64, base64url};

/// No check reads further than this from its position.
pub(crate) const REACH: usize = 540;
/// A base64url run this long that starts like a JWT is taken for one, dot or no dot.
const JWT_HEADER: usize = 512;

/// What goes on after a hit, for as long as the bytes say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Base64url and dots.
    Jwt,
    /// Letters, digits, `_`, `-`.
    Token,
    /// To the END line, or a bound.
    Pem,
}

/// A secret at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    pub pattern: Pattern,
    pub start: usize,
    pub end: usize,
    pub onward: Option<Onward>,
}

/// No prefix is the start of another, so one hit per position is all there can be.
const PREFIXES: [(&str, Pattern); 17] = [
    ("eyJ", Pattern::Jwt),
    ("AKIA", Pattern::AwsKey),
    ("ASIA", Pattern::AwsKey),
    ("ABIA", Pattern::AwsKey),
    ("ACCA", Pattern::AwsKey),
    ("ecretAccessKey", Pattern::AwsKey),
    ("ecret_access_key", Pattern::AwsKey),
    ("ECRET_ACCESS_KEY", Pattern::AwsKey),
    ("ghp_", Pattern::GithubToken),
    ("gho_", Pattern::GithubToken),
    ("ghs_", Pattern::GithubToken),
    ("ghu_", Pattern::GithubToken),
    ("ghr_", Pattern::GithubToken),
    ("github_pat_", Pattern::GithubToken),
    ("xox", Pattern::SlackToken),
    ("xapp-", Pattern::SlackToken),
    ("-----BEGIN ", Pattern::PrivateKey),
];

/// The search for prefixes of the wanted patterns.
#[derive(Debug, Clone)]
pub(crate) struct Prefixes {
    search: Search,
    which: Vec<usize>,
}

/// Vectors where the machine has them; an automaton, never nothing, where it has not.
#[derive(Debug, Clone)]
enum Search {
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Prefixes {
    /// None when no wanted pattern has a prefix.
    pub(crate) fn new(wanted: impl Fn(Pattern) -> bool) -> Option<Self> {
        let which: Vec<usize> =
            PREFIXES.iter().enumerate().filter(|(_, (_, pattern))| wanted(*pattern)).map(|(i, _)| i).collect();
        let texts: Vec<&str> = which.iter().filter_map(|i| PREFIXES.get(*i)).map(|(text, _)| *text).collect();
        let search = match packed::Searcher::new(&texts) {
            Some(vector) => Search::Vector(vector),
            None => Search::Automaton(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(&texts)
                    .ok()
                    .filter(|_| !texts.is_empty())?,
            ),
        };
        Some(Self { search, which })
    }

    /// The first prefix at or after an offset: where, and which.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if from >= text.len() {
            return None;
        }
        let span = Span { start: from, end: text.len() };
        let found = match &self.search {
            Search::Vector(vector) => vector.find_in(text, span)?,
            Search::Automaton(automaton) => automaton.find(Input::new(text).span(span))?,
        };
        Some((found.start(), *self.which.get(found.pattern().as_usize())?))
    }
}

/// Decides about the prefix at a position.
pub(crate) fn secret(text: Text<'_>, at: usize, prefix: usize) -> Option<Secret> {
    // Over many cells at once a prefix may end in the next cell's framing.
    let (literal, pattern) =
        *PREFIXES.get(prefix).filter(|(literal, _)| text.from(at).starts_with(literal.as_bytes()))?;
    let after = at.saturating_add(literal.len());
    let (start, end, onward) = match (pattern, literal.len()) {
        (Pattern::Jwt, _) => (at, jwt(text, at)?, Some(Onward::Jwt)),
        (Pattern::AwsKey, 4) => (at, aws_id(text, at)?, None),
        (Pattern::AwsKey, _) => aws_secret(text, after).map(|(start, end)| (start, end, None))?,
        (Pattern::GithubToken, _) => (at, github(text, at, after)?, Some(Onward::Token)),
        (Pattern::SlackToken, _) => (at, slack(text, at, after)?, Some(Onward::Token)),
        _ => (at, pem_begin(text, at, after)?, Some(Onward::Pem)),
    };
    Some(Secret { pattern, start, end, onward })
}

/// RFC 7519: base64url parts joined by dots; the first starts with `{"`.
fn jwt(text: Text<'_>, at: usize) -> Option<usize> {
    let before = text.before(at, 1);
    let header = text.run(at, JWT_HEADER, base64url);
    if base64url(before) || before == b'.' || header < 10 {
        return None;
    }
    let dot = at.saturating_add(header);
    if header == JWT_HEADER {
        return Some(dot);
    }
    // An encrypted token may have an empty second part.
    let payload = dot.saturating_add(if text.at(dot.saturating_add(1)) == b'.' { 2 } else { 1 });
    (text.at(dot) == b'.' && text.run(payload, 8, base64url) == 8).then_some(payload)
}

/// Four letters that name the kind and sixteen more.
fn aws_id(text: Text<'_>, at: usize) -> Option<usize> {
    let end = at.saturating_add(20);
    let length = text.run(at, 21, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (!alnum(text.before(at, 1)) && length == 20 && !alnum(text.at(end))).then_some(end)
}

/// Forty base64 characters soon after the usual names of a secret key.
fn aws_secret(text: Text<'_>, after: usize) -> Option<(usize, usize)> {
    let gap = text.run(after, 16, |b| matches!(b, b' ' | b'\t' | b'"' | b'\'' | b':' | b'=' | b'>' | b'\\' | b',' | 0));
    let start = after.saturating_add(gap);
    let length = text.run(start, 41, base64);
    (gap > 0 && length == 40).then(|| (start, start.saturating_add(40)))
}

fn github(text: Text<'_>, at: usize, after: usize) -> Option<usize> {
    let before = text.before(at, 1);
    let length = text.run(after, 36, |b| alnum(b) || b == b'_');
    (!alnum(before) && before != b'_' && length == 36).then(|| after.saturating_add(36))
}

/// `xoxb-`, `xoxp-`… and at least ten more, some of them digits.
fn slack(text: Text<'_>, at: usize, after: usize) -> Option<usize> {
    let kind = text.at(after);
    let body = if text.at(after.saturating_sub(1)) == b'-' {
        after
    } else if kind.is_ascii_lowercase() && matches!(text.at(after.saturating_add(1)), b'-' | b'.') {
        after.saturating_add(2)
    } else {
        return None;
    };
    let length = text.run(body, 24, |b| alnum(b) || b == b'-');
    let end = body.saturating_add(length);
    let digits = text.0.get(body..end).is_some_and(|b| b.iter().any(u8::is_ascii_digit));
    (!alnum(text.before(at, 1)) && length >= 10 && digits).then_some(end)
}

const END: &[u8] = b"-----END";

/// RFC 7468's BEGIN line, when its label names a private key.
fn pem_begin(text: Text<'_>, at: usize, label: usize) -> Option<usize> {
    let line = text.0.get(label..label.saturating_add(label_length(text, label)))?;
    let key = line.windows(11).any(|w| w == b"PRIVATE KEY");
    let end = label.saturating_add(line.len()).saturating_add(5);
    (key && text.0.get(at..end).is_some_and(|l| l.ends_with(b"-----"))).then_some(end)
}

fn label_length(text: Text<'_>, at: usize) -> usize {
    text.run(at, 48, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ')
}

/// The range of the first END line that starts in `from..to`.
pub(crate) fn pem_end(text: Text<'_>, from: usize, to: usize) -> Option<usize> {
    let window = text.0.get(from..to.saturating_add(END.len()).saturating_sub(1).min(text.0.len()))?;
    let after = memchr::memmem::find(window, END)?.saturating_add(from).saturating_add(END.len());
    let label = after.saturating_add(label_length(text, after));
    Some(label.saturating_add(text.run(label, 5, |b| b == b'-')))
}

/// Whether a value that follows one with an open key reads like more of that key.
pub(crate) fn pem_continues(value: &[u8]) -> bool {
    let head = value.get(..value.len().min(96)).unwrap_or_default();
    let head = head.trim_ascii();
    if head.starts_with(END) || head.starts_with(b"Proc-Type:") || head.starts_with(b"DEK-Info:") {
        return true;
    }
    let run = head.iter().take_while(|b| base64(**b)).count();
    run >= 40 || (run == head.len() && run >= 4 && run.is_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<&str> {
        let prefixes = Prefixes::new(|_| true).unwrap();
        let (at, prefix) = prefixes.find(text.as_bytes(), 0)?;
        secret(Text(text.as_bytes()), at, prefix).map(|s| &text[s.start..s.end])
    }

    #[test]
    fn prefixes_do_not_start_one_another() {
        for (a, _) in PREFIXES {
            assert_eq!(PREFIXES.iter().filter(|(b, _)| b.starts_with(a)).count(), 1, "{a}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_prefix() {
        let forty = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(find("AKIAIOSFODNN7EXAMPLE"), Some("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(find(&format!("aws_secret_access_key = {forty}")), Some(forty));
        assert_eq!(find(&format!("\"SecretAccessKey\": \"{forty}\",")), Some(forty));
        assert!(find(&format!("ghp_{}", "a1".repeat(18))).is_some());
        assert!(find("xoxb-123456789012-abcdefABCDEF").is_some());
        assert!(find("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln").is_some());
        assert!(find("-----BEGIN RSA PRIVATE KEY-----").is_some());
    }

    #[test]
    fn lookalikes_are_left() {
        for text in [
            "AKIASHORT",
            "XAKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9",
            "ghp_short",
            "xoxox-kisses-and-hugs",
            "-----BEGIN PUBLIC KEY-----",
            "secret_access_key = ${FROM_ENV}",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
