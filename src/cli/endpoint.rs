//! The two ends of a connection as the command line names them: where to listen, with which certificate,
//! and whom to trust when dialling.

use std::fs;
use std::path::Path;

use super::error::CliError;
use crate::net::tls::{Identity, Trust};

/// Whether TLS is spoken there, and the address as `host:port`.
pub(super) fn listen_address(text: &str) -> Result<(bool, String), CliError> {
    let (secure, address) = match text.split_once("://") {
        Some(("ws", address)) => (false, address),
        Some(("wss", address)) => (true, address),
        None => (false, text),
        Some((scheme, _)) => {
            return Err(CliError::input(format!("`--listen`: expected `ws` or `wss`, got `{scheme}`")));
        }
    };
    let address = address.trim_end_matches('/');
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() || address.contains('/') {
        return Err(CliError::input(format!("`--listen`: expected `HOST:PORT`, got `{address}`"))
            .help("every path is accepted; `127.0.0.1:50000` listens on this machine only"));
    }
    Ok((secure, address.to_owned()))
}

/// The names a self-signed certificate is for.
fn own_names(address: &str) -> Vec<String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) && !matches!(host, "" | "0.0.0.0" | "::") {
        names.push(host.to_owned());
    }
    names
}

/// The certificate to listen with: the one given, or a self-signed one where TLS is spoken; `None` without.
pub(super) fn identity(
    secure: bool,
    address: &str,
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<Identity>, CliError> {
    match (cert, key) {
        (Some(cert), Some(key)) if secure => Identity::from_pem(&read(cert)?, &read(key)?)
            .map(Some)
            .map_err(|error| CliError::input(format!("`--cert`, `--key`: {}", chain(&error)))),
        (Some(_), _) | (_, Some(_)) => {
            Err(CliError::input("a certificate is of use only where TLS is spoken")
                .help(format!("listen at `wss://{address}`")))
        }
        (None, None) if secure => Identity::self_signed(own_names(address))
            .map(Some)
            .map_err(|error| CliError::environment(chain(&error))),
        (None, None) => Ok(None),
    }
}

/// Whom to trust when dialling: the roots of a file, anybody, or what the system trusts.
pub(super) fn trust(roots: Option<&Path>, insecure: bool) -> Result<Trust, CliError> {
    Ok(match roots {
        Some(path) => Trust::Roots(read(path)?),
        None if insecure => Trust::Anything,
        None => Trust::System,
    })
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|error| CliError::input(format!("cannot read `{}`: {error}", path.display())))
}
