//! `tilltape record`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{ArgAction, ValueEnum};

use super::check::{self, Setting};
use super::endpoint::{self, chain, listen_address};
use super::error::CliError;
use super::files::{Existing, FileShelf};
use super::judge::Judged;
use super::live::Live;
use super::output::{self, print, write_atomically};
use super::size::{Limit, Size, duration};
use super::summary::Next;
use super::talk::Talk;
use super::{Exit, flows, specs, summary};
use crate::cassette::Header;
use crate::conversation::{EndReason, Party};
use crate::mask::Policy;
use crate::net;
use crate::net::record::{
    HostHeader, Limits, Losing, Notes, Plan, Proxy, RecordError, Spread, Upstream, UpstreamError,
};
use crate::net::tls::{Identity, TlsError};
use crate::pack::Pack;
use crate::report::{self, Report};

/// Records the exchange between a POS and a terminal as a cassette.
///
/// Stands between the two as a byte tunnel: what one sends reaches the other unchanged, and what passed is
/// decoded, masked and written. Ctrl-C finishes the cassette; a second one ends at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen: `ws://HOST:PORT`, `wss://HOST:PORT` or `HOST:PORT`; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where to dial: `ws://HOST[:PORT][/PATH]` or `wss://…`; PATH is put before each request's own.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// The cassette, or a folder for it. A file that is there is not overwritten.
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// Overwrite the cassette if it is there.
    #[arg(long)]
    force: bool,
    /// One cassette a connection, in the folder `--out` names.
    #[arg(long)]
    split: bool,
    /// Who dials us; with `terminal`, the POS is upstream.
    #[arg(long, value_enum, default_value_t = Client::Pos)]
    client: Client,
    /// The protocol recorded: its name goes into the cassette, its sensitive fields into the masking.
    #[arg(long, value_name = "PACK")]
    pack: Option<String>,
    /// Judge while recording: a finding is said as soon as it is certain, and the verdict at the end.
    #[arg(long, requires = "pack")]
    check: bool,
    /// With `--check`: sets a parameter of the pack, `ack_ms=3000`; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", requires = "check")]
    parameters: Vec<Setting>,
    /// A folder of packs, in place of those of the same name in the program.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
    /// Stop the traffic when it cannot be recorded, instead of letting it pass unrecorded.
    #[arg(long)]
    strict: bool,
    /// Pass the client's `Host` header on as it came, instead of naming the upstream there.
    #[arg(long)]
    keep_host: bool,

    /// Certificate chain to listen with, PEM; without it `wss://` makes a self-signed one.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    cert: Option<PathBuf>,
    /// Private key of `--cert`, PEM.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Trust these certificates (PEM) for the upstream, as roots or as its own, and no others.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    upstream_ca: Option<PathBuf>,
    /// Accept any certificate from the upstream: encrypted, but not proven to be the terminal.
    #[arg(long, conflicts_with = "upstream_ca", help_heading = "TLS")]
    insecure: bool,

    /// The operator's own words for the header, such as `scenario=sale-approved`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "Header")]
    label: Vec<(String, String)>,
    /// Name of the POS recorded.
    #[arg(long, value_name = "NAME", help_heading = "Header")]
    pos_name: Option<String>,
    /// Version of the POS recorded.
    #[arg(long, value_name = "VERSION", help_heading = "Header")]
    pos_version: Option<String>,
    /// Model of the terminal recorded.
    #[arg(long, value_name = "MODEL", help_heading = "Header")]
    terminal_model: Option<String>,
    /// Firmware of the terminal recorded.
    #[arg(long, value_name = "VERSION", help_heading = "Header")]
    terminal_firmware: Option<String>,

    #[command(flatten)]
    limits: LimitArguments,

    /// Take lines from stdin as notes ("tap card A"); on by itself where stdin is a terminal.
    #[arg(long)]
    notes: bool,
    /// Write the port listened at into this file, once connections are accepted.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Say more on stderr: connections (-v), everything (-vv). Never the content of a message.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// A peer that crosses a limit loses its connection or its place in the cassette, nothing else happens.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitArguments {
    /// Largest head of an opening handshake, in bytes.
    #[arg(long, value_name = "SIZE", default_value = "16KiB")]
    max_handshake: Size,
    /// Time for each step of an opening handshake: TLS, request, dialling, answer.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    handshake_timeout: Duration,
    /// Largest message kept, in bytes; larger ones pass and are recorded by size and SHA-256.
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_message: Size,
    /// Connections at once; one more is answered 503.
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    max_connections: usize,
    /// Close a connection on which nothing moves for this long; `off` leaves a quiet till alone.
    #[arg(long, value_name = "TIME", default_value = "off")]
    idle_timeout: Limit,
    /// What may wait to be written, in bytes; when it is full and the disk stands still, messages are lost
    /// to the cassette (never to the peers) and counted.
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    buffer: Size,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Client {
    Pos,
    Terminal,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let talk = Talk::start(arguments.verbose);
    let spread = if arguments.split { Spread::Split } else { Spread::Together };
    let existing = if arguments.force { Existing::Replaced } else { Existing::Refused };
    let shelf = FileShelf::new(&arguments.out, spread, existing)?;
    let pack = arguments.pack.as_deref().map(|name| load(arguments, name)).transpose()?;
    let (plan, secure) = plan(arguments, spread, pack.as_deref())?;
    let (upstream, fingerprint) = (plan.upstream.to_string(), plan.identity.clone());
    // Two sockets, the cassette, and the cassette read back.
    let descriptors = match (spread, arguments.check) {
        (Spread::Together, _) => 2,
        (Spread::Split, false) => 3,
        (Spread::Split, true) => 4,
    };
    room_for(plan.limits.connections, descriptors);
    let stop = net::stop_requested(|| std::process::exit(Exit::Invalid as i32))
        .map_err(|error| CliError::environment(format!("cannot listen for signals: {error}")))?;
    let live = match &pack {
        Some(pack) if arguments.check => {
            readable_back(&arguments.out)?;
            Some(Live::start(Arc::clone(pack), spread, talk.clone())?)
        }
        Some(_) | None => None,
    };
    let (observer, flows) = pack.as_ref().and_then(flows::counter).unzip();
    let mut proxy = Proxy::bind(plan, Box::new(shelf), observer).map_err(failed)?;
    if let Some(live) = &live {
        proxy = proxy.followed_by(live.follower());
    }
    announce(&talk, proxy.address(), secure, &upstream, fingerprint.as_ref());
    if let Some(path) = &arguments.port_file {
        write_atomically(path, &format!("{}\n", proxy.address().port()))?;
    }
    if arguments.notes || io::stdin().is_terminal() {
        take_notes(proxy.notes());
    }
    let outcome = proxy.run(async move {
        stop.await;
        EndReason::Stopped
    });
    talk.flush();
    let recorded = outcome.map_err(failed)?;
    let judged = live.map(Live::finish);
    talk.flush();
    let flows = flows.map(|flows| flows.load(Ordering::Relaxed));
    let next = if judged.is_some() { Next::Report } else { Next::Check(arguments.pack.as_deref()) };
    print(&summary::render(&recorded, next, flows))?;
    let exit = summary::exit(&recorded);
    let Some(judged) = judged else { return Ok(exit) };
    let Judged { result, unreadable, .. } = judged?;
    let report = Report { result: &result, unreadable: &unreadable, proof: None };
    print(&format!("\n{}", report::text(&report, output::look_of_stdout())))?;
    // What is wrong with the recording comes before what the recording says.
    Ok(if exit == Exit::Success { check::exit(result.verdict, &unreadable) } else { exit })
}

