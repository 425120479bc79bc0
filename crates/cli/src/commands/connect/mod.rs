//! `portcullis connect`: a local endpoint for tools that cannot carry tokens.
//!
//! It listens on loopback, answers a client as a server without passwords would, and signs in at the gateway as the
//! person who is logged in. From then on it moves bytes and reads none of them: judging and recording happen at the
//! gateway. The local side is in clear and takes any user name, so it is open only to processes of the user who started
//! it (see [`peer`]).

mod dial;
mod local;
mod mysql;
mod peer;
mod session;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::{TcpListener, TcpStream};

use crate::{
    client::{
        block_on,
        profile::{Profile, TrustFlags},
        tokens::{Source, TokenFlags},
        trust::Trust,
    },
    failure::Failure,
    output,
    protocol::Protocol,
};
use dial::Target;

/// Opens a local endpoint.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis connect shop --listen 127.0.0.1:5433\n  psql postgres://127.0.0.1:5433/\n  portcullis connect shop --protocol mysql --listen 127.0.0.1:3308\n  mysql -h 127.0.0.1 -P 3308"
)]
pub(crate) struct Args {
    /// The upstream, as the gateway names it
    upstream: String,
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What the tools speak: `postgres` or `mysql`
    #[arg(long, value_enum, default_value = "postgres", hide_possible_values = true)]
    protocol: Protocol,
    /// The gateway's Postgres listener, as host:port
    /// [default: `postgres` of client.toml]
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_POSTGRES")]
    postgres: Option<String>,
    /// The gateway's MySQL listener, as host:port
    /// [default: `mysql` of client.toml]
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_MYSQL")]
    mysql: Option<String>,
    /// Let other users of this machine in too: they act as you
    #[arg(long)]
    any_user: bool,
    #[command(flatten)]
    token: TokenFlags,
    #[command(flatten)]
    trust: TrustFlags,
}

/// What every connection needs.
pub(crate) struct Bridge {
    protocol: Protocol,
    upstream: String,
    target: Target,
    tokens: Source,
    any_user: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        let help = "whoever reaches it acts as you; listen on 127.0.0.1";
        return Err(Failure::usage(format_args!("`{}` can be reached by others", args.listen)).help(help));
    }
    let profile = Profile::read(&args.trust)?;
    let ca = profile.ca(&args.trust);
    let listener = match args.protocol {
        Protocol::Postgres => profile.postgres(args.postgres.as_deref())?,
        Protocol::Mysql => profile.mysql(args.mysql.as_deref())?,
    };
    let bridge = Bridge {
        protocol: args.protocol,
        upstream: args.upstream.clone(),
        target: Target::new(&listener, Trust::new(ca.as_deref())?, ca.is_some())?,
        tokens: args.token.source(&profile)?,
        any_user: args.any_user,
    };
    block_on(serve(args.listen, bridge))
}

async fn serve(listen: SocketAddr, bridge: Bridge) -> Result<(), Failure> {
    // A person who is not logged in should hear it now, not from the first tool that connects.
    bridge.tokens.token().await?;
    let refused = |error: std::io::Error| Failure::refused(format_args!("cannot listen on `{listen}`: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let at = listener.local_addr().map_err(refused)?;
    output::line(match bridge.protocol {
        Protocol::Postgres => format!("postgres://{at}/{}?sslmode=disable", bridge.upstream),
        Protocol::Mysql => format!("mysql://{at}/{}", bridge.upstream),
    });
    let bridge = Arc::new(bridge);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, from)) => drop(tokio::spawn(answer(Arc::clone(&bridge), socket, from))),
                // Out of descriptors, most likely; live connections must not suffer for it.
                Err(error) => {
                    output::note(format_args!("cannot accept a connection: {error}"));
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

async fn answer(bridge: Arc<Bridge>, socket: TcpStream, from: SocketAddr) {
    if !bridge.any_user && !peer::is_ours(&socket, from) {
        output::note(format_args!("refused a connection from `{from}`: it belongs to another user of this machine"));
        return;
    }
    let served = match bridge.protocol {
        Protocol::Postgres => session::run(&bridge, socket).await,
        Protocol::Mysql => mysql::run(&bridge, socket).await,
    };
    if let Err(failure) = served {
        output::note(format_args!("{from}: {failure}"));
    }
}
