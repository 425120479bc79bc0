//! A protected database: `[[upstream]]`.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use super::{
    files::Surroundings,
    listener::Protocol,
    reader::{Table, Value},
    secret::Secret,
};

/// One `[[upstream]]`; clients name it as the database.
#[derive(Clone)]
pub struct Upstream {
    /// Its name in policies and for clients.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: Address,
    /// The database on that server.
    pub database: String,
    /// The role that the gateway signs in as.
    pub user: String,
    /// The role's password; none where the server asks for none.
    pub password: Option<Secret>,
    /// How the connection is protected.
    pub tls: UpstreamTls,
    /// What policies may ask about it.
    pub labels: BTreeMap<String, String>,
    /// How long a connection may take until the server has accepted the sign-in.
    pub connect_timeout: Duration,
    /// How many connections the gateway may hold to it; none means as many as sessions.
    pub max_connections: Option<u32>,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How the connection to an upstream is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamTls {
    /// Clear text.
    Off,
    /// Encrypted, to whoever answers.
    Require,
    /// The certificate must come from the authority (PEM; none means the system's).
    VerifyCa(Option<PathBuf>),
    /// The certificate must also name the host.
    VerifyFull(Option<PathBuf>),
}

impl Upstream {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let name = table.required("name", Value::name);
        let protocol = table.required("protocol", Protocol::read);
        let address = table.required("address", Address::read);
        let database = table.required("database", Value::string);
        let user = table.required("user", Value::string);
        let password = table.optional("password", |v| read_password(v, around));
        let tls = UpstreamTls::read(table, around, address.as_ref());
        let labels = table.optional("labels", read_labels);
        let connect_timeout = table.optional("connect_timeout", |v| v.duration(CONNECT_TIMEOUT));
        let max_connections = table.optional("max_connections", |v| v.number(1..=100_000));
        Some(Self {
            name: name?,
            protocol: protocol?,
            address: address?,
            database: database?.to_owned(),
            user: user?.to_owned(),
            password,
            tls: tls?,
            labels: labels.unwrap_or_default(),
            connect_timeout: connect_timeout.unwrap_or(Duration::from_secs(10)),
            max_connections,
        })
    }
}

const CONNECT_TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

impl UpstreamTls {
    fn read(table: &Table<'_>, around: &Surroundings<'_>, address: Option<&Address>) -> Option<Self> {
        let ca_value = table.value("ca");
        let ca = ca_value.clone().and_then(|v| around.file(v));
        let Some(value) = table.value("tls") else {
            return Some(Self::VerifyFull(ca));
        };
        let unverified = ["off", "require"];
        let words = ["off", "require", "verify-ca", "verify-full"].map(|word| (word, word));
        let word = value.clone().choice(&words)?;
        if let Some(ca) = ca_value.filter(|_| unverified.contains(&word)) {
            ca.fail(format!("has no effect with `tls = \"{word}\"`, which does not check the certificate"));
        }
        if unverified.contains(&word) && !address.is_some_and(Address::is_this_machine) {
            let message = format!("\"{word}\" does not protect against someone between the gateway and the database");
            value.warn(message, "use \"verify-full\"");
        }
        Some(match word {
            "off" => Self::Off,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa(ca),
            _ => Self::VerifyFull(ca),
        })
    }
}

impl Address {
    fn read(value: Value<'_>) -> Option<Self> {
        value.parsed("a host and a port, such as \"db.internal:5432\" or \"[::1]:5432\"", Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let sound = match bracketed {
            Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        sound.then(|| Self { host: bracketed.unwrap_or(host).to_owned(), port })
    }

    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

fn read_password(value: Value<'_>, around: &Surroundings<'_>) -> Option<Secret> {
    if value.is_string() {
        let help =
            "write `password = { env = \"NAME\" }` or `password = { file = \"path\" }`, and change this password";
        value.fail_with_help("a password is never written in the configuration", help);
        return None;
    }
    let place = value.clone();
    value.table()?.read(|t| match (t.value("env"), t.value("file"), t.value("vault")) {
        (Some(env), None, None) => around.secret_env(env),
        (None, Some(file), None) => around.secret_file(file),
        (None, None, Some(vault)) => {
            vault.fail_with_help("`vault` is not available in this version", "use `env` or `file`");
            None
        }
        _ => place.expected("exactly one of `env` and `file`"),
    })
}

fn read_labels(value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let table = value.table()?;
    Some(table.entries().filter_map(|(key, value)| Some((key.to_owned(), value.string()?.to_owned()))).collect())
}