/// A live check reads the cassette back while it is written.
fn readable_back(out: &Path) -> Result<(), CliError> {
    if fs::metadata(out).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        let what =
            format!("expected `--out` to name a file with `--check`, got the device `{}`", out.display());
        return Err(CliError::input(what).help("what goes into a pipe cannot be read back: record to a file"));
    }
    Ok(())
}

fn plan(arguments: &Arguments, spread: Spread, pack: Option<&Pack>) -> Result<(Plan, bool), CliError> {
    let upstream: Upstream = arguments
        .upstream
        .parse()
        .map_err(|error: UpstreamError| CliError::input(format!("`--upstream`: {error}")))?;
    let (secure, address) = listen_address(&arguments.listen)?;
    let limits = &arguments.limits;
    let identity = endpoint::identity(secure, &address, arguments.cert.as_deref(), arguments.key.as_deref())?;
    let trust = endpoint::trust(arguments.upstream_ca.as_deref(), arguments.insecure)?;
    let plan = Plan {
        listen: address,
        identity,
        upstream,
        trust,
        host: if arguments.keep_host { HostHeader::Kept } else { HostHeader::Upstream },
        client: match arguments.client {
            Client::Pos => Party::Pos,
            Client::Terminal => Party::Terminal,
        },
        limits: Limits {
            handshake_size: limits.max_handshake.0,
            handshake_time: limits.handshake_timeout,
            message_kept: limits.max_message.0,
            connections: limits.max_connections,
            idle: limits.idle_timeout.0,
            buffer: limits.buffer.0,
        },
        spread,
        losing: if arguments.strict { Losing::Stops } else { Losing::Counts },
        header: header(arguments),
        policy: pack.map_or_else(Policy::standard, Pack::masking),
    };
    Ok((plan, secure))
}

