//! A password under a server's public key, where `caching_sha2_password` or `sha256_password` asks for it without TLS.
//!
//! The key comes from the server itself, so it keeps the password only from who listens, not from who stands between: the
//! caller uses it on connections that do not leave the machine. Before it is encrypted, the password is masked by the
//! nonce, so that a recording of it is of no use later. Spec: "Caching SHA-2 Authentication", "SHA-256 Authentication".

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::DialError;
use crate::handshake::NONCE;

/// Encrypts the password, with the NUL that ends it, under a key in PEM.
pub(super) fn encrypt(password: &[u8], nonce: &[u8; NONCE], pem: &[u8]) -> Result<Vec<u8>, DialError> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| DialError::PublicKey)?;
    let key = PublicEncryptingKey::from_der(&der).map_err(|_| DialError::PublicKey)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| DialError::PublicKey)?;
    let masked = masked(password, nonce);
    let mut sealed = vec![0; key.ciphertext_size()];
    let written = key.encrypt(&OAEP_SHA1_MGF1SHA1, &masked, &mut sealed, None).map_err(|_| DialError::PublicKey)?.len();
    sealed.truncate(written);
    Ok(sealed)
}

fn masked(password: &[u8], nonce: &[u8; NONCE]) -> Zeroizing<Vec<u8>> {
    let with_nul = password.iter().chain([&0]);
    Zeroizing::new(with_nul.zip(nonce.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A server's, of 2,048 bits.
    pub(in super::super) const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAiqE7FFkrAoTVk2SiZiC0
Wbb1R+7AbyS7B2zTOgHYNk78JrFN7uUQz0dy6VeQdDp/hENbVCQaYPPSVJgsKklc
VqgpqwhgDq9c8aWFtMZMXLs3XrHTg+uYAuq5ymz/W6qYRU6yeD7ID/4Crm5IoyAu
kXn+XckT7AjirqxV2h7BaYSWTWPL4GS5+4cDXiiag9yL2HZz186QO2ZpI/U0L7qw
ifrvfqzB5u5vQpKm+DT1a7s/KOwsw4K4w++KjshW09gopStT3W/gAs9Sdp2Dsast
zwSzV6yDo+M2bQbOWPIv0PTb22rGe74leb6c7oCFe5la0RJzdrDX6jgilk0fM4lp
uQIDAQAB
-----END PUBLIC KEY-----
";

    const NONCE_OF_TESTS: [u8; NONCE] = *b"NR3HP:qIYa_9=db?Sd{`";

    fn pem(key: &PrivateDecryptingKey) -> String {
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    #[test]
    fn the_server_reads_what_was_encrypted() {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let sealed = encrypt(b"a password longer than the nonce", &NONCE_OF_TESTS, pem(&key).as_bytes()).unwrap();
        let key = OaepPrivateDecryptingKey::new(key).unwrap();
        let mut opened = vec![0; key.min_output_size()];
        let opened = key.decrypt(&OAEP_SHA1_MGF1SHA1, &sealed, &mut opened, None).unwrap();
        let plain: Vec<u8> = opened.iter().zip(NONCE_OF_TESTS.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(plain, b"a password longer than the nonce\0");
        let long = encrypt(
            &[b'x'; 214],
            &NONCE_OF_TESTS,
            pem(&PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap()).as_bytes(),
        );
        assert_eq!(long, Err(DialError::PublicKey));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let begin = "-----BEGIN PUBLIC KEY-----\n";
        let end = "-----END PUBLIC KEY-----\n";
        for body in ["", "MIIB\n", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n", "////\n", "\u{0}\n"] {
            let pem = format!("{begin}{body}{end}");
            assert_eq!(encrypt(b"x", &NONCE_OF_TESTS, pem.as_bytes()), Err(DialError::PublicKey), "{body}");
        }
        assert_eq!(encrypt(b"x", &NONCE_OF_TESTS, b""), Err(DialError::PublicKey));
    }
}
