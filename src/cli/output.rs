//! Where results go: the look of standard output, writing to it, and files that are whole or not there.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::{env, fs, process};

use super::error::CliError;
use crate::report::{Colour, Glyphs, Look};

/// How to draw on standard output: for people on a terminal, the same bytes everywhere in a pipe.
pub(crate) fn look_of_stdout() -> Look {
    let stdout = io::stdout();
    let colour = match anstream::AutoStream::choice(&stdout) {
        anstream::ColorChoice::Never => Colour::Never,
        anstream::ColorChoice::Auto | anstream::ColorChoice::AlwaysAnsi | anstream::ColorChoice::Always => {
            Colour::Always
        }
    };
    if !stdout.is_terminal() {
        return Look { colour, ..Look::PLAIN };
    }
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Look { width: width.min(Look::PLAIN.width), colour, glyphs: glyphs() }
}

/// Whether standard error shows colours: on a terminal, unless `NO_COLOR` or the like says otherwise.
pub(crate) fn colour_of_stderr() -> Colour {
    let stderr = io::stderr();
    match anstream::AutoStream::choice(&stderr) {
        anstream::ColorChoice::Never => Colour::Never,
        _ if !stderr.is_terminal() => Colour::Never,
        anstream::ColorChoice::Auto | anstream::ColorChoice::AlwaysAnsi | anstream::ColorChoice::Always => {
            Colour::Always
        }
    }
}

/// Prints a result. A reader that went away (`| head`) is no failure: what it wanted, it got.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::environment(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a file that is either the old one or wholly the new one, whenever the power goes.
pub(crate) fn write_atomically(path: &Path, text: &str) -> Result<(), CliError> {
    let failed =
        |error: io::Error| CliError::environment(format!("cannot write {}: {error}", path.display()));
    let Some(name) = path.file_name() else {
        return Err(CliError::input(format!("expected the name of a file, got `{}`", path.display())));
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", process::id()));
    let temporary = path.with_file_name(hidden);
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    renamed.map_err(|error| {
        // The error matters more than whether the remains could be removed.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// ASCII where the locale says that nothing else can be shown.
fn glyphs() -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|v| !v.is_empty());
    let ascii = locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        !(locale.contains("utf-8") || locale.contains("utf8"))
    });
    if ascii { Glyphs::Ascii } else { Glyphs::Unicode }
}
