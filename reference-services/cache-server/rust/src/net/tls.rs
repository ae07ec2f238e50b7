//! The server's certificate and key.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file that is not there, or holds something else.
    #[error("{}: {error}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// A certificate file without a certificate in it.
    #[error("{}: no certificate in it", .0.display())]
    Empty(PathBuf),
    /// Files that do not go together.
    #[error("{} and {}: {error}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        error: rustls::Error,
    },
}

/// Reads a chain of certificates and its key, both PEM, for TLS 1.2 and 1.3.
///
/// # Errors
/// When one of the files cannot be read, or they do not go together.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFault> {
    let fault = |file: &Path| {
        let file = file.to_owned();
        move |error| TlsFault::File { file, error }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(fault(certificate))?;
    if chain.is_empty() {
        return Err(TlsFault::Empty(certificate.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(fault(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|it| it.with_no_client_auth().with_single_cert(chain, private));
    let pair =
        |error| TlsFault::Pair { certificate: certificate.to_owned(), key: key.to_owned(), error };
    config.map(Arc::new).map_err(pair)
}
