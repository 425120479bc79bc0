//! A cluster made once per version and sample schema, and copied for each server.
//!
//! `initdb` takes seconds, a copy takes tens of milliseconds. The templates lie in the tools folder, under a name made of
//! all that goes into them; they are built under a lock and appear by a rename, so test binaries may race for them.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{SHOP, Version};
use crate::process::{Guarded, Spawn, run};
use crate::tools::{self, Ids};

/// The role and the database; the schema is loaded as their owner.
const ROLES: &str = "CREATE ROLE app LOGIN";
const DATABASE: &str = "CREATE DATABASE shop OWNER app TEMPLATE template0 ENCODING 'UTF8'";

/// Copies the template of `version` to `data`, which must not exist.
pub fn copy_to(version: Version, data: &Path, owner: Option<Ids>) {
    let template = template(version, owner);
    run(Command::new("cp").arg("-a").arg("--reflink=auto").arg(template).arg(data));
}

/// The template's folder, made now if it is not there.
fn template(version: Version, owner: Option<Ids>) -> PathBuf {
    let path = tools::dir().join(format!("template-{:?}-{:016x}", version, ingredients(version)));
    if path.exists() {
        return path;
    }
    std::fs::create_dir_all(tools::dir()).expect("the tools folder can be made");
    let lock = File::create(path.with_extension("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !path.exists() {
        build(version, &path, owner);
    }
    path
}

fn ingredients(version: Version) -> u64 {
    let server = Command::new(version.bin().join("postgres")).arg("--version").output().expect("postgres runs");
    let mut hash = DefaultHasher::new();
    (server.stdout, ROLES, DATABASE, SHOP, INITDB).hash(&mut hash);
    hash.finish()
}

const INITDB: [&str; 7] = [
    "--no-sync",
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-instructions",
];

fn build(version: Version, path: &Path, owner: Option<Ids>) {
    let scratch = path.with_extension("new");
    // What a killed run may have left.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir(&scratch).expect("a folder for the template");
    tools::own(&scratch, owner);
    let data = scratch.join("data");
    run(as_user(version, "initdb", owner).args(INITDB).arg("-D").arg(&data));
    fill(version, &scratch, owner);
    std::fs::rename(&data, path).expect("the template appears");
    std::fs::remove_dir_all(&scratch).expect("the scratch folder is ours");
}

/// Loads the schema through a running server that listens on its socket alone. Single-user mode would be simpler, but
/// gives new tables the object identifiers of system catalogs.
fn fill(version: Version, dir: &Path, owner: Option<Ids>) {
    let mut command: Vec<OsString> = vec![version.bin().join("postgres").into(), "-D".into(), dir.join("data").into()];
    command.extend(["-c", "listen_addresses=", "-c", "fsync=off", "-k"].map(OsString::from));
    command.push(dir.into());
    let spawn = Spawn { command, env: Vec::new(), log: dir.join("log"), user: owner, end: "INT" };
    let mut server = Guarded::spawn(spawn);
    assert!(server.wait_for_log(super::READY, Duration::from_secs(60)), "no template:\n{}", server.log());
    let psql = |user: &str, database: &str, sql: &str| {
        let mut psql = Command::new(version.bin().join("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, "-c", sql]).arg("-h").arg(dir);
        run(&mut psql);
    };
    psql("postgres", "postgres", ROLES);
    psql("postgres", "postgres", DATABASE);
    psql("app", "shop", SHOP);
    drop(server);
    assert!(!dir.join("data/postmaster.pid").exists(), "the template's server has ended");
}

fn as_user(version: Version, program: &str, owner: Option<Ids>) -> Command {
    let mut command = Command::new(version.bin().join(program));
    command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C");
    if let Some(ids) = owner {
        command.uid(ids.uid).gid(ids.gid);
    }
    command
}
