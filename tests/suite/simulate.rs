//! The virtual terminal and the virtual till, over real sockets: every behaviour, every habit, both doors.

use std::fs;
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rstest::rstest;
use tilltape::net::simulate::{
    Behaviour, Connections, Doors, Ending, Habit, Manner, Pace, Play, Scenario, ShopClock, ShopDay, Terminal,
    TerminalNews, TerminalSettings, Till, dial, serve,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

#[rstest]
#[case::approved(2350, &["response started", "event completed approved"])]
#[case::declined(1061, &["response started", "event completed decline_by_host_or_card"])]
#[case::cancelled(1062, &["response started", "event completed cancelled_by_user"])]
#[case::timed_out(1063, &["response started", "event completed timeout_on_user_input"])]
#[case::busy(1064, &["response error TSI busy"])]
#[case::error_event(1065, &["response started", "event error printer out of paper"])]
#[case::silent(1071, &["response started"])]
#[case::late(1072, &["response started", "event completed approved"])]
#[case::malformed(1073, &["response started", "(no JSON)"])]
#[case::duplicate(1074, &["response started", "event completed approved", "event completed approved"])]
#[case::drop(1075, &["response started", "(dropped)"])]
#[case::no_results(1076, &["response started", "event completed "])]
#[case::no_error_details(1077, &["response started", "event error "])]
#[case::no_response(1078, &["event completed approved"])]
fn the_amount_chooses_what_a_terminal_does(#[case] cents: u64, #[case] expected: &[&str]) {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let mut socket = connect(&address, "/TSI/v1/Payment").await;
        let request =
            format!(r#"{{"request":{{"flow_id":"7","resource":{{"type":"sale","amount":{cents}}}}}}}"#);
        socket.send(Message::text(request)).await.unwrap();
        let heard = hear(&mut socket, Duration::from_millis(200)).await;
        assert_eq!(heard, expected);
    });
}

#[test]
fn a_behaviour_may_be_given_for_every_request() {
    let settings = TerminalSettings { behaviour: Some(Behaviour::ErrorEvent), ..TerminalSettings::default() };
    with_terminal(settings, async |address, _| {
        let ended = visit(&address, Till::new(Habit::Good, Doors::Multiple, 1), Scenario::Day).await;
        assert_eq!(ended.len(), 7);
        assert!(
            ended.iter().all(|(_, ending)| *ending == Ending::Failed("printer out of paper".into())),
            "{ended:?}"
        );
    });
}

#[test]
fn a_late_response_is_late_by_what_was_said_at_any_pace() {
    let lateness = Duration::from_millis(300);
    let settings = TerminalSettings { lateness, ..TerminalSettings::default() };
    with_terminal(settings, async |address, _| {
        let mut socket = connect(&address, "/tsi/v1/payment").await;
        let start = tokio::time::Instant::now();
        let sale = r#"{"request":{"flow_id":"7","resource":{"type":"sale","amount":72}}}"#;
        socket.send(Message::text(sale)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        assert!(start.elapsed() >= lateness, "{:?}", start.elapsed());
    });
}

#[test]
fn a_terminal_is_busy_for_everybody_while_a_transaction_runs() {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let mut till = connect(&address, "/tsi/v1/payment").await;
        let silent = r#"{"request":{"flow_id":"1","resource":{"type":"sale","amount":71}}}"#;
        till.send(Message::text(silent)).await.unwrap();
        assert_eq!(hear(&mut till, Duration::from_millis(50)).await, ["response started"]);
        let mut other = connect(&address, "/tsi/v1/info").await;
        let info = r#"{"request":{"flow_id":"2","resource":{"type":"terminal_info"}}}"#;
        other.send(Message::text(info)).await.unwrap();
        assert_eq!(hear(&mut other, Duration::from_millis(50)).await, ["response error TSI busy"]);
    });
}

#[test]
fn an_interim_event_waits_for_its_own_acknowledgement() {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let mut socket = connect(&address, "/tsi/v1/payment").await;
        let settlement = r#"{"request":{"flow_id":"5","resource":{"type":"settlement"}}}"#;
        socket.send(Message::text(settlement)).await.unwrap();
        let interim = hear(&mut socket, Duration::from_millis(100)).await;
        assert_eq!(interim, ["response started", "event proceed approved"]);
        for id in ["4", "5"] {
            let ack = format!(r#"{{"event_ack":{{"flow_id":"{id}","resource":{{"status":"ok"}}}}}}"#);
            socket.send(Message::text(ack)).await.unwrap();
            let expected: &[&str] = if id == "5" { &["event completed approved"] } else { &[] };
            assert_eq!(hear(&mut socket, Duration::from_millis(100)).await, expected);
        }
    });
}

