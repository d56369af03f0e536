//! `tilltape simulate`: a virtual terminal that waits for a POS, or a virtual POS that visits a terminal.
//!
//! What both protocols have in common stands here, the rest in a file for each: arguments become virtual
//! peers. The talk goes to stderr; stdout holds only the result of `simulate pos`, a line for each errand.

mod gochip;
mod tsi;

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Exit, error::CliError};
use crate::net::simulate::{
    LinkId, Pace, Play, Protocol, RunError, ShopClock, ShopDay, WallTime, fresh_seed, wall_time,
};
use crate::pack;

/// Plays a virtual terminal or a virtual POS.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    party: PartyArguments,
}

#[derive(Debug, clap::Subcommand)]
enum PartyArguments {
    /// Plays a terminal: waits for a POS and serves it, until Ctrl-C.
    ///
    /// With `--pack gochip` it is the local service of a card reader.
    #[command(after_help = terminal_help())]
    Terminal(TerminalArguments),
    /// Plays a POS: connects to a terminal, runs a scenario, prints how each errand ended.
    #[command(after_help = pos_help())]
    Pos(PosArguments),
}

#[derive(Debug, clap::Args)]
struct TerminalArguments {
    /// What it speaks, named by its pack: `bluechip-tsi` or `gochip`.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = parse_protocol)]
    pack: Protocol,
    /// Address to wait on; port 0 lets the system choose a free one [default: 127.0.0.1:50000, for gochip
    /// 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Does the same with every request, instead of choosing by amount.
    #[arg(long, value_name = "NAME")]
    behaviour: Option<String>,
    /// bluechip-tsi: how late a late response is [default: 6s].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    late: Option<Duration>,
    /// gochip: which dialect it speaks, `3.0.28` or `before-3.0.28` [default: 3.0.28].
    #[arg(long, value_name = "NAME")]
    edition: Option<String>,
    #[command(flatten)]
    common: CommonArguments,
    /// Writes the port to this file once the terminal is ready.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct PosArguments {
    /// What it speaks, named by its pack: `bluechip-tsi` or `gochip`.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = parse_protocol)]
    pack: Protocol,
    /// Where the terminal is: `ws://HOST:PORT`, without a path.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: String,
    /// What the POS sets out to do.
    #[arg(long, value_name = "NAME", default_value = "sale")]
    scenario: String,
    /// What the POS does wrong.
    #[arg(long, value_name = "NAME", default_value = "good")]
    habit: String,
    /// Amount of the scenario's first transaction, in cents.
    #[arg(long, value_name = "CENTS", value_parser = clap::value_parser!(u64).range(..=9_999_999_999))]
    amount: Option<u64>,
    /// Runs the scenario so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
    /// bluechip-tsi: uses one socket on `/` for everything, and names the endpoint in every message.
    #[arg(long)]
    single_endpoint: bool,
    /// bluechip-tsi: opens a connection for every transaction, as the vendor's client does.
    #[arg(long)]
    connection_per_transaction: bool,
    /// gochip: which dialect it was written for, `3.0.28` or `before-3.0.28` [default: 3.0.28].
    #[arg(long, value_name = "NAME")]
    edition: Option<String>,
    /// How long the POS waits for the next message before it gives up; never compressed.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    patience: Duration,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, clap::Args)]
struct CommonArguments {
    /// How fast people and hosts are: `real`, `fast` (40x), `instant`, or a factor such as `5x`. Time-outs are
    /// never compressed.
    #[arg(long, value_name = "PACE", default_value = "real", value_parser = parse_pace)]
    pace: Pace,
    /// Plays a fixed day with these ids, so that two runs differ in nothing but timing.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    match arguments.party {
        PartyArguments::Terminal(arguments) => terminal(&arguments),
        PartyArguments::Pos(arguments) => pos(&arguments),
    }
}

