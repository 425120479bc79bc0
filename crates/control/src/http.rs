//! The little HTTP client that talks to identity providers.
//!
//! A provider is trusted for its keys, not for its manners: answers are bounded in size and time, redirects are not
//! followed (a redirect would move trust to a host nobody configured), and plain http is spoken to loopback only. One
//! connection per request: a handful of requests an hour need no pool. Spec: RFC 9112. Proxies are deliberately absent.

use std::{convert::Infallible, fmt, net::IpAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, StatusCode, Uri, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{io::AsyncRead, io::AsyncWrite, net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::FetchError;

// LIMIT: real key sets are 1 to 20 KiB; this is what one provider may make us hold.
const MAX_ANSWER: usize = 512 * 1024;
// LIMIT: connect, TLS, request and whole answer together; sign-in has 15 s in all.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// An https URL, or an http one on loopback; nothing else can be fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    host: String,
    secure: bool,
}

impl Url {
    /// Reads `text`; `None` unless it is https, or http on a loopback host, without user information.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || text.contains('#') {
            return None;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" if is_loopback(&host) => false,
            _ => return None,
        };
        (!host.is_empty()).then_some(Self { uri, host, secure })
    }

    /// Whether it is https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.secure { 443 } else { 80 })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Fetches from one provider, trusting that provider's roots.
#[derive(Clone)]
pub(crate) struct Http {
    tls: TlsConnector,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// Trusts the certificates in `ca`, or the machine's own when there is none. `None` if that leaves no root.
    pub(crate) fn new(ca: Option<&Path>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(path) => {
                for cert in CertificateDer::pem_file_iter(path).ok()? {
                    roots.add(cert.ok()?).ok()?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        (!roots.is_empty()).then(|| Self::trusting(roots)).flatten()
    }

    /// For plain http on loopback alone: any https connection fails, as it trusts nobody.
    pub(crate) fn loopback_only() -> Option<Self> {
        Self::trusting(RootCertStore::empty())
    }

    fn trusting(roots: RootCertStore) -> Option<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Some(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The body of a 200 answer to a GET.
    pub(crate) async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        match self.send(url, "GET", FORM, Bytes::new()).await? {
            (StatusCode::OK, body) => Ok(body),
            (other, _) => Err(FetchError::Status(other.as_u16())),
        }
    }

    /// Status and body of the answer to a form; OAuth's errors come with 400 and a JSON body.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        fields: &[(&str, &str)],
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let pairs: Vec<String> = fields.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect();
        self.send(url, "POST", FORM, Bytes::from(pairs.join("&"))).await
    }

    async fn send(
        &self,
        url: &Url,
        method: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let request = request(url, method, content_type, body)?;
        timeout(REQUEST_TIME, self.exchange(url, request)).await.map_err(|_| FetchError::Timeout)?
    }

    async fn exchange(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), FetchError> {
        let tcp = TcpStream::connect((url.host.as_str(), url.port())).await.map_err(|_| FetchError::Connect)?;
        if url.secure {
            let name = ServerName::try_from(url.host.clone()).map_err(|_| FetchError::Tls)?;
            let tls = self.tls.connect(name, tcp).await.map_err(|_| FetchError::Tls)?;
            return converse(tls, request).await;
        }
        // EVASION: `localhost` that resolves elsewhere would send a login in clear over a network.
        match tcp.peer_addr() {
            Ok(peer) if peer.ip().is_loopback() => converse(tcp, request).await,
            _ => Err(FetchError::Insecure),
        }
    }
}

/// Sends JSON to a witness or another listener that an operator named.
#[derive(Debug)]
pub struct Poster(Http);

impl Poster {
    /// One that trusts the machine's roots; `None` where there are none to be had.
    pub fn new() -> Option<Self> {
        Http::new(None).map(Self)
    }

    /// Posts `json` to `url`, and expects an answer of the 200s.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn post(&self, url: &str, json: String) -> Result<(), FetchError> {
        let url = Url::parse(url).ok_or(FetchError::Http)?;
        let (status, _) = self.0.send(&url, "POST", JSON, Bytes::from(json)).await?;
        if status.is_success() { Ok(()) } else { Err(FetchError::Status(status.as_u16())) }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn request(
    url: &Url,
    method: &str,
    content_type: &'static str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, FetchError> {
    let path = url.uri.path_and_query().map_or("/", |p| p.as_str());
    let host = url.uri.authority().map_or("", |a| a.as_str());
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .header("accept", "application/json")
        .header("content-type", content_type)
        .header("user-agent", "portcullis")
        .body(Full::new(body))
        .map_err(|_| FetchError::Http)
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| FetchError::Http)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|_| FetchError::Http)?;
        let status = response.status();
        Ok((status, whole(response.into_body()).await?))
    };
    // The connection is driven here and dies here: a cancelled sign-in leaves nothing behind.
    let drive = async {
        let _ended = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        got = answer => got,
        never = drive => match never {},
    }
}

async fn whole(body: Incoming) -> Result<Bytes, FetchError> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(all) => Ok(all.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => Err(FetchError::TooLarge),
        Err(_) => Err(FetchError::Http),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_loopback_http_is_a_url() {
        for good in ["https://idp.example.com/x", "http://127.0.0.1:80/", "http://localhost:1/", "http://[::1]:1/"] {
            assert!(Url::parse(good).is_some(), "{good}");
        }
        for bad in [
            "http://idp.example.com/",
            "ftp://localhost/",
            "https://user:pw@idp.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "https://idp.example.com/#f",
            "/path",
            "",
        ] {
            assert!(Url::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn form_values_are_escaped() {
        assert_eq!(escape("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
