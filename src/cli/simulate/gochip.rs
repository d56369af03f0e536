//! Virtual peers that speak goChip, from the arguments of `simulate`.

use std::fmt::Write as _;

use super::{CliError, Ended, PosArguments, TerminalArguments, choices, one_of, ready, say, served};
use crate::net::simulate::Protocol;
use crate::net::simulate::gochip::{
    Behaviour, Edition, Habit, Major, Manner, PATH, Pos, PosNews, Scenario, Service, ServiceNews,
    ServiceSettings, run_pos, run_service,
};

/// Serves as the local service of a card reader until it is told to stop.
pub(super) fn terminal(arguments: &TerminalArguments) -> Result<(), CliError> {
    let behaviour = match arguments.behaviour.as_deref() {
        Some(text) => Some(one_of("--behaviour", GOCHIP, text, &Behaviour::ALL, Behaviour::as_str)?),
        None => None,
    };
    let edition = edition(arguments.edition.as_deref())?;
    let (play, seed) = arguments.common.play();
    let service = Service::new(ServiceSettings { behaviour, edition, seed });
    let listen = arguments.listen.unwrap_or_else(|| ([127, 0, 0, 1], 8080).into());
    let ready = |address| {
        let line = format!("ready: goChip service on ws://{address}{PATH} (edition {edition})");
        ready(arguments, address, &line)
    };
    run_service(listen, service, play, ready, |news| say(&told(&news)))
}

/// Runs a scenario as a POS.
pub(super) fn pos(arguments: &PosArguments) -> Result<Vec<Ended>, CliError> {
    let scenario = one_of("--scenario", GOCHIP, &arguments.scenario, &Scenario::ALL, Scenario::as_str)?;
    let habit = one_of("--habit", GOCHIP, &arguments.habit, &Habit::ALL, Habit::as_str)?;
    let edition = edition(arguments.edition.as_deref())?;
    let (_, seed) = arguments.common.now();
    let once = scenario.errands(arguments.amount.map(Major));
    let mut errands = once.clone();
    for _ in 1..arguments.times {
        // It starts up once.
        errands.extend_from_slice(&once[1..]);
    }
    let manner = Manner { pace: arguments.common.pace, patience: arguments.patience };
    let ended = run_pos(&arguments.to, Pos::new(habit, edition, seed), errands, manner, |news| {
        if let PosNews::Asks(ask) = news {
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

fn edition(text: Option<&str>) -> Result<Edition, CliError> {
    let Some(text) = text else { return Ok(Edition::default()) };
    one_of("--edition", GOCHIP, text, &Edition::ALL, Edition::as_str)
}

fn told(news: &ServiceNews) -> String {
    match news {
        ServiceNews::Connected { link, peer } => format!("[{}] {peer} opened {PATH}", link.0),
        ServiceNews::Rejected { peer } => format!("[-] {peer} did not open a WebSocket on {PATH}"),
        ServiceNews::Served(link, one) => served(*link, &one.kind, one.amount, &one.how),
        ServiceNews::Ignored(link) => format!("[{}] a message that is no request: ignored", link.0),
        ServiceNews::Disconnected(link) => format!("[{}] closed", link.0),
    }
}

pub(super) fn terminal_help(help: &mut String) {
    let _ = writeln!(help, "gochip: the amount chooses, below 100.00 by its cents.");
    for behaviour in Behaviour::ALL {
        let amount = match (behaviour, behaviour.cents()) {
            (_, Some(cents)) => format!("x.{cents:02}"),
            (Behaviour::CommError, None) => "45.67".to_owned(),
            (_, None) => "other".to_owned(),
        };
        let _ = writeln!(help, "  {amount:6} {:17} {}", behaviour.as_str(), behaviour.about());
    }
    help.push_str("From 100.00 up the last three digits are the code of the host; 000 approves.\n\n");
    choices(help, "Editions of gochip:", &Edition::ALL, Edition::as_str, Edition::about);
}

pub(super) fn pos_help(help: &mut String) {
    choices(help, "Scenarios of gochip:", &Scenario::ALL, Scenario::as_str, Scenario::about);
    choices(help, "Habits of gochip:", &Habit::ALL, Habit::as_str, Habit::about);
}

const GOCHIP: Protocol = Protocol::Gochip;