#[test]
fn what_is_no_request_is_ignored_and_what_cannot_be_done_is_refused() {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let mut socket = connect(&address, "/tsi/v1/payment").await;
        for text in [
            "hello",
            r#"{"flow_id":"1","resource":{"type":"sale","amount":1}}"#,
            r#"{"request":{"flow_id":1,"resource":{"type":"sale","amount":1}}}"#,
            r#"{"event_ack":{"flow_id":"1","resource":{"status":"ok"}}}"#,
        ] {
            socket.send(Message::text(text)).await.unwrap();
        }
        socket.send(Message::binary(vec![0, 1, 2])).await.unwrap();
        let sell = r#"{"request":{"flow_id":"1","resource":{"type":"sell","amount":1}}}"#;
        socket.send(Message::text(sell)).await.unwrap();
        assert_eq!(hear(&mut socket, Duration::from_millis(100)).await, ["response error unsupported type"]);
    });
}

#[test]
fn a_path_no_terminal_has_is_answered_with_404() {
    with_terminal(TerminalSettings::default(), async |address, news| {
        let socket = TcpStream::connect(&address).await.unwrap();
        let error = client_async(format!("ws://{address}/tsi/v1/nothing"), socket).await.unwrap_err();
        assert!(matches!(&error, Error::Http(answer) if answer.status() == 404), "{error}");
        let told = || news.lock().unwrap().clone();
        while told().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(told()[..], [TerminalNews::Rejected { .. }]));
    });
}

#[rstest]
#[case::sale(Scenario::Sale, &["approved"])]
#[case::refund(Scenario::Refund, &["approved"])]
#[case::void(Scenario::Void, &["approved", "approved", "transaction_record_not_found"])]
#[case::completion(Scenario::Completion, &["approved", "approved", "transaction_record_not_found"])]
#[case::settlement(Scenario::Settlement, &["approved", "approved"])]
#[case::info(Scenario::Info, &["receipt_information"])]
#[case::clock(Scenario::Clock, &["approved"])]
#[case::report(Scenario::Report, &["approved", "approved"])]
#[case::day(
    Scenario::Day,
    &["receipt_information", "approved", "decline_by_host_or_card", "approved", "approved", "approved", "approved"]
)]
fn every_scenario_runs_through_either_door(
    #[case] scenario: Scenario,
    #[case] expected: &[&str],
    #[values(Doors::Multiple, Doors::Single)] doors: Doors,
) {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let ended = visit(&address, Till::new(Habit::Good, doors, 1), scenario).await;
        let expected: Vec<Ending> =
            expected.iter().map(|status| Ending::Completed(Some((*status).to_owned()))).collect();
        assert_eq!(ended.into_iter().map(|(_, ending)| ending).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn after_a_lost_link_a_good_till_asks_what_became_of_the_sale() {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let errands = Scenario::Sale.errands(Some(1075), ShopDay::OPENING);
        let till = Till::new(Habit::Good, Doors::Multiple, 1);
        let ended = dial(&address, till, errands, MANNER, |_| {}).await.unwrap();
        let endings: Vec<String> = ended.iter().map(|(ask, ending)| format!("{ask} {ending:?}")).collect();
        assert_eq!(
            endings,
            ["sale of 10.75 LinkLost", "what was the last transaction? Completed(Some(\"approved\"))"]
        );
    });
}

#[test]
fn a_till_gives_up_on_a_silent_terminal() {
    with_terminal(TerminalSettings::default(), async |address, _| {
        let errands = Scenario::Sale.errands(Some(71), ShopDay::OPENING);
        let till = Till::new(Habit::ForgetsAck, Doors::Multiple, 1);
        let manner = Manner { patience: Duration::from_millis(100), ..MANNER };
        let ended = dial(&address, till, errands, manner, |_| {}).await.unwrap();
        assert_eq!(ended[0].1, Ending::Unanswered);
    });
}

