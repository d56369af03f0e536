//! `tilltape show`: a cassette as a transcript, or as the bare messages.
//!
//! stdout is the transcript and reads back as one: what is said about the file stands in comments. With
//! `--raw` stdout holds messages only, and the rest goes to stderr. Card data that a cassette holds in clear
//! is masked on its way out.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};

use super::{Exit, error::CliError, output, replay, specs};
use crate::cassette::{CassetteError, Ending, Header, Reader};
use crate::conversation::transcript::{Aliases, Detail, Transcript, Volatile};
use crate::conversation::{ConnectionId, ConversationEvent, EventKind, Message, Party, Payload, redacted};
use crate::mask::{Masker, Policy};
use crate::net::entropy;
use crate::pack;
use crate::text::json::{self, Cursor, JsonError, Kind};

/// Prints a cassette as a transcript.
///
/// One line an event, with the time since the event before. Values that differ from run to run stand as
/// aliases (`[flow-1]`): the same value always has the same alias. Lines that start with `#` are about the
/// file.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The cassette, plain or compressed with zstd; `-` reads standard input.
    cassette: PathBuf,
    /// Only the messages that hold this id, and how their connections ended.
    #[arg(long, value_name = "ID")]
    flow: Option<String>,
    /// The exact messages, one a line: text as it was sent; binary, and text with control characters such as
    /// line breaks, as `0x` and hexadecimal digits. Only card data in clear is masked.
    #[arg(long)]
    raw: bool,
    /// The values themselves instead of aliases.
    #[arg(long, conflicts_with = "raw")]
    no_alias: bool,
    /// Everything: microseconds, addresses, header lines, checksums; no aliases.
    #[arg(long, conflicts_with = "raw")]
    exact: bool,
    /// Instead of the transcript: which values are ids that a replay may renew, where each is born and where it
    /// reappears.
    #[arg(long, conflicts_with_all = ["raw", "exact", "no_alias", "flow"])]
    lineage: bool,
    /// The pack that says which values differ from run to run; else the one the cassette names.
    #[arg(long, value_name = "PACK")]
    pack: Option<String>,
    /// A folder of packs, before those in the program.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    if arguments.lineage {
        return show_lineage(&arguments);
    }
    let name = arguments.cassette.display().to_string();
    let source: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&arguments.cassette).map_err(|error| {
            CliError::input(format!("cannot open {name}: {error}"))
                .help("`tilltape show` takes one cassette file, or `-` for standard input")
        })?)
    };
    let name = if name == "-" { "standard input".to_owned() } else { name };
    let reader = Reader::open(source, &name).map_err(unreadable)?;
    let flow = arguments.flow.clone().map(|id| Flow { id, connections: Vec::new() });
    let masker = Masker::new(Policy::standard(), random_key()?);
    let shown = if arguments.raw {
        show_raw(reader, &masker, flow)
    } else {
        let detail = if arguments.exact { Detail::Exact } else { Detail::Brief };
        let volatile = match arguments.no_alias || arguments.exact {
            true => Vec::new(),
            false => volatile(&arguments, reader.header())?,
        };
        show(reader, &name, &masker, flow, Transcript::new(detail, Aliases::new(volatile)))
    };
    match shown {
        Ok(()) => Ok(Exit::Success),
        // Who closes the pipe (`| head`) has seen enough.
        Err(ShowError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(ShowError::Output(error)) => {
            Err(CliError::environment(format!("cannot write to stdout: {error}")))
        }
        Err(ShowError::Cassette(error)) => Err(unreadable(error)),
        Err(ShowError::NoSuchFlow(id)) => {
            Err(CliError::input(format!("no message of {name} holds the id `{id}`"))
                .help("`tilltape show --no-alias` prints the ids as they stand in the messages"))
        }
    }
}

fn show_lineage(arguments: &Arguments) -> Result<Exit, CliError> {
    let (pack, specs) = (arguments.pack.clone(), arguments.specs.clone());
    let script = replay::load(&arguments.cassette, &replay::Wished { pack, specs, fixed: Vec::new() })?;
    let masker = Masker::new(Policy::standard(), random_key()?);
    let by = match script.pack() {
        Some(pack) => format!("pack {} {}", pack.name, pack.version),
        None => "no pack: learned from the cassette alone".to_owned(),
    };
    let title = format!("# {}: ids, {by}\n\n", arguments.cassette.display());
    output::print(&(title + &script.lineage_in_words(&masker)))?;
    Ok(Exit::Success)
}

