//! What moves money, and what a terminal answers that a recording does not show: `[money]` and `[[recovery]]`.
//!
//! Its pointers are looked for in a pass of their own, so that a check does not look for what no rule asks for.

use super::super::error::suggestion;
use super::super::format::{MoneyDef, RecoveryDef, Text};
use super::super::money::{Charge, Money, Recovery, Reversal, Told};
use super::super::template::Template;
use super::{File, Resolver};

impl Resolver {
    /// Takes over `[money]`.
    pub(super) fn money(&mut self, file: &File<'_>, def: &MoneyDef) {
        std::mem::swap(&mut self.trie, &mut self.money_trie);
        let moved = def.moved.iter().filter_map(|name| self.outcome(file, name)).collect();
        let unknown = def.unknown.iter().filter_map(|name| self.outcome(file, name)).collect();
        let reference = def.reference.as_ref().and_then(|at| self.slot(file, at));
        let mut charges = Vec::new();
        for charge in &def.charge {
            let on = self.lone_selector(file, &charge.on);
            let same = charge.same.iter().filter_map(|at| self.slot(file, at)).collect();
            charges.push(Charge { what: charge.what.clone(), on, same });
        }
        let mut reversals = Vec::new();
        for reversal in &def.reversal {
            let on = self.lone_selector(file, &reversal.on);
            if let Some(of) = self.slot(file, &reversal.of) {
                reversals.push(Reversal { what: reversal.what.clone(), on, of, once: reversal.once });
            }
        }
        let enquiry = def.enquiry.as_ref().map(|on| self.lone_selector(file, on));
        let mut told = Vec::new();
        for answer in &def.told {
            let on = self.lone_selector(file, &answer.on);
            let reference = answer.reference.as_ref().and_then(|at| self.slot(file, at));
            told.push(Told { on, outcome: answer.outcome.clone(), moved: answer.moved, reference });
        }
        let ask = def.ask.as_ref().and_then(|text| self.template(file, text));
        let undo = def.undo.iter().filter_map(|text| self.template(file, text)).collect();
        self.money = Some(Money { moved, unknown, reference, charges, reversals, enquiry, told, ask, undo });
        std::mem::swap(&mut self.trie, &mut self.money_trie);
    }

    /// Adds one `[[recovery]]`.
    pub(super) fn recovery(&mut self, file: &File<'_>, def: &RecoveryDef) {
        std::mem::swap(&mut self.trie, &mut self.money_trie);
        let on = self.lone_selector(file, &def.on);
        let knows = def.knows.as_ref().and_then(|at| self.slot(file, at));
        let answers = def.answers.iter().filter_map(|text| self.template(file, text)).collect();
        self.recoveries.push(Recovery { on, knows, answers });
        std::mem::swap(&mut self.trie, &mut self.money_trie);
    }

    fn template(&mut self, file: &File<'_>, text: &Text) -> Option<Template> {
        match text.get_ref().parse() {
            Ok(template) => Some(template),
            Err(error) => {
                self.wrong(file, text, &error.to_string());
                None
            }
        }
    }

    fn outcome(&mut self, file: &File<'_>, name: &Text) -> Option<usize> {
        let found = self.outcomes.iter().position(|outcome| outcome.name == *name.get_ref());
        if found.is_none() {
            let known: Vec<&str> = self.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
            let help = suggestion(name.get_ref(), known.iter().copied())
                .unwrap_or_else(|| format!("its outcomes: {}", known.join(", ")));
            let message = format!("expected an outcome of the pack, got `{}`", name.get_ref());
            self.errors.push(file.error(name.span(), message).help(help));
        }
        found
    }
}
