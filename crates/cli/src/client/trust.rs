//! Whom we believe to be the gateway: TLS that checks authority and name, always.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::failure::Failure;

/// Checks certificates against one authority, or the system's.
#[derive(Clone)]
pub(crate) struct Trust {
    connector: TlsConnector,
}

impl Trust {
    /// Trusts the certificates of `ca`, or what this machine trusts.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let roots = match ca {
            Some(file) => roots_in(file)?,
            None => system_roots(),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Failure::refused)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Does the handshake, or says why the peer is not believed.
    pub(crate) async fn wrap(&self, host: &str, socket: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::usage(format_args!("`{host}` is not a host name")))?;
        let wrapped = self.connector.connect(name, socket).await;
        wrapped.map_err(|error| Failure::refused(format_args!("TLS to `{host}` failed: {error}")))
    }
}

fn roots_in(file: &Path) -> Result<RootCertStore, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{}: {error}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"holds no certificate")) } else { Ok(roots) }
}

/// What the machine trusts; none at all makes every handshake fail, which says so.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
