//! `record --check`: judges the cassettes while they are written.
//!
//! A thread of its own reads them back from the disk, as far as the recorder says that they can be read. The
//! recorder waits for nothing: it leaves two numbers behind a lock and goes on. Where the check lags, its
//! findings come later, and it catches up at the end; what it says is what `check` says of the same files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::error::CliError;
use super::inputs::{Inputs, Verify, unreadable};
use super::judge::{self, Judged};
use super::output::colour_of_stderr;
use super::talk::Talk;
use crate::cassette::{CassetteError, Reader};
use crate::check::{self, Check, Options};
use crate::conversation::{ConnectionId, Offset};
use crate::net::record::{Follower, Growth, Spread};
use crate::pack::{Pack, RuleCode, RuleInfo};
use crate::report::{self, Colour, Glyphs, Unreadable};
use crate::rule::Finding;

/// How long the end of a recording waits before it says what for.
const UNEXPLAINED: Duration = Duration::from_millis(500);

/// Findings of one rule that are said one by one; whoever breaks it with every message would drown the rest.
const SAID: u64 = 100;

/// A check of a recording that is being made.
pub(crate) struct Live {
    board: Arc<Board>,
    thread: JoinHandle<Seen>,
    pack: Arc<Pack>,
    talk: Talk,
}

/// Where the recorder leaves how far it is.
#[derive(Default)]
struct Board {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Default)]
struct News {
    cassettes: BTreeMap<Option<ConnectionId>, Grown>,
    /// Cassettes about which there is something new.
    fresh: Vec<Option<ConnectionId>>,
    /// Nothing more will come.
    over: bool,
    /// The thread has read everything.
    done: bool,
}

/// How far one cassette is.
#[derive(Clone, Debug)]
struct Grown {
    path: PathBuf,
    events: u64,
    passed: Offset,
    ended: bool,
    /// Whether it is among the fresh ones already.
    listed: bool,
}

/// What the thread came to.
#[derive(Default)]
struct Seen {
    /// The check of the one cassette all connections share.
    whole: Option<Check>,
    /// Every cassette, in the order they were begun.
    paths: Vec<PathBuf>,
    unreadable: Vec<Unreadable>,
}

impl Live {
    /// Starts the thread; findings go to `talk` as they become certain.
    pub(crate) fn start(pack: Arc<Pack>, spread: Spread, talk: Talk) -> Result<Self, CliError> {
        let board = Arc::new(Board::default());
        let mut watch = Watch {
            board: Arc::clone(&board),
            pack: Arc::clone(&pack),
            spread,
            talk: talk.clone(),
            look: Look { colour: colour_of_stderr() },
            followed: BTreeMap::new(),
            said: BTreeMap::new(),
            seen: Seen::default(),
        };
        let thread = std::thread::Builder::new()
            .name("check".into())
            .spawn(move || {
                watch.run();
                watch.seen
            })
            .map_err(|error| CliError::environment(format!("cannot start a thread: {error}")))?;
        Ok(Self { board, thread, pack, talk })
    }

    /// What the recorder tells how far it is.
    pub(crate) fn follower(&self) -> Follower {
        let board = Arc::clone(&self.board);
        Box::new(move |growth| board.note(growth))
    }

    /// The recording has ended: reads what is left, and gives the result.
    pub(crate) fn finish(self) -> Result<Judged, CliError> {
        self.board.lock().over = true;
        self.board.changed.notify_all();
        let done = |news: &mut News| !news.done;
        let waited = self.board.changed.wait_timeout_while(self.board.lock(), UNEXPLAINED, done);
        if !waited.unwrap_or_else(PoisonError::into_inner).0.done {
            self.talk.say("checking   reads on: the recording was faster");
        }
        let Ok(Seen { whole, paths, unreadable }) = self.thread.join() else {
            return Err(CliError::environment("the check of the recording failed")
                .help("`tilltape check` judges the cassette again"));
        };
        let Some(check) = whole else {
            let mut paths = paths;
            paths.sort();
            return Ok(judge::judge(&mut Inputs::find(&paths, Verify::Small), self.pack, Options::default()));
        };
        let mut result = check.finish();
        check::conceal(&mut result);
        Ok(Judged { result, unreadable, proof: None })
    }
}

impl Board {
    /// Notes how far a cassette is. Waits for nobody but the one who looks.
    fn note(&self, growth: &Growth<'_>) {
        let mut news = self.lock();
        let News { cassettes, fresh, .. } = &mut *news;
        let known = cassettes.entry(growth.connection).or_insert_with(|| Grown {
            path: growth.name.into(),
            events: 0,
            passed: Offset::ZERO,
            ended: false,
            listed: false,
        });
        let grown = (known.events.max(growth.events), known.passed.max(growth.passed), growth.ended);
        if grown != (known.events, known.passed, known.ended) {
            (known.events, known.passed, known.ended) = grown;
            if !std::mem::replace(&mut known.listed, true) {
                fresh.push(growth.connection);
            }
            drop(news);
            self.changed.notify_all();
        }
    }

