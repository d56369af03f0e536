//! From arguments to a run: where to listen or dial, what is allowed in CI, what is kept.

use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::growth::Growth;
use super::keep::Keeper;
use super::options::{Common, Own};
use super::watch::{Watch, Welcome};
use crate::cassette::Header;
use crate::cli::endpoint::{self, chain};
use crate::cli::error::CliError;
use crate::cli::{Exit, show};
use crate::conversation::{Leg, Party};
use crate::mask::{Masker, Policy};
use crate::net::record::{Upstream, UpstreamError};
use crate::net::replay::{Credentials, Judge, Order, Plan, ReplayError, Stale, run, still_fresh};
use crate::net::stop_requested;
use crate::net::tls::Trust;
use crate::replay::{Script, Unknown};

/// Where a replay meets its peer.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Tls {
    /// Certificate chain to listen with, PEM; without it `wss://` makes a self-signed one.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    pub(super) cert: Option<PathBuf>,
    /// Private key of `--cert`, PEM.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    pub(super) key: Option<PathBuf>,
    /// Trust these certificates (PEM) for what is dialled, as roots or as its own, and no others.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(super) upstream_ca: Option<PathBuf>,
    /// Accept any certificate of what is dialled: encrypted, but not proven to be the peer.
    #[arg(long, conflicts_with = "upstream_ca", help_heading = "TLS")]
    pub(super) insecure: bool,
}

/// Where to meet the peer, as given.
pub(crate) struct Meeting<'a> {
    pub(crate) listen: Option<&'a str>,
    pub(crate) to: Option<&'a str>,
    pub(crate) tls: &'a Tls,
    pub(crate) port_file: Option<&'a Path>,
    pub(crate) headers: &'a [(String, String)],
    /// Whether real devices may be dialled although this is CI.
    pub(crate) live: bool,
    /// The live device that answers what the cassette does not have.
    pub(crate) device: Option<Live>,
}

/// A live device, and when a run with it is over.
pub(crate) struct Live {
    pub(crate) upstream: Upstream,
    pub(crate) trust: Trust,
    pub(crate) quiet: Duration,
}

/// What is needed to play a cassette.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) masker: Masker,
    pub(super) judge: Option<Judge>,
    /// Whether it listens with TLS.
    pub(super) secure: bool,
}

/// Plays `script` in a role to its end.
pub(crate) fn play(
    path: &Path,
    script: &Arc<Script>,
    common: &Common,
    own: Own,
    meeting: Meeting<'_>,
) -> Result<Exit, CliError> {
    let role = own.role;
    let port_file = meeting.port_file.map(Path::to_owned);
    let Prepared { plan, masker, judge, secure } = prepare(path, script, common, own, meeting)?;
    let growth = if plan.device.is_some() { Some(Growth::of(path)?) } else { None };
    let mut keeper = Keeper::new(masker, judge);
    if let Some(out) = &common.record {
        keeper.record(out, &header_of(script, role, path), common.force)?;
    }
    let size = (script.connections(), script.messages());
    let name = path.display().to_string();
    let welcome = Welcome { role, secure, cassette: name, size, live: plan.device.is_some(), port_file };
    let watch = Watch::new(welcome, common.times, keeper, growth);
    let stop = stop_requested(|| std::process::exit(Exit::Invalid as i32))
        .map_err(|error| CliError::environment(format!("cannot listen for signals: {error}")))?;
    let orders = if common.by_hand() { enters() } else { mpsc::unbounded_channel().1 };
    run(plan, watch, stop, orders).map_err(failed)?.finish(common.format)
}

/// From arguments to a plan.
pub(super) fn prepare(
    path: &Path,
    script: &Arc<Script>,
    common: &Common,
    own: Own,
    meeting: Meeting<'_>,
) -> Result<Prepared, CliError> {
    let role = own.role;
    fresh_enough(path, script)?;
    let (listen, to) = where_to_meet(script, role, &meeting)?;
    let policy = script.pack().map_or_else(Policy::standard, |pack| pack.masking());
    let masker = Masker::new(policy, show::random_key()?);
    let mut settings = common.settings(script, own, masker.clone())?;
    let device = match meeting.device {
        Some(_) if to.is_some() => {
            return Err(CliError::input("in this cassette the terminal dials: nobody can dial the live one"));
        }
        Some(Live { upstream, trust, quiet }) => {
            settings.unknown = Unknown::Forward(quiet);
            Some((upstream, trust))
        }
        None => None,
    };
    let judge = common.judging_pack(script)?.map(|pack| Judge::new(pack, Leg::PosTerminal.peer(role)));
    let (secure, listen) = match listen.map(endpoint::listen_address).transpose()? {
        Some((secure, address)) => (secure, Some(address)),
        None => (false, None),
    };
    let tls = meeting.tls;
    let address = listen.as_deref().unwrap_or_default();
    let identity = endpoint::identity(secure, address, tls.cert.as_deref(), tls.key.as_deref())?;
    let dial = match to {
        Some(upstream) => Some((upstream, endpoint::trust(tls.upstream_ca.as_deref(), tls.insecure)?)),
        None => None,
    };
    let plan = Plan {
        script: Arc::clone(script),
        settings,
        listen,
        identity,
        dial,
        device,
        credentials: Credentials(meeting.headers.to_vec()),
        times: common.times,
        handshake_time: common.handshake_timeout,
        message_size: common.max_message.0.max(2 * script.largest_message()),
    };
    Ok(Prepared { plan, masker, judge, secure })
}

