//! `--record-mode once` without a cassette, and `all`: the live terminal answers, and what was said becomes
//! the cassette once it is whole.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::load::{load, pack_named};
use super::modes::Modes;
use super::options::Common;
use super::play::Tls;
use super::watch::{Welcome, exit, print};
use crate::cassette::Header;
use crate::cli::Exit;
use crate::cli::endpoint::{self, chain};
use crate::cli::error::CliError;
use crate::cli::files::{Existing, FileShelf};
use crate::conversation::{EndReason, Party};
use crate::mask::Policy;
use crate::net::record::{Limits, Plan, Proxy, RecordError, Spread, Summary, Upstream, until_quiet};
use crate::net::replay::{Judge, Judged};
use crate::net::stop_requested;
use crate::net::tls::Trust;
use crate::replay::{Shortfall, Verdict, rehearse};

/// What is to be recorded, and where.
pub(super) struct Recording<'a> {
    pub(super) cassette: &'a Path,
    pub(super) listen: &'a str,
    pub(super) port_file: Option<&'a Path>,
    pub(super) upstream: Upstream,
    pub(super) trust: Trust,
}

/// Records a cassette between the POS under test and the live terminal, and says what came of it.
pub(super) fn record(
    recording: Recording<'_>,
    common: &Common,
    tls: &Tls,
    modes: &Modes,
) -> Result<Exit, CliError> {
    let Recording { cassette, listen, port_file, upstream, trust } = recording;
    let name = cassette.display().to_string();
    if cassette.is_dir() {
        return Err(CliError::input(format!("expected a file to record to, got the folder `{name}`")));
    }
    let pack = pack_named(&common.wished)?;
    if common.check && pack.is_none() {
        return Err(CliError::input("expected a pack to judge by: the recording names none")
            .help("say `--pack NAME`, or leave `--check` out"));
    }
    let (secure, address) = endpoint::listen_address(listen)?;
    let beside = beside(cassette)?;
    let shelf = FileShelf::new(&beside, Spread::Together, Existing::Replaced)?;
    let mut plan = Plan::new(address.clone(), upstream);
    plan.identity = endpoint::identity(secure, &address, tls.cert.as_deref(), tls.key.as_deref())?;
    plan.trust = trust;
    plan.policy = pack.as_ref().map_or_else(Policy::standard, |pack| pack.masking());
    plan.header = Header {
        pack: pack.as_ref().map(|pack| pack.name.clone()),
        vantage: Some("proxy".into()),
        ..Header::default()
    };
    plan.limits = Limits {
        handshake_time: common.handshake_timeout,
        message_kept: common.max_message.0,
        ..Limits::default()
    };
    let stop = stop_requested(|| std::process::exit(Exit::Invalid as i32))
        .map_err(|error| CliError::environment(format!("cannot listen for signals: {error}")))?;
    let (observer, quiet) = until_quiet(modes.quiet, modes.patience_human);
    let proxy = Proxy::bind(plan, Box::new(shelf), Some(observer)).map_err(failed)?;
    let port_file = port_file.map(Path::to_owned);
    let role = Party::Terminal;
    let welcome = Welcome { role, secure, cassette: name.clone(), size: (0, 0), live: true, port_file };
    let said = welcome.say(proxy.address());
    let summary = said.and_then(|()| {
        let over = async move {
            tokio::select! {
                () = stop => EndReason::Stopped,
                () = quiet => EndReason::Finished,
            }
        };
        proxy.run(over).map_err(failed)
    });
    let kept = summary.and_then(|summary| keep(&beside, cassette, &summary).map(|kept| (summary, kept)));
    // What is left of a recording that is not kept helps nobody.
    let _ = fs::remove_file(&beside);
    let (summary, kept) = kept?;
    if !kept {
        let why = match summary.reason {
            EndReason::Stopped => Shortfall::Stopped,
            _ => Shortfall::Nobody(modes.patience_human),
        };
        let verdict = Verdict::of_recording(Err(why), &name, role);
        print(&verdict, common.format)?;
        return Ok(exit(&verdict.outcome, None));
    }
    let script = load(cassette, &common.wished)?;
    let mut verdict = Verdict::of_recording(Ok(&script), &name, role);
    let mut judged: Option<Judged> = None;
    if let Some(pack) = common.judging_pack(&script)? {
        let (conformance, word) = Judge::new(pack, Party::Pos).script(&script);
        verdict.conformance = Some(conformance);
        judged = Some(word);
    }
    print(&verdict, common.format)?;
    if let Some(clear) = summary.totals.clear.filter(|clear| *clear > 0) {
        return Err(CliError::environment(format!("{clear} values stand in clear in `{name}`"))
            .help("do not pass it on"));
    }
    if let Err(error) = rehearse(&script, |_| {}) {
        return Err(CliError::environment(format!("`{name}` cannot be played as it is: {error}"))
            .help("`tilltape replay self` says more; please report it"));
    }
    Ok(exit(&verdict.outcome, judged))
}

/// Where a cassette is written before it takes its place: hidden, in the same folder.
fn beside(cassette: &Path) -> Result<PathBuf, CliError> {
    let Some(name) = cassette.file_name() else {
        let what = format!("expected the name of a file, got `{}`", cassette.display());
        return Err(CliError::input(what));
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    Ok(cassette.with_file_name(hidden))
}

/// Puts a recording in its place, if anybody came and all of it was kept.
fn keep(beside: &Path, cassette: &Path, summary: &Summary) -> Result<bool, CliError> {
    if summary.totals.connections + summary.totals.refused == 0 {
        return Ok(false);
    }
    let name = cassette.display();
    if !summary.is_complete() {
        let why = summary.trouble.as_deref().unwrap_or("the disk could not keep up");
        return Err(CliError::environment(format!("`{name}` is not written, something is missing: {why}")));
    }
    let moved = fs::rename(beside, cassette);
    moved.map(|()| true).map_err(|error| CliError::environment(format!("cannot write `{name}`: {error}")))
}

fn failed(error: RecordError) -> CliError {
    CliError::environment(chain(&error))
}
