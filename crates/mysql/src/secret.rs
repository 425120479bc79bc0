//! Bytes that nobody may print: passwords and tokens that outlive their payload.
//!
//! They are overwritten when dropped. Copies that the kernel, the read buffer or a hash function made are out of reach.
//! What only lies in a payload is a [`crate::Credential`].

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

/// Secret bytes: overwritten when dropped, absent from `Debug`, compared in constant time.
#[derive(Clone)]
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

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}

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

    #[test]
    fn secrets_are_equal_where_their_bytes_are() {
        assert_eq!(Secret::new(b"hunter2"), Secret::new(b"hunter2"));
        assert_ne!(Secret::new(b"hunter2"), Secret::new(b"hunter3"));
        assert_ne!(Secret::new(b"hunter2"), Secret::new(b"hunter"));
    }
}
