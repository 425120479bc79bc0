//! The session key's wrapping: a complete age v1 file for one X25519 recipient, holding the 32-byte payload key.
//!
//! The auditor's key is an ordinary age key, and `age -d -i key.txt` opens the wrapped key without any of our code: who
//! verifies a recording should not have to trust the tool of the one who wrote it. Spec: <https://age-encryption.org/v1>.
//! Absent on purpose: passphrases, several recipients, armor, other stanza types, payloads over one chunk.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{KeyError, StartError};

const INTRO: &str = "age-encryption.org/v1\n-> X25519 ";
const WRAP_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const LAST_CHUNK: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
type FileKey = Zeroizing<[u8; 16]>;
type Secret = Zeroizing<[u8; 32]>;

/// The auditor's public key: payloads are encrypted to it.
#[derive(Clone)]
pub struct Recipient(PublicKey);

impl Recipient {
    /// Reads `age1…`, or 32 bytes in hex or base64.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = from_bech32(text, "age").or_else(|| from_hex(text)).or_else(|| from_base64(text));
        bytes.map(|key| Self(PublicKey::from(key))).ok_or(KeyError::Recipient)
    }

    /// The `age1…` form.
    pub fn to_text(&self) -> String {
        Hrp::parse("age")
            .ok()
            .and_then(|hrp| bech32::encode_lower::<Bech32>(hrp, self.0.as_bytes()).ok())
            .unwrap_or_default()
    }

    /// An age file that holds `secret`, readable by this recipient's identity only.
    pub fn wrap(&self, secret: &[u8; 32]) -> Result<Vec<u8>, StartError> {
        let mut entropy = Zeroizing::new([0u8; 64]);
        getrandom::fill(entropy.as_mut_slice()).map_err(|_| StartError::Entropy)?;
        self.wrap_with(secret, &entropy).ok_or(StartError::Recipient)
    }

    fn wrap_with(&self, secret: &[u8; 32], entropy: &[u8; 64]) -> Option<Vec<u8>> {
        let (ephemeral, rest) = entropy.split_first_chunk::<32>()?;
        let (file_key, nonce) = rest.split_first_chunk::<16>()?;
        let ephemeral = StaticSecret::from(*ephemeral);
        let share = PublicKey::from(&ephemeral);
        let shared = ephemeral.diffie_hellman(&self.0);
        if !shared.was_contributory() {
            return None;
        }
        let wrap_key = wrap_key(shared.as_bytes(), &share, &self.0)?;
        let mut body = file_key.to_vec();
        seal(&wrap_key, &[0; 12], &mut body)?;
        let mut file = format!("{INTRO}{}\n{}\n---", STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(&body));
        let mac = header_mac(file_key, file.as_bytes())?;
        file.push(' ');
        file.push_str(&STANDARD_NO_PAD.encode(mac));
        file.push('\n');
        let mut payload = secret.to_vec();
        seal(&*payload_key(file_key, nonce)?, &LAST_CHUNK, &mut payload)?;
        let mut file = file.into_bytes();
        file.extend_from_slice(nonce);
        file.extend_from_slice(&payload);
        Some(file)
    }
}

/// The auditor's secret key. It has no `Debug` and is wiped when dropped.
#[derive(Clone)]
pub struct Identity(StaticSecret);

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = from_bech32(text.trim(), "age-secret-key-").ok_or(KeyError::Identity)?;
        let secret = Zeroizing::new(bytes);
        Ok(Self(StaticSecret::from(*secret)))
    }

    /// Every identity of an age key file; lines that begin with `#` and empty lines are skipped.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let found: Result<Vec<_>, _> = lines.map(Self::parse).collect();
        found.and_then(|keys| if keys.is_empty() { Err(KeyError::Identity) } else { Ok(keys) })
    }

    /// A new identity, from the operating system's randomness.
    pub fn generate() -> Result<Self, StartError> {
        let mut secret = Zeroizing::new([0u8; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| StartError::Entropy)?;
        Ok(Self(StaticSecret::from(*secret)))
    }

    /// The `AGE-SECRET-KEY-1…` form.
    pub fn to_text(&self) -> Zeroizing<String> {
        let text = Hrp::parse("age-secret-key-")
            .ok()
            .and_then(|hrp| bech32::encode_upper::<Bech32>(hrp, self.0.as_bytes()).ok())
            .unwrap_or_default();
        Zeroizing::new(text)
    }

    /// The public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0))
    }

    /// Opens what [`Recipient::wrap`] made.
    pub fn unwrap_key(&self, file: &[u8]) -> Result<Secret, KeyError> {
        let parts = AgeFile::parse(file).ok_or(KeyError::Wrapped)?;
        let shared = self.0.diffie_hellman(&parts.share);
        if !shared.was_contributory() {
            return Err(KeyError::Wrapped);
        }
        let wrap_key = wrap_key(shared.as_bytes(), &parts.share, &self.recipient().0).ok_or(KeyError::Wrapped)?;
        let file_key: FileKey = open(&wrap_key, &[0; 12], &parts.body).ok_or(KeyError::NoMatch)?;
        let mac = header_mac(&file_key, parts.authenticated).ok_or(KeyError::Wrapped)?;
        if !same(&mac, &parts.mac) {
            return Err(KeyError::Wrapped);
        }
        let key = payload_key(&file_key, parts.nonce).ok_or(KeyError::Wrapped)?;
        open(&key, &LAST_CHUNK, parts.payload).ok_or(KeyError::Wrapped)
    }
}

