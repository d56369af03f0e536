//! What `docs/ci.md` and `action.yml` show works: the YAML is YAML of that shape, and every command in it runs.
//!
//! Commands run in a project made for it: cassettes, a POS that knows one sale, and an `npm` that stands for the
//! project's own tests. What builds the program itself is left out: here it is built already.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};
use tempfile::TempDir;

#[test]
fn the_commands_for_github_run() {
    let workflows: Vec<Value> =
        blocks("yaml").iter().map(|text| yaml(text)).filter(|file| file["on"].is_array()).collect();
    assert_eq!(workflows.len(), 2);
    for workflow in workflows {
        assert_eq!(workflow["permissions"]["contents"], "read");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["runs-on"].is_string() && job["timeout-minutes"].is_string(), "{name}");
            let project = Project::new();
            for step in job["steps"].as_array().unwrap() {
                match (step["uses"].as_str(), step["run"].as_str()) {
                    (Some(action), None) if action.starts_with("OWNER/tilltape@v") => {
                        project.uses_our_action(&step["with"])
                    }
                    (Some(action), None) => assert!(action.contains('@'), "{action} has no version"),
                    (None, Some(command)) => project.runs(command),
                    _ => panic!("a step that neither runs nor uses something: {step}"),
                }
            }
        }
    }
}

#[test]
fn the_commands_for_gitlab_run() {
    let file = blocks("yaml").iter().map(|text| yaml(text)).find(|file| file["on"].is_null()).unwrap();
    let shared = &file[".tilltape"];
    for job in ["recordings", "pos"] {
        assert_eq!(file[job]["extends"], ".tilltape");
        let project = Project::new();
        // Where the cache would have put it.
        let bin = project.folder.path().join(".tilltape/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_tilltape"), bin.join("tilltape")).unwrap();
        let lines = [&shared["before_script"], &file[job]["script"]];
        let lines =
            lines.iter().flat_map(|lines| lines.as_array().unwrap()).map(|line| line.as_str().unwrap());
        // One shell for all of them, as a runner does it.
        project.runs(&lines.collect::<Vec<_>>().join("\n"));
    }
    let kept = file["recordings"]["artifacts"]["paths"][0].as_str().unwrap();
    assert!(file["recordings"]["script"].to_string().contains(kept), "what is kept is what was written");
}

