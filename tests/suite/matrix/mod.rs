//! The matrix through the command line: which cells are bad for which POS, what is said of them, and that it is
//! the same every time.

mod model;
mod process;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use jsonschema::Validator;
use serde_json::Value;

const SALE: &str = "cassettes/bluechip-tsi/sale-approved.cassette.jsonl";

/// `tilltape replay matrix`, run where the repository's root is.
fn matrix(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.args(["replay", "matrix"]).args(arguments).stdin(Stdio::null());
    command.current_dir(root());
    command
}

/// Exit code, standard output, standard error.
fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The grid as JSON, held against its schema; the exit code.
#[track_caller]
fn grid(arguments: &[&str]) -> (Value, Option<i32>) {
    let (code, out, error) = said(matrix(arguments).args(["--format", "json"]).output().unwrap());
    let grid: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    if let Err(error) = schema().validate(&grid) {
        panic!("{error} at {}: {grid:#}", error.instance_path());
    }
    (grid, code)
}

/// The cells called so.
fn cells<'g>(grid: &'g Value, verdict: &str) -> Vec<&'g str> {
    let all = grid["cells"].as_array().unwrap().iter();
    all.filter(|cell| cell["verdict"] == verdict).map(|cell| cell["cell"].as_str().unwrap()).collect()
}

fn schema() -> Validator {
    let schema = include_str!("../../../specs/schema/matrix.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
