//! `tilltape pack export`: a pack's messages in a form that other tools read.

use std::path::PathBuf;

use clap::ValueEnum;

use super::error::CliError;
use super::{Exit, output, specs};
use crate::conversation::Party;
use crate::pack;

/// Writes the messages of a pack in a form that other tools read.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pack.
    #[arg(value_name = "PACK")]
    pack: String,
    /// As an AsyncAPI 3.0 document, in JSON.
    #[arg(long, required = true)]
    asyncapi: bool,
    /// The party the document describes: it sends what that party sends.
    #[arg(long, value_enum, value_name = "PARTY", default_value = "terminal")]
    application: Application,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Application {
    Pos,
    Terminal,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let sources = specs::sources(arguments.specs.as_deref())?;
    let pack = pack::load(&sources, &arguments.pack).map_err(CliError::input)?;
    let application = match arguments.application {
        Application::Pos => Party::Pos,
        Application::Terminal => Party::Terminal,
    };
    let document = pack::asyncapi(&pack, application).map_err(CliError::input)?;
    output::print(&document)?;
    Ok(Exit::Success)
}
