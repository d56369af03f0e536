//! The grid for people: messages down, breaks across, a legend, and a sentence for every bad cell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::breaks::{Break, CellId};
use super::grid::{Grid, MatrixVerdict};
use super::run::PosEnd;
use super::weigh::{Cell, Word};
use crate::conversation::EventNumber;
use crate::money::Fault;

/// Widest row label.
const LABEL: usize = 32;
/// Columns of a sentence.
const WIDTH: usize = 92;

/// Width of a column.
const COLUMN: usize = 10;

impl Grid {
    /// The grid for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.head(&mut out);
        if self.not_through.is_some() {
            return out;
        }
        self.rows(&mut out);
        self.legend(&mut out);
        self.details(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let (bad, all) = (self.count(Word::is_bad), self.cells.len());
        let breaks = |count: usize| if count == 1 { "break" } else { "breaks" };
        let what = match self.verdict() {
            MatrixVerdict::NotTried => {
                let why = self.not_through.as_deref().unwrap_or_default();
                format!("the POS does not get through the cassette even where nothing breaks: {why}")
            }
            MatrixVerdict::Safe => format!("the money is right in all {all} {}", breaks(all)),
            MatrixVerdict::Unsafe => {
                format!("{bad} of {all} {} {} wrong", breaks(all), if bad == 1 { "goes" } else { "go" })
            }
            MatrixVerdict::Undecided => {
                let open = self.count(|word| matches!(word, Word::NotReached | Word::Stopped));
                let tried = all - open;
                format!(
                    "{tried} of {} {} tried to the end, none went wrong",
                    self.planned,
                    breaks(self.planned)
                )
            }
        };
        for (line, text) in wrapped(&what, WIDTH).iter().enumerate() {
            let word = if line == 0 { self.verdict().as_str() } else { "" };
            let _ = writeln!(out, "{word:10}{text}");
        }
        let pack = self.script.pack().map(|pack| format!(" as {} {}", pack.name, pack.version));
        let _ = writeln!(out, "          {}{}", self.cassette, pack.unwrap_or_default());
        let _ = writeln!(out, "          POS: {}", self.pos);
        let meant: Vec<String> = self.meant.charges.iter().map(|charge| charge.same.clone()).collect();
        let _ = writeln!(out, "          meant to be charged: {}", said_once(&meant));
    }

    fn rows(&self, out: &mut String) {
        let columns: Vec<Break> = Break::ALL
            .into_iter()
            .filter(|broken| self.cells.iter().any(|cell| cell.id.broken == *broken))
            .collect();
        let mut rows: BTreeMap<EventNumber, BTreeMap<Break, Word>> = BTreeMap::new();
        for cell in &self.cells {
            rows.entry(cell.id.message).or_default().insert(cell.id.broken, cell.word);
        }
        out.push('\n');
        for line in 0..2 {
            let mut head = format!("{:LABEL$}", "");
            for broken in &columns {
                let _ = write!(head, "{:COLUMN$}", broken.head()[line]);
            }
            let _ = writeln!(out, "{}", head.trim_end());
        }
        for (message, words) in rows {
            let mut row = format!("{:LABEL$}", self.label(message));
            for broken in &columns {
                let word = words.get(broken).map_or("", |word| word.shown());
                let _ = write!(row, "{word:COLUMN$}");
            }
            let _ = writeln!(out, "{}", row.trim_end());
        }
    }

    fn label(&self, message: EventNumber) -> String {
        let step = self.script.steps.iter().find(|step| step.n() == message);
        let Some(step) = step else { return format!("#{}", message.0) };
        let by = step.by.map_or("", |party| party.as_str());
        let mut label = format!("#{:<3}{by:9}{}", message.0, self.script.what(step));
        if label.chars().count() > LABEL - 1 {
            label = label.chars().take(LABEL - 2).collect::<String>() + "…";
        }
        label
    }

    fn legend(&self, out: &mut String) {
        out.push('\n');
        for word in Word::ALL {
            let count = self.count(|other| other == word);
            if count > 0 {
                let _ = writeln!(out, "{:10} {count:>3}  {}", word.shown(), word.meaning());
            }
        }
    }

