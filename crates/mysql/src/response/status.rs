//! Status flags: what OK and EOF say about the session. Spec: `SERVER_STATUS_flags_enum`.

/// A set of status flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status(u16);

impl Status {
    /// A transaction is open.
    pub const IN_TRANSACTION: Self = Self(1);
    /// Every statement is a transaction of its own.
    pub const AUTOCOMMIT: Self = Self(1 << 1);
    /// Another result follows.
    pub const MORE_RESULTS: Self = Self(1 << 3);
    /// The statement used no good index.
    pub const NO_GOOD_INDEX: Self = Self(1 << 4);
    /// The statement used no index.
    pub const NO_INDEX: Self = Self(1 << 5);
    /// A cursor is open; rows come when COM_STMT_FETCH asks.
    pub const CURSOR_EXISTS: Self = Self(1 << 6);
    /// The cursor has no more rows.
    pub const LAST_ROW_SENT: Self = Self(1 << 7);
    /// A database was dropped.
    pub const DB_DROPPED: Self = Self(1 << 8);
    /// A backslash in a string is a backslash, which changes what text means.
    pub const NO_BACKSLASH_ESCAPES: Self = Self(1 << 9);
    /// A statement was prepared again by itself.
    pub const METADATA_CHANGED: Self = Self(1 << 10);
    /// The statement was slow.
    pub const WAS_SLOW: Self = Self(1 << 11);
    /// The result set is the OUT parameters of a procedure.
    pub const OUT_PARAMETERS: Self = Self(1 << 12);
    /// The transaction is read-only.
    pub const IN_READ_ONLY_TRANSACTION: Self = Self(1 << 13);
    /// OK tells of changes of the session's state.
    pub const SESSION_STATE_CHANGED: Self = Self(1 << 14);
    /// MariaDB: a double quote begins a name, which changes what text means.
    pub const ANSI_QUOTES: Self = Self(1 << 15);

    /// The flags of these bits. All sixteen are kept.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits on the wire.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether every one of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_specifications() {
        let status = Status::from_bits(0x4002);
        assert!(status.has(Status::AUTOCOMMIT.with(Status::SESSION_STATE_CHANGED)));
        assert!(!status.has(Status::IN_TRANSACTION));
        assert_eq!(status.without(Status::SESSION_STATE_CHANGED).bits(), 2);
    }
}
