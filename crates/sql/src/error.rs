//! Why a text was not analysed. Each is a denial; which one decides what the client is told.

/// A text whose effects are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnalysed {
    /// More bytes than the limit.
    #[error("statement of {0} bytes is too long")]
    TooLong(usize),
    /// Nested deeper than the limit.
    #[error("statement is nested too deeply")]
    TooDeep,
    /// More joins, set operations, operators, statements or effects than the limit.
    #[error("statement has too many {0}")]
    TooComplex(&'static str),
    /// The server's grammar does not accept it; the server itself would answer with its own syntax error.
    #[error("syntax error")]
    Syntax {
        /// The parser's own words; they may quote the text.
        message: Box<str>,
        /// Where, in bytes, when the place is certain.
        position: Option<usize>,
    },
    /// Not UTF-8, or a NUL inside.
    #[error("statement is not valid text")]
    NotText,
    /// The parser failed in a way that is its own fault.
    #[error("the parser failed")]
    Parser,
}
