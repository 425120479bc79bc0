//! Authentication plugins by name: those that clients and upstreams can be asked to use here.
//!
//! Absent, and therefore refused or switched away from: passwords as before 4.1, LDAP, Kerberos, PAM's dialog, WebAuthn,
//! OCI. Spec: "Authentication Methods"; MariaDB "Authentication Plugins".

macro_rules! plugins {
    ($($(#[$doc:meta])* $plugin:ident = $name:literal;)*) => {
        /// A plugin.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Plugin {
            $($(#[$doc])* $plugin,)*
        }

        impl Plugin {
            /// Every plugin there is.
            pub const ALL: &'static [Self] = &[$(Self::$plugin,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$plugin => $name,)*
                }
            }
        }
    };
}

plugins! {
    /// SHA-256 over a nonce, and the password itself where the server does not remember its hash.
    CachingSha2Password = "caching_sha2_password";
    /// SHA-1 over a nonce.
    NativePassword = "mysql_native_password";
    /// The password, as it is or encrypted by the server's public key.
    Sha256Password = "sha256_password";
    /// The password as it is.
    ClearPassword = "mysql_clear_password";
    /// An identity token.
    OpenIdConnect = "authentication_openid_connect_client";
    /// MariaDB: a signature over a nonce, by a key that is the password's hash.
    Ed25519 = "client_ed25519";
    /// MariaDB: a signature over two nonces, by a key that is derived from the password and a salt.
    Parsec = "parsec";
}

impl Plugin {
    /// The plugin of this name.
    pub fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|plugin| plugin.name().as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_plugins_agree() {
        for &plugin in Plugin::ALL {
            assert_eq!(Plugin::of(plugin.name().as_bytes()), Some(plugin));
        }
        assert_eq!(Plugin::of(b"mysql_old_password"), None);
        assert_eq!(Plugin::of(b"MYSQL_NATIVE_PASSWORD"), None);
        assert_eq!(Plugin::of(b""), None);
    }
}
