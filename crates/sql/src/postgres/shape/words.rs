//! The words that a shape depends on.
//!
//! Each list only ever allows: a word that is missing keeps a literal exact, which costs a cache entry and nothing else.

/// Statements whose literals may be holes.
pub(super) fn begins_a_query(word: &[u8]) -> bool {
    let first = ["select", "insert", "update", "delete", "with", "values"];
    first.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Types whose text is the name of an object, and the prefix of national literals, which the lexer gives as a word of its own.
#[inline(always)]
pub(super) fn names_an_object(word: &[u8]) -> bool {
    match word {
        [b'r' | b'R', b'e' | b'E', b'g' | b'G', rest @ ..] => is_reg_type(rest),
        [b'n' | b'N'] => true,
        _ => false,
    }
}

fn is_reg_type(rest: &[u8]) -> bool {
    let types = [
        "class",
        "proc",
        "procedure",
        "oper",
        "operator",
        "type",
        "role",
        "namespace",
        "config",
        "dictionary",
        "collation",
    ];
    types.iter().any(|name| rest.eq_ignore_ascii_case(name.as_bytes()))
}

/// Words of the grammar after which a parenthesis holds expressions, rows or columns; lower case. None can be a function's name: only
/// reserved words and those for columns are here.
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
            | b"exists"
            | b"any"
            | b"all"
            | b"some"
            | b"array"
            | b"row"
            | b"then"
            | b"else"
            | b"when"
            | b"case"
            | b"between"
            | b"limit"
            | b"offset"
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
            | b"into"
    )
}

/// Words of the grammar after which a literal is a value, never typed by the word; any case.
pub(super) fn precedes_a_value(word: &[u8]) -> bool {
    const WORDS: [&str; 20] = [
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
        "on",
        "having",
        "limit",
        "offset",
        "from",
        "case",
        "distinct",
    ];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
