//! `check` beside a bare parse of the same cassette, in one run: `taskset -c 0 cargo bench --bench check`.
//!
//! It is judged twice: by the whole pack, and by `core` and the four requirements the vendor documents alone.
//!
//! The cassette is generated: sales of four messages, about 300 bytes a message, 256 MB (`TILLTAPE_BENCH_MB`
//! sets another size, `TILLTAPE_BENCH_FILE` names another cassette, which nobody breaks a rule in). The limit to measure against borrows each line into a struct with a raw `json` value
//! and looks at nothing; neither compares the hash of the file, as `check` does for one so large only with
//! `--verify`. Rounds alternate, so that a slow moment of the machine hits both; the median ratio
//! is what counts.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark is a program of its own")]

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use tilltape::cassette::{Reader, Verification};
use tilltape::check::{Check, Completeness, Options, SourceInfo};
use tilltape::pack::{self, Pack, Sources};

const ROUNDS: usize = 7;

fn main() {
    let given = std::env::var_os("TILLTAPE_BENCH_FILE").map(PathBuf::from);
    let megabytes = std::env::var("TILLTAPE_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(256);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let generated = folder.path().join("generated.cassette.jsonl");
    let (path, lines) = match given {
        Some(path) => {
            let lines = BufReader::new(File::open(&path).expect("the cassette opens")).lines().count() as u64;
            (path, lines)
        }
        None => {
            let lines = generate(&generated, megabytes * 1_000_000).expect("the cassette is written");
            (generated, lines)
        }
    };
    println!("{} MB, {lines} lines", std::fs::metadata(&path).map_or(0, |file| file.len()) / 1_000_000);
    let packs = [("the whole pack", whole()), ("the documented requirements", documented())];
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        let bare = timed(|| bare_parse(&path));
        for ((name, pack), ratios) in packs.iter().zip(&mut ratios) {
            let check = timed(|| judge(&path, pack));
            let ratio = bare.as_secs_f64() / check.as_secs_f64();
            println!(
                "round {round}: bare parse {bare:.3?}, check by {name} {check:.3?}, {ratio:.2}x of its speed, {:.2} \
                 million lines a second",
                lines as f64 / check.as_secs_f64() / 1e6
            );
            ratios.push(ratio);
        }
    }
    for ((name, pack), ratios) in packs.iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        println!(
            "median: check by {name}, {} rules, runs at {:.2}x the speed of the bare parse",
            pack.rules.len(),
            ratios[ROUNDS / 2]
        );
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
        println!("peak memory, both: {}", peak.trim_start_matches("VmHWM:").trim());
    }
}

fn timed(work: impl FnOnce() -> u64) -> Duration {
    let started = Instant::now();
    assert!(work() > 0, "nothing was read");
    started.elapsed()
}

#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "the bare parse looks at nothing")]
struct Line<'a> {
    n: Option<u64>,
    t_us: Option<u64>,
    conn: Option<u64>,
    from: Option<&'a str>,
    event: Option<&'a str>,
    #[serde(borrow)]
    json: Option<&'a RawValue>,
}

fn bare_parse(path: &Path) -> u64 {
    let mut reader = BufReader::with_capacity(256 << 10, File::open(path).expect("the cassette opens"));
    let (mut line, mut bytes) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).expect("the cassette reads") > 0 {
        let text = std::str::from_utf8(&line).expect("the cassette is UTF-8");
        let parsed: Line<'_> = serde_json::from_str(text).expect("each line is JSON");
        bytes += parsed.json.map_or(0, |json| json.get().len() as u64);
        line.clear();
    }
    bytes
}

/// All rules of TSI, schemas included.
fn whole() -> Arc<Pack> {
    Arc::new(pack::load(&Sources::embedded(), "bluechip-tsi").expect("the embedded pack loads"))
}

/// `core`, and of TSI what its document asks for: an envelope, a flow_id used once, a response to each request, events
/// with their result or their error, an acknowledgement of each event.
fn documented() -> Arc<Pack> {
    const PAGES: [&str; 9] =
        ["ENV-1", "ENV-3", "FLOW-1", "RESP-1", "RESP-2", "EVT-1", "EVT-2", "ACK-1", "ACK-2"];
    let all = Sources::embedded();
    let files = ["core", "bluechip-tsi"].into_iter().flat_map(|folder| {
        ["toml", "md", "json"].into_iter().flat_map(move |extension| [(folder, extension)])
    });
    let files = files.flat_map(|(folder, extension)| all.below(folder, extension));
    let is_kept = |path: &str| match path.strip_prefix("bluechip-tsi/rules/") {
        Some(page) => PAGES.iter().any(|code| page.strip_suffix(".md") == Some(code)),
        None => true,
    };
    let sources: Sources = files.filter(|&(path, _)| is_kept(path)).collect();
    Arc::new(pack::load(&sources, "bluechip-tsi").expect("the pack loads with fewer pages"))
}

