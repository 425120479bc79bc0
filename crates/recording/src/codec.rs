//! The payload encoding: LEB128 numbers, length-prefixed bytes, counted lists. One way to write a value, one to read it.
//!
//! Written by hand so that the format is a page of documentation and not a library's version. Reading is bounded by the
//! payload that is already in memory; a count is never trusted for an allocation. Absent: floats, maps, schema evolution
//! (a new entry kind is the way to add, and readers skip kinds they do not know).

use crate::limits::MAX_LIST;

/// A payload that does not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field runs past the end.
    #[error("field `{0}` runs past the end")]
    Truncated(&'static str),
    /// A value that the format does not allow.
    #[error("field `{0}` holds a value that the format does not allow")]
    Invalid(&'static str),
    /// Bytes remain after the last field.
    #[error("{0} trailing bytes after the last field")]
    Trailing(usize),
}

/// Appends values to a payload.
pub(crate) trait Put {
    fn number(&mut self, value: u64);
    fn blob(&mut self, value: &[u8]);
    fn byte(&mut self, value: u8);
    fn fixed(&mut self, value: &[u8]);

    fn text(&mut self, value: &str) {
        self.blob(value.as_bytes());
    }

    /// Writes the items that fit [`MAX_LIST`], then how many were left out.
    fn list<T>(&mut self, items: &[T], size: impl Fn(&T) -> usize, mut write: impl FnMut(&mut Self, &T)) {
        let kept = fitting(items, size);
        self.number(kept as u64);
        for item in items.iter().take(kept) {
            write(self, item);
        }
        self.number(items.len().saturating_sub(kept) as u64);
    }
}

fn fitting<T>(items: &[T], size: impl Fn(&T) -> usize) -> usize {
    let mut total = 0usize;
    items
        .iter()
        .take_while(|item| {
            total = total.saturating_add(size(item)).saturating_add(16);
            total <= MAX_LIST
        })
        .count()
}

impl Put for Vec<u8> {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(low_seven(value) | 0x80);
            value >>= 7;
        }
        self.push(low_seven(value));
    }

    fn blob(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.extend_from_slice(value);
    }

    fn byte(&mut self, value: u8) {
        self.push(value);
    }

    fn fixed(&mut self, value: &[u8]) {
        self.extend_from_slice(value);
    }
}

fn low_seven(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// Reads a payload from its front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'p> {
    rest: &'p [u8],
}

impl<'p> Take<'p> {
    pub(crate) fn new(payload: &'p [u8]) -> Self {
        Self { rest: payload }
    }

    pub(crate) fn fixed(&mut self, count: usize, field: &'static str) -> Result<&'p [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated(field))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, Malformed> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Invalid(field)),
        }
    }

    /// LEB128, shortest form only: one value has one encoding.
    pub(crate) fn number(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0u32..64).step_by(7) {
            let byte = self.byte(field)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed::Invalid(field));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let padded = byte == 0 && shift > 0;
                return if padded { Err(Malformed::Invalid(field)) } else { Ok(value) };
            }
        }
        Err(Malformed::Invalid(field))
    }

    pub(crate) fn length(&mut self, field: &'static str) -> Result<usize, Malformed> {
        usize::try_from(self.number(field)?).map_err(|_| Malformed::Invalid(field))
    }

    pub(crate) fn blob(&mut self, field: &'static str) -> Result<&'p [u8], Malformed> {
        let count = self.length(field)?;
        self.fixed(count, field)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<String, Malformed> {
        let bytes = self.blob(field)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::Invalid(field))
    }

    /// The items, and how many the writer left out.
    pub(crate) fn list<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<(Vec<T>, u64), Malformed> {
        let count = self.length(field)?;
        let mut items = Vec::new();
        for _ in 0..count {
            if self.rest.is_empty() {
                return Err(Malformed::Truncated(field));
            }
            items.push(read(self)?);
        }
        Ok((items, self.number(field)?))
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(self.rest.len())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back_and_have_one_form(value: u64) {
            let mut out = Vec::new();
            out.number(value);
            let mut take = Take::new(&out);
            prop_assert_eq!(take.number("n"), Ok(value));
            prop_assert_eq!(take.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let mut take = Take::new(&bytes);
            let _ = take.list("l", |t| t.text("t"));
            if let Ok(value) = Take::new(&bytes).number("n") {
                let mut out = Vec::new();
                out.number(value);
                prop_assert!(bytes.starts_with(&out));
            }
        }
    }

    #[test]
    fn a_list_beyond_its_bound_says_how_many_are_missing() {
        let items = vec!["x".repeat(1000); 1000];
        let mut out = Vec::new();
        out.list(&items, String::len, |o, i| o.text(i));
        let (kept, cut) = Take::new(&out).list("l", |t| t.text("t")).unwrap();
        assert_eq!(kept.len() as u64 + cut, 1000);
        assert!(cut > 0);
    }
}