fn terminal(arguments: &TerminalArguments) -> Result<Exit, CliError> {
    match arguments.pack {
        Protocol::Tsi => {
            foreign("--edition", arguments.edition.is_some(), Protocol::Gochip)?;
            tsi::terminal(arguments)?;
        }
        Protocol::Gochip => {
            foreign("--late", arguments.late.is_some(), Protocol::Tsi)?;
            gochip::terminal(arguments)?;
        }
    }
    say("terminal switched off");
    Ok(Exit::Success)
}

fn pos(arguments: &PosArguments) -> Result<Exit, CliError> {
    let ended = match arguments.pack {
        Protocol::Tsi => {
            foreign("--edition", arguments.edition.is_some(), Protocol::Gochip)?;
            tsi::pos(arguments)?
        }
        Protocol::Gochip => {
            foreign("--single-endpoint", arguments.single_endpoint, Protocol::Tsi)?;
            foreign("--connection-per-transaction", arguments.connection_per_transaction, Protocol::Tsi)?;
            gochip::pos(arguments)?
        }
    };
    let mut lines = String::new();
    for Ended { ask, ending, .. } in &ended {
        let _ = writeln!(lines, "{ask}: {ending}");
    }
    io::stdout()
        .write_all(lines.as_bytes())
        .map_err(|error| CliError::environment(format!("cannot write to stdout: {error}")))?;
    let all_known = ended.iter().all(|ended| ended.is_known);
    Ok(if all_known { Exit::Success } else { Exit::Undecided })
}

/// An errand of a virtual POS, and how it ended.
struct Ended {
    ask: String,
    ending: String,
    is_known: bool,
}

/// An option that only another protocol has.
fn foreign(option: &str, given: bool, of: Protocol) -> Result<(), CliError> {
    match given {
        false => Ok(()),
        true => Err(CliError::input(format!("expected `--pack {of}` with `{option}`"))
            .help(format!("say `--pack {of}`, or leave `{option}` out"))),
    }
}

impl CommonArguments {
    /// How a terminal plays, and the seed of its references.
    fn play(&self) -> (Play, u64) {
        let (clock, seed) = match self.seed {
            Some(seed) => (ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, seed)), seed),
            None => (ShopClock::Real, fresh_seed()),
        };
        (Play { pace: self.pace, clock }, seed)
    }

    /// What time a POS has, and the seed of its ids.
    fn now(&self) -> (WallTime, u64) {
        match self.seed {
            Some(seed) => (ShopDay::OPENING, seed),
            None => (wall_time(), fresh_seed()),
        }
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        let message = CliError::environment(&error);
        match error {
            RunError::Listen { .. } => {
                message.help("give another port, or port 0 to let the system choose a free one")
            }
            RunError::Dial(_) => {
                message.help("start one with `tilltape simulate terminal`, or check the address and port")
            }
            RunError::Start(_) | RunError::Interrupted => message,
        }
    }
}

/// A terminal is there: says so, and writes its port.
fn ready(arguments: &TerminalArguments, address: SocketAddr, line: &str) -> Result<(), CliError> {
    if let Some(file) = arguments.port_file.as_deref() {
        write_port(file, address.port())?;
    }
    say(line);
    Ok(())
}

/// `[1] sale of 8.40: served`
fn served(link: LinkId, kind: &str, amount: Option<impl Display>, how: &str) -> String {
    let amount = amount.map_or_else(String::new, |amount| format!(" of {amount}"));
    format!("[{}] {}{amount}: {how}", link.0, shown(kind))
}

/// A request type as it may be shown: what is not a plain word is not repeated.
fn shown(kind: &str) -> &str {
    let plain = kind.len() <= 50 && kind.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain { kind } else { "(a type that is no plain word)" }
}

#[expect(clippy::print_stderr, reason = "the talk of the simulators")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn write_port(file: &Path, port: u16) -> Result<(), CliError> {
    // Renamed into place, so that whoever waits for the file never reads half a number.
    let draft = file.with_extension("port-draft");
    std::fs::write(&draft, format!("{port}\n"))
        .and_then(|()| std::fs::rename(&draft, file))
        .map_err(|error| CliError::environment(format!("cannot write `{}`: {error}", file.display())))
}

