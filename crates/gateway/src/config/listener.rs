//! Where clients and administrators come in, and who vouches for them: `[[listener]]`, `[admin]`, `[[identity]]`.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    files::Surroundings,
    reader::{Table, Value},
    url::HttpUrl,
};

/// What a listener or an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The Postgres wire protocol, 3.0 and 3.2.
    Postgres,
    /// The MySQL client/server protocol, of MySQL and MariaDB alike.
    MySql,
}

/// A certificate and its key, both readable when the configuration was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// One `[[listener]]`: where clients of one protocol connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The address and port; port 0 lets the system choose.
    pub bind: SocketAddr,
    /// None only on loopback.
    pub tls: Option<ServerTls>,
    /// The upstreams that can be reached through it, every one known; none means all.
    pub upstreams: Option<Vec<String>>,
}

/// `[admin]`: the API, the web page and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The address and port; port 0 lets the system choose.
    pub bind: SocketAddr,
    /// None only on loopback.
    pub tls: Option<ServerTls>,
    /// Who may see and stop other people's sessions.
    pub admins: Vec<AdminGroup>,
    /// Names that a `Host` header may carry beside the bound address (a defence against DNS rebinding).
    pub allowed_hosts: Vec<String>,
}

/// A group of one identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminGroup {
    /// The name of an `[[identity]]`.
    pub identity: String,
    /// A value of its groups claim.
    pub group: String,
}

/// One `[[identity]]`: an OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The prefix of its users and groups in policies.
    pub name: String,
    /// The provider, exactly as tokens name it in `iss`.
    pub issuer: HttpUrl,
    /// What tokens must name in `aud`.
    pub audience: String,
    /// The claim that holds a user's groups, an array or a string.
    pub groups_claim: String,
    /// The public client that `portcullis login` signs in as; none means the audience.
    pub client_id: Option<String>,
    /// The authority of the provider's certificate, PEM; none means the system's.
    pub ca: Option<PathBuf>,
}

const IDENTITY_KEYS_HELP: &str = "write `{ identity = \"corp\", group = \"dba\" }`";

impl Listener {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let protocol = table.required("protocol", Protocol::read);
        let endpoint = read_endpoint(table, around);
        let upstreams = table.optional("upstreams", |v| v.list("a list of upstream names", Value::name));
        let (bind, tls) = endpoint?;
        Some(Self { protocol: protocol?, bind, tls, upstreams })
    }
}

impl Admin {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>, identities: &[Identity]) -> Option<Self> {
        let endpoint = read_endpoint(table, around);
        let admins = table.optional("admins", |v| v.list("a list of groups", |v| AdminGroup::read(v, identities)));
        let hosts =
            table.optional("allowed_hosts", |v| v.list("a list of host names", |v| v.string().map(str::to_owned)));
        let (bind, tls) = endpoint?;
        Some(Self { bind, tls, admins: admins.unwrap_or_default(), allowed_hosts: hosts.unwrap_or_default() })
    }
}

impl AdminGroup {
    /// A group's name where one identity makes it plain, else `{ identity, group }`; ids are never taken apart.
    fn read(value: Value<'_>, identities: &[Identity]) -> Option<Self> {
        if !value.is_string() {
            return value.table()?.read(|t| {
                let identity = t.required("identity", |v| known_identity(v, identities));
                let group = t.required("group", Value::string);
                Some(Self { identity: identity?, group: group?.to_owned() })
            });
        }
        let group = value.clone().string()?;
        match identities {
            [only] if !group.contains('|') => Some(Self { identity: only.name.clone(), group: group.to_owned() }),
            _ => {
                value.fail_with_help(format!("`{group}` does not say whose group it is"), IDENTITY_KEYS_HELP);
                None
            }
        }
    }
}

fn known_identity(value: Value<'_>, identities: &[Identity]) -> Option<String> {
    let name = value.clone().string()?;
    if identities.iter().any(|identity| identity.name == name) {
        return Some(name.to_owned());
    }
    value.fail(format!("there is no [[identity]] named `{name}`"));
    None
}

impl Identity {
    pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>) -> Option<Self> {
        let name = table.required("name", Value::name);
        let issuer = table.required("issuer", Value::url);
        let audience = table.required("audience", Value::string);
        let groups_claim = table.optional("groups_claim", Value::string).unwrap_or("groups");
        let client_id = table.optional("client_id", Value::string);
        let ca = table.optional("ca", |v| around.file(v));
        Some(Self {
            name: name?,
            issuer: issuer?,
            audience: audience?.to_owned(),
            groups_claim: groups_claim.to_owned(),
            client_id: client_id.map(str::to_owned),
            ca,
        })
    }
}

impl Protocol {
    /// Its name in configurations, policies and recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    pub(super) fn read(value: Value<'_>) -> Option<Self> {
        let word = value.clone().string()?;
        match word {
            "postgres" => return Some(Self::Postgres),
            "mysql" => return Some(Self::MySql),
            "http" => {
                value.fail(format!("\"{word}\" is not supported yet, this version speaks \"postgres\" and \"mysql\""))
            }
            _ => return value.expected("\"postgres\" or \"mysql\""),
        }
        None
    }
}

fn read_endpoint(table: &Table<'_>, around: &Surroundings<'_>) -> Option<(SocketAddr, Option<ServerTls>)> {
    let tls_value = table.value("tls");
    let wants_tls = tls_value.is_some();
    let tls = tls_value.and_then(|v| ServerTls::read(v, around));
    let bind = table.required("bind", |v| {
        let bind = v.clone().parsed("an IP address and a port, such as \"127.0.0.1:6432\"", |text| text.parse().ok());
        bind.filter(|bind: &SocketAddr| {
            let safe = wants_tls || bind.ip().is_loopback();
            if !safe {
                let help = "add `tls = { cert = \"…\", key = \"…\" }`, or bind a loopback address such as 127.0.0.1";
                v.fail_with_help("an address that others can reach needs `tls`: tokens are sent to it", help);
            }
            safe
        })
    })?;
    Some((bind, tls))
}

impl ServerTls {
    fn read(value: Value<'_>, around: &Surroundings<'_>) -> Option<Self> {
        value.table()?.read(|t| {
            let cert = t.required("cert", |v| around.file(v));
            let key = t.required("key", |v| around.file(v));
            Some(Self { cert: cert?, key: key? })
        })
    }
}

impl Value<'_> {
    /// A name that policies, clients and file names can hold: 1 to 63 of `a-z A-Z 0-9 _ - .`
    pub(super) fn name(self) -> Option<String> {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        self.parsed("a name of 1 to 63 letters, digits, `_`, `-` or `.`", |text| {
            (!text.is_empty() && text.len() <= 63 && text.chars().all(sound)).then(|| text.to_owned())
        })
    }

    /// An address that secrets may travel to.
    pub(super) fn url(self) -> Option<HttpUrl> {
        self.parsed(HttpUrl::EXPECTED, HttpUrl::parse)
    }
}
