//! `portcullis replay`: one recorded session as a readable timeline. Works offline on a data folder.
//!
//! On a terminal it plays at the pace of the session unless told otherwise; into a pipe or a file it does not wait. The
//! text is the same either way, but for colours. It does not check the chain: that is `portcullis verify`.

use std::{env, io::IsTerminal, thread, time::Duration};

use portcullis_replay::{Decoders, Player, Speed, Style, Timeline};

use super::data::{ArchiveFlags, SessionName};
use crate::{failure::Failure, output};

/// Shows a recorded session.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis replay latest --speed 4\n  portcullis replay 3f9a --data-dir portcullis-data --instant"
)]
pub(crate) struct Args {
    /// The session: its id or the beginning of it, or `latest`
    #[arg(value_name = "SESSION", value_parser = SessionName::read)]
    session: SessionName,
    /// Play this many times as fast as it was; long pauses are shortened
    /// [default: 1 on a terminal]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with = "instant")]
    speed: Option<u32>,
    /// Show all of it at once, as is done where the output is no terminal
    #[arg(long)]
    instant: bool,
    #[command(flatten)]
    archive: ArchiveFlags,
}

/// Columns where nothing says how many there are.
const USUAL_WIDTH: usize = 100;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let archive = args.archive.open()?;
    let session = args.session.find(&archive)?;
    if session.sealed {
        output::note(
            "note: the recording is encrypted; name the auditor's key with --identity-file to see what is in it",
        );
    }
    let timeline = Timeline::new(style(), Decoders::default());
    for moment in Player::new(archive.session(session.session), timeline, speed(args)) {
        let (pause, text) = moment.map_err(Failure::refused)?;
        thread::sleep(Duration::from_micros(pause));
        output::line(text.strip_suffix('\n').unwrap_or(&text));
    }
    Ok(())
}

fn speed(args: &Args) -> Speed {
    match args.speed {
        Some(times) => Speed::Times(times),
        None if args.instant || !std::io::stdout().is_terminal() => Speed::Instant,
        None => Speed::Times(1),
    }
}

/// Colours on a terminal, unless <https://no-color.org> is asked for.
fn style() -> Style {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style { colour: std::io::stdout().is_terminal() && !unwanted, width: width() }
}

fn width() -> usize {
    let terminal = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| usize::from(size.ws_col));
    terminal.ok().filter(|columns| *columns >= 40).unwrap_or(USUAL_WIDTH)
}
