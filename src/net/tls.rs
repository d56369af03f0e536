//! TLS on either side of the proxy: a certificate to listen with, and how an upstream is verified.
//!
//! Certificates come in as PEM bytes; reading files is the command line's part.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, ConfigSide, DigitallySignedStruct, RootCertStore,
    ServerConfig, SignatureScheme, WantsVerifier,
};
use sha2::{Digest, Sha256};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The certificate a listener shows, ready to accept with.
#[derive(Clone)]
pub struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    fingerprint: String,
}

impl Identity {
    /// A certificate chain and its key, both PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| TlsError::Pem { what: "certificate", reason: error.to_string() })?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem { what: "private key", reason: error.to_string() })?;
        Self::new(chain, key)
    }

    /// A fresh self-signed certificate for these host names and addresses.
    pub fn self_signed(names: Vec<String>) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|reason| TlsError::Pem { what: "private key", reason: reason.into() })?;
        Self::new(vec![made.cert.der().clone()], key)
    }

    /// SHA-256 of the certificate, as `AB:CD:…`: what an operator compares or pins.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let leaf = chain.first().ok_or_else(|| TlsError::Pem {
            what: "certificate",
            reason: "expected at least one certificate, got none".into(),
        })?;
        let fingerprint = fingerprint(leaf);
        let config = with_provider(ServerConfig::builder_with_provider)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Certificate)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Whom a `wss://` upstream must prove to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// A certificate that leads to a root the operating system trusts.
    #[default]
    System,
    /// A certificate that leads to one of these roots (PEM), and to no other; or just one of these, as many a
    /// terminal has made its own.
    Roots(Vec<u8>),
    /// Any certificate: the link is encrypted, but not proven to end at the terminal.
    Anything,
}

/// Verifies an upstream by `trust`.
pub(crate) fn connector(trust: &Trust) -> Result<TlsConnector, TlsError> {
    let builder = with_provider(ClientConfig::builder_with_provider)?;
    let builder = match trust {
        Trust::System => builder.with_root_certificates(system_roots()?),
        Trust::Roots(pem) => builder.dangerous().with_custom_certificate_verifier(Arc::new(Named::of(pem)?)),
        Trust::Anything => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified)),
    };
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

/// What can be wrong with certificates and keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not the PEM it should be.
    #[error("the {what} cannot be read as PEM: {reason}")]
    Pem {
        /// `certificate`, `private key` or `root certificate`.
        what: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate and its key cannot be used")]
    Certificate(#[source] rustls::Error),
    /// A self-signed certificate could not be made.
    #[error("a self-signed certificate cannot be made")]
    SelfSigned(#[from] rcgen::Error),
    /// The upstream's host is no name a certificate can carry.
    #[error("expected a host name or an address a certificate can carry, got `{name}`: {reason}")]
    Name {
        /// The host as given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system offers no roots.
    #[error("expected root certificates from the operating system, got none: {reason}")]
    NoRoots {
        /// What the system says.
        reason: String,
    },
}

fn with_provider<S: ConfigSide>(
    builder: impl FnOnce(Arc<CryptoProvider>) -> ConfigBuilder<S, rustls::WantsVersions>,
) -> Result<ConfigBuilder<S, WantsVerifier>, TlsError> {
    builder(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Certificate)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Some systems ship roots that no parser accepts; the others still count.
    let (usable, _) = store.add_parsable_certificates(found.certs);
    if usable == 0 {
        let reason = found.errors.first().map_or_else(|| "none is installed".into(), ToString::to_string);
        return Err(TlsError::NoRoots { reason });
    }
    Ok(store)
}

/// Why an upstream's certificate was not taken, in the operator's words; `None` for any other error.
pub(crate) fn distrust(error: &io::Error) -> Option<&'static str> {
    let error: &rustls::Error = error.get_ref()?.downcast_ref()?;
    let rustls::Error::InvalidCertificate(reason) = error else { return None };
    Some(match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another host"
        }
        CertificateError::Revoked => "its certificate was revoked",
        // A certificate the terminal made itself says of itself that it is a root.
        CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_) => {
            "its certificate leads to no root that is trusted"
        }
        _ => "its certificate cannot be verified",
    })
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::with_capacity(95);
    for (index, byte) in Sha256::digest(certificate).iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a String takes any text");
    }
    text
}

/// Accepts the certificates it was given, and those that lead to one of them.
#[derive(Debug)]
struct Named {
    own: Vec<CertificateDer<'static>>,
    roots: Arc<WebPkiServerVerifier>,
}

impl Named {
    fn of(pem: &[u8]) -> Result<Self, TlsError> {
        let unreadable = |reason: String| TlsError::Pem { what: "root certificate", reason };
        let (mut own, mut store) = (Vec::new(), RootCertStore::empty());
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            store.add(certificate.clone()).map_err(|error| unreadable(error.to_string()))?;
            own.push(certificate);
        }
        if own.is_empty() {
            return Err(unreadable("expected at least one certificate, got none".into()));
        }
        let provider = Arc::new(ring::default_provider());
        let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { own, roots })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Whoever holds the key of just this certificate is the terminal, whatever name it goes by.
        if self.own.iter().any(|own| own == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

/// Accepts any certificate; signatures are still checked, so that a broken peer shows as such.
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
