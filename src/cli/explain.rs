//! `tilltape explain`: the page of a rule, or the list of those that are meant.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::CliError;
use super::{Exit, output, specs};
use crate::pack::{self, Pack, Rule, RuleCode, RuleSelector};
use crate::report;

/// Prints the page of a rule: what it requires, why it matters, and the exchanges that prove it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A rule (`ACK-1`, `bluechip-tsi/ACK-1`), the start of some (`ACK`), or a pack; all rules without it.
    #[arg(value_name = "CODE")]
    rule: Option<String>,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    let sources = specs::sources(arguments.specs.as_deref())?;
    let mut packs = Vec::new();
    for name in sources.packs() {
        packs.push(pack::load(&sources, name).map_err(CliError::input)?);
    }
    let known = known(&packs);
    let look = output::look_of_stdout();
    let meant = match &arguments.rule {
        Some(text) => pick(&known, text)?,
        None => known.values().copied().collect(),
    };
    // A dialect says only what differs from a rule: that rule is the one that is meant.
    let (dialects, stated): (Vec<&Rule>, Vec<&Rule>) =
        meant.iter().partition(|rule| is_overlay(rule, &meant));
    let experiments: BTreeMap<&str, &str> =
        packs.iter().filter_map(|pack| Some((pack.name.as_str(), pack.experimental.as_deref()?))).collect();
    let page = |rule: &Rule| {
        let experimental = experiments.get(rule.info.pack.as_str()).copied();
        report::page(&rule.info, &rule.page.text, experimental, look)
    };
    let names: Vec<&str> = experiments.keys().copied().collect();
    let infos = |rules: &[&Rule]| rules.iter().map(|rule| Arc::clone(&rule.info)).collect::<Vec<_>>();
    let text = match stated.as_slice() {
        [rule] if dialects.is_empty() => page(rule),
        [rule] => {
            let list = infos(&dialects);
            let also = report::rule_list(list.iter().map(AsRef::as_ref), &names, look);
            format!("{}\nin dialects\n{also}", page(rule))
        }
        _ => report::rule_list(infos(&meant).iter().map(AsRef::as_ref), &names, look),
    };
    output::print(&text)?;
    Ok(Exit::Success)
}

/// Every rule once, under the pack that states it.
type Known<'a> = BTreeMap<(&'a str, &'a RuleCode), &'a Rule>;

fn known(packs: &[Pack]) -> Known<'_> {
    let rules = packs.iter().flat_map(|pack| &pack.rules);
    rules.map(|rule| ((rule.info.pack.as_str(), &rule.info.code), rule)).collect()
}

/// The rules that `text` means: as an address, else as a pack, else as the start of codes.
fn pick<'a>(known: &Known<'a>, text: &str) -> Result<Vec<&'a Rule>, CliError> {
    let selector = text.parse::<RuleSelector>();
    let start = text.to_ascii_uppercase();
    let by_address =
        |pack: &str, code: &RuleCode| selector.as_ref().is_ok_and(|selector| selector.picks(pack, code));
    let by_pack = |pack: &str, _: &RuleCode| pack == text.trim_end_matches('/');
    let by_start = |_: &str, code: &RuleCode| !start.is_empty() && code.to_string().starts_with(&start);
    let picked = [rules_where(known, by_address), rules_where(known, by_pack), rules_where(known, by_start)];
    if let Some(picked) = picked.into_iter().find(|picked| !picked.is_empty()) {
        return Ok(picked);
    }
    let codes: Vec<String> = known.keys().map(|(_, code)| code.to_string()).collect();
    let addresses = known.keys().map(|(pack, code)| format!("{pack}/{code}"));
    let words: Vec<String> = match text.contains('/') {
        true => addresses.collect(),
        false => codes.into_iter().chain(known.keys().map(|(pack, _)| (*pack).to_owned())).collect(),
    };
    let upper = if text.contains('/') { text.to_owned() } else { start };
    let help = pack::suggestion(&upper, words.iter().map(String::as_str))
        .or_else(|| pack::suggestion(text, words.iter().map(String::as_str)))
        .unwrap_or_else(|| "`tilltape explain` lists all rules".into());
    Err(CliError::input(format!("expected a rule such as `ACK-1`, got `{text}`")).help(help))
}

/// Whether a rule says only what differs from another of these.
fn is_overlay(rule: &Rule, among: &[&Rule]) -> bool {
    let base = |other: &&Rule| {
        rule.overlays.as_deref() == Some(other.info.pack.as_str()) && other.info.code == rule.info.code
    };
    among.iter().any(base)
}

fn rules_where<'a>(known: &Known<'a>, wanted: impl Fn(&str, &RuleCode) -> bool) -> Vec<&'a Rule> {
    known.iter().filter(|((pack, code), _)| wanted(pack, code)).map(|(_, rule)| *rule).collect()
}
