//! What Describe and Close name: a prepared statement or a portal.

use portcullis_wire::Malformed;

/// The kind of thing a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

impl Target {
    /// The byte on the wire.
    pub fn byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}

impl TryFrom<u8> for Target {
    type Error = Malformed;

    fn try_from(byte: u8) -> Result<Self, Malformed> {
        match byte {
            b'S' => Ok(Self::Statement),
            b'P' => Ok(Self::Portal),
            _ => Err(Malformed::Invalid("target")),
        }
    }
}
