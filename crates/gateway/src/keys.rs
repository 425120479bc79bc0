//! The gateway's own signing key: made once, kept in the data folder, readable by the owner only.
//!
//! It signs the recording's checkpoints. Its public half is what a verifier is told to trust; `recording-key.pub` holds it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

/// Reads the key, or makes one.
pub(crate) fn signing_key(data_dir: &Path) -> io::Result<SigningKey> {
    let folder = data_dir.join("keys");
    fs::create_dir_all(&folder)?;
    let path = folder.join("recording-key");
    let key = match fs::read(&path) {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            let seed: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: not a key of 32 bytes", path.display()))
            })?;
            SigningKey::from_bytes(seed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
        Err(error) => return Err(error),
    };
    let public: String = key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder.join("recording-key.pub"), format!("{public}\n"))?;
    Ok(key)
}

fn make(path: &Path) -> io::Result<SigningKey> {
    let mut seed = Zeroizing::new([0; 32]);
    let random = portcullis_net::tls::provider();
    random.secure_random.fill(&mut *seed).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&*seed)?;
    file.sync_all()?;
    Ok(SigningKey::from_bytes(&seed))
}
