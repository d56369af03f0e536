//! The packs a command works with: those in the binary, and those of a folder in their place.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::error::CliError;
use crate::pack::{self, Sources};

/// What a pack is made of, by extension.
const EXTENSIONS: [&str; 5] = ["toml", "md", "json", "yaml", "yml"];

/// The packs of the binary; a pack of `folder` takes the place of the one of its name, wholly.
pub(crate) fn sources(folder: Option<&Path>) -> Result<Sources, CliError> {
    let embedded = Sources::embedded();
    let Some(folder) = folder else { return Ok(embedded) };
    let mut all = Sources::default();
    read(folder, "", &mut all)?;
    let own: BTreeSet<String> = all.packs().map(str::to_owned).collect();
    if own.is_empty() {
        let error = CliError::input(format!("expected a folder of packs, got {}", folder.display()));
        return Err(match folder.join("pack.toml").is_file() {
            true => error.help("it is a pack itself: name the folder it stands in"),
            false => error.help("a pack is a folder below it with a `pack.toml`"),
        });
    }
    for pack in embedded.packs().filter(|pack| !own.contains(*pack)) {
        for extension in EXTENSIONS {
            for (path, text) in embedded.below(pack, extension) {
                all.insert(path, text);
            }
        }
    }
    Ok(all)
}

/// The packs that `names` name, all of them where it names none.
pub(crate) fn chosen(sources: &Sources, names: &[String]) -> Result<Vec<String>, CliError> {
    let all: Vec<String> = sources.packs().map(str::to_owned).collect();
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        let near = pack::suggestion(unknown, all.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("{near} "));
        return Err(CliError::input(format!("expected the name of a pack, got `{unknown}`"))
            .help(format!("{near}known packs: {}", all.join(", "))));
    }
    Ok(if names.is_empty() { all } else { names.to_vec() })
}

/// Adds the files below `folder`, whose paths start with `prefix`.
fn read(folder: &Path, prefix: &str, sources: &mut Sources) -> Result<(), CliError> {
    let failed = |path: &Path, error| CliError::input(format!("cannot read {}: {error}", path.display()));
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let file_type = entry.file_type().map_err(|error| failed(&path, error))?;
        if file_type.is_dir() {
            read(&path, &format!("{name}/"), sources)?;
        } else if EXTENSIONS.iter().any(|extension| path.extension().is_some_and(|own| own == *extension)) {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            sources.insert(name, text);
        }
    }
    Ok(())
}
