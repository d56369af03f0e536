//! `tilltape replay terminal --control`: one process for many replays, told what to do over HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::load::load;
use super::options::{Common, Own};
use super::play::{Meeting, Prepared, Tls, prepare};
use super::watch::talk;
use crate::cli::endpoint::{self, chain};
use crate::cli::error::CliError;
use crate::cli::{Exit, output};
use crate::conversation::Party;
use crate::net::control::{self, ControlError, Desk, Load, Loaded, Refusal};
use crate::net::stop_requested;
use crate::replay::Ids;

/// What is printed once the endpoint answers.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    control: String,
    url: &'a str,
    port: u16,
    role: &'static str,
}

/// Serves until a signal comes.
pub(super) fn run(
    address: &str,
    cassette: Option<&Path>,
    listen: &str,
    port_file: Option<&Path>,
    common: &Common,
    tls: &Tls,
) -> Result<Exit, CliError> {
    if common.times != 1 {
        return Err(CliError::input("with `--control`, expected `times` in the request, got `--times`"));
    }
    let (secure, listen) = endpoint::listen_address(listen)?;
    // The same port in all runs, also in those to come.
    let (listen, port) = reserve(&listen)?;
    let url = format!("{}://{listen}", if secure { "wss" } else { "ws" });
    let meeting_at = url.clone();
    let (wanted, keys) = (common.clone(), tls.clone());
    let desk = Desk::new(listen, url, move |load: &Load| loaded(load, &meeting_at, &wanted, &keys));
    let stop = stop_requested(|| std::process::exit(Exit::Invalid as i32))
        .map_err(|error| CliError::environment(format!("cannot listen for signals: {error}")))?;
    let ready = |address: SocketAddr, desk: &Desk<_>| {
        if !address.ip().is_loopback() {
            talk(&format!("open    {address} takes orders from everybody who can reach it"));
        }
        if let Some(cassette) = cassette {
            desk.begin(&Load::of(cassette.display().to_string())).map_err(of_refusal)?;
        }
        let ready = Ready {
            ready: true,
            control: format!("http://{address}"),
            url: desk.url(),
            port,
            role: Party::Terminal.as_str(),
        };
        output::print(&(serde_json::to_string(&ready).unwrap_or_default() + "\n"))?;
        match port_file {
            Some(path) => output::write_atomically(path, &format!("{port}\n")),
            None => Ok(()),
        }
    };
    control::run(address, desk, ready, stop).map_err(|error| match error {
        ControlError::Ready(error) => error,
        ControlError::Listen { .. } => CliError::environment(format!("--control: {}", chain(&error))),
        ControlError::Start(_) => CliError::environment(chain(&error)),
    })?;
    Ok(Exit::Success)
}

/// An address whose port is known, and was free a moment ago.
fn reserve(address: &str) -> Result<(String, u16), CliError> {
    let unusable = |error| CliError::environment(format!("cannot listen on `{address}`: {error}"));
    let listener = TcpListener::bind(address).map_err(unusable)?;
    let port = listener.local_addr().map_err(unusable)?.port();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    Ok((format!("{host}:{port}"), port))
}

/// What a wish comes to: the options of the command line, and what the wish says otherwise.
fn loaded(load_this: &Load, listen: &str, common: &Common, tls: &Tls) -> Result<Loaded, Refusal> {
    let common = common.with(load_this).map_err(to_refusal)?;
    if load_this.cassette == "-" {
        return Err(Refusal::unusable("expected the path of a cassette, got `-`"));
    }
    let path = PathBuf::from(&load_this.cassette);
    if !path.exists() {
        let here = std::env::current_dir().unwrap_or_default();
        return Err(Refusal::unusable(format!("{}: no such file", path.display()))
            .help(format!("paths begin at the folder of this process, `{}`", here.display())));
    }
    let script = load(&path, &common.wished).map_err(to_refusal)?;
    let own = Own { role: Party::Terminal, ids: Ids::Recorded, patience_for_people: Duration::ZERO };
    let meeting = Meeting {
        listen: Some(listen),
        to: None,
        tls,
        port_file: None,
        headers: &[],
        live: false,
        device: None,
    };
    let Prepared { plan, masker, judge, .. } =
        prepare(&path, &script, &common, own, meeting).map_err(to_refusal)?;
    Ok(Loaded { plan, masker, judge })
}

fn to_refusal(error: CliError) -> Refusal {
    let (message, help) = error.words();
    let refusal = match error.exit() {
        Exit::Usage => Refusal::unusable(message),
        _ => Refusal::failed(message),
    };
    match help {
        Some(help) => refusal.help(help),
        None => refusal,
    }
}

fn of_refusal(refusal: Refusal) -> CliError {
    let error = CliError::input(refusal.message());
    match refusal.next_step() {
        Some(help) => error.help(help),
        None => error,
    }
}
