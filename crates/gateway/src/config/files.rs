//! Paths in the configuration: relative to the file that names them, and readable now.
//!
//! A file that cannot be read is found when the configuration is loaded, not when the first client comes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{reader::Value, secret::Secret};

/// What the text of a configuration is read against.
pub(super) struct Surroundings<'c> {
    /// The folder that relative paths start from.
    pub(super) base: &'c Path,
    /// Looks up an environment variable.
    pub(super) env: &'c dyn Fn(&str) -> Option<String>,
}

impl Surroundings<'_> {
    /// A path, whether or not anything is there.
    pub(super) fn path(&self, value: Value<'_>) -> Option<PathBuf> {
        value.string().map(|text| self.base.join(text))
    }

    /// A folder that exists.
    pub(super) fn dir(&self, value: Value<'_>) -> Option<PathBuf> {
        let path = self.path(value.clone())?;
        match fs::read_dir(&path) {
            Ok(_) => Some(path),
            Err(error) => unreadable(&value, "folder", &path, &error),
        }
    }

    /// A file that can be read.
    pub(super) fn file(&self, value: Value<'_>) -> Option<PathBuf> {
        let path = self.path(value.clone())?;
        match open(&path) {
            Ok(_) => Some(path),
            Err(error) => unreadable(&value, "file", &path, &error),
        }
    }

    /// The text of a file.
    pub(super) fn text(&self, value: Value<'_>) -> Option<String> {
        let path = self.path(value.clone())?;
        match open(&path).and_then(std::io::read_to_string) {
            Ok(text) => Some(text),
            Err(error) => unreadable(&value, "file", &path, &error),
        }
    }

    /// A secret from a file; one line end after it is not part of it.
    pub(super) fn secret_file(&self, value: Value<'_>) -> Option<Secret> {
        let text = zeroize::Zeroizing::new(self.text(value.clone())?);
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        if secret.is_empty() {
            value.fail("the file is empty");
            return None;
        }
        if self.path(value.clone()).is_some_and(|path| readable_by_all(&path)) {
            value.warn("every user of this machine can read the file", "run `chmod 600` on it");
        }
        Some(Secret::new(secret.to_owned()))
    }

    /// A secret from an environment variable.
    pub(super) fn secret_env(&self, value: Value<'_>) -> Option<Secret> {
        let name = value.clone().string()?;
        match (self.env)(name) {
            Some(secret) if !secret.is_empty() => Some(Secret::new(secret)),
            Some(_) => {
                value.fail(format!("the environment variable `{name}` is empty"));
                None
            }
            None => {
                value.fail(format!("the environment variable `{name}` is not set"));
                None
            }
        }
    }
}

fn open(path: &Path) -> std::io::Result<fs::File> {
    if fs::metadata(path)?.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    fs::File::open(path)
}

fn unreadable<T>(value: &Value<'_>, kind: &str, path: &Path, error: &std::io::Error) -> Option<T> {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "nothing is there".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        kind => kind.to_string(),
    };
    value.fail(format!("cannot read the {kind} `{}`: {reason}", path.display()));
    None
}

#[cfg(unix)]
fn readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_all(_: &Path) -> bool {
    false
}
