//! `tilltape simulate`: a virtual terminal that waits for a POS, or a virtual POS that visits a terminal.
//!
//! Translates arguments into a [`Terminal`] or a [`Till`] and prints what they do. The talk goes to
//! stderr; stdout holds only the result of `simulate pos`, a line for each errand.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Exit, error::CliError};
use crate::net::simulate::{
    Behaviour, Cents, Connections, Doors, Ending, Habit, Manner, Pace, Play, RunError, Scenario, ShopClock,
    ShopDay, Terminal, TerminalNews, TerminalSettings, Till, TillNews, fresh_seed, run_terminal, run_till,
    wall_time,
};

/// Plays a virtual terminal or a virtual POS.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    party: PartyArguments,
}

#[derive(Debug, clap::Subcommand)]
enum PartyArguments {
    /// Plays a terminal: waits for a POS and serves it, until Ctrl-C.
    #[command(after_help = terminal_help())]
    Terminal(TerminalArguments),
    /// Plays a POS: connects to a terminal, runs a scenario, prints how each errand ended.
    #[command(after_help = pos_help())]
    Pos(PosArguments),
}

#[derive(Debug, clap::Args)]
struct TerminalArguments {
    /// Address to wait on; port 0 lets the system choose a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50000")]
    listen: SocketAddr,
    /// Does the same with every request, instead of choosing by amount.
    #[arg(long, value_name = "NAME", value_parser = parse_behaviour)]
    behaviour: Option<Behaviour>,
    /// How late a late response is.
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = humantime::parse_duration)]
    late: Duration,
    #[command(flatten)]
    common: CommonArguments,
    /// Writes the port to this file once the terminal is ready.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct PosArguments {
    /// Where the terminal is: `ws://HOST:PORT`, without a path.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: String,
    /// What the POS sets out to do.
    #[arg(long, value_name = "NAME", default_value = "sale", value_parser = parse_scenario)]
    scenario: Scenario,
    /// What the POS does wrong.
    #[arg(long, value_name = "NAME", default_value = "good", value_parser = parse_habit)]
    habit: Habit,
    /// Amount of the scenario's first transaction, in cents.
    #[arg(long, value_name = "CENTS", value_parser = clap::value_parser!(u64).range(..=9_999_999_999))]
    amount: Option<u64>,
    /// Runs the scenario so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
    /// Uses one socket on `/` for everything, and names the endpoint in every message.
    #[arg(long)]
    single_endpoint: bool,
    /// Opens a connection for every transaction, as the vendor's client does.
    #[arg(long)]
    connection_per_transaction: bool,
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
        PartyArguments::Terminal(arguments) => terminal(arguments),
        PartyArguments::Pos(arguments) => pos(arguments),
    }
}

fn terminal(arguments: TerminalArguments) -> Result<Exit, CliError> {
    let TerminalArguments { listen, behaviour, late, common, port_file } = arguments;
    let (clock, seed) = match common.seed {
        Some(seed) => (ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, seed)), seed),
        None => (ShopClock::Real, fresh_seed()),
    };
    let terminal = Terminal::new(TerminalSettings { behaviour, lateness: late, seed });
    let ready = |address: SocketAddr| {
        if let Some(file) = port_file.as_deref() {
            write_port(file, address.port())?;
        }
        say(&format!(
            "ready: terminal on ws://{address}/tsi/v1/payment (reports, info, config; all of them on /)"
        ));
        Ok::<(), CliError>(())
    };
    run_terminal(listen, terminal, Play { pace: common.pace, clock }, ready, |news| say(&told(&news)))?;
    say("terminal switched off");
    Ok(Exit::Success)
}

