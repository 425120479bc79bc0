//! The house of the demo: a temporary folder with a database, an identity provider and a gateway, all of them real.
//!
//! The folder is what an operator would have made by hand (`portcullis.toml`, `policies/`), and can be read while the
//! demo serves. The database's password is made anew each time, handed to the gateway alone, and never printed.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use portcullis_gateway::{Gateway, config::Config};
use portcullis_idp::{Alg, Idp, User};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{
    client::{Client, Login, Proof},
    server::Server,
};
use crate::{failure::Failure, protocol::Protocol};

/// What is built, and where the gateway listens; port 0 lets the system choose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// What is spoken.
    pub(crate) protocol: Protocol,
    /// For clients.
    pub(crate) listen: SocketAddr,
    /// For the API, metrics and health.
    pub(crate) admin: SocketAddr,
}

/// Everything, running. Fields end in this order: the folder goes last.
pub(crate) struct House {
    gateway: Gateway,
    idp: Idp,
    server: Server,
    superuser: String,
    protocol: Protocol,
    folder: TempDir,
}

const CONFIG: &str = include_str!("portcullis.toml");
const POLICIES: [(&str, &str); 2] =
    [("people.cedar", include_str!("policies/people.cedar")), ("guards.cedar", include_str!("policies/guards.cedar"))];

/// Who can sign in, and their groups.
pub(super) const USERS: [(&str, &[&str]); 2] = [("ana", &["support"]), ("dora", &["dba", "privacy"])];

/// A visitor stays for a working day.
const TOKENS_LAST: Duration = Duration::from_secs(8 * 3_600);

impl House {
    /// Builds it.
    pub(crate) async fn build(plan: Plan) -> Result<Self, Failure> {
        let folder = temporary_folder()?;
        let (superuser, secret) = (password()?, password()?);
        let server = database(plan.protocol, folder.path(), &superuser).await?;
        fill(plan.protocol, &server, &superuser, &secret).await?;
        let idp = provider().await?;
        furnish(folder.path(), plan, &idp, server.address())?;
        let config = configuration(folder.path(), secret)?;
        let gateway = Gateway::start(config).await.map_err(Failure::refused)?;
        Ok(Self { gateway, idp, server, superuser, protocol: plan.protocol, folder })
    }

    /// Ends it; clients have a second to go.
    pub(crate) async fn close(self) {
        self.gateway.stop().await;
    }

    /// Where clients connect.
    pub(crate) fn listener(&self) -> SocketAddr {
        self.gateway.addresses().first().copied().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Where the API is.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.gateway.admin_address().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// The identity provider's address.
    pub(crate) fn issuer(&self) -> &str {
        self.idp.issuer()
    }

    /// The database.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A file or folder of the house.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A token, as the provider gives it to someone who signs in.
    pub(crate) fn token(&self, user: &str) -> Result<String, Failure> {
        self.idp.token_for(user).ok_or_else(|| Failure::refused(format_args!("the provider knows no `{user}`")))
    }

    /// Signs in through the gateway, with a token for the password.
    pub(crate) async fn client(&self, user: &str) -> Result<Client, Failure> {
        self.connect(user, Proof::Token(&self.token(user)?)).await
    }

    /// Signs in through the gateway, by whatever shows who it is.
    pub(crate) async fn connect(&self, user: &str, proof: Proof<'_>) -> Result<Client, Failure> {
        let login = Login { address: self.listener(), database: "shop", user, proof };
        Client::connect(self.protocol, &login).await
    }

    /// Signs in past the gateway, to see what is really there.
    pub(crate) async fn witness(&self) -> Result<Client, Failure> {
        superuser(self.protocol, &self.server, &self.superuser, "shop").await
    }

    /// What is spoken.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }
}

/// Closed to other users; but the server's own user, where that is another one, has to get to its folder in it.
fn temporary_folder() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("portcullis-demo-").tempdir();
    let folder = made.map_err(|error| Failure::refused(format_args!("no temporary folder can be made: {error}")))?;
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).map_err(|error| at(folder.path(), &error))?;
    Ok(folder)
}

