//! From a checked configuration to things that work: policies, detectors, TLS, providers.
//!
//! Everything that can be wrong is wrong here, before a reload touches a live session: either all of it is taken up or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use portcullis_control::{Misconfigured, ProviderConfig, Providers};
use portcullis_mask::{ConfigError, Detectors};
use portcullis_net::tls::{self, Check};
use portcullis_policy::{Policies, PolicyError};
use portcullis_sql::Limits;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{self, Config, UpstreamTls};
use crate::dial::Target;
use crate::upstream::Settings;

/// Why a configuration cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] config::ConfigErrors),
    /// Policies are wrong.
    #[error("{}", list(.0))]
    Policies(Vec<PolicyError>),
    /// A detector is wrong.
    #[error("[[detect]]: {0}")]
    Detectors(#[from] ConfigError),
    /// An identity provider is wrong.
    #[error("[[identity]]: {0}")]
    Identity(#[from] Misconfigured),
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A certificate or key is not usable.
    #[error("{0}: {1}")]
    Certificate(PathBuf, String),
    /// A change that only a restart can make.
    #[error("{0} cannot change without a restart")]
    NeedsRestart(&'static str),
}

fn list(errors: &[PolicyError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// All `*.cedar` files of a folder, by name.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn policy_files(dir: &Path) -> Result<Vec<(String, String)>, Unusable> {
    let failed = |error| Unusable::File(dir.to_owned(), error);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| match fs::read_to_string(&path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(Unusable::File(path, error)),
    };
    paths.into_iter().map(read).collect()
}

pub(crate) fn policies(config: &Config) -> Result<Arc<Policies>, Unusable> {
    let files = policy_files(&config.policy_dir)?;
    let identities: Vec<String> = config.identities.iter().map(|identity| identity.name.clone()).collect();
    Policies::load(&files, &identities).map(Arc::new).map_err(Unusable::Policies)
}

pub(crate) fn providers(config: &Config) -> Result<Providers, Unusable> {
    let configs = config.identities.iter().map(|identity| ProviderConfig {
        name: identity.name.clone(),
        issuer: identity.issuer.as_str().to_owned(),
        audience: identity.audience.clone(),
        groups_claim: identity.groups_claim.clone(),
        ca: identity.ca.clone(),
        client_id: identity.client_id.clone(),
    });
    Ok(Providers::new(configs.collect())?)
}

/// Everything that sessions of one upstream rest on.
pub(crate) fn upstream(
    config: &Config,
    upstream: &config::Upstream,
    policies: &Arc<Policies>,
) -> Result<Settings, Unusable> {
    let labels = upstream.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let bytes = usize::try_from(config.session.statement_limit).unwrap_or(usize::MAX);
    Ok(Settings {
        protocol: upstream.protocol,
        target: target(upstream)?,
        policies: policies.clone(),
        upstream: Arc::new(portcullis_policy::Upstream { name: upstream.name.clone(), labels }),
        detectors: Arc::new(detectors(config, &upstream.name)?),
        limits: Limits { bytes, ..Limits::default() },
        max_connections: upstream.max_connections,
    })
}

fn detectors(config: &Config, upstream: &str) -> Result<Detectors, Unusable> {
    let mut builder = Detectors::builder();
    for (index, detector) in config.detectors.iter().enumerate() {
        if !detector.scope.covers(upstream) {
            continue;
        }
        for pattern in &detector.patterns {
            builder = builder.pattern_named(pattern, &detector.class);
        }
        if !detector.dictionary.is_empty() {
            builder = builder.dictionary(&format!("dictionary_{index}"), &detector.dictionary, &detector.class);
        }
        for regex in &detector.regexes {
            builder = builder.regex(&regex.name, &regex.pattern, &detector.class);
        }
        if detector.numbers {
            builder = builder.numbers(true);
        }
    }
    Ok(builder.build()?)
}

fn target(upstream: &config::Upstream) -> Result<Target, Unusable> {
    let tls = match &upstream.tls {
        UpstreamTls::Off => None,
        UpstreamTls::Require => Some((Check::Nothing, None)),
        UpstreamTls::VerifyCa(ca) => Some((Check::Authority, ca.as_deref())),
        UpstreamTls::VerifyFull(ca) => Some((Check::Full, ca.as_deref())),
    };
    let tls = match tls {
        None => None,
        Some((check, ca)) => {
            let roots = roots(check, ca)?;
            let made = tls::client(check, roots);
            Some(made.map_err(|error| Unusable::Certificate(PathBuf::from(&upstream.name), error.to_string()))?)
        }
    };
    Ok(Target {
        host: upstream.address.host.clone(),
        port: upstream.address.port,
        user: upstream.user.clone(),
        database: upstream.database.clone(),
        password: upstream.password.clone(),
        tls,
        timeout: upstream.connect_timeout,
    })
}

fn roots(check: Check, ca: Option<&Path>) -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    match (check, ca) {
        (Check::Nothing, _) => {}
        (_, Some(path)) => {
            for certificate in certificates(path)? {
                let wrong = |error: rustls::Error| Unusable::Certificate(path.to_owned(), error.to_string());
                roots.add(certificate).map_err(wrong)?;
            }
        }
        (_, None) => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let wrong = |error: rustls_pki_types::pem::Error| Unusable::Certificate(path.to_owned(), error.to_string());
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() {
        return Err(Unusable::Certificate(path.to_owned(), "no certificate in it".to_owned()));
    }
    Ok(found)
}

/// TLS of a listener, and its certificate.
pub(crate) fn server_tls(
    files: Option<&config::ServerTls>,
    alpn: &[&[u8]],
) -> Result<Option<(Arc<ServerConfig>, Bytes)>, Unusable> {
    let Some(files) = files else { return Ok(None) };
    let chain = certificates(&files.cert)?;
    let own = chain.first().map(|certificate| Bytes::copy_from_slice(certificate)).unwrap_or_default();
    let wrong = |error: String| Unusable::Certificate(files.key.clone(), error);
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(error.to_string()))?;
    let config = tls::server(chain, key, alpn).map_err(|error| wrong(error.to_string()))?;
    Ok(Some((config, own)))
}
