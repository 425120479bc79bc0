//! Capability flags: what the two peers agreed on, which decides how messages look.
//!
//! MySQL's 32 bits, and above them the extended ones of MariaDB, which stand in bytes that MySQL leaves unused and count
//! only while bit 0 is clear: MariaDB calls it `CLIENT_MYSQL`, MySQL `CLIENT_LONG_PASSWORD`, and only MySQL sets it.
//! Portcullis honours a set that it understands to the last byte and offers nothing else to either side. Spec:
//! "Capabilities Flags"; MariaDB "Connecting", capabilities.

use std::ops::{BitAnd, BitOr};

/// A set of capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every capability that has a name here.
            pub const NAMED: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$name),)*];
        }
    };
}

capabilities! {
    /// Set by all but MariaDB's own peers: with it, the extended capabilities are absent.
    MYSQL = 0,
    /// Count rows found, not rows changed.
    FOUND_ROWS = 1,
    /// Column flags of two bytes.
    LONG_FLAG = 2,
    /// The sign-in names a database.
    CONNECT_WITH_DB = 3,
    /// Refuse `database.table.column`.
    NO_SCHEMA = 4,
    /// Packets compressed by zlib.
    COMPRESS = 5,
    /// An ODBC client.
    ODBC = 6,
    /// LOAD DATA LOCAL may ask the client for a file.
    LOCAL_FILES = 7,
    /// Blanks before `(` do not count, which changes how text is parsed.
    IGNORE_SPACE = 8,
    /// The protocol since 4.1.
    PROTOCOL_41 = 9,
    /// The longer idle time-out of interactive clients.
    INTERACTIVE = 10,
    /// TLS follows.
    SSL = 11,
    /// Of no meaning on the wire.
    IGNORE_SIGPIPE = 12,
    /// Status flags in OK and EOF.
    TRANSACTIONS = 13,
    /// Of no meaning any more.
    RESERVED = 14,
    /// Passwords as in 4.1: a nonce of 20 bytes.
    SECURE_CONNECTION = 15,
    /// Several statements in one COM_QUERY.
    MULTI_STATEMENTS = 16,
    /// Several results for one COM_QUERY.
    MULTI_RESULTS = 17,
    /// Several results for one COM_STMT_EXECUTE, OUT parameters among them.
    PS_MULTI_RESULTS = 18,
    /// Authentication plugins by name.
    PLUGIN_AUTH = 19,
    /// The sign-in carries attributes of the client.
    CONNECT_ATTRS = 20,
    /// The proof in the sign-in may be longer than 255 bytes.
    PLUGIN_AUTH_LENENC_CLIENT_DATA = 21,
    /// The client can live in the sandbox of an expired password.
    CAN_HANDLE_EXPIRED_PASSWORDS = 22,
    /// OK tells of changes of the session's state.
    SESSION_TRACK = 23,
    /// OK instead of EOF.
    DEPRECATE_EOF = 24,
    /// Result sets may come without column definitions.
    OPTIONAL_RESULTSET_METADATA = 25,
    /// Packets compressed by zstd.
    ZSTD_COMPRESSION_ALGORITHM = 26,
    /// COM_QUERY and COM_STMT_EXECUTE carry attributes.
    QUERY_ATTRIBUTES = 27,
    /// More than one proof of identity.
    MULTI_FACTOR_AUTHENTICATION = 28,
    /// Kept for more capabilities.
    CAPABILITY_EXTENSION = 29,
    /// The client checks the server's certificate. Of no meaning on the wire.
    SSL_VERIFY_SERVER_CERT = 30,
    /// Of no meaning on the wire.
    REMEMBER_OPTIONS = 31,
    /// MariaDB: reports of progress while a statement runs.
    PROGRESS = 32,
    /// MariaDB: COM_MULTI, given up.
    COM_MULTI = 33,
    /// MariaDB: COM_STMT_BULK_EXECUTE.
    STMT_BULK_OPERATIONS = 34,
    /// MariaDB: more about a column's type.
    EXTENDED_METADATA = 35,
    /// MariaDB: column definitions that did not change are not sent again.
    CACHE_METADATA = 36,
    /// MariaDB: COM_STMT_BULK_EXECUTE answers with a result set.
    BULK_UNIT_RESULTS = 37,
}

/// What every peer must have: without any of these, messages look in ways that are not spoken here.
pub const REQUIRED: Capabilities =
    Capabilities(Capabilities::PROTOCOL_41.0 | Capabilities::SECURE_CONNECTION.0 | Capabilities::PLUGIN_AUTH.0);

