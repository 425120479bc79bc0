//! How a value's bytes are to be read.

/// The form of one value, which the caller knows from its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Plain text: text, varchar, array and row literals in text form, XML, an error field, CSV. Elements of binary
    /// arrays and rows have lengths between them: each is a value of its own.
    Text,
    /// JSON text (for binary `jsonb`, without its version byte). Escapes are decoded for matching. Only the inside of
    /// strings is overwritten, and number tokens with 9s where numbers are configured, so that JSON stays JSON.
    Json,
    /// One field, or one whole line, of COPY in its text format: backslash escapes are decoded for matching, and tabs,
    /// line ends and `\N` stay.
    CopyText,
    /// A number in text form. Looked at only where numbers are configured; its digits become 9s.
    Number,
}
