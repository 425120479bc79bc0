//! Certificates for tests: an authority of its own, and a server certificate for `localhost` and 127.0.0.1.
//!
//! Made anew for each fixture, so no key is ever kept in the repository.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::tools::Ids;

/// An authority and one server certificate that it signed, as PEM.
#[derive(Debug, Clone)]
pub struct Certs {
    /// The authority's certificate: what a client trusts.
    pub ca: String,
    /// The server's certificate.
    pub cert: String,
    /// The server's private key.
    pub key: String,
}

/// The same three as files.
#[derive(Debug, Clone)]
pub struct CertFiles {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate.
    pub cert: PathBuf,
    /// The server's private key, readable by its owner alone.
    pub key: PathBuf,
}

impl Certs {
    /// For `localhost` and 127.0.0.1.
    pub fn localhost() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// For these host names and addresses: a test of `verify-full` wants a wrong one.
    ///
    /// # Panics
    /// When a name cannot stand in a certificate.
    pub fn for_names(names: &[&str]) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("no names");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name.push(rcgen::DnType::CommonName, "Portcullis test authority");
        let ca_cert = ca.self_signed(&ca_key).expect("a certificate");
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut server = CertificateParams::new(names).expect("host names");
        server.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
        let cert = server.signed_by(&key, &issuer).expect("a certificate");
        Self { ca: ca_cert.pem(), cert: cert.pem(), key: key.serialize_pem() }
    }

    /// Writes `ca.crt`, `server.crt` and `server.key` into a folder, for a server that runs as `owner`.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, dir: &Path, owner: Option<Ids>) -> CertFiles {
        let files = CertFiles { ca: dir.join("ca.crt"), cert: dir.join("server.crt"), key: dir.join("server.key") };
        for (path, text) in [(&files.ca, &self.ca), (&files.cert, &self.cert), (&files.key, &self.key)] {
            std::fs::write(path, text).expect("certificate written");
            // PostgreSQL refuses a key that its group may read.
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("mode set");
            if let Some(ids) = owner {
                chown(path, Some(ids.uid), Some(ids.gid)).expect("owner set");
            }
        }
        files
    }
}
