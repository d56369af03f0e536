//! What a subcommand can fail with: bad input or a failing environment, each with its exit code.

use std::fmt::Display;

use super::Exit;

/// A failure that ends the command: what, where, expected, got, next step.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
    help: Option<String>,
}

impl CliError {
    /// The user's input cannot be used (exit code 2).
    pub(crate) fn input(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), help: None }
    }

    /// The tool or its environment failed (exit code 4).
    pub(crate) fn environment(message: impl Display) -> Self {
        Self { exit: Exit::Invalid, message: message.to_string(), help: None }
    }

    /// Adds the next step.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    #[expect(clippy::print_stderr, reason = "the command line is where errors are printed")]
    pub(crate) fn print(&self) {
        eprintln!("error: {}", self.message);
        if let Some(help) = &self.help {
            eprintln!("help: {help}");
        }
    }
}
