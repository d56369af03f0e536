//! Virtual peers that speak TSI, from the arguments of `simulate`.

use std::fmt::Write as _;
use std::time::Duration;

use super::{CliError, Ended, PosArguments, TerminalArguments, choices, one_of, ready, say, served};
use crate::net::simulate::{
    Behaviour, Cents, Connections, Doors, Habit, Manner, Protocol, Scenario, Terminal, TerminalNews,
    TerminalSettings, Till, TillNews, run_terminal, run_till,
};

/// Serves as a terminal until it is told to stop.
pub(super) fn terminal(arguments: &TerminalArguments) -> Result<(), CliError> {
    let behaviour = match arguments.behaviour.as_deref() {
        Some(text) => Some(one_of("--behaviour", TSI, text, &Behaviour::ALL, Behaviour::as_str)?),
        None => None,
    };
    let (play, seed) = arguments.common.play();
    let lateness = arguments.late.unwrap_or(LATENESS);
    let terminal = Terminal::new(TerminalSettings { behaviour, lateness, seed });
    let listen = arguments.listen.unwrap_or_else(|| ([127, 0, 0, 1], 50_000).into());
    let ready = |address| {
        let line = format!(
            "ready: terminal on ws://{address}/tsi/v1/payment (reports, info, config; all of them on /)"
        );
        ready(arguments, address, &line)
    };
    run_terminal(listen, terminal, play, ready, |news| say(&told(&news)))
}

/// Runs a scenario as a till.
pub(super) fn pos(arguments: &PosArguments) -> Result<Vec<Ended>, CliError> {
    let scenario = one_of("--scenario", TSI, &arguments.scenario, &Scenario::ALL, Scenario::as_str)?;
    let habit = one_of("--habit", TSI, &arguments.habit, &Habit::ALL, Habit::as_str)?;
    let (now, seed) = arguments.common.now();
    let mut errands = Vec::new();
    for _ in 0..arguments.times {
        errands.extend(scenario.errands(arguments.amount, now));
    }
    if habit == Habit::ReusesFlowId && errands.len() == 1 {
        // One request alone cannot show it.
        errands.extend(errands.clone());
    }
    let doors = if arguments.single_endpoint { Doors::Single } else { Doors::Multiple };
    let connections =
        if arguments.connection_per_transaction { Connections::PerTransaction } else { Connections::Kept };
    let manner = Manner { pace: arguments.common.pace, patience: arguments.patience, connections };
    let ended = run_till(&arguments.to, Till::new(habit, doors, seed), errands, manner, |news| {
        if let TillNews::Asks(ask) = news {
            say(&ask.to_string());
        }
    })?;
    let ended = ended.into_iter().map(|(ask, ending)| Ended {
        ask: ask.to_string(),
        is_known: ending.is_known(),
        ending: ending.to_string(),
    });
    Ok(ended.collect())
}

fn told(news: &TerminalNews) -> String {
    match news {
        TerminalNews::Connected { link, peer, path } => format!("[{}] {peer} opened {path}", link.0),
        TerminalNews::Rejected { peer } => format!("[-] {peer} did not open a WebSocket on a path of ours"),
        TerminalNews::Served(link, one) => served(*link, &one.kind, one.amount.map(Cents), &one.how),
        TerminalNews::Acknowledged(link) => format!("[{}] acknowledged", link.0),
        TerminalNews::Ignored(link) => format!("[{}] a message that is no request: ignored", link.0),
        TerminalNews::Disconnected(link) => format!("[{}] closed", link.0),
    }
}

pub(super) fn terminal_help(help: &mut String) {
    let _ = writeln!(help, "bluechip-tsi: the last two digits of the amount in cents choose what happens.");
    for behaviour in Behaviour::ALL {
        let ending = behaviour.ending().map_or_else(|| "other".to_owned(), |ending| format!("xx{ending:02}"));
        let _ = writeln!(help, "  {ending:6} {:17} {}", behaviour.as_str(), behaviour.about());
    }
    help.push_str(
        "One transaction at a time: a request while another runs is refused with `TSI busy`.\n\
         References given are remembered until the settlement; any other is `transaction_record_not_found`.\n\n",
    );
}

pub(super) fn pos_help(help: &mut String) {
    choices(help, "Scenarios of bluechip-tsi:", &Scenario::ALL, Scenario::as_str, Scenario::about);
    choices(help, "Habits of bluechip-tsi:", &Habit::ALL, Habit::as_str, Habit::about);
}

const TSI: Protocol = Protocol::Tsi;
const LATENESS: Duration = Duration::from_secs(6);
