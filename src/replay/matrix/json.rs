//! The grid for programs: one line of JSON, described by `specs/schema/matrix.schema.json`.

use serde::Serialize;

use super::grid::{Grid, MATRIX_VERSION};
use super::run::PosEnd;
use super::weigh::Cell;
use crate::money::{Fault, Standing};

#[derive(Serialize)]
struct Form<'a> {
    matrix: u32,
    tool: String,
    verdict: &'static str,
    cassette: &'a str,
    pos: &'a str,
    pack: Option<String>,
    meant: Vec<&'a str>,
    planned: usize,
    not_tried: Option<&'a str>,
    cells: Vec<CellForm>,
}

#[derive(Serialize)]
struct CellForm {
    cell: String,
    message: u64,
    #[serde(rename = "break")]
    broken: &'static str,
    verdict: &'static str,
    bad: bool,
    struck: bool,
    charged: Charged,
    standing: &'static str,
    faults: Vec<FaultForm>,
    pos_ended: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Charged {
    certain: usize,
    possible: usize,
}

#[derive(Serialize)]
struct FaultForm {
    fault: &'static str,
    purchase: Option<String>,
    event: u64,
}

impl Grid {
    /// The grid as one line of JSON, with its line feed.
    pub fn json(&self) -> String {
        let form = Form {
            matrix: MATRIX_VERSION,
            tool: format!("tilltape {}", env!("CARGO_PKG_VERSION")),
            verdict: self.verdict().word(),
            cassette: &self.cassette,
            pos: &self.pos,
            pack: self.script.pack().map(|pack| format!("{} {}", pack.name, pack.version)),
            meant: self.meant.charges.iter().map(|charge| charge.same.as_str()).collect(),
            planned: self.planned,
            not_tried: self.not_through.as_deref(),
            cells: self.cells.iter().map(|cell| self.cell_form(cell)).collect(),
        };
        serde_json::to_string(&form).unwrap_or_default() + "\n"
    }

    fn cell_form(&self, cell: &Cell) -> CellForm {
        let (certain, possible) = cell.judgement.charged;
        CellForm {
            cell: cell.id.to_string(),
            message: cell.id.message.0,
            broken: cell.id.broken.as_str(),
            verdict: cell.word.as_str(),
            bad: cell.word.is_bad(),
            struck: cell.run.struck,
            charged: Charged { certain, possible },
            standing: match cell.judgement.standing {
                Standing::AsMeant => "as-meant",
                Standing::Less => "less",
                Standing::Unknown => "unknown",
            },
            faults: cell.judgement.faults.iter().map(fault_form).collect(),
            pos_ended: match cell.run.end {
                PosEnd::Finished => "finished",
                PosEnd::Quiet(_) => "quiet",
                PosEnd::Busy(_) => "busy",
                PosEnd::Failed { .. } => "failed",
                PosEnd::Flooded(_) => "flooded",
                PosEnd::Stopped => "stopped",
            },
            text: self.sentence(cell),
        }
    }
}

fn fault_form(fault: &Fault) -> FaultForm {
    let (fault, purchase, event) = match fault {
        Fault::ChargedTwice { same, n, .. } => ("charged-twice", Some(same.clone()), n),
        Fault::Forgotten { same, n } => ("forgotten", Some(same.clone()), n),
        Fault::ReversedWithoutCause { same, n } => ("reversed-without-cause", same.clone(), n),
        Fault::ReversedTwice { same, n } => ("reversed-twice", Some(same.clone()), n),
        Fault::StillStands { same, n } => ("not-taken-back", Some(same.clone()), n),
        Fault::NeverAsked { same, n } => ("never-asked", Some(same.clone()), n),
    };
    FaultForm { fault, purchase, event: event.0 }
}
