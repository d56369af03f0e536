//! The laws of `ARCHITECTURE.md`, proved from the source text: who may use whom, where I/O lives,
//! and how a file looks.
//!
//! It reads code the plain way, line by line. Comments and unit tests (`#[cfg(test)] mod tests`) are left
//! out: a test may reach further than the module it tests. What `clippy.toml` forbids is forbidden there a
//! second time, by name; the compiler sees through aliases, this file sees what the compiler does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use; nothing else of ours is allowed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("wire", &[]),
    ("mask", &["text"]),
    ("conversation", &["text", "wire", "mask"]),
    ("cassette", &["conversation", "text", "wire", "mask"]),
    ("pack", &["conversation", "text", "wire", "mask"]),
    ("rule", &["pack", "conversation", "text", "wire", "mask"]),
    ("check", &["rule", "pack", "conversation", "text", "wire", "mask"]),
    ("prove", &["check", "rule", "pack", "conversation", "text", "wire", "mask"]),
    ("diff", &["pack", "conversation", "text", "wire", "mask"]),
    ("money", &["pack", "conversation", "text", "wire", "mask"]),
    ("replay", &["money", "cassette", "pack", "conversation", "text", "wire", "mask"]),
    ("report", &["prove", "check", "diff", "rule", "pack", "conversation", "text", "wire", "mask"]),
    (
        "net",
        &["check", "replay", "money", "cassette", "rule", "pack", "conversation", "text", "wire", "mask"],
    ),
    (
        "testing",
        &["net", "check", "replay", "cassette", "rule", "pack", "conversation", "text", "wire", "mask"],
    ),
    (
        "cli",
        &[
            "net",
            "report",
            "prove",
            "check",
            "diff",
            "replay",
            "money",
            "cassette",
            "rule",
            "pack",
            "conversation",
            "text",
            "wire",
            "mask",
        ],
    ),
];

/// Names that mean I/O, a clock, a thread or a wait; only `net` and `cli` may say them.
const IO_NAMES: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "Instant::now",
    "SystemTime",
    "stdin()",
    "stdout()",
    "stderr()",
    "tokio",
    "rustls",
    "async fn",
    "async move",
    ".await",
];

/// Macros that print; only `cli` may call them.
const PRINTING: &[&str] = &["println!", "eprintln!", "print!", "eprint!", "dbg!"];

/// Module names under which anything could be filed.
const DRAWERS: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "shared", "stuff", "tools"];

/// Lines of code a file may have, unit tests not counted.
const MAX_LINES: usize = 600;

#[test]
fn modules_use_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut faults = Vec::new();
    for file in sources() {
        let Some(module) = file.module() else { continue };
        let Some(allowed) = table.get(module) else {
            faults.push(format!("{}: `{module}` is not in the table of modules", file.name));
            continue;
        };
        for used in file.uses() {
            if used != module && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}: `{module}` may not use `crate::{used}`", file.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for (module, _) in MAY_USE {
        let mut reached = BTreeSet::new();
        let mut open = vec![*module];
        while let Some(next) = open.pop() {
            for used in table[next] {
                assert_ne!(used, module, "`{module}` is used by what it uses, `{next}`");
                if reached.insert(*used) {
                    open.push(used);
                }
            }
        }
    }
}

#[test]
fn main_uses_only_cli() {
    let main = sources().into_iter().find(|file| file.name == "main.rs").expect("src/main.rs is there");
    for line in &main.code {
        for part in line.split("tilltape::").skip(1) {
            assert!(part.starts_with("cli::"), "src/main.rs uses `tilltape::{part}`");
        }
    }
}

