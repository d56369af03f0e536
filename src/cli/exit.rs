//! The exit codes of the program, as documented constants.

use std::process::ExitCode;

/// Shown at the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  conformant, or the command did what it was asked
  1  non-conformant
  2  usage, or input that cannot be read
  3  undecided
  4  the tool or its environment failed: the run proves nothing";

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: conformant, or the command did what it was asked.
    Success = 0,
    /// 1: non-conformant, a mismatch in replay, a change in diff.
    NonConformant = 1,
    /// 2: usage, unreadable input, empty plan.
    Usage = 2,
    /// 3: undecided or incomplete.
    Undecided = 3,
    /// 4: invalid run: the tool or its environment failed.
    Invalid = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
