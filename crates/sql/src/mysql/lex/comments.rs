//! Comments, and those that are code: by the server's kind and version, exactly as that server decides.

use super::{DIGIT, Kind, Lexer, Token};

impl Lexer<'_> {
    pub(super) fn line_comment(&mut self) -> Token {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |at| self.at.wrapping_add(at));
        self.token(Kind::Comment, end)
    }

    /// The end of a comment whose inside starts here. `nested`: comments inside it are passed over, one level deep.
    fn comment_end(&self, mut at: usize, nested: bool) -> Option<usize> {
        loop {
            match (*self.text.get(at)?, self.byte(at.wrapping_add(1))) {
                (b'*', b'/') => return Some(at.wrapping_add(2)),
                (b'/', b'*') if nested => at = self.comment_end(at.wrapping_add(2), false)?,
                _ => at = at.wrapping_add(1),
            }
        }
    }

    pub(super) fn block_comment(&mut self) -> Token {
        let inside = self.at.wrapping_add(2);
        match (self.byte(inside), self.byte(inside.wrapping_add(1))) {
            (b'!', _) => self.executable_comment(inside.wrapping_add(1), false),
            (b'M', b'!') if self.syntax.is_maria() => self.executable_comment(inside.wrapping_add(2), true),
            (b'+', _) => self.hint(inside),
            _ => {
                let end = self.comment_end(inside, false);
                self.ends_in(Kind::Comment, end)
            }
        }
    }

    /// A comment that is code, or not, by the version after its mark.
    fn executable_comment(&mut self, version: usize, maria: bool) -> Token {
        // One inside another ends both; servers have changed their minds about it.
        if self.executable {
            return self.odd();
        }
        let digits = self.run_end(version, DIGIT).wrapping_sub(version);
        if digits < 5 {
            self.executable = true;
            return self.token(Kind::Comment, version);
        }
        match self.runs(version, digits, maria) {
            Some(true) => {
                self.executable = true;
                self.token(Kind::Comment, version.wrapping_add(digits))
            }
            Some(false) => {
                let end = self.comment_end(version, true);
                self.ends_in(Kind::Comment, end)
            }
            None => self.odd(),
        }
    }

    /// Whether the server runs what comes after this version; `None` where that depends on more than we know.
    fn runs(&self, at: usize, digits: usize, maria: bool) -> Option<bool> {
        let text = self.text.get(at..at.wrapping_add(digits)).and_then(|digits| std::str::from_utf8(digits).ok());
        let version: u32 = text?.parse().ok()?;
        // Six digits are one number to all MariaDB and to MySQL since 8.4, and five and a digit before.
        if digits > 6 || (digits == 6 && !self.syntax.is_maria() && self.syntax.version < 80_400) {
            return None;
        }
        let reached = version <= self.syntax.version;
        match (self.syntax.is_maria(), version) {
            (false, _) => Some(reached),
            // The first is the cluster's own mark; the second was tried from this version on.
            (true, 99_997) if !maria => None,
            (true, 50_700) if !maria && self.syntax.version < 101_100 => None,
            (true, 50_700..=99_999) if !maria => Some(false),
            (true, _) => Some(reached),
        }
    }

    /// An optimizer hint. It has a lexer of its own in the server, to which `*/` in quotes is no end.
    fn hint(&mut self, inside: usize) -> Token {
        let Some(end) = self.comment_end(inside, false) else { return self.odd() };
        let mut open = None;
        for byte in self.text.get(inside..end).unwrap_or_default() {
            match (open, *byte) {
                (_, b'\\') => return self.odd(),
                (None, b'\'' | b'"' | b'`') => open = Some(*byte),
                (Some(quote), byte) if quote == byte => open = None,
                _ => {}
            }
        }
        if open.is_some() { self.odd() } else { self.token(Kind::Hint, end) }
    }
}
