//! Double hashes of a secret: what MySQL's scrambles are checked with, `SHA256(SHA256(secret))` and `SHA1(SHA1(secret))`.
//!
//! A scramble that was overheard gives away the single hash to whoever has the double one, which is enough to sign in: so
//! these are kept like the other verifiers, and never shown. Nothing slows down guessing, and nothing has to: a minted
//! secret has 192 random bits. Spec: MySQL "Caching SHA-2 Authentication", "Native Authentication".

use std::fmt;

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

const SHA_256: usize = 32;
const SHA_1: usize = 20;

/// The double hashes of one secret.
#[derive(Clone, PartialEq, Eq)]
pub struct DoubleHashes {
    /// By SHA-256.
    pub sha256: [u8; SHA_256],
    /// By SHA-1.
    pub sha1: [u8; SHA_1],
}

impl DoubleHashes {
    /// Of a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self { sha256: twice(&SHA256, secret), sha1: twice(&SHA1_FOR_LEGACY_USE_ONLY, secret) }
    }

    /// One after the other, as they are stored.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.sha256[..], &self.sha1].concat()
    }

    /// As they were stored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sha256, sha1) = bytes.split_first_chunk()?;
        Some(Self { sha256: *sha256, sha1: sha1.try_into().ok()? })
    }
}

fn twice<const N: usize>(algorithm: &'static Algorithm, secret: &[u8]) -> [u8; N] {
    let once = digest::digest(algorithm, secret);
    let mut found = [0; N];
    // INVARIANT: `N` is the algorithm's own length.
    found.copy_from_slice(digest::digest(algorithm, once.as_ref()).as_ref());
    found
}

/// Logs do not get them.
impl fmt::Debug for DoubleHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoubleHashes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_servers_keep() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        // SELECT PASSWORD('secret') on MariaDB.
        assert_eq!(hex(&DoubleHashes::of(b"secret").sha1), "14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
    }

    #[test]
    fn bytes_and_hashes_agree() {
        let hashes = DoubleHashes::of(b"secret");
        assert_eq!(DoubleHashes::from_bytes(&hashes.to_bytes()), Some(hashes.clone()));
        assert_eq!(DoubleHashes::from_bytes(&hashes.to_bytes()[1..]), None);
        assert_eq!(format!("{hashes:?}"), "DoubleHashes(..)");
    }
}
