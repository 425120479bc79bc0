//! Text that must not be printed: tokens and passwords.
//!
//! A secret reaches a log through `{:?}` on some struct that happens to hold it. This type has no `Display`, no
//! `Serialize`, and a `Debug` that shows nothing, so the only way to the text is [`Secret::expose`], which greps well.

use std::fmt;

use zeroize::Zeroizing;

/// A token or password; wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Never pass it to a log, an error or a format string that outlives the reply it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "Secret(..)");
    }
}
