//! Who can read along on a connection: what a proof of identity may look like depends on it.

/// Who can read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Anybody on the way.
    Clear,
    /// Nobody: TCP that does not leave the machine. The other side does not know that, and treats it as [`Self::Clear`].
    Loopback,
    /// Nobody: a Unix socket.
    Socket,
    /// Nobody: TLS.
    Tls,
}

impl Channel {
    /// Whether nobody else can read along.
    pub fn is_private(self) -> bool {
        self != Self::Clear
    }

    /// Whether both sides take it for one on which a password may be sent as it is.
    pub fn carries_passwords(self) -> bool {
        matches!(self, Self::Socket | Self::Tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_sides_know_to_be_private_carries_passwords() {
        let all = [Channel::Clear, Channel::Loopback, Channel::Socket, Channel::Tls];
        assert_eq!(all.map(Channel::is_private), [false, true, true, true]);
        assert_eq!(all.map(Channel::carries_passwords), [false, false, true, true]);
    }
}