    fn details(&self, out: &mut String) {
        for word in Word::ALL {
            let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.word == word).collect();
            let worth = word.is_bad() || matches!(word, Word::NotReached | Word::Unknown);
            if cells.is_empty() || !worth {
                continue;
            }
            let _ = writeln!(out, "\n{}", word.shown());
            for (consequence, cells) in alike(&cells) {
                for cell in cells {
                    let _ = writeln!(out, "  {:26}{}", cell.id.to_string(), self.broken(cell.id));
                }
                for line in wrapped(&consequence, WIDTH) {
                    let _ = writeln!(out, "      {line}");
                }
            }
            if let Some(advice) = word.advice() {
                let mut first = "  do  ";
                for line in wrapped(advice, WIDTH) {
                    let _ = writeln!(out, "{first}{line}");
                    first = "      ";
                }
            }
            if let Some(cell) = cells.first() {
                let _ = writeln!(out, "  run one alone, and keep it:");
                let _ = writeln!(
                    out,
                    "      tilltape replay matrix {} --pos '{}' --cell {} --record cells",
                    self.cassette, self.pos, cell.id
                );
            }
        }
    }

    /// What happened in a cell, in sentences.
    pub(super) fn sentence(&self, cell: &Cell) -> String {
        sentences([self.broken(cell.id)]) + " " + &consequence(cell)
    }

    fn broken(&self, id: CellId) -> String {
        id.broken.in_words(&self.message(id))
    }

    fn message(&self, id: CellId) -> String {
        format!("#{} ({})", id.message.0, self.script.what(self.script.step(id.step)))
    }
}

/// Cells of which the same is to be said, in the order of the first of each.
fn alike<'c>(cells: &[&'c Cell]) -> Vec<(String, Vec<&'c Cell>)> {
    let mut groups: Vec<(String, Vec<&Cell>)> = Vec::new();
    for &cell in cells {
        let said = consequence(cell);
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, group)) => group.push(cell),
            None => groups.push((said, vec![cell])),
        }
    }
    groups
}

/// What came of the break, in sentences.
fn consequence(cell: &Cell) -> String {
    let mut said: Vec<String> = cell.run.off_script.iter().cloned().collect();
    if cell.word == Word::NotReached {
        said.push("the POS never came to that message".to_owned());
    }
    said.extend(cell.judgement.faults.iter().map(fault_in_words));
    if cell.word == Word::Unknown {
        said.push("the POS asked what became of it, and got no answer".to_owned());
    }
    match &cell.run.end {
        PosEnd::Quiet(time) if cell.word != Word::Ok => {
            said.push(format!("it did nothing more for {}", humantime::format_duration(*time)));
        }
        PosEnd::Busy(time) => {
            let time = humantime::format_duration(*time);
            said.push(format!("the POS was still busy after {time}, and was stopped"));
        }
        PosEnd::Failed { how, said: words } => {
            let words = words.as_ref().map_or_else(String::new, |words| format!(": {words}"));
            said.push(format!("the POS ended with {how}{words}"));
        }
        PosEnd::Flooded(count) => {
            said.push(format!("the POS sent {count} messages and more, and was stopped"));
        }
        PosEnd::Finished | PosEnd::Quiet(_) | PosEnd::Stopped => {}
    }
    match said.is_empty() {
        true => sentences([cell.word.meaning().to_owned()]),
        false => sentences(said),
    }
}

/// Each with a capital and a full stop.
fn sentences(all: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for sentence in all {
        let mut letters = sentence.chars();
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(letters.as_str());
        text.push_str(". ");
    }
    text.trim_end().to_owned()
}

pub(super) fn fault_in_words(fault: &Fault) -> String {
    match fault {
        Fault::ChargedTwice { same, meant, certain, possible, .. } => {
            let times = |count: usize| match count {
                0 => "never".to_owned(),
                1 => "once".to_owned(),
                2 => "twice".to_owned(),
                more => format!("{more} times"),
            };
            let perhaps = match possible {
                0 => String::new(),
                _ => format!(", and perhaps {} more: nobody asked what became of it", times(*possible)),
            };
            let certain = times(*certain);
            format!("the terminal charged `{same}` {certain}{perhaps}; {} was meant", times(*meant))
        }
        Fault::Forgotten { same, .. } => format!(
            "the terminal charged `{same}` and said so; the POS neither acknowledged it nor asked, so it may \
             take it for not paid"
        ),
        Fault::ReversedWithoutCause { same: Some(same), .. } => format!(
            "the POS took `{same}` back, which was approved, meant and known to it: the goods are gone and not paid"
        ),
        Fault::ReversedWithoutCause { same: None, .. } => {
            "the POS took back a transaction that it did not make in this run".to_owned()
        }
        Fault::ReversedTwice { same, .. } => format!(
            "the POS took `{same}` back again before it knew what became of the first time: the money may be gone \
             twice"
        ),
        Fault::StillStands { same, .. } => {
            format!("`{same}` was to be taken back, and stands: the customer has paid for what he gave back")
        }
        Fault::NeverAsked { same, .. } => format!(
            "the terminal has the request for `{same}` and may have charged it; the POS does not know, and did \
             not ask"
        ),
    }
}

/// `sale 2350 (3 times), refund 400`.
fn said_once(all: &[String]) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for one in all {
        match counted.iter_mut().find(|(known, _)| known == one) {
            Some((_, count)) => *count += 1,
            None => counted.push((one, 1)),
        }
    }
    let times = |count: usize| if count > 1 { format!(" ({count} times)") } else { String::new() };
    let said: Vec<String> =
        counted.into_iter().map(|(one, count)| format!("{one}{}", times(count))).collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
