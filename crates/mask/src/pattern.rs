//! The built-in detectors by name.

use std::str::FromStr;

use crate::{ConfigError, Why};

/// A built-in detector. Its configured name is [`Pattern::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Pattern {
    /// Payment card numbers: 13–19 digits in groups or not, issuer ranges, Luhn.
    CreditCard,
    /// US social security numbers with dashes or spaces.
    UsSsn,
    /// The same as nine bare digits: many false hits, so a pattern of its own that must be asked for.
    UsSsnBare,
    /// Mail addresses.
    Email,
    /// International bank account numbers: country, length, mod-97.
    Iban,
    /// Telephone numbers in international form (`+…`, E.164).
    Phone,
    /// JSON web tokens.
    Jwt,
    /// AWS access key ids, and secret keys beside their usual names.
    AwsKey,
    /// GitHub tokens.
    GithubToken,
    /// Slack tokens.
    SlackToken,
    /// PEM private keys, also over several lines and consecutive values.
    PrivateKey,
}

impl Pattern {
    /// Every built-in detector, in the order of their declaration.
    pub const ALL: [Self; 11] = [
        Self::CreditCard,
        Self::UsSsn,
        Self::UsSsnBare,
        Self::Email,
        Self::Iban,
        Self::Phone,
        Self::Jwt,
        Self::AwsKey,
        Self::GithubToken,
        Self::SlackToken,
        Self::PrivateKey,
    ];

    /// The name in `[[detect]] patterns`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreditCard => "credit_card",
            Self::UsSsn => "us_ssn",
            Self::UsSsnBare => "us_ssn_bare",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::Jwt => "jwt",
            Self::AwsKey => "aws_key",
            Self::GithubToken => "github_token",
            Self::SlackToken => "slack_token",
            Self::PrivateKey => "private_key",
        }
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self as u8)
    }
}

impl FromStr for Pattern {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let found = Self::ALL.into_iter().find(|pattern| pattern.name() == name);
        found.ok_or_else(|| ConfigError { which: name.into(), why: Why::UnknownPattern })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_index_is_its_place() {
        for (place, pattern) in Pattern::ALL.into_iter().enumerate() {
            assert_eq!(pattern.name().parse(), Ok(pattern));
            assert_eq!(pattern.index(), place);
        }
        assert!("cards".parse::<Pattern>().is_err());
    }
}
