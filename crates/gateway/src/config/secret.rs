//! A secret value: it can be used, and cannot be shown.
//!
//! There is no `Debug` and no `Display`, so a log line or an error that holds one does not compile; the bytes are wiped
//! when it is dropped.

use zeroize::Zeroizing;

/// A password that came from the environment or a file.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of `value`; the caller keeps no copy.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