fn pos(arguments: PosArguments) -> Result<Exit, CliError> {
    let PosArguments { to, scenario, habit, amount, times, .. } = arguments;
    let (now, seed) = match arguments.common.seed {
        Some(seed) => (ShopDay::OPENING, seed),
        None => (wall_time(), fresh_seed()),
    };
    let mut errands = Vec::new();
    for _ in 0..times {
        errands.extend(scenario.errands(amount, now));
    }
    if habit == Habit::ReusesFlowId && errands.len() == 1 {
        // One request alone cannot show it.
        errands.extend(errands.clone());
    }
    let doors = if arguments.single_endpoint { Doors::Single } else { Doors::Multiple };
    let connections =
        if arguments.connection_per_transaction { Connections::PerTransaction } else { Connections::Kept };
    let manner = Manner { pace: arguments.common.pace, patience: arguments.patience, connections };
    let ended = run_till(&to, Till::new(habit, doors, seed), errands, manner, |news| {
        if let TillNews::Asks(ask) = news {
            say(&ask.to_string());
        }
    })?;
    let mut lines = String::new();
    for (ask, ending) in &ended {
        let _ = writeln!(lines, "{ask}: {}", in_words(ending));
    }
    io::stdout()
        .write_all(lines.as_bytes())
        .map_err(|error| CliError::environment(format!("cannot write to stdout: {error}")))?;
    let all_known = ended.iter().all(|(_, ending)| ending.is_known());
    Ok(if all_known { Exit::Success } else { Exit::Undecided })
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

/// How an errand ended, for people.
pub(super) fn in_words(ending: &Ending) -> String {
    match ending {
        Ending::Completed(Some(status)) => status.replace('_', " "),
        Ending::Completed(None) => "completed, without results".to_owned(),
        Ending::Failed(text) => format!("failed: {text}"),
        Ending::Refused(text) => format!("refused: {text}"),
        Ending::Unanswered => "no answer".to_owned(),
        Ending::LinkLost => "the link was lost".to_owned(),
    }
}

fn told(news: &TerminalNews) -> String {
    match news {
        TerminalNews::Connected { link, peer, path } => format!("[{}] {peer} opened {path}", link.0),
        TerminalNews::Rejected { peer } => format!("[-] {peer} did not open a WebSocket on a path of ours"),
        TerminalNews::Served(link, served) => {
            let amount = served.amount.map_or_else(String::new, |cents| format!(" of {}", Cents(cents)));
            format!("[{}] {}{amount}: {}", link.0, shown(&served.kind), served.how)
        }
        TerminalNews::Acknowledged(link) => format!("[{}] acknowledged", link.0),
        TerminalNews::Ignored(link) => format!("[{}] a message that is no request: ignored", link.0),
        TerminalNews::Disconnected(link) => format!("[{}] closed", link.0),
    }
}

/// A request type as it may be shown: what is not a plain word is not repeated.
fn shown(kind: &str) -> &str {
    let plain = kind.len() <= 40 && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
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

fn parse_behaviour(text: &str) -> Result<Behaviour, String> {
    text.parse().map_err(|_| one_of(text, &Behaviour::ALL.map(Behaviour::as_str)))
}

fn parse_scenario(text: &str) -> Result<Scenario, String> {
    text.parse().map_err(|_| one_of(text, &Scenario::ALL.map(Scenario::as_str)))
}

fn parse_habit(text: &str) -> Result<Habit, String> {
    text.parse().map_err(|_| one_of(text, &Habit::ALL.map(Habit::as_str)))
}

pub(super) fn parse_pace(text: &str) -> Result<Pace, String> {
    text.parse().map_err(|error: crate::net::simulate::PaceError| error.to_string())
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
            Err("expected `ws://HOST:PORT` without a path; the POS adds `/tsi/v1/…` itself".into())
        }
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => {
            Ok(authority.to_owned())
        }
        Some(_) | None => Err("expected `ws://HOST:PORT`, such as `ws://127.0.0.1:50000`".into()),
    }
}

fn one_of(text: &str, names: &[&str]) -> String {
    let near = names.iter().max_by(|a, b| strsim::jaro(text, a).total_cmp(&strsim::jaro(text, b)));
    let hint =
        near.filter(|name| strsim::jaro(text, name) > 0.7).map(|name| format!("; did you mean `{name}`?"));
    format!("expected one of {}{}", names.join(", "), hint.unwrap_or_default())
}

fn terminal_help() -> String {
    let mut help = String::from("The last two digits of the amount in cents choose what happens:\n");
    for behaviour in Behaviour::ALL {
        let ending = behaviour.ending().map_or_else(|| "other".to_owned(), |ending| format!("xx{ending:02}"));
        let _ = writeln!(help, "  {ending:5}  {:17} {}", behaviour.as_str(), behaviour.about());
    }
    help.push_str(
        "\nOne transaction at a time: a request while another runs is refused with `TSI busy`.\n\
         References given are remembered until the settlement; any other is `transaction_record_not_found`.\n\n\
         Exit codes: 0 stopped by a signal, 2 usage, 4 the address cannot be used.",
    );
    help
}

fn pos_help() -> String {
    let mut help = String::from("Scenarios:\n");
    for scenario in Scenario::ALL {
        let _ = writeln!(help, "  {:15} {}", scenario.as_str(), scenario.about());
    }
    help.push_str("\nHabits:\n");
    for habit in Habit::ALL {
        let _ = writeln!(help, "  {:15} {}", habit.as_str(), habit.about());
    }
    help.push_str(
        "\nExit codes: 0 the end of every errand is known (a decline is an end), 2 usage, 3 the end of an errand \
         is unknown (no answer, link lost), 4 the terminal cannot be reached.",
    );
    help
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
        assert!(parse_behaviour("decline").unwrap_err().contains("did you mean `declined`?"));
        assert!(!parse_habit("zzz").unwrap_err().contains("did you mean"));
    }
}