fn password() -> Result<String, Failure> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| Failure::refused(format_args!("no random numbers: {error}")))?;
    Ok(secret.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn database(protocol: Protocol, folder: &Path, superuser: &str) -> Result<Server, Failure> {
    let (folder, superuser) = (folder.join("server"), superuser.to_owned());
    let started = tokio::task::spawn_blocking(move || Server::start(protocol, &folder, &superuser)).await;
    started.map_err(|error| Failure::refused(format_args!("the database could not be started: {error}")))?
}

/// A client with the superuser's password.
async fn superuser(protocol: Protocol, server: &Server, password: &str, database: &str) -> Result<Client, Failure> {
    let user = match protocol {
        Protocol::Postgres => "postgres",
        Protocol::Mysql => "root",
    };
    let login = Login { address: server.address(), database, user, proof: Proof::Password(password) };
    Client::connect(protocol, &login).await
}

/// Makes the gateway's own account, and the shop, which belongs to it.
async fn fill(protocol: Protocol, server: &Server, password: &str, secret: &str) -> Result<(), Failure> {
    let client = superuser(protocol, server, password, protocol.name_of_first_database()).await?;
    for statement in protocol.account(secret) {
        client.value(&statement).await?;
    }
    client.close().await;
    let client = superuser(protocol, server, password, "shop").await?;
    client.value(protocol.shop()).await?;
    client.close().await;
    Ok(())
}

impl Protocol {
    /// One that is there from the start.
    fn name_of_first_database(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    fn account(self, secret: &str) -> Vec<String> {
        match self {
            Self::Postgres => {
                vec![format!("CREATE ROLE app LOGIN PASSWORD '{secret}'"), "CREATE DATABASE shop".to_owned()]
            }
            Self::Mysql => vec![
                format!("CREATE USER app@'127.0.0.1' IDENTIFIED BY '{secret}'"),
                "CREATE DATABASE shop".to_owned(),
                "GRANT ALL ON shop.* TO app@'127.0.0.1'".to_owned(),
                // From here on, now that no password comes any more.
                "SET GLOBAL general_log = ON".to_owned(),
            ],
        }
    }

    fn shop(self) -> &'static str {
        match self {
            Self::Postgres => include_str!("shop.postgres.sql"),
            Self::Mysql => include_str!("shop.mysql.sql"),
        }
    }
}

async fn provider() -> Result<Idp, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("the identity provider: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(&error))?;
    let config = portcullis_idp::Config {
        users: USERS.iter().map(|(name, groups)| User::new(name, groups)).collect(),
        alg: Alg::Es256,
        lifetime: TOKENS_LAST,
        ..portcullis_idp::Config::default()
    };
    Idp::start(listener, config).map_err(|error| failed(&error))
}

/// Writes what an operator writes.
fn furnish(folder: &Path, plan: Plan, idp: &Idp, database: SocketAddr) -> Result<(), Failure> {
    let config = CONFIG
        .replace("{protocol}", plan.protocol.name())
        .replace("{listen}", &plan.listen.to_string())
        .replace("{admin}", &plan.admin.to_string())
        .replace("{issuer}", idp.issuer())
        .replace("{database}", &database.to_string());
    write(&folder.join("portcullis.toml"), &config)?;
    for name in ["policies", "witness"] {
        fs::create_dir(folder.join(name)).map_err(|error| at(folder, &error))?;
    }
    POLICIES.iter().try_for_each(|(name, text)| write(&folder.join("policies").join(name), text))
}

fn configuration(folder: &Path, secret: String) -> Result<Config, Failure> {
    let file = folder.join("portcullis.toml");
    let text = fs::read_to_string(&file).map_err(|error| at(&file, &error))?;
    let variables = |name: &str| (name == "SHOP_PASSWORD").then(|| secret.clone());
    Config::parse(&text, folder, &variables).map_err(Failure::refused)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused(format_args!("{}: {error}", path.display()))
}
