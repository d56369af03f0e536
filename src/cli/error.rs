//! What a subcommand can fail with: bad input or a failing environment, each with its exit code.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

use super::Exit;
use crate::report::{self, Glyphs};

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

    /// What happened, and the next step.
    pub(crate) fn words(&self) -> (&str, Option<&str>) {
        (&self.message, self.help.as_deref())
    }

    pub(crate) fn print(&self) {
        say(AnsiColor::Red, "error", &self.message);
        if let Some(help) = &self.help {
            say(AnsiColor::Cyan, "help", help);
        }
    }
}

/// Prints `word: text` on standard error, the word coloured on a terminal. What the text quotes from
/// outside cannot steer that terminal.
fn say(colour: AnsiColor, word: &str, text: &str) {
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let text: Vec<String> = text.lines().map(|line| report::printable(line, Glyphs::Unicode)).collect();
    anstream::eprintln!("{style}{word}:{style:#} {}", text.join("\n"));
}
