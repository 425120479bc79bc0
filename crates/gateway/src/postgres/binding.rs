//! `tls-server-end-point`: the hash of a server's certificate that SCRAM-…-PLUS is bound to.
//!
//! The hash function is that of the certificate's own signature, with SHA-256 in the place of MD5 and SHA-1; certificates
//! whose signature names no hash (Ed25519) have no binding. Only three elements of the DER are looked at. Spec: RFC 5929,
//! section 4.1; RFC 5280, section 4.1.

use sha2::{Digest, Sha256, Sha384, Sha512};

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;

/// The binding of `certificate`, in DER; `None` where there is none.
pub(crate) fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (SEQUENCE, content, _) = element(certificate)? else { return None };
    let (_, _, rest) = element(content)?;
    let (SEQUENCE, algorithm, _) = element(rest)? else { return None };
    let (OID, oid, parameters) = element(algorithm)? else { return None };
    match oid {
        // md5, sha1 and sha256 WithRSAEncryption; ecdsa-with-SHA1 and -SHA256.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => {
            sha256(certificate)
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => sha256(certificate),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => sha384(certificate),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => sha512(certificate),
        // RSASSA-PSS names its hash in its parameters.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] => pss(parameters, certificate),
        _ => None,
    }
}

fn pss(parameters: &[u8], certificate: &[u8]) -> Option<Vec<u8>> {
    let names = |last: u8| parameters.windows(9).any(|oid| *oid == [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last]);
    match (names(1), names(2), names(3)) {
        (true, false, false) => sha256(certificate),
        (false, true, false) => sha384(certificate),
        (false, false, true) => sha512(certificate),
        _ => None,
    }
}

fn sha256(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(Sha256::digest(bytes).to_vec())
}

fn sha384(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(Sha384::digest(bytes).to_vec())
}

fn sha512(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(Sha512::digest(bytes).to_vec())
}

/// The first element of some DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (bytes.iter().fold(0usize, |length, &byte| length << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_ours_is_bound_by_sha256() {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let der = key.cert.der();
        assert_eq!(tls_server_end_point(der), Some(Sha256::digest(der).to_vec()));
    }

    #[test]
    fn lengths_that_lie_give_nothing() {
        assert_eq!(tls_server_end_point(b""), None);
        assert_eq!(tls_server_end_point(&[0x30, 0x83, 0xff, 0xff, 0xff, 0x30]), None);
        assert_eq!(tls_server_end_point(&[0x30, 0x84, 0, 0, 0, 0]), None);
    }
}
