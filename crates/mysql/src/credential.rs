//! Bytes of a proof of identity, borrowed from a payload. `Debug` shows none of them.

use std::fmt;

/// A scramble, a password or a token, as it is on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'f>(pub &'f [u8]);

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Credential(b"hunter2")), "Credential");
    }
}
