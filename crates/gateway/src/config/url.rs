//! A web address that may carry secrets: `https`, or `http` on this machine only.

use std::net::IpAddr;

/// The address of an identity provider or a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// What [`HttpUrl::parse`] accepts, for messages.
    pub(super) const EXPECTED: &'static str = "an `https://` address (`http://` on this machine only)";

    /// The address, or nothing if it is not one, holds a user or a fragment, or is in clear over a network.
    pub fn parse(text: &str) -> Option<Self> {
        let (clear, rest) = match text.strip_prefix("https://") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("http://")?),
        };
        let authority = rest.split(['/', '?']).next()?;
        let host = host_of(authority)?;
        let sound = text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains(['#', '\\', '"']);
        (sound && (!clear || is_loopback(host))).then(|| Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_sound = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!host.is_empty() && !host.contains('@') && port_is_sound).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_leaves_this_machine_never() {
        for fine in [
            "https://idp.example.com",
            "https://idp/x?y=z",
            "http://127.0.0.1:9000/a",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(HttpUrl::parse(fine).is_some(), "{fine}");
        }
        for wrong in [
            "http://idp.example.com",
            "idp",
            "ftp://x",
            "https://",
            "https://u:p@h",
            "https://h#f",
            "https://h:99999",
            "https://a b",
        ] {
            assert!(HttpUrl::parse(wrong).is_none(), "{wrong}");
        }
        assert!(HttpUrl::parse("http://127.0.0.1.example.com").is_none());
        assert!(HttpUrl::parse("http://localhost@example.com").is_none());
    }
}
