//! What a cell is called: its money faults first, then what else is wrong with the POS.

use std::sync::Arc;

use super::breaks::CellId;
use super::run::{PosEnd, Run};
use super::text::fault_in_words;
use crate::money::{Book, Fault, Judgement, Ledger, Standing, judge};
use crate::replay::script::Script;

/// A cell that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which.
    pub id: CellId,
    /// What it is called in the grid.
    pub word: Word,
    /// What the ledger says.
    pub judgement: Judgement,
    /// What the POS did.
    pub run: Run,
}

/// What a cell is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// Paid as in the cassette, and the POS knows.
    Ok,
    /// Less was paid than in the cassette, and the POS knows.
    NotPaid,
    /// The POS asked, and nobody could say.
    Unknown,
    /// Charged, or taken back, more often than was meant, or perhaps.
    Twice,
    /// Approved, and the POS neither acknowledged it nor asked.
    Forgotten,
    /// Taken back without a cause.
    Reversed,
    /// To be taken back, and standing.
    Stands,
    /// Open, and the POS never asked.
    NeverAsked,
    /// The POS failed: it ended, left the cassette, or never came to rest.
    Failed,
    /// The POS never came to the message.
    NotReached,
    /// It was stopped.
    Stopped,
}

impl Word {
    /// Every word, in the order of the legend.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::NotPaid,
        Self::Unknown,
        Self::Twice,
        Self::Forgotten,
        Self::Reversed,
        Self::Stands,
        Self::NeverAsked,
        Self::Failed,
        Self::NotReached,
        Self::Stopped,
    ];

    /// In the grid.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotPaid => "not paid",
            Self::Unknown => "unknown",
            Self::Twice => "TWICE",
            Self::Forgotten => "FORGOTTEN",
            Self::Reversed => "REVERSED",
            Self::Stands => "STANDS",
            Self::NeverAsked => "NOT ASKED",
            Self::Failed => "POS FAILS",
            Self::NotReached => "?",
            Self::Stopped => "stopped",
        }
    }

    /// In formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotPaid => "not-paid",
            Self::Unknown => "unknown",
            Self::Twice => "charged-twice",
            Self::Forgotten => "forgotten",
            Self::Reversed => "reversed-without-cause",
            Self::Stands => "not-taken-back",
            Self::NeverAsked => "never-asked",
            Self::Failed => "pos-failed",
            Self::NotReached => "not-reached",
            Self::Stopped => "stopped",
        }
    }

    /// What it means, in the legend.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "paid as in the cassette, and the POS knows",
            Self::NotPaid => "less was paid than in the cassette, and the POS knows",
            Self::Unknown => "the POS asked, and nobody could say: it knows that it does not know",
            Self::Twice => "charged or taken back more often than in the cassette, for certain or perhaps",
            Self::Forgotten => "approved, and the POS neither acknowledged it nor asked",
            Self::Reversed => "taken back although it was approved, meant and known",
            Self::Stands => "to be taken back, and standing",
            Self::NeverAsked => "what became of it is open, and the POS never asked",
            Self::Failed => "the POS ended, left the cassette, or did not come to rest",
            Self::NotReached => "the POS never came to the message",
            Self::Stopped => "stopped before it was over",
        }
    }

    /// What to do about it.
    pub(super) const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Twice => Some(
                "after a lost link, a missing answer or a restart, ask what became of the last transaction \
                 before asking for money again",
            ),
            Self::Forgotten => Some(
                "write an approval down before anything else, acknowledge it, and ask for it where the link \
                 went first",
            ),
            Self::Reversed => Some(
                "take back only what the POS has reason to doubt; what it knows to be approved and meant is paid",
            ),
            Self::Stands => Some("after a lost link, see to it that what was to be taken back is"),
            Self::NeverAsked => Some(
                "write down that a transaction is open before sending it, and ask what became of it after a \
                 lost link, a missing answer or a restart",
            ),
            Self::Failed | Self::NotReached | Self::Ok | Self::NotPaid | Self::Unknown | Self::Stopped => {
                None
            }
        }
    }

    /// Whether the POS is to be blamed for it.
    pub const fn is_bad(self) -> bool {
        match self {
            Self::Twice
            | Self::Forgotten
            | Self::Reversed
            | Self::Stands
            | Self::NeverAsked
            | Self::Failed => true,
            Self::Ok | Self::NotPaid | Self::Unknown | Self::NotReached | Self::Stopped => false,
        }
    }
}

/// What `run` is called; `meant` is the book of a run in which nothing broke.
pub fn weigh(id: CellId, run: Run, meant: &Book) -> Cell {
    let judgement = judge(&run.book, meant);
    let word = match (judgement.faults.first(), &run.end) {
        _ if run.off_script.is_some() => Word::Failed,
        (_, PosEnd::Stopped) => Word::Stopped,
        (Some(Fault::ChargedTwice { .. } | Fault::ReversedTwice { .. }), _) => Word::Twice,
        (Some(Fault::Forgotten { .. }), _) => Word::Forgotten,
        (Some(Fault::ReversedWithoutCause { .. }), _) => Word::Reversed,
        (Some(Fault::StillStands { .. }), _) => Word::Stands,
        (Some(Fault::NeverAsked { .. }), _) if run.struck => Word::NeverAsked,
        (_, PosEnd::Failed { .. } | PosEnd::Flooded(_) | PosEnd::Busy(_)) => Word::Failed,
        (_, PosEnd::Finished | PosEnd::Quiet(_)) if !run.struck => Word::NotReached,
        (_, PosEnd::Finished | PosEnd::Quiet(_)) => match judgement.standing {
            Standing::AsMeant => Word::Ok,
            Standing::Less => Word::NotPaid,
            Standing::Unknown => Word::Unknown,
        },
    };
    Cell { id, word, judgement, run }
}

/// What the cassette itself charges; `None` where its pack says nothing of money.
pub fn meant(script: &Script) -> Option<Book> {
    let pack = script.pack().filter(|pack| pack.money.is_some())?;
    let mut ledger = Ledger::new(Arc::clone(pack));
    for step in &script.steps {
        ledger.see(&step.event.view());
    }
    Some(ledger.book().clone())
}

/// Whether the run in which nothing breaks got through the cassette; else why not.
pub fn through(run: &Run, meant: &Book) -> Result<(), String> {
    if let Some(off) = &run.off_script {
        return Err(off.clone());
    }
    let judgement = judge(&run.book, meant);
    let short =
        judgement.standing != judge(meant, meant).standing || run.book.charges.len() < meant.charges.len();
    let (got, wanted) = (run.book.charges.len(), meant.charges.len());
    match (&run.end, judgement.faults.first()) {
        (PosEnd::Failed { how, said }, _) => Err(format!(
            "the POS ended with {how}{}",
            said.as_ref().map_or_else(String::new, |said| format!(": {said}"))
        )),
        (_, Some(fault)) => Err(fault_in_words(fault)),
        (PosEnd::Finished | PosEnd::Quiet(_), None) if !short => Ok(()),
        (PosEnd::Finished, None) => Err(format!("the POS ended after {got} of {wanted} requests for money")),
        (PosEnd::Quiet(time), None) => {
            let time = humantime::format_duration(*time);
            Err(format!("after {got} of {wanted} requests for money the POS did nothing for {time}"))
        }
        (PosEnd::Busy(time), None) => {
            Err(format!("the POS was still busy after {}", humantime::format_duration(*time)))
        }
        (PosEnd::Flooded(count), None) => Err(format!("the POS sent {count} messages and more")),
        (PosEnd::Stopped, None) => Err("it was stopped".to_owned()),
    }
}
