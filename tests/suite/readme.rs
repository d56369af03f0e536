//! What `README.md` shows is what the tool prints: every `text` block that follows a command on a committed cassette.

use std::path::Path;
use std::process::Command;

/// Stands in the README for lines that are left out.
const LEFT_OUT: &str = "[…]";

#[test]
fn the_readme_shows_what_the_tool_prints() {
    let readme = include_str!("../../README.md");
    let mut shown = 0;
    for (command, block) in samples(readme) {
        let output = run(&command);
        let mut printed = output.lines();
        let mut may_skip = true;
        for line in block.lines() {
            if line == LEFT_OUT {
                may_skip = true;
                continue;
            }
            let found =
                if may_skip { printed.any(|real| real == line) } else { printed.next() == Some(line) };
            assert!(
                found,
                "`{command}` no longer prints `{line}` where the README shows it; it prints:\n{output}"
            );
            may_skip = false;
        }
        shown += 1;
    }
    assert_eq!(shown, 2, "samples found in the README");
}

/// Each command named in text (`tilltape … cassettes/…`) whose paragraph ends in a colon, with its block.
fn samples(readme: &str) -> Vec<(String, String)> {
    let mut samples = Vec::new();
    for part in readme.split("\n```text\n").collect::<Vec<_>>().windows(2) {
        let before = part[0].trim_end().lines().next_back().unwrap_or_default();
        let Some(command) = before.split('`').find(|code| code.starts_with("tilltape ")) else { continue };
        if let Some((block, _)) = part[1].split_once("\n```")
            && command.contains(" cassettes/")
        {
            samples.push((command.to_owned(), block.to_owned()));
        }
    }
    samples
}

fn run(command: &str) -> String {
    let arguments = command.split(' ').skip(1);
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("the tool starts");
    String::from_utf8(output.stdout).expect("the tool prints UTF-8")
}
