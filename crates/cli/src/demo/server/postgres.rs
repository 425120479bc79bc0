//! A private PostgreSQL. It refuses to run as root, and logs every statement that it is given.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{Ids, Server, Start, at, command, make_folder, output, tools, unprivileged, write_secret};
use crate::failure::Failure;

/// Makes a cluster in `folder` with this password for its superuser `postgres`, and starts it on a free port.
pub(super) fn start(folder: &Path, password: &str) -> Result<Server, Failure> {
    let bin = find()?;
    let owner = unprivileged("PostgreSQL", &["postgres", "nobody"])?;
    make_folder(folder, owner)?;
    let version = output(command(&bin.join("postgres"), owner).arg("--version"))?;
    let version = version.trim().rsplit_once(") ").map_or(version.trim(), |(_, number)| number);
    initialise(&bin, folder, password, owner)?;
    let (product, ready) = ("PostgreSQL", "database system is ready to accept connections");
    let start = Start { product, folder, owner, ready, taken: "could not bind", end: "INT" };
    let (guard, address) = start.anywhere(|address| {
        let mut server: Vec<OsString> = vec![bin.join("postgres").into(), "-D".into(), folder.join("cluster").into()];
        server.extend(["-p".into(), address.port().to_string().into()]);
        server.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), setting.into()]));
        server
    })?;
    Ok(Server { guard, address, product: format!("{product} {version}"), statements: start.log() })
}

/// A demo's data need not outlive a power cut. The log is the witness that refused statements never arrived.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "log_statement=all",
    "logging_collector=off",
    "log_destination=stderr",
    "lc_messages=C",
];

/// The folder of `initdb` and `postgres`: the one that is named, the one of `make setup`, the distribution's newest, and
/// at last what is on the PATH.
fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os("PORTCULLIS_PG_BIN").map(PathBuf::from) {
        let wrong = || Failure::refused(format_args!("PORTCULLIS_PG_BIN: no `initdb` in {}", named.display()));
        return holds_server(&named).then(|| named.clone()).ok_or_else(wrong);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let of_setup = tools().map(|tools| tools.join("pg18/bin"));
    let places = of_setup.into_iter().chain(distribution()).chain(env::split_paths(&path));
    places.into_iter().find(|place| holds_server(place)).ok_or_else(|| {
        Failure::refused("PostgreSQL is not installed here").help(
            "install your distribution's package `postgresql`, run `make setup`, or name the folder of `initdb` and \
             `postgres` in PORTCULLIS_PG_BIN",
        )
    })
}

fn holds_server(place: &Path) -> bool {
    place.join("initdb").is_file() && place.join("postgres").is_file()
}

fn distribution() -> Vec<PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn initialise(bin: &Path, folder: &Path, password: &str, owner: Option<Ids>) -> Result<(), Failure> {
    let secret = folder.join("secret");
    write_secret(&secret, password, owner)?;
    let mut initdb = command(&bin.join("initdb"), owner);
    initdb.args(["--no-sync", "--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
    initdb.arg("--no-instructions").arg("--pwfile").arg(&secret).arg("-D").arg(folder.join("cluster"));
    output(&mut initdb)?;
    fs::remove_file(&secret).map_err(|error| at(&secret, &error))
}
