//! A data folder made once per version and sample schema, and copied for each server.
//!
//! Initialising MySQL takes seven seconds, a copy a tenth of one. As with PostgreSQL's, the templates lie in the tools
//! folder, under a name made of all that goes into them, are built under a lock and appear by a rename.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::flavour::option;
use super::{Flavour, SHOP};
use crate::process::{Guarded, Spawn, run};
use crate::tools::{self, Ids};

/// The schema is loaded as its owner.
const ROLES: &str = "CREATE USER app@'%'; GRANT ALL ON shop.* TO app@'%'; GRANT ALL ON hr.* TO app@'%'";

/// What a flavour needs before and after the schema is loaded.
fn around(flavour: Flavour) -> (&'static str, &'static str) {
    match flavour {
        // The log's table holds UTF-8 of three bytes at most.
        Flavour::MariaDb | Flavour::MariaDb11 => {
            ("ALTER TABLE mysql.general_log MODIFY argument mediumtext CHARACTER SET utf8mb4 NOT NULL", "")
        }
        // MySQL 9.7 has `md5` only here; the servers under test are to be as they come.
        Flavour::MySql9 => (
            "INSTALL COMPONENT 'file://component_classic_hashing'",
            "UNINSTALL COMPONENT 'file://component_classic_hashing'",
        ),
    }
}

/// Copies the template of `flavour` to `data`, which must not exist.
pub fn copy_to(flavour: Flavour, data: &Path, owner: Option<Ids>) {
    let template = template(flavour, owner);
    run(Command::new("cp").arg("-a").arg("--reflink=auto").arg(template).arg(data));
}

/// The template's folder, made now if it is not there.
fn template(flavour: Flavour, owner: Option<Ids>) -> PathBuf {
    let path = tools::dir().join(format!("template-{flavour:?}-{:016x}", ingredients(flavour)));
    if path.exists() {
        return path;
    }
    let lock = File::create(path.with_extension("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !path.exists() {
        build(flavour, &path, owner);
    }
    path
}

fn ingredients(flavour: Flavour) -> u64 {
    let version = run(Command::new(&flavour.server()[0]).arg("--version"));
    let mut hash = DefaultHasher::new();
    (version, ROLES, around(flavour), SHOP, initialise(flavour, Path::new("")), owner_name()).hash(&mut hash);
    hash.finish()
}

/// A template belongs to the user that the servers run as.
fn owner_name() -> Option<u32> {
    tools::server_user().map(|ids| ids.uid)
}

fn build(flavour: Flavour, path: &Path, owner: Option<Ids>) {
    let scratch = path.with_extension("new");
    // What a killed run may have left.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir(&scratch).expect("a folder for the template");
    tools::own(&scratch, owner);
    let data = scratch.join("data");
    let words = initialise(flavour, &data);
    run(as_user(Command::new(&words[0]).args(&words[1..]), owner));
    fill(flavour, &scratch, owner);
    std::fs::rename(&data, path).expect("the template appears");
    std::fs::remove_dir_all(&scratch).expect("the scratch folder is ours");
}

/// The command that makes an empty data folder, where root may come in through the socket without a password.
fn initialise(flavour: Flavour, data: &Path) -> Vec<OsString> {
    let mut command = match flavour {
        Flavour::MariaDb | Flavour::MariaDb11 => {
            let usr = flavour.root().join("usr");
            let script = usr.join("bin/mariadb-install-db");
            let mut command = vec![script.into(), "--no-defaults".into(), option("basedir", &usr)];
            command.extend(["--auth-root-authentication-method=normal", "--skip-test-db"].map(OsString::from));
            command
        }
        Flavour::MySql9 => {
            let mut command = flavour.server();
            command.extend(["--initialize-insecure", "--auto-generate-certs=OFF"].map(OsString::from));
            command
        }
    };
    command.extend([flavour.size().into(), option("datadir", data)]);
    command
}

/// Loads the schema through a running server that listens on its socket alone.
fn fill(flavour: Flavour, dir: &Path, owner: Option<Ids>) {
    let mut command = flavour.server();
    command.extend(super::usual_settings(flavour).map(OsString::from));
    command.extend([option("datadir", &dir.join("data")), "--skip-networking".into()]);
    command.extend([option("socket", &dir.join("s")), option("pid-file", &dir.join("pid"))]);
    let spawn = Spawn { command, env: Vec::new(), log: dir.join("log"), user: owner, end: "TERM" };
    let mut server = Guarded::spawn(spawn);
    assert!(server.wait_for_log(super::READY, Duration::from_secs(120)), "no template:\n{}", server.log());
    let (before, after) = around(flavour);
    let client = |user: &str, sql: &str| super::client(flavour, &dir.join("s"), user, "", sql);
    client("root", ROLES);
    client("root", before);
    client("app", SHOP);
    client("root", after);
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(60)), Some(0), "the template's server ends well:\n{}", server.log());
}

fn as_user(command: &mut Command, owner: Option<Ids>) -> &mut Command {
    command.current_dir("/").stdin(Stdio::null());
    if let Some(ids) = owner {
        command.uid(ids.uid).gid(ids.gid);
    }
    command
}
