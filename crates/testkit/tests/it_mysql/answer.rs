//! What comes back for a command, taken apart.

/// An ERR packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub code: u16,
    pub state: String,
    pub text: String,
}

/// What policy refuses.
pub const REFUSED: u16 = 1142;

/// Everything up to the last result of a command.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Cells of all results as they came, in the form that they came in.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    /// Names of the last result's columns.
    pub names: Vec<String>,
    /// How many results had columns.
    pub results: usize,
    /// Of each OK, the rows that it speaks of.
    pub done: Vec<u64>,
    /// Errors.
    pub errors: Vec<Report>,
    /// Files that were asked for.
    pub files: Vec<String>,
    /// The server's status flags, from the last packet that had any.
    pub status: u16,
    /// The connection ended instead.
    pub ended: bool,
}

impl Report {
    pub fn read(body: &[u8]) -> Self {
        let code = u16::from_le_bytes([body[1], body[2]]);
        // Before the sign-in there is no SQLSTATE.
        let (state, text) = match body[3..].strip_prefix(b"#") {
            Some(rest) => rest.split_at(5),
            None => (&b""[..], &body[3..]),
        };
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code, state: text_of(state), text: text_of(text) }
    }

    pub fn ended() -> Self {
        Self { text: "the connection ended".to_owned(), ..Self::default() }
    }

    /// Whether policy said it.
    pub fn is_refusal(&self) -> bool {
        self.code == REFUSED && self.state == "42000" && self.text.starts_with("refused")
    }
}

impl Answer {
    /// The codes of all errors.
    pub fn codes(&self) -> Vec<u16> {
        self.errors.iter().map(|report| report.code).collect()
    }

    /// Whether policy refused the command, and nothing else came.
    pub fn is_refused(&self) -> bool {
        let [report] = &self.errors[..] else { return false };
        report.is_refusal() && self.rows.is_empty() && self.done.is_empty() && self.results == 0 && !self.ended
    }

    /// The rows as text, cells joined with `|`.
    pub fn text(&self) -> Vec<String> {
        let cell = |cell: &Option<Vec<u8>>| {
            cell.as_ref().map_or("NULL".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    }

    /// The one value of the one row.
    ///
    /// # Panics
    /// When there is another number of them.
    pub fn value(&self) -> String {
        assert_eq!((self.rows.len(), self.errors.len()), (1, 0), "{self:?}");
        self.text().remove(0)
    }

    /// The same, of a command that must have gone well.
    ///
    /// # Panics
    /// When it did not.
    pub fn well(self) -> Self {
        assert!(self.errors.is_empty() && !self.ended, "{self:?}");
        self
    }

    /// Takes an OK in, and returns its status flags.
    pub fn ok(&mut self, body: &[u8]) -> u16 {
        let (affected, first) = lenenc(&body[1..]).expect("affected rows");
        let (_, second) = lenenc(&body[1 + first..]).expect("an id");
        let at = 1 + first + second;
        self.status = u16::from_le_bytes([body[at], body[at + 1]]);
        self.done.push(affected);
        self.status
    }
}

/// A length-encoded number, and how many bytes it took; `None` for NULL.
pub fn lenenc(bytes: &[u8]) -> Option<(u64, usize)> {
    let wide = |count: usize| {
        let mut number = [0; 8];
        number[..count].copy_from_slice(&bytes[1..=count]);
        (u64::from_le_bytes(number), count + 1)
    };
    match bytes[0] {
        0xfb => None,
        0xfc => Some(wide(2)),
        0xfd => Some(wide(3)),
        0xfe => Some(wide(8)),
        small => Some((u64::from(small), 1)),
    }
}

/// Bytes behind their length.
pub fn lenenc_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u64;
    let mut out = match length {
        0..251 => vec![u8::try_from(length).expect("small")],
        251..0x1_0000 => [&[0xfc], &length.to_le_bytes()[..2]].concat(),
        0x1_0000..0x100_0000 => [&[0xfd], &length.to_le_bytes()[..3]].concat(),
        _ => [&[0xfe], &length.to_le_bytes()[..]].concat(),
    };
    out.extend_from_slice(bytes);
    out
}

/// A row's cells.
pub fn cells(body: &[u8], types: &[u8], binary: bool) -> Vec<Option<Vec<u8>>> {
    if binary { binary_cells(body, types) } else { text_cells(body) }
}

fn text_cells(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let (mut rest, mut cells) = (body, Vec::new());
    while !rest.is_empty() {
        let Some((length, head)) = lenenc(rest) else {
            cells.push(None);
            rest = &rest[1..];
            continue;
        };
        let end = head + usize::try_from(length).expect("short");
        cells.push(Some(rest[head..end].to_vec()));
        rest = &rest[end..];
    }
    cells
}

fn binary_cells(body: &[u8], types: &[u8]) -> Vec<Option<Vec<u8>>> {
    let nulls = &body[1..1 + (types.len() + 9) / 8];
    let mut rest = &body[1 + nulls.len()..];
    let mut cells = Vec::new();
    for (index, kind) in types.iter().enumerate() {
        if nulls[(index + 2) / 8] & 1 << ((index + 2) % 8) != 0 {
            cells.push(None);
            continue;
        }
        let (head, length) = match kind {
            1 => (0, 1),
            2 | 13 => (0, 2),
            3 | 4 | 9 => (0, 4),
            5 | 8 => (0, 8),
            7 | 10 | 11 | 12 => (1, usize::from(rest[0])),
            _ => {
                let (length, head) = lenenc(rest).expect("a length");
                (head, usize::try_from(length).expect("short"))
            }
        };
        cells.push(Some(rest[head..head + length].to_vec()));
        rest = &rest[head + length..];
    }
    assert!(rest.is_empty(), "leftovers of a row: {rest:?}");
    cells
}
