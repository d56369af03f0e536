//! goChip: the virtual service and the virtual POS over real sockets, and the pack that judges them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rstest::rstest;
use tilltape::net::simulate::gochip::{
    Behaviour, Edition, Ending, Errand, Habit, Major, Manner, Pos, Scenario, Service, ServiceSettings, dial,
    serve,
};
use tilltape::net::simulate::{Pace, Play, ShopClock, ShopDay};
use tokio::net::TcpListener;
use tokio::sync::watch;

#[rstest]
#[case::sale(Scenario::Sale, &["Done", "Approved(Some(Major(840)))"])]
#[case::refund(Scenario::Refund, &["Done", "Approved(Some(Major(840)))", "Approved(None)"])]
#[case::cancel(Scenario::Cancel, &["Done", "Cancelled", "Approved(Some(Major(1225)))", "NothingToCancel"])]
#[case::questions(
    Scenario::Questions,
    &["Done", "Approved(Some(Major(2322)))", "Approved(Some(Major(2323)))"]
)]
#[case::comm_error(Scenario::CommError, &["Done", "CommError", "Done", "Approved(Some(Major(840)))"])]
#[case::reversal(
    Scenario::Reversal,
    &["Done", "CommError", "Done", "Reversed", "Approved(Some(Major(840)))"]
)]
#[case::polling(Scenario::Polling, &["Done", "Done", "Approved(Some(Major(840)))", "Done"])]
#[case::token(Scenario::Token, &["Done", "Done"])]
#[case::keyed_refund(Scenario::KeyedRefund, &["Done", "Approved(None)"])]
#[case::day(
    Scenario::Day,
    &[
        "Done",
        "Approved(Some(Major(1250)))",
        "NotApproved(\"D\")",
        "Approved(Some(Major(840)))",
        "Approved(None)",
        "Done",
    ]
)]
fn every_scenario_runs_to_its_end(#[case] scenario: Scenario, #[case] expected: &[&str]) {
    let endings = played(ServiceSettings::default(), Habit::Good, scenario.errands(None));
    assert_eq!(endings.iter().map(|ending| format!("{ending:?}")).collect::<Vec<_>>(), expected);
}

#[test]
fn before_3_0_28_a_cancellation_is_told_by_progress() {
    let settings = ServiceSettings { edition: Edition::Before3028, ..ServiceSettings::default() };
    let endings = played(settings, Habit::Good, Scenario::Cancel.errands(None));
    assert_eq!(endings[1], Ending::Cancelled);
    assert_eq!(endings[3], Ending::Refused("ERROR_NOT_FOUND".into()));
}

#[rstest]
#[case::card_timeout(Behaviour::CardTimeout, Ending::DeviceError("TIMEOUT".into()))]
#[case::missing_final(Behaviour::MissingFinal, Ending::Unanswered)]
#[case::drop(Behaviour::DropMidSale, Ending::LinkLost)]
#[case::smiling(Behaviour::SmilingError, Ending::Refused("ERROR_INVALID_EMV_TAGS".into()))]
#[case::wrong_amount(Behaviour::WrongAmount, Ending::Approved(Some(Major(885))))]
fn a_behaviour_may_be_given_for_every_sale(#[case] behaviour: Behaviour, #[case] expected: Ending) {
    let settings = ServiceSettings { behaviour: Some(behaviour), ..ServiceSettings::default() };
    assert_eq!(played(settings, Habit::Good, Scenario::Sale.errands(None))[1], expected);
}

#[rstest]
#[case::skips_device(Habit::SkipsDevice, Scenario::Sale, Ending::Refused("ERROR_NO_DEVICE".into()))]
#[case::capital_type(Habit::CapitalType, Scenario::Sale, Ending::Unanswered)]
#[case::never_signs(Habit::NeverSigns, Scenario::Questions, Ending::Unanswered)]
#[case::second_sale(Habit::SecondSale, Scenario::Sale, Ending::Approved(Some(Major(840))))]
#[case::progress_is_final(Habit::ProgressIsFinal, Scenario::Sale, Ending::Abandoned)]
fn each_habit_ends_its_sale_its_way(
    #[case] habit: Habit,
    #[case] scenario: Scenario,
    #[case] expected: Ending,
) {
    assert_eq!(played(ServiceSettings::default(), habit, scenario.errands(None))[1], expected);
}

