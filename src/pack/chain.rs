//! A pack and the packs it builds on, the lowest first, each once.

use super::Sources;
use super::error::{PackError, PackErrors, suggestion};
use super::format::{PackFile, Text};
use super::resolve::File;

/// One pack of a chain.
#[derive(Debug)]
pub(super) struct Link<'a> {
    /// Its `pack.toml`.
    pub(super) file: File<'a>,
    /// What stands there.
    pub(super) definition: PackFile,
    /// How much of it the packs above take over.
    pub(super) taken: Taken,
}

/// How much of a pack the ones that build on it take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of it.
    Wholly,
    /// What a dialect has in common with its protocol: kinds, keys and parameters; and of the rules those it
    /// has a page for.
    AsDialect,
}

/// The pack `name` and what it builds on.
pub(super) fn chain<'a>(sources: &'a Sources, name: &str) -> Result<Vec<Link<'a>>, PackErrors> {
    let mut chain = Vec::new();
    collect(sources, name, None, Taken::Wholly, &mut Vec::new(), &mut chain)?;
    Ok(chain)
}

fn collect<'a>(
    sources: &'a Sources,
    name: &str,
    asked_by: Option<PackError>,
    taken: Taken,
    path: &mut Vec<String>,
    chain: &mut Vec<Link<'a>>,
) -> Result<(), PackErrors> {
    if let Some(known) = chain.iter_mut().find(|known| known.definition.name.get_ref() == name) {
        if taken == Taken::Wholly {
            known.taken = taken;
        }
        return Ok(());
    }
    let Some((file, text)) = sources.get(&format!("{name}/pack.toml")) else {
        let known: Vec<&str> = sources.packs().collect();
        let help = suggestion(name, known.iter().copied())
            .unwrap_or_else(|| format!("known packs: {}", known.join(", ")));
        let error = asked_by.unwrap_or_else(|| {
            PackError::of_file(name, format!("expected the name of a pack, got `{name}`"))
        });
        return Err(error.help(help).into());
    };
    let file = File { name: file, text, offset: 0 };
    let definition: PackFile = toml::from_str(text).map_err(|error| file.toml_error(&error))?;
    if definition.name.get_ref() != name {
        let message =
            format!("expected the name of its folder, `{name}`, got `{}`", definition.name.get_ref());
        return Err(file.error(definition.name.span(), message).into());
    }
    path.push(name.to_owned());
    let mut base = |base: &Text, taken: Taken, verb: &str| -> Result<(), PackErrors> {
        let error = file.error(base.span(), format!("expected a pack to {verb}, got `{}`", base.get_ref()));
        if path.contains(base.get_ref()) {
            return Err(error.help("a pack cannot build on itself, directly or by another").into());
        }
        collect(sources, base.get_ref(), Some(error), taken, path, chain)
    };
    for extended in &definition.extends {
        base(extended, Taken::Wholly, "extend")?;
    }
    if let Some(protocol) = &definition.dialect_of {
        base(protocol, Taken::AsDialect, "be a dialect of")?;
    }
    path.pop();
    chain.push(Link { file, definition, taken });
    Ok(())
}