fn show(
    mut reader: Reader<Box<dyn Read>>,
    name: &str,
    masker: &Masker,
    mut flow: Option<Flow>,
    mut transcript: Transcript,
) -> Result<(), ShowError> {
    let stdout = io::stdout();
    let choice = anstream::AutoStream::choice(&stdout);
    let colour = choice != anstream::ColorChoice::Never;
    let mut out = BufWriter::new(anstream::AutoStream::new(stdout.lock(), choice));
    let mut line = String::new();
    describe(name, reader.header(), &mut line);
    write_line(&mut out, &line, colour.then(dimmed))?;
    while let Some(event) = reader.next_event() {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                out.flush()?;
                return Err(error.into());
            }
        };
        if flow.as_mut().is_none_or(|flow| flow.takes(&event)) {
            line.clear();
            redacted(&event, masker, |event| transcript.event(event, &mut line));
            write_line(&mut out, &line, colour.then(|| style(&event.kind)).flatten())?;
        }
    }
    if let Some(said) = reader.ending().and_then(ending_in_words) {
        write_line(&mut out, &format!("# {said}\n"), colour.then(warning))?;
    }
    out.flush()?;
    found(flow)
}

fn show_raw(
    mut reader: Reader<Box<dyn Read>>,
    masker: &Masker,
    mut flow: Option<Flow>,
) -> Result<(), ShowError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut omitted = 0_u64;
    while let Some(event) = reader.next_event() {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                out.flush()?;
                return Err(error.into());
            }
        };
        if flow.as_mut().is_none_or(|flow| flow.takes(&event)) {
            omitted += redacted(&event, masker, |event| raw(&mut out, event))?;
        }
    }
    out.flush()?;
    if omitted > 0 {
        say(&format!("{omitted} messages were too large to be kept; `show` without `--raw` has their sizes"));
    }
    if let Some(said) = reader.ending().and_then(ending_in_words) {
        say(said.as_str());
    }
    found(flow)
}

/// Prints a message; returns how many there were that cannot be printed.
fn raw(out: &mut impl Write, event: &ConversationEvent<'_>) -> io::Result<u64> {
    let EventKind::Message(message) = &event.kind else { return Ok(0) };
    match &message.payload {
        Payload::Json(text) => writeln!(out, "{text}")?,
        Payload::Text(text) if !text.contains(|c: char| c.is_control() && c != '\t') => {
            writeln!(out, "{text}")?
        }
        Payload::Text(text) => hexadecimal(out, text.as_bytes())?,
        Payload::Binary(bytes) => hexadecimal(out, bytes)?,
        Payload::Omitted { .. } => return Ok(1),
    }
    Ok(0)
}

/// The messages that hold an id, and how the connections that carried them ended.
struct Flow {
    id: String,
    connections: Vec<ConnectionId>,
}

impl Flow {
    fn takes(&mut self, event: &ConversationEvent<'_>) -> bool {
        match &event.kind {
            EventKind::Message(message) => {
                let hit = self.is_in(message);
                if let Some(connection) = event.connection.filter(|id| hit && !self.connections.contains(id))
                {
                    self.connections.push(connection);
                }
                hit
            }
            EventKind::Close(_) | EventKind::Drop(_) | EventKind::Undecodable(_) | EventKind::Gap(_) => {
                event.connection.map_or(!self.connections.is_empty(), |id| self.connections.contains(&id))
            }
            EventKind::End(_) => !self.connections.is_empty(),
            EventKind::Open(_)
            | EventKind::Refused(_)
            | EventKind::Ping(_)
            | EventKind::Pong(_)
            | EventKind::Note(_)
            | EventKind::Clock(_) => false,
        }
    }

    fn is_in(&self, message: &Message<'_>) -> bool {
        let text: &str = match &message.payload {
            Payload::Json(text) => text,
            Payload::Text(text) => text,
            Payload::Binary(_) | Payload::Omitted { .. } => return false,
        };
        holds(&mut Cursor::new(text), &self.id).unwrap_or_else(|_| text.contains(&self.id))
    }
}

/// Whether some string or number of a JSON text says `id`.
fn holds(cursor: &mut Cursor<'_>, id: &str) -> Result<bool, JsonError> {
    let mut hit = false;
    match cursor.kind()? {
        Kind::Object => cursor.object(|_, cursor| holds(cursor, id).map(|found| hit |= found))?,
        Kind::Array => cursor.array(|_, cursor| holds(cursor, id).map(|found| hit |= found))?,
        Kind::String | Kind::Number => {
            let token = cursor.value()?;
            hit = token == id || json::string(token).is_some_and(|text| text == id);
        }
        Kind::True | Kind::False | Kind::Null => cursor.skip()?,
    }
    Ok(hit)
}

#[derive(Debug)]
enum ShowError {
    Output(io::Error),
    Cassette(CassetteError),
    NoSuchFlow(String),
}

impl From<io::Error> for ShowError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<CassetteError> for ShowError {
    fn from(error: CassetteError) -> Self {
        Self::Cassette(error)
    }
}

fn unreadable(error: CassetteError) -> CliError {
    let environment = matches!(error, CassetteError::Io { .. });
    let cli = if environment { CliError::environment(&error) } else { CliError::input(&error) };
    match error.help() {
        Some(help) => cli.help(help),
        None => cli,
    }
}

