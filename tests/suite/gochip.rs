//! goChip: the virtual service and the virtual POS over real sockets, and the pack that judges them.

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
        let ended = dial(&address, Pos::new(habit, 1), errands, manner, |_| {}).await.unwrap();
        drop(stop);
        serving.await.unwrap();
        ended.into_iter().map(|(_, ending)| ending).collect()
    };
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), play).await }).unwrap()
}