fn judge(path: &Path, pack: &Arc<Pack>) -> u64 {
    let mut check = Check::new(Arc::clone(pack), Options::default());
    let file = File::open(path).expect("the cassette opens");
    let mut reader = Reader::open_with(file, "generated", Verification::Skipped).expect("the header is ours");
    check.begin(SourceInfo { masked: true, ..SourceInfo::default() });
    while let Some(judged) = reader.walk_next(|event| check.observe(event)) {
        judged.expect("each line is an event");
    }
    check.end(Completeness::Finished);
    let result = check.finish();
    assert_eq!(result.rules.iter().map(|rule| rule.violated).sum::<u64>(), 0, "a clean cassette");
    result.rules.iter().map(|rule| rule.met).sum()
}

fn generate(path: &Path, size: u64) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let head = [
        r#"{"cassette":1,"tool":"tilltape 0.1.0","recorded_at":"2026-03-02T10:15:40.120334Z","pack":"bluechip-tsi","vantage":"proxy","subject":{},"masking":"default@1","labels":{}}"#,
        r#"{"n":1,"t_us":0,"conn":1,"event":"open","client":"pos","peer":{"pos":"127.0.0.1:53122","terminal":"127.0.0.1:50000"},"request":{"target":"/tsi/v1/payment","headers":[["Host","127.0.0.1:50000"]]},"response":{"status":101,"headers":[]}}"#,
    ];
    let mut written = 0;
    for line in head {
        writeln!(out, "{line}")?;
        written += line.len() as u64 + 1;
    }
    let (mut n, mut time) = (1_u64, 0_u64);
    for sale in 1_u64.. {
        if written >= size {
            break;
        }
        let flow = format!("00005a17-0000-4a3c-8b1d-{sale:012x}");
        let amount = 1_000 + sale % 9_000;
        let messages = [
            (
                "pos",
                format!(
                    r#"{{"request":{{"flow_id":"{flow}","resource":{{"type":"sale","amount":{amount},"tender_type":"credit","clerk_id":"7","invoice_no":"A-{sale}"}}}}}}"#
                ),
            ),
            (
                "terminal",
                format!(r#"{{"response":{{"flow_id":"{flow}","resource":{{"status":"started"}}}}}}"#),
            ),
            (
                "terminal",
                format!(
                    r#"{{"event":{{"flow_id":"{flow}","resource":{{"status":"completed","results":[{{"type":"sale","status":"approved","transaction_amount":"{amount}","tip_amount":"0","total_amount":"{amount}","authorization_no":"04417Z","reference_no":"{sale}","batch_no":"12","trace_no":"{sale}","host_response_code":"00","host_response_text":"APPROVED","terminal_id":"T0007","merchant_id":"M55001","transaction_date":"26/03/02","transaction_time":"10:15:44","card":{{"account_no":"************1117","entry_mode":{{"code":"0","text":"magnetic_strip"}},"type":{{"code":"01","text":"visa"}}}},"emv":{{"aid":"A0000000031010","application_label":"VISA DEBIT","tvr":"0000008000","tsi":"E800"}}}}]}}}}}}"#
                ),
            ),
            ("pos", format!(r#"{{"event_ack":{{"flow_id":"{flow}","resource":{{"status":"ok"}}}}}}"#)),
        ];
        for (from, json) in messages {
            n += 1;
            time += 900 + sale * 7 % 300;
            let line =
                format!(r#"{{"n":{n},"t_us":{time},"conn":1,"from":"{from}","event":"text","json":{json}}}"#);
            writeln!(out, "{line}")?;
            written += line.len() as u64 + 1;
        }
    }
    writeln!(
        out,
        r#"{{"n":{},"t_us":{},"conn":1,"from":"pos","event":"close","code":1000,"reason":""}}"#,
        n + 1,
        time + 10
    )?;
    writeln!(out, r#"{{"n":{},"t_us":{},"event":"end","reason":"stopped"}}"#, n + 2, time + 20)?;
    out.flush()?;
    Ok(n + 4)
}