/// A cassette whose label `expires` is past proves nothing about today's devices.
pub(super) fn fresh_enough(path: &Path, script: &Script) -> Result<(), CliError> {
    still_fresh(script).map_err(|stale| {
        let error = CliError::input(format!("{}: {stale}", path.display()));
        match stale {
            Stale::Expired(_) => {
                error.help("record it anew against the device, or move the label `expires` in its first line")
            }
            Stale::NoDate(_) => error,
        }
    })
}

/// Where to listen and where to dial, by who dials in the cassette.
fn where_to_meet<'a>(
    script: &Script,
    role: Party,
    meeting: &Meeting<'a>,
) -> Result<(Option<&'a str>, Option<Upstream>), CliError> {
    let (we_dial, they_dial) = match script.dialler() {
        Some(dialler) => (dialler == role, dialler != role),
        None => (true, true),
    };
    let peer = if role == Party::Pos { "terminal" } else { "POS" };
    if we_dial && meeting.to.is_none() {
        return Err(CliError::input(format!("in this cassette the {role} dials: expected `--to URL`"))
            .help(format!("`--to ws://HOST:PORT` says where the {peer} waits")));
    }
    if !we_dial && meeting.to.is_some() {
        return Err(CliError::input(format!(
            "in this cassette the {peer} dials: there is nothing to dial for us"
        ))
        .help("leave `--to` out, and say `--listen HOST:PORT`"));
    }
    if they_dial && meeting.listen.is_none() {
        return Err(CliError::input(format!(
            "in this cassette the {peer} dials: expected `--listen HOST:PORT`"
        )));
    }
    let to = meeting.to.filter(|_| we_dial);
    let to = to.map(|text| text.parse::<Upstream>()).transpose();
    let to = to.map_err(|error: UpstreamError| CliError::input(format!("`--to`: {error}")))?;
    if let Some(upstream) = &to
        && in_ci()
        && !meeting.live
        && !upstream.is_loopback()
    {
        return Err(CliError::input(format!("`CI` is set: {upstream} is not dialled"))
            .help("say `--live` if a real device is meant; addresses of this machine need no permission"));
    }
    Ok((meeting.listen.filter(|_| they_dial), to))
}

/// Whether this runs in continuous integration: `CI` is set, and not to a word that means no.
pub(super) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false" | "no"))
}

/// The header of the cassette of a run.
pub(super) fn header_of(script: &Script, role: Party, path: &Path) -> Header {
    let mut labels = std::collections::BTreeMap::new();
    labels.insert("replay_of".to_owned(), path.display().to_string());
    labels.insert("replayed_as".to_owned(), role.to_string());
    Header {
        tool: Some(format!("tilltape {}", env!("CARGO_PKG_VERSION"))),
        recorded_at: Some(humantime::format_rfc3339_micros(SystemTime::now()).to_string()),
        pack: script.pack().map(|pack| pack.name.clone()),
        vantage: Some("replay".into()),
        masking: Some("default@1".into()),
        labels,
        ..Header::default()
    }
}

/// One for every line on standard input.
fn enters() -> mpsc::UnboundedReceiver<Order> {
    let (entered, enters) = mpsc::unbounded_channel();
    // Ends with stdin or the process; nobody waits for it.
    let _ = std::thread::Builder::new().name("enter".into()).spawn(move || {
        for _ in io::stdin().lock().lines().map_while(Result::ok) {
            if entered.send(Order::Advance).is_err() {
                break;
            }
        }
    });
    enters
}

fn failed(error: ReplayError) -> CliError {
    let help = match &error {
        ReplayError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
            Some("another program listens there; port 0 takes a free one")
        }
        ReplayError::Dial { .. } => Some("is the terminal on, and is that its address?"),
        ReplayError::Unplayable(_) => {
            return CliError::input(chain(&error)).help("record it again with a larger `--max-message`");
        }
        ReplayError::Start(_) | ReplayError::Listen { .. } | ReplayError::Tls(_) => None,
    };
    let failure = CliError::environment(chain(&error));
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}
