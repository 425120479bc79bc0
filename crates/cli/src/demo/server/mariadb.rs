//! A private MariaDB. It is not to run as root; who may come in is settled before it listens.
//!
//! The server's own log of statements is turned on by whoever has filled it, so that no password is in it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{Ids, Server, Start, at, command, make_folder, output, tools, unprivileged, write_secret};
use crate::failure::Failure;

/// Makes a data folder in `folder` with this password for its superuser `root`, and starts the server on a free port.
pub(super) fn start(folder: &Path, password: &str) -> Result<Server, Failure> {
    let programs = Programs::find()?;
    let owner = unprivileged("MariaDB", &["mysql", "nobody"])?;
    make_folder(folder, owner)?;
    let version = output(command(&programs.server, owner).arg("--version"))?;
    output(&mut programs.initialise(folder, owner))?;
    let accounts = folder.join("accounts.sql");
    write_secret(&accounts, &ACCOUNTS.replace("{password}", password), owner)?;
    // Killed, not asked: it would take its time to put in order what is removed next.
    let (product, ready, end) = ("MariaDB", "ready for connections", "KILL");
    let start = Start { product, folder, owner, ready, taken: "Bind on TCP/IP port", end };
    let (guard, address) = start.anywhere(|address| programs.command(folder, address.port()))?;
    fs::remove_file(&accounts).map_err(|error| at(&accounts, &error))?;
    let product = format!("{product} {}", number(&version));
    Ok(Server { guard, address, product, statements: folder.join("statements") })
}

/// Run before it listens, and again on the next port where one was taken. New folders let `root` and, in some versions,
/// anybody in without a password.
const ACCOUNTS: &str = "DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
FLUSH PRIVILEGES;
CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
";

const SMALL: &str = "--innodb-log-file-size=8M";

/// A demo's data need not outlive a power cut.
const SETTINGS: [&str; 14] = [
    "--bind-address=127.0.0.1",
    // Beside the data: a path of its own could be too long for a socket.
    "--socket=socket",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--skip-ssl",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--log-output=FILE",
    "--general-log=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--innodb-use-native-aio=OFF",
    SMALL,
];

/// What an installation of MariaDB has.
struct Programs {
    base: PathBuf,
    server: PathBuf,
    install: PathBuf,
}

impl Programs {
    /// The installation that is named, that of `make setup`, the distribution's, and at last what is on the PATH.
    fn find() -> Result<Self, Failure> {
        if let Some(named) = env::var_os("PORTCULLIS_MARIADB").map(PathBuf::from) {
            let wrong = || Failure::refused(format_args!("PORTCULLIS_MARIADB: no `mariadbd` in {}", named.display()));
            return Self::under(&named).ok_or_else(wrong);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let of_setup = tools().map(|tools| tools.join("mariadb/usr"));
        let usual = ["/usr", "/usr/local", "/usr/local/mysql"].map(PathBuf::from);
        let on_path = env::split_paths(&path).filter_map(|folder| folder.parent().map(Path::to_owned));
        let bases = of_setup.into_iter().chain(usual).chain(on_path);
        bases.into_iter().find_map(|base| Self::under(&base)).ok_or_else(|| {
            Failure::refused("MariaDB is not installed here").help(
                "install your distribution's package `mariadb-server`, run `make setup`, or name the folder in which \
                 `bin` and `sbin` are in PORTCULLIS_MARIADB",
            )
        })
    }

    fn under(base: &Path) -> Option<Self> {
        let program = |name: &str| {
            let places = ["sbin", "bin", "libexec", "scripts"].map(|folder| base.join(folder).join(name));
            places.into_iter().find(|place| place.is_file())
        };
        let (server, install) = (program("mariadbd")?, program("mariadb-install-db")?);
        Some(Self { base: base.to_owned(), server, install })
    }

    fn initialise(&self, folder: &Path, owner: Option<Ids>) -> std::process::Command {
        let mut install = command(&self.install, owner);
        install.arg("--no-defaults").arg(option("basedir", &self.base)).arg(option("datadir", &folder.join("data")));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db", SMALL]);
        // The caller's own may be closed to the server's user.
        install.arg(option("tmpdir", folder)).env("TMPDIR", folder);
        install
    }

    fn command(&self, folder: &Path, port: u16) -> Vec<OsString> {
        let mut server = vec![self.server.clone().into(), "--no-defaults".into(), option("basedir", &self.base)];
        let plugins = self.base.join("lib/mysql/plugin");
        server.extend(plugins.is_dir().then(|| option("plugin-dir", &plugins)));
        server.extend([option("datadir", &folder.join("data")), format!("--port={port}").into()]);
        server.extend([option("pid-file", &folder.join("pid")), option("init-file", &folder.join("accounts.sql"))]);
        server.extend([option("general-log-file", &folder.join("statements")), option("tmpdir", folder)]);
        server.extend(SETTINGS.map(OsString::from));
        server
    }
}

/// `--name=path`.
fn option(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("--{name}="));
    text.push(path);
    text
}

/// The version in what `mariadbd --version` prints.
fn number(told: &str) -> &str {
    let behind = told.split_once("Ver ").map_or(told, |(_, rest)| rest);
    behind.split(['-', ' ']).next().unwrap_or(behind).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_its_number() {
        let told = "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)\n";
        assert_eq!(number(told), "10.11.14");
        assert_eq!(number("?\n"), "?");
    }
}
