//! What is said once the tour is over: how to go on by hand, with a client, a driver or an MCP client of one's own.

use std::{process::Stdio, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::{
    client::Proof,
    house::{House, USERS},
    narrator::Narrator,
};
use crate::{failure::Failure, protocol::Protocol};

/// What `portcullis url --json` prints, as far as it is told here.
#[derive(Deserialize)]
struct Credential {
    user: String,
    password: String,
    url: String,
}

/// Prints URLs that work, and how to use them.
pub(crate) async fn invite(house: &House, say: &Narrator) -> Result<(), Failure> {
    say.heading("It keeps serving: try it yourself");
    let mut urls = Vec::new();
    for (user, groups) in USERS {
        let credential = credential(house, user).await?;
        // What is promised below is tried first.
        house.connect(&credential.user, Proof::Password(&credential.password)).await?.close().await;
        say.say(&format!("{user} ({})", groups.join(", ")));
        say.say(&format!("  {}", by_hand(house, &credential)));
        urls.push(credential.url);
    }
    let url = urls.first().map_or("", String::as_str);
    say.heading("For a driver or an agent, as ana");
    say.say(&format!("DATABASE_URL={url}"));
    say.heading("For an MCP client (its mcpServers configuration)");
    say.block(&mcp_snippet(url));
    let (admin, data) = (house.admin(), house.path("data"));
    say.heading("To look behind it");
    say.fact("metrics", &format!("http://{admin}/metrics"));
    say.fact("health", &format!("http://{admin}/healthz"));
    say.fact("sessions", &format!("portcullis sessions --data-dir {}", data.display()));
    say.fact("replay", &format!("portcullis replay latest --data-dir {}", data.display()));
    say.fact("policies", &house.path("policies").display().to_string());
    say.heading("Ctrl-C ends it and removes the folder.");
    Ok(())
}

/// The usual client's command line. MariaDB's takes no URL, and wants to be told that loopback has no TLS.
fn by_hand(house: &House, credential: &Credential) -> String {
    let (address, Credential { user, password, url }) = (house.listener(), credential);
    let (host, port) = (address.ip(), address.port());
    match house.protocol() {
        Protocol::Postgres => format!("psql \"{url}\""),
        Protocol::Mysql => format!("mariadb --skip-ssl -h {host} -P {port} -u {user} -p{password} shop"),
    }
}

/// A short-lived credential, asked for as the user would.
async fn credential(house: &House, user: &str) -> Result<Credential, Failure> {
    let (api, token) = (format!("http://{}", house.admin()), house.token(user)?);
    let args = ["url", "shop", "--gateway", &api, "--json"];
    let (done, text) = this_program(&args, &[("PORTCULLIS_TOKEN", &token)]).await?;
    let read = done.then(|| serde_json::from_str(&text).ok()).flatten();
    read.ok_or_else(|| Failure::refused(format_args!("no credential for {user}: {text}")))
}

/// A widespread server of that kind, told where the database is. It wants to be told too that loopback has no TLS.
fn mcp_snippet(url: &str) -> String {
    let dsn = format!("{url}?sslmode=disable");
    let server = json!({ "command": "npx", "args": ["-y", "@bytebase/dbhub", "--transport", "stdio", "--dsn", dsn] });
    format!("{:#}", json!({ "mcpServers": { "shop": server } }))
}

/// LIMIT: a command of ours that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command of this very program with none of the caller's settings: whether it was done, and all that it printed.
pub(super) async fn this_program(args: &[&str], env: &[(&str, &str)]) -> Result<(bool, String), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::refused(format_args!("`portcullis {}`: {error}", args[0]));
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = tokio::process::Command::new(program);
    command.args(args).env_clear().envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| failed(&"no end in sight"))?.map_err(|error| failed(&error))?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((output.status.success(), text.concat()))
}