    /// Waits for news; nothing where there will be none any more.
    fn wait(&self) -> Option<Vec<(Option<ConnectionId>, Grown)>> {
        let mut news = self.lock();
        loop {
            if !news.fresh.is_empty() {
                let fresh = std::mem::take(&mut news.fresh);
                return Some(
                    fresh.into_iter().filter_map(|which| Some((which, news.take(which)?))).collect(),
                );
            }
            if news.over {
                news.done = true;
                drop(news);
                self.changed.notify_all();
                return None;
            }
            news = self.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, News> {
        // Numbers that only grow are right whatever became of the thread that wrote them.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    /// How far a cassette is; one that has ended is forgotten.
    fn take(&mut self, which: Option<ConnectionId>) -> Option<Grown> {
        let known = self.cassettes.get_mut(&which)?;
        known.listed = false;
        let grown = known.clone();
        if grown.ended {
            self.cassettes.remove(&which);
        }
        Some(grown)
    }
}

/// The thread that reads.
struct Watch {
    board: Arc<Board>,
    pack: Arc<Pack>,
    spread: Spread,
    talk: Talk,
    look: Look,
    followed: BTreeMap<Option<ConnectionId>, Followed>,
    /// How many findings of each rule were said.
    said: BTreeMap<(String, RuleCode), u64>,
    seen: Seen,
}

/// A cassette that is read while it grows.
struct Followed {
    name: String,
    reader: Reader<File>,
    check: Check,
    /// Events read so far.
    read: u64,
}

impl Watch {
    fn run(&mut self) {
        while let Some(news) = self.board.wait() {
            for (which, grown) in news {
                if let Err(unreadable) = self.follow(which, &grown) {
                    self.talk.say(format_args!(
                        "THE CHECK STOPS: {}: {}; the recording goes on",
                        unreadable.place(),
                        unreadable.message
                    ));
                    self.followed.remove(&which);
                    self.seen.unreadable.push(unreadable);
                }
            }
        }
    }

    fn follow(&mut self, which: Option<ConnectionId>, grown: &Grown) -> Result<(), Unreadable> {
        if !self.followed.contains_key(&which) {
            if self.seen.unreadable.iter().any(|input| *input.name == *grown.path.to_string_lossy()) {
                return Ok(());
            }
            self.seen.paths.push(grown.path.clone());
            let followed = Followed::open(grown, Arc::clone(&self.pack))?;
            self.followed.insert(which, followed);
        }
        let Some(followed) = self.followed.get_mut(&which) else { return Ok(()) };
        let said = &mut self.said;
        let (talk, look, spread, name) = (&self.talk, self.look, self.spread, followed.name.clone());
        let mut tell = |check: &mut Check| {
            for (rule, finding) in check.take_new_findings() {
                let said = said.entry((rule.pack.clone(), rule.code.clone())).or_default();
                *said += 1;
                if *said <= SAID {
                    talk.say(look.line(&rule, finding, &name, spread));
                }
                if *said == SAID {
                    talk.say(format_args!(
                        "finding   {}: so much of it was said; more is only counted",
                        rule.code
                    ));
                }
            }
        };
        let failed = |error: CassetteError| unreadable(followed.name.clone(), &error);
        while grown.ended || followed.read < grown.events {
            let check = &mut followed.check;
            let Some(judged) = followed.reader.walk_next(|event| check.observe(event)) else { break };
            judged.map_err(failed)?;
            followed.read += 1;
            tell(&mut followed.check);
        }
        followed.check.advance(grown.passed);
        tell(&mut followed.check);
        if grown.ended {
            followed.check.end(judge::completeness(followed.reader.ending()));
            tell(&mut followed.check);
            let ended = self.followed.remove(&which);
            if self.spread == Spread::Together {
                self.seen.whole = ended.map(|followed| followed.check);
            }
        }
        Ok(())
    }
}

impl Followed {
    fn open(grown: &Grown, pack: Arc<Pack>) -> Result<Self, Unreadable> {
        let name = grown.path.display().to_string();
        let file = File::open(&grown.path).map_err(|error| Unreadable {
            name: name.clone(),
            line: None,
            message: error.to_string(),
        })?;
        let reader = Reader::open(file, &name).map_err(|error| unreadable(name.clone(), &error))?;
        let mut check = Check::live(pack, Options::default());
        check.begin(judge::source_info(name.clone(), reader.header()));
        Ok(Self { name, reader, check, read: 0 })
    }
}

/// How a finding looks on standard error.
#[derive(Clone, Copy)]
struct Look {
    colour: Colour,
}

impl Look {
    /// `finding   ACK-1, a documented MUST: the POS sent no event_ack …; expected …, got … (#4, connection 1)`
    fn line(self, rule: &RuleInfo, mut finding: Finding, cassette: &str, spread: Spread) -> String {
        check::conceal_finding(&mut finding);
        let style = match (self.colour, rule.blocks()) {
            (Colour::Never, _) => Style::new(),
            (Colour::Always, true) => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
            (Colour::Always, false) => Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold(),
        };
        let article = if rule.authority.as_str().starts_with('o') { "an" } else { "a" };
        let level = rule.level.as_str().to_uppercase();
        let follows = finding.follows_from.map(|root| format!(", follows from {root}")).unwrap_or_default();
        let place = match finding.witnesses.last() {
            Some(witness) => match (spread, witness.connection) {
                (Spread::Split, _) => format!(" ({} of {cassette})", witness.n),
                (Spread::Together, Some(connection)) => format!(" ({}, {connection})", witness.n),
                (Spread::Together, None) => format!(" ({})", witness.n),
            },
            None => String::new(),
        };
        let mut said =
            format!("{}, {article} {} {level}{follows}: {}", rule.code, rule.authority, finding.what);
        // Some rules say in one sentence what was expected and what was got.
        if !finding.what.contains(&finding.expected) {
            said += &format!("; expected {}, got {}", finding.expected, finding.got);
        }
        said += &place;
        format!("{style}finding{style:#}   {}", report::printable(&said, Glyphs::Unicode))
    }
}