#[test]
fn the_program_plays_both_parties() {
    let folder = tempfile::tempdir().unwrap();
    let service = Program::service(folder.path(), &["--pace", "instant", "--seed", "1"]);
    assert!(service.ready.starts_with("ready: goChip service on ws://127.0.0.1:"), "{}", service.ready);
    assert!(service.ready.ends_with("/middleware (edition 3.0.28)"), "{}", service.ready);
    let output = service.pos(&["--scenario", "reversal"]);
    assert_eq!(output.status.code(), Some(3), "of the lost sale the POS knew nothing until it asked");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "start-up: done\n\
         sale of 12.26: the host could not be reached: nobody knows\n\
         which transactions were there?: done\n\
         reversal of the lost sale: reversed\n\
         sale of 8.40: approved, 8.40\n"
    );
    let twice = service.pos(&["--amount", "702", "--times", "2"]);
    assert_eq!(twice.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(twice.stdout).unwrap(),
        "start-up: done\nsale of 7.02: not approved: call the bank\nsale of 7.02: not approved: call the bank\n"
    );
}

#[test]
fn what_only_the_other_protocol_has_is_refused_with_the_next_step() {
    for (arguments, said) in [
        (
            &["terminal", "--pack", "gochip", "--late", "7s"][..],
            "expected `--pack bluechip-tsi` with `--late`",
        ),
        (&["terminal", "--edition", "3.0.28"], "expected `--pack gochip` with `--edition`"),
        (&["terminal", "--pack", "gochip", "--behaviour", "no-results"], "that gochip has, got `no-results`"),
        (&["terminal", "--pack", "gochip", "--edition", "before3.0.28"], "did you mean `before-3.0.28`?"),
        (
            &["pos", "--to", "ws://127.0.0.1:1", "--pack", "gochip", "--habit", "never-sings"],
            "did you mean `never-signs`?",
        ),
        (
            &["pos", "--to", "ws://127.0.0.1:1", "--pack", "gochip", "--single-endpoint"],
            "leave `--single-endpoint` out",
        ),
        (
            &["pos", "--to", "ws://127.0.0.1:1", "--pack", "castle"],
            "virtual peers for bluechip-tsi and gochip",
        ),
    ] {
        let output = tilltape(&["simulate"]).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}

#[test]
fn the_help_lists_what_can_be_chosen() {
    let help = |party| {
        let output = tilltape(&["simulate", party, "--help"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (terminal, pos) = (help("terminal"), help("pos"));
    assert!(Behaviour::ALL.iter().all(|behaviour| terminal.contains(behaviour.about())), "{terminal}");
    assert!(Edition::ALL.iter().all(|edition| terminal.contains(edition.about())), "{terminal}");
    assert!(Habit::ALL.iter().all(|habit| pos.contains(habit.about())), "{pos}");
    assert!(Scenario::ALL.iter().all(|scenario| pos.contains(scenario.about())), "{pos}");
}

/// `tilltape simulate terminal --pack gochip` as a process.
struct Program {
    process: Child,
    ready: String,
    url: String,
}

impl Program {
    fn service(folder: &std::path::Path, arguments: &[&str]) -> Self {
        let port_file = folder.join("port");
        let mut process = tilltape(&["simulate", "terminal", "--pack", "gochip"])
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let ready = lines.next().unwrap().unwrap();
        // Whoever keeps the pipe keeps the process from failing on it.
        std::thread::spawn(move || lines.for_each(drop));
        let port = fs::read_to_string(port_file).unwrap();
        Self { process, ready, url: format!("ws://127.0.0.1:{}", port.trim()) }
    }

    fn pos(&self, arguments: &[&str]) -> Output {
        tilltape(&["simulate", "pos", "--pack", "gochip", "--pace", "instant", "--to", &self.url])
            .args(arguments)
            .output()
            .unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tilltape(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// How each errand of a POS of that habit ends at a service of these settings.
fn played(settings: ServiceSettings, habit: Habit, errands: Vec<Errand>) -> Vec<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let play = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = watch::channel(());
        let clock = ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, 1));
        let pace = Pace::Times(50.0);
        let play = Play { pace, clock };
        let serving = tokio::spawn(serve(listener, Service::new(settings), play, |_| {}, stopped));
        let manner = Manner { pace, patience: Duration::from_millis(1500) };
        let ended =
            dial(&address, Pos::new(habit, settings.edition, 1), errands, manner, |_| {}).await.unwrap();
        drop(stop);
        serving.await.unwrap();
        ended.into_iter().map(|(_, ending)| ending).collect()
    };
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), play).await }).unwrap()
}