struct AgeFile<'f> {
    share: PublicKey,
    body: Vec<u8>,
    authenticated: &'f [u8],
    mac: Vec<u8>,
    nonce: &'f [u8; 16],
    payload: &'f [u8],
}

impl<'f> AgeFile<'f> {
    fn parse(file: &'f [u8]) -> Option<Self> {
        let rest = file.strip_prefix(INTRO.as_bytes())?;
        let (share, rest) = line(rest)?;
        let (body, rest) = line(rest)?;
        let (mac, rest) = line(rest.strip_prefix(b"--- ")?)?;
        let tail = rest.len().checked_add(mac.len())?.checked_add(2)?;
        let authenticated = file.get(..file.len().checked_sub(tail)?)?;
        let (nonce, payload) = rest.split_first_chunk::<16>()?;
        let share: [u8; 32] = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        Some(Self {
            share: PublicKey::from(share),
            body: STANDARD_NO_PAD.decode(body).ok()?,
            authenticated,
            mac: STANDARD_NO_PAD.decode(mac).ok()?,
            nonce,
            payload,
        })
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..end)?, bytes.get(end.checked_add(1)?..)?))
}

fn wrap_key(shared: &[u8; 32], share: &PublicKey, recipient: &PublicKey) -> Option<Secret> {
    let mut salt = [0u8; 64];
    let both = share.as_bytes().iter().chain(recipient.as_bytes());
    for (place, byte) in salt.iter_mut().zip(both) {
        *place = *byte;
    }
    derive(Some(&salt), shared, WRAP_LABEL)
}

fn payload_key(file_key: &[u8; 16], nonce: &[u8]) -> Option<Secret> {
    derive(Some(nonce), file_key, b"payload")
}

fn derive(salt: Option<&[u8]>, secret: &[u8], label: &[u8]) -> Option<Secret> {
    let mut key = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::new(salt, secret).expand(label, key.as_mut_slice()).ok()?;
    Some(key)
}

fn header_mac(file_key: &[u8; 16], header: &[u8]) -> Option<Vec<u8>> {
    let key = derive(None, file_key, b"header")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
    mac.update(header);
    Some(mac.finalize().into_bytes().to_vec())
}

fn same(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && difference == 0
}

fn seal(key: &[u8; 32], nonce: &[u8; 12], text: &mut Vec<u8>) -> Option<()> {
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    let tag = cipher.encrypt_inout_detached(&Nonce::from(*nonce), &[], text.as_mut_slice().into()).ok()?;
    text.extend_from_slice(&tag);
    Some(())
}

fn open<const N: usize>(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Zeroizing<[u8; N]>> {
    let (text, tag) = sealed.split_first_chunk::<N>()?;
    let tag: [u8; 16] = tag.try_into().ok()?;
    let mut text = Zeroizing::new(*text);
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    let opened = cipher.decrypt_inout_detached(&Nonce::from(*nonce), &[], text.as_mut_slice().into(), &Tag::from(tag));
    if opened.is_err() {
        text.zeroize();
        return None;
    }
    Some(text)
}

fn from_bech32(text: &str, prefix: &str) -> Option<[u8; 32]> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).ok()?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(prefix) {
        return None;
    }
    let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
    bytes.as_slice().try_into().ok()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from((high << 4) | low).ok(),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}

fn from_base64(text: &str) -> Option<[u8; 32]> {
    let decoded =
        STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    decoded.ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair of the age specification's examples.
    const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn the_specifications_key_pair_belongs_together() {
        let identity = Identity::parse(IDENTITY).unwrap();
        assert_eq!(identity.recipient().to_text(), RECIPIENT);
        assert_eq!(identity.to_text().as_str(), IDENTITY);
        assert_eq!(Recipient::parse(RECIPIENT).unwrap().to_text(), RECIPIENT);
    }

    #[test]
    fn a_recipient_is_read_in_three_forms() {
        let key = Recipient::parse(RECIPIENT).unwrap();
        let hex: String = key.0.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
        for form in [hex, STANDARD.encode(key.0), URL_SAFE_NO_PAD.encode(key.0)] {
            assert_eq!(Recipient::parse(&form).unwrap().to_text(), RECIPIENT);
        }
        assert!(Recipient::parse("age1nonsense").is_err());
        assert!(Recipient::parse("").is_err());
    }

    #[test]
    fn only_the_right_identity_unwraps() {
        let identity = Identity::parse(IDENTITY).unwrap();
        let wrapped = identity.recipient().wrap(&[7; 32]).unwrap();
        assert_eq!(*identity.unwrap_key(&wrapped).unwrap(), [7; 32]);
        assert_eq!(Identity::generate().unwrap().unwrap_key(&wrapped).err(), Some(KeyError::NoMatch));
    }

    #[test]
    fn a_changed_byte_of_the_wrapped_key_is_refused() {
        let identity = Identity::parse(IDENTITY).unwrap();
        let wrapped = identity.recipient().wrap(&[7; 32]).unwrap();
        for place in 0..wrapped.len() {
            let mut bad = wrapped.clone();
            bad[place] ^= 1;
            assert!(identity.unwrap_key(&bad).is_err(), "byte {place}");
            assert!(identity.unwrap_key(&wrapped[..place]).is_err(), "cut at {place}");
        }
    }
}
