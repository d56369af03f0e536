//! The rules of a pack as a Markdown table: what `specs/<pack>/RULES.md` holds.

use std::fmt::Write as _;

use crate::conversation::Party;
use crate::pack::{Pack, RuleInfo};

/// A table of the rules that `pack` states, with links to their pages, and where the others stand.
pub fn rule_index(pack: &Pack) -> String {
    let own: Vec<&RuleInfo> =
        pack.rules.iter().map(|rule| rule.info.as_ref()).filter(|info| info.pack == pack.name).collect();
    let mut text = format!(
        "# Rules of {0}\n\nWritten from the pages; `tilltape pack index {0}` prints it.\n\n{1} {2}.",
        pack.name,
        own.len(),
        if own.len() == 1 { "rule" } else { "rules" }
    );
    let mut inherited: Vec<&str> =
        pack.rules.iter().map(|rule| rule.info.pack.as_str()).filter(|name| *name != pack.name).collect();
    inherited.dedup();
    for base in inherited {
        let _ = write!(text, " Those of [{base}](../{base}/RULES.md) hold as well.");
    }
    text.push_str("\n\n| Code | Rule | Level | Authority | Binds | At stake | Source |\n|---|---|---|---|---|---|---|\n");
    for info in own {
        let page = info.page.strip_prefix(&format!("{}/", pack.name)).unwrap_or(&info.page);
        let cells = [
            format!("[{}]({page})", info.code),
            cell(&info.title),
            info.level.to_string(),
            info.authority.to_string(),
            binds(info.obligor).to_owned(),
            info.impact.to_string(),
            cell(&info.source.join("; ")),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

const fn binds(obligor: Option<Party>) -> &'static str {
    match obligor {
        Some(Party::Pos) => "POS",
        Some(Party::Terminal) => "terminal",
        Some(Party::Gateway) => "gateway",
        None => "sender",
    }
}

/// A text that ends no cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
