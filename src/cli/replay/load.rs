//! A cassette as a script: the file, the pack it names or the user wants, what the user says of its values.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cassette::Header;
use crate::cli::error::CliError;
use crate::cli::inputs::{Inputs, Verify};
use crate::cli::specs;
use crate::pack::{self, Pack};
use crate::replay::{Script, ScriptError, Spot, Wishes};
use crate::report::Unreadable;

/// What the user says of a cassette and its values.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Wished {
    /// The pack that tells messages and ids apart; without it the one the cassette names. `none` learns from
    /// the cassette alone.
    #[arg(long, value_name = "PACK")]
    pub(crate) pack: Option<String>,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) specs: Option<PathBuf>,
    /// Values that are no ids, however they look: a JSON Pointer or the name of a field; may be repeated.
    #[arg(long, value_name = "POINTER|NAME")]
    pub(crate) fixed: Vec<Spot>,
}

/// Reads the cassette at `path`.
pub(crate) fn load(path: &Path, wished: &Wished) -> Result<Arc<Script>, CliError> {
    let name = path.display().to_string();
    let inputs = Inputs::find(std::slice::from_ref(&path.to_owned()), Verify::Small);
    if let Some(unreadable) = inputs.unreadable.first() {
        return Err(cannot_read(unreadable));
    }
    let [input] = inputs.inputs.as_slice() else {
        return Err(CliError::input(format!("expected one cassette, got the folder `{name}`"))
            .help("`tilltape replay` plays one cassette at a time"));
    };
    let input = input.clone();
    let cassette = inputs.open(&input).map_err(|unreadable| cannot_read(&unreadable))?;
    let pack = pack_of(cassette.header(), &input.name(), wished)?;
    let wishes = Wishes { fixed: wished.fixed.clone() };
    match Script::read(cassette, &input.name(), pack, &wishes) {
        Ok(script) => Ok(Arc::new(script)),
        Err(ScriptError::Cassette(error)) => {
            Err(cannot_read(&crate::cli::inputs::unreadable(input.name(), &error)))
        }
        Err(error @ (ScriptError::Empty { .. } | ScriptError::TooLong { .. })) => Err(CliError::input(error)),
    }
}

/// The pack the user wants, where there is no cassette yet that could name one.
pub(crate) fn pack_named(wished: &Wished) -> Result<Option<Arc<Pack>>, CliError> {
    pack_of(&Header::default(), "", wished)
}

/// The pack the user wants, else the one the cassette names.
fn pack_of(header: &Header, cassette: &str, wished: &Wished) -> Result<Option<Arc<Pack>>, CliError> {
    let name = match (&wished.pack, &header.pack) {
        (Some(name), _) if name == "none" => return Ok(None),
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => return Ok(None),
    };
    let sources = specs::sources(wished.specs.as_deref())?;
    let known: Vec<&str> = sources.packs().collect();
    if !known.contains(&name.as_str()) {
        let asked = if wished.pack.is_some() { String::new() } else { format!("{cassette}: ") };
        let near = pack::suggestion(name, known.iter().copied());
        let near = near.map(|near| format!("{near} ")).unwrap_or_default();
        return Err(CliError::input(format!("{asked}expected the name of a pack, got `{name}`")).help(
            format!(
                "{near}known packs: {}; `--pack none` learns ids from the cassette alone",
                known.join(", ")
            ),
        ));
    }
    pack::load(&sources, name).map(|pack| Some(Arc::new(pack))).map_err(CliError::input)
}

fn cannot_read(unreadable: &Unreadable) -> CliError {
    CliError::input(format!("{}: {}", unreadable.place(), unreadable.message))
}
