//! The file that remembers a login, for its owner only.
//!
//! `$XDG_STATE_HOME/portcullis/login-<hash>.json`, one per issuer and client. Created with mode 0600 under another name
//! and renamed, so that nobody ever sees half a file or an open one; a file that others may read is not believed.
//! Spec: XDG Base Directory. A system keyring is deliberately absent: agents and containers have none.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Tokens;
use crate::{ProviderConfig, Secret, scram::fill};

// LIMIT: two tokens and a date.
const MAX_FILE: u64 = 256 * 1024;

/// Where one login is remembered.
#[derive(Debug, Clone)]
pub struct Cache {
    file: PathBuf,
}

/// Why a login could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Neither `XDG_STATE_HOME` nor `HOME` is set to an absolute path.
    #[error("neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    /// Others may read or write the file.
    #[error("the login file `{0}` is open to others; remove it and log in again")]
    Open(PathBuf),
    /// It is not what we wrote.
    #[error("the login file `{0}` is damaged; log in again")]
    Damaged(PathBuf),
    /// The file system said no.
    #[error("the login file cannot be used: {0}")]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    bearer: Zeroizing<String>,
    refresh: Option<Zeroizing<String>>,
    #[serde(with = "crate::store::unix")]
    expires: SystemTime,
}

impl Cache {
    /// The cache for this provider in the user's state folder.
    pub fn of(provider: &ProviderConfig) -> Result<Self, CacheError> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        Ok(Self::within(&state.ok_or(CacheError::NoHome)?.join("portcullis"), provider))
    }

    /// The cache for this provider in `folder`.
    pub fn within(folder: &Path, provider: &ProviderConfig) -> Self {
        let client = provider.client_id.as_deref().unwrap_or_default();
        let key = format!("{}\n{}\n{client}", provider.issuer, provider.audience);
        let hash = digest::digest(&digest::SHA256, key.as_bytes());
        let name: String = hash.as_ref().iter().take(8).map(|b| format!("{b:02x}")).collect();
        Self { file: folder.join(format!("login-{name}.json")) }
    }

    /// What was remembered last; `None` if nothing was.
    pub fn load(&self) -> Result<Option<Tokens>, CacheError> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        if file.metadata()?.mode() & 0o077 != 0 {
            return Err(CacheError::Open(self.file.clone()));
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut text)?;
        let stored: Stored = serde_json::from_slice(&text).map_err(|_| CacheError::Damaged(self.file.clone()))?;
        let secret = |text: Zeroizing<String>| Secret::new(text.to_string());
        Ok(Some(Tokens { bearer: secret(stored.bearer), refresh: stored.refresh.map(secret), expires: stored.expires }))
    }

    /// Remembers `tokens` in place of what was there.
    pub fn save(&self, tokens: &Tokens) -> Result<(), CacheError> {
        let folder = self.file.parent().ok_or(CacheError::NoHome)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let own = |secret: &Secret| Zeroizing::new(secret.expose().to_owned());
        let refresh = tokens.refresh.as_ref().map(own);
        let stored = Stored { bearer: own(&tokens.bearer), refresh, expires: tokens.expires };
        let text = Zeroizing::new(serde_json::to_vec(&stored).map_err(io::Error::from)?);
        let mut nonce = [0; 8];
        fill(&mut nonce);
        let new = self.file.with_extension(format!("{:016x}", u64::from_ne_bytes(nonce)));
        let written = write_private(&new, &text).and_then(|()| fs::rename(&new, &self.file));
        if written.is_err() {
            let _gone = fs::remove_file(&new);
        }
        Ok(written?)
    }

    /// Forgets the login.
    pub fn clear(&self) -> Result<(), CacheError> {
        match fs::remove_file(&self.file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn cache(folder: &Path) -> Cache {
        let config: ProviderConfig =
            serde_json::from_str(r#"{"name":"corp","issuer":"https://idp","audience":"portcullis"}"#).unwrap();
        Cache::within(&folder.join("state/portcullis"), &config)
    }

    fn tokens(bearer: &str) -> Tokens {
        let expires = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        Tokens { bearer: Secret::new(bearer.into()), refresh: Some(Secret::new("r".into())), expires }
    }

    #[test]
    fn what_is_saved_is_loaded_and_only_the_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        assert_eq!(cache.load().unwrap(), None);
        cache.save(&tokens("one")).unwrap();
        cache.save(&tokens("two")).unwrap();
        assert_eq!(cache.load().unwrap(), Some(tokens("two")));
        assert_eq!(fs::metadata(cache.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let dir = cache.path().parent().unwrap();
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "no temporary file stays");
        cache.clear().unwrap();
        cache.clear().unwrap();
        assert_eq!(cache.load().unwrap(), None);
    }

    #[test]
    fn a_file_open_to_others_or_damaged_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        cache.save(&tokens("one")).unwrap();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(cache.load(), Err(CacheError::Open(_))));
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(cache.path(), "{").unwrap();
        assert!(matches!(cache.load(), Err(CacheError::Damaged(_))));
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", tokens("eyJhbGciOi"));
        assert!(!shown.contains("eyJ") && !shown.contains("\"r\""), "{shown}");
    }
}
