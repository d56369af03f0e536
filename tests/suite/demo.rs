//! `tilltape demo` as a stranger runs it: in an empty folder, and once more in the same one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

#[test]
fn the_demo_leaves_cassettes_and_reports_and_names_both_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tilltape-demo")).unwrap();
    fs::write(folder.path().join("tilltape-demo/mine.txt"), "mine").unwrap();
    let start = Instant::now();
    let output = run(folder.path(), &[]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let stdout = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        stdout.contains(
            "
bad till    NON-CONFORMANT"
        ),
        "{stdout}"
    );
    assert!(stdout.starts_with("normal day  CONFORMANT"), "{stdout}");
    assert!(stdout.contains("the POS broke"), "{stdout}");
    assert_eq!(
        files(&folder.path().join("tilltape-demo")),
        [
            "bad-till.cassette.jsonl",
            "bad-till.report.json",
            "bad-till.report.txt",
            "mine.txt",
            "normal-day.cassette.jsonl",
            "normal-day.report.json",
            "normal-day.report.txt",
        ]
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    for step in
        ["terminal_info", "sale of 23.50, tip 3.00", "decline", "void", "refund", "settlement", "bad till"]
    {
        assert!(stderr.contains(step), "{step}: {stderr}");
    }

    let again = run(folder.path(), &["--pace", "instant"]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(fs::read_to_string(folder.path().join("tilltape-demo/mine.txt")).unwrap(), "mine");
    assert_eq!(files(folder.path()), ["tilltape-demo"]);
}

#[test]
fn the_demo_of_gochip_shows_a_good_day_and_a_bad_till() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--pack", "gochip"]);
    let stdout = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.starts_with("normal day  CONFORMANT"), "{stdout}");
    for part in
        ["\nbad till    NON-CONFORMANT", "the POS broke START-1", "the POS broke AMT-2", "explain gochip/"]
    {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let stderr = String::from_utf8(output.stderr).unwrap();
    for step in ["start-up", "sale of 5.05", "declined", "refund of 2.00", "refused: ERROR_NO_DEVICE"] {
        assert!(stderr.contains(step), "{step}: {stderr}");
    }
}

#[test]
fn the_commands_it_suggests_work() {
    let folder = tempfile::tempdir().unwrap();
    let stdout = stdout(&run(folder.path(), &["--out", "my shop", "--pace", "instant"]));
    let (_, suggested) = stdout.split_once("try next\n").unwrap();
    let lines = suggested.lines().map(str::trim);
    let commands: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    let program = env!("CARGO_BIN_EXE_tilltape");
    for (command, code) in commands.iter().zip([0, 1, 0]) {
        assert!(command.starts_with(program), "{command}");
        let output = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(commands.len(), 4);
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tilltape-demo"), "a file").unwrap();
    let output = run(folder.path(), &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr.contains("`tilltape-demo`") && stderr.contains("help: "), "{stderr}");
}

/// Runs the demo to its end: output is complete only once everything that held the pipes is gone.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .arg("demo")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    files
}
