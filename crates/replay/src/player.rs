//! The player: the timeline with the time between its moments, for whoever wants to watch a session as it went.
//!
//! It gives delays and text; sleeping is the caller's. A long pause is shortened, and says so nowhere: the offsets in the
//! text stay true.

use portcullis_recording::{ArchiveError, Entry};

use crate::timeline::Timeline;

/// LIMIT: nobody watches a session that waited over lunch.
const LONGEST_PAUSE: u64 = 5_000_000;

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// No pauses.
    Instant,
    /// This many times as fast as it was; 0 counts as 1.
    Times(u32),
}

/// Plays entries: yields the pause before a text, in microseconds, and the text.
pub struct Player<I> {
    entries: I,
    timeline: Timeline,
    speed: Speed,
    previous: Option<u64>,
    over: bool,
}

impl<I> Player<I> {
    /// A player over the entries of one session.
    pub fn new(entries: I, timeline: Timeline, speed: Speed) -> Self {
        Self { entries, timeline, speed, previous: None, over: false }
    }

    fn pause(&mut self, time: u64) -> u64 {
        let before = self.previous.replace(time).unwrap_or(time);
        match self.speed {
            Speed::Instant => 0,
            Speed::Times(times) => {
                time.saturating_sub(before).checked_div(u64::from(times.max(1))).unwrap_or(0).min(LONGEST_PAUSE)
            }
        }
    }
}

impl<I: Iterator<Item = Result<Entry, ArchiveError>>> Iterator for Player<I> {
    type Item = Result<(u64, String), ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.entries.next() {
                Some(Ok(entry)) => {
                    let text = self.timeline.entry(&entry);
                    if !text.is_empty() {
                        return Some(Ok((self.pause(entry.header.time), text)));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Some(Err(error));
                }
                None => {
                    self.over = true;
                    return Some(self.timeline.finish()).filter(|text| !text.is_empty()).map(|text| Ok((0, text)));
                }
            }
        }
        None
    }
}