#[test]
fn only_net_and_cli_do_io() {
    let faults = lines_with(IO_NAMES, |module| !matches!(module, Some("net" | "testing" | "cli") | None));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_cli_prints() {
    let faults = lines_with(PRINTING, |module| module != Some("cli"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_opens_with_a_head() {
    let faults: Vec<_> = sources()
        .iter()
        .chain(&tests())
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| format!("{}: the first line is not `//! …`", file.name))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let faults: Vec<_> = sources()
        .iter()
        .filter(|file| file.lines_without_tests > MAX_LINES)
        .map(|file| format!("{}: {} lines, at most {MAX_LINES}", file.name, file.lines_without_tests))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_module_is_a_drawer() {
    let faults: Vec<_> = sources()
        .iter()
        .flat_map(|file| file.path_words().map(|word| (file.name.clone(), word)).collect::<Vec<_>>())
        .filter(|(_, word)| DRAWERS.contains(&word.as_str()))
        .map(|(name, word)| format!("{name}: `{word}` names no idea; put the code with the type it serves"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rule_page_has_passing_and_failing_exchanges() {
    let mut faults = Vec::new();
    for page in files_below(&root().join("specs"), "md") {
        if page.parent().and_then(Path::file_name).is_none_or(|folder| folder != "rules") {
            continue;
        }
        let text = fs::read_to_string(&page).expect("a rule page is UTF-8");
        for kind in ["pass", "fail"] {
            if !text.contains(&format!("```exchange {kind}")) {
                faults.push(format!("{}: no `{kind}` exchange", page.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The proof proves: a reader that saw nothing would pass every law above.
#[test]
fn the_reader_sees_what_it_is_asked_to_see() {
    let file = Source::new(
        "rule/respond.rs".to_owned(),
        "//! Head with crate::cli in it.\n\
         use crate::{conversation::{Message, Party}, text::Pointer};\n\
         use super::super::net::Proxy; // not crate::report\n\
         fn f() -> crate::pack::Pack { todo!() }\n\
         use super::finding::Finding;\n\
         #[cfg(test)]\n\
         mod tests {\n    use crate::cassette::Reader;\n}\n"
            .to_owned(),
    );
    assert_eq!(file.uses().into_iter().collect::<Vec<_>>(), ["conversation", "net", "pack", "text"]);
    assert_eq!(file.lines_without_tests, 5);
    let names: Vec<_> = sources().iter().filter_map(|f| f.module().map(str::to_owned)).collect();
    for (module, _) in MAY_USE.iter().filter(|(name, _)| !matches!(*name, "diff" | "replay")) {
        assert!(names.iter().any(|name| name == module), "no file of `{module}` was read");
    }
}

/// One source file, as far as the laws read it.
struct Source {
    /// Path below its root, with `/`.
    name: String,
    text: String,
    /// Lines without comments and without unit tests.
    code: Vec<String>,
    lines_without_tests: usize,
}

impl Source {
    fn new(name: String, text: String) -> Self {
        let is_test_file = name.ends_with("/tests.rs") || name.contains("/tests/");
        let mut code = Vec::new();
        let mut lines_without_tests = 0;
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let starts_tests = line.trim() == "#[cfg(test)]"
                && lines.peek().is_some_and(|next| next.trim_start().starts_with("mod "));
            if is_test_file || starts_tests {
                break;
            }
            lines_without_tests += 1;
            code.push(without_comment(line).to_owned());
        }
        Self { name, text, code, lines_without_tests }
    }

    /// The module of the table it belongs to; `None` for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<&str> {
        let first = self.name.split('/').next()?;
        match first.strip_suffix(".rs") {
            Some("lib" | "main") => None,
            Some(module) => Some(module),
            None => Some(first),
        }
    }

    /// Modules of the crate root it names: `crate::x`, `crate::{x, y}`, or `super::` up to the root.
    fn uses(&self) -> BTreeSet<String> {
        let text = self.code.join("\n");
        let to_root = "super::".repeat(self.depth());
        let mut used = BTreeSet::new();
        for start in ["crate::", to_root.as_str()] {
            for (at, _) in text.match_indices(start) {
                let before = text[..at].chars().next_back();
                let continues = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
                if !continues {
                    used.extend(first_names(&text[at + start.len()..]));
                }
            }
        }
        used.remove("super");
        used
    }

    /// How many modules it is below the crate root.
    fn depth(&self) -> usize {
        let words = self.path_words().count();
        if self.name.ends_with("mod.rs") { words - 1 } else { words }
    }

    fn path_words(&self) -> impl Iterator<Item = String> {
        self.name.trim_end_matches(".rs").split('/').map(str::to_owned)
    }
}

/// `a::b` names `a`; `{a::b, c::{d, e}}` names `a` and `c`.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                names.push(word(&group[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                names.push(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split_once(" // ").map_or(line, |(code, _)| code)
}

fn lines_with(names: &[&str], concerns: impl Fn(Option<&str>) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for file in sources().iter().filter(|file| concerns(file.module())) {
        for (index, line) in file.code.iter().enumerate() {
            for name in names.iter().filter(|name| names_it(line, name)) {
                faults.push(format!("{}:{}: `{name}`: {}", file.name, index + 1, line.trim()));
            }
        }
    }
    faults
}

/// `name` stands in `line` as a whole word: `print!` is not in `println!` nor in `eprint!`.
fn names_it(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let opens = !in_word(before) || name.starts_with('.');
        let closes = !in_word(after) || name.ends_with(['!', ')']);
        opens && closes
    })
}

fn sources() -> Vec<Source> {
    read_all(&root().join("src"))
}

fn tests() -> Vec<Source> {
    read_all(&root().join("tests"))
}

fn read_all(folder: &Path) -> Vec<Source> {
    files_below(folder, "rs")
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).expect("found below the folder").to_string_lossy();
            Source::new(name.replace('\\', "/"), fs::read_to_string(&path).expect("a source file is UTF-8"))
        })
        .collect()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project can be listed") {
            let path = entry.expect("a folder of the project can be listed").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
