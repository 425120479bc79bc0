//! The startup parameter `options`: settings as a command line, which is how libpq's `PGOPTIONS` sends them.
//!
//! A setting hidden in a command line changes what SQL means as much as one that is SET, so it is read here as the server
//! reads it, into names and values that can be judged, and written again from those. Words are split at blanks, a
//! backslash keeps the next byte; `-c name=value`, `-cname=value` and `--name=value` set, with `-` in a name read as `_`.
//! Other switches of the server are refused. Spec: `pg_split_opts` and `ParseLongOption` in PostgreSQL's source; "Connection
//! Parameters", `options`.

use portcullis_wire::Unsupported;

const REFUSED: Unsupported = Unsupported("a server switch in `options`");

/// One setting of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, in lower case: the server does not tell cases apart.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// Reads the settings of `options`, in order; the last of a name is the one in force.
///
/// # Errors
/// Any switch that is not a setting.
pub fn read(options: &[u8]) -> Result<Vec<Setting>, Unsupported> {
    let (mut words, mut settings) = (split(options).into_iter(), Vec::new());
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-c")) {
            Some(b"") if word == b"-c" => words.next().ok_or(REFUSED)?,
            Some(assignment) => assignment.to_vec(),
            None => return Err(REFUSED),
        };
        settings.push(setting(&assignment).ok_or(REFUSED)?);
    }
    Ok(settings)
}

/// Writes settings so that [`read`], and the server, give them back.
pub fn write<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> Vec<u8> {
    let mut options = Vec::new();
    for setting in settings {
        if !options.is_empty() {
            options.push(b' ');
        }
        options.extend_from_slice(b"-c ");
        escape(&mut options, &setting.name);
        options.push(b'=');
        escape(&mut options, &setting.value);
    }
    options
}

fn setting(assignment: &[u8]) -> Option<Setting> {
    let (name, rest) = assignment.split_at_checked(memchr::memchr(b'=', assignment)?)?;
    let name: Vec<u8> = name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }).collect();
    (!name.is_empty()).then(|| Setting { name, value: rest.get(1..).unwrap_or_default().to_vec() })
}

fn split(options: &[u8]) -> Vec<Vec<u8>> {
    let (mut words, mut word, mut bytes) = (Vec::new(), None::<Vec<u8>>, options.iter());
    while let Some(&byte) = bytes.next() {
        if blank(byte) {
            words.extend(word.take());
        } else if byte == b'\\' {
            // A backslash at the end stands for nothing, as in the server.
            word.get_or_insert_default().extend(bytes.next());
        } else {
            word.get_or_insert_default().push(byte);
        }
    }
    words.extend(word);
    words
}

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        if blank(byte) || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

/// C's `isspace`.
fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(options: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        read(options).unwrap().into_iter().map(|each| (text(each.name), text(each.value))).collect()
    }

    #[test]
    fn the_three_ways_to_set_are_one() {
        let expected = [("search_path".to_owned(), "a".to_owned())];
        for options in [&b"-c search_path=a"[..], b" -csearch_path=a\n", b"--search-path=a", b"-c\tSEARCH-path=a"] {
            assert_eq!(pairs(options), expected, "{}", options.escape_ascii());
        }
    }

    #[test]
    fn a_backslash_keeps_blanks_and_itself() {
        assert_eq!(pairs(br"-c a.b=x\ y\\z"), [("a.b".to_owned(), r"x y\z".to_owned())]);
        assert_eq!(pairs(br"-c a=1 \-c b=2"), [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn other_switches_are_refused() {
        for options in [&b"-d 5"[..], b"-fs", b"-c", b"-c a", b"--", b"--=1", b"x", b"-ec a=1", b"-c =1", b"\\"] {
            // A lone backslash is an empty word, which the server takes for an argument it does not know.
            assert_eq!(read(options), Err(REFUSED), "{}", options.escape_ascii());
        }
        assert_eq!(read(b"  "), Ok(Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(pairs in proptest::collection::vec(("[a-z_.\\\\ ]{1,8}", ".{0,8}"), 0..4)) {
            let settings: Vec<Setting> = pairs
                .into_iter()
                .map(|(name, value)| Setting { name: name.into_bytes(), value: value.into_bytes() })
                .collect();
            proptest::prop_assert_eq!(read(&write(&settings)), Ok(settings));
        }
    }
}
