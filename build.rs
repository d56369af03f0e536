//! Embeds `specs/` in the binary: writes a table of (path, text) that `pack::embedded` includes.

#![allow(clippy::disallowed_methods, reason = "a build script reads files and the environment")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=specs");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("specs"), &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(root.join("specs")).expect("every file was found below specs");
        let name = name.to_str().expect("spec file names are UTF-8").replace('\\', "/");
        writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string())
            .expect("a String takes any text");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("specs.rs"), table)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.file_name().is_some_and(|name| name == "RULES.md") {
            // Written from the pages, which are there.
        } else if matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("toml" | "md" | "json" | "yaml" | "yml")
        ) {
            files.push(path);
        }
    }
    Ok(())
}
