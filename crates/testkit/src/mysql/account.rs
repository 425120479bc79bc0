//! The account `app`: by which plugin, and with which password, the server lets it in.

use super::Flavour;

/// The password of `app`. Letters of no other alphabet: the drivers disagree on the character set of a password.
pub const APP_PASSWORD: &str = "app secret: '\\$1\"";

/// How the server asks for proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// SHA-1 of a scramble; MySQL 9 has it no more.
    NativePassword,
    /// MySQL's default: SHA-256 of a scramble when the server remembers the password, else the password itself.
    CachingSha2,
    /// The password itself, over TLS or under the server's RSA key.
    Sha256,
    /// MariaDB's signature with a key derived from the password.
    Ed25519,
    /// MariaDB's PBKDF2 and Ed25519, from 11.6 on.
    Parsec,
}

impl Plugin {
    /// What a server calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NativePassword => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Ed25519 => "ed25519",
            Self::Parsec => "parsec",
        }
    }

    /// The plugin's file, for a server that has it not built in.
    pub(super) fn library(self, flavour: Flavour) -> Option<&'static str> {
        match self {
            Self::Ed25519 => Some("auth_ed25519"),
            Self::Parsec => Some("auth_parsec"),
            Self::CachingSha2 if flavour.is_mariadb() => Some("auth_mysql_sha2"),
            _ => None,
        }
    }

    /// What follows `ALTER USER app` or `CREATE USER …`.
    pub fn identified(self, flavour: Flavour, password: &str) -> String {
        let (name, quoted) = (self.name(), quote(password));
        if flavour.is_mariadb() {
            format!("IDENTIFIED VIA {name} USING PASSWORD({quoted})")
        } else {
            format!("IDENTIFIED WITH {name} BY {quoted}")
        }
    }
}

/// A string literal in the server's default mode.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(quote(r"a'b\"), r"'a''b\\'");
        let text = Plugin::Ed25519.identified(Flavour::MariaDb, "x");
        assert_eq!(text, "IDENTIFIED VIA ed25519 USING PASSWORD('x')");
    }
}
