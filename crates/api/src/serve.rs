//! Sockets to HTTP: accept, TLS, limits, and an orderly end.
//!
//! hyper is used directly because the limits matter: a header must come soon, connections are counted, and a stop
//! lets answers finish but not linger. HTTP/1 only; an admin API has no use for more.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

// LIMIT: a person's page, some dashboards and a scraper need a handful.
const MAX_CONNECTIONS: usize = 512;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const HEADER_TIME: Duration = Duration::from_secs(10);
// LIMIT: a request line and headers with the longest token (64 KiB) fit.
const MAX_HEADER: usize = 80 * 1024;
// LIMIT: how long answers may take once we are stopping.
const DRAIN_TIME: Duration = Duration::from_secs(5);
// When the process is out of file descriptors, accepting again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop`, then lets open requests finish. Refuses to serve without TLS off loopback.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    if tls.is_none() && !listener.local_addr()?.ip().is_loopback() {
        // Tokens and minted passwords would cross the network in clear.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the admin listener needs tls off loopback"));
    }
    let server = Server { tls: tls.map(TlsAcceptor::from), router, stop: stop.clone() };
    let (tasks, slots) = (TaskTracker::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Above the limit a connection is closed at once: waiting would hide the flood from whoever makes it.
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
        let server = server.clone();
        tasks.spawn(async move {
            server.connection(stream, from).await;
            drop(slot);
        });
    }
    tasks.close();
    let _all_or_late = timeout(DRAIN_TIME, tasks.wait()).await;
    Ok(())
}

#[derive(Clone)]
struct Server {
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, from: SocketAddr) {
        let Some(tls) = self.tls.clone() else { return self.talk(stream, from).await };
        let handshake = timeout(HANDSHAKE_TIME, tls.accept(stream));
        let Some(done) = self.stop.run_until_cancelled(handshake).await else { return };
        match done {
            Ok(Ok(stream)) => self.talk(stream, from).await,
            Ok(Err(error)) => tracing::debug!(%from, %error, "TLS failed at the admin listener"),
            Err(_) => tracing::debug!(%from, "TLS took too long at the admin listener"),
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, from: SocketAddr) {
        let service = TowerToHyperService::new(self.router.layer(Extension(ConnectInfo(from))));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(MAX_HEADER)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%from, %error, "a connection to the admin listener ended badly");
        }
    }
}
