//! Bytes that nobody may print: passwords, tokens, cancel keys.
//!
//! They are overwritten when dropped. Copies that the kernel, the read buffer or a hash function made are out of reach.

use std::fmt;

use zeroize::Zeroizing;

/// Secret bytes: overwritten when dropped, absent from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Copies `bytes` into memory that is overwritten when dropped.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The secret itself, for the one who must use it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2")), "Secret");
    }
}
