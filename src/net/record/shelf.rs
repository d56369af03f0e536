//! Where cassettes are put: files in real life, memory in tests. Opened by `cli`, written by the recorder.

use std::io;

use crate::conversation::ConnectionId;

/// Makes the places cassettes are written to.
pub trait Shelf: Send {
    /// A place for a new cassette: of one connection, or of the whole recording where that is `None`.
    fn open(&mut self, connection: Option<ConnectionId>) -> io::Result<Box<dyn Medium>>;
}

/// The place one cassette is written to.
pub trait Medium: io::Write + Send {
    /// What people call it: its path.
    fn name(&self) -> String;

    /// Waits until everything written has reached the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Everything written so far, from its first byte; `None` where it cannot be read back, as in a pipe.
    fn reread(&mut self) -> io::Result<Option<Box<dyn io::Read>>>;
}
