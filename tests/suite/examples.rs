//! The projects in `examples/` that are written in other languages: their own tests pass, with the program just built.
//!
//! What is not installed is skipped by name; how to install it stands in `CONTRIBUTING.md`.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_pos_in_node_passes_its_tests() {
    let project = example("node-pos");
    match installed(&project, "ws", 18) {
        Ok(()) => passes(node(&project, "test/pos.test.js"), "# pass 8"),
        Err(reason) => skipped("examples/node-pos", &reason),
    }
}

#[test]
fn the_pos_in_python_passes_its_tests() {
    let python = env::var_os("TILLTAPE_PYTHON").unwrap_or_else(|| "python3".into());
    let probe = Command::new(&python).args(["-c", "import pytest, websockets.sync.client"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let reason = "PyPI `pytest` and `websockets` are not found; TILLTAPE_PYTHON says where they are";
        assert!(env::var_os("TILLTAPE_PYTHON").is_none(), "TILLTAPE_PYTHON is set, and {reason}");
        return skipped("examples/python-pos", reason);
    }
    let mut command = Command::new(python);
    // Nothing is left in the tree.
    command.args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    command.current_dir(example("python-pos"));
    passes(command, "8 passed");
}

#[test]
fn the_browser_shows_the_same_receipts_recorded_and_replayed() {
    let project = example("browser-pos");
    let ready = installed(&project, "playwright-core", 20).and_then(|()| chromium());
    match ready {
        Ok(chromium) => {
            let mut command = node(&project, "test/page.test.js");
            command.env("CHROMIUM", chromium);
            passes(command, "# pass 2");
        }
        Err(reason) => skipped("examples/browser-pos", &reason),
    }
}

/// Where packages come from is for each machine to know.
#[test]
fn lock_files_name_no_place_to_download_from() {
    for project in ["node-pos", "browser-pos"] {
        let lock = fs::read_to_string(example(project).join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\": \"sha512-"), "{project}: what is locked is checked");
        assert!(
            !lock.contains("://"),
            "{project}: npm wrote a place into package-lock.json; is .npmrc there?"
        );
    }
}

#[track_caller]
fn passes(mut command: Command, count: &str) {
    command.env("TILLTAPE", env!("CARGO_BIN_EXE_tilltape")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains(count),
        "expected `{count}`, got {}:\n{said}",
        output.status
    );
}

fn node(project: &Path, test: &str) -> Command {
    let mut command = Command::new(env::var_os("TILLTAPE_NODE").unwrap_or_else(|| "node".into()));
    command.args(["--test", "--test-reporter=tap", test]).current_dir(project);
    command
}

/// Whether Node.js is there in that version or a newer one, and an npm package in the project.
fn installed(project: &Path, package: &str, oldest: u32) -> Result<(), String> {
    let node = env::var_os("TILLTAPE_NODE").unwrap_or_else(|| "node".into());
    let Ok(said) = Command::new(node).arg("--version").output() else {
        return Err("Node.js is not on the path; TILLTAPE_NODE says where it is".into());
    };
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let major = said.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.unwrap_or(0) < oldest {
        return Err(format!("expected Node.js {oldest} or newer, got {said}"));
    }
    match project.join("node_modules").join(package).is_dir() {
        true => Ok(()),
        false => Err(format!("npm `{package}` is not installed; run `npm ci` there")),
    }
}

fn chromium() -> Result<PathBuf, String> {
    if let Some(given) = env::var_os("TILLTAPE_CHROMIUM") {
        assert!(Path::new(&given).is_file(), "TILLTAPE_CHROMIUM names no program");
        return Ok(given.into());
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    found
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| "Chromium is not on the path; TILLTAPE_CHROMIUM says where it is".into())
}

fn skipped(what: &str, reason: &str) {
    // Past the test harness, which keeps the output of a test that passes to itself.
    let _ = writeln!(io::stderr(), "skipped: {what}: {reason}");
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}