/// The value of `option` that `text` names, among those the protocol has.
fn one_of<T: Copy>(
    option: &str,
    protocol: Protocol,
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, CliError> {
    if let Some(found) = all.iter().copied().find(|&one| name(one) == text) {
        return Ok(found);
    }
    let names: Vec<&str> = all.iter().copied().map(name).collect();
    let what = format!("expected a value of `{option}` that {protocol} has, got `{text}`");
    let near = pack::suggestion(text, names.iter().copied()).map(|near| format!("{near} "));
    let help = format!("{}there are: {}", near.unwrap_or_default(), names.join(", "));
    Err(CliError::input(what).help(help))
}

pub(super) fn parse_pace(text: &str) -> Result<Pace, String> {
    text.parse().map_err(|error: crate::net::simulate::PaceError| error.to_string())
}

pub(super) fn parse_protocol(text: &str) -> Result<Protocol, String> {
    text.parse().map_err(|_| {
        let names = Protocol::ALL.map(Protocol::pack);
        let near = pack::suggestion(text, names).map(|near| format!("; {near}"));
        format!("there are virtual peers for {}{}", names.join(" and "), near.unwrap_or_default())
    })
}

/// `HOST:PORT` out of `ws://HOST:PORT`.
fn parse_url(text: &str) -> Result<String, String> {
    if text.starts_with("wss://") {
        return Err("the virtual POS speaks `ws://` only; to test TLS, put `tilltape record --upstream wss://…` between".into());
    }
    let rest = text.strip_prefix("ws://").unwrap_or(text);
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    match authority.rsplit_once(':') {
        _ if authority.contains('/') => {
            Err("expected `ws://HOST:PORT` without a path; the POS adds its own".into())
        }
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => {
            Ok(authority.to_owned())
        }
        Some(_) | None => Err("expected `ws://HOST:PORT`, such as `ws://127.0.0.1:50000`".into()),
    }
}

fn terminal_help() -> String {
    let mut help = String::new();
    tsi::terminal_help(&mut help);
    gochip::terminal_help(&mut help);
    help.push_str("Exit codes: 0 stopped by a signal, 2 usage, 4 the address cannot be used.");
    help
}

fn pos_help() -> String {
    let mut help = String::new();
    tsi::pos_help(&mut help);
    gochip::pos_help(&mut help);
    help.push_str(
        "Exit codes: 0 the end of every errand is known (a decline is an end), 2 usage, 3 the end of an errand \
         is unknown (no answer, link lost), 4 the terminal cannot be reached.",
    );
    help
}

/// A heading and a line for each choice: its name and what it does.
fn choices<T: Copy>(
    help: &mut String,
    heading: &str,
    all: &[T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) {
    let _ = writeln!(help, "{heading}");
    for &one in all {
        let _ = writeln!(help, "  {:21}{}", name(one), about(one));
    }
    help.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_and_nothing_more() {
        for fine in ["ws://127.0.0.1:50000", "ws://127.0.0.1:50000/", "127.0.0.1:50000"] {
            assert_eq!(parse_url(fine).as_deref(), Ok("127.0.0.1:50000"));
        }
        assert_eq!(parse_url("ws://[::1]:5").as_deref(), Ok("[::1]:5"));
        for wrong in
            ["", "ws://", "ws://host", "ws://host:0", "ws://:1", "wss://host:1", "ws://h:1/tsi/v1/payment"]
        {
            assert!(parse_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn misspellings_are_answered_with_a_suggestion() {
        assert!(parse_protocol("go-chip").unwrap_err().contains("did you mean `gochip`?"));
        assert!(!parse_protocol("zzz").unwrap_err().contains("did you mean"));
    }
}
