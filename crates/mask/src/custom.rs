//! The operator's own detectors: dictionaries of literal terms, and regexes with a greatest length.
//!
//! Both match bytes. A regex knows no Unicode classes (`.` is any byte but a line end, `\w` is ASCII); a hit that would
//! end inside a UTF-8 character is widened to the whole character. Regexes without a greatest length are refused: no byte
//! of a stream could ever be let go. Deliberately absent: terms with wildcards, and case folding beyond ASCII.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use regex_automata::meta;
use regex_automata::util::syntax;

use crate::text::{Text, alnum, continuation};
use crate::{DictionaryOptions, Why};

/// Longest hit of a term or a regex, in bytes. LIMIT: bounds what a stream holds back.
pub const MAX_MATCH: usize = 1024;
/// All terms of a dictionary together, in bytes. LIMIT: the automaton takes some 10–30 times as much memory.
pub const MAX_DICTIONARY_BYTES: usize = 64 << 20;
/// Longest text of a regex, in bytes. LIMIT: a bound on what is parsed.
pub const MAX_REGEX_TEXT: usize = 4096;
/// Compiled size of one regex. LIMIT: `[0-9]{1,1000}` and friends.
const MAX_REGEX_SIZE: usize = 2 << 20;

/// Literal terms. Overlapping terms are all found, so the hits at a place do not depend on where a search began.
#[derive(Debug)]
pub(crate) struct Dictionary {
    search: AhoCorasick,
    whole_words: bool,
    longest: usize,
}

impl Dictionary {
    pub(crate) fn new(terms: &[&[u8]], options: DictionaryOptions) -> Result<Self, Why> {
        let longest = check_terms(terms)?;
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(options.ignore_ascii_case)
            .kind((terms.len() > 64).then_some(AhoCorasickKind::ContiguousNFA))
            .build(terms)
            .or_else(|_| AhoCorasick::builder().ascii_case_insensitive(options.ignore_ascii_case).build(terms))
            .map_err(|_| Why::Dictionary)?;
        Ok(Self { search, whole_words: options.whole_words, longest })
    }

    /// The greatest length of a hit.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Whether any term occurs.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        self.search.is_match(text)
    }

    /// Calls `found` with every hit that starts at or after `from`.
    pub(crate) fn find(&self, text: &[u8], from: usize, mut found: impl FnMut(usize, usize)) {
        let input = Input::new(text).range(from.min(text.len())..);
        // The automaton is of the standard kind, which is the one condition of an overlapping search.
        for hit in self.search.try_find_overlapping_iter(input).into_iter().flatten() {
            found(hit.start(), hit.end());
        }
    }

    /// Whether a hit stands where the options want it.
    pub(crate) fn stands(&self, text: Text<'_>, start: usize, end: usize) -> bool {
        !self.whole_words || (!alnum(text.before(start, 1)) && !alnum(text.at(end)))
    }
}

fn check_terms(terms: &[&[u8]]) -> Result<usize, Why> {
    let (mut longest, mut total) = (0, 0usize);
    for (index, term) in terms.iter().enumerate() {
        total = total.saturating_add(term.len());
        longest = term.len().max(longest);
        match term.len() {
            0 => return Err(Why::EmptyTerm(index)),
            n if n > MAX_MATCH => return Err(Why::TermTooLong { index, limit: MAX_MATCH }),
            _ if total > MAX_DICTIONARY_BYTES => return Err(Why::TermTooLong { index, limit: MAX_DICTIONARY_BYTES }),
            _ => {}
        }
    }
    if longest == 0 { Err(Why::EmptyDictionary) } else { Ok(longest) }
}

/// A regex with a greatest length.
#[derive(Debug)]
pub(crate) struct Regex {
    regex: meta::Regex,
    longest: usize,
}

impl Regex {
    pub(crate) fn new(text: &str) -> Result<Self, Why> {
        if text.len() > MAX_REGEX_TEXT {
            return Err(Why::RegexTooLong(MAX_REGEX_TEXT));
        }
        let syntax = syntax::Config::new().unicode(false).utf8(false).nest_limit(64);
        let parsed = syntax::parse_with(text, &syntax).map_err(|e| Why::Syntax(e.to_string().into()))?;
        let longest = parsed.properties().maximum_len().ok_or(Why::Unbounded)?;
        if longest > MAX_MATCH {
            return Err(Why::MatchTooLong { length: longest, limit: MAX_MATCH });
        }
        if parsed.properties().minimum_len().unwrap_or(0) == 0 {
            return Err(Why::MatchesNothing);
        }
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(MAX_REGEX_SIZE));
        let regex = meta::Builder::new().configure(config).syntax(syntax).build(text).map_err(|_| Why::TooLarge)?;
        Ok(Self { regex, longest })
    }

    /// The greatest length of a hit.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The first hit at or after an offset. Bytes before it are seen by `\b` and `^` only.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if from >= text.len() {
            return None;
        }
        let hit = self.regex.search(&regex_automata::Input::new(text).range(from..))?;
        Some((hit.start(), hit.end()))
    }
}

/// Widens a range to whole UTF-8 characters.
pub(crate) fn whole_characters(text: Text<'_>, start: usize, end: usize) -> (usize, usize) {
    let lead = (1..=3usize).find(|back| !continuation(text.before(start, *back))).unwrap_or(0);
    let inside = continuation(text.at(start));
    let start = if inside { start.saturating_sub(lead) } else { start };
    (start, end.saturating_add(text.run(end, 3, continuation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(regex: &str) -> Why {
        Regex::new(regex).unwrap_err()
    }

    #[test]
    fn regexes_without_a_bound_or_too_large_are_refused() {
        assert_eq!(why("ID-[0-9]+"), Why::Unbounded);
        assert_eq!(why("x{2000}"), Why::MatchTooLong { length: 2000, limit: MAX_MATCH });
        assert_eq!(why("a?"), Why::MatchesNothing);
        assert!(matches!(why("("), Why::Syntax(_)));
        assert_eq!(why(&"a".repeat(MAX_REGEX_TEXT + 1)), Why::RegexTooLong(MAX_REGEX_TEXT));
        assert!(Regex::new("ID-[0-9]{1,9}").is_ok());
    }

    #[test]
    fn terms_are_bounded() {
        let new = |terms: &[&[u8]]| Dictionary::new(terms, DictionaryOptions::default()).map(|_| ());
        assert_eq!(new(&[]), Err(Why::EmptyDictionary));
        assert_eq!(new(&[b"a", b""]), Err(Why::EmptyTerm(1)));
        assert_eq!(new(&[&[b'x'; MAX_MATCH + 1]]), Err(Why::TermTooLong { index: 0, limit: MAX_MATCH }));
    }

    #[test]
    fn ranges_are_widened_to_whole_characters() {
        let text = "a€b".as_bytes();
        assert_eq!(whole_characters(Text(text), 2, 3), (1, 4));
        assert_eq!(whole_characters(Text(text), 0, 1), (0, 1));
        assert_eq!(whole_characters(Text(text), 0, 2), (0, 4));
    }
}
