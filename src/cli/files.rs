//! Cassettes as files: where `--out` puts them, and what the recorder may do with them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::CliError;
use crate::conversation::ConnectionId;
use crate::net::record::{Medium, Shelf, Spread};

/// What a cassette's file name ends with.
pub(crate) const EXTENSION: &str = "cassette.jsonl";

/// Whether a file that is there already may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Refused,
    Replaced,
}

/// A folder of cassettes, or one file.
#[derive(Debug)]
pub(crate) struct FileShelf {
    place: Place,
    existing: Existing,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// A folder, and what the names in it begin with.
    Folder(PathBuf, String),
}

impl FileShelf {
    /// The place `out` names: a folder where it is one, ends in a slash, or is to hold one cassette a
    /// connection.
    pub(crate) fn new(out: &Path, spread: Spread, existing: Existing) -> Result<Self, CliError> {
        let is_folder = out.is_dir() || out.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
        if spread == Spread::Split && out.is_file() {
            return Err(CliError::input(format!(
                "expected a folder for `--split`, got the file `{}`",
                out.display()
            )));
        }
        if out.extension().is_some_and(|extension| extension == "zst") {
            return Err(CliError::input(
                "a recording is written uncompressed, so that a crash cannot spoil it",
            )
            .help("record to `NAME.cassette.jsonl` and compress it afterwards: `zstd NAME.cassette.jsonl`"));
        }
        let place = if is_folder || spread == Spread::Split {
            fs::create_dir_all(out).map_err(|error| {
                CliError::environment(format!("cannot make the folder `{}`: {error}", out.display()))
            })?;
            let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
            Place::Folder(out.to_owned(), now.replace(':', "-"))
        } else {
            Place::File(out.to_owned())
        };
        Ok(Self { place, existing })
    }

    fn path(&self, connection: Option<ConnectionId>) -> PathBuf {
        match (&self.place, connection) {
            (Place::File(path), _) => path.clone(),
            (Place::Folder(folder, name), None) => folder.join(format!("{name}.{EXTENSION}")),
            (Place::Folder(folder, name), Some(ConnectionId(number))) => {
                folder.join(format!("{name}-{number:04}.{EXTENSION}"))
            }
        }
    }
}

impl Shelf for FileShelf {
    fn open(&mut self, connection: Option<ConnectionId>) -> io::Result<Box<dyn Medium>> {
        let path = self.path(connection);
        let mut options = OpenOptions::new();
        options.write(true);
        // Pipes and devices are there already, and nothing of theirs is overwritten.
        let special = fs::metadata(&path).is_ok_and(|known| !known.is_file());
        match (special, self.existing) {
            (true, _) => {}
            (false, Existing::Refused) => drop(options.create_new(true)),
            (false, Existing::Replaced) => drop(options.create(true).truncate(true)),
        }
        match options.open(&path) {
            Ok(file) => Ok(Box::new(CassetteFile { file, path })),
            Err(error) => Err(io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))),
        }
    }
}

#[derive(Debug)]
struct CassetteFile {
    file: File,
    path: PathBuf,
}

impl Write for CassetteFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for CassetteFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.file.sync_data() {
            // Pipes and devices have nothing to synchronise.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    fn reread(&mut self) -> io::Result<Option<Box<dyn io::Read>>> {
        if self.file.metadata()?.is_file() { Ok(Some(Box::new(File::open(&self.path)?))) } else { Ok(None) }
    }
}
