//! Which recordings a command line means: files, folders searched for cassettes, and standard input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cassette::{CassetteError, Reader, Verification};
use crate::check::Basis;
use crate::report::Unreadable;

/// Endings of the names that a folder is searched for.
const ENDINGS: [&str; 2] = [".cassette.jsonl", ".cassette.jsonl.zst"];

/// What standard input is called on the command line.
const DASH: &str = "-";

/// Which files have their bytes compared with the hash in their `end` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Files of up to 64 MiB on disk, and standard input; of a larger one the hash takes its time.
    #[default]
    Small,
    /// Every one.
    All,
}

/// The largest file that is verified without being asked for.
const SMALL: u64 = 64 << 20;

/// How much of standard input is kept for a look at it.
const START: u64 = 1 << 20;

/// One recording to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input {
    /// `-`
    Stdin,
    /// A file.
    File(PathBuf),
}

/// A recording being read, from wherever it stands.
pub(crate) type Cassette = Reader<Box<dyn Read + Send>>;

/// The recordings a command line means, each once, and the paths that mean none.
#[derive(Default)]
pub(crate) struct Inputs {
    /// What to read, in the order given; folders sorted by path.
    pub(crate) inputs: Vec<Input>,
    /// What cannot be read.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Bytes read so far, of all of them.
    pub(crate) done: Arc<AtomicU64>,
    /// Why each is judged by the pack that judges it; those not in it were asked to be.
    pub(crate) bases: BTreeMap<Input, Basis>,
    verify: Verify,
    /// The start of standard input, read for a look at it: it cannot be read twice.
    stdin_start: Option<Arc<[u8]>>,
}

impl Inputs {
    /// Finds what `paths` mean: a file is taken whatever its name, a folder gives the cassettes below it.
    pub(crate) fn find(paths: &[PathBuf], verify: Verify) -> Self {
        let mut found = Self { verify, ..Self::default() };
        let mut seen = BTreeSet::new();
        for path in paths {
            if path.as_os_str() == DASH {
                if !found.inputs.contains(&Input::Stdin) {
                    found.inputs.push(Input::Stdin);
                }
                continue;
            }
            match below(path) {
                Ok(files) if files.is_empty() => {
                    found.refuse(path, format!("no cassette in it (`*{}`, `*{}`)", ENDINGS[0], ENDINGS[1]));
                }
                Ok(files) => {
                    for file in files {
                        // The same file twice would look like a terminal that repeats itself.
                        if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                            found.inputs.push(Input::File(file));
                        }
                    }
                }
                Err((path, error)) => found.refuse(&path, lower(&error)),
            }
        }
        found
    }

    /// Opens a recording for a look at its start. Nothing is verified, and standard input can be opened again.
    pub(crate) fn peek(&mut self, input: &Input) -> Result<Cassette, Unreadable> {
        let start = match input {
            Input::Stdin => Some(self.stdin_start(input)?),
            Input::File(_) => None,
        };
        let source: Box<dyn Read + Send> = match start {
            Some(start) => Box::new(Cursor::new(start)),
            None => input.source()?,
        };
        let name = input.name();
        Reader::open_with(source, &name, Verification::Skipped).map_err(|error| unreadable(name, &error))
    }

    /// Opens a recording and reads its header.
    pub(crate) fn open(&self, input: &Input) -> Result<Cassette, Unreadable> {
        let mut source = input.source()?;
        if let (Input::Stdin, Some(start)) = (input, &self.stdin_start) {
            source = Box::new(Cursor::new(Arc::clone(start)).chain(source));
        }
        input.open(source, &self.done, self.verify)
    }

    fn stdin_start(&mut self, input: &Input) -> Result<Arc<[u8]>, Unreadable> {
        if let Some(start) = &self.stdin_start {
            return Ok(Arc::clone(start));
        }
        let mut start = Vec::new();
        let read = io::stdin().lock().take(START).read_to_end(&mut start);
        read.map_err(|error| Unreadable { name: input.name(), line: None, message: lower(&error) })?;
        Ok(Arc::clone(self.stdin_start.insert(start.into())))
    }

    fn refuse(&mut self, path: &Path, message: String) {
        self.unreadable.push(Unreadable { name: path.display().to_string(), line: None, message });
    }

    /// Size of all files together, in bytes; `None` where standard input is among them.
    pub(crate) fn total_bytes(&self) -> Option<u64> {
        self.inputs
            .iter()
            .map(|input| match input {
                Input::Stdin => None,
                Input::File(path) => Some(size(path)),
            })
            .sum()
    }
}

impl Input {
    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Its bytes.
    fn source(&self) -> Result<Box<dyn Read + Send>, Unreadable> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin())),
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(Unreadable { name: self.name(), line: None, message: lower(&error) }),
            },
        }
    }

    /// Reads its header from `source`; the bytes read are added to `done`.
    fn open(
        &self,
        source: Box<dyn Read + Send>,
        done: &Arc<AtomicU64>,
        verify: Verify,
    ) -> Result<Cassette, Unreadable> {
        let name = self.name();
        let verification = match (self, verify) {
            (Self::File(path), Verify::Small) if size(path) > SMALL => Verification::Skipped,
            (Self::File(_), Verify::Small | Verify::All) | (Self::Stdin, _) => Verification::Whole,
        };
        let counted: Box<dyn Read + Send> = Box::new(Counted { source, done: Arc::clone(done) });
        Reader::open_with(counted, &name, verification).map_err(|error| unreadable(name, &error))
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The place and the reason of a cassette's error, apart from each other.
pub(crate) fn unreadable(name: String, error: &CassetteError) -> Unreadable {
    let (line, what) = match error {
        CassetteError::Io { source, .. } => (None, lower(source)),
        CassetteError::Empty { .. } => (None, "expected a cassette, got no bytes".into()),
        CassetteError::CutCompressed { bytes, .. } => {
            (None, format!("expected a cassette, got {bytes} bytes of a compressed file that is cut"))
        }
        CassetteError::NotACassette { looks_like, .. } => {
            (Some(1), format!("expected the header `{{\"cassette\":1,…}}`, got {looks_like}"))
        }
        CassetteError::NoHeader { .. } => {
            (Some(1), "expected the header `{\"cassette\":1,…}`, got an event".into())
        }
        CassetteError::Header { problem, .. } => (Some(1), problem.to_string()),
        CassetteError::Line { line, problem, .. } => (Some(line.0), problem.to_string()),
    };
    let message = match error.help() {
        Some(help) => format!("{what}; {help}"),
        None => what,
    };
    Unreadable { name, line, message }
}

/// The cassettes at or below `path`, sorted.
fn below(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let failed = |error| (path.to_owned(), error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // Links to folders are not followed: they could lead back here.
        if entry.file_type().map_err(failed)?.is_dir() {
            files.extend(below(&path)?);
        } else if is_cassette_name(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_cassette_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The system's words as a fragment: `no such file or directory`.
fn lower(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Counts what goes through it.
struct Counted<R> {
    source: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
