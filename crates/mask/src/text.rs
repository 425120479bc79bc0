//! A value's bytes, readable at any offset: outside of the value there are NULs.
//!
//! Detectors look behind and ahead of a position all the time; with this no look can miss its bounds. PostgreSQL text
//! holds no NUL, so the byte is free to mean "nothing here".

/// Bytes of one value, or of the window of it that is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t>(pub &'t [u8]);

impl<'t> Text<'t> {
    /// The byte at an offset.
    pub(crate) fn at(self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or(0)
    }

    /// The byte `back` places before an offset.
    pub(crate) fn before(self, offset: usize, back: usize) -> u8 {
        offset.checked_sub(back).map_or(0, |o| self.at(o))
    }

    /// From an offset to the end.
    pub(crate) fn from(self, offset: usize) -> &'t [u8] {
        self.0.get(offset..).unwrap_or_default()
    }

    /// How many bytes from an offset on, at most `most`, satisfy a test.
    pub(crate) fn run(self, offset: usize, most: usize, test: impl Fn(u8) -> bool) -> usize {
        self.from(offset).iter().take(most).take_while(|b| test(**b)).count()
    }
}

/// ASCII letter or digit.
pub(crate) fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// The alphabet of base64url.
pub(crate) fn base64url(byte: u8) -> bool {
    alnum(byte) || byte == b'-' || byte == b'_'
}

/// The alphabet of base64, with padding.
pub(crate) fn base64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/' | b'=')
}

/// A byte inside a UTF-8 character, not its first.
pub(crate) fn continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}
