//! Loads a pack with everything it extends, from named sources to the resolved model.
//!
//! Bases come first, so that a pack can refine their kinds, parameters and rules. All mistakes of all
//! files are reported together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::Library;
use super::error::{PackError, PackErrors, suggestion};
use super::format::{FrontMatter, PackFile};
use super::model::{Pack, Rule};
use super::resolve::{File, Resolver};
use super::{Lens, RuleCode, Sources, lens, page};

/// Loads a pack with the parameters it comes with.
pub fn load(sources: &Sources, name: &str) -> Result<Pack, PackErrors> {
    load_with(sources, name, &BTreeMap::new())
}

/// Loads a pack for a site that sets some of its parameters.
pub fn load_with(
    sources: &Sources,
    name: &str,
    parameters: &BTreeMap<String, u64>,
) -> Result<Pack, PackErrors> {
    load_through(sources, name, parameters, &[])
}

/// As [`load_with`]; every message will be seen through `lenses`, too.
pub fn load_through(
    sources: &Sources,
    name: &str,
    parameters: &BTreeMap<String, u64>,
    lenses: &[Lens<'_>],
) -> Result<Pack, PackErrors> {
    let mut chain = Vec::new();
    collect(sources, name, None, &mut Vec::new(), &mut chain)?;
    let mut resolver = Resolver::default();
    resolver.library = Library::of(sources);
    for (file, definition) in &chain {
        resolver.declare(file, definition);
    }
    set_parameters(&mut resolver, name, parameters);
    for (file, definition) in &chain {
        resolver.messages(file, definition);
    }
    let mut rules: BTreeMap<RuleCode, (usize, Rule)> = BTreeMap::new();
    for (depth, (file, _)) in chain.iter().enumerate() {
        for rule in pages(&mut resolver, sources, folder(file.name)) {
            if let Some((before, _)) = rules.get(&rule.info.code)
                && *before == depth
            {
                resolver.errors.push(PackError::of_file(
                    &rule.info.page,
                    format!("rule code `{}` is used twice in this pack", rule.info.code),
                ));
            }
            rules.insert(rule.info.code.clone(), (depth, rule));
        }
    }
    let lenses = lens::resolve(&mut resolver, lenses);
    resolver.trie.graft();
    resolver.outcome_trie.graft();
    let mut rules: Vec<(usize, Rule)> = rules.into_values().collect();
    rules.sort_by_key(|(depth, _)| *depth);
    let extends = chain.iter().rev().skip(1).map(|(_, base)| base.name.get_ref().clone()).collect();
    let Some((_, own)) = chain.last() else {
        return Err(PackError::of_file(name, "expected a pack").into());
    };
    if !resolver.errors.is_empty() {
        return Err(PackErrors(resolver.errors));
    }
    Ok(Pack {
        name: own.name.get_ref().clone(),
        version: own.version.clone(),
        title: own.title.clone(),
        extends,
        documents: resolver.documents,
        parameters: resolver.parameters,
        endpoints: resolver.endpoints,
        kinds: resolver.kinds,
        groupings: resolver.groupings,
        outcomes: resolver.outcomes,
        volatile: resolver.volatile,
        fixed: resolver.fixed,
        busy: resolver.busy,
        sensitive: resolver.sensitive,
        rules: rules.into_iter().map(|(_, rule)| rule).collect(),
        lenses,
        trie: resolver.trie,
        outcome_trie: resolver.outcome_trie,
        library: resolver.library,
        readme: sources.text(&format!("{name}/README.md")).map(str::to_owned),
    })
}

fn collect<'a>(
    sources: &'a Sources,
    name: &str,
    asked_by: Option<PackError>,
    path: &mut Vec<String>,
    chain: &mut Vec<(File<'a>, PackFile)>,
) -> Result<(), PackErrors> {
    if chain.iter().any(|(_, known)| known.name.get_ref() == name) {
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
    for base in &definition.extends {
        let error = file.error(base.span(), format!("expected a pack to extend, got `{}`", base.get_ref()));
        if path.contains(base.get_ref()) {
            return Err(error.help("a pack cannot extend itself, directly or by another").into());
        }
        collect(sources, base.get_ref(), Some(error), path, chain)?;
    }
    path.pop();
    chain.push((file, definition));
    Ok(())
}

fn set_parameters(resolver: &mut Resolver, pack: &str, values: &BTreeMap<String, u64>) {
    for (name, &value) in values {
        match resolver.parameters.iter_mut().find(|parameter| parameter.name == *name) {
            Some(parameter) => {
                parameter.value = value;
                parameter.set = true;
            }
            None => {
                let known: Vec<&str> = resolver.parameters.iter().map(|p| p.name.as_str()).collect();
                let help = suggestion(name, known.iter().copied())
                    .unwrap_or_else(|| format!("its parameters: {}", known.join(", ")));
                let message = format!("expected a parameter of pack `{pack}`, got `{name}`");
                resolver.errors.push(PackError::of_file(pack, message).help(help));
            }
        }
    }
}

fn pages(resolver: &mut Resolver, sources: &Sources, folder: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (path, text) in sources.below(&format!("{folder}/rules"), "md") {
        match rule(resolver, folder, path, text) {
            Ok(rule) => rules.extend(rule),
            Err(error) => resolver.errors.push(error),
        }
    }
    rules
}

fn rule(resolver: &mut Resolver, pack: &str, path: &str, text: &str) -> Result<Option<Rule>, PackError> {
    let parts = page::parse(path, text)?;
    let file = File { name: path, text, offset: parts.front_matter.start };
    let front: FrontMatter =
        toml::from_str(&text[parts.front_matter]).map_err(|error| file.toml_error(&error))?;
    Ok(resolver.rule(&file, pack, front, Arc::new(parts.page)))
}

fn folder(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}