fn found(flow: Option<Flow>) -> Result<(), ShowError> {
    match flow {
        Some(flow) if flow.connections.is_empty() => Err(ShowError::NoSuchFlow(flow.id)),
        Some(_) | None => Ok(()),
    }
}

/// The header as comments.
fn describe(name: &str, header: &Header, out: &mut String) {
    let mut about = vec![format!("# {name}: cassette, format 1")];
    about.extend(header.tool.as_ref().map(|tool| format!("made by {tool}")));
    about.extend(header.recorded_at.as_ref().map(|at| format!("recorded {at}")));
    about.extend(header.vantage.as_ref().map(|vantage| format!("vantage {vantage}")));
    about.extend(header.pack.as_ref().map(|pack| format!("pack {pack}")));
    about.push(match &header.masking {
        Some(policy) => format!("masking {policy}"),
        None => "not masked".to_owned(),
    });
    out.push_str(&about.join(", "));
    out.push('\n');
    for (party, facts) in &header.subject {
        let facts: Vec<_> = facts.iter().map(|(key, value)| format!("{key} {value}")).collect();
        out.push_str(&format!("# {party}: {}\n", facts.join(", ")));
    }
    for (key, value) in &header.labels {
        out.push_str(&format!("# {key}: {value}\n"));
    }
}

fn ending_in_words(ending: Ending) -> Option<String> {
    match ending {
        Ending::Finished { edited: false } | Ending::Unverified => None,
        Ending::Finished { edited: true } => {
            Some("edited after recording: the sha256 of its end line is missing or does not fit".to_owned())
        }
        Ending::Cut { after, partial_bytes: 0 } => {
            Some(format!("cut after event {after}: there is no end line; the recorder was stopped by force"))
        }
        Ending::Cut { after, partial_bytes } => Some(format!(
            "cut after event {after}: {partial_bytes} bytes of a line that was never finished hang over"
        )),
    }
}

fn hexadecimal(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write!(out, "0x")?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
    writeln!(out)
}

fn write_line(out: &mut impl Write, line: &str, style: Option<Style>) -> io::Result<()> {
    let Some(style) = style else { return out.write_all(line.as_bytes()) };
    // Only what stands before a payload is coloured: messages are long, and have colours of their own to come.
    let text = line.trim_end_matches('\n');
    let head = if text.starts_with('#') { text.len() } else { head_length(text) };
    writeln!(out, "{style}{}{style:#}{}", &text[..head], &text[head..])
}

/// The length of the first word, and of a connection's number before it.
fn head_length(text: &str) -> usize {
    let start = if text.starts_with('[') { text.find(' ').map_or(0, |space| space + 1) } else { 0 };
    text[start..].find(' ').map_or(text.len(), |space| start + space)
}

fn style(kind: &EventKind<'_>) -> Option<Style> {
    let from = match kind {
        EventKind::Message(message) => message.from,
        EventKind::Ping(control) | EventKind::Pong(control) => control.from,
        EventKind::Undecodable(_) | EventKind::Gap(_) | EventKind::Drop(_) | EventKind::Refused(_) => {
            return Some(warning());
        }
        EventKind::Open(_) | EventKind::Close(_) | EventKind::End(_) => return Some(Style::new().bold()),
        EventKind::Note(_) | EventKind::Clock(_) => return Some(dimmed()),
    };
    Some(match from {
        Party::Pos => AnsiColor::Cyan.on_default(),
        Party::Terminal => AnsiColor::Green.on_default(),
        Party::Gateway => AnsiColor::Magenta.on_default(),
    })
}

fn dimmed() -> Style {
    Style::new().dimmed()
}

fn warning() -> Style {
    AnsiColor::Red.on_default().bold()
}

#[expect(clippy::print_stderr, reason = "what is said about a file must not mix with its messages")]
fn say(text: &str) {
    eprintln!("note: {text}");
}

/// Where values differ from run to run: as the pack says, or by names that many protocols share.
fn volatile(arguments: &Arguments, header: &Header) -> Result<Vec<Volatile>, CliError> {
    let sources = specs::sources(arguments.specs.as_deref())?;
    let places = match (&arguments.pack, &header.pack) {
        (Some(name), _) => pack::load(&sources, name).map_err(CliError::input)?.volatile,
        // A cassette can name a pack that is not here, and is shown all the same.
        (None, Some(name)) => pack::load(&sources, name).map(|pack| pack.volatile).unwrap_or_default(),
        (None, None) => Vec::new(),
    };
    Ok(Volatile::places(places.iter().map(String::as_str)))
}

/// A key that nobody knows: replacements of two runs cannot be compared, nor undone by trying card numbers.
pub(super) fn random_key() -> Result<[u8; 32], CliError> {
    entropy::key().map_err(CliError::environment)
}
