//! Sealing of payloads: AES-256-GCM with one key per session, in place, bound to the entry's header.
//!
//! The nonce is `attempt u32 ‖ sequence u64`: a failed write may have put ciphertext on the disk, so an entry written
//! again under the same sequence gets a new attempt and never the same nonce. The key is wrapped to the auditor
//! ([`crate::age`]); the gateway keeps it only while the session lives and cannot read yesterday's recordings.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use zeroize::Zeroizing;

use crate::age::Recipient;
use crate::entry::{Header, place};
use crate::error::StartError;

/// Bytes that sealing adds.
pub(crate) const TAG: usize = 16;

/// To whom payloads are encrypted, for all sessions of the process.
#[derive(Clone, Default)]
pub struct RecordingKeys {
    recipient: Option<Recipient>,
}

impl RecordingKeys {
    /// Payloads stay in clear.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Payloads are readable by the recipient only.
    pub fn encrypted_to(recipient: Recipient) -> Self {
        Self { recipient: Some(recipient) }
    }

    /// Whether payloads are encrypted.
    pub fn is_encrypting(&self) -> bool {
        self.recipient.is_some()
    }

    /// A session's key and its wrapped form.
    pub(crate) fn session_key(&self) -> Result<Option<(PayloadKey, Vec<u8>)>, StartError> {
        let Some(recipient) = &self.recipient else { return Ok(None) };
        let mut secret = Zeroizing::new([0u8; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| StartError::Entropy)?;
        let wrapped = recipient.wrap(&secret)?;
        Ok(Some((PayloadKey::new(&secret), wrapped)))
    }
}

/// One session's payload key, expanded. Wiped when dropped by the cipher's own `Drop`.
#[derive(Clone)]
pub(crate) struct PayloadKey(Box<Aes256Gcm>);

impl PayloadKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(Box::new(Aes256Gcm::new(&Key::<Aes256Gcm>::from(*secret))))
    }

    /// Encrypts in place. `None` cannot happen below the cipher's 64 GiB, and is an error for the caller all the same.
    pub(crate) fn seal(&self, header: &Header, text: &mut [u8]) -> Option<[u8; TAG]> {
        let tag = self.0.encrypt_inout_detached(&nonce(header), &header.encode(), text.into()).ok()?;
        Some(tag.into())
    }

    /// Decrypts in place; on `None` the text must not be used.
    pub(crate) fn open(&self, header: &Header, text: &mut [u8], tag: &[u8; TAG]) -> Option<()> {
        self.0.decrypt_inout_detached(&nonce(header), &header.encode(), text.into(), &Tag::from(*tag)).ok()
    }
}

fn nonce(header: &Header) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut bytes = [0u8; 12];
    let mut rest = bytes.as_mut_slice();
    place(&mut rest, header.attempt.to_be_bytes());
    place(&mut rest, header.sequence.to_be_bytes());
    Nonce::from(bytes)
}
