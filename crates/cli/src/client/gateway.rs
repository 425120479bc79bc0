//! The gateway's API, as a client sees it: one request a connection, a bearer token, JSON both ways.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use portcullis_control::{Secret, Url};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::{
    profile::{GatewayFlags, Profile},
    tokens::TokenFlags,
    trust::Trust,
};
use crate::failure::Failure;

/// The API of one gateway, asked as one person.
pub(crate) struct Gateway {
    url: Url,
    trust: Trust,
    token: Secret,
}

// LIMIT: a list of every live session, generously.
const LONGEST_ANSWER: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

impl Gateway {
    /// The gateway that the flags name, asked with the token that they name.
    pub(crate) async fn of(gateway: &GatewayFlags, token: &TokenFlags) -> Result<Self, Failure> {
        let (url, ca) = gateway.resolve()?;
        let token = token.source(&Profile::read(gateway.trust())?)?.token().await?;
        Ok(Self { url, trust: Trust::new(ca.as_deref())?, token })
    }

    /// Asks and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Failure> {
        let body =
            body.map(serde_json::to_string).transpose().map_err(|error| self.failed(&error))?.unwrap_or_default();
        let exchanged = timeout(PATIENCE, self.exchange(method, path, body)).await;
        let (status, bytes) = exchanged.map_err(|_| self.failed(&"no answer in time"))??;
        if !status.is_success() {
            return Err(self.refused(status, &bytes));
        }
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes).map_err(|_| self.failed(&"the answer is not what was asked for"))
    }

    async fn exchange(&self, method: Method, path: &str, body: String) -> Result<(StatusCode, Bytes), Failure> {
        let uri: Uri = self.url.to_string().parse().map_err(|error| self.failed(&error))?;
        let (host, secure) = (uri.host().unwrap_or_default(), self.url.is_secure());
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", uri.path().trim_end_matches('/')))
            .header(header::HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.failed(&error))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((bare, port)).await.map_err(|error| self.failed(&error))?;
        if secure {
            return self.converse(self.trust.wrap(bare, socket).await?, request).await;
        }
        // EVASION: a `localhost` that resolves elsewhere would send the token in clear over a network.
        if !socket.peer_addr().is_ok_and(|peer| peer.ip().is_loopback()) {
            return Err(self.failed(&"a token is not sent in clear to another machine"));
        }
        self.converse(socket, request).await
    }

    async fn converse<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.failed(&error))?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        driver.abort();
        Ok((status, body.map_err(|error| self.failed(&error))?.to_bytes()))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::refused(format_args!("the gateway at `{}`: {error}", self.url))
    }

    /// A refusal in the gateway's own words where it has any, without what would rewrite a terminal.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let words = |key: &str| answer.get("error")?.get(key)?.as_str().map(printable);
        let failure = self.failed(&words("message").unwrap_or_else(|| status.to_string()));
        match words("hint") {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(1_000).collect()
}
