//! The tutorial of `docs/packs.md`, done by a machine: its files are written, its commands run, and what they print
//! is what the page shows.
//!
//! A block with `title="FILE"` is that file, with `append="FILE"` its end; an `edit` block replaces its first line by
//! its second. In a `console` block each line that starts with `$ ` is run, and what follows is what it prints, with
//! `[exit code N]` at the end where that is not 0. `TILLTAPE_UPDATE=1` writes what is printed into the page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_tutorial_works_as_it_stands() {
    let page = root().join("docs/packs.md");
    let text = fs::read_to_string(&page).unwrap();
    let start = text.find(START).unwrap() + START.len();
    let end = text.find(END).unwrap();
    let folder = TempDir::new().unwrap();
    let (today, commands) = done(&text[start..end], folder.path());
    assert!(commands > 12, "{commands} commands");
    if std::env::var_os("TILLTAPE_UPDATE").is_some() && std::env::var_os("CI").is_none() {
        fs::write(&page, format!("{}{today}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    let difference = similar::TextDiff::from_lines(&text[start..end], &today).unified_diff().to_string();
    assert!(difference.is_empty(), "docs/packs.md is not of today; run with TILLTAPE_UPDATE=1\n{difference}");
}

#[test]
fn the_tutorial_ends_with_a_pack_that_is_whole_and_proved() {
    let text = fs::read_to_string(root().join("docs/packs.md")).unwrap();
    let (start, end) = (text.find(START).unwrap() + START.len(), text.find(END).unwrap());
    let folder = TempDir::new().unwrap();
    done(&text[start..end], folder.path());
    for (command, said) in [
        ("tilltape pack check till-talk --specs specs", "no mistakes"),
        ("tilltape pack test till-talk --specs specs", "all as their pages say"),
        (
            "tilltape pack prove till-talk --specs specs",
            "0 faults not found as they should be, 0 twins changed",
        ),
    ] {
        let (code, printed) = run(command, folder.path());
        assert_eq!(code, 0, "{command}: {printed}");
        assert!(printed.contains(said), "{command}: {printed}");
    }
    let rules = fs::read_to_string(folder.path().join("specs/till-talk/RULES.md")).unwrap();
    assert!(rules.contains("\n5 rules.") && rules.contains("| [PAY-2](rules/PAY-2.md) |"), "{rules}");
}

/// Does what a text says, in `folder`. The text with what is printed today, and how many commands were run.
fn done(text: &str, folder: &Path) -> (String, usize) {
    let mut today = String::new();
    let mut commands = 0;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        today.push_str(line);
        let ticks = line.bytes().take_while(|&byte| byte == b'`').count();
        if ticks < 3 {
            continue;
        }
        let fence = &line[..ticks];
        let mut content = String::new();
        let closing = loop {
            let line = lines.next().expect("a fence is closed");
            if line.trim_end() == fence {
                break line;
            }
            content.push_str(line);
        };
        let head = head(&today).to_owned();
        let content = match head.split_whitespace().next() {
            Some("console") => {
                let (printed, ran) = consoled(&content, folder);
                commands += ran;
                printed
            }
            Some(kind) => {
                write(kind, &head, &content, folder);
                content
            }
            None => content,
        };
        today.push_str(&content);
        today.push_str(closing);
    }
    (today, commands)
}

/// What the last line, which opens a block, says of it.
fn head(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches('`')
}

fn write(kind: &str, head: &str, content: &str, folder: &Path) {
    let named = |key: &str| {
        let (_, rest) = head.split_once(&format!("{key}=\""))?;
        Some(folder.join(rest.split_once('"')?.0))
    };
    if kind == "edit" {
        let file: PathBuf = named("title").expect("an edit names its file");
        let (old, new) = content.split_once('\n').expect("an edit has two lines");
        let before = fs::read_to_string(&file).unwrap();
        assert_eq!(before.matches(old).count(), 1, "{}: {old}", file.display());
        fs::write(file, before.replace(old, new.trim_end())).unwrap();
    } else if let Some(file) = named("title") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    } else if let Some(file) = named("append") {
        let before = fs::read_to_string(&file).unwrap();
        fs::write(file, before + content).unwrap();
    }
}

/// A console block with what its commands print.
fn consoled(content: &str, folder: &Path) -> (String, usize) {
    let commands: Vec<&str> = content.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let mut printed = String::new();
    for command in &commands {
        let (code, output) = run(command, folder);
        writeln!(printed, "$ {command}").unwrap();
        printed.push_str(&output);
        if code != 0 {
            writeln!(printed, "[exit code {code}]").unwrap();
        }
    }
    (printed, commands.len())
}

/// Runs a command as a shell does, with the program on its path; both outputs in their order.
fn run(command: &str, folder: &Path) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_tilltape")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .env("PATH", path)
        .env_remove("CLICOLOR_FORCE")
        .current_dir(folder)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const START: &str = "<!-- tutorial: run by the test `tutorial` -->\n";
const END: &str = "<!-- end of the tutorial -->";
