//! Where the gateway is and who vouches for us: flags, then the environment, then `client.toml`.
//!
//! The file is `$XDG_CONFIG_HOME/portcullis/client.toml` (or `~/.config/…`):
//! ```toml
//! gateway = "https://gw.example.com:8443"   # its API
//! postgres = "gw.example.com:6432"          # its listener for Postgres clients
//! mysql = "gw.example.com:3307"             # its listener for MySQL clients
//! ca = "gw-ca.pem"                          # trust this authority for all, relative to the file
//!
//! [identity]                                # as in the gateway's own configuration
//! issuer = "https://idp.example.com"
//! audience = "portcullis"
//! client_id = "portcullis-cli"
//! ```
//! It holds no secrets; a login is kept elsewhere, see [`super::tokens`].

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use portcullis_control::{ProviderConfig, Url};
use serde::Deserialize;

use crate::failure::Failure;

/// Flags that say where the gateway is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GatewayFlags {
    /// Address of the gateway's API, as https://host:port
    /// [default: `gateway` of client.toml]
    #[arg(long, value_name = "URL", env = "PORTCULLIS_URL")]
    gateway: Option<String>,
    #[command(flatten)]
    trust: TrustFlags,
}

/// Flags that say which authority to trust, and which file holds the rest.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TrustFlags {
    /// Trust this authority (PEM) for the gateway's certificate instead of the system's
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CA")]
    ca: Option<PathBuf>,
    /// Read this file instead of client.toml
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CLIENT_CONFIG")]
    client_config: Option<PathBuf>,
}

/// Flags that say who vouches for us.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IdentityFlags {
    /// The OpenID provider to log in to
    /// [default: `issuer` of [identity] in client.toml]
    #[arg(long, value_name = "URL", requires = "client_id")]
    issuer: Option<String>,
    /// Our public client at that provider
    #[arg(long, value_name = "ID", requires = "issuer")]
    client_id: Option<String>,
    /// The audience that the gateway expects in tokens
    #[arg(long, value_name = "NAME", requires = "issuer", default_value = "portcullis")]
    audience: String,
    /// Trust this authority (PEM) for the provider's certificate instead of the system's
    #[arg(long, value_name = "FILE", requires = "issuer")]
    issuer_ca: Option<PathBuf>,
}

/// What `client.toml` holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    gateway: Option<String>,
    postgres: Option<String>,
    mysql: Option<String>,
    ca: Option<PathBuf>,
    identity: Option<IdentityPart>,
    #[serde(skip)]
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityPart {
    issuer: String,
    audience: Option<String>,
    client_id: Option<String>,
    ca: Option<PathBuf>,
}

impl Profile {
    /// Reads the file; without one there is nothing to read.
    pub(crate) fn read(flags: &TrustFlags) -> Result<Self, Failure> {
        let chosen = flags.client_config.clone();
        let Some(file) = chosen.clone().or_else(default_file) else { return Ok(Self::default()) };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && chosen.is_none() => {
                return Ok(Self { file, ..Self::default() });
            }
            Err(error) => return Err(Failure::refused(format_args!("{}: {error}", file.display()))),
        };
        let profile: Self =
            toml::from_str(&text).map_err(|error| Failure::refused(format_args!("{}: {error}", file.display())))?;
        let ca = flags.ca.clone().or_else(|| Some(beside(&file, profile.ca.as_deref()?)));
        Ok(Self { ca, file, ..profile })
    }

    /// The authority to trust for the gateway.
    pub(crate) fn ca(&self, flags: &TrustFlags) -> Option<PathBuf> {
        flags.ca.clone().or_else(|| self.ca.clone())
    }

    /// Where Postgres clients reach the gateway.
    pub(crate) fn postgres(&self, flag: Option<&str>) -> Result<String, Failure> {
        flag.map(str::to_owned).or_else(|| self.postgres.clone()).ok_or_else(|| {
            self.missing("the gateway's Postgres listener is not known", "--postgres HOST:PORT", "postgres")
        })
    }

    /// Where MySQL clients reach the gateway.
    pub(crate) fn mysql(&self, flag: Option<&str>) -> Result<String, Failure> {
        flag.map(str::to_owned)
            .or_else(|| self.mysql.clone())
            .ok_or_else(|| self.missing("the gateway's MySQL listener is not known", "--mysql HOST:PORT", "mysql"))
    }

    /// The provider to log in to.
    pub(crate) fn identity(&self, flags: &IdentityFlags) -> Result<ProviderConfig, Failure> {
        let given = flags.issuer.clone().map(|issuer| IdentityPart {
            issuer,
            audience: Some(flags.audience.clone()),
            client_id: flags.client_id.clone(),
            ca: flags.issuer_ca.clone(),
        });
        let here = self.identity.as_ref();
        let part = given.as_ref().or(here).ok_or_else(|| {
            self.missing("the identity provider is not known", "--issuer URL --client-id ID", "[identity]")
        })?;
        let audience = part.audience.clone().unwrap_or_else(|| "portcullis".to_owned());
        Ok(ProviderConfig {
            name: "login".to_owned(),
            issuer: part.issuer.clone(),
            // As in the gateway's configuration: without a client of its own, the audience is the client.
            client_id: Some(part.client_id.clone().unwrap_or_else(|| audience.clone())),
            audience,
            groups_claim: "groups".to_owned(),
            ca: part.ca.as_deref().map(|ca| beside(&self.file, ca)),
        })
    }

    fn missing(&self, what: &str, flag: &str, key: &str) -> Failure {
        let file = self.file.display();
        Failure::usage(what).help(format_args!("give {flag}, or set `{key}` in {file}"))
    }
}

impl GatewayFlags {
    /// The address of the API and the authority to trust for it.
    pub(crate) fn resolve(&self) -> Result<(Url, Option<PathBuf>), Failure> {
        let profile = Profile::read(&self.trust)?;
        let text = self.gateway.clone().or_else(|| profile.gateway.clone()).ok_or_else(|| {
            profile.missing("the gateway's address is not known", "--gateway URL or PORTCULLIS_URL", "gateway")
        })?;
        let url = Url::parse(&text).ok_or_else(|| {
            Failure::usage(format_args!("`{text}` is not an https:// address (http:// on this machine only)"))
        })?;
        Ok((url, profile.ca(&self.trust)))
    }

    /// The flags that are not about the API alone.
    pub(crate) fn trust(&self) -> &TrustFlags {
        &self.trust
    }
}

fn default_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("portcullis/client.toml"))
}

fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}
