//! Rules: a page says all of it, or, where a pack it builds on has a rule of that code, only what differs.

use std::sync::Arc;

use super::super::format::{FrontMatter, Text};
use super::super::model::Rule;
use super::super::page::Page;
use super::super::{Authority, Impact, Level, RuleInfo};
use super::{File, Resolver};

impl Resolver {
    /// Resolves a rule; `None` where its mistakes were noted. What the page does not say is said by the rule
    /// it `inherits` from.
    pub(crate) fn rule(
        &mut self,
        file: &File<'_>,
        pack: &str,
        front: FrontMatter,
        page: Arc<Page>,
        inherits: Option<&Rule>,
    ) -> Option<Rule> {
        let before = self.errors.len();
        let code = front.code.get_ref().parse().ok();
        if code.is_none() {
            self.wrong(file, &front.code, "a rule code such as `ACK-1`");
        } else if !file.name.ends_with(&format!("/{}.md", front.code.get_ref())) {
            self.wrong(file, &front.code, "the code the file is named after");
        }
        let base = inherits.map(|rule| rule.info.as_ref());
        let code_text = &front.code;
        let levels = Level::ALL.map(|level| (level.as_str(), level));
        let inherited = base.map(|base| base.level);
        let level = self.said(file, code_text, "level", front.level.as_ref(), inherited, &levels);
        let authorities = Authority::ALL.map(|authority| (authority.as_str(), authority));
        let inherited = base.map(|base| base.authority);
        let own = front.authority.as_ref();
        let authority = self.said(file, code_text, "authority", own, inherited, &authorities);
        let impacts = Impact::ALL.map(|impact| (impact.as_str(), impact));
        let inherited = base.map(|base| base.impact);
        let impact = self.said(file, code_text, "impact", front.impact.as_ref(), inherited, &impacts);
        let title = front.title.or_else(|| base.map(|base| base.title.clone()));
        let title = self.given(file, code_text, "title", title);
        let source = front.source.or_else(|| base.map(|base| base.source.clone()));
        let source = self.given(file, code_text, "source", source);
        let obligor = match &front.obligor {
            // What an inherited rule asks of one party, this one asks of whoever sends the message.
            Some(party) if party.get_ref() == "sender" => None,
            Some(party) => self.party(file, party),
            None => base.and_then(|base| base.obligor),
        };
        let pattern = match front.pattern {
            Some(pattern) => self.pattern(file, pattern),
            None => {
                let inherited = inherits.map(|rule| rule.pattern.clone());
                self.given(file, code_text, "[pattern.…]", inherited)
            }
        };
        let span = match &front.scope {
            Some(scope) => self.span(file, scope.get_ref()),
            None => inherits.and_then(|rule| rule.span.clone()),
        };
        if self.errors.len() > before {
            return None;
        }
        let pattern = pattern?;
        let info = RuleInfo {
            pack: pack.to_owned(),
            code: code?,
            version: front.version,
            title: title?,
            level: level?,
            authority: authority?,
            impact: impact?,
            obligor,
            source: source?,
            page: file.name.to_owned(),
            waivable: front.waivable.or_else(|| base.map(|base| base.waivable)).unwrap_or(true)
                && !pattern.guards_card_data(),
        };
        Some(Rule {
            info: Arc::new(info),
            root: front.root.or_else(|| inherits.map(|rule| rule.root)).unwrap_or(false),
            binding: front.binding.or_else(|| inherits.map(|rule| rule.binding)).unwrap_or(false),
            independent: front.independent.or_else(|| inherits.map(|rule| rule.independent)).unwrap_or(false),
            pattern,
            span,
            advice: front.advice.or_else(|| inherits.and_then(|rule| rule.advice.clone())),
            overlays: inherits.map(|rule| rule.info.pack.clone()),
            page,
        })
    }

    /// A word of the page, or what is inherited.
    fn said<T: Copy>(
        &mut self,
        file: &File<'_>,
        code: &Text,
        key: &str,
        own: Option<&Text>,
        inherited: Option<T>,
        words: &[(&str, T)],
    ) -> Option<T> {
        match own {
            Some(word) => self.word(file, word, words),
            None => self.given(file, code, key, inherited),
        }
    }

    /// What a page has to say unless it is inherited.
    fn given<T>(&mut self, file: &File<'_>, code: &Text, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            let what = format!("expected the key `{key}` in the front matter of `{}`", code.get_ref());
            let help = "only a rule that a pack below has too may leave it out";
            self.errors.push(file.error(code.span(), what).help(help));
        }
        value
    }
}