/// What a till of each habit sends for a sale, as kind and flow: `a` is the first flow, `b` the second …
#[rstest]
#[case::good(Habit::Good, &["request a", "event_ack a", "(close 1000)"])]
#[case::forgets_ack(Habit::ForgetsAck, &["request a", "(close 1000)"])]
#[case::acks_twice(Habit::AcksTwice, &["request a", "event_ack a", "event_ack a", "(close 1000)"])]
#[case::acks_wrong_id(Habit::AcksWrongId, &["request a", "event_ack b", "(close 1000)"])]
#[case::closes_owing(Habit::ClosesOwing, &["request a", "(close 1000)"])]
#[case::bare_request(Habit::BareRequest, &["(bare)", "(close 1000)"])]
fn each_habit_shows_on_the_wire(#[case] habit: Habit, #[case] expected: &[&str]) {
    assert_eq!(sent_by(habit, Scenario::Sale, Connections::Kept), expected);
}

#[test]
fn a_reused_flow_id_shows_from_the_second_request_on() {
    let sent = sent_by(Habit::ReusesFlowId, Scenario::Report, Connections::PerTransaction);
    let once = ["request a", "event_ack a", "(close 1000)"];
    assert_eq!(sent, [once, once].concat());
    let good = sent_by(Habit::Good, Scenario::Report, Connections::PerTransaction);
    assert_eq!(good[3..], ["request b", "event_ack b", "(close 1000)"]);
}

#[test]
fn the_same_seed_says_the_same() {
    let day = |seed| {
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        with_terminal(TerminalSettings { seed, ..TerminalSettings::default() }, async move |address, _| {
            let mut socket = connect(&address, "/").await;
            for (id, resource) in
                [("1", r#"{"type":"sale","amount":2350}"#), ("2", r#"{"type":"sale","amount":61}"#)]
            {
                let request = format!(
                    r#"{{"request":{{"flow_id":"{id}","endpoint":"/tsi/v1/payment","resource":{resource}}}}}"#
                );
                socket.send(Message::text(request)).await.unwrap();
                for _ in 0..2 {
                    let text = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
                    log.lock().unwrap().push(text);
                }
            }
        });
        Arc::try_unwrap(said).unwrap().into_inner().unwrap()
    };
    assert_eq!(day(4), day(4));
    assert_ne!(day(4), day(5));
    assert!(day(4)[1].contains("************1117"));
}

#[test]
fn the_program_plays_both_parties() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Virtual::terminal(folder.path(), &["--pace", "instant", "--seed", "1"]);
    assert!(terminal.ready.starts_with("ready: terminal on ws://127.0.0.1:"), "{}", terminal.ready);
    let sale = pos(&terminal, &["--amount", "1062"]);
    assert_eq!((sale.0, sale.1.as_str()), (Some(0), "sale of 10.62: cancelled by user\n"));
    let dropped = pos(&terminal, &["--amount", "1075"]);
    assert_eq!(dropped.0, Some(3), "the end of an errand is unknown");
    terminal.interrupt();
    assert_eq!(terminal.process.wait().unwrap().code(), Some(0));
    let gone = pos(&terminal, &[]);
    assert_eq!((gone.0, gone.1.as_str()), (Some(4), ""));
    assert!(gone.2.contains("cannot reach the terminal") && gone.2.contains("help: "), "{}", gone.2);
}

#[test]
fn the_help_lists_what_can_be_chosen() {
    let help = |party| {
        let output = tilltape(&["simulate", party, "--help"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let terminal = help("terminal");
    for behaviour in Behaviour::ALL {
        let amount = behaviour.ending().map_or_else(|| "other".into(), |ending| format!("xx{ending}"));
        assert!(terminal.contains(&format!("{amount:6} {behaviour}")), "{behaviour}");
    }
    let pos = help("pos");
    assert!(Habit::ALL.iter().all(|habit| pos.contains(habit.about())));
    assert!(Scenario::ALL.iter().all(|scenario| pos.contains(scenario.about())));
    let wrong = tilltape(&["simulate", "terminal", "--behaviour", "decline"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("did you mean `declined`?"));
}

const MANNER: Manner =
    Manner { pace: Pace::Instant, patience: Duration::from_secs(10), connections: Connections::Kept };

type News = Arc<Mutex<Vec<TerminalNews>>>;

/// Runs `test` beside a terminal at the pace `instant`, and stops the terminal in the end.
fn with_terminal<F: Future<Output = ()>>(settings: TerminalSettings, test: impl FnOnce(String, News) -> F) {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = watch::channel(());
        let seed = settings.seed;
        let lateness = settings.lateness.min(Duration::from_millis(300));
        let terminal = Terminal::new(TerminalSettings { lateness, ..settings });
        let clock = ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, seed));
        let news = News::default();
        let heard = Arc::clone(&news);
        let tell = move |one| heard.lock().unwrap().push(one);
        let serving =
            tokio::spawn(serve(listener, terminal, Play { pace: Pace::Instant, clock }, tell, stopped));
        test(address, news).await;
        drop(stop);
        serving.await.unwrap();
    });
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), work).await }).unwrap();
}

