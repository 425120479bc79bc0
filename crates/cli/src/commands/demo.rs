//! `portcullis demo`: all of it on this machine, with no set-up but a database server to start.
//!
//! It builds the house, gives the tour, and serves until Ctrl-C or SIGTERM. Whatever way it ends, the servers end with it
//! and the temporary folder goes. What it shows is in [`crate::demo`].

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Instant,
};

use portcullis_gateway::config::{Log, LogFormat, LogLevel};
use tokio::signal::unix::{SignalKind, signal};

use super::serve;
use crate::{
    demo::{House, Narrator, Plan, invite, tour},
    failure::Failure,
    protocol::Protocol,
};

/// Shows all of it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis demo\n  portcullis demo --tour-only\n  portcullis demo --protocol mysql \
                        --tour-only\n\nPostgreSQL is looked for in PORTCULLIS_PG_BIN, where `make setup` puts it, \
                        under /usr/lib/postgresql and on the PATH;\nMariaDB in PORTCULLIS_MARIADB, where `make setup` \
                        puts it, under /usr and on the PATH.\n\
                        Exit code 1 where any step of the tour was not as told."
)]
pub(crate) struct Args {
    /// What clients and the database speak: `postgres` or `mysql`, which is a MariaDB
    #[arg(long, value_enum, default_value = "postgres", hide_possible_values = true)]
    protocol: Protocol,
    /// End after the tour
    #[arg(long)]
    tour_only: bool,
    /// Where clients connect; loopback only, since there is no certificate
    /// [default: 127.0.0.1:6432, or 3307 for MySQL, or a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the API, metrics and health are
    /// [default: 127.0.0.1:8443, or a free port]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    serve::log(&Log { format: LogFormat::Text, level: LogLevel::Warn });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused(format_args!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        let stopped = stop_signal()?;
        tokio::select! {
            done = show(args) => done,
            () = stopped => Ok(()),
        }
    })
}

async fn show(args: &Args) -> Result<(), Failure> {
    let began = Instant::now();
    let mut say = Narrator::new();
    say.title("Portcullis, a database firewall that knows who is asking: a tour on a real database");
    let house = House::build(plan(args)).await?;
    introduce(&house, &say, began);
    let toured = tour(&house, &mut say).await;
    if toured.is_ok() {
        say.heading(&format!(
            "That was the tour: {:.1} s, and every claim in it was checked.",
            began.elapsed().as_secs_f64()
        ));
    }
    let served = match toured {
        Ok(()) if !args.tour_only => stay(&house, &say).await,
        done => done,
    };
    house.close().await;
    served
}

fn introduce(house: &House, say: &Narrator, began: Instant) {
    let server = house.server();
    say.fact("database", &format!("{} with a small shop, at {}", server.product(), server.address()));
    say.fact("sign-in", &format!("an OpenID provider at {}", house.issuer()));
    say.fact("people", "ana, in the group support; dora, in the groups dba and privacy");
    say.fact("gateway", &format!("listens at {}, API at {}", house.listener(), house.admin()));
    say.fact("folder", &format!("{} (built in {:.1} s)", house.path("").display(), began.elapsed().as_secs_f64()));
}

async fn stay(house: &House, say: &Narrator) -> Result<(), Failure> {
    invite(house, say).await?;
    if say.is_unheard() { Ok(()) } else { std::future::pending().await }
}

fn plan(args: &Args) -> Plan {
    let port = match args.protocol {
        Protocol::Postgres => 6432,
        Protocol::Mysql => 3307,
    };
    Plan {
        protocol: args.protocol,
        listen: args.listen.unwrap_or_else(|| usual(args, port)),
        admin: args.admin.unwrap_or_else(|| usual(args, 8443)),
    }
}

/// The usual port, where nobody has it; any where nobody will come back to it.
fn usual(args: &Args, port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let free = !args.tour_only && TcpListener::bind(usual).is_ok();
    if free { usual } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

/// Ctrl-C or SIGTERM; what is dropped then cleans up after itself.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::refused(format_args!("signals cannot be received: {error}")));
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    })
}
