//! What a minted secret is checked with: its double hashes, as servers keep them, and the check of a scramble.
//!
//! A client proves a secret by `H(secret) XOR H(nonce, H(H(secret)))`, with the nonce first for SHA-1 and last for SHA-256.
//! Whoever knows `H(H(secret))` takes the mask away, hashes what is left, and compares. A scramble that was overheard,
//! together with the double hash, gives `H(secret)`, which is enough to sign in: so these are kept like secrets. Nothing
//! slows down guessing, and nothing has to: a minted secret has 128 random bits. Spec: "Native Authentication", "Caching
//! SHA-2 Authentication".

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::handshake::NONCE;

/// The double hashes of one secret: overwritten when dropped, absent from `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Verifiers {
    sha256: [u8; 32],
    sha1: [u8; 20],
}

impl Verifiers {
    /// Of a secret that was just minted.
    pub fn of(secret: &[u8]) -> Self {
        let sha256 = hash(&SHA256, &[&hash::<32>(&SHA256, &[secret])]);
        let sha1 = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&hash::<20>(&SHA1_FOR_LEGACY_USE_ONLY, &[secret])]);
        Self { sha256, sha1 }
    }

    /// As they were stored: `SHA256(SHA256(secret))` and `SHA1(SHA1(secret))`.
    pub fn from_parts(sha256: [u8; 32], sha1: [u8; 20]) -> Self {
        Self { sha256, sha1 }
    }

    /// `SHA256(SHA256(secret))`, for the store.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// `SHA1(SHA1(secret))`, for the store.
    pub fn sha1(&self) -> &[u8; 20] {
        &self.sha1
    }

    /// Whether the scramble was made with the secret and this nonce. Constant time.
    pub(super) fn fit(&self, scramble: &Scramble, nonce: &[u8; NONCE]) -> bool {
        match scramble {
            Scramble::Sha256(proof) => fits(&SHA256, &self.sha256, *proof, &[&self.sha256, nonce]),
            Scramble::Sha1(proof) => fits(&SHA1_FOR_LEGACY_USE_ONLY, &self.sha1, *proof, &[nonce, &self.sha1]),
        }
    }
}

impl fmt::Debug for Verifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifiers")
    }
}

/// What a client sent to prove its secret.
#[derive(Clone, Copy)]
pub(super) enum Scramble {
    /// By `caching_sha2_password`.
    Sha256([u8; 32]),
    /// By `mysql_native_password`.
    Sha1([u8; 20]),
}

fn fits<const N: usize>(algorithm: &'static Algorithm, double: &[u8; N], proof: [u8; N], mask: &[&[u8]]) -> bool {
    let mut single = proof;
    for (byte, mask) in single.iter_mut().zip(hash::<N>(algorithm, mask)) {
        *byte ^= mask;
    }
    let again: [u8; N] = hash(algorithm, &[&single]);
    single.zeroize();
    verify_slices_are_equal(&again, double).is_ok()
}

/// The hash of the parts one after the other. `N` is the algorithm's own length.
fn hash<const N: usize>(algorithm: &'static Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = Context::new(algorithm);
    parts.iter().for_each(|part| context.update(part));
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nonce, password and proofs from the tests of Go's and Rust's drivers.
    const NONCE_OF_TESTS: [u8; NONCE] = *b"NR3HP:qIYa_9=db?Sd{`";
    const PASSWORD: &[u8] = b"G!ider27";
    const SHA256_PROOF: [u8; 32] = [
        0x4f, 0x97, 0xbb, 0xfd, 0x20, 0x24, 0x01, 0xc4, 0x2a, 0x69, 0xde, 0xaa, 0xe5, 0x3b, 0xda, 0x07, 0x7e, 0xd7,
        0x57, 0x85, 0x63, 0xc1, 0xa8, 0x0e, 0xb8, 0x16, 0xc8, 0x21, 0x19, 0xb6, 0x8d, 0x2e,
    ];
    const SHA1_PROOF: [u8; 20] = [
        0x09, 0xcf, 0xf8, 0x85, 0x5e, 0x9e, 0x70, 0x53, 0x40, 0xff, 0x22, 0x70, 0xd8, 0xfb, 0x9f, 0xad, 0xba, 0x90,
        0x6b, 0x70,
    ];

    #[test]
    fn known_answers_fit() {
        let verifiers = Verifiers::of(PASSWORD);
        assert!(verifiers.fit(&Scramble::Sha256(SHA256_PROOF), &NONCE_OF_TESTS));
        assert!(verifiers.fit(&Scramble::Sha1(SHA1_PROOF), &NONCE_OF_TESTS));
    }

    #[test]
    fn double_hashes_are_those_that_servers_store() {
        // As in `mysql.user` of a MariaDB: PASSWORD('secret').
        let stored = b"\x14\xe6\x55\x67\xab\xdb\x51\x35\xd0\xcf\xd9\xa7\x0b\x30\x32\xc1\x79\xa4\x9e\xe7";
        assert_eq!(Verifiers::of(b"secret").sha1(), stored);
    }

    #[test]
    fn every_other_bit_is_wrong() {
        let verifiers = Verifiers::of(PASSWORD);
        for bit in 0..256 {
            let mut proof = SHA256_PROOF;
            proof[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifiers.fit(&Scramble::Sha256(proof), &NONCE_OF_TESTS));
        }
        for bit in 0..160 {
            let mut proof = SHA1_PROOF;
            proof[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifiers.fit(&Scramble::Sha1(proof), &NONCE_OF_TESTS));
        }
    }

    #[test]
    fn another_nonce_or_secret_does_not_fit() {
        let verifiers = Verifiers::of(PASSWORD);
        assert!(!verifiers.fit(&Scramble::Sha256(SHA256_PROOF), &[1; NONCE]));
        assert!(!Verifiers::of(b"other").fit(&Scramble::Sha256(SHA256_PROOF), &NONCE_OF_TESTS));
        let stored = Verifiers::from_parts(*verifiers.sha256(), *verifiers.sha1());
        assert!(stored.fit(&Scramble::Sha1(SHA1_PROOF), &NONCE_OF_TESTS));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Verifiers::of(b"x")), "Verifiers");
    }
}
