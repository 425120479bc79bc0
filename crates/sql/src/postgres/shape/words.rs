//! The words that a shape depends on.
//!
//! Each list only ever allows: a word that is missing keeps a literal exact, which costs a cache entry and nothing else.

/// Statements whose literals may be holes.
pub(super) fn begins_a_query(word: &[u8]) -> bool {
    let first = ["select", "insert", "update", "delete", "with", "values"];
    first.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Types whose literals are names of objects; settings whose text is.
#[inline(always)]
pub(super) fn names_an_object(word: &[u8]) -> bool {
    match word {
        [b'r' | b'R', b'e' | b'E', b'g' | b'G', _, ..] => true,
        // NCHAR literals: the lexer gives the prefix as a word of its own.
        [b'n' | b'N'] => true,
        _ => false,
    }
}

/// Words of the grammar after which a parenthesis holds expressions, rows or columns, never arguments of a function; lower case.
pub(super) fn opens_a_list(word: &[u8]) -> bool {
    matches!(
        word,
        b"values"
            | b"in"
            | b"and"
            | b"or"
            | b"not"
            | b"where"
            | b"select"
            | b"on"
            | b"using"
            | b"having"
            | b"from"
            | b"join"
            | b"exists"
            | b"any"
            | b"all"
            | b"some"
            | b"over"
            | b"filter"
            | b"array"
            | b"row"
            | b"then"
            | b"else"
            | b"when"
            | b"case"
            | b"between"
            | b"like"
            | b"ilike"
            | b"limit"
            | b"offset"
            | b"by"
            | b"set"
            | b"union"
            | b"intersect"
            | b"except"
            | b"lateral"
            | b"as"
            | b"coalesce"
            | b"greatest"
            | b"least"
            | b"nullif"
            | b"distinct"
            | b"returning"
            | b"conflict"
            | b"materialized"
            | b"is"
            | b"to"
            | b"into"
    )
}

/// Words of the grammar after which a literal is a value, never typed by the word; any case.
pub(super) fn precedes_a_value(word: &[u8]) -> bool {
    const WORDS: [&str; 24] = [
        "and",
        "or",
        "where",
        "like",
        "ilike",
        "then",
        "else",
        "when",
        "between",
        "in",
        "select",
        "not",
        "returning",
        "by",
        "on",
        "having",
        "limit",
        "offset",
        "from",
        "case",
        "set",
        "values",
        "distinct",
        "escape",
    ];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