#[test]
fn the_commands_for_any_shell_run() {
    let [script] = <[String; 1]>::try_from(blocks("sh")).unwrap();
    let project = Project::new();
    project.runs(&script);
    let verdict = fs::read_to_string(project.folder.path().join("verdict.json")).unwrap();
    assert!(verdict.lines().last().unwrap().contains(r#""verdict":"complete""#), "{verdict}");
    // Another amount, and the step is red.
    let output = project.run(&script.replace("23.50", "23.51"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn our_action_says_what_the_check_said() {
    let project = Project::new();
    project.uses_our_action(&serde_json::json!({"check": "cassettes"}));
    let report = fs::read_to_string(project.folder.path().join("tilltape-report.json")).unwrap();
    assert!(report.starts_with('{'));
    project.cassette("bluechip-tsi/till-forgets-ack");
    let output = project.action(
        &serde_json::json!({"check": "cassettes", "arguments": "--pack bluechip-tsi", "report": "r.json"}),
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("ACK-1"), "the log has it for people");
    let outputs = fs::read_to_string(project.folder.path().join("github-output")).unwrap();
    assert!(outputs.ends_with("exit-code=1\n"), "{outputs}");
    assert!(project.folder.path().join("r.json").is_file());
    let spaced = project.action(&serde_json::json!({"check": "cassettes; touch owned"}));
    assert_ne!(spaced.status.code(), Some(0));
    assert!(!project.folder.path().join("owned").exists(), "an input is no code");
}

#[test]
fn workflows_of_this_repository_are_yaml() {
    let workflow = yaml(&read(".github/workflows/ci.yml"));
    assert!(workflow["jobs"]["gate"]["steps"].to_string().contains("bash .ci/run"));
}

/// A project that uses tilltape.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        let bin = project.folder.path().join("bin");
        fs::create_dir_all(project.folder.path().join("cassettes")).unwrap();
        fs::create_dir_all(bin.join("runner/tilltape/bin")).unwrap();
        for path in [bin.join("tilltape"), bin.join("runner/tilltape/bin/tilltape")] {
            fs::copy(env!("CARGO_BIN_EXE_tilltape"), path).unwrap();
        }
        project.cassette("bluechip-tsi/sale-approved");
        let cassettes = project.folder.path().join("cassettes");
        fs::rename(cassettes.join("sale-approved.cassette.jsonl"), cassettes.join("sale.cassette.jsonl"))
            .unwrap();
        // The POS under test sells by replaying the till of the cassette; for another amount, another request.
        let pos = "#!/bin/sh\nset -eu\nto=$2 amount=$(echo \"$4\" | tr -d .)\n\
                   sed \"s/\\\"amount\\\":2350/\\\"amount\\\":$amount/\" cassettes/sale.cassette.jsonl > other.jsonl\n\
                   tilltape replay pos other.jsonl --to \"$to\" --pace instant >/dev/null || true\n";
        for (name, text) in [("my-pos", pos), ("npm", "#!/bin/sh\n[ \"$1\" = ci ] || [ \"$1\" = test ]\n")] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        project
    }

    fn cassette(&self, name: &str) {
        let from = root().join("cassettes").join(format!("{name}.cassette.jsonl"));
        fs::copy(&from, self.folder.path().join("cassettes").join(from.file_name().unwrap())).unwrap();
    }

    #[track_caller]
    fn runs(&self, script: &str) {
        let output = self.run(script);
        assert!(output.status.success(), "{script}\n{output:?}");
    }

    fn run(&self, script: &str) -> Output {
        self.bash(script).output().unwrap()
    }

    fn bash(&self, script: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(self.folder.path());
        bash.env("PATH", format!("{}:{path}", self.folder.path().join("bin").display())).env("CI", "true");
        bash
    }

    #[track_caller]
    fn uses_our_action(&self, with: &Value) {
        let output = self.action(with);
        assert!(output.status.success(), "{output:?}");
    }

    /// Runs the steps of `action.yml` but the one that builds; the last one's output.
    fn action(&self, with: &Value) -> Output {
        let action = yaml(&read("action.yml"));
        let input = |name: &str| {
            let default = action["inputs"][name]["default"].as_str().unwrap();
            with[name].as_str().unwrap_or(default).to_owned()
        };
        for name in with.as_object().into_iter().flat_map(Map::keys) {
            assert!(action["inputs"][name].is_object(), "the action has no input `{name}`");
        }
        let mut last = None;
        for step in action["runs"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else { continue };
            assert_eq!(step["shell"], "bash");
            let condition = step["if"].as_str().unwrap_or_default();
            let skipped = script.starts_with("cargo install")
                || (condition == "inputs.check != ''" && input("check").is_empty());
            if skipped {
                assert!(!condition.is_empty());
                continue;
            }
            let mut bash = self.bash(script);
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                let value = value.as_str().unwrap();
                let of = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")).unwrap();
                bash.env(name, input(of));
            }
            let folder = self.folder.path();
            bash.env("RUNNER_TEMP", folder.join("bin/runner"));
            bash.env("GITHUB_PATH", folder.join("github-path"))
                .env("GITHUB_OUTPUT", folder.join("github-output"));
            last = Some(bash.output().unwrap());
        }
        last.unwrap()
    }
}

/// The fenced blocks of `docs/ci.md` in that language.
fn blocks(language: &str) -> Vec<String> {
    let page = read("docs/ci.md");
    let fence = format!("\n```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks.map(|rest| rest.split_once("\n```").unwrap().0.to_owned() + "\n").collect()
}

/// A YAML document as JSON; scalars are texts.
fn yaml(text: &str) -> Value {
    let mut events =
        Parser::new_from_str(text).map(|event| event.unwrap_or_else(|error| panic!("{error}\n{text}")).0);
    loop {
        match events.next().unwrap() {
            Event::StreamStart | Event::DocumentStart(_) => {}
            first => return node(first, &mut events),
        }
    }
}

fn node<'t>(event: Event<'t>, events: &mut impl Iterator<Item = Event<'t>>) -> Value {
    match event {
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut elements = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return Value::Array(elements),
                    event => elements.push(node(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut members = Map::new();
            loop {
                let key = match events.next().unwrap() {
                    Event::MappingEnd => return Value::Object(members),
                    event => node(event, events).as_str().unwrap().to_owned(),
                };
                let value = node(events.next().unwrap(), events);
                assert!(members.insert(key.clone(), value).is_none(), "`{key}` stands twice");
            }
        }
        other => panic!("unexpected in such a file: {other:?}"),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
