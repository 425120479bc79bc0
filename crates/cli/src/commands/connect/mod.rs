//! `portcullis connect`: a local endpoint for tools that cannot carry tokens.
//!
//! It listens on loopback, answers a client as a server without passwords would, and signs in at the gateway as the
//! person who is logged in. From then on it moves bytes and reads none of them: judging and recording happen at the
//! gateway. The local side is in clear and takes any user name, so it is open only to processes of the user who started
//! it (see [`peer`]). Absent: MySQL, whose local side would have to agree with the client to what the gateway agrees to.

mod dial;
mod local;
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
};
use dial::Target;

/// Opens a local endpoint.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis connect shop --listen 127.0.0.1:5433\n  psql postgres://127.0.0.1:5433/\n\nFor Postgres only: MySQL tools take what `portcullis url` prints."
)]
pub(crate) struct Args {
    /// The upstream, as the gateway names it
    upstream: String,
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The gateway's Postgres listener, as host:port
    /// [default: `postgres` of client.toml]
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_POSTGRES")]
    postgres: Option<String>,
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
    let bridge = Bridge {
        upstream: args.upstream.clone(),
        target: Target::new(&profile.postgres(args.postgres.as_deref())?, Trust::new(ca.as_deref())?, ca.is_some())?,
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
    output::line(format_args!("postgres://{at}/{}?sslmode=disable", bridge.upstream));
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
    if let Err(failure) = session::run(&bridge, socket).await {
        output::note(format_args!("{from}: {failure}"));
    }
}