fn load(arguments: &Arguments, name: &str) -> Result<Arc<Pack>, CliError> {
    let sources = specs::sources(arguments.specs.as_deref())?;
    check::known(&sources, name)?;
    check::load(&sources, name, &arguments.parameters, &[], None).map(Arc::new)
}

fn header(arguments: &Arguments) -> Header {
    let mut subject = BTreeMap::new();
    let facts = [
        ("pos", "name", &arguments.pos_name),
        ("pos", "version", &arguments.pos_version),
        ("terminal", "model", &arguments.terminal_model),
        ("terminal", "firmware", &arguments.terminal_firmware),
    ];
    for (party, fact, value) in facts {
        if let Some(value) = value {
            subject.entry(party.into()).or_insert_with(BTreeMap::new).insert(fact.into(), value.clone());
        }
    }
    Header {
        pack: arguments.pack.clone(),
        vantage: Some("proxy".into()),
        subject,
        labels: arguments.label.iter().cloned().collect(),
        ..Header::default()
    }
}

fn announce(talk: &Talk, address: SocketAddr, secure: bool, upstream: &str, identity: Option<&Identity>) {
    let scheme = if secure { "wss" } else { "ws" };
    if let Some(identity) = identity {
        talk.say(format_args!("certificate SHA-256 {}", identity.fingerprint()));
    }
    talk.say(format_args!("listening on {scheme}://{address} → {upstream}"));
}

fn take_notes(notes: Notes) {
    // Ends with stdin or the process; nobody waits for it.
    let _ = std::thread::Builder::new().name("notes".into()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() {
                notes.add(line.trim());
            }
        }
    });
}

/// Asks the system for `each` file descriptors a connection, or as many as it may give.
#[cfg(unix)]
fn room_for(connections: usize, each: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = (connections as u64).saturating_mul(each).saturating_add(256);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let current = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit });
    if raised.is_err() || current < needed {
        tracing::warn!(
            "the system allows {current} open files, {connections} connections may need {needed}: \
             raise `ulimit -n` or lower `--max-connections`"
        );
    }
}

#[cfg(not(unix))]
fn room_for(_connections: usize, _each: u64) {}

fn failed(error: RecordError) -> CliError {
    let help = match &error {
        RecordError::Cassette(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            return CliError::input(chain(&error))
                .help("choose another `--out`, or say `--force` to replace it");
        }
        RecordError::Cassette(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return CliError::input(chain(&error)).help(
                "its folder has to be there; `--out FOLDER/` makes the folder and names the cassette itself",
            );
        }
        RecordError::Tls(TlsError::Pem { .. }) => {
            return CliError::input(format!("`--upstream-ca`: {}", chain(&error)))
                .help("it takes certificates in PEM: `-----BEGIN CERTIFICATE-----`, one after the other");
        }
        RecordError::Tls(TlsError::Name { .. }) => {
            return CliError::input(format!("`--upstream`: {}", chain(&error)));
        }
        RecordError::Listen { error: cause, .. } if cause.kind() == io::ErrorKind::AddrInUse => {
            Some("another program listens there; port 0 takes a free one")
        }
        RecordError::Listen { error: cause, .. } if cause.kind() == io::ErrorKind::AddrNotAvailable => {
            Some("this machine has no such address; `0.0.0.0` stands for all it has")
        }
        RecordError::Listen { error: cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
            Some("ports below 1024 need special rights: take one above")
        }
        RecordError::RecorderStuck | RecordError::RecorderDied => {
            Some("`tilltape check` and `tilltape show` read it up to where it is cut")
        }
        _ => None,
    };
    let failure = CliError::environment(chain(&error));
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err(format!("expected `KEY=VALUE`, got `{text}`")),
    }
}
