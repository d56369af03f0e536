//! Loads a pack with everything it extends, from named sources to the resolved model.
//!
//! Bases come first, so that a pack can refine their kinds, parameters and rules. All mistakes of all
//! files are reported together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chain::{Link, Taken, chain};
use super::document::Library;
use super::error::{PackError, PackErrors, suggestion};
use super::format::FrontMatter;
use super::model::{Pack, Rule};
use super::profile::Profiler;
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
    let chain = chain(sources, name)?;
    let mut resolver = Resolver::default();
    resolver.library = Library::of(sources);
    for link in &chain {
        resolver.declare(link);
    }
    set_parameters(&mut resolver, name, parameters);
    resolver.messages(&chain);
    let mut rules: BTreeMap<RuleCode, (usize, Rule)> = BTreeMap::new();
    // Rules of the protocol this is a dialect of: they hold where the dialect has a page for them.
    let mut of_protocol: BTreeMap<RuleCode, Rule> = BTreeMap::new();
    let mut broken: BTreeSet<String> = BTreeSet::new();
    for (depth, link) in chain.iter().enumerate() {
        let folder = folder(link.file.name);
        for (path, text) in sources.below(&format!("{folder}/rules"), "md") {
            if link.taken == Taken::AsDialect && !has_page(sources, &chain[depth + 1..], path) {
                continue;
            }
            let inherits = |code: &RuleCode| {
                of_protocol.get(code).or_else(|| rules.get(code).map(|(_, rule)| rule)).cloned()
            };
            let code = path.rsplit('/').next().unwrap_or(path);
            if broken.contains(code) {
                // What it differs from has mistakes, which are shown; its own would only repeat them.
                continue;
            }
            match rule(&mut resolver, folder, path, text, inherits) {
                Ok(None) => drop(broken.insert(code.to_owned())),
                Ok(Some(rule)) => match link.taken {
                    Taken::AsDialect => drop(of_protocol.insert(rule.info.code.clone(), rule)),
                    Taken::Wholly => drop(rules.insert(rule.info.code.clone(), (depth, rule))),
                },
                Err(error) => {
                    broken.insert(code.to_owned());
                    resolver.errors.push(error);
                }
            }
        }
    }
    let lenses = lens::resolve(&mut resolver, lenses);
    resolver.trie.graft();
    resolver.outcome_trie.graft();
    resolver.money_trie.graft();
    let mut rules: Vec<(usize, Rule)> = rules.into_values().collect();
    rules.sort_by_key(|(depth, _)| *depth);
    let extends = chain.iter().rev().skip(1).map(|base| base.definition.name.get_ref().clone()).collect();
    let Some(Link { definition: own, .. }) = chain.last() else {
        return Err(PackError::of_file(name, "expected a pack").into());
    };
    if !resolver.errors.is_empty() {
        return Err(PackErrors(resolver.errors));
    }
    let rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
    Ok(Pack {
        profiler: Profiler::new(resolver.trie.len(), &resolver.kinds, &rules),
        name: own.name.get_ref().clone(),
        version: own.version.clone(),
        title: own.title.clone(),
        experimental: own.experimental.clone(),
        extends,
        documents: resolver.documents,
        parameters: resolver.parameters,
        endpoints: resolver.endpoints,
        kinds: resolver.kinds,
        groupings: resolver.groupings,
        crossing: resolver.crossing,
        outcomes: resolver.outcomes,
        volatile: resolver.volatile,
        fixed: resolver.fixed,
        busy: resolver.busy,
        money: resolver.money,
        recoveries: resolver.recoveries,
        sensitive: resolver.sensitive,
        rules,
        lenses,
        trie: resolver.trie,
        outcome_trie: resolver.outcome_trie,
        money_trie: resolver.money_trie,
        library: resolver.library,
        readme: sources.text(&format!("{name}/README.md")).map(str::to_owned),
    })
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

/// Whether a pack of `above` has a page of the same code.
fn has_page(sources: &Sources, above: &[Link<'_>], path: &str) -> bool {
    let code = path.rsplit('/').next().unwrap_or(path);
    above.iter().any(|link| sources.text(&format!("{}/rules/{code}", folder(link.file.name))).is_some())
}

fn rule(
    resolver: &mut Resolver,
    pack: &str,
    path: &str,
    text: &str,
    inherits: impl Fn(&RuleCode) -> Option<Rule>,
) -> Result<Option<Rule>, PackError> {
    let parts = page::split(path, text)?;
    let file = File { name: path, text, offset: parts.front_matter.start };
    let front: FrontMatter =
        toml::from_str(&text[parts.front_matter]).map_err(|error| file.toml_error(&error))?;
    let inherited = front.code.get_ref().parse().ok().and_then(|code| inherits(&code));
    let below = inherited.as_ref().map(|rule| rule.page.as_ref());
    let page = page::parse(path, text, parts.body_at, below)?;
    Ok(resolver.rule(&file, pack, front, Arc::new(page), inherited.as_ref()))
}

fn folder(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}