/// What Portcullis may agree to, with either side. TLS is agreed with each peer apart.
///
/// Absent, each for a reason: compression and what nobody here reads (`CAPABILITY_EXTENSION`, `BULK_UNIT_RESULTS`,
/// `COM_MULTI`); what changes how text is parsed before anybody judged it (`IGNORE_SPACE`, `NO_SCHEMA`); the sandbox of
/// expired passwords and second factors, which belong to the upstream's users and not to ours.
pub const HONOURED: Capabilities = Capabilities(
    REQUIRED.0
        | Capabilities::MYSQL.0
        | Capabilities::FOUND_ROWS.0
        | Capabilities::LONG_FLAG.0
        | Capabilities::CONNECT_WITH_DB.0
        | Capabilities::LOCAL_FILES.0
        | Capabilities::INTERACTIVE.0
        | Capabilities::SSL.0
        | Capabilities::TRANSACTIONS.0
        | Capabilities::MULTI_STATEMENTS.0
        | Capabilities::MULTI_RESULTS.0
        | Capabilities::PS_MULTI_RESULTS.0
        | Capabilities::CONNECT_ATTRS.0
        | Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA.0
        | Capabilities::SESSION_TRACK.0
        | Capabilities::DEPRECATE_EOF.0
        | Capabilities::OPTIONAL_RESULTSET_METADATA.0
        | Capabilities::QUERY_ATTRIBUTES.0
        | Capabilities::PROGRESS.0
        | Capabilities::STMT_BULK_OPERATIONS.0
        | Capabilities::EXTENDED_METADATA.0
        | Capabilities::CACHE_METADATA.0,
);

/// What changes how messages look once a client is signed in: where bytes are passed on as they are, both sides must have
/// agreed to the same of these.
pub const SHAPING: Capabilities = Capabilities(
    Capabilities::SESSION_TRACK.0
        | Capabilities::DEPRECATE_EOF.0
        | Capabilities::OPTIONAL_RESULTSET_METADATA.0
        | Capabilities::QUERY_ATTRIBUTES.0
        | Capabilities::PROGRESS.0
        | Capabilities::STMT_BULK_OPERATIONS.0
        | Capabilities::EXTENDED_METADATA.0
        | Capabilities::CACHE_METADATA.0,
);

impl Capabilities {
    /// Joins the four bytes of MySQL and the four of MariaDB, which count only while [`Capabilities::MYSQL`] is clear.
    pub fn from_parts(lower: u32, extended: u32) -> Self {
        let lower = Self(u64::from(lower));
        if lower.has(Self::MYSQL) { lower } else { lower | Self(u64::from(extended) << 32) }
    }

    /// All bits, MariaDB's above MySQL's.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set of these bits.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// MySQL's four bytes.
    pub fn lower(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// MariaDB's four bytes: zero while [`Capabilities::MYSQL`] is set.
    pub fn extended(self) -> u32 {
        let [.., a, b, c, d] = self.0.to_le_bytes();
        if self.has(Self::MYSQL) { 0 } else { u32::from_le_bytes([a, b, c, d]) }
    }

    /// Whether every one of `other` is in this set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The name of the first that is in this set and not in `other`.
    pub fn missing_in(self, other: Self) -> Option<&'static str> {
        let missing = self.without(other);
        Self::NAMED.iter().find(|(_, each)| missing.has(*each)).map(|(name, _)| *name)
    }

    /// This set without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Capabilities {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_and_what_is_not_understood_is_never_honoured() {
        let refused = Capabilities::COMPRESS
            | Capabilities::ZSTD_COMPRESSION_ALGORITHM
            | Capabilities::CAPABILITY_EXTENSION
            | Capabilities::IGNORE_SPACE
            | Capabilities::NO_SCHEMA
            | Capabilities::MULTI_FACTOR_AUTHENTICATION
            | Capabilities::CAN_HANDLE_EXPIRED_PASSWORDS
            | Capabilities::COM_MULTI
            | Capabilities::BULK_UNIT_RESULTS;
        assert!(!HONOURED.has_any(refused));
        assert!(HONOURED.has(Capabilities::INTERACTIVE | Capabilities::LOCAL_FILES | Capabilities::CACHE_METADATA));
        let named = Capabilities::NAMED.iter().fold(Capabilities::default(), |all, &(_, each)| all | each);
        assert!(named.has(HONOURED) && HONOURED.has(SHAPING));
    }

    #[test]
    fn what_is_missing_has_a_name() {
        let some = Capabilities::SSL | Capabilities::DEPRECATE_EOF;
        assert_eq!(some.missing_in(Capabilities::SSL), Some("DEPRECATE_EOF"));
        assert_eq!(some.missing_in(some | Capabilities::PROGRESS), None);
    }

    #[test]
    fn extended_capabilities_count_only_without_the_mysql_bit() {
        let maria = Capabilities::from_parts(0x8200, 0x1d);
        assert!(maria.has(Capabilities::PROGRESS | Capabilities::CACHE_METADATA));
        assert_eq!((maria.lower(), maria.extended()), (0x8200, 0x1d));
        let mysql = Capabilities::from_parts(0x8201, 0x1d);
        assert_eq!((mysql.lower(), mysql.extended()), (0x8201, 0));
    }

    #[test]
    fn bits_are_the_specifications() {
        assert_eq!(Capabilities::SSL.lower(), 0x800);
        assert_eq!(Capabilities::PLUGIN_AUTH.lower(), 0x8_0000);
        assert_eq!(Capabilities::DEPRECATE_EOF.lower(), 0x100_0000);
        assert_eq!(Capabilities::QUERY_ATTRIBUTES.lower(), 0x800_0000);
        assert_eq!(Capabilities::STMT_BULK_OPERATIONS.extended(), 4);
    }
}
