//! What can be wrong with a configured detector.
//!
//! Always the operator's fault, always found at load, never while rows flow; so the message may name the detector.

/// A detector that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("detector `{which}`: {why}")]
pub struct ConfigError {
    /// The detector's name as configured.
    pub which: Box<str>,
    /// What is wrong with it.
    pub why: Why,
}

/// The reason a detector cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No built-in detector has this name.
    #[error("no such pattern")]
    UnknownPattern,
    /// Selections are bit sets of a fixed size.
    #[error("more than {0} detectors")]
    TooMany(usize),
    /// A dictionary without terms would silently protect nothing.
    #[error("dictionary is empty")]
    EmptyDictionary,
    /// An empty term would match everywhere.
    #[error("term {0} is empty")]
    EmptyTerm(usize),
    /// A term is longer than a hit may be, or the terms together exceed their bound.
    #[error("term {index} is too long, the limit is {limit} bytes")]
    TermTooLong {
        /// Which term, counted from 0.
        index: usize,
        /// The limit that it passed.
        limit: usize,
    },
    /// The automaton for the terms could not be built.
    #[error("dictionary cannot be compiled")]
    Dictionary,
    /// The regex's text is longer than its bound.
    #[error("regex is longer than {0} bytes")]
    RegexTooLong(usize),
    /// The regex does not parse.
    #[error("regex does not parse: {0}")]
    Syntax(Box<str>),
    /// The regex can match a text of any length, so no stream could ever be let go.
    #[error("regex has no greatest length: give every repetition a bound")]
    Unbounded,
    /// The regex's greatest match is longer than a hit may be.
    #[error("regex can match {length} bytes, the limit is {limit}")]
    MatchTooLong {
        /// Its greatest length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The regex matches the empty text.
    #[error("regex matches the empty text")]
    MatchesNothing,
    /// The compiled regex is larger than its bound.
    #[error("regex is too large when compiled")]
    TooLarge,
}
