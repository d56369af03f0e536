//! Replay through the command line, sockets and memory.

mod command;
mod control;
mod faults;
mod hanging;
mod judged;
mod lineage;
mod live;
mod modes;
mod mutants;
mod peers;
mod player;
mod rehearsal;
mod simulators;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tilltape::cassette::{Header, Reader};
use tilltape::conversation::{OwnedEvent, transcript};
use tilltape::pack::{self, Pack, Sources};
use tilltape::replay::{Script, Wishes};

/// The script of a transcript, read with a pack.
fn scripted(text: &str, pack: Option<&str>) -> Arc<Script> {
    let events = transcript::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let events = events.iter().map(OwnedEvent::of).collect();
    Arc::new(Script::new(Header::default(), events, pack.map(load), &Wishes::default()))
}

/// The script of a file, read with a pack.
fn script(path: &Path, pack: Option<Arc<Pack>>) -> Arc<Script> {
    let name = path.display().to_string();
    let cassette = Reader::open(fs::File::open(path).unwrap(), &name).unwrap();
    Arc::new(Script::read(cassette, &name, pack, &Wishes::default()).unwrap())
}

fn load(name: &str) -> Arc<Pack> {
    Arc::new(pack::load(&Sources::embedded(), name).unwrap())
}

/// Every cassette of the repository.
fn cassettes() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["cassettes/bluechip-tsi", "cassettes/gochip", "tests/formats"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        let paths = entries.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.to_string_lossy().ends_with(".cassette.jsonl")));
    }
    found.sort();
    assert!(found.len() > 20);
    found
}

fn tilltape(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.args(arguments).stdin(Stdio::null()).env_remove("CI");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Exit code, standard output, standard error.
fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
