//! A peer made of a cassette: what it is to be, before it starts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::StartError;
use super::running::Running;
use super::witness::Witness;
use crate::cassette::Reader;
use crate::conversation::{Leg, Party};
use crate::mask::{Masker, Policy};
use crate::net::entropy;
use crate::net::record::Upstream;
use crate::net::replay::{Credentials, Judge, Plan, still_fresh};
use crate::net::tls::Trust;
use crate::pack::{self, Pack, Sources};
use crate::replay::{
    Closes, Fault, Ids, Pace, Script, ScriptError, Settings, Spot, Steps, Unknown, Wire, Wishes,
};

/// The terminal of a cassette: the POS under test connects to it.
pub fn terminal(cassette: impl AsRef<Path>) -> Replay {
    Replay::new(cassette.as_ref(), Party::Terminal)
}

/// The POS of a cassette, which visits the terminal under test at `url`: `ws://127.0.0.1:50000`.
pub fn pos(cassette: impl AsRef<Path>, url: impl Into<String>) -> Replay {
    Replay::new(cassette.as_ref(), Party::Pos).dial(url)
}

/// A peer made of a cassette. Instantly paced, on a free port of this machine, unless it is said otherwise.
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct Replay {
    cassette: PathBuf,
    role: Party,
    packs: Sources,
    pack: Choice,
    listen: String,
    dial: Option<String>,
    headers: Vec<(String, String)>,
    faults: Vec<String>,
    ignore: Vec<String>,
    pace: Pace,
    unknown: Unknown,
    closes: Closes,
    steps: Steps,
    ids: Ids,
    patience: Duration,
    linger: Option<Duration>,
    times: u32,
    checked: bool,
}

/// Which pack tells messages and ids apart.
#[derive(Debug)]
enum Choice {
    OfCassette,
    Named(String),
    None,
}

impl Replay {
    fn new(cassette: &Path, role: Party) -> Self {
        Self {
            cassette: cassette.to_owned(),
            role,
            packs: Sources::embedded(),
            pack: Choice::OfCassette,
            listen: "127.0.0.1:0".to_owned(),
            dial: None,
            headers: Vec::new(),
            faults: Vec::new(),
            ignore: Vec::new(),
            pace: Pace::Instant,
            unknown: Unknown::Fail,
            closes: Closes::Compared,
            steps: Steps::Flowing,
            ids: if role == Party::Pos { Ids::Fresh(1) } else { Ids::Recorded },
            patience: Duration::from_secs(10),
            linger: None,
            times: 1,
            checked: false,
        }
    }

    /// Judges the peer by the rules of the pack, too: a run is green only if it conforms.
    pub fn checked(mut self) -> Self {
        self.checked = true;
        self
    }

    /// Something goes wrong on purpose: `cut after response`; `docs/replay.md` lists what can.
    pub fn fault(mut self, fault: impl Into<String>) -> Self {
        self.faults.push(fault.into());
        self
    }

    /// Leaves out of the comparison what stands there: a JSON Pointer, or the name of a field.
    pub fn ignore(mut self, place: impl Into<String>) -> Self {
        self.ignore.push(place.into());
        self
    }

    /// Leaves out of the comparison how connections end.
    pub fn ignore_closes(mut self) -> Self {
        self.closes = Closes::Ignored;
        self
    }

    /// What becomes of a message that the cassette does not have; without this the run ends.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// How fast our messages come; instantly without this.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Holds every message of ours back until [`Running::advance`].
    pub fn step_by_step(mut self) -> Self {
        self.steps = Steps::ByHand;
        self
    }

