//! Whose server it is, and which version: executable comments and much else mean different things to each.
//!
//! MariaDB 10 writes `5.5.5-` before its version, so that replicas of old take it for one that they know. A server is
//! MariaDB's if it clears the capability that only MySQL sets, or says so by name: MariaDB before 10.2 sets it too. Spec:
//! "Protocol::HandshakeV10"; MariaDB "Connecting", `RPL_VERSION_HACK`.

use crate::Capabilities;
use crate::handshake::Greeting;

const REPLICATION_PREFIX: &[u8] = b"5.5.5-";

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// MySQL's, or one that behaves like it.
    MySql,
    /// MariaDB's.
    MariaDb,
}

/// A server's flavour and the numbers of its version; a number that is not there is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    /// Whose it is.
    pub flavour: Flavour,
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
    /// The third.
    pub patch: u16,
}

impl ServerVersion {
    /// What a greeting says.
    pub fn of(greeting: &Greeting<'_>) -> Self {
        Self::parse(greeting.version, greeting.capabilities.has(Capabilities::MYSQL))
    }

    fn parse(text: &[u8], calls_itself_mysql: bool) -> Self {
        let named = text.windows(7).any(|window| window.eq_ignore_ascii_case(b"mariadb"));
        let flavour = if named || !calls_itself_mysql { Flavour::MariaDb } else { Flavour::MySql };
        let text = match text.strip_prefix(REPLICATION_PREFIX) {
            Some(rest) if flavour == Flavour::MariaDb && rest.first().is_some_and(u8::is_ascii_digit) => rest,
            _ => text,
        };
        let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
        let mut numbers = text.get(..end).unwrap_or_default().split(|&byte| byte == b'.').map(number);
        let mut next = || numbers.next().unwrap_or_default();
        Self { flavour, major: next(), minor: next(), patch: next() }
    }

    /// The version as executable comments count it: 8.4.3 is 80403, 10.11.6 is 101106.
    pub fn number(self) -> u32 {
        let two_digits = |number: u16| u32::from(number.min(99));
        let [major, minor, patch] = [u32::from(self.major), two_digits(self.minor), two_digits(self.patch)];
        major.saturating_mul(10_000).saturating_add(minor.saturating_mul(100)).saturating_add(patch)
    }
}

fn number(digits: &[u8]) -> u16 {
    digits
        .iter()
        .fold(0, |number: u16, digit| number.saturating_mul(10).saturating_add(u16::from(digit.wrapping_sub(b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(flavour: Flavour, major: u16, minor: u16, patch: u16) -> ServerVersion {
        ServerVersion { flavour, major, minor, patch }
    }

    #[test]
    fn real_servers_are_understood() {
        for (text, mysql, expected) in [
            (&b"9.7.0"[..], true, version(Flavour::MySql, 9, 7, 0)),
            (b"8.0.36-28", true, version(Flavour::MySql, 8, 0, 36)),
            (b"8.4.3-commercial", true, version(Flavour::MySql, 8, 4, 3)),
            (b"5.5.5-10.11.6-MariaDB-0+deb12u1", false, version(Flavour::MariaDb, 10, 11, 6)),
            (b"5.5.5-10.1.48-MariaDB", true, version(Flavour::MariaDb, 10, 1, 48)),
            (b"11.4.2-MariaDB-ubu2404-log", false, version(Flavour::MariaDb, 11, 4, 2)),
            (b"5.5.5-custom", true, version(Flavour::MySql, 5, 5, 5)),
            (b"12", false, version(Flavour::MariaDb, 12, 0, 0)),
            (b"", true, version(Flavour::MySql, 0, 0, 0)),
            (b"99999999999.1", true, version(Flavour::MySql, u16::MAX, 1, 0)),
        ] {
            assert_eq!(ServerVersion::parse(text, mysql), expected);
        }
    }

    #[test]
    fn numbers_are_those_of_executable_comments() {
        assert_eq!(version(Flavour::MySql, 8, 4, 3).number(), 80_403);
        assert_eq!(version(Flavour::MariaDb, 10, 11, 6).number(), 101_106);
        assert_eq!(version(Flavour::MySql, u16::MAX, u16::MAX, u16::MAX).number(), 655_359_999);
    }
}