async fn connect(address: &str, path: &str) -> WebSocketStream<TcpStream> {
    let socket = TcpStream::connect(address).await.unwrap();
    client_async(format!("ws://{address}{path}"), socket).await.unwrap().0
}

async fn visit(address: &str, till: Till, scenario: Scenario) -> Vec<(tilltape::net::simulate::Ask, Ending)> {
    dial(address, till, scenario.errands(None, ShopDay::OPENING), MANNER, |_| {}).await.unwrap()
}

/// What a peer says until it is quiet: kind, status, and the first result's status or the error's text.
async fn hear(socket: &mut WebSocketStream<TcpStream>, quiet: Duration) -> Vec<String> {
    let mut heard = Vec::new();
    // The first message may take as long as a late response.
    let mut wait = quiet + Duration::from_millis(400);
    while let Ok(message) = tokio::time::timeout(wait, socket.next()).await {
        wait = quiet;
        match message {
            Some(Ok(Message::Text(text))) => heard.push(outline(&text)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                heard.push("(dropped)".to_owned());
                break;
            }
        }
    }
    heard
}

fn outline(text: &str) -> String {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else { return "(no JSON)".into() };
    let (kind, body) = message.as_object().unwrap().iter().next().unwrap();
    let resource = &body["resource"];
    let detail = resource["results"][0]["status"].as_str().or(resource["error_info"]["text"].as_str());
    let status = resource["status"].as_str().unwrap();
    match (kind.as_str(), detail) {
        ("response", None) => format!("response {status}"),
        (kind, detail) => format!("{kind} {status} {}", detail.unwrap_or_default()),
    }
}

/// What a till sends to a terminal that approves everything, connection after connection.
fn sent_by(habit: Habit, scenario: Scenario, connections: Connections) -> Vec<String> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                approve_everything(accept_async(socket).await.unwrap(), &log).await;
            }
        });
        let manner = Manner { connections, patience: Duration::from_millis(200), ..MANNER };
        let errands = scenario.errands(None, ShopDay::OPENING);
        let till = Till::new(habit, Doors::Multiple, 1);
        dial(&address, till, errands, manner, |_| {}).await.unwrap();
        server.abort();
    });
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    let mut ids: Vec<String> = Vec::new();
    let outline = |entry: String| {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&entry) else { return entry };
        let (kind, body) = message.as_object().unwrap().iter().next().unwrap();
        let Some(id) = body["flow_id"].as_str() else { return "(bare)".to_owned() };
        let at = ids.iter().position(|known| known == id).unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        });
        format!("{kind} {}", char::from(b'a' + u8::try_from(at).unwrap()))
    };
    sent.into_iter().map(outline).collect()
}

async fn approve_everything(mut socket: WebSocketStream<TcpStream>, log: &Mutex<Vec<String>>) {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                log.lock().unwrap().push(text.to_string());
                let message: serde_json::Value = serde_json::from_str(&text).unwrap();
                let Some(id) = message["request"]["flow_id"].as_str() else { continue };
                for answer in [
                    format!(r#"{{"response":{{"flow_id":"{id}","resource":{{"status":"started"}}}}}}"#),
                    format!(
                        r#"{{"event":{{"flow_id":"{id}","resource":{{"status":"completed","results":[{{"status":"approved"}}]}}}}}}"#
                    ),
                ] {
                    socket.send(Message::text(answer)).await.unwrap();
                }
            }
            Message::Close(frame) => {
                log.lock()
                    .unwrap()
                    .push(format!("(close {})", frame.map_or(0, |frame| u16::from(frame.code))));
            }
            _ => {}
        }
    }
}

/// `tilltape simulate terminal` as a process.
struct Virtual {
    process: Child,
    ready: String,
    url: String,
}

impl Virtual {
    fn terminal(folder: &std::path::Path, arguments: &[&str]) -> Self {
        let port_file = folder.join("port");
        let mut process = tilltape(&["simulate", "terminal", "--listen", "127.0.0.1:0", "--port-file"])
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

    fn interrupt(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }
}

impl Drop for Virtual {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pos(terminal: &Virtual, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = tilltape(&["simulate", "pos", "--pace", "instant", "--to", &terminal.url])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn tilltape(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.args(arguments).stdin(Stdio::null());
    command
}