    /// How long nothing may come that the cassette waits for; 10 s without this.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long connections may stay open once every message was exchanged, before they are closed and all is well.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self
    }

    /// Plays the cassette so many times, one run after the other; the first that fails is the last.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// The seed of the ids that a POS makes up; they are the same in every test run without this.
    pub fn seed(mut self, seed: u64) -> Self {
        self.ids = Ids::Fresh(seed);
        self
    }

    /// The pack by that name, in place of the one the cassette names.
    pub fn pack(mut self, name: impl Into<String>) -> Self {
        self.pack = Choice::Named(name.into());
        self
    }

    /// No pack: ids are learned from the cassette alone.
    pub fn without_pack(mut self) -> Self {
        self.pack = Choice::None;
        self
    }

    /// Packs to choose from, in place of the built-in ones.
    pub fn packs(mut self, packs: Sources) -> Self {
        self.packs = packs;
        self
    }

    /// Where to wait: `HOST:PORT`; a free port of this machine without this.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Where the peer waits, where we dial in the cassette.
    pub fn dial(mut self, url: impl Into<String>) -> Self {
        self.dial = Some(url.into());
        self
    }

    /// A header line of our handshakes that a cassette must not hold, such as a token.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Starts it; whoever shall connect can do so when this returns.
    pub fn start(self) -> Result<Running, StartError> {
        let script = self.script()?;
        let stale = |stale| StartError::Stale { path: self.cassette.clone(), stale };
        still_fresh(&script).map_err(stale)?;
        let policy = script.pack().map_or_else(Policy::standard, |pack| pack.masking());
        let masker = Masker::new(policy, entropy::key()?);
        let judge = self.judge(&script)?;
        let we_dial = script.dialler().is_none_or(|dialler| dialler == self.role);
        let they_dial = script.dialler().is_none_or(|dialler| dialler != self.role);
        let dial = if we_dial { Some((self.upstream()?, Trust::System)) } else { None };
        let plan = Plan {
            settings: self.settings(&script, masker.clone())?,
            listen: they_dial.then(|| self.listen.clone()),
            identity: None,
            dial,
            device: None,
            credentials: Credentials(self.headers.clone()),
            times: self.times,
            handshake_time: Duration::from_secs(10),
            message_size: (1 << 20).max(2 * script.largest_message()),
            script: Arc::clone(&script),
        };
        let name = self.cassette.display().to_string();
        let witness = Witness::new(name, self.role, self.times, masker, judge, script.pack());
        Running::start(plan, witness)
    }

    fn script(&self) -> Result<Arc<Script>, StartError> {
        let open = |source| StartError::Open { path: self.cassette.clone(), source };
        let file = File::open(&self.cassette).map_err(open)?;
        let name = self.cassette.display().to_string();
        let unreadable = |error| StartError::Cassette(ScriptError::Cassette(error));
        let reader = Reader::open(file, &name).map_err(unreadable)?;
        let pack = match (&self.pack, &reader.header().pack) {
            (Choice::None, _) | (Choice::OfCassette, None) => None,
            (Choice::Named(name), _) | (Choice::OfCassette, Some(name)) => Some(self.load(name)?),
        };
        let script = Script::read(reader, &name, pack, &Wishes::default());
        script.map(Arc::new).map_err(StartError::Cassette)
    }

    fn load(&self, name: &str) -> Result<Arc<Pack>, StartError> {
        let known: Vec<String> = self.packs.packs().map(str::to_owned).collect();
        if !known.iter().any(|known| known == name) {
            return Err(StartError::NoSuchPack { name: name.to_owned(), known });
        }
        Ok(Arc::new(pack::load(&self.packs, name)?))
    }

    fn judge(&self, script: &Script) -> Result<Option<Judge>, StartError> {
        if !self.checked {
            return Ok(None);
        }
        let pack = script.pack().ok_or(StartError::NoPack)?;
        Ok(Some(Judge::new(Arc::clone(pack), Leg::PosTerminal.peer(self.role))))
    }

    fn upstream(&self) -> Result<Upstream, StartError> {
        let url = self.dial.clone().ok_or(StartError::NoUrl)?;
        url.parse().map_err(|source| StartError::Url { url, source })
    }

    fn settings(&self, script: &Script, masker: Masker) -> Result<Settings, StartError> {
        let mut harm = Vec::new();
        for fault in &self.faults {
            harm.extend(fault.parse::<Fault>()?.aim(script, self.role)?);
        }
        let spot = |text: &String| {
            text.parse::<Spot>().map_err(|source| StartError::Spot { text: text.clone(), source })
        };
        Ok(Settings {
            role: self.role,
            pace: self.pace,
            ids: self.ids,
            unknown: self.unknown,
            ignore: self.ignore.iter().map(spot).collect::<Result<_, _>>()?,
            closes: self.closes,
            patience: self.patience,
            patience_for_people: self.patience,
            linger: self.linger,
            steps: self.steps,
            harm,
            wire: Wire::Sockets,
            masker,
        })
    }
}
